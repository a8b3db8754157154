"""Signatures of hooks and functions, and the proof that no function calls itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Edit, Help, Label, Span
from reclaim.lang import nodes
from reclaim.lang.annotations import annotated_type
from reclaim.lang.declared import FunctionDecl, FunctionParameter, HookDecl
from reclaim.lang.findings import Stop
from reclaim.lang.ir import Type
from reclaim.lang.policy_names import bound_names
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.tree_walk import children
from reclaim.lang.type_rules import describe, plain, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reclaim.abi.kinds import Hook, IntKind
    from reclaim.lang.declarations import TopLevel
    from reclaim.lang.findings import Findings


_MAX_PATH = 100
"""Longest chain of calls that is followed; lowering refuses far shorter ones."""


def read_signatures(top: TopLevel) -> None:
    """Fill in `hooks` and `functions` of the declarations.

    Args:
        top: the top level, with all names bound.
    """
    for function in top.functions:
        try:
            if not all(isinstance(p, nodes.Parameter) for p in function.parameters):
                raise Stop
            if _is_hook(function, top.findings):
                top.declared.hooks[function.name] = _hook(function, top.findings)
            else:
                top.declared.functions[function.name] = _function(function, top)
        except Stop:
            top.declared.broken.add(function.name)
    names = {f.name for f in top.functions}
    calls = {f.name: list(_called(f.body, names)) for f in top.functions}
    _reject_recursion(top, calls)
    _reject_forgotten_hooks(top, calls)


def _reject_forgotten_hooks(top: TopLevel, calls: dict[str, list[nodes.Name]]) -> None:
    """Report functions with the name of a hook that nobody calls: they would do nothing, and in silence."""
    called = {call.id for found in calls.values() for call in found}
    for function in top.functions:
        if function.name in HOOKS and not function.decorators and function.name not in called:
            start = function.span.start
            top.findings.note(
                "forgotten-hook",
                f"`{function.name}` has the name of a hook, but is none",
                function.name_span,
                label="nobody calls this",
                help=(Help("write `@hook` above it", Edit(Span(start, start), "@hook\n")),),
            )


def _is_hook(function: nodes.Function, findings: Findings) -> bool:
    for decorator in function.decorators:
        if not (isinstance(decorator, nodes.Name) and decorator.id == "hook"):
            name = decorator.id if isinstance(decorator, nodes.Name) else ""
            help_ = did_you_mean(name, ["hook"], decorator.span) or _undecorated(function, decorator)
            findings.stop(
                "unknown-decorator",
                f"there is no decorator `{name}`" if name else "this is not a decorator of the language",
                decorator.span,
                label="only `@hook` is known",
                help=help_,
            )
    return bool(function.decorators)


def _undecorated(function: nodes.Function, decorator: nodes.Expression) -> tuple[Help, ...]:
    """Offer `@hook` where a hook is meant and not marked yet, and no decorator at all elsewhere."""
    called = decorator.function if isinstance(decorator, nodes.Call) else None
    others = [d for d in function.decorators if d is not decorator]
    if (isinstance(called, nodes.Name) and called.id == "hook") or (function.name in HOOKS and not others):
        return (Help("write `@hook`", Edit(decorator.span, "hook")),)
    line = decorator.span.start.line
    return (Help("leave it out", Edit(Span.of(line, 1, decorator.span.end.line + 1, 1), "")),)


def _check_parameter_names(function: nodes.Function, top_names: frozenset[str], findings: Findings) -> None:
    seen: dict[str, nodes.Parameter] = {}
    for parameter in function.parameters:
        if parameter.name in seen:
            labels = (Label(seen[parameter.name].span, "first one"),)
            message = f"parameter `{parameter.name}` appears twice"
            findings.stop("duplicate-name", message, parameter.span, label="second one", labels=labels)
        if parameter.name in top_names:
            message = f"`{parameter.name}` is a word of the language and cannot be a parameter"
            findings.stop("reserved-name", message, parameter.span, label="choose another name")
        seen[parameter.name] = parameter


def _hook(function: nodes.Function, findings: Findings) -> HookDecl:
    hook = HOOKS.get(function.name)
    if hook is None:
        findings.stop(
            "unknown-hook",
            f"there is no hook `{function.name}`",
            function.name_span,
            label="the core never calls this",
            notes=(f"hooks are {listing(HOOKS, 40)}",),
            help=_meant(function),
        )
    _check_parameter_names(function, frozenset(), findings)
    checks = [partial(_check_hook_parameter, hook, function, parameter) for parameter in function.parameters]
    if [check for check in (*checks, partial(_check_hook_result, hook, function)) if _fails(check, findings)]:
        raise Stop
    return HookDecl(hook, function, tuple(p.name for p in function.parameters))


def _fails(check: Callable[[Findings], None], findings: Findings) -> bool:
    """Tell whether a check finds something wrong, so that the next one is made as well."""
    try:
        check(findings)
    except Stop:
        return True
    return False


def _meant(function: nodes.Function) -> tuple[Help, ...]:
    """Guess a hook by its name; what works on pages elsewhere works on folios here."""
    renamed = function.name.replace("page", "folio")
    known = [renamed] if renamed in HOOKS else HOOKS
    return did_you_mean(renamed, known, function.name_span) or _by_words(function)


def _by_words(function: nodes.Function) -> tuple[Help, ...]:
    """Guess a hook that shares a word with a name: `on_access`, `evict_folio`."""
    words = [
        word[:_WORD_STEM] for word in function.name.split("_") if len(word) >= _WORD_STEM and word != "folio"
    ]
    found = [name for name in HOOKS if any(word in name for word in words)]
    if len(found) != 1:
        return ()
    return (Help(f"did you mean `{found[0]}`?", Edit(function.name_span, found[0])),)


_WORD_STEM = 5
"""Letters that make two words one: access and accessed, evict and evicted."""


def _without_self(function: nodes.Function, parameter: nodes.Parameter) -> tuple[Help, ...]:
    """Offer to leave out what a method would begin with: a policy is no class."""
    if parameter.name not in ("self", "cls") or parameter is not function.parameters[0]:
        return ()
    following = function.parameters[1:2]
    end = following[0].span.start if following else parameter.span.end
    return (Help("leave it out: a policy is no class", Edit(Span(parameter.span.start, end), "")),)


def _check_hook_parameter(
    hook: Hook, function: nodes.Function, parameter: nodes.Parameter, findings: Findings
) -> None:
    wanted = hook.param(parameter.name)
    if wanted is None:
        findings.stop(
            "unknown-hook-parameter",
            f"hook `{hook.name}` has no parameter `{parameter.name}`",
            parameter.span,
            label="no such parameter",
            notes=(
                f"parameters are {', '.join(f'`{p.name}: {p.type}`' for p in hook.params)}; take those you need",
            ),
            help=_parameter_help(hook, parameter) or _without_self(function, parameter),
        )
    if parameter.annotation is None:
        help_ = (
            Help(
                f"write `{wanted.name}: {wanted.type}`", Edit(parameter.span, f"{wanted.name}: {wanted.type}")
            ),
        )
        message = f"parameter `{parameter.name}` needs its type"
        findings.stop("missing-annotation", message, parameter.span, label="no type", help=help_)
    found, _ = annotated_type(parameter.annotation, findings)
    if found != type_of(wanted.type) or _is_narrow(parameter.annotation, wanted.type):
        findings.stop(
            "wrong-hook-signature",
            f"parameter `{parameter.name}` of hook `{hook.name}` is `{wanted.type}`, not `{_shown(parameter.annotation, found)}`",
            parameter.annotation.span,
            label=f"expected `{wanted.type}`",
            help=(Help(f"write `{wanted.type}`", Edit(parameter.annotation.span, wanted.type)),),
        )


def _parameter_help(hook: Hook, parameter: nodes.Parameter) -> tuple[Help, ...]:
    """Guess a parameter by its type if there is exactly one of it, else by its name."""
    if isinstance(parameter.annotation, nodes.Name):
        typed = [p for p in hook.params if p.type.removesuffix(" | None") == parameter.annotation.id]
        if len(typed) == 1:
            text = f"{typed[0].name}: {typed[0].type}"
            return (Help(f"did you mean `{text}`?", Edit(parameter.span, text)),)
    close = did_you_mean(parameter.name, [p.name for p in hook.params], parameter.span)
    if not close:
        return ()
    name = close[0].edit.text if close[0].edit else ""
    wanted = hook.param(name)
    text = f"{name}: {wanted.type}" if wanted else name
    return (Help(f"did you mean `{text}`?", Edit(parameter.span, text)),)


def _shown(annotation: nodes.Expression, found: Type) -> str:
    """Return a type as it was written where that says more."""
    return annotation.id if isinstance(annotation, nodes.Name) else describe(found)


def _is_narrow(annotation: nodes.Expression, wanted: str) -> bool:
    return isinstance(annotation, nodes.Name) and annotation.id != wanted and wanted in ("u64", "s64")


def _check_hook_result(hook: Hook, function: nodes.Function, findings: Findings) -> None:
    if function.returns is None:
        end = function.span.end
        place = type(function.span)(end, end)
        findings.stop(
            "missing-annotation",
            f"hook `{hook.name}` needs `-> {hook.result}`",
            function.name_span,
            label=f"answers `{hook.result}`",
            help=(Help(f"write `-> {hook.result}`", Edit(place, f" -> {hook.result}")),),
        )
    found, _ = annotated_type(function.returns, findings)
    wanted = type_of(hook.result)
    allowed = [wanted, plain(wanted)]
    if hook.result.endswith("| None"):
        allowed.append(type_of("None"))
    if found not in allowed or _is_narrow(function.returns, hook.result):
        findings.stop(
            "wrong-hook-signature",
            f"hook `{hook.name}` answers `{hook.result}`, not `{_shown(function.returns, found)}`",
            function.returns.span,
            label=f"expected `{hook.result}`",
            help=(Help(f"write `-> {hook.result}`", Edit(function.returns.span, hook.result)),),
        )


def _function(function: nodes.Function, top: TopLevel) -> FunctionDecl:
    findings = top.findings
    _check_parameter_names(function, bound_names(), findings)
    parameters: list[FunctionParameter] = []
    results: list[tuple[Type, IntKind | None]] = []
    checks = [partial(_read_parameter, parameter, parameters) for parameter in function.parameters]
    if [check for check in (*checks, partial(_read_result, function, results)) if _fails(check, findings)]:
        raise Stop
    return FunctionDecl(function, tuple(parameters), *results[0])


def _read_parameter(parameter: nodes.Parameter, into: list[FunctionParameter], findings: Findings) -> None:
    if parameter.annotation is None:
        message = f"parameter `{parameter.name}` needs a type"
        help_ = (Help(f"write `{parameter.name}: u64`", Edit(parameter.span, f"{parameter.name}: u64")),)
        findings.stop("missing-annotation", message, parameter.span, label="no type", help=help_)
    of, kind = annotated_type(parameter.annotation, findings)
    if of == type_of("None"):
        message = "a parameter cannot be None alone"
        findings.stop("invalid-annotation", message, parameter.span, label="no value has this type")
    into.append(FunctionParameter(parameter.name, of, kind, parameter.span))


def _read_result(
    function: nodes.Function, into: list[tuple[Type, IntKind | None]], findings: Findings
) -> None:
    if function.returns is None:
        end = function.span.end
        place = type(function.span)(end, end)
        likely = "u64" if _gives_value(function.body) else "None"
        help_ = (Help(f"write `-> {likely}`, or the type it returns", Edit(place, f" -> {likely}")),)
        message = f"function `{function.name}` does not say what it returns"
        findings.stop("missing-annotation", message, function.name_span, label="no `->`", help=help_)
    into.append(annotated_type(function.returns, findings))


def _gives_value(body: nodes.Suite) -> bool:
    """Tell whether a body holds a `return` with a value."""
    stack: list[nodes.Node] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, nodes.Return) and node.value is not None:
            return True
        stack.extend(children(node))
    return False


def _reject_recursion(top: TopLevel, calls: dict[str, list[nodes.Name]]) -> None:
    """Report each circle of calls once, and mark its functions as broken."""
    finished: set[str] = set()
    for function in top.functions:
        _search(function.name, calls, [], finished, top)


def _search(
    name: str, calls: dict[str, list[nodes.Name]], path: list[str], finished: set[str], top: TopLevel
) -> None:
    if name in finished or len(path) > _MAX_PATH:
        return
    path.append(name)
    for call in calls[name]:
        if call.id in path:
            circle = [*path[path.index(call.id) :], call.id]
            shown = " -> ".join(f"`{n}`" for n in circle)
            message = (
                f"`{call.id}` calls itself" if len(circle) == 2 else f"`{call.id}` calls itself: {shown}"
            )
            note = "every hook must end within a bound that can be proved, so functions do not recurse"
            top.findings.note(
                "recursion", message, call.span, label="this call closes the circle", notes=(note,)
            )
            top.declared.broken.update(circle)
        else:
            _search(call.id, calls, path, finished, top)
    path.pop()
    finished.add(name)


def _called(body: nodes.Suite, names: set[str]) -> Iterator[nodes.Name]:
    """Yield the names of functions of the policy that a body calls."""
    stack: list[object] = [*reversed(body)]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, nodes.Call)
            and isinstance(node.function, nodes.Name)
            and node.function.id in names
        ):
            yield node.function
        if isinstance(node, nodes.Node):
            stack.extend(reversed(list(children(node))))
