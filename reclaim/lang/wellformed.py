"""Whether a hook's IR keeps the promises of `ir.py`: the tests of the front end ask this of every hook.

Checked are: numbering and order of blocks, one definition per value, definitions that dominate their
uses, arguments of jumps against parameters, types of operands and results, and the record of loops.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.lang.coercion import suits
from reclaim.lang.ir import (
    BOOL,
    S64,
    U64,
    UNIT,
    Assert,
    Binary,
    Block,
    Branch,
    Call,
    Compare,
    CompareOp,
    Const,
    Construct,
    Convert,
    HandleType,
    HookIR,
    Instruction,
    IntType,
    IsNone,
    Jump,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    Loop,
    LoopKind,
    MapRef,
    Narrow,
    Not,
    Op,
    Return,
    ScanFirst,
    ScanNext,
    StoreField,
    StoreState,
    Truncate,
    Type,
    Unwrap,
    Value,
    Wrap,
)
from reclaim.lang.ssa import successors
from reclaim.lang.type_rules import int_type, is_nullable, plain, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_HIDDEN = frozenset({"span", "inlined_at", "result"})
_LIST = HandleType("List")
_LRUVEC = HandleType("Lruvec")
_FOLIO = HandleType("Folio")


def check_hook(hook: HookIR) -> list[str]:
    """Return everything that is wrong with a hook's IR, nothing if it is well-formed."""
    return [*_check_blocks(hook), *_check_uses(hook), *_check_types(hook), *_check_loops(hook)]


def operands(op: Instruction) -> Iterator[Value]:
    """Yield the values that an instruction uses, in order."""
    for field in dataclasses.fields(op):
        if field.name not in _HIDDEN:
            yield from _values(getattr(op, field.name))


def _values(operand: object) -> Iterator[Value]:
    if isinstance(operand, Value):
        yield operand
    elif isinstance(operand, tuple):
        for item in operand:
            yield from _values(item)


def _check_blocks(hook: HookIR) -> Iterator[str]:
    if [b.id for b in hook.blocks] != list(range(len(hook.blocks))):
        yield "blocks are not numbered in order"
    if hook.blocks[0].params != hook.params:
        yield "the entry does not have the hook's parameters"
    known = set(map(id, hook.blocks))
    for block in hook.blocks:
        if block.terminator is None:
            yield f"{block!r} has no end"
        for target in successors(block):
            if id(target) not in known:
                yield f"{block!r} goes to a block that is not listed"
            if target is hook.blocks[0]:
                yield f"{block!r} goes to the entry"
        for op in block.ops:
            if isinstance(op, LoadTunable) and block.id != 0:
                yield f"{block!r} loads a tunable outside of the entry"
        yield from _check_arguments(block)


def _check_arguments(block: Block) -> Iterator[str]:
    edges: list[tuple[Block, tuple[Value, ...]]] = []
    match block.terminator:
        case Jump(target=target, args=args):
            edges.append((target, args))
        case Branch() as branch:
            edges += [(branch.then, branch.then_args), (branch.other, branch.other_args)]
            if branch.condition.type != BOOL:
                yield f"{block!r} branches on {branch.condition.type}"
    for target, args in edges:
        if len(args) != len(target.params):
            yield f"{block!r} passes {len(args)} arguments to {target!r}, which has {len(target.params)}"
        for arg, param in zip(args, target.params, strict=False):
            if not suits(arg.type, param.type):
                yield f"{block!r} passes {arg.type} for {param.type} to {target!r}"


def dominators(hook: HookIR) -> list[set[int]]:
    """Return for each block the numbers of the blocks that every path to it goes through."""
    everything = set(range(len(hook.blocks)))
    before: dict[int, list[int]] = {b.id: [] for b in hook.blocks}
    for block in hook.blocks:
        for target in successors(block):
            before[target.id].append(block.id)
    result = [{0}] + [set(everything) for _ in hook.blocks[1:]]
    changed = True
    while changed:
        changed = False
        for number in range(1, len(hook.blocks)):
            new = set.intersection(*(result[p] for p in before[number])) | {number}
            changed |= new != result[number]
            result[number] = new
    return result


