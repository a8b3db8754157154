"""`reclaim validate`: tables, JSON, the page, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_runs import invoked, refused, run_apart
from tests.lab.made_recording import made_recording, made_run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return a folder with one case of each algorithm."""
    folder = tmp_path / "recording"
    folder.mkdir()
    return made_recording(folder, made_run(), made_run(lru="mglru", misses=1200))


def test_validate_prints_each_case_and_the_summary(recording: Path) -> None:
    """The tables name cases and counters, and end with winners."""
    result = invoked("validate", str(recording))
    assert result.exit_code == 0, result.output
    parts = ("made anon 50% trad", "made anon 50% mglru", "misses", "1,200", "median error", "Winners:")
    assert [part for part in parts if part not in result.stdout] == []


def test_validate_in_a_pipe_says_nothing_on_stderr(recording: Path) -> None:
    """A progress bar is for terminals."""
    result = run_apart("validate", str(recording))
    assert (result.returncode, result.stderr) == (0, "")


def test_validate_json_to_stdout_is_json_alone(recording: Path) -> None:
    """What a script reads has no tables around it."""
    result = invoked("validate", str(recording), "--only", "trad", "--json", "-")
    assert [case["algorithm"] for case in json.loads(result.stdout)["cases"]] == ["trad"]


def test_validate_writes_page_and_json_that_a_second_run_repeats(recording: Path, tmp_path: Path) -> None:
    """The same recording gives the same files, byte by byte."""
    written = []
    for number in range(2):
        page, data = tmp_path / f"{number}.md", tmp_path / f"{number}.json"
        result = invoked("validate", str(recording), "--markdown", str(page), "--json", str(data))
        assert result.exit_code == 0, result.output
        written.append((page.read_text(encoding="utf-8"), data.read_text(encoding="utf-8")))
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--only", "zipf"], "'zipf'"),
        (["--only", "("], "regular expression"),
        (["--json", "/none/out.json"], "/none"),
        (["--markdown", "/none/page.md"], "/none"),
        (["--markdown", "/"], "--markdown expects a file"),
    ],
)
def test_validate_refuses(recording: Path, arguments: list[str], expected: str) -> None:
    """Each wrong option gets a message that names it."""
    assert expected in refused("validate", str(recording), *arguments)


def test_validate_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    """The message says what such a folder holds."""
    text = refused("validate", str(tmp_path / "none"))
    assert ("none: no such directory" in text, "results.json" in text) == (True, True)


def test_validate_refuses_another_folder(tmp_path: Path) -> None:
    """A directory without results is named with the file that is missing."""
    assert f"{tmp_path}/results.json: missing" in refused("validate", str(tmp_path))


def test_validate_of_bad_results_writes_nothing(recording: Path, tmp_path: Path) -> None:
    """Nothing half-written is left behind."""
    (recording / "results.json").write_text("{", encoding="utf-8")
    page = tmp_path / "page.md"
    refused("validate", str(recording), "--markdown", str(page))
    assert not page.exists()
