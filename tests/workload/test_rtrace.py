"""The native container: what is written is read, and damage is named with its place."""

import dataclasses
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reclaim.diag.errors import ConfigError, TraceError
from reclaim.workload import BUFFERED, IFETCH, WRITE, FileSpec, Mapping, TraceHeader, open_trace, write_trace

HEADER = TraceHeader(
    name="small",
    records=6,
    ns_per_access=7,
    files=(FileSpec("/data", 10), FileSpec("/lib", 5)),
    mappings=(
        Mapping(pages=4, kind="anon", name="[heap]", advice="random", locked=True),
        Mapping(pages=3, kind="file", file=1, file_page=2, write=False, exec=True, name="/lib"),
    ),
    source={"command": "true"},
    unseen=("nothing",),
)
RECORDS = np.array([0, 1 | WRITE, 4 | IFETCH, 14 | BUFFERED, 3 | BUFFERED | WRITE, 6], dtype=np.uint32)
NAMES = ["t.rtrace", "t.rtrace.zst"]


def read_all(path: Path, nr_records: int = 1 << 20) -> list[int]:
    """Return every record of a trace."""
    return [int(record) for chunk in open_trace(path).chunks(nr_records) for record in chunk]


@pytest.fixture(params=NAMES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write the small trace, plain or compressed."""
    path = tmp_path / str(request.param)
    write_trace(path, HEADER, [RECORDS[:2], RECORDS[2:]])
    return path


def test_trace_written_and_read_is_the_same(written: Path) -> None:
    """Header and records survive."""
    trace = open_trace(written)
    assert (trace.header, read_all(written)) == (HEADER, RECORDS.tolist())


def test_header_without_advice_and_locks_is_read(tmp_path: Path) -> None:
    """Traces written before mappings had hints are normal and unlocked."""
    path = tmp_path / "old.rtrace"
    write_trace(path, HEADER, [RECORDS])
    data = path.read_bytes()
    (nr_bytes,) = struct.unpack("<I", data[8:12])
    table = json.loads(data[12 : 12 + nr_bytes])
    for mapping in table["mappings"]:
        del mapping["advice"], mapping["locked"]
    head = json.dumps(table).encode()
    path.write_bytes(data[:8] + struct.pack("<I", len(head)) + head + data[12 + nr_bytes :])

    assert [(m.advice, m.locked) for m in open_trace(path).header.mappings] == [("normal", False)] * 2


@pytest.mark.parametrize("size", [1, 2, 5, 6, 100])
def test_chunks_of_any_size_give_the_same_records(written: Path, size: int) -> None:
    """The chunk size is the reader's business alone, and a trace is read as often as wanted."""
    trace = open_trace(written)
    for _ in range(2):
        chunks = [chunk.tolist() for chunk in trace.chunks(size)]
        assert max(map(len, chunks)) <= size
        assert [record for chunk in chunks for record in chunk] == RECORDS.tolist()


def test_footprint_counts_file_pages_once_and_copies_apart(tmp_path: Path) -> None:
    """A mapped and a buffered access to one file page are one page; a written private page is one more."""
    path = tmp_path / "t.rtrace"
    write_trace(path, HEADER, [np.array([4, 12 | BUFFERED, 4 | WRITE, 0, 0], dtype=np.uint32)])
    counts = open_trace(path).page_counts
    assert (counts.anon, counts.file, counts.mapped_file, counts.buffered_file) == (2, 1, 1, 1)


def test_empty_trace_is_not_written(tmp_path: Path) -> None:
    """A trace without accesses is refused, and no file appears."""
    with pytest.raises(ConfigError, match="holds no accesses"):
        write_trace(tmp_path / "t.rtrace", HEADER, [])
    assert list(tmp_path.iterdir()) == []


def test_failing_source_leaves_the_old_file(written: Path) -> None:
    """A writer that fails half-way leaves what was there and nothing else."""

    def broken() -> object:
        yield RECORDS
        raise KeyboardInterrupt

    before = written.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_trace(written, HEADER, broken())  # type: ignore[arg-type]
    assert (written.read_bytes(), list(written.parent.iterdir())) == (before, [written])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    """A trace to /dev/null leaves that a device for everybody else."""
    link = tmp_path / name
    link.symlink_to(os.devnull)
    assert write_trace(link, HEADER, [RECORDS]) == len(RECORDS)
    assert link.is_symlink()
    assert link.is_char_device()


def test_unwritable_folder_is_a_clear_error(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(TraceError, match="cannot be written: No such file"):
        write_trace(tmp_path / "no" / "t.rtrace", HEADER, [RECORDS])


def test_plain_trace_cut_anywhere_is_refused_with_offset(tmp_path: Path) -> None:
    """Every shorter file is an error that names a place not behind the cut."""
    path = tmp_path / "t.rtrace"
    write_trace(path, HEADER, [RECORDS])
    data = path.read_bytes()
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TraceError) as caught:
            read_all(path)
        assert caught.value.offset is not None
        assert caught.value.offset <= length


def test_compressed_trace_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """A zstd file that ends early is an error, not a shorter trace."""
    path = tmp_path / "t.rtrace.zst"
    write_trace(path, HEADER, [RECORDS])
    data = path.read_bytes()
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TraceError):
            read_all(path)


