"""`reclaim tracepoints`: what can be traced."""

from __future__ import annotations

import click

from reclaim.abi.tracepoints import TRACEPOINTS, Tracepoint
from reclaim.cli.listing import Listing, as_json_option, plain_data, show


def _section(tracepoint: Tracepoint) -> str:
    fields = ", ".join(f"{field.name}{' (ours)' if field.ours else ''}" for field in tracepoint.fields)
    return (
        f"## {tracepoint.system}:{tracepoint.name}\n\n{tracepoint.doc}\n\n"
        f"- **Fields**: {fields}\n- **Source**: {tracepoint.source}"
    )


@click.command("tracepoints")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the tracepoints, or everything about tracepoint NAME; `run --trace-events` records them."""
    listing = Listing(
        what="tracepoints",
        entries={tracepoint.name: tracepoint for tracepoint in TRACEPOINTS},
        columns=("tracepoint", "system", "when"),
        row=lambda tracepoint: (tracepoint.name, tracepoint.system, tracepoint.doc),
        section=_section,
        data=plain_data,
    )
    show(listing, name, as_json=as_json)
