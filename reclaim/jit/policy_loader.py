"""From a policy's source to functions that the core can call.

`load_policy` is the front door: hash the source, take the object from the cache, or else have it
parsed, verified and compiled (`policy_compiler`) and store it. Either way only a `VerifiedPolicy`
reaches the code generator: what the cache holds went through it once.

The compiler is imported when the first policy needs it. Parser, verifier and code generator take
longer to import than a cached policy takes to load a hundred times over, and a program whose
policies are all in the cache never needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reclaim.diag.errors import ConfigError
from reclaim.jit import native
from reclaim.jit.object_cache import CacheEntry, ObjectCache, cache_key
from reclaim.jit.policy_image import PolicyImage, hook_symbol

if TYPE_CHECKING:
    from verifier.verified import VerifiedPolicy


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    """Own a policy in native code; keep it for as long as the core may call one of its hooks.

    Args:
        name: file name without suffix.
        path: as the user named it.
        source: the complete source text.
        image: its state, lists, maps, tunables, costs and messages.
        hooks: address of the function of each hook, with the C signature of `struct rcl_ops`.
        is_from_cache: whether the object was found in the cache.
    """

    name: str
    path: str
    source: str
    image: PolicyImage
    hooks: dict[str, int]
    is_from_cache: bool
    _library: native.Library = field(repr=False)


def load_policy(
    path: str | Path, symbols: Mapping[str, int], cache: ObjectCache | None = None
) -> CompiledPolicy:
    """Make a policy file ready to attach.

    Args:
        path: the file, UTF-8.
        symbols: address of each helper of the core, by its C name ("h_random").
        cache: where compiled policies are kept; None compiles anew and stores nothing.

    Returns:
        The policy.

    Raises:
        ConfigError: the file cannot be read.
        PolicyRejected: the parser, the type checker or the verifier does not accept it.
        CoreFault: the core lacks a helper.
    """
    return load_source(read_source(path), str(path), symbols, cache)


def read_source(path: str | Path) -> str:
    """Return the text of a policy file.

    Raises:
        ConfigError: the file cannot be read or is not UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the policy: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start}: not UTF-8, which a policy must be") from error


def load_source(
    source: str, path: str, symbols: Mapping[str, int], cache: ObjectCache | None = None
) -> CompiledPolicy:
    """Make a policy's source text ready to attach; arguments and errors as for `load_policy`."""
    key = cache_key(source)
    entry = None if cache is None else cache.get(key)
    if entry is not None:
        return _link(entry, source, path, symbols, is_from_cache=True)
    from reclaim.jit.policy_compiler import compile_text

    entry = compile_text(source, path)
    if cache is not None:
        cache.put(key, entry)
    return _link(entry, source, path, symbols, is_from_cache=False)


def compile_policy(verified: VerifiedPolicy, symbols: Mapping[str, int]) -> CompiledPolicy:
    """Compile a verified policy, past the cache.

    Args:
        verified: made by the verifier; nothing else is taken.
        symbols: address of each helper of the core, by its C name.

    Returns:
        The policy.

    Raises:
        TypeError: *verified* is not a `VerifiedPolicy`.
        CoreFault: the core lacks a helper.
    """
    from reclaim.jit.policy_compiler import compile_verified

    entry = compile_verified(verified)
    return _link(entry, verified.ir.source, verified.ir.path, symbols, is_from_cache=False)


def _link(
    entry: CacheEntry, source: str, path: str, symbols: Mapping[str, int], *, is_from_cache: bool
) -> CompiledPolicy:
    image = entry.image
    names = {hook: hook_symbol(hook) for hook in image.hooks}
    imports = {helper: symbols.get(helper, 0) for helper in image.helpers}
    library = native.link(entry.code, names.values(), imports)
    hooks = {hook: library.addresses[symbol] for hook, symbol in names.items()}
    return CompiledPolicy(Path(path).stem, path, source, image, hooks, is_from_cache, library)
