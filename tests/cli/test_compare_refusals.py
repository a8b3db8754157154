"""`reclaim compare` on input that is wrong: a message that helps, exit code 2 or 1, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.engine.shipped import find_policy
from tests.cli.command_runs import SMALL, invoked, refused


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trda"], "did you mean `trad`"),
        (["fif"], "trad, or the path of an .rpol file; did you mean `fifo`?"),
        (["./none.rpol"], "none.rpol"),
        (["fifo", "fifo"], "given twice"),
        (["fifo", str(find_policy("fifo"))], "given twice, also as 'fifo'"),
        (["fifo", "--workload", SMALL, "--workload", SMALL], "given twice"),
        (["fifo", "--workload", "zpif"], "did you mean 'zipf'"),
        (["fifo", "--workload", "zipf:pages=0"], "pages=0"),
        (["fifo", "--workload", "zipf:accesses=0"], "accesses=0"),
        (["fifo", "--workload", SMALL, "--memory-max", "0"], "at least 1"),
        (["fifo", "--workload", SMALL, "--memory-max", "0%"], "at least 1"),
        (["fifo", "--workload", SMALL, "--memory-max", "much"], "'much'"),
        (["fifo", "--workload", SMALL, "--memory-max", "-5"], "'-5'"),
        (["fifo", "--workload", SMALL, "--swap", "tape:5"], "'tape'"),
        (["fifo", "--workload", SMALL, "--swap", "zram"], "no size"),
        (["fifo", "--workload", SMALL, "--reclaim-batch", "0"], "reclaim_batch is 0"),
        (["fifo", "--workload", SMALL, "--swappiness", "201"], "swappiness is 201"),
        (["fifo", "--workload", SMALL, "--format", "csv"], "no --trace"),
        (["fifo", "--scenario", "x.toml", "--memory-max", "5"], "brings its own machine"),
        (["fifo", "--scenario", "/none.toml"], "/none.toml"),
        (["fifo", "--workload", SMALL, "--repeat", "0"], "--repeat"),
        (["fifo", "--workload", SMALL, "--seed", "-1"], "--seed"),
        (["fifo", "--workload", SMALL, "--json", "/none/out.json"], "/none"),
        (["fifo", "--workload", SMALL, "--json", "/"], "is a directory"),
    ],
)
def test_compare_refuses(arguments: list[str], expected: str) -> None:
    """Each wrong input gets a message that names it."""
    assert expected in refused("compare", *arguments)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("s3fifo.small_precent=5", "did you mean `small_percent`"),
        ("s3fifo.small_percent=91", "1 to 90"),
        ("s3fifo.small_percent=many", "'many' found"),
        ("s3fifo.small_percent", "POLICY.TUNABLE=VALUE"),
        ("=5", "POLICY.TUNABLE=VALUE"),
        ("s4fifo.small_percent=5", "did you mean `s3fifo`"),
        ("small_percent=5", "names no policy"),
        ("fifo.small_percent=5", "no tunables"),
    ],
)
def test_compare_refuses_a_setting(setting: str, expected: str) -> None:
    """Each wrong setting gets a message that names what there is."""
    assert expected in refused("compare", "fifo", "s3fifo", "--workload", SMALL, "--set", setting)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (bytes(range(256)) * 8, "--format"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 40, "zst"),
    ],
)
def test_compare_refuses_a_trace(tmp_path: Path, content: bytes | None, expected: str) -> None:
    """A file that is no trace is named, with what is wrong with it."""
    path = tmp_path / "trace"
    if content is not None:
        path.write_bytes(content)
    text = refused("compare", "fifo", "--trace", str(path))
    assert (str(path) in text, expected in text) == (True, True), text


def test_compare_refuses_bytes_as_csv_without_printing_them(tmp_path: Path) -> None:
    """What is shown of a file that is no text is short and does nothing to a terminal."""
    path = tmp_path / "a.u32"
    path.write_bytes(b"\x1b[2J,\xff\x07" * 500)
    text = refused("compare", "fifo", "--trace", str(path), "--format", "csv").rstrip("\n")
    assert (text.isprintable(), "head line b'\\x1b[2J,\\xff" in text, len(text) < 500) == (
        True,
        True,
        True,
    ), text


def test_compare_refuses_a_directory_as_a_trace(tmp_path: Path) -> None:
    """A directory is no trace."""
    assert "irectory" in refused("compare", "fifo", "--trace", str(tmp_path))


def test_compare_refuses_a_trace_that_was_cut_short(tmp_path: Path) -> None:
    """A truncated trace is not run up to where it breaks off."""
    whole = tmp_path / "whole.rtrace"
    made = invoked("trace", "synth", SMALL, "-o", str(whole))
    assert made.exit_code == 0, made.output
    path = tmp_path / "cut.rtrace"
    path.write_bytes(whole.read_bytes()[:-10])
    assert str(path) in refused("compare", "fifo", "--trace", str(path))


def test_compare_with_a_rejected_policy_shows_why_and_runs_nothing(tmp_path: Path) -> None:
    """One policy that is not accepted ends the comparison before its first run, with exit code 1."""
    path = tmp_path / "bad.rpol"
    path.write_text(
        '"""Bad."""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n    return 1 / 2\n', encoding="utf-8"
    )
    target = tmp_path / "out.json"
    result = invoked("compare", "fifo", str(path), "--workload", SMALL, "--json", str(target))
    assert (result.exit_code, result.stdout, target.exists()) == (1, "", False)
    assert result.stderr.count(f"{path}:6") == 1
