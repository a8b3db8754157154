"""`reclaim codes`: what can be wrong with a policy, each with a page of its own."""

from __future__ import annotations

from typing import Any

import click

from reclaim.cli.listing import Listing, as_json_option, show
from reclaim.diag.registry import Page, page, pages


def _data(entry: Page) -> dict[str, Any]:
    return {"code": entry.code, "category": entry.category, "summary": entry.summary}


def _section(entry: Page) -> str:
    return f"## {entry.code}: {entry.name}\n\n{entry.summary}\n\n{entry.body}"


@click.command("codes")
@click.argument("name", required=False, metavar="[CODE|NAME]")
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the diagnostic codes, or the page of one, by code (RP0301) or name (unbounded-loop)."""
    named = page(name) if name else None
    listing = Listing(
        what="codes",
        entries={entry.name: entry for entry in pages()},
        columns=("code", "name", "what is wrong"),
        row=lambda entry: (entry.code, entry.name, entry.summary),
        section=_section,
        data=_data,
    )
    show(listing, named.name if named else name, as_json=as_json)
