"""What a run leaves behind: plain numbers by name, for one phase of a machine's life.

Counters and times are differences between the start and the end of the run; quantiles of stalls cannot be subtracted
and cover the machine's whole life.
"""

from __future__ import annotations

from dataclasses import dataclass

from reclaim.engine.attachment import ExitRecord


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What one task did in a run.

    Args:
        name: its name.
        memcg: path of its memcg.
        state: idle, ended, exited or killed.
        accesses: records run.
        misses: records that had to bring their page in: from swap, from a file, or as zeros.
        virtual_ns: virtual time that passed for it.
    """

    name: str
    memcg: str
    state: str
    accesses: int
    misses: int
    virtual_ns: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did.

    Args:
        accesses: records run, over all tasks.
        misses: pages brought in from swap, files or as zeros, over all tasks.
        counters: the kernel's counters of the whole machine.
        core_did: what the core did for the policies.
        virtual_ns: virtual time that passed until the last task ended.
        stall_ns: p50, p99, p999, max and total of the times that tasks spent in direct and limit reclaim.
        io_stall_ns: the same of the times that they waited for swap and files.
        psi: shares 0 to 1 of the time in which `some` and all running tasks (`full`) stalled on memory.
        tasks: the parts of the tasks.
        ejected: why policies were ejected in this run, oldest first.
        wall_s: seconds of real time.
    """

    accesses: int
    misses: int
    counters: dict[str, int]
    core_did: dict[str, int]
    virtual_ns: int
    stall_ns: dict[str, int]
    io_stall_ns: dict[str, int]
    psi: dict[str, float]
    tasks: tuple[TaskResult, ...]
    ejected: tuple[ExitRecord, ...]
    wall_s: float

    @property
    def accesses_per_s(self) -> float:
        """Return the speed of the simulation."""
        return self.accesses / self.wall_s if self.wall_s else 0.0
