"""`--read-ahead`: recordings of programs are read ahead for as the kernel does, other traces are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reclaim.engine import Machine
from reclaim.workload import shipped
from tests.cli.command_runs import SMALL, refused, runs_of

SORT = next(str(path) for path in shipped() if path.name.startswith("sort"))


def _counter(*arguments: str, name: str = "readahead") -> int:
    (run,) = runs_of("fifo", *arguments)
    return int(run["counters"][name])


def test_read_ahead_is_on_for_a_recording_and_off_for_other_traces(tmp_path: Path) -> None:
    """A recording names its command; a flat trace of the same kind of reads does not."""
    flat = tmp_path / "reads.u32"
    (np.arange(3000, dtype="<u4") | np.uint32(1 << 30)).tofile(flat)
    assert _counter("--trace", SORT) > 0
    assert _counter("--trace", str(flat)) == 0
    assert _counter("--workload", SMALL) == 0


def test_read_ahead_option_overrides_what_the_trace_says(tmp_path: Path) -> None:
    """0 switches readahead and fault-around off, a size switches them on; --exact is without."""
    flat = tmp_path / "reads.u32"
    (np.arange(3000, dtype="<u4") | np.uint32(1 << 30)).tofile(flat)
    assert _counter("--trace", SORT, "--read-ahead", "0") == 0
    assert _counter("--trace", SORT, "--read-ahead", "0", name="fault_around") == 0
    assert _counter("--trace", SORT, "--exact") == 0
    assert _counter("--trace", str(flat), "--read-ahead", "128") == 2999


def test_misses_count_pages_read_ahead() -> None:
    """A miss is a page brought in, whoever asked; major faults are fewer."""
    (off,) = runs_of("trad", "--trace", SORT, "--read-ahead", "0", "--memory-max", "200%")
    (on,) = runs_of("trad", "--trace", SORT, "--read-ahead", "128", "--memory-max", "200%")
    assert on["misses"] >= off["misses"]
    assert on["counters"]["pgmajfault"] < off["counters"]["pgmajfault"]


@pytest.mark.parametrize("window", ["-1", "65537"])
def test_read_ahead_out_of_range_is_refused(window: str) -> None:
    """The message names the option's range."""
    assert "expected 0 to 65536" in refused("compare", "fifo", "--workload", SMALL, "--read-ahead", window)


def test_machine_refuses_a_fault_around_that_is_no_power_of_two() -> None:
    """The kernel rounds it down; a lab says so instead."""
    with pytest.raises(Exception, match="fault_around_bytes is 12288; expected a power of two"):
        Machine(memory_max=1000, fault_around_bytes=12288)
