"""Generated pages that are tables: kernel types, answers, maps, counters, and what is simplified.

Here: those pages, and the few functions that make markdown out of the tables' entries. Not here: which pages exist and
the pages with a section per entry (reference_pages.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reclaim.abi import answers as answer_tables
from reclaim.abi import costs as cost_tables
from reclaim.abi import limits
from reclaim.abi import options as option_tables
from reclaim.abi.answers import ANSWERS, CONSTRUCTORS
from reclaim.abi.costs import COSTS
from reclaim.abi.counters import COUNTERS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.kinds import U64_MAX, Constructor, Field
from reclaim.abi.levels import LEVELS
from reclaim.abi.maps import MAP_KINDS
from reclaim.abi.options import OPTIONS
from reclaim.abi.tracepoints import TRACEPOINTS, TraceField
from reclaim.cli.options import option_range, option_value
from reclaim.diag.registry import Page

_SIMPLIFIED = re.compile(r"SIMPLIFIED: ")
_COMMENT_EDGE = re.compile(r"^[ \t]*(?:/\*|\*/|\*|//|#)?[ \t]*", re.MULTILINE)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|\*/|\"\"\"|\n\s*\n")
_KNOWN_LIMITS = re.compile(r"Known limits: (.*?)(?=\n\s*\n|\"\"\")", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Departure:
    """Hold one departure from the kernel: where it is made, what is left out, what that does to results."""

    place: str
    what: str
    effect: str


def heading(title: str, source: str) -> list[str]:
    """Return the head of a generated page: what to edit instead, and its title."""
    return [f"<!-- Generated from {source} by `make generate`; edit there. -->", "", f"# {title}", ""]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a markdown table; columns without any content are left out.

    Args:
        columns: headings.
        rows: cells as markdown; bars inside are escaped.

    Returns:
        Lines.
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    kept = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    lines = ["| " + " | ".join(columns[i] for i in kept) + " |", "|" + "---|" * len(kept)]
    return [*lines, *("| " + " | ".join(row[i] for i in kept) + " |" for row in cells)]


def number(value: int) -> str:
    """Return a number as people read it; powers of two from 2^16 on as such."""
    if value >= 1 << 16 and value & (value - 1) == 0:
        return f"2^{value.bit_length() - 1}"
    if value >= 1 << 16 and value & (value + 1) == 0:
        return f"2^{value.bit_length()} - 1"
    return f"{value:,}"


def range_text(type_name: str, least: int | None, most: int | None) -> str:
    """Return a declared range, "" where it is the type's own."""
    if least is None and most is None:
        return ""
    if type_name == "bool" or most == U64_MAX:
        return ""
    low = number(least or 0)
    return f"{low} to {number(most)}" if most is not None else f"at least {low}"


def code_link(page: Page) -> str:
    """Return a link from `docs/reference` to the page of a code."""
    return f"[{page.code}](../../reclaim/diag/codes/{page.code}-{page.name}.md)"


def kernel_types_page() -> str:
    """Return the page of kernel types, their fields, and the enumerations."""
    lines = heading("Kernel types and enumerations", "reclaim/abi/kernel_types.py and enumerations.py")
    lines += [
        "A policy holds handles to these objects and reads their fields; what it may also assign is marked.",
        "Declared ranges are facts to the verifier and kept by the core.",
        "A handle is valid until the hook returns and cannot be stored.",
        "",
    ]
    for kernel_type in KERNEL_TYPES.values():
        lines += [
            f"## {kernel_type.name}",
            "",
            f"{kernel_type.doc}",
            f"In the kernel: `{kernel_type.kernel}`.",
            "",
        ]
        lines += [*_fields_table(kernel_type.fields), ""]
    lines += ["## List", "", "A list of folios of a lruvec.", ""]
    lines += [*_fields_table(LIST_FIELDS.values()), ""]
    names = ", ".join(f"`{name}`" for name in limits.STANDARD_LISTS)
    lines += [
        f"Every lruvec has {names}; `lru[type][active]` names the first four by number.",
        "A policy declares further ones with `folio_list()`.",
        "",
    ]
    lines += ["## Enumerations", "", "Members are compared with `==` and `!=` only."]
    for enum in ENUMS.values():
        rows = [(f"`{enum.name}.{name}`", meaning) for name, (_, meaning) in enum.members.items()]
        lines += ["", f"### {enum.name}", "", enum.doc, "", *table(("member", "meaning"), rows)]
    return "\n".join(lines) + "\n"


