"""`reclaim compare`: policies side by side, on traces, synthetic workloads and scenarios."""

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

DEFAULT_POLICIES = ("trad", "mglru")
"""The two that Linux ships."""


@click.command("compare", cls=SectionedCommand)
@click.argument("policies", metavar="[POLICY]...", nargs=-1)
@experiment_options
def command(policies: tuple[str, ...], **options: Any) -> None:
    """Compare policies by misses, stalls and cost; the first is the baseline.

    POLICY is a built-in policy's name or the path of an .rpol file. With no policy, trad and mglru are compared; with
    no workload, the traces of real programs that come with the package are run.
    """
    from reclaim.lab.comparison_table import comparison_tables

    chosen = options_of(options)
    conduct_and_show(make_experiment(policies or DEFAULT_POLICIES, chosen), chosen, comparison_tables)
