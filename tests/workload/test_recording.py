"""What valgrind's text says about mappings, files and accesses, fed as text."""

from collections.abc import Iterable

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.workload import BUFFERED, IFETCH, PAGE_MASK, WRITE, Trace, memory_trace
from reclaim.workload.address_space import SnapshotEntry, parse_maps
from reclaim.workload.open_files import OpenFiles
from reclaim.workload.recording import Recording

HEAP, CODE = 0x4A00000, 0x10A000
MAPS = "00108000-0010c000 r-xp 00002000 fe:00 77 /bin/prog\n1ffefff000-1fff001000 rw-p 00000000 00:00 0\n"


def recorded(lines: Iterable[str], maps: str = MAPS, files: OpenFiles | None = None) -> Trace:
    """Feed a recording with lines and end it."""
    recording = Recording(parse_maps(maps), files or OpenFiles("/home"))
    recording.feed("".join(line + "\n" for line in lines).encode())
    header, chunks = recording.finish("test", {}, ())
    return memory_trace(header, np.concatenate(list(chunks)))


def accesses(trace: Trace) -> list[tuple[str, int, int]]:
    """Return each record as name, page within the file or mapping, and flags."""
    names = [(m.name, m.file_page + n) for m in trace.header.mappings for n in range(m.pages)]
    files = [(f.name, n) for f in trace.header.files for n in range(f.pages)]
    rows = []
    for record in np.concatenate(list(trace.chunks())).tolist():
        space = files if record & BUFFERED else names
        rows.append((*space[record & PAGE_MASK], record & (WRITE | BUFFERED | IFETCH)))
    return rows


def call(name: str, arguments: str, answer: int, *, task: int = 1, in_halves: bool = False) -> str:
    """Return a system call as valgrind prints it."""
    start = f"SYSCALL[7,{task}](1) sys_{name} ( {arguments} )"
    if in_halves:
        return f"{start} --> [async] ... \nSYSCALL[7,{task}](1) ... [async] --> Success({answer:#x}) "
    return f"{start}[sync] --> Success({answer:#x}) "


def load(address: int) -> str:
    """Return a load."""
    return f" L {address:08x},8"


def store(address: int) -> str:
    """Return a store."""
    return f" S {address:08x},8"


def test_pages_of_the_start_come_from_the_memory_map() -> None:
    """Code is a file's page with its offset; the stack is anonymous."""
    trace = recorded([f"I  {CODE:08x},4", store(0x1FFF000F00)])
    assert accesses(trace) == [("/bin/prog", 4, IFETCH), ("[stack]", 0, WRITE)]
    assert [(m.kind, m.exec, m.write) for m in trace.header.mappings] == [
        ("file", True, False),
        ("anon", False, True),
    ]


def test_mapped_file_pages_have_the_offset_of_the_mapping() -> None:
    """Mmap's offset and the distance within the mapping add up; untouched ends are cut off."""
    lines = [
        call("openat", "4294967196, 0x10a004(data), 0", 3, in_halves=True),
        call("mmap", f"0x0, 65536, 1, 1, 3, {5 << 12}", HEAP),
        load(HEAP + (2 << 12)),
        load(HEAP + (9 << 12)),
    ]
    trace = recorded(lines)
    (mapping,) = trace.header.mappings
    assert accesses(trace) == [("/home/data", 7, 0), ("/home/data", 14, 0)]
    assert (mapping.pages, mapping.shared, mapping.write, trace.header.files[0].pages) == (8, True, False, 15)


def test_memory_mapped_again_is_new_memory() -> None:
    """After munmap the same address is another page."""
    mapped = call("mmap", "0x0, 4096, 3, 34, 4294967295, 0", HEAP)
    lines = [mapped, store(HEAP), call("munmap", f"{HEAP:#x}, 4096", 0), mapped, store(HEAP)]
    assert recorded(lines).page_counts.anon == 2


