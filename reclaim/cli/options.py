"""`reclaim options`: what about a machine can be chosen."""

from __future__ import annotations

import click

from reclaim.abi.options import OPTIONS, Option
from reclaim.cli.listing import Listing, as_json_option, plain_data, show


def option_value(option: Option, number: int) -> str:
    """Return a value of an option as people write it."""
    match option.kind:
        case "switch":
            return "on" if number else "off"
        case "set":
            return ", ".join(str(bit) for bit in range(option.most + 1) if number >> bit & 1) or "none"
        case "number":
            return f"{number:,}{option.unit and ' ' + option.unit}"


def option_range(option: Option) -> str:
    """Return what values an option takes."""
    if option.kind == "switch":
        return "on, off"
    return f"{option.least:,} to {option.most:,}" + (", several" if option.kind == "set" else "")


def _section(option: Option) -> str:
    return (
        f"## {option.name}\n\n{option.doc}\n\n- **Default**: {option_value(option, option.default)}\n"
        f"- **Range**: {option_range(option)}\n- **Source**: {option.source}"
    )


@click.command("options")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the options of a machine, or everything about option NAME; `--machine NAME=V` sets one."""
    listing = Listing(
        what="options",
        entries=OPTIONS,
        columns=("option", "default", "what it decides"),
        row=lambda option: (option.name, option_value(option, option.default), option.doc),
        section=_section,
        data=plain_data,
    )
    show(listing, name, as_json=as_json)
