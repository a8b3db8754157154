"""The pure parts of the recording harness: its plan, its initramfs, and how it reads what the kernel says.

QEMU is not needed here, and no kernel; the texts are as a 6.12 kernel writes them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fidelity.guest_log import (
    faults,
    frames,
    generations,
    key_values,
    phase,
    read_boot,
    read_run,
    residency_hex,
    residency_of,
)
from tests.fidelity.guest_machine import HERE, HarnessError, archive, dependencies, needed_modules
from tests.fidelity.made_traces import FILE, TRACES, WRITE, make_trace, write_traces
from tests.fidelity.record import Trace, guest_plan, read_plan, read_traces, rows_of, runs_of

LRU_GEN = """memcg     1 /
 node     0
          0       1234        100        200
memcg     7 /lab
 node     0
          2       5000          0         10
          3        100         31          4
"""
ZONEINFO = """Node 0, zone      DMA
  pages free     0
        min      1
Node 0, zone    DMA32
  pages free     5000
        boost    0
        min      1009
        low      1261
        high     1513
  pagesets
    cpu: 0
              count: 40
              high:  60
"""
STAT = "77 (replayer (x)) S 1 77 0 0 -1 0 {minor} 0 {major} 0 1 2 0 0 20 0 1 0 9 0 0"
PLAN = """
[[case]]
trace = "zipf"
mode = "fread"
limits = [0.5, 0.75]
readahead_kb = 128
"""


TOGETHER = """
[[case]]
limits = [0.5]
turn = 200
siblings_low = 0.25
[[case.memcg]]
trace = "zipf"
mode = "anon"
low = 0.6
[[case.memcg]]
trace = "loop"
mode = "fread"
"""


def frame(name: str, content: str = "") -> bytes:
    """Return a frame as the replayer writes it."""
    return f"={name} {len(content)}\n{content}\n".encode()


def moment(point: str, scanned: int, major: int) -> bytes:
    """Return the frames of a point of a run."""
    memcg = f"anon 8192\nfile 4096\npgscan {scanned}\n"
    vmstat = f"pgscan_anon {scanned}\npgsteal_anon {scanned // 2}\nnr_free_pages 5\n"
    files = {
        "vmstat": vmstat,
        "zoneinfo": ZONEINFO,
        "uptime": f"{major / 4} 3.00\n",
        "zram": "8192 900 4096 0 4096 0 0 0 0\n",
        "lru_gen": LRU_GEN,
        "memory.stat": memcg,
        "memory.current": "12288\n",
        "memory.swap.current": "4096\n",
        "memory.events": "low 0\nmax 3\n",
        "task": "0",
        "stat": STAT.format(minor=major * 2, major=major),
        "io": f"rchar: 1\nread_bytes: {major * 4096}\n",
    }
    return frame("point", point) + b"".join(frame(name, text) for name, text in files.items())


def said(points: list[bytes], bad: int = 0) -> bytes:
    """Return what a guest says in a boot of one run."""
    over = {
        "point": "over",
        "flushes": "9",
        "task": "0",
        "exit": "0",
        "bad": str(bad),
        "resident": "\1\0\1\1\0",
    }
    end = b"".join(frame(name, text) for name, text in over.items())
    return frame("version", "Linux 6.12\n") + frame("run", "a") + b"".join(points) + end + frame("done")


WHOLE = said([moment("start", 0, 0), moment("populated", 10, 1), moment("end", 110, 43)])


def test_run_is_read_as_differences_between_its_points() -> None:
    """Counters are of the trace phase, levels in pages, generations those of the lab's memcg."""
    log = read_boot(WHOLE)
    row = read_run(log.runs["a"])
    assert log.is_complete
    assert (row["misses"], row["minflt"], row["flushes"]) == (42, 84, 9)
    assert row["populate"]["majflt"] == 1
    assert row["trace_phase"]["memcg"]["pgscan"] == 100
    assert row["trace_phase"]["vmstat"]["pgsteal_anon"] == 50
    assert (row["end"]["anon"], row["end"]["current"], row["end"]["swap_current"]) == (2, 3, 1)
    assert row["gens_end"] == [[2, 0, 10], [3, 31, 4]]
    assert (row["free_pages"], row["watermarks"]) == (5040, [1009, 1261, 1513])
    assert (row["compressed_bytes"], row["trace_s"]) == (450, 10.5)