def _fields_table(fields: Iterable[Field]) -> list[str]:
    rows = [
        (
            f"`{f.name}`",
            f"`{f.type}`",
            range_text(f.type, f.min, f.max),
            f.unit,
            "yes" if f.writable else "",
            f.doc,
        )
        for f in fields
    ]
    return table(("field", "type", "range", "unit", "may be assigned", "meaning"), rows)


def answers_page() -> str:
    """Return the page of answers and their constructors."""
    lines = heading("Answers", "reclaim/abi/answers.py")
    lines += ["What hooks answer; values that only these constructors build.", ""]
    for answer in ANSWERS.values():
        rows = [
            (f"`{_written_constructor(c)}`", c.doc, _arguments_text(c), str(c.kind))
            for c in CONSTRUCTORS
            if answer.name in c.answers
        ]
        lines += [f"## {answer.name}", "", answer.doc, ""]
        lines += [*table(("written", "what the core does", "arguments", "kind"), rows), ""]
    doc = (answer_tables.__doc__ or "").partition("\n\n")[2].strip()
    lines += ["## Encoding", "", *doc.splitlines()]
    return "\n".join(lines) + "\n"


def _written_constructor(constructor: Constructor) -> str:
    receiver = "list." if constructor.method_of else ""
    arguments = ", ".join(
        f"{p.name}={p.default}" if p.default is not None else f"{p.name}=…" if p.keyword else p.name
        for p in constructor.params
    )
    return f"{receiver}{constructor.name}" + (f"({arguments})" if constructor.params else "")


def _arguments_text(constructor: Constructor) -> str:
    texts = []
    for param in constructor.params:
        bounds = range_text(param.type, param.min, param.max)
        texts.append(f"`{param.name}`{f' ({bounds})' if bounds else ''}: {param.doc}")
    return " ".join(texts)