def test_compressed_trace_with_any_byte_changed_is_refused_or_the_same(tmp_path: Path) -> None:
    """Checksums find damage inside zstd data."""
    path = tmp_path / "t.rtrace.zst"
    write_trace(path, HEADER, [RECORDS])
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        try:
            assert read_all(path) == RECORDS.tolist()
        except TraceError:
            continue


def test_bytes_behind_the_last_record_are_refused(written: Path) -> None:
    """The header's count is the truth that the body must match."""
    trace = open_trace(written)
    longer = dataclasses.replace(trace.header, records=5)
    plain = written.with_name("longer.rtrace")
    write_trace(plain, longer, [RECORDS])
    plain.write_bytes(plain.read_bytes() + b"\0\0\0\0")
    with pytest.raises(TraceError, match="bytes after the last record"):
        read_all(plain)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"RTRACE2\n\0\0\0\0", "magic"),
        (b"RTRACE1\n", "length of the header"),
        (b"RTRACE1\n\xff\xff\xff\xff", "at most"),
        (b"RTRACE1\n\x08\0\0\0{}", "cut short"),
        (b"RTRACE1\n\x02\0\0\0{}", "version"),
        (b"RTRACE1\n\x02\0\0\0[]", "object expected"),
        (b"RTRACE1\n\x02\0\0\0{]", "not JSON"),
        (b"RTRACE1\n\x02\0\0\0\xff\xff", "not JSON"),
    ],
)
def test_wrong_start_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    """What is no trace is refused with what was expected."""
    path = tmp_path / "t.rtrace"
    path.write_bytes(data)
    with pytest.raises(TraceError, match=message):
        open_trace(path)


def test_record_outside_the_header_is_named_with_its_offset(tmp_path: Path) -> None:
    """A page beyond the mappings is damage, found when its chunk is read."""
    path = tmp_path / "t.rtrace"
    write_trace(path, HEADER, [np.array([0, 7], dtype=np.uint32)])
    with pytest.raises(TraceError, match="page 7 of the mapping space found, below 7 expected") as caught:
        read_all(path)
    assert caught.value.offset == path.stat().st_size - 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": 2}, "one of 0..1 expected"),
        ({"file_page": 4}, "reaches page 7"),
        ({"pages": -1}, "0 or more"),
        ({"kind": "anon"}, "null expected"),
    ],
)
def test_header_that_does_not_fit_together_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    """A mapping shows pages that its file has."""
    mapping = dataclasses.replace(HEADER.mappings[1], **change)  # type: ignore[arg-type]
    header = dataclasses.replace(HEADER, mappings=(HEADER.mappings[0], mapping))
    with pytest.raises(ConfigError, match=message):
        write_trace(tmp_path / "t.rtrace", header, [RECORDS[:1]])


def test_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    """The file is named with the system's reason."""
    with pytest.raises(TraceError, match=r"no\.rtrace: cannot be read: No such file"):
        open_trace(tmp_path / "no.rtrace")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2**29 - 1), min_size=1, max_size=50), st.sampled_from(NAMES))
def test_any_records_survive(tmp_path_factory: pytest.TempPathFactory, pages: list[int], name: str) -> None:
    """Every value of a record is kept."""
    path = tmp_path_factory.mktemp("any") / name
    header = TraceHeader("any", 0, 1, mappings=(Mapping(pages=2**29, kind="anon"),))
    records = np.array(pages, dtype=np.uint32) | np.uint32(WRITE | IFETCH)
    write_trace(path, header, [records])
    assert np.concatenate(list(open_trace(path).chunks(7))).tolist() == records.tolist()
