"""`reclaim hooks`: the questions that the core asks a policy."""

from __future__ import annotations

from typing import Any

import click

from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Hook
from reclaim.cli.listing import Listing, as_json_option, plain_data, show
from reclaim.cli.reference_pages import helpers_of, hook_section


def _data(hook: Hook) -> dict[str, Any]:
    return {**plain_data(hook), "helpers": helpers_of(hook)}


@click.command("hooks")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the hooks of a policy, or everything about hook NAME."""
    listing = Listing(
        what="hooks",
        entries=HOOKS,
        columns=("hook", "answers", "the question"),
        row=lambda hook: (hook.name, hook.result, hook.purpose),
        section=lambda hook: "\n".join(hook_section(hook)),
        data=_data,
    )
    show(listing, name, as_json=as_json)
