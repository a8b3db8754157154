"""Loops: `for i in range(...)`, `for folio in list.scan(...)` and `for here in lruvec.upwards()`.

Variables that the body assigns become parameters of the header; those assigned on a path to `break`
become parameters of the block behind the loop. The number of rounds is computed before the loop, as
a value of its own, so that neither termination nor cost has to be guessed from the body.

``range`` in steps of more than one counts rounds and derives the author's variable from the count:
``i + step`` could wrap past the end, a count of rounds cannot. One by one, upward or downward, the variable
meets the end itself, and that it has not met it yet is what the test at the loop's head says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reclaim.abi.kinds import Param
from reclaim.abi.limits import MAX_DEPTH
from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.call_arguments import match_parameters
from reclaim.lang.coercion import common_numbers, number, unwrapped
from reclaim.lang.declared import Member
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    S64,
    U64,
    Binary,
    BinaryOp,
    Block,
    Compare,
    CompareOp,
    Convert,
    HandleType,
    IsNone,
    LoadField,
    LoopKind,
    ScanFirst,
    ScanNext,
    Type,
    Unwrap,
    Value,
    Wrap,
)
from reclaim.lang.loop_scan import breaks, names_assigned
from reclaim.lang.lower_access import resolve
from reclaim.lang.lower_assignments import check_assignable
from reclaim.lang.lower_statements import meet
from reclaim.lang.lowering import Absent, Literal, LoopTargets, Operand, Poisoned, Unassigned
from reclaim.lang.places import ListPlace, StatePlace, own_lruvec

if TYPE_CHECKING:
    from collections.abc import Callable

    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Binding, Lowering
    from reclaim.lang.ssa import OpenLoop

MAX_LOOP_DEPTH = 20
"""Loops inside of each other, those of called functions included. CPython's own limit for nested blocks, so that
a call is not counted otherwise than the loop that it stands for; policies nest three."""

_FOLIO = HandleType("Folio")
_MAYBE_FOLIO = HandleType("Folio", nullable=True)

SCAN_PARAMS = (
    Param("limit", "u64", "Most folios to look at.", keyword=True),
    Param("from_head", "bool", "Start at the young end.", default=0, keyword=True),
)
"""Arguments of ``list.scan(...)``."""


def lower_for(low: Lowering, node: nodes.For) -> None:
    """Lower a loop of either form."""
    if low.nr_loops_around >= MAX_LOOP_DEPTH:
        message = f"loops nest more than {MAX_LOOP_DEPTH} deep"
        low.findings.stop("nested-too-deeply", message, node.target.span, label="too deep")
    if not isinstance(node.target, nodes.Name):
        message = "a loop binds one plain name"
        low.findings.stop("invalid-loop", message, node.target.span, label="not a name")
    _check_target(low, node.target)
    match node.iterable:
        case nodes.Call(function=nodes.Name(id="range")) as call:
            _lower_range(low, node, node.target, call)
        case nodes.Call(function=nodes.Attribute(name="scan") as function) as call:
            _lower_scan(low, node, node.target, function, call)
        case nodes.Call(function=nodes.Attribute(name="upwards") as function) as call:
            _lower_upwards(low, node, node.target, function, call)
        case other:
            _not_iterable(low, other)


def _check_target(low: Lowering, target: nodes.Name) -> None:
    if target.id in low.frame.loop_variables or isinstance(
        low.frame.variables.get(target.id), Value | Absent | Poisoned
    ):
        message = f"`{target.id}` is already a variable here"
        help_ = (Help("give the loop a name of its own"),)
        low.findings.stop(
            "loop-variable-reused", message, target.span, label="bound again by this loop", help=help_
        )
    check_assignable(low, target)


def _length(low: Lowering, node: nodes.Expression) -> int | None:
    """Return how many elements a whole array of state or of lists has, None for all else."""
    if not isinstance(node, nodes.Name | nodes.Attribute):
        return None
    match resolve(low, node):
        case StatePlace(member=Member(dims=(length, *_)), given=0):
            return length
        case ListPlace(decl=decl, indices=()) if decl.dims:
            return decl.dims[0]
        case _:
            return None


def _not_iterable(low: Lowering, node: nodes.Expression) -> None:
    help_: tuple[Help, ...] = ()
    text = low.written(node.span)
    length = _length(low, node)
    if length is not None:
        help_ = (Help(f"write `range({length})`, and `{text}[i]` inside"),)
        message = f"a loop goes over indices, not over the array `{low.quote(node.span)}`"
        low.findings.stop("invalid-loop", message, node.span, label="cannot be looped over", help=help_)
    try:
        operand = low.expression(node)
    except Stop:
        return
    if isinstance(operand, Value) and operand.type == HandleType("List"):
        help_ = (Help(f"write `{text}.scan(limit=32)`", Edit(node.span, f"{text}.scan(limit=32)")),)
    elif isinstance(operand, Literal) or (isinstance(operand, Value) and operand.type in (U64, S64)):
        help_ = (Help(f"write `range({text})`", Edit(node.span, f"range({text})")),)
    low.findings.stop(
        "invalid-loop",
        f"a loop goes over `range(...)`, `list.scan(limit=...)` or `lruvec.upwards()`, not over `{low.quote(node.span)}`",
        node.span,
        label="cannot be looped over",
        help=help_,
    )


# ---- for i in range(...)


@dataclass(frozen=True, slots=True)
class _Range:
    """A range with its number of rounds."""

    start: Value
    stop: Value
    step: int
    rounds: Value


def _lower_range(low: Lowering, node: nodes.For, target: nodes.Name, call: nodes.Call) -> None:
    bounds = _range_bounds(low, call)
    builder = low.builder
    by_one, is_downward = abs(bounds.step) == 1, bounds.step == -1
    first = bounds.start if by_one else builder.const(0, U64, call.span)
    counter = builder.value(first.type, target.id if by_one else None, target.span)
    around = _open(low, node, LoopKind.RANGE, ((first, counter),), bounds.rounds)
    limit = bounds.stop if by_one else bounds.rounds
    goes_on = builder.make(
        Compare,
        BOOL,
        call.span,
        op=CompareOp.GT if is_downward else CompareOp.LT,
        signed=limit.type == S64,
        left=counter,
        right=limit,
    )
    body = builder.block()
    builder.branch_with(goes_on, (body, ()), (around.after, around.leaving), call.span)
    builder.go_to(body)
    variable = counter if by_one else _at_round(low, bounds, counter, target)
    _lower_body(low, node, target, variable, around)
    one = builder.const(1, counter.type, call.span)
    following = builder.make(
        Binary,
        counter.type,
        call.span,
        op=BinaryOp.SUB if is_downward else BinaryOp.ADD,
        signed=counter.type == S64,
        left=counter,
        right=one,
    )
    _close(low, node, around, (following,))


def _range_bounds(low: Lowering, call: nodes.Call) -> _Range:
    for argument in call.arguments:
        if argument.name is not None:
            message = "`range` takes its arguments by position"
            low.findings.stop("unknown-keyword", message, argument.name_span, label="no such argument")
    parts = [a.value for a in call.arguments]
    if not 1 <= len(parts) <= 3:
        message = f"`range` takes 1 to 3 arguments, but {len(parts)} are given"
        low.findings.stop("wrong-argument-count", message, call.span, label=f"{len(parts)} given")
    operands = [low.expression(p) for p in parts]
    step = _step(low, operands[2], parts[2].span) if len(parts) == 3 else 1
    start: Operand = operands[0] if len(parts) > 1 else Literal(0, call.span)
    stop = operands[1] if len(parts) > 1 else operands[0]
    spans = (parts[0].span, parts[1].span if len(parts) > 1 else parts[0].span)
    first, last = common_numbers(low, start, stop, spans)
    if isinstance(start, Literal) and isinstance(stop, Literal):
        rounds = low.builder.const(_constant_rounds(start.value, stop.value, step), U64, call.span)
    else:
        rounds = _rounds(low, (first, last), isinstance(start, Literal), step, call.span)
    return _Range(first, last, step, rounds)


def _step(low: Lowering, operand: Operand, span: Span) -> int:
    if not isinstance(operand, Literal):
        low.findings.stop(
            "constant-expected", "the step of `range` must be constant", span, label="not constant"
        )
    if operand.value == 0:
        low.findings.stop(
            "constant-out-of-range", "the step of `range` cannot be 0", span, label="must not be 0"
        )
    return operand.value


def _constant_rounds(start: int, stop: int, step: int) -> int:
    """Return the number of rounds between constants."""
    distance = stop - start if step > 0 else start - stop
    return max(-(-distance // abs(step)), 0)


def _rounds(low: Lowering, ends: tuple[Value, Value], fixed_start: bool, step: int, span: Span) -> Value:
    """Compute the exact number of rounds, as u64.

    The distance of two numbers of one sign, the smaller taken from the larger, is exact modulo
    2**64. It is written such that a range analysis without relations between variables bounds it
    well: by a constant start, or by the end itself where there is no sign.
    """
    low_end, high_end = ends if step > 0 else (ends[1], ends[0])
    signed = low_end.type == S64

    def op(kind: BinaryOp, left: Value, right: Value, of: Type = low_end.type) -> Value:
        return low.builder.make(
            Binary,
            of,
            span,
            op=kind,
            signed=of == S64 and kind not in (BinaryOp.DIV, BinaryOp.MOD),
            left=left,
            right=right,
        )

    if fixed_start and step > 0:
        distance = op(BinaryOp.SUB, op(BinaryOp.MAX, high_end, low_end), low_end)
    else:
        distance = op(BinaryOp.SUB, high_end, op(BinaryOp.MIN, low_end, high_end))
        if not signed:
            distance = op(BinaryOp.MIN, distance, high_end)
    if signed:
        distance = low.builder.make(Convert, U64, span, operand=distance, implicit=False)
    if abs(step) == 1:
        return distance
    length = low.builder.const(abs(step), U64, span)
    one = low.builder.const(1, U64, span)
    whole = op(BinaryOp.DIV, distance, length, U64)
    rest = op(BinaryOp.MIN, op(BinaryOp.MOD, distance, length, U64), one, U64)
    return op(BinaryOp.ADD, whole, rest, U64)


def _at_round(low: Lowering, bounds: _Range, counter: Value, target: nodes.Name) -> Value:
    """Compute the author's variable from the number of the round."""
    span, of, builder = target.span, bounds.start.type, low.builder
    signed = of == S64
    count = builder.make(Convert, S64, span, operand=counter, implicit=False) if signed else counter
    length = builder.const(abs(bounds.step), of, span)
    way = builder.make(Binary, of, span, op=BinaryOp.MUL, signed=signed, left=count, right=length)
    op = BinaryOp.ADD if bounds.step > 0 else BinaryOp.SUB
    value = builder.make(Binary, of, span, op=op, signed=signed, left=bounds.start, right=way)
    return builder.rename(value, target.id)


