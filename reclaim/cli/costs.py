"""`reclaim costs`: what each action costs in virtual time."""

from __future__ import annotations

import click

from reclaim.abi.costs import COSTS
from reclaim.abi.kinds import Cost
from reclaim.cli.listing import Listing, as_json_option, plain_data, show


def _section(cost: Cost) -> str:
    return f"## {cost.name}\n\n{cost.doc}\n\n- **Default**: {cost.ns:,} ns\n- **Source**: {cost.source}"


@click.command("costs")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List what actions cost in virtual time, or everything about cost NAME."""
    listing = Listing(
        what="costs",
        entries=COSTS,
        columns=("cost", "ns", "of what"),
        row=lambda cost: (cost.name, f"{cost.ns:,}", cost.doc),
        section=_section,
        data=plain_data,
    )
    show(listing, name, as_json=as_json)
