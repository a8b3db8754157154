"""The generated pages of `docs/`: everything that the tables of the contract already say.

Run ``python -m reclaim.cli.reference_pages`` to write the pages into the checkout; a test checks that the committed
ones are fresh. Here: which pages there are, and the pages of hooks, helpers and codes, whose entries are long enough
for a section each. Not here: the pages that are tables only (reference_tables.py), and anything hand-written.

Why generated: a fact that stands in a table and on a page differs between the two after the first change.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reclaim.abi import hooks as hook_tables
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Helper, Hook, Param
from reclaim.cli.reference_tables import (
    answers_page,
    code_link,
    costs_page,
    counters_page,
    heading,
    kernel_types_page,
    limits_page,
    maps_page,
    number,
    options_page,
    range_text,
    table,
    tracepoints_page,
)
from reclaim.diag.registry import Page, pages
from reclaim.lang.vocabulary import default_text, helper_signature, hook_signature

ROOT = Path(__file__).parents[2]
"""The checkout; an installed package has no pages to write."""

CATEGORIES = {
    "text": "Text",
    "names": "Names",
    "types": "Types",
    "loops": "Loops and termination",
    "handles": "Handles, None and ownership",
    "arithmetic": "Arithmetic",
    "contract": "Hooks and helpers",
    "cost": "Cost",
    "warnings": "Warnings, with which a policy is accepted",
}
"""Headings of the groups of codes, in order of their numbers (RP00xx text to RP08xx warnings)."""

FAMILIES = {
    "integer": "Integer arithmetic and random numbers",
    "rmap": "References by reverse mapping",
    "retarget": "Lazily sorted lists",
    "list": "One folio, one list",
    "bulk": "Many folios or bits at once",
    "node": "NUMA nodes and their distances",
    "walk": "Page-table walks",
    "map": "Maps",
    "time": "Virtual time",
    "event": "Events to user space",
    "memcg": "Memory control and swap",
    "workingset": "Refaults",
}
"""What the families are about, in order of the page."""


def render_all() -> dict[Path, str]:
    """Return every generated page.

    Returns:
        Text by path in the checkout.
    """
    return {ROOT / name: render() for name, render in generated_pages().items()}


def generated_pages() -> dict[str, Callable[[], str]]:
    """Return what renders each generated page, by its path from the top of the checkout."""
    return {
        "docs/reference/hooks.md": hooks_page,
        "docs/reference/helpers.md": helpers_page,
        "docs/reference/kernel-types.md": kernel_types_page,
        "docs/reference/answers.md": answers_page,
        "docs/reference/maps.md": maps_page,
        "docs/reference/counters.md": counters_page,
        "docs/reference/costs.md": costs_page,
        "docs/reference/options.md": options_page,
        "docs/reference/tracepoints.md": tracepoints_page,
        "docs/reference/codes.md": codes_page,
        "docs/limits.md": lambda: limits_page(ROOT),
    }


def helper_title(helper: Helper) -> str:
    """Return the name of a helper with its receiver, unique over all helpers."""
    return helper.name if helper.method_of is None else f"{helper.method_of}.{helper.name}"


def helpers_of(hook: Hook) -> list[str]:
    """Return the titles of the helpers that a hook may call, in order of the table."""
    return [helper_title(helper) for helper in HELPERS if helper.family in hook.families]


def hooks_page() -> str:
    """Return the page of hooks, in the order in which a folio and a pass meet them."""
    lines = heading("Hooks", "reclaim/abi/hooks.py")
    lines += _paragraphs(hook_tables.__doc__ or "")
    lines += ["## All hooks", ""]
    lines += table(
        ("hook", "the question", "answers", "default"),
        [(f"[`{h.name}`](#{h.name})", h.purpose, f"`{h.result}`", h.default) for h in HOOKS.values()],
    )
    for hook in HOOKS.values():
        lines += ["", *hook_section(hook)]
    return "\n".join(lines) + "\n"


def hook_section(hook: Hook) -> list[str]:
    """Return the section of one hook, in markdown."""
    lines = [
        f"## {hook.name}",
        "",
        hook.purpose,
        "",
        "```python",
        "@hook",
        f"{hook_signature(hook)}: ...",
        "```",
        "",
    ]
    lines += _params_table(hook.params)
    families = ", ".join(f"[`{f}`](helpers.md#family-{f})" for f in FAMILIES if f in hook.families)
    facts = [
        ("Called when", hook.when),
        ("May", hook.may),
        ("Must not", hook.must_not),
        ("Default", hook.default),
        ("Result", _result_text(hook)),
        ("A refused answer", hook.on_fault),
        (
            "Cost budget",
            f"{number(hook.budget)} IR operations, helpers included; {number(hook.fuel_ns)} ns of virtual time.",
        ),
        ("Helper families", families),
        ("Related", ", ".join(f"[`{name}`](#{name})" for name in hook.related)),
        ("Source", f"`{hook.source}`" if hook.source else ""),
    ]
    return [*lines, "", *(f"- **{title}**: {text}" for title, text in facts if text)]


def _result_text(hook: Hook) -> str:
    plain = hook.result.removesuffix(" | None")
    if hook.result == "None":
        return "nothing."
    link = f"`{plain}`" if plain in ("u64", "s64") else f"[`{plain}`](answers.md#{plain.lower()})"
    return f"{link}, or None." if plain != hook.result else f"{link}."


def helpers_page() -> str:
    """Return the page of helpers, by family."""
    lines = heading("Helpers", "reclaim/abi/helpers.py")
    lines += [
        "What a policy may ask of the core.",
        "A method is called on its receiver: `folio.referenced()`, `ghosts.add(folio.key)`.",
        "The cost is the worst case in IR operations that counts against the budget of the hook that calls.",
        "Functions that the language itself computes (`min`, `clamp`, `sdiv`, …) stand in the",
        "[language reference](../language.md#built-in-functions).",
        "",
        *table(
            ("helper", "what it does", "cost"),
            [(f"[`{helper_title(h)}`](#{_anchor(helper_title(h))})", h.doc, _cost_text(h)) for h in HELPERS],
        ),
    ]
    for family, title in FAMILIES.items():
        callers = ", ".join(
            f"[`{h.name}`](hooks.md#{h.name})" for h in HOOKS.values() if family in h.families
        )
        lines += ["", f"## Family {family}", "", f"{title}; may be called from {callers}."]
        for helper in HELPERS:
            if helper.family == family:
                lines += ["", *helper_section(helper)]
    return "\n".join(lines) + "\n"


def helper_section(helper: Helper) -> list[str]:
    """Return the section of one helper, in markdown."""
    lines = [
        f"### {helper_title(helper)}",
        "",
        helper.doc,
        "",
        "```python",
        helper_signature(helper),
        "```",
        "",
    ]
    lines += _params_table(helper.params)
    bounds = range_text(helper.result, helper.min, helper.max)
    effects = helper.effects
    facts = [
        (
            "Result",
            f"`{helper.result}`" + (f", {bounds}" if bounds else "") if helper.result != "None" else "",
        ),
        ("Cost", _cost_text(helper)),
        ("Family", f"[`{helper.family}`](#family-{helper.family})"),
        ("Writes", ", ".join(f"`{name}`" for name in effects.writes)),
        ("Runs", ", ".join(f"[`{name}`](hooks.md#{name})" for name in effects.runs)),
        ("Source", f"`{helper.source}`" if helper.source != "ours" else "ours"),
    ]
    return [*lines, "", *(f"- **{title}**: {text}" for title, text in facts if text)]


def _cost_text(helper: Helper) -> str:
    text = number(helper.cost)
    if helper.cost_per is not None:
        parameter, each = helper.cost_per
        text += f" + {number(each)} per `{parameter}`"
        effects = helper.effects
        besides = f" and {effects.runs_besides} besides" if effects.runs_besides else ""
        text += "".join(
            f" + `{hook}`, {effects.runs_each} per `{parameter}`{besides}" for hook in effects.runs
        )
    return f"{text}, for each page table that maps the folio" if helper.each_mapping else text


def codes_page() -> str:
    """Return the index of diagnostic codes."""
    lines = heading("Diagnostic codes", "the pages in reclaim/diag/codes")
    lines += [
        "Each code has a page with an example that fails and the same example mended.",
        "`reclaim-verify --explain CODE` prints it.",
        "A code is never used for anything else, also after it is retired.",
    ]
    by_category: dict[str, list[Page]] = {}
    for page in pages():
        by_category.setdefault(page.category, []).append(page)
    for category, title in CATEGORIES.items():
        if category in by_category:
            rows = [(code_link(page), f"`{page.name}`", page.summary) for page in by_category[category]]
            lines += ["", f"## {title}", "", *table(("code", "name", "what is wrong"), rows)]
    return "\n".join(lines) + "\n"


def _params_table(params: tuple[Param, ...]) -> list[str]:
    if not params:
        return ["No arguments."]
    rows = [
        (f"`{p.name}`", f"`{p.type}`", range_text(p.type, p.min, p.max), _default_cell(p), p.doc)
        for p in params
    ]
    return table(("argument", "type", "range", "if left out", "meaning"), rows)


def _default_cell(param: Param) -> str:
    text = default_text(param)
    return f"`{text}`" if text else ""


def _anchor(title: str) -> str:
    """Return the anchor that renderers of markdown make from a heading of one word."""
    return title.lower().replace(".", "")


def _paragraphs(doc: str) -> list[str]:
    """Turn a docstring into markdown: indented blocks become code."""
    lines: list[str] = []
    for block in doc.strip().split("\n\n"):
        body = block.splitlines()
        is_code = all(line.startswith("    ") for line in body)
        lines += ["```", *(line[4:] for line in body), "```", ""] if is_code else [*body, ""]
    return lines


def main() -> None:
    """Write all pages."""
    for path, text in render_all().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