def _check_uses(hook: HookIR) -> Iterator[str]:
    home: dict[int, tuple[int, int]] = {}
    for block in hook.blocks:
        made = [(p, -1) for p in block.params]
        made += [(op.result, i) for i, op in enumerate(block.ops) if op.result is not None]
        for value, index in made:
            if value.id in home:
                yield f"{value!r} is made twice"
            home[value.id] = (block.id, index)
    dominated = dominators(hook)
    for block in hook.blocks:
        uses = [(v, i) for i, op in enumerate(block.ops) for v in operands(op)]
        uses += [(v, len(block.ops)) for v in _terminator_uses(block)]
        for value, index in uses:
            place = home.get(value.id)
            if place is None:
                yield f"{value!r} is used in {block!r} and made nowhere"
            elif place[0] == block.id:
                if place[1] >= index:
                    yield f"{value!r} is used in {block!r} before it is made"
            elif place[0] not in dominated[block.id]:
                yield f"{value!r} of b{place[0]} does not dominate its use in {block!r}"


def _terminator_uses(block: Block) -> tuple[Value, ...]:
    match block.terminator:
        case Jump(args=args):
            return args
        case Branch(condition=condition, then_args=then_args, other_args=other_args):
            return (condition, *then_args, *other_args)
        case Return(value=value) if value is not None:
            return (value,)
        case _:
            return ()


def _check_types(hook: HookIR) -> Iterator[str]:
    for block in hook.blocks:
        for op in block.ops:
            if not _well_typed(op):
                shown = ", ".join(str(v.type) for v in operands(op))
                yield f"{type(op).__name__} in {block!r} takes ({shown}) and makes {op.result and op.result.type}"
        if isinstance(block.terminator, Return):
            value = block.terminator.value
            wanted = type_of(hook.hook.result)
            if (wanted == UNIT) != (value is None) or (value is not None and not suits(value.type, wanted)):
                yield f"{block!r} returns {value and value.type} where {wanted} is wanted"


def _well_typed(op: Op) -> bool:
    result = op.result.type if op.result is not None else None
    match op:
        case Const():
            return result is not None
        case Binary(left=left, right=right):
            return left.type == right.type == result and isinstance(result, IntType)
        case Compare(left=left, right=right, op=kind):
            ordered = isinstance(left.type, IntType) or kind in (CompareOp.EQ, CompareOp.NE)
            return left.type == right.type and result == BOOL and ordered
        case Convert(operand=operand):
            return isinstance(result, IntType) and operand.type != result
        case Truncate(operand=operand, kind=kind):
            return isinstance(operand.type, IntType) and result == int_type(kind.signed)
        case Not(operand=operand):
            return operand.type == result == BOOL
        case IsNone(operand=operand):
            return is_nullable(operand.type) and result == BOOL
        case Wrap(operand=operand):
            return result is not None and not is_nullable(operand.type) and suits(operand.type, plain(result))
        case Unwrap(operand=operand):
            return is_nullable(operand.type) and result == plain(operand.type)
        case Narrow(operand=operand):
            return operand.type == result and isinstance(result, IntType)
        case Assert(condition=condition):
            return condition.type == BOOL and result is None
        case _:
            return _well_typed_access(op, result)


