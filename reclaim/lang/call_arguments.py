"""Matching the arguments of a call with what is expected, for declarations, helpers and answers alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Help
from reclaim.lang.spelling import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.abi.kinds import Param
    from reclaim.lang import nodes
    from reclaim.lang.findings import Findings
    from reclaim.lang.nodes import Expression


def keyword_arguments(
    call: nodes.Call, what: str, needed: Sequence[str], optional: Sequence[str], findings: Findings
) -> dict[str, Expression]:
    """Return the arguments of a call that takes keywords only.

    Args:
        call: the call.
        what: its name, for messages.
        needed: keywords that must be given.
        optional: keywords that may be given.
        findings: where mistakes go.

    Raises:
        Stop: the arguments do not match; that is recorded.
    """
    given: dict[str, Expression] = {}
    known = [*needed, *optional]
    for argument in call.arguments:
        if argument.name is None:
            message = f"`{what}` takes its arguments by name"
            note = f"names are {listing(known)}"
            findings.stop("unnamed-argument", message, argument.span, label="give it a name", notes=(note,))
        _accept_keyword(argument, what, known, list(given), findings)
        given[argument.name] = argument.value
    for name in needed:
        if name not in given:
            findings.stop(
                "missing-argument", f"`{what}` needs `{name}=`", call.span, label=f"`{name}=` is missing"
            )
    return given


def _accept_keyword(
    argument: nodes.Argument, what: str, known: Sequence[str], given: Sequence[str], findings: Findings
) -> None:
    assert argument.name is not None
    if argument.name not in known:
        findings.stop(
            "unknown-keyword",
            f"`{what}` has no argument `{argument.name}`",
            argument.name_span,
            label="no such argument",
            notes=(f"arguments are {listing(known)}" if known else "it takes none",),
            help=did_you_mean(argument.name, known, argument.name_span),
        )
    if argument.name in given:
        message = f"argument `{argument.name}` is given twice"
        findings.stop("duplicate-argument", message, argument.span, label="given again here")


def match_parameters(
    call: nodes.Call, what: str, params: Sequence[Param], findings: Findings
) -> dict[str, Expression | None]:
    """Return the argument of each parameter, None where its default stands.

    Args:
        call: the call.
        what: its name, for messages.
        params: what is expected.
        findings: where mistakes go.

    Raises:
        Stop: the arguments do not match; that is recorded.
    """
    positional = [p for p in params if not p.keyword]
    names = [p.name for p in params]
    given: dict[str, Expression] = {}
    place = 0
    for argument in call.arguments:
        if argument.name is not None:
            _accept_keyword(argument, what, names, list(given), findings)
            given[argument.name] = argument.value
            continue
        if len(given) > place:
            message = "an argument without name stands behind one with a name"
            findings.stop(
                "unnamed-argument", message, argument.span, label="give it a name, or move it forward"
            )
        if place >= len(positional):
            _too_many(call, what, params, argument, findings)
        given[positional[place].name] = argument.value
        place += 1
    for param in params:
        if param.name not in given and param.default is None:
            _missing(call, what, params, param, findings)
    return {p.name: given.get(p.name) for p in params}


def _too_many(
    call: nodes.Call, what: str, params: Sequence[Param], argument: nodes.Argument, findings: Findings
) -> None:
    positional = [p for p in params if not p.keyword]
    keyword = [p.name for p in params if p.keyword]
    by_position = sum(1 for a in call.arguments if a.name is None)
    if keyword and by_position - len(positional) <= len(keyword):
        name = keyword[by_position - len(positional) - 1]
        findings.stop(
            "unnamed-argument",
            f"`{what}` takes `{name}` by name",
            argument.span,
            label="give it a name",
            help=(Help(f"write `{name}=`..."),),
        )
    findings.stop(
        "wrong-argument-count",
        f"`{what}` takes {_count(len(positional))}, but {by_position} are given",
        argument.span,
        label="one too many",
        notes=(signature(what, params),),
    )


def _missing(call: nodes.Call, what: str, params: Sequence[Param], param: Param, findings: Findings) -> None:
    shown = f"`{param.name}=`" if param.keyword else f"`{param.name}`"
    findings.stop(
        "missing-argument",
        f"`{what}` needs {shown}",
        call.span,
        label=f"{shown} is missing",
        notes=(signature(what, params),),
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
