"""What may be written next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lsprotocol import types

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Hook
from reclaim.diag.diagnostic import Position
from reclaim.lang import vocabulary
from reclaim.lang.shapes import declared_entries, shape_text
from reclaim.lang.vocabulary import Entry, Sort
from reclaim.lsp.calling import callee_at
from reclaim.lsp.documents import Document
from reclaim.lsp.sight import Sight
from reclaim.lsp.wanted import members, wanted

_KINDS = {
    Sort.HOOK: types.CompletionItemKind.Event,
    Sort.FUNCTION: types.CompletionItemKind.Function,
    Sort.METHOD: types.CompletionItemKind.Method,
    Sort.FIELD: types.CompletionItemKind.Field,
    Sort.ANSWER: types.CompletionItemKind.Value,
    Sort.TYPE: types.CompletionItemKind.Class,
    Sort.MEMBER: types.CompletionItemKind.EnumMember,
    Sort.CONSTANT: types.CompletionItemKind.Constant,
    Sort.VARIABLE: types.CompletionItemKind.Variable,
    Sort.KEYWORD: types.CompletionItemKind.Keyword,
}

_DOTTED = re.compile(r"\.\w*$")
_NUMBER = re.compile(r"(?<![\w.])\d[\w.]*$")
_DECORATOR = re.compile(r"^@\w*$")
_DEFINED = re.compile(r"^def\s+\w*$")
_RETURNED = re.compile(r"\s+return\s+\w*$")
_FOLDED = ("min", "max", "clamp", "ilog2", "isqrt")
"""Functions that constants are computed with."""
_BASE_WANTED = re.compile(r"^class\s+\w+\s*\(\s*\w*$")


def complete(document: Document, place: types.Position, *, snippets: bool) -> list[types.CompletionItem]:
    """Return what may stand at a place.

    Args:
        document: the document.
        place: the cursor.
        snippets: whether the editor can put the cursor into what is inserted.
    """
    at = document.text.places.ours(place)
    words = document.text.words
    left = words.line_before(at)
    if words.is_prose(at) or _NUMBER.search(left):
        return []
    sight = Sight(document, at)
    if dot := _DOTTED.search(left):
        base = words.chain_before(Position(at.line, at.column - len(dot.group())))
        return _items(_allowed(sight.members(base).values(), sight.hook))
    if _DECORATOR.match(left):
        return [types.CompletionItem("hook", kind=types.CompletionItemKind.Keyword, insert_text="hook")]
    if _DEFINED.match(left):
        return [_hook_item(hook, snippets, "") for hook in _missing_hooks(document)]
    if _BASE_WANTED.match(left):
        return _items(vocabulary.state_bases().values())
    only = wanted(sight, left)
    if only is not None:
        return [*_arguments(sight), *_items(only)]
    if left == left.lstrip() and document.text.words.open_call(at) is None:
        return _items(_of_constants(sight)) if "=" in left else _top_level(document, snippets)
    answers = _answers(sight.hook) if _RETURNED.match(left) and sight.section is not None else iter(())
    return [*_arguments(sight), *_items([*members(sight, left), *answers, *_inside(sight)])]


def _of_constants(sight: Sight) -> Iterator[Entry]:
    """Yield what a declaration at the left margin is made of."""
    yield from vocabulary.declarators().values()
    yield from (e for e in declared_entries(sight.declared).values() if e.sort is Sort.CONSTANT)
    yield from vocabulary.constants().values()
    yield from ((vocabulary.language_functions() | vocabulary.functions())[name] for name in _FOLDED)


def _top_level(document: Document, snippets: bool) -> list[types.CompletionItem]:
    hooks = [_hook_item(hook, snippets, "@hook\ndef ") for hook in _missing_hooks(document)]
    words = [_keyword(word) for word in ("def", "class")]
    return [*hooks, *words, *_items(vocabulary.declarators().values())]


def _missing_hooks(document: Document) -> Iterator[Hook]:
    written = {section.name for section in document.text.words.sections if section.is_hook}
    return (hook for hook in HOOKS.values() if hook.name not in written)


def _inside(sight: Sight) -> Iterator[Entry]:
    """Yield what may stand in an expression or a statement, what is nearest first."""
    for name in sight.usable():
        yield Entry(name, Sort.VARIABLE, f"{name}: {shape_text(sight.variables.get(name))}", "")
    yield from declared_entries(sight.declared).values()
    if sight.section is None or sight.section.kind != "def":
        yield from [*vocabulary.declarators().values(), *vocabulary.types().values()]
        return
    yield from _allowed(vocabulary.functions().values(), sight.hook)
    yield from _answers(sight.hook)
    yield from vocabulary.language_functions().values()
    yield from vocabulary.constants().values()
    if sight.declared.global_name:
        yield Entry(
            sight.declared.global_name, Sort.TYPE, sight.declared.global_name, "State of this policy."
        )
    for name in ENUMS:
        yield vocabulary.types()[name]
    for word in vocabulary.KEYWORDS:
        if word not in {"def", "class"}:
            yield Entry(word, Sort.KEYWORD, word, "")


def _answers(hook: Hook | None) -> Iterator[Entry]:
    """Yield the answers that a hook may give, in a function of the author all; plain words come first."""
    for entry, constructor in sorted(vocabulary.answers().values(), key=lambda known: bool(known[1].params)):
        wanted = hook.result.removesuffix(" | None") if hook else None
        is_kept_for_others = hook is not None and constructor.hooks and hook.name not in constructor.hooks
        if not is_kept_for_others and (wanted is None or wanted in constructor.answers):
            yield entry


def _allowed(entries: Iterable[Entry], hook: Hook | None) -> Iterator[Entry]:
    """Yield the entries that a hook may use; a function of the author is called from anywhere."""
    return (e for e in entries if hook is None or e.family is None or e.family in hook.families)


def _arguments(sight: Sight) -> list[types.CompletionItem]:
    """Return the arguments that the call around the cursor takes by name."""
    call = sight.words.open_call(sight.at)
    entry = callee_at(sight, call.callee) if call is not None and call.keyword is None else None
    if entry is None or entry.arguments is None:
        return []
    named = [a for a in entry.arguments if "=" in a.written]
    return [
        types.CompletionItem(
            f"{a.name}=",
            kind=types.CompletionItemKind.Property,
            detail=a.written,
            documentation=a.doc or None,
            sort_text=f"!{a.name}",
            filter_text=a.name,
        )
        for a in named
    ]


def _items(entries: Iterable[Entry]) -> list[types.CompletionItem]:
    """Return the entries as the editor shows them, in the order in which they come."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        seen.setdefault(entry.name, entry)
    return [_item(entry, f"{rank:03}") for rank, entry in enumerate(seen.values())]


def _item(entry: Entry, rank: str | None = None) -> types.CompletionItem:
    return types.CompletionItem(
        entry.name,
        sort_text=rank,
        kind=_KINDS[entry.sort],
        detail=entry.signature if entry.signature != entry.name else None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, entry.doc) if entry.doc else None,
    )


def _keyword(word: str) -> types.CompletionItem:
    return types.CompletionItem(word, kind=types.CompletionItemKind.Keyword)


def _hook_item(hook: Hook, snippets: bool, before: str) -> types.CompletionItem:
    """Return a hook with its whole signature, behind what still has to stand before it."""
    entry = vocabulary.hooks()[hook.name]
    text = f"{before}{entry.signature.removeprefix('def ')}:\n    "
    item = _item(entry)
    item.insert_text = f"{text}$0" if snippets else text
    item.insert_text_format = types.InsertTextFormat.Snippet if snippets else types.InsertTextFormat.PlainText
    return item
