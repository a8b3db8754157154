"""`reclaim run`: one policy, and everything that was counted."""

from __future__ import annotations

from typing import Any

import click

from reclaim.cli.experiment_options import (
    SectionedCommand,
    conduct_and_show,
    experiment_options,
    make_experiment,
    options_of,
)


@click.command("run", cls=SectionedCommand)
@click.argument("policy")
@experiment_options
def command(policy: str, **options: Any) -> None:
    """Run one policy and show every counter.

    POLICY is a built-in policy's name or the path of an .rpol file. With no workload, the traces of real programs that
    come with the package are run.
    """
    from reclaim.lab.comparison_table import counter_tables

    chosen = options_of(options)
    conduct_and_show(make_experiment((policy,), chosen), chosen, counter_tables)
