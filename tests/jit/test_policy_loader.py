"""The front door: what it takes, what it refuses, and that the cache changes nothing but the time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from reclaim.diag.errors import ConfigError, CoreFault, PolicyRejected
from reclaim.jit import object_cache, policy_compiler
from reclaim.jit.object_cache import ObjectCache
from reclaim.jit.policy_loader import compile_policy, load_policy, load_source
from reclaim.lang.frontend import compile_source
from tests.fakes.fake_machine import TapeReplay
from verifier.verified import verify_or_raise

_SYMBOLS = TapeReplay().symbols
_SOURCE = '''"""Counts."""

seen = tunable(u32, default=3, min=1, max=9, unit="folios", doc="how many")
old = folio_list(2)
keys = lru_set(key=u64, max_entries=64, scope=lruvec)


class Counted(LruvecState):
    nr_added: u64


@hook
def folio_added(lruvec: Lruvec, folio: Folio) -> Place:
    if lruvec.nr_added == seen:
        fail("enough")
    lruvec.nr_added += 1
    keys.add(folio.key)
    return old[folio.type].head


@hook
def next_batch(lruvec: Lruvec) -> Batch:
    return old[FILE].batch(8) if old[FILE].nr_pages > 0 else old[ANON].batch(8)
'''


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectCache:
    """Return an empty cache that does not mind if somebody edits the tree while the tests run."""
    monkeypatch.setattr(object_cache, "_toolchain_digest", lambda: object_cache._LOADED_TOOLCHAIN)
    return ObjectCache(tmp_path / "cache")


def test_second_load_comes_from_the_cache_and_is_equal(cache: ObjectCache) -> None:
    """Whoever attaches a policy cannot tell where it came from."""
    first = load_source(_SOURCE, "a.rpol", _SYMBOLS, cache)
    second = load_source(_SOURCE, "a.rpol", _SYMBOLS, cache)
    assert (first.is_from_cache, second.is_from_cache) == (False, True)
    assert second.image == first.image
    assert second.hooks.keys() == first.hooks.keys()


def test_cached_policy_takes_its_name_from_the_path_at_hand(cache: ObjectCache) -> None:
    """The same text under another name is the same object and another name."""
    load_source(_SOURCE, "a.rpol", _SYMBOLS, cache)
    second = load_source(_SOURCE, "there/b.rpol", _SYMBOLS, cache)
    assert (second.name, second.path, second.is_from_cache) == ("b", "there/b.rpol", True)


def test_hit_is_decided_before_parsing(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the cache nothing is parsed, verified or compiled."""
    load_source(_SOURCE, "a.rpol", _SYMBOLS, cache)
    monkeypatch.setattr(policy_compiler, "compile_text", None)
    assert load_source(_SOURCE, "a.rpol", _SYMBOLS, cache).is_from_cache


def test_rejected_policy_is_not_stored(cache: ObjectCache) -> None:
    """The cache holds what was accepted and nothing else."""
    wrong = _SOURCE.replace("old[folio.type]", "old[folio.order]")
    with pytest.raises(PolicyRejected):
        load_source(wrong, "a.rpol", _SYMBOLS, cache)
    assert not cache.folder.exists()


def test_image_says_what_was_declared() -> None:
    """Lists, maps, tunables, state and the places of `fail` are all there."""
    image = load_source(_SOURCE, "a.rpol", _SYMBOLS).image
    assert [declared.name for declared in image.lists] == ["old"]
    assert [declared.name for declared in image.maps] == ["keys"]
    assert [declared.name for declared in image.tunables] == ["seen"]
    assert [leaf.name for leaf in image.state] == ["nr_added"]
    assert [(site.message, [span.start.line for span in site.spans]) for site in image.fails] == [
        ("enough", [15])
    ]


def test_only_a_verified_policy_compiles() -> None:
    """Nothing that merely looks verified reaches the code generator."""
    policy = compile_source(_SOURCE, "a.rpol")
    for pretender in (policy, SimpleNamespace(ir=policy, costs={"folio_added": 1})):
        with pytest.raises(TypeError, match="VerifiedPolicy"):
            compile_policy(pretender, _SYMBOLS)  # type: ignore[arg-type]


def test_verified_policy_compiles_past_the_cache() -> None:
    """The middle part alone gives the same as the front door."""
    compiled = compile_policy(verify_or_raise(compile_source(_SOURCE, "a.rpol")), _SYMBOLS)
    assert compiled.image == load_source(_SOURCE, "a.rpol", _SYMBOLS).image


def test_core_without_a_helper_is_named() -> None:
    """A core that is older than the policy is an error before anything runs."""
    symbols = {name: address for name, address in _SYMBOLS.items() if name != "h_lru_set_add"}
    with pytest.raises(CoreFault, match="h_lru_set_add"):
        load_source(_SOURCE, "a.rpol", symbols)


def test_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(ConfigError, match=r"nowhere\.rpol"):
        load_policy(tmp_path / "nowhere.rpol", _SYMBOLS)


def test_file_that_is_not_text_is_a_configuration_error(tmp_path: Path) -> None:
    """The message names the byte."""
    path = tmp_path / "binary.rpol"
    path.write_bytes(b'"""x"""\n\xff')
    with pytest.raises(ConfigError, match="byte 8"):
        load_policy(path, _SYMBOLS)
