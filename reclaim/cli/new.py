"""`reclaim new`: a commented policy to start from.

The text below is complete and verifies as it stands, so that an author's first edit starts from something that works;
a test verifies it and runs it.
"""

from __future__ import annotations

import keyword
from pathlib import Path

import click

from reclaim.diag.errors import ConfigError

TEMPLATE = '''"""{name}: FIFO, but a folio that was used goes round again.

Source: who had the idea, and where it is written down.
Suited for: workloads it is meant for.
Known limits: workloads it does badly on.
"""

# A list exists once per lruvec (one memcg on one node). New folios enter at its head; reclaim works from its tail.
queue = folio_list()

# What the user may set without editing: --set {name}.rounds=2
rounds = tunable(u32, default=1, min=1, max=3, unit="rounds", doc="how often a used folio goes round")

# A few bytes beside every folio. The range is proved at each store and known at each load.
class PerFolio(FolioState):
    uses: u8 = field(0, max=3)

# A hook names the parameters that it wants, in any order. Every hook is optional; `reclaim hooks` lists them all.
@hook
def folio_added() -> Place:
    return queue.head

# Accesses through file descriptors come here. A mapped access only sets the Accessed bit in the page table.
@hook
def folio_accessed(folio: Folio, how: Access) -> None:
    if how == Access.FIRST_READ:  # the read that brought it in is no second use
        return
    folio.uses = min(folio.uses + 1, rounds)

# Asked again and again during reclaim: which list next, and at most how many folios from its tail.
@hook
def next_batch(sc: ScanControl) -> Batch:
    if queue.nr_pages == 0 or sc.nr_reclaimed >= sc.nr_to_reclaim:
        return STOP
    return queue.batch(32)

# The verdict on each of those folios. `referenced()` counts the mappings with an Accessed bit, and clears them.
@hook
def reclaim_folio(folio: Folio) -> Verdict:
    uses = min(folio.uses + folio.referenced(), rounds)
    if uses > 0:
        folio.uses = uses - 1
        return ROTATE
    return RECLAIM
'''


@click.command("new")
@click.argument("name")
def command(name: str) -> None:
    """Write NAME.rpol, a commented policy to start from."""
    path = write_policy(name, Path())
    click.echo(f"{path} written; next: reclaim-verify {path} && reclaim compare fifo {path}")


def write_policy(name: str, folder: Path) -> Path:
    """Write a policy to start from.

    Args:
        name: of the policy; an identifier, since tunables are set as `name.tunable`.
        folder: where.

    Returns:
        The new file.

    Raises:
        ConfigError: the name is no identifier, the file exists, or it cannot be written.
    """
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a policy; expected letters, digits and `_`, such as `my_policy`"
        )
    path = folder / f"{name}.rpol"
    try:
        # Exclusive creation instead of a rename: of two writers one must be refused.
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(name=name))
    except FileExistsError:
        raise ConfigError(f"{path} exists already; choose another name or remove it first") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return path
