"""Memory stays bounded by pages and chunks, not by the length of a trace."""

import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from reclaim.workload import Mapping, TraceHeader, open_trace, write_trace
from reclaim.workload.access_trace import Records
from reclaim.workload.record_spool import RecordSpool

NR_RECORDS = 8 << 20
CHUNK = 1 << 16


def peak_bytes(action: Callable[[], object]) -> int:
    """Return the most memory that an action held."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def chunks() -> Iterator[Records]:
    """Yield a long trace."""
    for start in range(0, NR_RECORDS, CHUNK):
        yield np.arange(start, start + CHUNK, dtype=np.uint32) % np.uint32(1000)


@pytest.mark.parametrize("name", ["long.rtrace", "long.rtrace.zst"])
def test_long_native_trace_is_written_and_read_in_little_memory(tmp_path: Path, name: str) -> None:
    """A trace of 32 MiB needs a fraction of that, compressed (some 10,000 : 1 here) or not."""
    path = tmp_path / name
    header = TraceHeader("long", 0, 1, mappings=(Mapping(pages=1000, kind="anon"),))

    def write_and_read() -> None:
        write_trace(path, header, chunks(), level=3)
        assert sum(len(chunk) for chunk in open_trace(path).chunks(CHUNK)) == NR_RECORDS

    assert peak_bytes(write_and_read) < 12 << 20


def test_long_foreign_trace_waits_in_a_temporary_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beyond the limit of records in memory a file takes them, and gives the same."""
    monkeypatch.setattr(RecordSpool.__init__, "__defaults__", (1000,))
    rows = b"".join(struct.pack("<IQIq", i, i % 700, 1, -1) for i in range(5000))
    (tmp_path / "a.oracleGeneral").write_bytes(rows)
    trace = open_trace(tmp_path / "a.oracleGeneral", access="mmap")
    for _ in range(2):
        read = np.concatenate(list(trace.chunks(333))).tolist()
        assert read == [i % 700 for i in range(5000)]


def test_u32_trace_is_never_held_as_a_whole(tmp_path: Path) -> None:
    """The flat format is read from its file in every pass."""
    with (tmp_path / "long.u32").open("wb") as file:
        for chunk in chunks():
            file.write(chunk.tobytes())

    def read() -> None:
        trace = open_trace(tmp_path / "long.u32")
        assert sum(len(chunk) for chunk in trace.chunks(CHUNK)) == NR_RECORDS

    assert peak_bytes(read) < 24 << 20
