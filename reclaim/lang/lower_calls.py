"""Calls: methods and functions of the core, answers, membership tests.

Which helper may be called in which hook, and whether arguments lie in their ranges, is the
verifier's business; here arguments are matched with parameters and given their types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reclaim.abi.helpers import HELPERS, helper
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.kinds import INT_KINDS
from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.call_arguments import match_parameters
from reclaim.lang.coercion import coerce, narrowed, number, unwrapped
from reclaim.lang.fallbacks import without_default
from reclaim.lang.findings import Stop
from reclaim.lang.ir import BOOL, UNIT, AnswerType, Call, Construct, HandleType, IntType, Type, Value
from reclaim.lang.lower_access import resolve, visible_names
from reclaim.lang.lower_arithmetic import lower_function
from reclaim.lang.lowering import Absent, Literal, Operand
from reclaim.lang.meant import function_meant
from reclaim.lang.places import ListPlace, MapPlace, load, map_value
from reclaim.lang.policy_names import DECLARATORS, INTEGER_FUNCTIONS
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.type_rules import ANSWER_CALLS, ANSWER_CONSTANTS, LIST_ANSWERS, is_nullable, type_of

if TYPE_CHECKING:
    from reclaim.abi.kinds import Constructor, Helper, Param
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering


def lower_call(low: Lowering, node: nodes.Call) -> Operand | None:
    """Lower a call of anything but the author's own functions; None where it has no value."""
    match node.function:
        case nodes.Name(id=name) as function:
            return _call_name(low, name, function, node)
        case nodes.Attribute() as function:
            return _call_method(low, function, node)
        case _:
            shown = low.quote(node.function.span)
            low.findings.stop(
                "not-callable", f"`{shown}` cannot be called", node.function.span, label="no function"
            )


def _call_name(low: Lowering, name: str, function: nodes.Name, node: nodes.Call) -> Operand | None:
    if name in INTEGER_FUNCTIONS and name not in low.frame.variables:
        return lower_function(low, name, node)
    entry = helper(name)
    if entry is not None:
        return _call_helper(low, entry, None, node)
    if name in ANSWER_CALLS:
        return _construct(low, ANSWER_CALLS[name], None, node)
    _no_such_function(low, name, function, node)


def _no_such_function(low: Lowering, name: str, function: nodes.Name, node: nodes.Call) -> NoReturn:
    if name in low.declared.broken:
        raise Stop
    if name in INT_KINDS:
        text = f"truncate({low.written(node.arguments[0].span) if node.arguments else 'x'}, {name})"
        help_ = (
            Help(
                f"write `{text}` to cut bits off, or `saturate(...)` to stop at the ends",
                Edit(node.span, text),
            ),
        )
        message = f"`{name}(...)` could mean two things"
        low.findings.stop(
            "unclear-conversion", message, function.span, label="cut off, or stop at the end?", help=help_
        )
    if name == "fail":
        message = "`fail(...)` stands on a line of its own"
        low.findings.stop("misplaced-call", message, function.span, label="not inside of an expression")
    if name == "range":
        message = "`range(...)` stands behind `for ... in` only"
        low.findings.stop("misplaced-call", message, function.span, label="not inside of an expression")
    if name in DECLARATORS:
        message = f"`{name}(...)` declares something and stands at the top level"
        low.findings.stop("misplaced-call", message, function.span, label="not inside of a function")
    if name in low.declared.hooks:
        message = f"`{name}` is a hook: the core calls it, not the policy"
        help_ = (Help("put what both need into a function without `@hook`"),)
        low.findings.stop("not-callable", message, function.span, label="a hook", help=help_)
    if name in low.frame.variables or name in low.declared.spans:
        low.findings.stop("not-callable", f"`{name}` is not a function", function.span, label="no function")
    _unknown_function(low, name, function, node)


def _unknown_function(low: Lowering, name: str, function: nodes.Name, node: nodes.Call) -> NoReturn:
    if name in ANSWER_CONSTANTS:
        help_ = (Help(f"write `{name}`", Edit(node.span, name)),)
        low.findings.stop(
            "not-callable", f"`{name}` is written without brackets", node.span, label="no call", help=help_
        )
    methods = sorted({str(h.method_of) for h in HELPERS if h.name == name and h.method_of})
    if methods:
        message = f"`{name}` is a method of {listing(methods)}"
        low.findings.stop("unknown-name", message, function.span, label="not a function by itself")
    written = [low.written(argument.span) for argument in node.arguments]
    low.findings.stop(
        "unknown-name",
        f"no function is called `{name}`",
        function.span,
        label="unknown name",
        help=function_meant(name, node, written, low.declared)
        or did_you_mean(name, visible_names(low), function.span),
    )