def _well_typed_access(op: Op, result: Type | None) -> bool:
    match op:
        case LoadField(handle=handle, field=name):
            return _field_type(handle, name) == result
        case StoreField(handle=handle, field=name, value=value):
            return _field_type(handle, name) == value.type and result is None
        case LoadState(state=state, indices=indices):
            of = BOOL if state.is_bool else int_type(state.kind.signed)
            return result == of and len(indices) == len(state.dims) and _are_indices(indices)
        case StoreState(state=state, indices=indices, value=value):
            of = BOOL if state.is_bool else int_type(state.kind.signed)
            return value.type == of and len(indices) == len(state.dims) and _are_indices(indices)
        case LoadTunable(tunable=tunable):
            return result == (BOOL if tunable.is_bool else int_type(tunable.kind.signed))
        case ListRef(decl=decl, indices=indices):
            return result == _LIST and len(indices) == len(decl.dims) and _are_indices(indices)
        case ListSize(lruvec=lruvec, list=listed):
            return (lruvec.type, listed.type, result) == (_LRUVEC, _LIST, U64)
        case MapRef(decl=decl, index=index):
            return result == HandleType(decl.kind.name) and (index is not None) == decl.is_array
        case ScanFirst(lruvec=lruvec, list=listed):
            return (lruvec.type, listed.type, result) == (_LRUVEC, _LIST, HandleType("Folio", nullable=True))
        case ScanNext(folio=folio):
            return (folio.type, result) == (_FOLIO, HandleType("Folio", nullable=True))
        case Construct(constructor=constructor, args=args):
            wanted = [type_of(p.type) for p in constructor.params]
            return _all_suit(args, wanted) and (op.list is not None) == (constructor.method_of == "List")
        case Call(helper=helper, args=args):
            return _call_is_typed(op, args, result) and helper is not None
        case _:
            return False


def _call_is_typed(op: Call, args: tuple[Value, ...], result: Type | None) -> bool:
    helper = op.helper
    wanted: list[Type] = [] if helper.method_of is None else [type_of(helper.method_of)]
    wanted += [_LRUVEC for _ in helper.implicit]
    wanted += [type_of(p.type) for p in helper.params]
    return _all_suit(args, wanted) and (result or UNIT) == type_of(helper.result)


def _all_suit(args: tuple[Value, ...], wanted: list[Type]) -> bool:
    return len(args) == len(wanted) and all(suits(a.type, w) for a, w in zip(args, wanted, strict=True))


def _are_indices(indices: tuple[Value, ...]) -> bool:
    return all(index.type == U64 for index in indices)


def _field_type(handle: Value, name: str) -> Type | None:
    if not isinstance(handle.type, HandleType) or handle.type.nullable:
        return None
    field = KERNEL_TYPES[handle.type.name].field(name)
    return type_of(field.type) if field is not None else None


def _check_loops(hook: HookIR) -> Iterator[str]:
    dominated = dominators(hook)
    headers = {loop.header.id for loop in hook.loops}
    home = {p.id: b.id for b in hook.blocks for p in b.params}
    home |= {op.result.id: b.id for b in hook.blocks for op in b.ops if op.result is not None}
    for block in hook.blocks:
        for target in successors(block):
            if target.id in dominated[block.id] and target.id not in headers:
                yield f"the loop at {target!r} is not recorded"
            if target.id <= block.id and target.id not in dominated[block.id]:
                yield f"{block!r} goes back to {target!r} without being inside of its loop"
    seen: list[Loop] = []
    for loop in hook.loops:
        yield from _check_loop(loop, seen, dominated, home)
        seen.append(loop)


def _check_loop(
    loop: Loop, seen: list[Loop], dominated: list[set[int]], home: dict[int, int]
) -> Iterator[str]:
    header = loop.header
    if header.id not in loop.body or any(header.id not in dominated[b] for b in loop.body):
        yield f"the body of the loop at {header!r} is not under its header"
    if loop.parent is not None and (loop.parent not in seen or not loop.body <= loop.parent.body):
        yield f"the loop at {header!r} does not lie in its parent"
    if (
        loop.bound.type != U64
        or home[loop.bound.id] == header.id
        or home[loop.bound.id] not in dominated[header.id]
    ):
        yield f"the bound of the loop at {header!r} is not known before it"
    first = [p.type for p in header.params[:2]]
    if loop.kind is LoopKind.SCAN and first != [HandleType("Folio", nullable=True), U64]:
        yield f"the scan at {header!r} lacks its folio and count"
    if loop.kind is LoopKind.RANGE and first[:1] not in ([U64], [S64]):
        yield f"the range at {header!r} lacks its counter"
