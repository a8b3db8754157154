"""Python that is not in the language, rejected by name, with what to write instead.

The grammar parses these forms so that they can be spoken about. One table says what each is called
and what its author should do; a few more rules are about where a form stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Help
from reclaim.lang import nodes
from reclaim.lang.foreign_edits import offered
from reclaim.lang.meant import CALLS_REPLACED
from reclaim.lang.tree_walk import children

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.lang.findings import Findings

_LACKS = "this language has no"


@dataclass(frozen=True, slots=True)
class Restriction:
    """One form: the name of its page, what it is called, and what to write instead."""

    name: str
    what: str
    instead: str


RESTRICTIONS: dict[str, Restriction] = {
    "while": Restriction(
        "while-loop", "`while`", "use `for i in range(...)`, whose number of rounds can be proved"
    ),
    "try": Restriction("exception-handling", "exceptions", 'check with `if`, and give up with `fail("...")`'),
    "except": Restriction(
        "exception-handling", "exceptions", 'check with `if`, and give up with `fail("...")`'
    ),
    "finally": Restriction(
        "exception-handling", "exceptions", 'check with `if`, and give up with `fail("...")`'
    ),
    "raise": Restriction("exception-handling", "`raise`", 'give up with `fail("...")`'),
    "import": Restriction(
        "import-statement", "`import`", "leave it out: everything a policy may use is there"
    ),
    "from": Restriction("import-statement", "`import`", "leave it out: everything a policy may use is there"),
    "lambda": Restriction("lambda-function", "`lambda`", "use a `def` at the top level"),
    "with": Restriction("with-block", "`with`", "leave it out: a hook is atomic"),
    "yield": Restriction("generator", "`yield`", "use `return`: a function answers once"),
    "async": Restriction("async-code", "`async`", "leave it out: a hook runs to its end at once"),
    "await": Restriction("async-code", "`await`", "leave it out: a hook runs to its end at once"),
    "global": Restriction("global-statement", "`global`", "use a field of a class with base `GlobalState`"),
    "nonlocal": Restriction("global-statement", "`nonlocal`", "use a field of a state class"),
    "del": Restriction("del-statement", "`del`", "use `.remove(key)` or `.discard(key)` on a map"),
    "slash": Restriction(
        "slash-division", "`/`", "use `//`, which rounds down, or `mul_div(a, b, c)` for a * b // c"
    ),
    "power": Restriction("power-operator", "`**`", "use `<<` for powers of two, or a product"),
    "matrix-product": Restriction("matrix-product", "`@`", "use `*`"),
    "float": Restriction(
        "float-number", "floating-point numbers", "use integers, such as percent or 1/10000"
    ),
    "f-string": Restriction(
        "string-value", "f-strings", "use a plain string, and only in `fail`, `unit=` and `doc=`"
    ),
    "bytes": Restriction("string-value", "bytes", "use numbers"),
    "display": Restriction(
        "collection-display",
        "lists, sets and dicts",
        "use `folio_list()` for folios, an array in a state class for numbers, or a map",
    ),
    "comprehension": Restriction("comprehension", "comprehensions", "use a `for` loop"),
    "walrus": Restriction("walrus-assignment", "`:=`", "use an assignment on a line of its own"),
    "starred": Restriction("star-argument", "`*` or `**` before an argument", "use the arguments one by one"),
    "star-parameter": Restriction(
        "star-argument", "`*`, `**` or `/` among parameters", "use plain parameters with types"
    ),
    "default-parameter": Restriction(
        "default-parameter", "default values of parameters", "use the value at each call"
    ),
    "chained-assignment": Restriction(
        "multiple-assignment", "`a = b = value`", "use one assignment for each"
    ),
    "loop-tuple": Restriction(
        "multiple-assignment",
        "loop over several names at once",
        "use `for i in range(n):` with the index alone, and read what it needs inside",
    ),
    "index-tuple": Restriction(
        "multiple-assignment", "several indices in one pair of brackets", "write a pair for each: `a[i][j]`"
    ),
    "choice-display": Restriction(
        "collection-display", "lists, sets and dicts to look in", "use `x == a or x == b`"
    ),
    "choice-tuple": Restriction("multiple-assignment", "tuples to look in", "use `x == a or x == b`"),
    "tuple": Restriction("multiple-assignment", "tuples", "use one value at a time"),
    "tuple-of-one": Restriction(
        "multiple-assignment", "tuples, which a comma behind a value makes", "leave the comma out"
    ),
    "tuple-assignment": Restriction(
        "multiple-assignment",
        "assignment to several names at once",
        "use one assignment for each; to swap, keep one value in a variable first",
    ),
    "slice": Restriction("slice", "slices", "use a `for` loop over the indices"),
    "assert-message": Restriction(
        "assert-message", "`assert` with a message", "use `assert condition`; the verifier says the rest"
    ),
    "loop-else": Restriction("loop-else", "`else` behind a loop", "use a flag that the loop sets"),
    "ellipsis": Restriction("ellipsis", "`...`", "use `pass`"),
    "class-decorator": Restriction("unknown-decorator", "decorators of classes", "leave it out"),
}


def check_restrictions(module: nodes.Module, findings: Findings, lines: Sequence[str]) -> None:
    """Report every form in a module that the language does not have.

    Args:
        module: the tree.
        findings: where they go.
        lines: of the text that the tree was read from.
    """
    stack: list[tuple[nodes.Node, bool]] = [(_without_type(s), False) for s in reversed(module.statements)]
    tried = False
    own = {s.name for s in module.statements if isinstance(s, nodes.Function)}
    while stack:
        node, inside = stack.pop()
        if isinstance(node, nodes.Foreign):
            tried = tried or node.what == "try"
            if not (tried and node.what in ("except", "finally")):
                _report(node, findings, lines)
            if node.what != "async":
                stack.extend((p, inside) for p in reversed(node.parts) if not isinstance(p, nodes.Foreign))
            continue
        if isinstance(node, nodes.Call) and _is_said_as_a_whole(node, own):
            continue
        if inside and isinstance(node, nodes.Function | nodes.Class):
            _nested(node, findings)
            continue
        within = inside or isinstance(node, nodes.Function)
        stack.extend((_in_its_place(child, node), within) for child in reversed(list(children(node))))


def nested_names(module: nodes.Module) -> set[str]:
    """Return the names of functions and classes that stand inside of functions: they are reported where they stand.

    Args:
        module: the tree.
    """
    stack: list[nodes.Node] = [s for s in module.statements if isinstance(s, nodes.Function)]
    found = set()
    while stack:
        inside = list(children(stack.pop()))
        found |= {node.name for node in inside if isinstance(node, nodes.Function | nodes.Class)}
        stack += inside
    return found


def _without_type(statement: nodes.Statement) -> nodes.Node:
    """Return a declaration's value where a type stands behind its name, which is one mistake as a whole."""
    if isinstance(statement, nodes.AnnotatedAssign) and isinstance(statement.value, nodes.Call):
        return statement.value
    return statement