# ---- methods


def _call_method(low: Lowering, function: nodes.Attribute, node: nodes.Call) -> Operand | None:
    place = resolve(low, function.base)
    if isinstance(place, MapPlace):
        entry = helper(function.name, place.decl.kind.name)
        if entry is None:
            _no_such_method(low, function, f"map `{place.decl.name}`", place.decl.kind.name)
        return _call_helper(low, entry, map_value(low, place, function.base.span), node, place)
    span = function.base.span
    receiver = unwrapped(low, load(low, place, span), span)
    if not isinstance(receiver, Value) or not isinstance(receiver.type, HandleType):
        message = f"`{low.quote(span)}` has no methods"
        low.findings.stop("unknown-field", message, function.name_span, label="no such method")
    type_name = receiver.type.name
    if type_name in MAP_KINDS:
        message = "a method of a map is called on its name"
        low.findings.stop("not-a-value", message, span, label="not the name of a map")
    if type_name == "List" and function.name in LIST_ANSWERS:
        return _construct_on_list(low, LIST_ANSWERS[function.name], receiver, node)
    if type_name == "List" and function.name == "scan":
        message = f"`.{function.name}(...)` stands behind `for ... in` only"
        low.findings.stop("misplaced-call", message, node.span, label="not inside of an expression")
    entry = helper(function.name, type_name)
    if entry is None and _is_field(type_name, function.name):
        _written_without_brackets(low, function, node)
    if entry is None:
        _no_such_method(low, function, "a list" if type_name == "List" else type_name, type_name)
    return _call_helper(low, entry, receiver, node)


def _construct_on_list(low: Lowering, constructor: Constructor, receiver: Value, node: nodes.Call) -> Value:
    if constructor.params:
        return _construct(low, constructor, receiver, node)
    assert isinstance(node.function, nodes.Attribute)
    _written_without_brackets(low, node.function, node)


def _is_field(type_name: str, name: str) -> bool:
    if type_name == "List":
        return name in LIST_FIELDS
    return type_name in KERNEL_TYPES and KERNEL_TYPES[type_name].field(name) is not None


def _written_without_brackets(low: Lowering, function: nodes.Attribute, node: nodes.Call) -> NoReturn:
    text = low.written(function.span)
    low.findings.stop(
        "not-callable",
        f"`.{function.name}` is written without brackets",
        node.span,
        label="no call",
        help=(Help(f"write `{text}`", Edit(node.span, text)),),
    )


_TAIL_OF_PYTHON = frozenset(("appendleft", "insert", "push", "add_head", "push_front"))
_PUTS = (
    frozenset(("append", "add", "extend", "add_tail", "push_back", "rotate", "move_to_end")) | _TAIL_OF_PYTHON
)
_TAKES = frozenset(("pop", "popleft", "get", "peek", "evict", "remove", "popitem"))
"""What people call on a list of folios elsewhere: a hook says where a folio goes, and from where batches come."""


def _instead_of_python(low: Lowering, function: nodes.Attribute, type_name: str) -> tuple[Help, ...]:
    name = low.written(function.base.span)
    if type_name == "List" and function.name in _PUTS:
        return (
            Help(
                f"a folio is put by a hook's answer, as in `return {name}.head`, or by `folio.move({name}.head)`"
            ),
        )
    if type_name == "List" and function.name in _TAKES:
        return (Help(f"folios are taken by `next_batch`, as in `return {name}.batch(32)`"),)
    if type_name in MAP_KINDS:
        known = [h.name for h in HELPERS if h.method_of == type_name]
        for word in _SAME.get(function.name, ()):
            if word in known:
                return (Help(f"did you mean `{word}`?", Edit(function.name_span, word)),)
    return ()


_SAME = {
    "set": ("put", "add"),
    "insert": ("put", "add"),
    "update": ("put", "add"),
    "add": ("put",),
    "lookup": ("get",),
    "find": ("get",),
    "contains": ("has",),
    "has": ("contains",),
    "delete": ("remove", "discard"),
    "erase": ("remove", "discard"),
    "pop": ("remove", "discard"),
    "remove": ("discard",),
    "discard": ("remove",),
    "len": ("size",),
}
"""Methods of maps by the names that they have elsewhere."""


def _no_such_method(low: Lowering, function: nodes.Attribute, owner: str, type_name: str) -> NoReturn:
    known = [h.name for h in HELPERS if h.method_of == type_name]
    if type_name == "List":
        known += [*(c.name for c in LIST_ANSWERS.values() if c.params), "scan"]
    low.findings.stop(
        "unknown-field",
        f"{owner} has no method `{function.name}`",
        function.name_span,
        label="no such method",
        notes=(f"methods are {listing(known, 20)}",) if known else (),
        help=_instead_of_python(low, function, type_name)
        or did_you_mean(function.name, known, function.name_span),
    )