def test_fixed_mapping_replaces_the_middle_of_another() -> None:
    """Both ends of the old mapping stay what they were."""
    lines = [
        call("mmap", "0x0, 12288, 3, 34, 4294967295, 0", HEAP),
        *[store(HEAP + (n << 12)) for n in range(3)],
        call("mmap", f"{HEAP + 4096:#x}, 4096, 3, 50, 4294967295, 0", HEAP + 4096),
        *[store(HEAP + (n << 12)) for n in range(3)],
    ]
    trace = recorded(lines)
    assert (trace.page_counts.anon, [m.pages for m in trace.header.mappings]) == (4, [3, 1])


def test_moved_mapping_keeps_its_pages() -> None:
    """Mremap moves pages to another address and adds new ones behind."""
    lines = [
        call("mmap", "0x0, 8192, 3, 34, 4294967295, 0", HEAP),
        store(HEAP + 4096),
        call("mremap", f"{HEAP:#x}, 8192, 16384, 0x1", HEAP + (64 << 12)),
        load(HEAP + (65 << 12)),
        store(HEAP + (66 << 12)),
    ]
    assert accesses(recorded(lines)) == [("[anon]", 0, WRITE), ("[anon]", 1, WRITE)]


def test_heap_grows_within_one_mapping_and_never_gets_pages_back() -> None:
    """Brk extends the heap; a heap that shrank grows with new pages."""
    grow = [call("brk", "0x0", HEAP), call("brk", f"{HEAP + 8192:#x}", HEAP + 8192)]
    shrink = [call("brk", f"{HEAP + 4096:#x}", HEAP + 4096), call("brk", f"{HEAP + 8192:#x}", HEAP + 8192)]
    touch = [store(HEAP), store(HEAP + 4096)]
    trace = recorded([*grow, *touch, *shrink, store(HEAP + 4096)])
    assert accesses(trace) == [("[heap]", 0, WRITE), ("[heap]", 1, WRITE), ("[heap]", 2, WRITE)]


def test_reads_and_writes_go_on_at_the_offset_of_the_descriptor() -> None:
    """Read moves the offset, pread does not, lseek sets it, and a duplicate shares it."""
    lines = [
        call("openat", "-100, 0x1(/data), 2", 3, in_halves=True),
        call("read", f"3, {HEAP:#x}, 4096", 4096, in_halves=True),
        call("pread64", f"3, {HEAP:#x}, 100, 40960", 100, in_halves=True),
        call("dup", "3", 9),
        call("write", f"9, {HEAP:#x}, 5000", 5000, in_halves=True),
        call("lseek", "3, 28672, 0", 28672),
        call("readv", "9, 0x5, 2", 10),
    ]
    rows = [(page, flags) for name, page, flags in accesses(recorded(lines)) if name == "/data"]
    expected = [(0, 0), (10, 0), (1, WRITE), (2, WRITE), (7, 0)]
    assert rows == [(page, flags | BUFFERED) for page, flags in expected]


def test_small_reads_within_a_page_are_one_access() -> None:
    """A read that goes on in the page where the last one ended does not touch it again."""
    lines = [call("openat", "-100, 0x1(/data), 0", 3), *[call("readv", "3, 0x5, 2", 3000) for _ in range(4)]]
    assert [page for _, page, _ in accesses(recorded(lines))] == [0, 1, 2]


def test_buffer_of_a_read_is_written_and_of_a_write_is_read() -> None:
    """The kernel copies through the page table, even for descriptors that are no files."""
    lines = [
        call("mmap", "0x0, 16384, 3, 34, 4294967295, 0", HEAP),
        call("read", f"0, {HEAP + 4000:#x}, 8192", 200, in_halves=True),
        call("write", f"1, {HEAP + 12288:#x}, 8", 8, in_halves=True),
    ]
    assert accesses(recorded(lines)) == [("[anon]", 0, WRITE), ("[anon]", 1, WRITE), ("[anon]", 3, 0)]


def test_appending_writes_go_to_the_end() -> None:
    """With O_APPEND the offset is the size of the file as the program left it."""
    lines = [
        call("openat", "-100, 0x1(/nowhere/log), 1090, 384", 3),
        call("writev", "3, 0x5, 2", 6000),
        call("lseek", "3, 0, 0", 0),
        call("writev", "3, 0x5, 2", 6000),
    ]
    assert [page for _, page, _ in accesses(recorded(lines))] == [0, 1, 2]


