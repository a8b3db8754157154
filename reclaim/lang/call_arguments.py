"""Matching the arguments of a call with what is expected, for declarations, helpers and answers alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Help, Span
from reclaim.lang import nodes
from reclaim.lang.spelling import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from reclaim.abi.kinds import Param
    from reclaim.lang.findings import Findings
    from reclaim.lang.nodes import Expression


def keyword_arguments(
    call: nodes.Call,
    what: str,
    needed: Sequence[str],
    optional: Sequence[str],
    findings: Findings,
    nr_first: int = 0,
) -> dict[str, Expression]:
    """Return the arguments of a call that takes keywords only, behind its first ones.

    Args:
        call: the call.
        what: its name, for messages.
        needed: keywords that must be given.
        optional: keywords that may be given.
        findings: where mistakes go.
        nr_first: arguments by position that were looked at before.

    Raises:
        Stop: the arguments do not match; that is recorded.
    """
    given: dict[str, Expression] = {}
    known = [*needed, *optional]
    behind = call.arguments[nr_first:]
    for argument in behind:
        if argument.name is None:
            _unnamed(behind, argument, what, needed, known, findings)
        _accept_keyword(argument, what, known, [a.name for a in behind if a.name], needed, findings)
        if argument.name in given:
            _given_twice(argument, findings)
        given[argument.name] = argument.value
    missing = [name for name in needed if name not in given]
    if missing:
        shown = listing(f"{name}=" for name in missing)
        findings.stop(
            "missing-argument",
            f"`{what}` needs {shown}",
            call.span,
            label=f"{shown} {'is' if len(missing) == 1 else 'are'} missing",
            help=_completed(call, [f"{name}={_USUAL[name]}" for name in missing if name in _USUAL]),
        )
    return given


_USUAL = {
    "key": "u64",
    "value": "u64",
    "max_entries": "4096",
    "bits": "4096",
    "scope": "lruvec",
    "default": "0",
    "limit": "32",
}
"""Arguments that are right often enough to begin with."""


def _completed(call: nodes.Call, words: list[str]) -> tuple[Help, ...]:
    """Offer a call's missing arguments, to be written behind those that are there."""
    if not words:
        return ()
    text = ", ".join(words)
    line, column = call.span.end.line, call.span.end.column - 1
    place = Span.of(line, column, line, column)
    return (Help(f"write `{text}`", Edit(place, f", {text}" if call.arguments else text)),)


def _unnamed(
    arguments: Sequence[nodes.Argument],
    argument: nodes.Argument,
    what: str,
    needed: Sequence[str],
    known: Sequence[str],
    findings: Findings,
) -> NoReturn:
    """Report an argument without name; where all are plain words, offer them with their names."""
    free = [name for name in needed if name not in {a.name for a in arguments}]
    words = []
    for given in arguments:
        value = given.value
        name = given.name or (free.pop(0) if free else "")
        shown = (
            value.id
            if isinstance(value, nodes.Name)
            else value.value
            if isinstance(value, nodes.Number)
            else ""
        )
        words.append(f"{name}={shown}" if name and shown != "" else "")
    words += [f"{name}={_USUAL[name]}" for name in free if name in _USUAL]
    text, span = ", ".join(words), Span(arguments[0].span.start, arguments[-1].span.end)
    findings.stop(
        "unnamed-argument",
        f"`{what}` takes its arguments by name",
        argument.span,
        label="give it a name",
        notes=(f"names are {listing(known)}",),
        help=(Help(f"write `{text}`", Edit(span, text)),) if all(words) else (),
    )


def _accept_keyword(
    argument: nodes.Argument,
    what: str,
    known: Sequence[str],
    given: Sequence[str],
    needed: Sequence[str],
    findings: Findings,
) -> None:
    """Refuse a keyword that is not known; if just one that is needed is missing, that was meant."""
    assert argument.name is not None
    missing = [name for name in needed if name not in given]
    if argument.name not in known:
        help_ = did_you_mean(argument.name, known, argument.name_span)
        if not help_ and len(missing) == 1:
            help_ = (Help(f"did you mean `{missing[0]}`?", Edit(argument.name_span, missing[0])),)
        findings.stop(
            "unknown-keyword",
            f"`{what}` has no argument `{argument.name}`",
            argument.name_span,
            label="no such argument",
            notes=(f"arguments are {listing(known)}" if known else "it takes none",),
            help=help_,
        )