def maps_page() -> str:
    """Return the page of map kinds and their methods."""
    lines = heading("Maps", "reclaim/abi/maps.py and helpers.py")
    lines += [
        "Memory of a policy that outlives a folio.",
        "Keys and values are integers; look-ups copy.",
        "Everything is allocated when the policy is attached, one instance per lruvec, memcg or machine as `scope=` says.",
        f"A map holds at most {number(limits.MAX_MAP_ENTRIES)} entries.",
        "",
    ]
    for kind in MAP_KINDS.values():
        arguments = [
            *(["key=u64"] if kind.keyed else []),
            *(["value=u64"] if kind.valued else []),
            f"{kind.size_param}=1024",
            "scope=lruvec",
        ]
        rows = [
            (f"[`{h.name}`](helpers.md#{kind.name}{h.name})", h.doc)
            for h in HELPERS
            if h.method_of == kind.name
        ]
        lines += [
            f"## {kind.name}",
            "",
            kind.doc,
            "",
            "```python",
            f"name = {kind.name}({', '.join(arguments)})",
        ]
        lines += ["```", "", *table(("method", "what it does"), rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def counters_page() -> str:
    """Return the page of counters."""
    lines = heading("Counters", "reclaim/abi/counters.py and reclaim/abi/levels.py")
    lines += [
        "`vmstat` counters carry the kernel's names and exist per memcg, per node and for the machine.",
        "`memory_events` counters are the lines of a memcg's `memory.events`.",
        "`core_did` counters say what the core did for a policy, per attachment and for the machine.",
        "All count pages unless they say otherwise, and rise from the machine's start.",
    ]
    for group in dict.fromkeys(counter.group for counter in COUNTERS):
        rows = [(f"`{c.name}`", c.doc, c.source) for c in COUNTERS if c.group == group]
        lines += ["", f"## {group}", "", *table(("counter", "rises", "counted in the kernel by"), rows)]
    lines += [
        "",
        "## Levels",
        "",
        "How many pages are in some state at the moment of asking; per memcg, per node and for the machine.",
        "",
        *table(
            ("level", "line of memory.stat", "line of vmstat", "counts", "in the kernel"),
            [
                (f"`{level.name}`", level.memory_stat or "", level.vmstat or "", level.doc, level.source)
                for level in LEVELS
            ],
        ),
    ]
    return "\n".join(lines) + "\n"


def costs_page() -> str:
    """Return the page of virtual costs."""
    lines = heading("Costs", "reclaim/abi/costs.py")
    lines += [
        *(cost_tables.__doc__ or "").partition("\n\n")[2].strip().splitlines(),
        "",
        "`costs=` of `Machine`, or `[machine.costs]` of a scenario, changes entries.",
        "",
        *table(
            ("cost", "ns", "of what", "source"),
            [(f"`{c.name}`", f"{c.ns:,}", c.doc, c.source) for c in COSTS.values()],
        ),
    ]
    return "\n".join(lines) + "\n"


def options_page() -> str:
    """Return the page of the machine's options."""
    lines = heading("Options", "reclaim/abi/options.py")
    lines += [
        *(option_tables.__doc__ or "").rpartition("\n\n")[2].strip().splitlines(),
        "",
        "In Python they are arguments of `Machine`, in a scenario keys of `[machine]`.",
        "On the command line `--machine OPTION=V` sets any of them; some have a flag of their own there.",
        "",
        *table(
            ("option", "default", "range", "what it decides", "source"),
            [
                (f"`{o.name}`", option_value(o, o.default), option_range(o), o.doc, o.source)
                for o in OPTIONS.values()
            ],
        ),
    ]
    return "\n".join(lines) + "\n"


def tracepoints_page() -> str:
    """Return the page of tracepoints."""
    lines = heading("Tracepoints", "reclaim/abi/tracepoints.py")
    lines += [
        "What `reclaim run --trace-events` and `Machine.trace` record; see [observability.md](../observability.md).",
        "Names and fields are the kernel's; fields in italics are ours and come last in the text.",
        "Every event carries its virtual time, who was running and the memcg that it is about.",
    ]
    for system in dict.fromkeys(point.system for point in TRACEPOINTS):
        rows = [
            (f"`{p.name}`", p.doc, " ".join(_trace_field(f) for f in p.fields), p.source)
            for p in TRACEPOINTS
            if p.system == system
        ]
        lines += ["", f"## {system}", "", *table(("event", "when", "fields", "in the kernel"), rows)]
    return "\n".join(lines) + "\n"


def _trace_field(field: TraceField) -> str:
    return f"_`{field.name}`_" if field.ours else f"`{field.name}`"


def limits_page(root: Path) -> str:
    """Return the page of everything that is simplified against the kernel.

    Args:
        root: the checkout.
    """
    lines = heading("What is simplified", "the `SIMPLIFIED:` marks in the sources and the policies' heads")
    lines += [
        "Each line is a place where the model departs from the kernel, with what that does to results.",
        "[model.md](model.md) tells the whole story; this page is the complete list.",
        "",
        "## The core and the tools",
        "",
        *table(
            ("where", "what is left out", "effect on results"),
            [(f"[`{d.place}`](../{d.place})", d.what, d.effect) for d in collect_departures(root)],
        ),
        "",
        "## The shipped policies",
        "",
        *table(("policy", "known limits"), _known_limits(root)),
    ]
    return "\n".join(lines) + "\n"


def collect_departures(root: Path) -> list[Departure]:
    """Return all departures that the sources mark, in order of file and line.

    Args:
        root: the checkout.

    Returns:
        Departures; the effect is "" where a mark names none, which a test does not let pass.
    """
    own = Path(__file__)
    sources = [
        path
        for pattern in ("reclaim/**/*.py", "verifier/**/*.py", "reclaim/core/*.[ch]", "policies/*.rpol")
        for path in sorted(root.glob(pattern))
        if path != own
    ]
    return [departure for path in sources for departure in _departures_of(path, root)]


def _departures_of(path: Path, root: Path) -> list[Departure]:
    found = []
    text = path.read_text(encoding="utf-8")
    place = path.relative_to(root).as_posix()
    for match in _SIMPLIFIED.finditer(text):
        rest = _COMMENT_EDGE.sub("", text[match.end() :].split("\n\n", 1)[0])
        end = _SENTENCE_END.search(rest)
        sentence = " ".join(rest[: end.start() if end else None].split())
        what, _, effect = sentence.partition("; effect: ")
        found.append(Departure(place, what, effect))
    return found


def _known_limits(root: Path) -> list[tuple[str, str]]:
    rows = []
    for path in sorted((root / "policies").glob("*.rpol")):
        match = _KNOWN_LIMITS.search(path.read_text(encoding="utf-8"))
        if match:
            rows.append((f"[`{path.stem}`](../policies/{path.name})", " ".join(match[1].split())))
    return rows