@pytest.mark.parametrize(
    "renewal",
    [
        [call("unlink", "0x1(/nowhere/a)", 0)],
        [
            call("openat", "-100, 0x1(/nowhere/b), 66", 4),
            call("rename", "0x1(/nowhere/b), 0x2(/nowhere/a)", 0),
        ],
    ],
)
def test_file_replaced_by_another_has_new_pages(renewal: list[str]) -> None:
    """The page cache belongs to the file, not to its path."""
    opened = [call("openat", "-100, 0x1(/nowhere/a), 66", 3), call("writev", "3, 0x5, 2", 10)]
    assert recorded([*opened, *renewal, *opened]).page_counts.file == 2


def test_truncated_file_has_new_pages() -> None:
    """What is written after a truncation to nothing is new."""
    lines = [
        call("openat", "-100, 0x1(/nowhere/a), 66", 3),
        call("pwritev", "3, 0x5, 2, 0", 10),
        call("ftruncate", "3, 0", 0),
        call("pwritev", "3, 0x5, 2, 0", 10),
    ]
    assert recorded(lines).page_counts.file == 2


def test_failed_and_foreign_calls_change_nothing() -> None:
    """Failures are passed over, and so are descriptors that are no files."""
    lines = [
        "SYSCALL[7,1](257) sys_openat ( -100, 0x1(/data), 0 ) --> [async] ... ",
        "SYSCALL[7,1](257) ... [async] --> Failure(0x2) ",
        call("readv", "3, 0x5, 2", 4096),
        call("openat", "-100, 0x1(/proc/self/maps), 0", 4),
        call("readv", "4, 0x5, 2", 4096),
        load(HEAP),
    ]
    assert recorded(lines).page_counts.file == 0


def test_calls_of_two_threads_may_interleave() -> None:
    """The halves of a call belong together by thread."""
    first, second = (
        call("openat", f"-100, 0x1(/{name}), 0", fd, task=fd, in_halves=True).split("\n")
        for name, fd in (("a", 3), ("b", 4))
    )
    reads = [call("readv", "4, 0x5, 2", 1), call("readv", "3, 0x5, 2", 1)]
    trace = recorded([first[0], second[0], first[1], second[1], *reads])
    assert [name for name, _, _ in accesses(trace)] == ["/b", "/a"]


def test_pages_just_kept_are_dropped_until_they_are_written() -> None:
    """Repeats leave no record, the first write does."""
    lines = [call("mmap", "0x0, 8192, 3, 34, 4294967295, 0", HEAP)]
    lines += [load(HEAP), load(HEAP + 4096)] * 200 + [store(HEAP)] * 3
    assert accesses(recorded(lines)) == [("[anon]", 0, 0), ("[anon]", 1, 0), ("[anon]", 0, WRITE)]


def test_page_comes_again_after_sixty_four_others() -> None:
    """What the hardware would walk the page table for is recorded."""
    lines = [call("mmap", f"0x0, {200 << 12}, 3, 34, 4294967295, 0", HEAP)]
    lines += [load(HEAP + (page << 12)) for page in [*range(100), *range(100)]]
    assert [page for _, page, _ in accesses(recorded(lines))] == [*range(100)] * 2


def test_recording_without_an_access_is_refused() -> None:
    """No trace comes of nothing."""
    with pytest.raises(ConfigError, match="no memory access"):
        recorded(["==7== Lackey"])


def test_memory_map_is_read_with_names_and_offsets() -> None:
    """Names in brackets are anonymous memory, and paths may hold blanks."""
    text = "1000-3000 rw-s 00001000 fe:00 77                 /a b\n5000-6000 r--p 00000000 00:00 0 [vvar]\n"
    assert parse_maps(text) == [SnapshotEntry(1, 3, "rw-s", 1, "/a b"), SnapshotEntry(5, 6, "r--p", 0, "")]