def test_misses_are_pages_read_from_a_device() -> None:
    """A read() that misses is no fault, and a fault may read more than its page."""
    row = read_run(read_boot(WHOLE).runs["a"])
    assert row["misses"] == row["io_read_pages"] == 42


def test_killed_run_has_no_misses_and_no_residency() -> None:
    """What the OOM killer ended is said to be that."""
    run = read_boot(said([moment("start", 0, 0), moment("killed", 10, 1)])).runs["a"]
    assert (read_run(run)["oom"], read_run(run)["misses"]) == (True, None)
    assert residency_of(run) is None


def test_wrong_page_contents_are_an_error() -> None:
    """A recording of a kernel that mixes up pages would be worth nothing."""
    with pytest.raises(HarnessError, match="3 reads found wrong contents"):
        read_run(read_boot(said([], bad=3)).runs["a"])


@pytest.mark.parametrize("length", range(0, len(WHOLE) - 8, 97))
def test_machine_that_dies_anywhere_leaves_a_log_that_is_not_complete(length: int) -> None:
    """A cut frame is left out, and what is not complete says so."""
    log = read_boot(WHOLE[:length])
    assert not log.is_complete


def test_text_that_is_no_frame_is_an_error() -> None:
    """Something else on the port than the replayer's frames is found, not skipped."""
    with pytest.raises(HarnessError, match="expected a frame"):
        list(frames(b"=a 1\nx\nKernel panic\n"))


def test_reason_of_a_replayer_that_gives_up_is_kept() -> None:
    """The host can say why the guest stopped."""
    assert (
        read_boot(frame("fatal", "mount /dev/vda: No such device")).failure
        == "mount /dev/vda: No such device"
    )


def test_key_values_takes_numbers_only() -> None:
    """memory.stat, vmstat and io are read alike; other lines do not count."""
    assert key_values("anon 5\nread_bytes: 7\nmemcg x\nlow\n") == {"anon": 5, "read_bytes": 7}


def test_faults_survive_any_program_name() -> None:
    """The name stands in parentheses and may hold some."""
    assert faults(STAT.format(minor=5, major=6)) == (5, 6)


def test_generations_of_a_memcg_that_is_not_there_are_none() -> None:
    """A kernel with MGLRU off may say nothing."""
    assert generations("", "/lab") == []
    assert generations(LRU_GEN, "/la") == []


def test_phase_leaves_out_counters_that_a_kernel_does_not_have() -> None:
    """Another version has other counters."""
    points = read_boot(WHOLE).runs["a"].points
    assert set(phase(points["start"].files, points["end"].files)["memcg"]) == {"pgscan"}


def test_residency_is_four_pages_a_digit() -> None:
    """Page i is bit i % 4 of digit i // 4."""
    assert residency_hex("\1\0\1\1\0") == "d0"
    assert residency_hex("") == ""


