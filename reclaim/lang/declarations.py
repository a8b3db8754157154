"""The top level of a policy: which names it binds, and to what.

One pass binds every name, so that order does not matter; a second one gives constants, lists, maps
and tunables their values. Classes are laid out by `state_layout`, signatures of functions are read by
`signatures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.abi.kinds import INT_KINDS
from reclaim.abi.limits import FIRST_POLICY_LIST, MAX_LISTS, MAX_MAP_ENTRIES
from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Edit, Help, Label, Span
from reclaim.lang import nodes
from reclaim.lang.call_arguments import keyword_arguments
from reclaim.lang.constant_values import ConstantValues
from reclaim.lang.declared import Declared
from reclaim.lang.findings import Stop
from reclaim.lang.ir import ListDecl, MapDecl, Tunable
from reclaim.lang.loop_scan import names_assigned
from reclaim.lang.policy_names import DECLARATORS, MAP_SCOPES, STATE_BASES, bound_names
from reclaim.lang.spelling import did_you_mean, listing

if TYPE_CHECKING:
    from reclaim.abi.kinds import IntKind
    from reclaim.lang.findings import Findings
    from reclaim.lang.nodes import Expression

MAX_MAPS = 256
"""Most maps of one policy, far more than any needs; keeps map numbers small."""


def _unquoted(node: Expression) -> tuple[Help, ...]:
    """Offer a scope without the quotes that it was written in."""
    if isinstance(node, nodes.String) and node.value in MAP_SCOPES:
        return (Help(f"write `{node.value}`", Edit(node.span, node.value)),)
    return ()


class TopLevel:
    """Read the assignments at the top level of one module.

    Args:
        module: the tree.
        findings: where mistakes go.
    """

    def __init__(self, module: nodes.Module, findings: Findings) -> None:
        self.findings = findings
        self.declared = Declared()
        self.functions: list[nodes.Function] = []
        self.classes: list[nodes.Class] = []
        self._assigned: list[tuple[str, nodes.Assign]] = []
        self._next_list = FIRST_POLICY_LIST
        self._next_map = 0
        for index, statement in enumerate(module.statements):
            self._bind_statement(statement, is_first=index == 0)
        plain = {name: a.value for name, a in self._assigned if not _declarator(a.value)}
        self.constants = ConstantValues(plain, findings)
        for name, assignment in self._assigned:
            self._resolve(name, assignment)

    def _bind_statement(self, statement: nodes.Statement, is_first: bool) -> None:
        match statement:
            case nodes.ExpressionStatement(value=nodes.String(value=text)):
                if is_first:
                    self.declared.doc = text
            case nodes.Assign(target=nodes.Name(id=name)):
                if self._bind(name, statement.target.span):
                    self._assigned.append((name, statement))
            case nodes.Function(name=name, name_span=span):
                is_hook = any(isinstance(d, nodes.Name) and d.id == "hook" for d in statement.decorators)
                if self._bind(name, span, is_hook):
                    self.functions.append(statement)
            case nodes.Class(name=name, name_span=span):
                if self._bind(name, span):
                    self.classes.append(statement)
                else:
                    self._lose_fields(statement)
            case nodes.AnnotatedAssign(target=nodes.Name(id=name), value=nodes.Call()):
                self.declared.broken.add(name)
                self._typed_declaration(name, statement)
            case nodes.AnnotatedAssign(target=nodes.Name(id=name), annotation=annotation, value=value):
                self.declared.broken.add(name)
                end = value.span.start if value is not None else annotation.span.end
                self.findings.note(
                    "invalid-declaration",
                    "a constant has no type",
                    annotation.span,
                    label="not here",
                    help=(Help(f"write `{name} = ...`", Edit(Span(statement.target.span.end, end), " = ")),),
                )
            case nodes.Foreign():
                self.declared.broken |= names_assigned((statement,))
            case nodes.ExpressionStatement(value=nodes.Call(function=nodes.Name(id="SEC"))):
                self.findings.note(
                    "statement-at-top-level",
                    "there are no sections: a hook is marked `@hook`, and bears the name of what calls it",
                    statement.span,
                    label="this is C for BPF",
                    help=(Help("leave it out", Edit(statement.span, "")),),
                )
            case _:
                message = "the top level holds declarations only"
                note = "constants, `folio_list()`, maps, `tunable(...)`, state classes, hooks and functions"
                self.findings.note(
                    "statement-at-top-level",
                    message,
                    statement.span,
                    label="belongs into a hook or function",
                    notes=(note,),
                )

    def _lose_fields(self, definition: nodes.Class) -> None:
        """Let the fields of a class whose name is wrong be no further errors."""
        for base in definition.bases:
            scope = STATE_BASES.get(base.value.id) if isinstance(base.value, nodes.Name) else None
            if scope is not None:
                self.declared.broken_scopes.add(scope)

    def _typed_declaration(self, name: str, statement: nodes.AnnotatedAssign) -> None:
        target, annotation = statement.target.span, statement.annotation.span
        self.findings.note(
            "invalid-declaration",
            f"the declaration of `{name}` takes no type behind its name",
            annotation,
            label="say it among the arguments",
            help=(Help(f"write `{name} = ...`", Edit(Span(target.end, annotation.end), "")),),
        )

    def _bind(self, name: str, span: Span, is_hook: bool = False) -> bool:
        if name in bound_names() and not is_hook:
            message = f"`{name}` is a word of the language and cannot be declared again"
            other = f"Per{name}" if name[0].isupper() else f"{name}_"
            help_ = (Help(f"write `{other}`", Edit(span, other)),) if other not in self.declared.spans else ()
            self.findings.note("reserved-name", message, span, label="choose another name", help=help_)
            self.declared.broken.add(name)
            return False
        if name in self.declared.spans:
            self.findings.note(
                "duplicate-name",
                f"`{name}` is declared twice",
                span,
                label="declared again here",
                labels=(Label(self.declared.spans[name], "first declared here"),),
            )
            return False
        self.declared.spans[name] = span
        return True

    def _resolve(self, name: str, assignment: nodes.Assign) -> None:
        try:
            match assignment.value:
                case nodes.Call(function=nodes.Name(id=kind)) as call if kind in DECLARATORS:
                    self._declare(name, kind, call, assignment.target.span)
                case nodes.Call(function=nodes.Name(id=kind) as function) if kind not in _FOLDED:
                    self._unknown_declarator(kind, function)
                case _:
                    self.declared.constants[name] = self.constants.named(name, assignment.value)
        except Stop:
            self.declared.broken.add(name)

    def _unknown_declarator(self, kind: str, function: nodes.Node) -> None:
        kinds = [k for k in DECLARATORS if k != "field"]
        self.findings.stop(
            "unknown-name",
            f"nothing called `{kind}` can be declared here",
            function.span,
            label="unknown",
            notes=(f"declarations are {listing(kinds, 20)}",),
            help=did_you_mean(kind, kinds, function.span),
        )

    def _declare(self, name: str, kind: str, call: nodes.Call, span: Span) -> None:
        if kind == "folio_list":
            self._declare_list(name, call, span)
        elif kind == "tunable":
            self._declare_tunable(name, call, span)
        elif kind == "field":
            message = "`field(...)` belongs behind a field of a state class"
            self.findings.stop("invalid-declaration", message, call.span, label="not at the top level")
        else:
            self._declare_map(name, kind, call, span)

    def _declare_list(self, name: str, call: nodes.Call, span: Span) -> None:
        for argument in call.arguments:
            if argument.name is not None:
                message = "`folio_list` takes the lengths of its dimensions only, by position"
                self.findings.stop("unknown-keyword", message, argument.name_span, label="no such keyword")
        if len(call.arguments) > 2:
            message = f"an array of lists has at most 2 dimensions, but here are {len(call.arguments)}"
            self.findings.stop("wrong-argument-count", message, call.span, label="too many dimensions")
        dims = tuple(
            self.ranged(a.value, 1, MAX_LISTS - FIRST_POLICY_LIST, "the length of an array of lists")
            for a in call.arguments
        )
        made = ListDecl(name, self._next_list, dims, span)
        if self._next_list + made.count > MAX_LISTS:
            message = f"the policy declares more than {MAX_LISTS - FIRST_POLICY_LIST} lists"
            note = f"`{name}` needs {made.count}, and {MAX_LISTS - self._next_list} are left"
            self.findings.stop("too-many-lists", message, call.span, label="too many", notes=(note,))
        self._next_list += made.count
        self.declared.lists[name] = made

    def _declare_map(self, name: str, kind_name: str, call: nodes.Call, span: Span) -> None:
        kind = MAP_KINDS[kind_name]
        needed = [
            *(["key"] if kind.keyed else []),
            *(["value"] if kind.valued else []),
            kind.size_param,
            "scope",
        ]
        given = keyword_arguments(call, kind_name, needed, ["count"], self.findings)
        size = self.ranged(given[kind.size_param], 1, MAX_MAP_ENTRIES, f"`{kind.size_param}`")
        count = self.ranged(given["count"], 1, MAX_MAPS, "`count`") if "count" in given else 1
        scope_node = given["scope"]
        scope = scope_node.id if isinstance(scope_node, nodes.Name) else ""
        if scope not in MAP_SCOPES:
            self.findings.stop(
                "invalid-declaration",
                f"`scope=` of a map is {listing(MAP_SCOPES)}",
                scope_node.span,
                label="no such scope",
                help=_unquoted(scope_node) or did_you_mean(scope, MAP_SCOPES, scope_node.span),
            )
        if self._next_map + count > MAX_MAPS:
            message = f"the policy declares more than {MAX_MAPS} maps"
            self.findings.stop("invalid-declaration", message, call.span, label="too many")
        self.declared.maps[name] = MapDecl(
            name,
            kind,
            self._next_map,
            MAP_SCOPES[scope],
            self._int_kind(given["key"], "key") if kind.keyed else None,
            self._int_kind(given["value"], "value") if kind.valued else None,
            size,
            count,
            "count" in given,
            span,
        )
        self._next_map += count

    def _declare_tunable(self, name: str, call: nodes.Call, span: Span) -> None:
        if not call.arguments or call.arguments[0].name is not None:
            message = "`tunable` takes its type first"
            help_ = (Help("write `tunable(u32, default=10, min=1, max=90)`"),)
            self.findings.stop("missing-argument", message, call.span, label="no type", help=help_)
        type_node = call.arguments[0].value
        self._refuse_number_first(type_node)
        optional = ["min", "max", "unit", "doc"]
        given = keyword_arguments(call, "tunable", ["default"], optional, self.findings, nr_first=1)
        is_bool = isinstance(type_node, nodes.Name) and type_node.id == "bool"
        kind = INT_KINDS["u8"] if is_bool else self._int_kind(type_node, "a tunable")
        low, high = (0, 1) if is_bool else (kind.min, kind.max)
        if is_bool:
            for word in ("min", "max"):
                if word in given:
                    message = f"a tunable of type `bool` has no `{word}=`"
                    self.findings.stop("unknown-keyword", message, given[word].span, label="not for bool")
            default = self.truth(given["default"])
        else:
            low = self.ranged(given["min"], low, high, "`min`") if "min" in given else low
            high = self.ranged(given["max"], low, high, "`max`") if "max" in given else high
            default = self.ranged(given["default"], low, high, "`default`")
        self.declared.tunables[name] = Tunable(
            name, kind, is_bool, default, low, high, self._text(given, "unit"), self._text(given, "doc"), span
        )

    def _refuse_number_first(self, first: Expression) -> None:
        """Report `tunable(5)`, where a type stands first and the number is the default."""
        if not isinstance(first, nodes.Number):
            return
        text = f"u32, default={first.value}"
        self.findings.stop(
            "missing-argument",
            "`tunable` takes its type first",
            first.span,
            label="not a type",
            help=(Help(f"write `{text}`", Edit(first.span, text)),),
        )

    def _text(self, given: dict[str, Expression], word: str) -> str:
        node = given.get(word)
        if node is None:
            return ""
        if not isinstance(node, nodes.String):
            self.findings.stop(
                "type-mismatch", f"`{word}=` is a string", node.span, label="expected a string"
            )
        return node.value

    def truth(self, node: Expression) -> int:
        """Return 0 or 1 for a constant truth value."""
        if not isinstance(node, nodes.Truth):
            message = "the default of a bool is `True` or `False`"
            self.findings.stop("type-mismatch", message, node.span, label="expected a bool")
        return int(node.value)

    def _int_kind(self, node: Expression, what: str) -> IntKind:
        name = node.id if isinstance(node, nodes.Name) else ""
        if name not in INT_KINDS:
            self.findings.stop(
                "unknown-type",
                f"{what} has one of the types {listing(INT_KINDS)}",
                node.span,
                label="no such type",
                help=did_you_mean(name, INT_KINDS, node.span),
            )
        return INT_KINDS[name]

    def ranged(self, node: Expression, low: int, high: int, what: str, *, offer: bool = True) -> int:
        """Return a constant, checked to lie in low..=high; *offer* the nearest such number where it does not."""
        value = self.constants.of(node)
        if not low <= value <= high:
            message = f"{what} is {value}, but must be {low} to {high}"
            nearest = str(min(max(value, low), high))
            help_ = (Help(f"use `{nearest}`", Edit(node.span, nearest)),) if offer else ()
            self.findings.stop(
                "constant-out-of-range",
                message,
                node.span,
                label=f"must be {low} to {high}",
                help=help_,
            )
        return value


_FOLDED = frozenset({"min", "max", "ilog2", "isqrt", "clamp"})


def _declarator(node: Expression) -> bool:
    """Tell whether a value declares something instead of being a constant."""
    return (
        isinstance(node, nodes.Call)
        and isinstance(node.function, nodes.Name)
        and node.function.id not in _FOLDED
    )
