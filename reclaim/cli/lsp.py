"""`reclaim lsp`: the language server, for editors to start."""

from __future__ import annotations

import importlib.util

import click

EXTRA = "reclaim-lab[lsp]"
"""What has to be installed for it."""


@click.command("lsp")
def command() -> None:
    """Serve an editor: findings while typing, ranges and costs under the cursor, fixes, completion.

    It speaks the Language Server Protocol on stdin and stdout; docs/editors.md says how editors start it.
    """
    missing = [name for name in ("pygls", "lsprotocol") if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"the language server needs {' and '.join(missing)}, which this Python does not have; "
            f"install with: pip install '{EXTRA}'"
        ) from None
    from reclaim.lsp.server import make_server
    from reclaim.lsp.streams import claimed_stdout

    make_server().start_io(stdout=claimed_stdout())
