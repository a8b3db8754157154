"""The fourth execution: the text of a program, run by Python.

What the other three run was made by one front end. This one asks CPython what the text means.
"""

from __future__ import annotations

from tests.fakes.python_run import PythonRun
from tests.soundness.trial import Findings, Run, Trial


def run_by_python(trial: Trial) -> Findings:
    """Replay a program's runs on its text.

    Args:
        trial: of an accepted program.

    Returns:
        What was found.
    """
    found = Findings()
    assert trial.policy is not None
    found.counts["python programs"] += 1
    for run in trial.runs:
        found.counts["python runs"] += 1
        difference = _difference(PythonRun(trial.policy, run.machine, run.env.tape), run)
        if difference:
            found.note("python", trial.name, f"{run.hook}: {difference}")
    return found


def _difference(python: PythonRun, run: Run) -> str | None:
    try:
        answer = python.run(run.hook, run.args)
    except (AssertionError, TypeError, StopIteration) as error:
        return f"{type(error).__name__}: {error}"
    if answer != run.answer:
        return f"answer {answer} instead of {run.answer}"
    return None if python.memory == run.env.memory else "other bytes left behind"
