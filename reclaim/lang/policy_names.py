"""Every name that the language itself binds, so that policies cannot bind it again."""

from __future__ import annotations

from functools import cache

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.limits import ANON, FILE, LRU_ARRAY, STANDARD_LISTS, SWAP_CLUSTER_MAX, SWAPPINESS_ANON_ONLY
from reclaim.abi.maps import MAP_KINDS
from reclaim.lang.ir import Scope
from reclaim.lang.type_rules import type_names

STATE_BASES = {
    "FolioState": Scope.FOLIO,
    "LruvecState": Scope.LRUVEC,
    "MemcgState": Scope.MEMCG,
    "ScanState": Scope.SCAN,
    "GlobalState": Scope.GLOBAL,
}
"""Base classes of declared state."""

STRUCT_BASE = "Struct"
"""Base class of records that nest in state."""

MAP_SCOPES = {"lruvec": Scope.LRUVEC, "memcg": Scope.MEMCG, "machine": Scope.GLOBAL}
"""What ``scope=`` of a map may say."""

NUMBERS = {
    "ANON": ANON,
    "FILE": FILE,
    "INACTIVE": 0,
    "ACTIVE": 1,
    "SWAP_CLUSTER_MAX": SWAP_CLUSTER_MAX,
    "SWAPPINESS_ANON_ONLY": SWAPPINESS_ANON_ONLY,
}
"""Named numbers of the contract."""

INTEGER_FUNCTIONS = (
    "min",
    "max",
    "clamp",
    "sdiv",
    "smod",
    "truncate",
    "saturate",
    "u64",
    "s64",
)
"""Functions of the language that are instructions, not calls of the core."""

DECLARATORS = ("folio_list", "tunable", "field", *MAP_KINDS)
"""Calls that declare something at the top level or in a class."""


@cache
def function_names() -> tuple[str, ...]:
    """Return the names of all functions that an expression may call."""
    helpers = [h.name for h in HELPERS if h.method_of is None]
    answers = [c.name for c in CONSTRUCTORS if c.method_of is None and c.params]
    return (*INTEGER_FUNCTIONS, *helpers, *answers, "fail", "range")


@cache
def constant_names() -> tuple[str, ...]:
    """Return the names of all constants, answers and lists that need no declaration."""
    answers = [c.name for c in CONSTRUCTORS if c.method_of is None and not c.params]
    return (*answers, *NUMBERS, *STANDARD_LISTS, LRU_ARRAY)


@cache
def bound_names() -> frozenset[str]:
    """Return every name that a policy cannot declare at the top level."""
    bases = (*STATE_BASES, STRUCT_BASE)
    return frozenset((*function_names(), *constant_names(), *DECLARATORS, *type_names(), *bases, "hook"))


def hook_names() -> tuple[str, ...]:
    """Return the names of all hooks."""
    return tuple(HOOKS)
