"""`reclaim validate`: the model against counters that a real kernel gave."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reclaim.cli.experiment_options import STDOUT, check_target, progress_bar, write_whole

MAX_NEARBY = 64
"""Most pages that a limit near by is off; ours, 128 runs for one."""


@click.command("validate")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--json", "json_path", metavar="FILE|-", help="Write everything as JSON; - for stdout, without tables."
)
@click.option(
    "--only",
    metavar="PATTERN",
    help="Only cases whose name (`zipf10 anon 25% mglru`) this regular expression finds.",
)
@click.option(
    "--nearby",
    metavar="PAGES",
    type=click.IntRange(0, MAX_NEARBY),
    default=0,
    help="Run each case also at all limits up to so many pages off, and show the model's range over them.",
)
@click.option("--markdown", "markdown_path", metavar="FILE", help="Write the page about fidelity.")
def command(
    folder: Path | None, json_path: str | None, only: str | None, nearby: int, markdown_path: str | None
) -> None:
    """Measure the model against recorded kernel counters.

    DIR holds results.json and traces/ as the recording harness leaves them, and may hold residency.jsonl; without it,
    the set that comes with the sources is taken (tests/fidelity/recorded). Every case is run on a machine set up like
    the recorded one; counters, winners, and what is resident at the end are compared.
    """
    from reclaim.lab.comparison_table import text_console
    from reclaim.lab.validation import validate
    from reclaim.lab.validation_json import render_validation_json
    from reclaim.lab.validation_recording import SHIPPED, read_recording
    from reclaim.lab.validation_report import render_markdown, validation_tables

    check_target(json_path, "--json")
    check_target(markdown_path, "--markdown")
    recording = read_recording(SHIPPED if folder is None else folder, only)
    with progress_bar() as progress:
        validation = validate(recording, progress, nearby=nearby)
    if markdown_path is not None:
        write_whole(Path(markdown_path), render_markdown(validation))
    if json_path == STDOUT:
        click.echo(render_validation_json(validation), nl=False)
        return
    if json_path is not None:
        write_whole(Path(json_path), render_validation_json(validation))
    text_console(is_terminal=sys.stdout.isatty()).print(validation_tables(validation))
