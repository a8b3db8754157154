"""`reclaim-verify` says what it found in every format, with exit codes that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import verifier.command
from tests.verifier.policy_cases import FOLDER
from verifier.command import main, reclaim_verify

GOOD = str(FOLDER / "accepted" / "guard_by_if.rpol")
BAD = str(FOLDER / "rejected" / "index_above_end.rpol")


def run(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(reclaim_verify, list(args))


def test_command_with_accepted_file_exits_0() -> None:
    """An accepted file is named and nothing is wrong."""
    result = run(GOOD)
    assert (result.exit_code, result.output) == (0, f"{GOOD}: accepted\n")


def test_command_with_rejected_file_exits_1() -> None:
    """One rejected file among accepted ones decides the exit code."""
    result = run(GOOD, BAD)
    assert result.exit_code == 1
    assert "error[RP0501]: index `bucket` of `hist`" in result.output


def test_command_with_missing_file_exits_2(tmp_path: Path) -> None:
    """A file that cannot be read is bad usage, told without a traceback."""
    result = run(str(tmp_path / "none.rpol"))
    assert result.exit_code == 2
    assert "cannot read this file" in result.output


def test_command_without_files_exits_2() -> None:
    """Nothing to verify is bad usage."""
    assert run().exit_code == 2


def test_short_format_has_one_line_per_error() -> None:
    """Editors and grep read path, line and column from it."""
    lines = run("--format", "short", GOOD, BAD).output.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{BAD}:11:17: error[RP0501]: ")


def test_json_format_follows_its_schema() -> None:
    """Programs get the same data: costs, spans, labels, help with edits, witnesses as decimal strings."""
    document = json.loads(run("--format", "json", GOOD, BAD).output)
    good, bad = document["files"]
    (found,) = bad["diagnostics"]
    assert document["version"] == 1
    assert (good["accepted"], bad["accepted"]) == (True, False)
    assert good["hooks"][0]["name"] == "folio_evicted"
    assert found["span"] == {"start": {"line": 11, "column": 17}, "end": {"line": 11, "column": 23}}
    assert found["help"][0]["edit"]["text"] == "min(bucket, 63)"
    assert found["witness"]["bucket"] == "64"


def test_plain_format_names_place_and_fix() -> None:
    """Screen readers and logs get words instead of a picture."""
    output = run("--format", "plain", BAD).output
    assert [part for part in ("RP0501", "min(bucket, 63)", "11") if part not in output] == []


def test_cost_option_shows_each_hook_against_its_budget() -> None:
    """The worst case of an accepted policy can be looked at."""
    output = run("--cost", str(FOLDER / "accepted" / "loop_counter.rpol")).output
    assert "hook `pass_begin`: at most" in output
    assert "range(16)" in output


def test_explain_shows_the_page_of_a_code() -> None:
    """A code is explained by number, in any case, and by name."""
    assert run("--explain", "rp0501").output == run("--explain", "index-out-of-bounds").output


def test_explain_of_unknown_code_suggests_a_close_one() -> None:
    """A slip of the finger is not a dead end."""
    result = run("--explain", "RP051")
    assert result.exit_code == 2
    assert "did you mean RP" in result.output


def test_list_codes_lists_the_verifier_s_codes() -> None:
    """All codes are listed, front end and verifier."""
    listed = {line.split()[1] for line in run("--list-codes").output.splitlines()}
    assert {"unknown-name", "index-out-of-bounds", "budget-exceeded"} <= listed


def test_bug_of_ours_exits_2_without_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure inside of the verifier is told as ours."""

    def broken(_path: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(verifier.command, "compile_file", broken)
    monkeypatch.setattr("sys.argv", ["reclaim-verify", GOOD])
    with pytest.raises(SystemExit) as exit_:
        main()
    captured = capsys.readouterr()
    assert exit_.value.code == 2
    assert "this is our bug" in captured.err
    assert "Traceback" not in captured.err


def test_sarif_format_names_rule_place_and_fix() -> None:
    """Code scanning services get rules, results with regions, and the edits that were verified."""
    document = json.loads(run("--format", "sarif", GOOD, BAD).output)
    (ran,) = document["runs"]
    (result,) = ran["results"]
    place = result["locations"][0]["physicalLocation"]
    change = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in ran["tool"]["driver"]["rules"]] == [result["ruleId"]] == ["RP0501"]
    assert place["artifactLocation"]["uri"] == BAD
    assert place["region"] == {"startLine": 11, "startColumn": 17, "endLine": 11, "endColumn": 23}
    assert change["insertedContent"]["text"] == "min(bucket, 63)"
    assert result["properties"]["witness"]["bucket"] == "64"


def test_fix_option_mends_the_file_and_says_how(tmp_path: Path) -> None:
    """The verified fix is written to the file, which is accepted from then on."""
    file = tmp_path / "mine.rpol"
    file.write_bytes(Path(BAD).read_bytes().replace(b"\n", b"\r\n"))
    result = run("--fix", str(file))
    assert result.exit_code == 0
    assert f"{file}:11:17: RP0501 fixed: write `min(bucket, 63)`" in result.stderr
    assert b"hist[min(bucket, 63)] += 1\r\n" in file.read_bytes()


def test_fix_option_leaves_an_accepted_file_alone(tmp_path: Path) -> None:
    """What is right is not written again."""
    file = tmp_path / "good.rpol"
    file.write_bytes(Path(GOOD).read_bytes())
    before = file.stat().st_mtime_ns
    assert run("--fix", str(file)).exit_code == 0
    assert file.stat().st_mtime_ns == before
