"""What the commands that list the contract share: look-up by name, a table, a section, JSON.

Here: `show`, which all of them end in. Not here: what is listed; each command knows its own entries.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from reclaim.diag.errors import ConfigError

JSON_VERSION = 1
"""Rises when a key goes or changes its meaning; new keys do not count."""

PIPE_COLUMNS = 120
"""Width of output that is no terminal."""

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")

T = TypeVar("T")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON alone.")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Describe a list of entries that a command shows.

    Args:
        what: plural noun, also the key in JSON.
        entries: by the name that the user gives.
        columns: headings of the table.
        row: cells of one entry.
        section: everything about one entry, in markdown.
        data: one entry as plain data for JSON.
    """

    what: str
    entries: dict[str, T]
    columns: tuple[str, ...]
    row: Callable[[T], tuple[str, ...]]
    section: Callable[[T], str]
    data: Callable[[T], dict[str, Any]]


def show(listing: Listing[T], name: str | None, *, as_json: bool) -> None:
    """Print all entries as a table, or everything about one, or either as JSON.

    Args:
        listing: what there is.
        name: an entry; also the last part of a dotted name where that is unique; None for all.
        as_json: whether to print JSON instead.

    Raises:
        ConfigError: there is no entry of that name.
    """
    names = list(listing.entries) if name is None else _find(listing, name)
    if as_json:
        data = [{"name": found, **listing.data(listing.entries[found])} for found in names]
        click.echo(json.dumps({"version": JSON_VERSION, listing.what: data}, indent=2))
    elif name is None:
        _print_table(listing)
    else:
        text = "\n\n".join(listing.section(listing.entries[found]) for found in names)
        _console().print(Markdown(_LINK.sub(r"\1", text)))


def plain_data(entry: Any) -> dict[str, Any]:
    """Return an entry of the contract as plain data, its name left out."""
    data = dataclasses.asdict(entry)
    data.pop("name", None)
    return data


def _find(listing: Listing[T], name: str) -> list[str]:
    """Return the names that are meant: the exact one, else all methods of that name, whatever their receiver."""
    if name in listing.entries:
        return [name]
    methods = [known for known in listing.entries if known.rpartition(".")[2] == name]
    if methods:
        return methods
    words = [*listing.entries, *(known.rpartition(".")[2] for known in listing.entries)]
    close = difflib.get_close_matches(name, words, n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    raise ConfigError(f"no `{name}` among the {listing.what}; `reclaim {listing.what}` lists them{hint}")


def _print_table(listing: Listing[T]) -> None:
    table = Table(*listing.columns, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[:-1]:
        column.no_wrap = True
    for entry in listing.entries.values():
        table.add_row(*listing.row(entry))
    _console().print(table, markup=False, highlight=False)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_COLUMNS)
