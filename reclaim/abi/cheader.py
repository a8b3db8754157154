"""The C side of the contract: `reclaim/core/abi.gen.h`, generated.

Run ``python -m reclaim.abi.cheader`` to write it; a test checks that the committed file is fresh.
"""

from __future__ import annotations

import re
from pathlib import Path

from reclaim.abi import limits
from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.costs import COSTS
from reclaim.abi.counters import COUNTERS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Helper, KernelType, Param
from reclaim.abi.layout import CONTEXT_MEMBERS, LIST_SIZES, plain_members, slots
from reclaim.abi.levels import LEVELS
from reclaim.abi.maps import MAP_KINDS
from reclaim.abi.options import OPTIONS
from reclaim.abi.tracepoints import LRU_NONE, THROTTLE_REASONS, TRACEPOINTS

HEADER = Path(__file__).parent.parent / "core" / "abi.gen.h"

_LIMITS = (
    "ABI_VERSION FIRST_STANDARD_LIST FIRST_POLICY_LIST MAX_LISTS MAX_BATCH MAX_TAKE MAX_PSI_WINDOW_US MAX_REFERENCED "
    "MAX_TASKS MAX_MEMCGS "
    "MAX_NODES MAX_DEPTH COOKIE_BITS CLOCK_BITS EPOCH_BITS ANON FILE MAX_PAGES PAGE_BYTES "
    "MAX_SWAPPINESS SWAPPINESS_ANON_ONLY"
).split()


def c_type(type_name: str) -> str:
    """Return the C spelling of a parameter or result type.

    Args:
        type_name: type as written in the tables.

    Returns:
        A pointer for kernel objects, `uint64_t` for every number, answer, list and map.
    """
    plain = type_name.removesuffix(" | None")
    if plain in KERNEL_TYPES:
        return f"struct {KERNEL_TYPES[plain].c_name} *"
    if type_name == "None":
        return "void"
    if type_name in ("u64 | None", "s64 | None"):
        return "struct rcl_optional"
    return "int64_t" if plain == "s64" else "uint64_t"


def render() -> str:
    """Return the whole header as text."""
    parts = [
        "/* Generated from reclaim/abi by `python -m reclaim.abi.cheader`; edit the tables instead. */",
        "#ifndef RCL_ABI_GEN_H\n#define RCL_ABI_GEN_H\n\n#include <stddef.h>\n#include <stdint.h>",
        "\n".join(f"#define RCL_{name} {getattr(limits, name)}" for name in _LIMITS),
        "\n".join(_enum(e, {n: v for n, (v, _) in k.members.items()}) for e, k in ENUMS.items()),
        _enum(
            "standard_list", {n: limits.FIRST_STANDARD_LIST + i for i, n in enumerate(limits.STANDARD_LISTS)}
        ),
        *(
            _enum(answer, _answer_kinds(answer))
            for answer in (
                "Place",
                "Verdict",
                "Target",
                "Promotion",
                "Isolation",
                "Batch",
                "Visit",
                "Rotation",
                "Aging",
                "Trigger",
            )
        ),
        _enum("map_kind", {name: i for i, name in enumerate(MAP_KINDS)}),
        _shifts(),
        "\n".join(f"struct {t.c_name};" for t in KERNEL_TYPES.values()),
        *(_struct(t) for t in KERNEL_TYPES.values()),
        _context(),
        "struct rcl_optional {\n\tuint64_t value;\n\tuint64_t present;\n};",
        _hooks(),
        _helpers(),
        _counters(),
        _costs(),
        _options(),
        _levels(),
        _tracepoints(),
        "#endif\n",
    ]
    return "\n\n".join(parts)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _enum(name: str, members: dict[str, int]) -> str:
    prefix = _snake(name).upper()
    body = "".join(f"\tRCL_{prefix}_{member.upper()} = {value},\n" for member, value in members.items())
    return f"enum rcl_{_snake(name)} {{\n{body}}};"


def _answer_kinds(answer: str) -> dict[str, int]:
    return {c.name: c.kind for c in CONSTRUCTORS if answer in c.answers}


def _shifts() -> str:
    lines = ["#define RCL_ANSWER_LIST_SHIFT 8"]
    for constructor in CONSTRUCTORS:
        for param, shift in zip(constructor.params, constructor.shifts, strict=True):
            lines.append(f"#define RCL_{constructor.name.upper()}_{param.name.upper()}_SHIFT {shift}")
    return "\n".join(lines)


def _struct(kernel_type: KernelType) -> str:
    lines = [f"/* {kernel_type.doc} */", f"struct {kernel_type.c_name} {{"]
    for name, field in plain_members(kernel_type):
        lines.append(f"\t{_member_type(field.type) if field else 'uint32_t '}{name};")
    if kernel_type.name == "Lruvec":
        lines.append(f"\tuint64_t *{LIST_SIZES};")
    lines.append("};")
    for field in kernel_type.fields:
        if field.bit is not None:
            lines.append(
                f"#define RCL_{_snake(kernel_type.name).upper()}_{field.name.upper()} (UINT32_C(1) << {field.bit})"
            )
    for name, slot in slots(kernel_type.name).items():
        member = name if slot.bit is None else "flags"
        lines.append(
            f'_Static_assert(offsetof(struct {kernel_type.c_name}, {member}) == {slot.offset}, "{name}");'
        )
    return "\n".join(lines)


def _member_type(type_name: str) -> str:
    if type_name in INT_KINDS:
        return INT_KINDS[type_name].c_type + " "
    plain = type_name.removesuffix(" | None")
    return f"struct {KERNEL_TYPES[plain].c_name} *" if plain in KERNEL_TYPES else "uint8_t "


