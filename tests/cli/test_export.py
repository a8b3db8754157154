"""`reclaim export`: the object it writes, the text it shows, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command_runs import invoked, refused


def test_object_is_written_whole(tmp_path: Path) -> None:
    """The file is an ELF object, and nothing else is left behind."""
    output = tmp_path / "fifo.bpf.o"
    assert invoked("export", "fifo", "-o", str(output)).exit_code == 0
    assert output.read_bytes().startswith(b"\x7fELF")
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_text_shows_instructions() -> None:
    """Assembly goes to the terminal unless a file is named."""
    result = invoked("export", "fifo", "--text")
    assert result.exit_code == 0
    assert "hook_next_batch:" in result.stdout


def test_output_for_two_policies_is_refused(tmp_path: Path) -> None:
    """One file holds one policy."""
    assert "one policy" in refused("export", "fifo", "trad", "-o", str(tmp_path / "x.o"))


def test_nothing_to_do_is_refused() -> None:
    """A policy alone says what, not what for."""
    assert "--check" in refused("export", "fifo")


def test_unwritable_place_is_named(tmp_path: Path) -> None:
    """A folder that does not exist is the user's to make."""
    assert "cannot be written" in refused("export", "fifo", "-o", str(tmp_path / "none" / "x.o"))


def test_rejected_policy_writes_nothing(tmp_path: Path) -> None:
    """What the verifier does not accept is not exported."""
    wrong = tmp_path / "wrong.rpol"
    wrong.write_text(
        '"""Wrong."""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n    return 1 // folio.key\n'
    )
    output = tmp_path / "wrong.bpf.o"
    assert invoked("export", str(wrong), "-o", str(output)).exit_code == 1
    assert not output.exists()
