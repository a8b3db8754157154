"""Foreign formats: each is read as its sources define it, and damage is named with its place."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from reclaim.diag.errors import ConfigError, ReclaimError, TraceError
from reclaim.workload import BUFFERED, IFETCH, PAGE_MASK, WRITE, Trace, format_names, open_trace

IDS = [500, 7, 500, 2**40, 7, 7]
DENSE = [0, 1, 0, 2, 1, 1]
SIZES = [512, 4096, 8192, 1, 4097, 512]
WRITES = [False, True, False, False, True, False]


def oracle_general() -> bytes:
    """Return the requests as libCacheSim's binary format."""
    rows = zip(IDS, SIZES, strict=True)
    return b"".join(struct.pack("<IQIq", time, id_, size, -1) for time, (id_, size) in enumerate(rows))


def vscsi_1() -> bytes:
    """Return the requests as vscsi, version 1."""
    rows = zip(IDS, SIZES, WRITES, strict=True)
    return b"".join(
        struct.pack("<IIIHHQQ", i, size, 1, 0x2A if write else 0x28, 0x100, id_, 99)
        for i, (id_, size, write) in enumerate(rows)
    )


def vscsi_2() -> bytes:
    """Return the requests as vscsi, version 2."""
    rows = zip(IDS, SIZES, WRITES, strict=True)
    return b"".join(
        struct.pack("<HHIIIQQQ", 0x8A if write else 0x88, 0x200, i, size, 1, id_, 99, 5)
        for i, (id_, size, write) in enumerate(rows)
    )


def csv_text() -> bytes:
    """Return the requests as csv with a head line."""
    rows = zip(IDS, SIZES, WRITES, strict=True)
    lines = [f"{i},{'W' if write else 'Read'},{size},{id_}" for i, (id_, size, write) in enumerate(rows)]
    return "\n".join(["Time,Op,Size,LBN", *lines]).encode()


FORMATS = {
    "a.oracleGeneral": (oracle_general, False, 24),
    "a.oracleGeneral.bin": (oracle_general, False, 24),
    "a.vscsi": (vscsi_1, True, 32),
    "b.vscsi": (vscsi_2, True, 40),
    "a.csv": (csv_text, True, None),
}


def records(trace: Trace) -> list[int]:
    """Return every record of a trace."""
    return [int(record) for chunk in trace.chunks(4) for record in chunk]


def save(tmp_path: Path, name: str, data: bytes) -> Path:
    """Write a file, compressed when its name says so."""
    path = tmp_path / name
    path.write_bytes(zstandard.compress(data) if name.endswith(".zst") else data)
    return path


@pytest.mark.parametrize("suffix", ["", ".zst"])
@pytest.mark.parametrize("name", FORMATS)
def test_requests_become_buffered_pages_in_order_of_first_appearance(
    tmp_path: Path, name: str, suffix: str
) -> None:
    """One object is one page of a file, touched through a descriptor; operations are kept."""
    make, has_writes, _ = FORMATS[name]
    trace = open_trace(save(tmp_path, name + suffix, make()))
    writes = WRITES if has_writes else [False] * len(IDS)
    assert records(trace) == [
        page | BUFFERED | (WRITE if write else 0) for page, write in zip(DENSE, writes, strict=True)
    ]
    assert (trace.name, trace.nr_mapped_pages, trace.nr_file_pages, trace.footprint_pages) == (
        name[0],
        0,
        3,
        3,
    )


def test_access_mmap_makes_one_shared_file_mapping(tmp_path: Path) -> None:
    """With --access mmap the same pages are touched through a mapping."""
    trace = open_trace(save(tmp_path, "a.oracleGeneral", oracle_general()), access="mmap")
    (mapping,) = trace.header.mappings
    assert records(trace) == DENSE
    assert (mapping.kind, mapping.shared, mapping.pages, trace.nr_file_pages) == ("file", True, 3, 3)


def test_expanded_objects_without_addresses_get_pages_of_their_own(tmp_path: Path) -> None:
    """An object of n bytes is as many pages as they fill, the first ones shared by all its requests."""
    trace = open_trace(save(tmp_path, "a.oracleGeneral", oracle_general()), expand=True)
    assert [record & PAGE_MASK for record in records(trace)] == [0, 1, 0, 2, 3, 1, 4, 1]


