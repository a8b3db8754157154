"""What is in sight at a place: the function around it, its hook, its parameters and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Hook
from reclaim.diag.diagnostic import Position
from reclaim.lang import vocabulary
from reclaim.lang.declared import Declared
from reclaim.lang.ir import Type
from reclaim.lang.shapes import (
    Shape,
    declared_entries,
    iterated_shape,
    members_of,
    parse_expression,
    shape_of,
)
from reclaim.lang.type_rules import type_of
from reclaim.lang.vocabulary import Entry
from reclaim.lang.words import Section, Words
from reclaim.lsp.documents import Document

_PARAMETER = re.compile(r"(\w+)\s*(?::\s*(\w+(?:\s*\|\s*None)?))?")
_ASSIGNED = re.compile(r"\s+(\w+)\s*(?::\s*(\w+(?:\s*\|\s*None)?)\s*)?=(?!=)\s*(.*)")
_LOOP = re.compile(r"\s+for\s+(\w+)\s+in\s+(.+?):?\s*$")


class Variables(Mapping[str, Shape]):
    """Parameters and variables of one function; what each is is found out when asked.

    Args:
        words: the text.
        section: the function.
        declared: what the policy declares.
    """

    def __init__(self, words: Words, section: Section, declared: Declared) -> None:
        self._declared = declared
        self._known: dict[str, Shape | None] = {}
        self._assigned: dict[str, tuple[str, bool]] = {}
        self.parameters = dict(_parameters(words, section))
        for name, annotation in self.parameters.items():
            self._known[name] = _annotated(annotation) or _hook_parameter(section, name)
        self._lines = words.lines
        self._made: dict[str, list[int]] = {}
        self._loops: dict[str, list[int]] = {}
        for number in range(section.first, section.last + 1):
            self._note(number, words.lines[number - 1])

    def usable(self, line: int) -> Iterator[str]:
        """Yield the names that have a value on a line: assigned above it, or the variable of a loop around it."""
        yield from self.parameters
        for name in dict.fromkeys((*self._made, *self._loops)):
            is_made = any(made < line for made in self._made.get(name, ()))
            if is_made or any(self._is_inside(line, loop) for loop in self._loops.get(name, ())):
                yield name

    def _is_inside(self, line: int, loop: int) -> bool:
        """Tell whether a line, written or not, is in the body of the loop that begins on another one."""
        depth = _depth(self._lines[loop - 1])
        between = [text for text in self._lines[loop : line - 1] if text.strip()]
        return loop < line and all(_depth(text) > depth for text in (*between, self._lines[line - 1]))

    def _note(self, number: int, line: str) -> None:
        if assigned := _ASSIGNED.match(line):
            self._made.setdefault(assigned[1], []).append(number)
            name, annotation, value = assigned.groups()
            if annotation and name not in self._known:
                self._known[name] = _annotated(annotation)
            self._assigned.setdefault(name, (value.partition("#")[0], False))
        elif loop := _LOOP.match(line):
            self._loops.setdefault(loop[1], []).append(number)
            self._assigned.setdefault(loop[1], (loop[2], True))

    def __getitem__(self, name: str) -> Shape:
        """Return what a variable is.

        Raises:
            KeyError: there is none, or it cannot be told.
        """
        if name not in self._known and name in self._assigned:
            self._known[name] = None  # one that is assigned from itself ends here
            text, is_loop = self._assigned[name]
            node = parse_expression(text)
            tell = iterated_shape if is_loop else shape_of
            self._known[name] = tell(node, self, self._declared) if node is not None else None
        shape = self._known[name]
        if shape is None:
            raise KeyError(name)
        return shape

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **dict.fromkeys(self._assigned)})

    def __len__(self) -> int:
        return len({*self._known, *self._assigned})


class Sight:
    """What is in sight at one place of a document."""

    def __init__(self, document: Document, at: Position) -> None:
        self.at = at
        self.words = document.text.words
        self.declared = document.declared
        self.section = self.words.section_at(at.line)
        self.variables: Variables | Mapping[str, Shape] = {}
        self.hook: Hook | None = None
        if self.section is not None and self.section.kind == "def":
            self.variables = Variables(self.words, self.section, self.declared)
            self.hook = HOOKS.get(self.section.name) if self.section.is_hook else None

    def usable(self) -> Iterator[str]:
        """Yield the parameters, and the variables that have a value here."""
        return self.variables.usable(self.at.line) if isinstance(self.variables, Variables) else iter(())

    def shape(self, expression: str) -> Shape | None:
        """Return what an expression is here."""
        node = parse_expression(expression)
        return None if node is None else shape_of(node, self.variables, self.declared)

    def members(self, expression: str) -> dict[str, Entry]:
        """Return what may stand behind an expression and a dot."""
        return members_of(self.shape(expression), self.declared)

    def entry(self, name: str, base: str | None) -> Entry | None:
        """Return what a word means here.

        Args:
            name: the word.
            base: the expression before its dot, None without one.
        """
        if base is not None:
            return self.members(base).get(name)
        known = declared_entries(self.declared) | vocabulary.hooks()
        known |= vocabulary.functions() | vocabulary.language_functions() | vocabulary.declarators()
        known |= vocabulary.constants() | {n: entry for n, (entry, _) in vocabulary.answers().items()}
        return (vocabulary.types() | vocabulary.state_bases() | known).get(name)


def _depth(line: str) -> int:
    """Return how far a line is indented."""
    return len(line) - len(line.lstrip())


def _parameters(words: Words, section: Section) -> Iterator[tuple[str, str]]:
    """Yield (name, annotation) of each parameter that is written."""
    head = " ".join(
        line.partition("#")[0] for line in words.lines[section.name_span.start.line - 1 : section.last]
    )
    opened = head.find("(")
    if opened < 0:
        return
    for part in head[opened + 1 :].partition(")")[0].split(","):
        match = _PARAMETER.match(part.strip())
        if match:
            yield match[1], match[2] or ""


def _annotated(annotation: str) -> Type | None:
    try:
        return type_of(re.sub(r"\s*\|\s*", " | ", annotation))
    except KeyError:
        return None


def _hook_parameter(section: Section, name: str) -> Type | None:
    hook = HOOKS.get(section.name) if section.is_hook else None
    param = hook.param(name) if hook else None
    return type_of(param.type) if param else None
