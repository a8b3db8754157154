"""What is shown about the word under the cursor: what it means, what is proved about it there, what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol import types

from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Position, Span
from reclaim.lang.shapes import shape_text
from reclaim.lang.vocabulary import Argument, Entry
from reclaim.lang.words import Token
from reclaim.lsp.calling import callee_at
from reclaim.lsp.checks import Checked
from reclaim.lsp.documents import Document
from reclaim.lsp.sight import Sight
from verifier.explain_cost import most
from verifier.facts import Fact, about_expression, about_name


def hover(document: Document, place: types.Position) -> types.Hover | None:
    """Return what is known about a place of a document, None where that is nothing."""
    at = document.text.places.ours(place)
    token = document.text.words.token_at(at)
    if token is None or token.kind != "word":
        return None
    parts = list(_about_word(document, token))
    if not parts:
        return None
    text = types.MarkupContent(types.MarkupKind.Markdown, "\n\n".join(parts))
    return types.Hover(text, document.range(token.span))


def _about_word(document: Document, token: Token) -> Iterator[str]:
    words, checked = document.text.words, document.current
    base = words.base_of(token)
    sight = Sight(document, token.span.start)
    named = _argument(sight, token)
    if named is not None:
        yield _code(named.written)
        if named.doc:
            yield named.doc
        return
    entry = None if base is None and token.text in sight.variables else sight.entry(token.text, base)
    fact = _fact(checked, token, base, entry)
    if entry is not None:
        yield _code(entry.signature)
    elif fact is not None and not fact.name:
        yield _code(f"{token.text}: {fact.type}")
    elif base is None and (fact is not None or token.text in sight.variables):
        yield _code(f"{token.text}: {fact.type if fact else shape_text(sight.variables.get(token.text))}")
    if base is None and sight.hook is not None and (param := sight.hook.param(token.text)) is not None:
        yield param.doc
    if fact is not None and fact.known:
        yield f"proved here: `{fact.known}`"
    if checked is not None:
        yield from _costs(checked, token)
    if entry is not None and entry.doc:
        yield entry.doc


def _argument(sight: Sight, token: Token) -> Argument | None:
    """Return the argument that a word names in a call, None where it is no such name."""
    behind = sight.words.lines[token.span.end.line - 1][token.span.end.column - 1 :].lstrip()
    call = sight.words.open_call(token.span.start) if re.match(r"=(?!=)", behind) else None
    entry = callee_at(sight, call.callee) if call is not None else None
    arguments = entry.arguments if entry is not None else None
    return next((argument for argument in arguments or () if argument.name == token.text), None)


def _fact(checked: Checked | None, token: Token, base: str | None, entry: Entry | None) -> Fact | None:
    """Return what is proved about a word; of a call about its answer, and not about an argument that is left out."""
    if checked is None:
        return None
    if base is None:
        return about_name(checked.facts, token.text, token.span.start) or about_expression(
            checked.facts, token.span
        )
    start = token.span.start
    whole = Span(Position(start.line, start.column - 1 - len(base)), token.span.end)
    exact = about_expression(checked.facts, whole)
    if exact is not None:
        return exact
    called = [
        f for f in checked.facts if f.name is None and f.span.start == whole.start and f.span.end > whole.end
    ]
    answer = entry.signature.rpartition("-> ")[2] if entry is not None else ""
    return min(called, key=lambda f: (f.span.end, f.type != answer), default=None)


def _costs(checked: Checked, token: Token) -> Iterator[str]:
    """Yield what a hook, a loop or a call costs at the worst."""
    cost = checked.costs.get(token.text)
    if cost is not None:
        yield f"costs {most(cost, HOOKS[token.text].budget)}"
    at = token.span.start
    for hook, total in checked.costs.items():
        for part in total.parts:
            is_loop = part.name == "loop" and token.text == "for" and part.span.start.line == at.line
            is_call = part.name == token.text and part.span.start <= at < part.span.end
            if is_loop or is_call:
                each = f"{part.times} * {part.each}" if part.times != 1 else f"{part.each}"
                once = f" + {part.once}" if part.once else ""
                sum_ = f" = {part.total}" if part.times != 1 or part.once else ""
                yield f"costs at most {each}{once}{sum_} of the {total.total} instructions of `{hook}`"


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
