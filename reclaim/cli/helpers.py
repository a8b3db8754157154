"""`reclaim helpers`: what a policy may ask of the core."""

from __future__ import annotations

from typing import Any

import click

from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Helper
from reclaim.cli.listing import Listing, as_json_option, plain_data, show
from reclaim.cli.reference_pages import helper_section, helper_title
from reclaim.lang.vocabulary import helper_signature


def _data(helper: Helper) -> dict[str, Any]:
    callers = [hook.name for hook in HOOKS.values() if helper.family in hook.families]
    return {**plain_data(helper), "signature": helper_signature(helper), "called_from": callers}


@click.command("helpers")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the helpers, or everything about helper NAME (`referenced`, `Folio.referenced`)."""
    listing = Listing(
        what="helpers",
        entries={helper_title(helper): helper for helper in HELPERS},
        columns=("helper", "family", "what it does"),
        row=lambda helper: (helper_title(helper), helper.family, helper.doc),
        section=lambda helper: "\n".join(helper_section(helper)),
        data=_data,
    )
    show(listing, name, as_json=as_json)