def _context() -> str:
    types = dict.fromkeys(CONTEXT_MEMBERS, "uint8_t *") | {"tunables": "uint64_t *", "failed": "uint64_t "}
    body = "".join(f"\t{types[name]}{name};\n" for name in CONTEXT_MEMBERS)
    return f"/* What a hook finds its own state by. */\nstruct rcl_ctx {{\n{body}}};"


def _params(params: tuple[Param, ...]) -> list[str]:
    return [_declare(c_type(p.type), p.name) for p in params]


def _declare(type_text: str, name: str) -> str:
    return f"{type_text}{name}" if type_text.endswith("*") else f"{type_text} {name}"


def _hooks() -> str:
    lines = ["enum rcl_hook {"]
    lines += [f"\tRCL_HOOK_{name.upper()}," for name in HOOKS]
    lines += [
        "\tRCL_NR_HOOKS,",
        "};",
        "",
        "/* One pointer per hook; NULL where the policy has none. */",
        "struct rcl_ops {",
    ]
    for hook in HOOKS.values():
        arguments = ", ".join(["struct rcl_ctx *ctx", *_params(hook.params)])
        lines.append("\t" + _declare(c_type(hook.result), f"(*{hook.name})({arguments});"))
    lines.append("};")
    lines += ["", "#define RCL_HOOK_NAMES { \\"]
    lines += [f'\t"{name}", \\' for name in HOOKS]
    lines += ["}", "", "#define RCL_HOOK_FUEL_NS { \\"]
    lines += [f"\tUINT64_C({hook.fuel_ns}), \\" for hook in HOOKS.values()]
    lines.append("}")
    return "\n".join(lines)


def helper_c_params(helper: Helper) -> list[tuple[str, str]]:
    """Return (C type, name) of a helper's parameters after the context: receiver, implicit, written."""
    params: list[tuple[str, str]] = []
    if helper.method_of is not None:
        name = "map" if helper.method_of in MAP_KINDS else helper.method_of.lower()
        params.append((c_type(helper.method_of), name))
    params += [("struct rcl_lruvec *", name) for name in helper.implicit]
    params += [
        (c_type(p.type), p.name if p.name != "list" or helper.method_of != "List" else "to")
        for p in helper.params
    ]
    return params


def _helpers() -> str:
    lines = []
    for entry in HELPERS:
        arguments = ", ".join(["struct rcl_ctx *ctx", *(_declare(t, n) for t, n in helper_c_params(entry))])
        lines.append(_declare(c_type(entry.result), f"h_{entry.c_name}({arguments});"))
    for position in ("tail", "head"):
        lines.append(
            f"struct rcl_folio *h_{SCAN_HELPERS[position]}(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t list);"
        )
    for direction in ("younger", "older"):
        lines.append(
            f"struct rcl_folio *h_{SCAN_HELPERS[direction]}(struct rcl_ctx *ctx, struct rcl_folio *folio);"
        )
    return "\n".join(lines)


def _counters() -> str:
    lines = ["enum rcl_counter {"]
    lines += [f"\tRCL_{c.name.upper()}," for c in COUNTERS]
    lines += ["\tRCL_NR_COUNTERS,", "};"]
    return "\n".join(lines)


def _costs() -> str:
    lines = ["/* What each action costs in virtual nanoseconds. */", "struct rcl_costs {"]
    lines += [f"\tuint64_t {c.name};\t/* {c.doc.rstrip('.')} */" for c in COSTS.values()]
    lines += ["};", "", "#define RCL_DEFAULT_COSTS { \\"]
    lines += [f"\t.{c.name} = {c.ns}, \\" for c in COSTS.values()]
    lines.append("}")
    return "\n".join(lines)


def _options() -> str:
    """Return the defaults, and the ranges by the width of the member; a switch is on or off, whatever its number."""
    lines = ["#define RCL_DEFAULT_OPTIONS \\"]
    lines += [f"\t.{o.c_name} = {o.default}, \\" for o in OPTIONS.values()]
    lines += [
        "",
        "/* X(member, least, most) of each option that is a number. */",
        "#define RCL_OPTION_RANGES(X) \\",
    ]
    lines += [
        f"\tX({o.c_name}, UINT64_C({o.least}), UINT64_C({o.most})) \\"
        for o in OPTIONS.values()
        if o.kind == "number"
    ]
    return "\n".join([*lines, ""])


def _levels() -> str:
    lines = ["enum rcl_level {"]
    lines += [f"\tRCL_LEVEL_{level.name.upper()}," for level in LEVELS]
    lines += ["\tRCL_NR_LEVELS,", "};"]
    return "\n".join(lines)


def _tracepoints() -> str:
    lines = ["enum rcl_tracepoint {"]
    lines += [f"\tRCL_TRACE_{tracepoint.name}," for tracepoint in TRACEPOINTS]
    lines += ["\tRCL_NR_TRACEPOINTS,", "};", "", f"#define RCL_TRACE_LRU_NONE {LRU_NONE}", ""]
    lines += ["enum rcl_throttle_reason {"]
    lines += [f"\tRCL_{name} = {bit:#x}," for bit, name in THROTTLE_REASONS.items()]
    lines += ["};", ""]
    for tracepoint in TRACEPOINTS:
        members = "".join(f"\tuint64_t {field.name};\n" for field in tracepoint.fields)
        lines.append(f"struct trace_{tracepoint.name} {{\n{members}}};")
    return "\n".join(lines)


def main() -> None:
    """Write the header next to the core."""
    HEADER.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
