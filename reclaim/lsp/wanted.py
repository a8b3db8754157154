"""What alone makes sense at a place, where the text before it says so: a type, a scope, a parameter, a member.

Everything here looks at what stands left of the cursor; where it says nothing, anything in sight may stand there
(`completing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import INT_KINDS, Hook
from reclaim.lang import vocabulary
from reclaim.lang.ir import EnumType
from reclaim.lang.policy_names import MAP_SCOPES
from reclaim.lang.vocabulary import Entry, Sort
from reclaim.lang.words import Section
from reclaim.lsp.sight import Sight

_RESULT = re.compile(r"->\s*\w*$")
_ANNOTATION = re.compile(r"(\w+)\s*:\s*(?:\w+\s*\|\s*)?\w*$")
_COMPARED = re.compile(r"([\w.]+(?:\[[^]]*\])?)\s*[=!]=\s*\w*$")
_FIELD_VALUE = re.compile(r"\s+\w+\s*:[^=]*=\s*\w*$")
_STATEMENT = re.compile(r"\s*(?:if|elif|else|for|return|assert)\b")
_CUTTING = ("truncate", "saturate")
_SCOPES = {
    "lruvec": "One for each lruvec that the policy governs.",
    "memcg": "One for each memcg.",
    "machine": "One for all.",
}


def wanted(sight: Sight, left: str) -> list[Entry] | None:
    """Return what may stand at a place, in the order of likelihood, None where nothing says what that is.

    Args:
        sight: what is in sight there.
        left: what stands before it on its line.
    """
    section = sight.section
    if section is not None and section.kind == "def" and _is_in_head(sight, section):
        return _of_head(section, sight, left)
    if section is not None and section.kind == "class" and left[:1] in " \t":
        if _ANNOTATION.search(left):
            return [*_numbers(), vocabulary.types()["bool"], *_structs(sight)]
        if _FIELD_VALUE.match(left):
            return [vocabulary.declarators()["field"]]
    called = _of_call(sight)
    if called is not None:
        return called
    if _ANNOTATION.search(left) and not _STATEMENT.match(left):
        return [vocabulary.types()["u64"], vocabulary.types()["s64"], *vocabulary.types().values()]
    return None


def members(sight: Sight, left: str) -> list[Entry]:
    """Return the members of the enumeration that a value before `==` is of, as they are written there.

    Args:
        sight: what is in sight there.
        left: what stands before the place on its line.
    """
    compared = _COMPARED.search(left)
    shape = sight.shape(compared[1]) if compared is not None else None
    if not isinstance(shape, EnumType):
        return []
    entries = vocabulary.enum_members(ENUMS[shape.name]).values()
    return [Entry(f"{shape.name}.{entry.name}", entry.sort, entry.signature, entry.doc) for entry in entries]


def _is_in_head(sight: Sight, section: Section) -> bool:
    """Tell whether a place is before the colon that ends the head of a function."""
    above = sight.words.lines[section.name_span.start.line - 1 : sight.at.line - 1]
    if sight.at < section.name_span.end:
        return False
    head = " ".join((*above, sight.words.line_before(sight.at)))
    return "(" in head and re.search(r"\)\s*(?:->[^:]*)?:", head) is None


def _of_head(section: Section, sight: Sight, left: str) -> list[Entry]:
    hook = HOOKS.get(section.name)
    types = [*vocabulary.types().values()]
    if _RESULT.search(left):
        return types if hook is None else list(_results(hook))
    annotated = _ANNOTATION.search(left)
    if annotated is not None:
        param = hook.param(annotated[1]) if hook is not None else None
        return types if param is None else [vocabulary.types()[part] for part in param.type.split(" | ")[:1]]
    if hook is None:
        return []
    taken = set(sight.variables)
    return [
        Entry(f"{p.name}: {p.type}", Sort.VARIABLE, f"{p.name}: {p.type}", p.doc)
        for p in hook.params
        if p.name not in taken or left.endswith(p.name)
    ]


def _results(hook: Hook) -> Iterator[Entry]:
    """Yield the results that a hook may declare."""
    yield Entry(hook.result, Sort.TYPE, hook.result, f"What `{hook.name}` answers.")
    if hook.result.endswith(" | None"):
        yield Entry("None", Sort.TYPE, "None", "Where nothing is ever answered.")


def _of_call(sight: Sight) -> list[Entry] | None:
    """Return what an argument takes that is no expression: a scope, or a type of numbers."""
    call = sight.words.open_call(sight.at)
    callee = sight.words.token_at(call.callee) if call is not None else None
    if call is None or callee is None:
        return None
    if callee.text in vocabulary.declarators():
        if call.keyword == "scope":
            return [Entry(name, Sort.CONSTANT, name, _SCOPES[name]) for name in MAP_SCOPES]
        if call.keyword in ("key", "value"):
            return list(_numbers())
        if callee.text == "tunable" and call.keyword is None and call.index == 0:
            return [*_numbers(), vocabulary.types()["bool"]]
        return [] if call.keyword is None and callee.text in _ALL_BY_NAME else None
    if callee.text in _CUTTING and call.index == 1:
        return list(_numbers())
    return None


_ALL_BY_NAME = frozenset(vocabulary.declarators()) - {"folio_list", "field"}
"""Declarations whose arguments have names, but for the type of a tunable."""


def _numbers() -> Iterator[Entry]:
    return (vocabulary.types()[name] for name in INT_KINDS)


def _structs(sight: Sight) -> Iterator[Entry]:
    """Yield the author's own records, which nest in state."""
    for section in sight.words.sections:
        head = sight.words.lines[section.name_span.start.line - 1]
        if section.kind == "class" and re.search(r"\(\s*Struct\s*\)", head):
            yield Entry(section.name, Sort.TYPE, section.name, "A record of this policy.")
