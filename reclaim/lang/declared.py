"""What the declarations of one policy say, resolved: the table that lowering looks names up in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reclaim.abi.kinds import Hook, IntKind
from reclaim.abi.limits import FIRST_STANDARD_LIST, LRU_ARRAY, LRU_DIMS, STANDARD_LISTS
from reclaim.diag.diagnostic import Span
from reclaim.lang import nodes
from reclaim.lang.ir import ListDecl, MapDecl, Scope, StateField, Tunable, Type

_NOWHERE = Span.of(1, 1, 1, 1)

STANDARD = {
    name: ListDecl(name, FIRST_STANDARD_LIST + index, (), _NOWHERE)
    for index, name in enumerate(STANDARD_LISTS)
} | {LRU_ARRAY: ListDecl(LRU_ARRAY, FIRST_STANDARD_LIST, LRU_DIMS, _NOWHERE)}
"""Lists that every lruvec has, and the array of those that reclaim takes from."""


@dataclass(frozen=True, slots=True)
class Member:
    """A field of declared state as the author reaches it.

    Args:
        dims: array dimensions at this level.
        leaf: the scalar behind it, None for a struct.
        span: its declaration.
    """

    dims: tuple[int, ...]
    leaf: StateField | None
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """A parameter of a function of the author: its type, and its narrow kind where it has one."""

    name: str
    type: Type
    kind: IntKind | None
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionDecl:
    """A function of the author, inlined at each call."""

    node: nodes.Function
    parameters: tuple[FunctionParameter, ...]
    result: Type
    result_kind: IntKind | None


@dataclass(frozen=True, slots=True)
class HookDecl:
    """A hook of the policy: the ABI's entry and the author's function."""

    hook: Hook
    node: nodes.Function
    parameters: tuple[str, ...]


@dataclass(slots=True)
class Declared:
    """Everything that a policy declares.

    Args:
        doc: the docstring.
        constants: values of constants.
        members: fields of each scope by dotted path.
        global_name: name of the GlobalState class, None without one.
        spans: where each top-level name is bound.
        broken: names whose declaration is wrong; using them is not a second error.
    """

    doc: str = ""
    constants: dict[str, int] = field(default_factory=dict)
    tunables: dict[str, Tunable] = field(default_factory=dict)
    lists: dict[str, ListDecl] = field(default_factory=dict)
    maps: dict[str, MapDecl] = field(default_factory=dict)
    members: dict[tuple[Scope, str], Member] = field(default_factory=dict)
    state: list[StateField] = field(default_factory=list)
    state_bytes: dict[Scope, int] = field(default_factory=lambda: dict.fromkeys(Scope, 0))
    global_name: str | None = None
    functions: dict[str, FunctionDecl] = field(default_factory=dict)
    hooks: dict[str, HookDecl] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    broken_scopes: set[Scope] = field(default_factory=set)

    def member_names(self, scope: Scope, prefix: str = "") -> list[str]:
        """Return the names of the fields of a scope, or of the struct at *prefix* in it."""
        start = f"{prefix}." if prefix else ""
        paths = (path for owner, path in self.members if owner is scope and path.startswith(start))
        return [rest for path in paths if "." not in (rest := path[len(start) :])]

    def without_bodies(self) -> Declared:
        """Return the same with nothing but the docstrings of functions inside of them: what travels and is kept is small."""
        functions = {name: replace(f, node=_head(f.node)) for name, f in self.functions.items()}
        hooks = {name: replace(hook, node=_head(hook.node)) for name, hook in self.hooks.items()}
        return replace(self, functions=functions, hooks=hooks)

    def behind(self, newer: Declared) -> Declared:
        """Return what is declared here or in *newer*, which comes first: for texts of which only parts can be read."""
        both = Declared(doc=newer.doc or self.doc, global_name=newer.global_name or self.global_name)
        for name in ("constants", "tunables", "lists", "maps", "members", "functions", "hooks", "spans"):
            setattr(both, name, getattr(self, name) | getattr(newer, name))
        return both


def _head(function: nodes.Function) -> nodes.Function:
    match function.body:
        case (nodes.ExpressionStatement(value=nodes.String()) as doc, *_):
            return replace(function, body=(doc,))
        case _:
            return replace(function, body=())
