"""`reclaim run`: one policy, and everything that was counted."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from reclaim.cli.experiment_options import (
    SectionedCommand,
    conduct_and_show,
    experiment_options,
    make_experiment,
    options_of,
)
from reclaim.cli.observation_options import observation_of, observation_options


@click.command("run", cls=SectionedCommand)
@click.argument("policy")
@experiment_options
@observation_options
def command(policy: str, **options: Any) -> None:
    """Run one policy and show every counter.

    POLICY is a built-in policy's name or the path of an .rpol file. With no workload, the traces of real programs that
    come with the package are run.
    """
    from reclaim.lab.comparison_table import counter_tables

    chosen = options_of(options)
    experiment = make_experiment((policy,), chosen)
    observed = dataclasses.replace(experiment, observation=observation_of(options))
    conduct_and_show(observed, chosen, counter_tables)
