"""Walking over syntax trees without knowing what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from reclaim.lang import nodes

_NO_NODES = frozenset({"span", "name_span", "op_span", "name", "id", "op", "what"})


_SLOTS: dict[str, tuple[str, ...]] = {}


def _slots(node: nodes.Node) -> tuple[str, ...]:
    """Return the fields of a node's class that may hold nodes."""
    kind = type(node).__name__
    if kind not in _SLOTS:
        _SLOTS[kind] = tuple(field.name for field in fields(node) if field.name not in _NO_NODES)
    return _SLOTS[kind]


def children(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the nodes directly inside a node, in source order."""
    for slot in _slots(node):
        value = getattr(node, slot)
        if isinstance(value, nodes.Node):
            yield value
        elif isinstance(value, tuple):
            yield from _inside(value)


def _inside(value: tuple[object, ...]) -> Iterator[nodes.Node]:
    for item in value:
        if isinstance(item, nodes.Node):
            yield item
        elif isinstance(item, tuple):
            yield from _inside(item)