# ---- for folio in list.scan(...)


def _lower_scan(
    low: Lowering, node: nodes.For, target: nodes.Name, function: nodes.Attribute, call: nodes.Call
) -> None:
    builder, span = low.builder, call.span
    listed = unwrapped(low, low.expression(function.base), function.base.span)
    if not isinstance(listed, Value) or listed.type != HandleType("List"):
        message = f"`.scan(...)` belongs to lists, and `{low.quote(function.base.span)}` is none"
        low.findings.stop("unknown-field", message, function.name_span, label="not a list")
    limit, from_head = _scan_arguments(low, call)
    lruvec = own_lruvec(low)
    first = builder.make(ScanFirst, _MAYBE_FOLIO, span, lruvec=lruvec, list=listed, from_head=from_head)

    def following(folio: Value) -> Value:
        return builder.make(ScanNext, _MAYBE_FOLIO, span, folio=folio, from_head=from_head)

    _lower_walk(low, node, target, _Walk(LoopKind.SCAN, span, first, limit, following))


def _scan_arguments(low: Lowering, call: nodes.Call) -> tuple[Value, bool]:
    given = match_parameters(call, "scan", SCAN_PARAMS, low.findings)
    limit_node, from_head = given["limit"], given["from_head"]
    assert limit_node is not None
    operand = unwrapped(low, low.expression(limit_node), limit_node.span)
    limit = number(low, operand, limit_node.span, signed=False)
    if from_head is None:
        return limit, False
    if not isinstance(from_head, nodes.Truth):
        message = "`from_head=` is `True` or `False`"
        low.findings.stop("constant-expected", message, from_head.span, label="must be written out")
    return limit, from_head.value


