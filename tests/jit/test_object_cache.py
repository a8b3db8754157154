"""The cache gives back what was stored, or nothing; and it never gets in the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reclaim.abi.kinds import INT_KINDS
from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Span
from reclaim.jit import object_cache
from reclaim.jit.object_cache import CacheEntry, ObjectCache, cache_key, user_cache
from reclaim.jit.policy_image import FailSite, HookImage, PolicyImage, from_plain, to_plain
from reclaim.lang.ir import ListDecl, MapDecl, Scope, StateField, Tunable

_SPAN = Span.of(3, 1, 3, 9)
_KEY = cache_key("text")


def _leaf(name: str, kind: str, offset: int, initial: int, dims: tuple[int, ...] = ()) -> StateField:
    storage = INT_KINDS[kind]
    strides = (storage.bits // 8,) * len(dims)
    return StateField(
        Scope.LRUVEC, name, storage, False, storage.min, storage.max, initial, offset, dims, strides, _SPAN
    )


_IMAGE = PolicyImage(
    doc="what it is",
    state=(_leaf("low", "s16", 0, -2), _leaf("row", "u8", 4, 7, (3,))),
    state_bytes=dict.fromkeys(Scope, 0) | {Scope.LRUVEC: 8},
    lists=(ListDecl("small", 6, (), _SPAN), ListDecl("gens", 7, (4, 2), _SPAN)),
    maps=(
        MapDecl(
            "seen", MAP_KINDS["bloom_filter"], 0, Scope.LRUVEC, INT_KINDS["u64"], None, 512, 2, True, _SPAN
        ),
        MapDecl("sums", MAP_KINDS["array_map"], 2, Scope.GLOBAL, None, INT_KINDS["s64"], 8, 1, False, _SPAN),
    ),
    tunables=(Tunable("share", INT_KINDS["u32"], False, 10, 1, 90, "%", "of memory", _SPAN),),
    fails=(FailSite("gone", (_SPAN,)),),
    hooks={"folio_added": HookImage(120, 17, _SPAN)},
    helpers=("h_random",),
)
_ENTRY = CacheEntry(_IMAGE, b"\x7fELF and more")


@pytest.fixture(autouse=True)
def _unchanged_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody edit the tree while the tests run."""
    monkeypatch.setattr(object_cache, "_toolchain_digest", lambda: object_cache._LOADED_TOOLCHAIN)


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    """Return a cache in a folder that does not exist yet."""
    return ObjectCache(tmp_path / "home" / "cache")


def _only_file(cache: ObjectCache) -> Path:
    (path,) = cache.folder.iterdir()
    return path


def test_image_through_json_is_equal() -> None:
    """What the cache says of a policy is what compilation says."""
    assert from_plain(json.loads(json.dumps(to_plain(_IMAGE)))) == _IMAGE


def test_initial_element_holds_every_leaf() -> None:
    """Each leaf, each element of an array, starts at its declared value."""
    assert _IMAGE.initial_element(Scope.LRUVEC) == b"\xfe\xff\0\0\x07\x07\x07\0"


def test_end_of_lists_is_after_the_last_array() -> None:
    """Arrays of lists take as many numbers as they have elements."""
    assert _IMAGE.end_of_lists == 15


def test_entry_stored_comes_back(cache: ObjectCache) -> None:
    """A hit equals what was put."""
    cache.put(_KEY, _ENTRY)
    assert cache.get(_KEY) == _ENTRY


def test_other_source_finds_nothing(cache: ObjectCache) -> None:
    """One changed character is another policy."""
    cache.put(_KEY, _ENTRY)
    assert cache.get(cache_key("text ")) is None


def test_files_belong_to_the_user_alone(cache: ObjectCache) -> None:
    """Nobody else may read or write compiled policies."""
    cache.put(_KEY, _ENTRY)
    modes = [path.stat().st_mode & 0o777 for path in (cache.folder, _only_file(cache))]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("position", [0, 20, 60, -1])
