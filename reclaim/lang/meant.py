"""What authors mean by names and calls of other languages: functions, members, macros."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.limits import STANDARD_LISTS
from reclaim.diag.diagnostic import Edit, Help, Span
from reclaim.lang import nodes
from reclaim.lang.kernel_words import CALLS_OF_KERNEL, call_of_kernel, name_of_kernel
from reclaim.lang.policy_names import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.lang.declared import Declared

_CLOCKS = (
    *("time", "clock", "monotonic", "perf_counter", "jiffies", "get_time", "time_ns"),
    *("ktime_get", "ktime_get_ns", "bpf_ktime_get_ns", "sched_clock"),
)
_PRINTERS = ("print", "printk", "pr_info", "bpf_printk", "trace_printk", "log")
_HASHES = ("hash", "hash_64", "jhash")
_OVER_MANY = {
    "sum": "add up in a `for` loop: `total += ...`",
    "any": "look in a `for` loop that sets a flag and breaks",
    "all": "look in a `for` loop that sets a flag and breaks",
    "sorted": "look for the smallest in a `for` loop; `list.lowest(n, of=m)` sorts folios by `score_folio`",
    "reversed": "count down: `range(n - 1, -1, -1)`",
    "enumerate": "use `for i in range(n):` with the index alone",
    "zip": "use `for i in range(n):` with the index alone",
}
_MAP_CALLS = {
    "bpf_map_lookup_elem": "get(key)",
    "bpf_map_update_elem": "put(key, value)",
    "bpf_map_delete_elem": "remove(key)",
}
_MOST_EMITTED = 2
"""Numbers of an event."""

CALLS_REPLACED = frozenset((*_CLOCKS, *_PRINTERS, *_OVER_MANY, *_MAP_CALLS)) | CALLS_OF_KERNEL
"""Functions of elsewhere for which `function_meant` says what to write instead, arguments included."""

_ELSEWHERE = {
    "self": "a policy is no class: state is reached as `lruvec.x` or `folio.x`",
    "time": "write `now()`, virtual time in nanoseconds",
    "math": "write `ilog2(x)`, `isqrt(x)`, `min(a, b)` or `max(a, b)`, without a module",
    "ctx": "what the hook is asked about are its parameters",
}


def function_meant(
    name: str, node: nodes.Call, arguments: Sequence[str], declared: Declared
) -> tuple[Help, ...]:
    """Return what a call of a function of elsewhere is here.

    Args:
        name: the function.
        node: the call.
        arguments: texts of its arguments.
        declared: what the policy declares.
    """
    written = arguments[0] if arguments else ""
    of_kernel = call_of_kernel(name, arguments)
    if of_kernel is not None:
        advice, text = of_kernel
        return (Help(advice, None if text is None else Edit(node.span, text)),)
    if name in _CLOCKS:
        return (Help("write `now()`, virtual time in nanoseconds", Edit(node.function.span, "now")),)
    if name in _PRINTERS:
        return (_emitted(node, arguments),)
    if name in _HASHES:
        said = "write `(x * 0x9E3779B97F4A7C15) >> 48`, 16 well mixed bits of x"
        term = written if re.fullmatch(r"[\w.]+", written) else f"({written})"
        mixed = Edit(node.span, f"(({term} * 0x9E3779B97F4A7C15) >> 48)") if len(arguments) == 1 else None
        return (Help(said, mixed),)
    if name in _OVER_MANY:
        return (Help(_OVER_MANY[name]),)
    if name in _MAP_CALLS:
        return (Help(f"write `{(written or 'name').lstrip('&')}.{_MAP_CALLS[name]}`"),)
    if name == "abs":
        return (Help("write `max(x, -x)` for a signed x; others are never negative"),)
    if name == "int":
        return (Help("write `u64(x)`"),)
    if name == "len" and node.arguments:
        return _length(node, written, declared)
    return ()


def _emitted(node: nodes.Call, arguments: Sequence[str]) -> Help:
    """Offer an event with the numbers that would be printed."""
    said = "an event in a trace that is being recorded"
    values = [argument.value for argument in node.arguments]
    is_numbers = all(isinstance(value, nodes.Name | nodes.Attribute | nodes.Number) for value in values)
    if not 1 <= len(values) <= _MOST_EMITTED or not is_numbers:
        return Help(f"write `emit(1, a, b)`, {said}")
    text = f"emit(1, {', '.join(arguments)})"
    return Help(f"write `{text}`, {said}", Edit(node.span, text))


def _length(node: nodes.Call, written: str, declared: Declared) -> tuple[Help, ...]:
    """Say how long lists, maps and arrays are."""
    base = node.arguments[0].value
    while isinstance(base, nodes.Subscript):
        base = base.base
    name = base.id if isinstance(base, nodes.Name) else ""
    if name in declared.lists or name in STANDARD_LISTS:
        text = f"{written}.nr_pages"
        return (Help(f"write `{text}`, the pages on it", Edit(node.span, text)),)
    if name in declared.maps:
        kind = declared.maps[name].kind.name
        if any(h.method_of == kind and h.name == "size" for h in HELPERS):
            text = f"{written}.size()"
            return (Help(f"write `{text}`", Edit(node.span, text)),)
    return (Help("an array is as long as it was declared: name that number, and use it in both places"),)


def name_meant(name: str, span: Span, lines: Sequence[str]) -> tuple[Help, ...]:
    """Return what a name that is bound nowhere may be: a member of an enumeration, or a macro of C.

    Args:
        name: the name.
        span: where it stands.
        lines: of the policy.
    """
    owners = [enum for enum, kind in ENUMS.items() if name in kind.members]
    if owners:
        return tuple(Help(f"write `{enum}.{name}`", Edit(span, f"{enum}.{name}")) for enum in owners)
    macro = re.compile(rf"\s*#\s*define\s+{re.escape(name)}\s+(\w+)\s*$")
    found = next((match for match in map(macro.match, lines) if match), None)
    elsewhere = _ELSEWHERE.get(name) or name_of_kernel(name)
    if elsewhere is not None:
        return (Help(elsewhere, _clock(name, span, lines)),)
    if found is None:
        return ()
    number = lines.index(found[0]) + 1
    there = Edit(Span.of(number, 1, number, len(found[0]) + 1), f"{name} = {found[1]}")
    return (Help(f"`#` begins a comment: write `{name} = {found[1]}` there", there),)


def _clock(name: str, span: Span, lines: Sequence[str]) -> Edit | None:
    """Return the edit that asks the clock of the machine instead of `time.time()`."""
    called = re.match(r"\.\w+\(\)", lines[span.end.line - 1][span.end.column - 1 :])
    if name != "time" or called is None:
        return None
    end = span.end.column + called.end()
    return Edit(Span.of(span.start.line, span.start.column, span.end.line, end), "now()")


def member_meant(enum: str, number: int, written: str, span: Span) -> tuple[Help, ...]:
    """Return the member of an enumeration that a number stands for, as a comparison to write.

    Args:
        enum: the enumeration.
        number: what it was compared with.
        written: what stands left of the number, with its operator.
        span: of the comparison.
    """
    members = [name for name, (value, _) in ENUMS[enum].members.items() if value == number]
    text = f"{written} {enum}.{members[0] if members else next(iter(ENUMS[enum].members))}"
    return (Help(f"write `{text}`", Edit(span, text) if members else None),)


def comparison_meant(before: nodes.Expression, alone: nodes.Expression) -> nodes.Comparison | None:
    """Return the comparison before a number that stands alone, as in ``x == A or B``.

    Args:
        before: what stands left of `or` or `and`.
        alone: what stands right of it.
    """
    is_number = isinstance(alone, nodes.Number) or (isinstance(alone, nodes.Name) and alone.id in NUMBERS)
    if not is_number or not isinstance(before, nodes.Comparison) or len(before.rest) != 1:
        return None
    return before if before.rest[0][0] in ("==", "!=") else None
