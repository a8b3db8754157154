"""Worker processes: answers, errors, deaths, and an end without orphans."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from reclaim.diag.errors import ConfigError, ReclaimError
from reclaim.lab.worker_pool import Finished, Progress, Report, WorkerBug, work_off


def _square(job: int, report: Report) -> int:
    report(job)
    return job * job


def _answers(jobs: range) -> dict[int, int]:
    return {m.job: m.answer for m in work_off(jobs, _square) if isinstance(m, Finished)}


def test_work_off_answers_every_job() -> None:
    """Each job is done once, whatever the order."""
    assert _answers(range(20)) == {job: job * job for job in range(20)}


def test_work_off_passes_on_what_jobs_report() -> None:
    """The parent hears how far each job is."""
    reports = [message for message in work_off(range(3), _square) if isinstance(message, Progress)]
    assert sorted((report.job, report.done) for report in reports) == [(0, 0), (1, 1), (2, 2)]


def test_work_off_of_nothing_answers_nothing() -> None:
    """No jobs, no answers, no hang."""
    assert _answers(range(0)) == {}


def test_work_off_raises_what_a_user_caused() -> None:
    """A message written for the user arrives as such."""

    def refuse(_job: int, _report: Report) -> int:
        raise ConfigError("too small")

    with pytest.raises(ReclaimError, match="too small"):
        list(work_off(range(2), refuse))


def test_work_off_calls_anything_else_a_bug() -> None:
    """An unexpected exception is ours, and is named."""

    def stumble(_job: int, _report: Report) -> int:
        raise KeyError("lost")

    with pytest.raises(WorkerBug, match="KeyError: 'lost'"):
        list(work_off(range(2), stumble))


def test_work_off_notices_the_death_of_a_worker() -> None:
    """A worker that dies is no endless wait."""

    def die(_job: int, _report: Report) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with pytest.raises(WorkerBug, match="signal 9"):
        list(work_off(range(2), die))


def test_work_off_closed_early_leaves_no_worker() -> None:
    """Whoever stops listening has no processes left, even in the middle of a job."""

    def report_self(_job: int, report: Report) -> int:
        report(os.getpid())
        while True:
            signal.pause()

    messages = work_off(range(1), report_self)
    first = next(messages)
    assert isinstance(first, Progress)
    messages.close()
    assert not Path(f"/proc/{first.done}").exists()