# ---- for here in lruvec.upwards()


def _lower_upwards(
    low: Lowering, node: nodes.For, target: nodes.Name, function: nodes.Attribute, call: nodes.Call
) -> None:
    """Lower the way from an object of the tree of memcgs to the root; the round's own parent is read first."""
    builder, span = low.builder, call.span
    start = unwrapped(low, low.expression(function.base), function.base.span)
    if not isinstance(start, Value) or start.type not in (HandleType("Lruvec"), HandleType("Memcg")):
        message = (
            f"`.upwards()` belongs to lruvecs and memcgs, and `{low.quote(function.base.span)}` is neither"
        )
        low.findings.stop("unknown-field", message, function.name_span, label="no tree to climb")
    match_parameters(call, "upwards", (), low.findings)
    maybe = HandleType(start.type.name, nullable=True)
    first = builder.make(Wrap, maybe, span, operand=start)
    limit = builder.const(MAX_DEPTH, U64, span)

    def following(here: Value) -> Value:
        return builder.make(LoadField, maybe, span, handle=here, field="parent")

    _lower_walk(low, node, target, _Walk(LoopKind.RANGE, span, first, limit, following))


# ---- from one object to the next, until there is none


@dataclass(frozen=True, slots=True)
class _Walk:
    """Say where a walk begins, how many rounds it takes at most, and how a round finds the object of the next."""

    kind: LoopKind
    span: Span
    first: Value
    limit: Value
    following: Callable[[Value], Value]


