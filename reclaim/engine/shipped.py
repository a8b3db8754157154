"""Where the policies and scenarios that come with the package are.

An installed package carries copies inside itself, in `reclaim/_data`; in a checkout they are where people look for
them, at the top of the tree. The copies are asked first, because an installed package has no checkout.
"""

from __future__ import annotations

from pathlib import Path

import reclaim
from reclaim.diag.errors import ConfigError
from reclaim.engine.machine_config import suggest

_PACKAGE = Path(reclaim.__file__).parent


def _files(copied: str, checkout: str, suffix: str) -> dict[str, Path]:
    for folder in (_PACKAGE / "_data" / copied, _PACKAGE.parent / checkout):
        found = {path.stem: path for path in sorted(folder.glob(f"*{suffix}"))}
        if found:
            return found
    return {}


def shipped_policies() -> dict[str, Path]:
    """Return the files of the built-in policies by name, sorted."""
    return _files("policies", "policies", ".rpol")


def shipped_scenarios() -> dict[str, Path]:
    """Return the files of the shipped scenarios by name, sorted."""
    return _files("scenarios", "examples/scenarios", ".toml")


def find_policy(name: str | Path) -> Path:
    """Return the file of a policy that a user named.

    Args:
        name: a built-in policy's name, or the path of an `.rpol` file: whatever holds a `/` or ends in `.rpol`.

    Returns:
        The file, which exists.

    Raises:
        ConfigError: no such built-in policy or no such file.
    """
    if isinstance(name, Path) or "/" in name or name.endswith(".rpol"):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"policy {str(name)!r}: no such file")
        return path
    policies = shipped_policies()
    if name not in policies:
        raise ConfigError(f"unknown policy {name!r}{suggest(name, policies, 'the path of an .rpol file')}")
    return policies[name]
