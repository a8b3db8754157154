"""`reclaim counters`: what the machine counts."""

from __future__ import annotations

import click

from reclaim.abi.counters import COUNTERS
from reclaim.abi.kinds import Counter
from reclaim.cli.listing import Listing, as_json_option, plain_data, show


def _section(counter: Counter) -> str:
    return (
        f"## {counter.name}\n\n{counter.doc}\n\n- **Group**: {counter.group}\n- **Source**: {counter.source}"
    )


@click.command("counters")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the counters, or everything about counter NAME."""
    listing = Listing(
        what="counters",
        entries={counter.name: counter for counter in COUNTERS},
        columns=("counter", "group", "rises"),
        row=lambda counter: (counter.name, counter.group, counter.doc),
        section=_section,
        data=plain_data,
    )
    show(listing, name, as_json=as_json)