def _is_said_as_a_whole(node: nodes.Call, own: set[str]) -> bool:
    """Tell whether a call is reported with what to write for all of it, so that its arguments say nothing more."""
    name = node.function.id if isinstance(node.function, nodes.Name) else ""
    return name in CALLS_REPLACED and name not in own


def _in_its_place(node: nodes.Node, around: nodes.Node) -> nodes.Node:
    """Return a foreign form under the name that it has in its place: what a loop binds, what `in` looks in."""
    if not isinstance(node, nodes.Foreign) or node.what not in ("tuple", "display"):
        return node
    if isinstance(around, nodes.Subscript) and node is around.index and node.what == "tuple":
        return nodes.Foreign(node.span, "index-tuple")
    if isinstance(around, nodes.For) and node is around.target:
        return nodes.Foreign(node.span, "loop-tuple")
    if isinstance(around, nodes.Comparison) and any(
        op in ("in", "not in") and n is node for op, n in around.rest
    ):
        return nodes.Foreign(node.span, f"choice-{node.what}")
    return node


def _report(node: nodes.Foreign, findings: Findings, lines: Sequence[str]) -> None:
    restriction = RESTRICTIONS[node.what]
    told, edit = offered(node.what, node.span, lines) or (restriction.instead, None)
    findings.note(
        restriction.name,
        f"{_LACKS} {restriction.what}",
        node.span,
        label="not in this language",
        help=(Help(told, edit),),
    )


def _nested(node: nodes.Function | nodes.Class, findings: Findings) -> None:
    if isinstance(node, nodes.Function):
        what, instead = (
            f"function `{node.name}`",
            "put it at the top level; what it needs it takes as parameters",
        )
    else:
        what, instead = f"class `{node.name}`", "put it at the top level"
    findings.note(
        "nested-definition",
        f"{_LACKS} definitions inside of others: {what}",
        node.name_span,
        label="not at the top level",
        help=(Help(instead),),
    )
