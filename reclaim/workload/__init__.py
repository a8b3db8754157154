"""Workloads: traces of real programs, foreign formats, synthetic generators, and the recorder.

Everything ends in a `Trace`: a header and a re-iterable stream of packed u32 records.
"""

from __future__ import annotations

from reclaim.workload.access_trace import (
    BUFFERED,
    IFETCH,
    PAGE_MASK,
    WRITE,
    FileSpec,
    Mapping,
    PageCounts,
    Trace,
    TraceHeader,
    memory_trace,
)
from reclaim.workload.rtrace import write_trace
from reclaim.workload.shipped_traces import shipped
from reclaim.workload.synthetic import synth
from reclaim.workload.tracefile import format_names, open_trace

__all__ = [
    "BUFFERED",
    "IFETCH",
    "PAGE_MASK",
    "WRITE",
    "FileSpec",
    "Mapping",
    "PageCounts",
    "Trace",
    "TraceHeader",
    "format_names",
    "memory_trace",
    "open_trace",
    "shipped",
    "synth",
    "write_trace",
]