# ---- helpers and answers


def _call_helper(
    low: Lowering, entry: Helper, receiver: Value | None, node: nodes.Call, place: MapPlace | None = None
) -> Operand | None:
    if not entry.effects.pure:
        low.forbid_in_assert(node.span, f"calls `{entry.name}`")
    surplus = without_default(low, node) if entry.name == "get" and is_nullable(type_of(entry.result)) else ()
    given = match_parameters(node, entry.name, entry.params, low.findings, surplus)
    operands = low.arguments(node)
    args = [] if receiver is None else [receiver]
    args += [_implicit(low, name) for name in entry.implicit]
    for param in entry.params:
        argument = given[param.name]
        if argument is None:
            args.append(_left_out(low, param, node.span))
        else:
            args.append(coerce(low, operands[id(argument)], type_of(param.type), argument.span))
    decl = place.decl if place is not None else None
    result = type_of(entry.result)
    fields = {"helper": entry, "args": tuple(args), "map_decl": decl}
    if result == UNIT:
        low.builder.emit(Call, None, node.span, **fields)
        return None
    return low.builder.make(Call, result, node.span, **fields)


def _implicit(low: Lowering, name: str) -> Value:
    """Return the hook's parameter that a helper is given without the author writing it."""
    value = low.hook_value(name)
    assert value is not None, "the hook has every parameter that its helpers are given unwritten"
    return value


def _left_out(low: Lowering, param: Param, span: Span) -> Value:
    """Return the value of an argument that the author left out."""
    of = type_of(param.type)
    if of == BOOL:
        assert param.default is not None
        return low.builder.const(param.default, BOOL, span)
    return coerce(low, _default(param, span), of, span)


def _default(param: Param, span: Span) -> Operand:
    assert param.default is not None
    return Absent(span) if is_nullable(type_of(param.type)) else Literal(param.default, span)


def _construct(low: Lowering, constructor: Constructor, receiver: Value | None, node: nodes.Call) -> Value:
    given = match_parameters(node, constructor.name, constructor.params, low.findings)
    operands = low.arguments(node)
    args = []
    for param in constructor.params:
        argument = given[param.name]
        span = node.span if argument is None else argument.span
        operand = _default(param, span) if argument is None else operands[id(argument)]
        args.append(_fitted(low, operand, param, constructor, span))
    of = AnswerType(frozenset(constructor.answers))
    return low.builder.make(
        Construct, of, node.span, constructor=constructor, list=receiver, args=tuple(args)
    )


def _fitted(low: Lowering, operand: Operand, param: Param, constructor: Constructor, span: Span) -> Value:
    want: Type = type_of(param.type)
    if not isinstance(want, IntType) or param.min is None or param.max is None:
        return coerce(low, operand, want, span)
    what = f"`{param.name}` of `{constructor.name}`"
    if isinstance(operand, Literal) and not param.min <= operand.value <= param.max:
        low.findings.stop(
            "constant-out-of-range",
            f"{what} is {operand.value}, but must be {param.min} to {param.max}",
            span,
            label=f"must be {param.min} to {param.max}",
        )
    value = number(low, operand, span, want.signed)
    return narrowed(low, value, param.min, param.max, span, what)


# ---- membership


def lower_contains(low: Lowering, left: tuple[Operand, Span], node: nodes.Expression, span: Span) -> Value:
    """Lower ``key in set``."""
    place = resolve(low, node)
    entry = helper("contains", place.decl.kind.name) if isinstance(place, MapPlace) else None
    if entry is None or not isinstance(place, MapPlace):
        help_: tuple[Help, ...] = ()
        if isinstance(place, MapPlace) and helper("get", place.decl.kind.name):
            help_ = (Help(f"write `{low.written(node.span)}.get({low.written(left[1])}) is not None`"),)
        if isinstance(place, ListPlace):
            sign = "!=" if " not in " in low.written(left[1].to(node.span)) else "=="
            text = f"{low.written(left[1])}.list {sign} {low.written(node.span)}"
            help_ = (Help(f"write `{text}`", Edit(left[1].to(node.span), text)),)
        message = f"`in` asks a set or a Bloom filter, which `{low.quote(node.span)}` is not"
        low.findings.stop("invalid-comparison", message, node.span, label="not a set", help=help_)
    low.forbid_in_assert(span, "asks a map")
    key = number(low, left[0], left[1], signed=False)
    receiver = map_value(low, place, node.span)
    return low.builder.make(Call, BOOL, span, helper=entry, args=(receiver, key), map_decl=place.decl)