def _lower_walk(low: Lowering, node: nodes.For, target: nodes.Name, walk: _Walk) -> None:
    """Lower a loop over objects; what comes next is read before the body, which may change it."""
    builder, span, maybe = low.builder, walk.span, walk.first.type
    assert isinstance(maybe, HandleType)
    zero = builder.const(0, U64, span)
    current = builder.value(maybe, None, target.span)
    seen = builder.value(U64, None, span)
    # A scan's header has the object first, that of a loop that counts the count.
    way = 1 if walk.kind is LoopKind.SCAN else -1
    around = _open(low, node, walk.kind, ((walk.first, current), (zero, seen))[::way], walk.limit)
    goes_on = builder.make(Compare, BOOL, span, op=CompareOp.LT, signed=False, left=seen, right=walk.limit)
    there, body = builder.block(), builder.block()
    builder.branch_with(goes_on, (there, ()), (around.after, around.leaving), span)
    builder.go_to(there)
    at_end = builder.make(IsNone, BOOL, span, operand=current)
    builder.branch_with(at_end, (around.after, around.leaving), (body, ()), span)
    builder.go_to(body)
    found = builder.make(Unwrap, HandleType(maybe.name), target.span, operand=current)
    here = builder.rename(found, target.id)
    following = walk.following(here)
    _lower_body(low, node, target, here, around)
    one = builder.const(1, U64, span)
    count = builder.make(Binary, U64, span, op=BinaryOp.ADD, signed=False, left=seen, right=one)
    _close(low, node, around, (following, count)[::way])


# ---- what all forms share


@dataclass(frozen=True, slots=True)
class _Round:
    """A loop under construction.

    Args:
        loop: its header and blocks.
        names: variables that go round, with their header parameters `params`.
        after: the block behind the loop; has parameters only where a `break` may bring other values.
    """

    loop: OpenLoop
    names: tuple[str, ...]
    params: tuple[Value, ...]
    after: Block

    @property
    def leaving(self) -> tuple[Value, ...]:
        """Return what the header passes to the block behind the loop."""
        return self.params if self.after.params else ()