def test_archive_is_read_by_cpio(tmp_path: Path) -> None:
    """The initramfs is what cpio makes of the entries: names, contents, alignment."""
    data = archive([("a", 0o40755, b""), ("a/b", 0o100644, b"12345"), ("init", 0o100755, b"\0" * 4096)])
    assert len(data) % 4 == 0
    try:
        subprocess.run(["cpio", "-id", "--quiet"], input=data, cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("cpio is not installed")
    assert (tmp_path / "a" / "b").read_bytes() == b"12345"
    assert (tmp_path / "init").stat().st_mode & 0o777 == 0o755


def test_modules_come_after_those_that_they_depend_on() -> None:
    """finit_module() resolves nothing by itself."""
    files = {
        "zram": b"x\0depends=zsmalloc,lz4-compress\0license=GPL\0",
        "lz4_compress": b"depends=\0",
        "zsmalloc": b"depends=\0",
        "other": b"depends=zram\0",
    }
    names = needed_modules(files, ["zram", "ext4"])
    assert names[-1] == "zram"
    assert set(names) == {"zram", "zsmalloc", "lz4_compress"}
    assert dependencies(b"no module") == ()


def test_plan_names_every_limit_under_both_algorithms_and_turns_around() -> None:
    """The second repeat is the first backwards, so that order is no part of the result."""
    cases = read_plan(PLAN)
    traces = {"zipf": Trace(b"\0\0\0\0", 1000, 0)}
    first, second = (runs_of(cases, traces, rep) for rep in (1, 2))
    assert [(run.frac, run.lru) for run in first] == [
        (0.5, "trad"),
        (0.5, "mglru"),
        (0.75, "trad"),
        (0.75, "mglru"),
    ]
    assert [(run.frac, run.lru) for run in second] == [(run.frac, run.lru) for run in first[::-1]]
    assert len({run.identity for run in first + second}) == 8
    lines = guest_plan(first).splitlines()
    assert "limit=500" in lines[0]
    assert "readahead_kb=128" in lines[0]
    assert lines[1] == "task trace=zipf mode=fread anon=0 file=1000"
    assert cases[0].label(0) == "readahead_kb=128"


def test_file_system_is_part_of_a_run_where_it_is_not_the_usual_one() -> None:
    """What was recorded on ext4 before there was xfs is still known by its name."""
    traces = {"zipf": Trace(b"\0\0\0\0", 1000, 0)}
    usual, xfs = (runs_of(read_plan(PLAN + words), traces, 1)[0] for words in ("", 'fs = "xfs"\n'))
    assert "fs=" not in usual.run_words
    assert xfs.run_words == f"{usual.run_words} fs=xfs"
    assert xfs.case.label(0) == "readahead_kb=128 fs=xfs"
    assert usual.identity != xfs.identity


def test_memcgs_of_a_plan_run_together_and_have_names_of_their_own() -> None:
    """Shares become pages of a program's own footprint; a row says what ran beside it."""
    (case,) = read_plan(TOGETHER)
    traces = {"zipf": Trace(b"\0\0\0\0", 1000, 0), "loop": Trace(b"\0\0\0\0", 500, 0)}
    run = runs_of([case], traces, 1)[0]
    assert guest_plan([run]).splitlines()[0].split()[2:5] == ["lru=trad", "limit=750", "tasks=2"]
    assert "siblings_low=375" in guest_plan([run]).splitlines()[0]
    assert guest_plan([run]).splitlines()[1:] == [
        "task trace=zipf mode=anon anon=1000 file=0 low=600 turn=200",
        "task trace=loop mode=fread anon=0 file=500 turn=200",
    ]
    assert case.label(0) == "low=0.6 beside loop fread siblings_low=0.25"
    assert case.label(1) == "beside zipf anon low=0.6 siblings_low=0.25"


def test_rows_of_memcgs_that_ran_together_are_of_their_own_files() -> None:
    """The machine's counters belong to none of them; kernel memory of the memcg with the limit is kept."""
    (case,) = read_plan(TOGETHER)
    traces = {"zipf": Trace(b"\0\0\0\0", 2, 0), "loop": Trace(b"\0\0\0\0", 3, 0)}
    run = runs_of([case], traces, 1)[0]
    points = [moment_of_two(name, scanned) for name, scanned in (("start", 0), ("populated", 8), ("end", 20))]
    over = b"".join(
        frame(name, text)
        for number, resident in enumerate(("\1\0", "\0\1\1"))
        for name, text in (("task", str(number)), ("exit", "0"), ("bad", "0"), ("resident", resident))
    )
    whole = frame("run", "a") + b"".join(points) + frame("point", "over") + frame("flushes", "9") + over
    first, second = rows_of(read_boot(whole + frame("done")).runs["a"], run, 500)
    assert [row["result"]["number"] for row in (first, second)] == [0, 1]
    assert first["result"]["trace_phase"] == {"memcg": {"pgscan": 12}}
    assert second["result"]["trace_phase"] == {"memcg": {"pgscan": 24}}
    assert (first["result"]["low_pages"], "low_pages" in second["result"]) == (1, False)
    assert (first["result"]["limited_kernel"], first["result"]["siblings_low_pages"]) == (3, 1)
    assert [row["result"]["gens_end"] for row in (first, second)] == [[[3, 31, 4]], [[5, 7, 0]]]
    assert [row["residency"]["resident_hex"] for row in (first, second)] == ["1", "6"]


def moment_of_two(point: str, scanned: int) -> bytes:
    """Return the frames of a point of a run of two memcgs, of which the second scans twice as much."""
    lru_gen = "memcg 1 /\n node 0\n"
    lru_gen += (
        "memcg 7 /lab/siblings/0\n node 0\n  3 100 31 4\nmemcg 8 /lab/siblings/1\n node 0\n  5 100 7 0\n"
    )
    lab = {
        "vmstat": "",
        "zoneinfo": ZONEINFO,
        "uptime": "1 3.00\n",
        "zram": "",
        "lru_gen": lru_gen,
        "memory.stat": "kernel 12288\n",
        "memory.current": "0\n",
        "memory.swap.current": "0\n",
        "memory.events": "low 0\n",
    }
    frames_ = [frame("point", point), *(frame(name, text) for name, text in lab.items())]
    for number in range(2):
        own = {
            "task": str(number),
            "stat": STAT.format(minor=0, major=0),
            "io": "read_bytes: 0\n",
            "memory.stat": f"kernel 4096\npgscan {scanned * (number + 1)}\n",
            "memory.current": "4096\n",
            "memory.swap.current": "0\n",
            "memory.events": "low 1\n",
        }
        frames_ += [frame(name, text) for name, text in own.items()]
    return b"".join(frames_)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no cases"),
        (
            TOGETHER.replace("loop", "zipf").replace("low = 0.6", "").replace("fread", "anon"),
            "no two of them alike",
        ),
        (TOGETHER.replace("anon", "fmmap"), "one of them may use the file"),
        (TOGETHER.replace("limits", "trace = 'zipf'\nlimits"), r"unknown \['trace'\]"),
        ("[[case]]\ntrace = 'zipf'", r"missing \['limits', 'mode'\]"),
        ("[[case]]\ntrace = 'z'\nmode = 'anon'\nlimits = [0.5]\nlimit = 3", r"unknown \['limit'\]"),
        ("[[case]]\ntrace = 'z'\nmode = 'mmap'\nlimits = [0.5]", "mode is 'mmap'"),
        ("[[case]]\ntrace = 'z'\nmode = 'anon'\nlimits = [50]", "limits are"),
        ("[[case]]\ntrace = 'z'\nmode = 'anon'\nlimits = [0.5]\nfs = 'btrfs'", "fs is 'btrfs'"),
    ],
)
def test_plan_that_is_wrong_is_refused(text: str, message: str) -> None:
    """A slip in a plan shows before a machine is booted."""
    with pytest.raises(HarnessError, match=message):
        read_plan(text)


