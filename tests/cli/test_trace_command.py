"""`reclaim trace`: what a user sees."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reclaim.cli.trace import command
from reclaim.diag.errors import ReclaimError
from reclaim.workload import open_trace, shipped


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    """Write a small synthetic trace."""
    path = tmp_path / "s.rtrace.zst"
    assert run("synth", "scan:pages=8,accesses=20,write=50%", "-o", path).exit_code == 0
    return path


def test_synth_says_what_it_wrote(tmp_path: Path) -> None:
    """One line with records and pages."""
    result = run("synth", "scan:pages=8,accesses=20", "-o", tmp_path / "s.rtrace")
    assert result.output.endswith("s.rtrace: 20 records, 8 pages\n")


def test_info_shows_records_pages_and_mappings(synthetic: Path) -> None:
    """The table and the counts are there."""
    output = run("info", synthetic).output
    assert "records   20:" in output
    assert "pages     8 (0.0 MiB): 8 anonymous, 0 of files" in output
    assert "synthetic" in output


def test_info_as_json_is_json_with_the_whole_header(synthetic: Path) -> None:
    """Scripts get every field."""
    table = json.loads(run("info", "--json", synthetic).output)
    assert (table["records"], table["footprint_pages"], table["counts"]["anon"]) == (20, 8, 8)
    assert table["mappings"][0]["kind"] == "anon"


def test_import_converts_a_foreign_trace(tmp_path: Path) -> None:
    """The result is a native trace with the options applied."""
    (tmp_path / "a.dat").write_text("lbn,size\n0,8192\n16,100\n")
    result = run(
        "import",
        tmp_path / "a.dat",
        "-o",
        tmp_path / "a.rtrace",
        "--format",
        "CSV",
        "--expand",
        "--access",
        "mmap",
    )
    assert result.exit_code == 0, result.output
    assert (
        open_trace(tmp_path / "a.rtrace").nr_mapped_pages,
        open_trace(tmp_path / "a.rtrace").nr_records,
    ) == (3, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "missing.rtrace"),
        ("import", "missing.csv", "-o", "x.rtrace"),
        ("synth", "zpif", "-o", "x.rtrace"),
        ("synth", "zipf", "-o", "no/such/x.rtrace"),
        ("record", "-o", "x.txt", "--", "true"),
    ],
)
def test_wrong_input_is_an_error_of_the_package(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The entry point turns these into a message and exit code 2; nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(run(*arguments).exception, ReclaimError)
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_is_bad_usage(tmp_path: Path) -> None:
    """The choices are listed."""
    result = run("import", "a", "-o", tmp_path / "b.rtrace", "--format", "nope")
    assert (result.exit_code, "oracleGeneral" in result.output or "oraclegeneral" in result.output) == (
        2,
        True,
    )


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_record_passes_options_of_the_program_on(tmp_path: Path) -> None:
    """What follows `--` belongs to the program."""
    result = run("record", "-o", tmp_path / "t.rtrace", "--name", "listing", "--", "ls", "-o", "/")
    assert result.exit_code == 0, result.output
    trace = open_trace(tmp_path / "t.rtrace")
    assert (trace.name, trace.header.source["command"]) == ("listing", "ls -o /")


def test_shipped_traces_are_found_and_small_enough_to_ship() -> None:
    """Every one is whole, at most 2 MB, and says what made it."""
    paths = shipped()
    assert len(paths) >= 4
    for path in paths:
        trace = open_trace(path)
        assert path.stat().st_size <= 2_000_000
        assert trace.footprint_pages > 4000
        assert trace.header.source["command"]