def _open(
    low: Lowering,
    node: nodes.For,
    kind: LoopKind,
    own: tuple[tuple[Value, Value], ...],
    bound: Value,
) -> _Round:
    """Make the header, with the loop's own (first value, parameter) and one for each variable that goes round."""
    builder, variables, types = low.builder, low.frame.variables, low.frame.types
    assigned = _assigned(low, node)
    names = tuple(n for n in variables if n in assigned and isinstance(variables[n], Value))
    has_break = breaks(node.body)
    after = builder.block(tuple(builder.value(types[n], n, node.span) for n in names if has_break))
    params = tuple(builder.value(types[n], n, node.span) for n in names)
    start = (*(first for first, _ in own), *(_value(variables[n]) for n in names))
    before = builder.current
    loop = builder.open_loop(kind, (*(p for _, p in own), *params), bound, node.iterable.span)
    builder.go_to(before)
    builder.jump(loop.header, node.span, start)
    builder.go_to(loop.header)
    variables.update(zip(names, params, strict=True))
    return _Round(loop, names, params, after)


def _assigned(low: Lowering, node: nodes.For) -> frozenset[str]:
    """Return the variables that a body assigns; those of the loops around cannot be, which is reported there."""
    return names_assigned(node.body) - low.frame.loop_variables.keys()


def _value(binding: Binding) -> Value:
    """Return a variable's value; a wrong one was reported where it was assigned."""
    if not isinstance(binding, Value):
        raise Stop
    return binding


def _lower_body(low: Lowering, node: nodes.For, target: nodes.Name, variable: Value, around: _Round) -> None:
    """Lower the body; afterwards the current block is where the next round is prepared."""
    frame, builder = low.frame, low.builder
    names = around.names if around.after.params else ()
    targets = LoopTargets(around.after, names, [])
    low.nr_loops_around += 1
    frame.loops.append(targets)
    outside, type_outside = dict(frame.variables), frame.types.get(target.id)
    frame.variables[target.id] = variable
    frame.types[target.id] = variable.type
    frame.loop_variables[target.id] = target.span
    low.statements(node.body)
    ends = list(targets.again)
    if builder.live:
        ends.append((builder.current, frame.variables))
    frame.loops.pop()
    low.nr_loops_around -= 1
    del frame.loop_variables[target.id]
    del frame.types[target.id]
    if type_outside is not None:
        frame.types[target.id] = type_outside
    frame.ended_loops[target.id] = target.span
    if ends:
        meet(low, ends, node.span)
    else:
        builder.go_to(builder.block())
        frame.variables = outside
    frame.variables.pop(target.id, None)


def _close(low: Lowering, node: nodes.For, around: _Round, own: tuple[Value, ...]) -> None:
    """Jump back to the header and go on behind the loop."""
    builder, frame = low.builder, low.frame
    end = frame.variables
    header = dict(zip(around.names, around.params, strict=True))
    values = [bound if isinstance(bound := end.get(n), Value) else header[n] for n in around.names]
    builder.jump(around.loop.header, node.span, (*own, *values))
    builder.close_loop()
    builder.go_to(around.after)
    leaving = dict(zip(around.names, around.after.params or around.params, strict=True))
    assigned = _assigned(low, node)
    behind: dict[str, Binding] = {}
    for name, binding in end.items():
        if name in leaving and not isinstance(binding, Poisoned):
            behind[name] = leaving[name]
        elif isinstance(binding, Value) and name in assigned:
            behind[name] = Unassigned(binding.span, "assigned inside of the loop only")
        else:
            behind[name] = binding
    frame.variables = behind


def lower_break(low: Lowering, node: nodes.Break) -> None:
    """Lower `break`."""
    targets = _innermost(low, node.span, "break")
    values = tuple(_value(low.frame.variables[name]) for name in targets.after_variables)
    low.builder.jump(targets.after, node.span, values)


def lower_continue(low: Lowering, node: nodes.Continue) -> None:
    """Lower `continue`: the block stays open until the round's ends meet."""
    targets = _innermost(low, node.span, "continue")
    targets.again.append((low.builder.current, low.frame.variables))
    low.frame.variables = dict(low.frame.variables)
    low.builder.leave()


def _innermost(low: Lowering, span: Span, word: str) -> LoopTargets:
    if not low.frame.loops:
        low.findings.stop(
            "outside-loop", f"`{word}` stands outside of a loop", span, label="no loop around this"
        )
    return low.frame.loops[-1]
