"""What is asked about a text in the process that checks, and how it is answered; plain data both ways."""

from __future__ import annotations

from dataclasses import dataclass, field

from reclaim.diag.diagnostic import Diagnostic, Help
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.declared import Declared
from reclaim.lang.frontend import compile_tree, declarations_of
from reclaim.lang.parser import parse
from reclaim.lang.source_text import clean_text
from verifier.cost import HookCost
from verifier.facts import Fact, Facts
from verifier.fixing import fix, keeps
from verifier.verified import verify


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one text.

    Args:
        diagnostics: in source order.
        declared: what it declares, as far as it can be read.
        is_parsed: whether all of it could be read.
        is_compiled: whether the verifier got to see it.
        facts: what is known about values, in source order.
        costs: worst case of each hook.
    """

    diagnostics: tuple[Diagnostic, ...]
    declared: Declared
    is_parsed: bool
    is_compiled: bool = False
    facts: tuple[Fact, ...] = ()
    costs: dict[str, HookCost] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """Ask what is wrong with a text."""

    source: str
    path: str

    def answer(self) -> Checked:
        """Compile and verify."""
        try:
            module, broken = parse(clean_text(self.source, self.path))
        except PolicyRejected as rejected:
            return Checked(rejected.diagnostics, Declared(), is_parsed=False)
        declared, is_parsed = declarations_of(module).without_bodies(), not broken
        facts = Facts()
        try:
            report = verify(compile_tree(module, self.source, self.path, broken), facts)
        except PolicyRejected as rejected:
            return Checked(rejected.diagnostics, declared, is_parsed)
        return Checked(report.diagnostics, declared, is_parsed, True, facts.told(), report.costs)


@dataclass(frozen=True, slots=True)
class KeepFixes:
    """Ask which fixes of some diagnostics remove their error and bring no other."""

    source: str
    path: str
    diagnostics: tuple[Diagnostic, ...]

    def answer(self) -> tuple[tuple[Diagnostic, Help], ...]:
        """Try each fix on the whole text."""
        offers = ((diagnostic, offer) for diagnostic in self.diagnostics for offer in diagnostic.help)
        return tuple(
            (diagnostic, offer)
            for diagnostic, offer in offers
            if keeps(self.source, self.path, diagnostic, offer)
        )


@dataclass(frozen=True, slots=True)
class FixAll:
    """Ask for the text with every fix that keeps."""

    source: str
    path: str

    def answer(self) -> str:
        """Apply fixes until none is left."""
        return fix(self.source, self.path).source


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer when answering went wrong, which is our own bug."""

    traceback: str