def test_expanded_blocks_share_the_pages_that_overlap(tmp_path: Path) -> None:
    """Sectors 0 and 7 are in one page; a request that crosses a page boundary takes both."""
    lines = b"lbn,size,op\n0,512,r\n7,512,w\n7,1024,r\n16,4096,r\n"
    trace = open_trace(save(tmp_path, "a.csv", lines), expand=True)
    assert records(trace) == [BUFFERED, BUFFERED | WRITE, BUFFERED, 1 | BUFFERED, 2 | BUFFERED]


@pytest.mark.parametrize("name", [name for name, (_, _, size) in FORMATS.items() if size])
def test_binary_requests_cut_short_are_refused_with_the_offset_of_the_record(
    tmp_path: Path, name: str
) -> None:
    """A record that is not whole is named by where it starts."""
    make, _, size = FORMATS[name]
    assert size is not None
    for spare in (1, size // 2, size - 1):
        path = save(tmp_path, name, make()[: 3 * size + spare])
        with pytest.raises(TraceError, match=f"{size} expected") as caught:
            open_trace(path)
        assert caught.value.offset == 3 * size


@pytest.mark.parametrize("name", [*FORMATS, "a.u32", "a.lackey", "a.unknown"])
def test_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    """A trace holds at least one access."""
    with pytest.raises(TraceError, match="empty"):
        open_trace(save(tmp_path, name, b""))


@pytest.mark.parametrize("make", [oracle_general, vscsi_1, vscsi_2, csv_text])
def test_format_is_told_from_contents(tmp_path: Path, make: Callable[[], bytes]) -> None:
    """A name that says nothing is no trouble where the bytes do."""
    assert [
        record & PAGE_MASK for record in records(open_trace(save(tmp_path, "trace.dat", make())))
    ] == DENSE


def test_format_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    """The message lists what --format takes."""
    path = save(tmp_path, "trace.bin", bytes(range(1, 200)))
    with pytest.raises(TraceError, match="--format: rtrace, csv, lackey, oracleGeneral, u32, vscsi"):
        open_trace(path)


def test_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt format gets a suggestion."""
    with pytest.raises(ConfigError, match="did you mean 'oracleGeneral'"):
        open_trace(save(tmp_path, "t", b"x"), format="oracleGenral")
    assert "oracleGeneral" in format_names()


def test_wrong_contents_of_a_known_name_are_refused(tmp_path: Path) -> None:
    """A name that promises a format does not make it one."""
    noise = np.random.default_rng(0).bytes(24 * 32 * 5)
    for name in ("a.oracleGeneral", "a.vscsi", "a.rtrace", "a.csv", "a.lackey"):
        with pytest.raises(TraceError):
            open_trace(save(tmp_path, name, noise))


def test_vscsi_record_of_another_version_is_named(tmp_path: Path) -> None:
    """A stray version in the middle is damage."""
    data = bytearray(vscsi_1() * 20)
    data[32 * 100 + 15] = 7
    with pytest.raises(TraceError, match="version 7 found, 1") as caught:
        open_trace(save(tmp_path, "a.vscsi", bytes(data)))
    assert caught.value.offset == 3200


@pytest.mark.parametrize("access", [None, "mmap", "read"])
def test_u32_keeps_page_indexes(tmp_path: Path, access: str | None) -> None:
    """Anonymous pages lie first, file pages behind them or in the file page space."""
    words = np.array([5, 2 | 1 << 30, 3 | 1 << 31, 0 | 1 << 30 | 1 << 31], dtype="<u4")
    trace = open_trace(save(tmp_path, "a.u32", words.tobytes()), access=access)
    base = BUFFERED if access == "read" else 6
    assert records(trace) == [5, base + 2, 3 | WRITE, base | WRITE]
    assert (trace.nr_mapped_pages, trace.nr_file_pages) == (6 if access == "read" else 9, 3)


def test_u32_cut_short_is_refused(tmp_path: Path) -> None:
    """Three bytes are no access."""
    with pytest.raises(TraceError, match="3 bytes of a record found, 4 expected") as caught:
        open_trace(save(tmp_path, "a.u32", bytes(11)))
    assert caught.value.offset == 8


def test_u32_index_that_no_record_can_hold_is_refused(tmp_path: Path) -> None:
    """A record has 29 bits for the page."""
    with pytest.raises(TraceError, match="at most 536870912"):
        open_trace(save(tmp_path, "a.u32", struct.pack("<I", 1 << 29)))


LACKEY = b"""==12== Lackey, an example Valgrind tool
I  04016b80,3
 S 1ffeffe7e8,8
 L 1ffeffe7e0,8
I  04016b83,5
 M 04222c8f,4
"""


def test_lackey_lines_become_pages_with_merged_flags(tmp_path: Path) -> None:
    """Fetches, loads and stores of a block are one record per page."""
    trace = open_trace(save(tmp_path, "a.lackey", LACKEY))
    assert records(trace) == [0 | IFETCH, 1 | WRITE, 2 | WRITE]
    assert trace.header.source["accesses"] == 5


def test_lackey_line_that_is_none_is_named(tmp_path: Path) -> None:
    """The offset is that of the line."""
    with pytest.raises(TraceError, match="hello") as caught:
        open_trace(save(tmp_path, "a.lackey", LACKEY + b"hello\n"))
    assert caught.value.offset == len(LACKEY)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,b\n1,2\n", "no column for the object in the head line b'a,b'"),
        ("1,2\n3,4\n", "no head line"),
        ("obj,size\n1,2\n3\n", "1 columns found, 2 expected in b'3'"),
        ("obj,size\n1,2\n3,x\n", "expected"),
        ("lbn,size\n1,2\n-3,4\n", "obj is b'-3'"),
        ('obj,size\n"1",2\n', "quoted"),
        ("obj,size\n,2\n", "object is empty"),
        ("obj,size\n", "no accesses"),
    ],
)
def test_csv_that_makes_no_sense_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    """Every message quotes what it found."""
    with pytest.raises(TraceError, match=message):
        open_trace(save(tmp_path, "a.csv", lines.encode()))


def test_csv_columns_may_be_given(tmp_path: Path) -> None:
    """Without a head line the columns are numbered from 1, with any usual delimiter."""
    trace = open_trace(
        save(tmp_path, "a.csv", b"9\t17\tset\n8\tkey a\tGET\n7\t17\tget\n"), columns="obj=2,op=3"
    )
    assert records(trace) == [BUFFERED | WRITE, 1 | BUFFERED, BUFFERED]


@pytest.mark.parametrize("columns", ["obj", "obj=0", "obj=4", "size=1", "key=1", "obj=x"])
def test_csv_columns_that_make_no_sense_are_refused(tmp_path: Path, columns: str) -> None:
    """Roles and numbers are checked."""
    with pytest.raises(ConfigError, match="columns"):
        open_trace(save(tmp_path, "a.csv", b"1,2,3\n"), columns=columns)


def test_native_trace_takes_no_foreign_options(tmp_path: Path) -> None:
    """A native trace knows how it touches its pages."""
    with pytest.raises(ConfigError, match="--access is for foreign traces"):
        open_trace(save(tmp_path, "a.rtrace", b"RTRACE1\n"), access="read")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*FORMATS, "a.u32", "a.lackey", "a.rtrace"]),
    st.binary(max_size=40),
    st.integers(0, 300),
    st.booleans(),
)
def test_any_damage_is_read_or_refused_with_a_message(
    tmp_path_factory: pytest.TempPathFactory, name: str, noise: bytes, position: int, expand: bool
) -> None:
    """Whatever the bytes are, the only failures are those with a message for the user."""
    data = FORMATS[name][0]() if name in FORMATS else LACKEY
    path = save(
        tmp_path_factory.mktemp("damage"), name, data[:position] + noise + data[position + len(noise) // 2 :]
    )
    message = str(path)
    try:
        trace = open_trace(path, expand=expand)
        assert sum(len(chunk) for chunk in trace.chunks()) == trace.nr_records > 0
    except ReclaimError as error:
        message = str(error)
    assert message.startswith(str(path))
