"""What a loop body does, asked before it is lowered: which names it assigns, and whether it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.lang import nodes
from reclaim.lang.tree_walk import children

if TYPE_CHECKING:
    from collections.abc import Iterator


def names_assigned(suite: nodes.Suite) -> frozenset[str]:
    """Return every plain name that a suite assigns, nested loops and branches included."""
    names: set[str] = set()
    for statement in _statements(suite, into_loops=True):
        if isinstance(statement, nodes.Assign | nodes.AnnotatedAssign | nodes.AugmentedAssign):
            if isinstance(statement.target, nodes.Name):
                names.add(statement.target.id)
        elif isinstance(statement, nodes.Foreign) and statement.what in _BINDING:
            is_import = statement.what in ("import", "from")
            for part in statement.parts if is_import else statement.parts[:-1]:
                names.update(_names_in(part))
    return frozenset(names)


_BINDING = frozenset(("import", "from", "tuple-assignment", "chained-assignment"))
"""Forms that the language does not have and that bind names: using these is no second mistake."""


def _names_in(node: nodes.Node) -> Iterator[str]:
    """Yield the plain names in an expression."""
    if isinstance(node, nodes.Name):
        yield node.id
    for child in children(node):
        yield from _names_in(child)


def breaks(suite: nodes.Suite) -> bool:
    """Tell whether a suite holds a `break` of the loop that it is the body of."""
    return any(isinstance(s, nodes.Break) for s in _statements(suite, into_loops=False))


def _statements(suite: nodes.Suite, *, into_loops: bool) -> Iterator[nodes.Statement]:
    for statement in suite:
        yield statement
        if isinstance(statement, nodes.If):
            for _, branch in statement.branches:
                yield from _statements(branch, into_loops=into_loops)
            yield from _statements(statement.otherwise, into_loops=into_loops)
        elif isinstance(statement, nodes.For) and into_loops:
            yield from _statements(statement.body, into_loops=into_loops)
