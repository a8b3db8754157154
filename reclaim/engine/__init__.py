"""The machine as Python sees it: the native core's binding, policies attached, tasks run, results.

`Machine` is the door; `machine_config` says how a machine is described.
"""

from __future__ import annotations

from reclaim.engine.attachment import Attachment, ExitRecord
from reclaim.engine.machine import Machine, Task
from reclaim.engine.machine_config import (
    MachineConfig,
    MemcgConfig,
    NodeConfig,
    SwapConfig,
    parse_size,
    parse_swap,
)
from reclaim.engine.run_results import Result, TaskResult

__all__ = [
    "Attachment",
    "ExitRecord",
    "Machine",
    "MachineConfig",
    "MemcgConfig",
    "NodeConfig",
    "Result",
    "SwapConfig",
    "Task",
    "TaskResult",
    "parse_size",
    "parse_swap",
]
