"""Walking over syntax trees without knowing what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

from reclaim.lang import nodes

_NO_NODES = frozenset({"span", "name_span", "op_span", "name", "id", "op", "what"})


@cache
def _slots(kind: type[nodes.Node]) -> tuple[str, ...]:
    """Return the fields of a class of nodes that may hold nodes."""
    return tuple(field.name for field in fields(kind) if field.name not in _NO_NODES)


def children(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the nodes directly inside a node, in source order."""
    for slot in _slots(type(node)):
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