def test_damaged_byte_reads_as_absent(cache: ObjectCache, position: int) -> None:
    """Damage anywhere in the file is noticed."""
    cache.put(_KEY, _ENTRY)
    contents = bytearray(_only_file(cache).read_bytes())
    contents[position] ^= 1
    _only_file(cache).write_bytes(contents)
    assert cache.get(_KEY) is None


@pytest.mark.parametrize("length", [0, 5, 30, 60, 200])
def test_truncated_file_reads_as_absent(cache: ObjectCache, length: int) -> None:
    """A file that was cut short is noticed."""
    cache.put(_KEY, _ENTRY)
    _only_file(cache).write_bytes(_only_file(cache).read_bytes()[:length])
    assert cache.get(_KEY) is None


def test_entry_under_another_name_reads_as_absent(cache: ObjectCache) -> None:
    """A renamed file does not pass for another policy."""
    cache.put(_KEY, _ENTRY)
    other = cache_key("other text")
    _only_file(cache).rename(cache.folder / f"{other}.object")
    assert cache.get(other) is None


def test_folder_open_to_others_is_not_used(cache: ObjectCache) -> None:
    """What others could have written is not run."""
    cache.put(_KEY, _ENTRY)
    cache.folder.chmod(0o755)
    assert cache.get(_KEY) is None


def test_link_in_place_of_a_file_is_not_followed(cache: ObjectCache, tmp_path: Path) -> None:
    """A symbolic link may point to anybody's file."""
    cache.put(_KEY, _ENTRY)
    moved = _only_file(cache).rename(tmp_path / "elsewhere")
    (cache.folder / f"{_KEY}.object").symlink_to(moved)
    assert cache.get(_KEY) is None


def test_folder_that_cannot_be_made_is_tolerated(tmp_path: Path) -> None:
    """A cache that does not work costs time and nothing else."""
    (tmp_path / "file").write_text("")
    cache = ObjectCache(tmp_path / "file" / "cache")
    cache.put(_KEY, _ENTRY)
    assert cache.get(_KEY) is None


def test_files_of_ours_that_changed_since_import_stop_storing(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code compiled by what is in memory is not filed under what is on disk."""
    monkeypatch.setattr(object_cache, "_toolchain_digest", lambda: "another")
    cache.put(_KEY, _ENTRY)
    assert not cache.folder.exists()


def test_toolchain_holds_every_part_that_has_a_say() -> None:
    """The key follows the contract, the language, the verifier and the code generator."""
    parts = {path.parent.name for path in object_cache._toolchain_files()}
    assert {"abi", "lang", "jit", "verifier"} <= parts


def test_cache_above_its_size_drops_the_oldest(tmp_path: Path) -> None:
    """The entry used longest ago goes first."""
    cache = ObjectCache(tmp_path / "cache", max_bytes=8_000)
    big = CacheEntry(_IMAGE, bytes(3_000))
    for age, text in ((300, "a"), (200, "b"), (100, "c")):
        cache.put(cache_key(text), big)
        path = cache.folder / f"{cache_key(text)}.object"
        if path.exists():
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    assert [cache.get(cache_key(text)) is not None for text in "abc"] == [False, True, True]


def test_unfinished_file_of_a_dead_process_is_removed(cache: ObjectCache) -> None:
    """What a killed process left does not stay for ever."""
    cache.put(_KEY, _ENTRY)
    left = cache.folder / "x.unfinished"
    left.touch()
    os.utime(left, (0, 0))
    cache.put(_KEY, _ENTRY)
    assert not left.exists()


def test_user_cache_stands_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME moves the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = user_cache()
    assert found is not None
    assert found.folder == tmp_path / "reclaim-lab"


def test_user_cache_ignores_a_relative_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG base directory specification: a relative path is invalid and ignored."""
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = user_cache()
    assert found is not None
    assert found.folder == tmp_path / ".cache" / "reclaim-lab"