def _given_twice(argument: nodes.Argument, findings: Findings) -> NoReturn:
    message = f"argument `{argument.name}` is given twice"
    findings.stop("duplicate-argument", message, argument.span, label="given again here")


def match_parameters(
    call: nodes.Call, what: str, params: Sequence[Param], findings: Findings, surplus: tuple[Help, ...] = ()
) -> dict[str, Expression | None]:
    """Return the argument of each parameter, None where its default stands.

    Args:
        call: the call.
        what: its name, for messages.
        params: what is expected.
        findings: where mistakes go.
        surplus: help for one argument too many.

    Raises:
        Stop: the arguments do not match; that is recorded.
    """
    positional = [p for p in params if not p.keyword]
    names = [p.name for p in params]
    needed = [p.name for p in params if p.default is None]
    given: dict[str, Expression] = {}
    place = 0
    for argument in call.arguments:
        if argument.name is not None:
            written = [*given, *(a.name for a in call.arguments if a.name is not None)]
            _accept_keyword(argument, what, names, written, needed, findings)
            if argument.name in given:
                _given_twice(argument, findings)
            given[argument.name] = argument.value
            continue
        if len(given) > place:
            message = "an argument without name stands behind one with a name"
            findings.stop(
                "unnamed-argument", message, argument.span, label="give it a name, or move it forward"
            )
        if place >= len(positional):
            _too_many(call, what, params, argument, findings, surplus)
        given[positional[place].name] = argument.value
        place += 1
    for param in params:
        if param.name not in given and param.default is None:
            _missing(call, what, params, param, findings)
    return {p.name: given.get(p.name) for p in params}


def _too_many(
    call: nodes.Call,
    what: str,
    params: Sequence[Param],
    argument: nodes.Argument,
    findings: Findings,
    surplus: tuple[Help, ...],
) -> None:
    positional = [p for p in params if not p.keyword]
    keyword = [p.name for p in params if p.keyword]
    by_position = sum(1 for a in call.arguments if a.name is None)
    if keyword and by_position - len(positional) <= len(keyword):
        name = keyword[by_position - len(positional) - 1]
        here = Span(argument.span.start, argument.span.start)
        findings.stop(
            "unnamed-argument",
            f"`{what}` takes `{name}` by name",
            argument.span,
            label="give it a name",
            help=(Help(f"write `{name}=` before it", Edit(here, f"{name}=")),),
        )
    findings.stop(
        "wrong-argument-count",
        f"`{what}` takes {_count(len(positional))}, but {by_position} are given",
        argument.span,
        label="one too many",
        notes=(signature(what, params),),
        help=surplus,
    )


def _missing(call: nodes.Call, what: str, params: Sequence[Param], param: Param, findings: Findings) -> None:
    shown = f"`{param.name}=`" if param.keyword else f"`{param.name}`"
    findings.stop(
        "missing-argument",
        f"`{what}` needs {shown}",
        call.span,
        label=f"{shown} is missing",
        notes=(signature(what, params),),
        help=_completed(
            call, [f"{param.name}={_USUAL[param.name]}"] if param.name in _USUAL and param.keyword else []
        ),
    )


def signature(what: str, params: Sequence[Param]) -> str:
    """Return how a call is written, for notes."""
    words = []
    for param in params:
        word = f"{param.name}: {param.type}"
        words.append(word if param.default is None else f"{word} = {_default(param)}")
        if param.keyword and [p for p in params if p.keyword] and "*" not in words:
            words.insert(len(words) - 1, "*")
    return f"it is `{what}({', '.join(words)})`"


def _default(param: Param) -> str:
    return "None" if param.type.endswith("| None") else str(param.default)


def _count(number: int) -> str:
    return "no argument" if number == 0 else "1 argument" if number == 1 else f"{number} arguments"
