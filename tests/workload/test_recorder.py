"""Recording of real programs, where valgrind and a C compiler are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.workload import BUFFERED, PAGE_MASK, WRITE, Trace, open_trace
from reclaim.workload.recorder import record

VALGRIND = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    volatile char *anon, *file;
    static char buffer[4096];
    int mapped = open("mapped", O_RDONLY), plain = open("plain", O_RDWR);

    if (mapped < 0 || plain < 0)
        return 1;
    anon = mmap(0, 100 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    file = mmap(0, 8 << 12, PROT_READ, MAP_SHARED, mapped, 2 << 12);
    for (int page = 10; page < 90; page += 2)
        anon[page << 12] = 1;
    for (int page = 1; page < 6; page++)
        anon[11 << 12] += file[page << 12];
    if (pread(plain, buffer, 4096, 3 << 12) != 4096 || read(plain, buffer, 4096) != 4096)
        return 1;
    if (pwrite(plain, buffer, 4096, 6 << 12) != 4096)
        return 1;
    return 0;
}
"""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Record a program that touches known pages."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if shutil.which("valgrind") is None or compiler is None:
        pytest.skip("valgrind or a C compiler is not installed")
    folder = tmp_path_factory.mktemp("traced")
    (folder / "known.c").write_text(SOURCE)
    subprocess.run([compiler, "-O1", "-o", folder / "known", folder / "known.c"], check=True)
    for name in ("mapped", "plain"):
        (folder / name).write_bytes(bytes(10 << 12))
    before = Path.cwd()
    os.chdir(folder)
    try:
        record(["./known"], folder / "known.rtrace.zst")
    finally:
        os.chdir(before)
    return open_trace(folder / "known.rtrace.zst")


def rows_of(trace: Trace) -> list[tuple[str, str, int, bool]]:
    """Return kind, file name, page and write of every record."""
    mapped = [(str(m.kind), m.name, m.file_page + n) for m in trace.header.mappings for n in range(m.pages)]
    buffered = [("buffered", f.name, n) for f in trace.header.files for n in range(f.pages)]
    rows = []
    for one in (int(one) for chunk in trace.chunks() for one in chunk):
        kind, name, page = (buffered if one & BUFFERED else mapped)[one & PAGE_MASK]
        rows.append((kind, Path(name).name, page, bool(one & WRITE)))
    return rows


def test_mapped_file_is_seen_with_its_offsets(traced: Trace) -> None:
    """Pages 1..5 of a mapping that starts at page 2 of the file are its pages 3..7."""
    rows = [row for row in rows_of(traced) if row[1] == "mapped"]
    assert rows == [("file", "mapped", page, False) for page in range(3, 8)]


def test_descriptors_are_seen_with_their_offsets(traced: Trace) -> None:
    """Pread at page 3, read at page 0, pwrite at page 6."""
    rows = [row for row in rows_of(traced) if row[1] == "plain"]
    assert rows == [("buffered", "plain", page, write) for page, write in ((3, False), (0, False), (6, True))]


def test_anonymous_memory_is_seen_page_by_page(traced: Trace) -> None:
    """Pages 10, 12 … 88 and then 11 of the mapping are touched; the mapping is cut to 10..88."""
    number, mapping = max(
        (pair for pair in enumerate(traced.header.mappings) if pair[1].name == "[anon]"),
        key=lambda pair: pair[1].pages,
    )
    first = sum(m.pages for m in traced.header.mappings[:number])
    records = [int(record) for chunk in traced.chunks() for record in chunk]
    touched = [
        r & PAGE_MASK for r in records if not r & BUFFERED and first <= r & PAGE_MASK < first + mapping.pages
    ]
    assert mapping.pages == 79
    assert touched[:41] == [*range(first, first + 79, 2), first + 1]


def test_program_and_its_tools_are_named(traced: Trace) -> None:
    """The header says what ran, under what, and what cannot be seen."""
    source = traced.header.source
    assert (source["command"], source["tool"]) == ("./known", "reclaim trace record")
    assert source["valgrind"].startswith("valgrind-")
    assert len(traced.header.unseen) > 5
    assert traced.header.ns_per_access >= 1


@VALGRIND
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "exit 3"], "ended with status 3"),
        (["sh", "-c", "kill -KILL $$"], "ended by SIGKILL"),
        (["sh", "-c", "exec true"], "replaced itself"),
        (["no-such-program"], "no such program"),
    ],
)
def test_program_that_fails_leaves_no_trace(tmp_path: Path, command: list[str], message: str) -> None:
    """What did not end well is not kept, and the message says how it ended."""
    with pytest.raises(ConfigError, match=message):
        record(command, tmp_path / "t.rtrace")
    assert list(tmp_path.iterdir()) == []


def test_missing_valgrind_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt install valgrind"):
        record([sys.executable], tmp_path / "t.rtrace")


@pytest.mark.parametrize(
    ("name", "message"), [("t.txt", "ending in .rtrace"), ("no/t.rtrace", "is not there")]
)
def test_target_that_cannot_be_is_refused_before_the_program_runs(
    tmp_path: Path, name: str, message: str
) -> None:
    """Nobody waits for an hour to learn of a wrong name."""
    with pytest.raises(ConfigError, match=message):
        record(["true"], tmp_path / name)


@VALGRIND
def test_interrupted_recording_stops_the_program_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C goes through, and neither file nor process stays."""
    started = []

    def interrupt(nr_accesses: int, nr_records: int) -> None:
        started.append((nr_accesses, nr_records))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(["sh", "-c", "while :; do :; done"], tmp_path / "t.rtrace", progress=interrupt)
    assert (len(started), list(tmp_path.iterdir())) == (1, [])
