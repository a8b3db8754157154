"""From names to objects: what is loaded, how it is called, what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine.shipped import find_policy
from reclaim.lab.experiment import Experiment, MachineOptions, PolicyChoice, WorkloadChoice
from reclaim.lab.preparation import held_in_memory, prepare, workload_names
from reclaim.workload import synth

FIFO = PolicyChoice("fifo", find_policy("fifo"))
SMALL = WorkloadChoice("synthetic", "zipf:pages=100,accesses=1K")


def test_names_of_workloads_are_short() -> None:
    """Tables name files without folders and suffixes."""
    choices = [WorkloadChoice("trace", "/a/b/sort.rtrace.zst"), WorkloadChoice("scenario", "two.toml")]
    assert workload_names(choices) == ("sort", "two")


def test_names_that_would_be_shared_stay_whole() -> None:
    """Two files of the same name can be told apart."""
    choices = [WorkloadChoice("trace", "a/x.rtrace"), WorkloadChoice("trace", "b/x.rtrace")]
    assert workload_names(choices) == ("a/x.rtrace", "b/x.rtrace")


def test_trace_that_fits_is_held_in_memory() -> None:
    """A trace that is run often is read once."""
    trace = synth(SMALL.source)
    (chunk,) = held_in_memory(trace, 1000).chunks()
    assert chunk.tolist() == next(trace.chunks()).tolist()


def test_trace_that_does_not_fit_is_streamed() -> None:
    """Memory is not spent beyond its room."""
    trace = synth(SMALL.source)
    assert held_in_memory(trace, 999) is trace


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"limits": ("0",)}, "at least 1 page"),
        ({"limits": ("10%", "x")}, "memory limit is 'x'"),
        ({"machine": MachineOptions(swap="tape:1")}, "unknown kind 'tape'"),
        ({"machine": MachineOptions(options={"add_batch": 99})}, "add_batch is 99"),
        ({"policies": (PolicyChoice("fifo", FIFO.path, {"x": 1}),)}, "no tunables"),
    ],
)
def test_prepare_refuses(changes: dict[str, object], expected: str) -> None:
    """What makes no sense is found before the first run."""
    members = {"policies": (FIFO,), "workloads": (SMALL,), **changes}
    with pytest.raises(ConfigError, match=expected):
        prepare(Experiment(**members))  # type: ignore[arg-type]  # a test may be loose


def test_prepare_refuses_a_trace_that_is_not_there(tmp_path: Path) -> None:
    """The message names the file."""
    missing = str(tmp_path / "none.rtrace")
    with pytest.raises(Exception, match=r"none\.rtrace"):
        prepare(Experiment((FIFO,), (WorkloadChoice("trace", missing),)))