@pytest.mark.parametrize("name", TRACES)
def test_made_trace_stays_in_its_regions_and_is_small(name: str) -> None:
    """A trace touches only pages that there are, and most of them."""
    made = make_trace(name)
    pages = made.words & ~(WRITE | FILE)
    is_file = (made.words & FILE) != 0
    assert len(made.words) <= 300_000
    assert is_file.any() == (made.nr_file > 0)
    assert pages[~is_file].max() < made.nr_anon
    assert not is_file.any() or pages[is_file].max() < made.nr_file
    assert len(set(pages.tolist())) > (made.nr_anon + made.nr_file) // 3


def test_written_traces_are_read_again(tmp_path: Path) -> None:
    """meta.json tells what a file must be, and a file that is something else is refused."""
    write_traces(tmp_path, ["loop", "stride"])
    assert read_traces(tmp_path)["loop"].words == make_trace("loop").words.tobytes()
    (tmp_path / "loop.bin.zst").write_bytes((tmp_path / "stride.bin.zst").read_bytes())
    with pytest.raises(HarnessError, match="sha256"):
        read_traces(tmp_path)


def test_replayer_compiles_without_a_warning(tmp_path: Path) -> None:
    """The guest's program builds where there is a compiler, without the guest."""
    command = [
        "cc",
        "-std=gnu11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
        str(HERE / "replayer.c"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
