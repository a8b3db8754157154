"""What is left of a policy after compilation: all that attaching it and reporting on it needs.

A `PolicyImage` says how a policy looks from outside: its state, lists, maps, tunables, hooks with
their proved costs, and where each `fail()` stands. It is made from a verified policy or read back
from the object cache, and the two are equal; whoever attaches a policy cannot tell which it was.

`to_plain` and `from_plain` translate to and from what JSON can say. They are written out by hand so
that reading a cache entry can build nothing but these classes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from reclaim.abi.kinds import INT_KINDS, IntKind
from reclaim.abi.limits import FIRST_POLICY_LIST
from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Span
from reclaim.lang.ir import Fail, ListDecl, MapDecl, PolicyIR, Scope, StateField, Tunable

Plain = Any
"""What JSON can say."""


@dataclass(frozen=True, slots=True)
class HookImage:
    """Describe a compiled hook.

    Args:
        cost: proved worst case in IR operations, helpers included.
        nr_ops: instructions of its IR.
        span: its `def` line.
    """

    cost: int
    nr_ops: int
    span: Span


@dataclass(frozen=True, slots=True)
class FailSite:
    """Describe a `fail("message")`.

    Args:
        message: its text.
        spans: where it stands; more than one place may share a text.
    """

    message: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PolicyImage:
    """Describe a compiled policy.

    Args:
        doc: the module docstring.
        state: scalar leaves of declared state.
        state_bytes: element size of each scope, 0 where nothing is declared.
        lists: declared lists; standard lists are not among them.
        maps: declared maps.
        tunables: in the order of their words in the context.
        fails: by number; `ctx.failed` holds the number + 1.
        hooks: by name.
        helpers: symbols that the object imports.
    """

    doc: str
    state: tuple[StateField, ...]
    state_bytes: dict[Scope, int]
    lists: tuple[ListDecl, ...]
    maps: tuple[MapDecl, ...]
    tunables: tuple[Tunable, ...]
    fails: tuple[FailSite, ...]
    hooks: dict[str, HookImage]
    helpers: tuple[str, ...]

    @property
    def end_of_lists(self) -> int:
        """Return the number after the last list of the policy."""
        return FIRST_POLICY_LIST + sum(declared.count for declared in self.lists)

    def initial_element(self, scope: Scope) -> bytes:
        """Return the bytes of one element of a scope's state before any store."""
        element = bytearray(self.state_bytes[scope])
        for leaf in self.state:
            if leaf.scope is scope:
                value = leaf.initial.to_bytes(leaf.kind.bits // 8, sys.byteorder, signed=leaf.kind.signed)
                for offset in _leaf_offsets(leaf):
                    element[offset : offset + len(value)] = value
        return bytes(element)


def hook_symbol(hook_name: str) -> str:
    """Return the name of a hook's function, one that no C library function has (`exit`)."""
    return f"hook_{hook_name}"


def describe(policy: PolicyIR, costs: dict[str, int], helpers: tuple[str, ...]) -> PolicyImage:
    """Build the image of a verified policy.

    Args:
        policy: its IR.
        costs: proved worst case of each hook in IR operations.
        helpers: symbols that its object imports.

    Returns:
        The image.
    """
    spans: list[list[Span]] = [[] for _ in policy.fail_messages]
    for hook in policy.hooks.values():
        for block in hook.blocks:
            if isinstance(block.terminator, Fail):
                spans[block.terminator.message].append(block.terminator.span)
    return PolicyImage(
        doc=policy.doc,
        state=policy.state,
        state_bytes={scope: policy.state_bytes.get(scope, 0) for scope in Scope},
        lists=policy.lists,
        maps=policy.maps,
        tunables=policy.tunables,
        fails=tuple(
            FailSite(message, tuple(sorted(set(places))))
            for message, places in zip(policy.fail_messages, spans, strict=True)
        ),
        hooks={name: HookImage(costs[name], hook.nr_ops, hook.span) for name, hook in policy.hooks.items()},
        helpers=helpers,
    )


def to_plain(image: PolicyImage) -> Plain:
    """Return an image in the words of JSON."""
    return {
        "doc": image.doc,
        "state": [_state_row(leaf) for leaf in image.state],
        "state_bytes": {scope.value: size for scope, size in image.state_bytes.items()},
        "lists": [[d.name, d.first_number, d.dims, _corners(d.span)] for d in image.lists],
        "maps": [_map_row(declared) for declared in image.maps],
        "tunables": [_tunable_row(tunable) for tunable in image.tunables],
        "fails": [[site.message, [_corners(span) for span in site.spans]] for site in image.fails],
        "hooks": {name: [h.cost, h.nr_ops, _corners(h.span)] for name, h in image.hooks.items()},
        "helpers": image.helpers,
    }


def from_plain(plain: Plain) -> PolicyImage:
    """Return the image that `to_plain` wrote down.

    Args:
        plain: what it returned, after a trip through JSON.

    Returns:
        An image equal to the first.

    Raises:
        KeyError, TypeError, ValueError, IndexError: it is not such a thing.
    """
    return PolicyImage(
        doc=plain["doc"],
        state=tuple(_state_leaf(row) for row in plain["state"]),
        state_bytes={Scope(name): size for name, size in plain["state_bytes"].items()},
        lists=tuple(ListDecl(row[0], row[1], tuple(row[2]), Span.of(*row[3])) for row in plain["lists"]),
        maps=tuple(_map_decl(row) for row in plain["maps"]),
        tunables=tuple(_tunable(row) for row in plain["tunables"]),
        fails=tuple(FailSite(row[0], tuple(Span.of(*span) for span in row[1])) for row in plain["fails"]),
        hooks={name: HookImage(row[0], row[1], Span.of(*row[2])) for name, row in plain["hooks"].items()},
        helpers=tuple(plain["helpers"]),
    )


def _leaf_offsets(leaf: StateField) -> list[int]:
    offsets = [leaf.offset]
    for length, stride in zip(leaf.dims, leaf.strides, strict=True):
        offsets = [offset + index * stride for offset in offsets for index in range(length)]
    return offsets


def _corners(span: Span) -> tuple[int, int, int, int]:
    return span.start.line, span.start.column, span.end.line, span.end.column


def _kind_name(kind: IntKind | None) -> str | None:
    return None if kind is None else kind.name


def _state_row(leaf: StateField) -> Plain:
    numbers = [leaf.is_bool, leaf.min, leaf.max, leaf.initial, leaf.offset, leaf.dims, leaf.strides]
    return [leaf.scope.value, leaf.name, leaf.kind.name, *numbers, _corners(leaf.span)]


def _state_leaf(row: Plain) -> StateField:
    scope, name, kind, is_bool, low, high, initial, offset, dims, strides, span = row
    return StateField(
        Scope(scope),
        name,
        INT_KINDS[kind],
        is_bool,
        low,
        high,
        initial,
        offset,
        tuple(dims),
        tuple(strides),
        Span.of(*span),
    )


def _map_row(declared: MapDecl) -> Plain:
    kinds = [declared.kind.name, _kind_name(declared.key), _kind_name(declared.value)]
    numbers = [declared.number, declared.capacity, declared.count, declared.is_array]
    return [declared.name, declared.scope.value, *kinds, *numbers, _corners(declared.span)]


def _map_decl(row: Plain) -> MapDecl:
    name, scope, kind, key, value, number, capacity, count, is_array, span = row
    return MapDecl(
        name,
        MAP_KINDS[kind],
        number,
        Scope(scope),
        None if key is None else INT_KINDS[key],
        None if value is None else INT_KINDS[value],
        capacity,
        count,
        is_array,
        Span.of(*span),
    )


def _tunable_row(tunable: Tunable) -> Plain:
    numbers = [tunable.is_bool, tunable.default, tunable.min, tunable.max]
    return [tunable.name, tunable.kind.name, *numbers, tunable.unit, tunable.doc, _corners(tunable.span)]


def _tunable(row: Plain) -> Tunable:
    name, kind, is_bool, default, low, high, unit, doc, span = row
    return Tunable(name, INT_KINDS[kind], is_bool, default, low, high, unit, doc, Span.of(*span))
