"""A run that is stopped goes on where it stood, and says which version found what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.soundness.campaign import Options, Record, tried

_OPTIONS = Options(native=0, kernel=0)


def test_record_that_is_read_back_goes_on(tmp_path: Path) -> None:
    """A record on disk holds everything; the same files and options continue its last stretch."""
    record, path = Record(), tmp_path / "record.json"
    stretch = record.current(7, _OPTIONS)
    stretch.found, stretch.following = tried(7, 9, _OPTIONS), 9
    record.save(path)
    again = Record.load(path)
    assert again.current(0, _OPTIONS).following == 9
    assert again.total.counts == stretch.found.counts
    assert len(again.stretches) == 1


def test_what_an_older_record_does_not_name_was_not_tried(tmp_path: Path) -> None:
    """A stretch from before Python ran programs is no stretch in which it did."""
    record, path = Record(), tmp_path / "record.json"
    record.current(0, replace(_OPTIONS, python=4))
    record.save(path)
    path.write_text(path.read_text(encoding="utf-8").replace('"python": 4,', ""), encoding="utf-8")
    assert [stretch.options.python for stretch in Record.load(path).stretches] == [0]


def test_changed_options_or_files_begin_a_new_stretch() -> None:
    """Numbers are never tried twice, and counts of different versions are not mixed."""
    record = Record()
    first = record.current(0, _OPTIONS)
    first.following = 100
    other = record.current(0, replace(_OPTIONS, mutants=1))
    assert (other.first, other.following) == (100, 100)
    other.version = "another"
    assert record.current(0, replace(_OPTIONS, mutants=1)) is not other


def test_every_nth_program_is_of_every_kind() -> None:
    """Kinds are dealt by turns, and no turn is left out by "every tenth"."""
    for every in (2, 5, 10, 16, 100):
        turns = {seed % 16 for seed in range(4_000) if Options.is_due(every, seed)}
        assert turns == set(range(16))
