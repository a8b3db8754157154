"""Say in the author's words what could not be proved.

One function per kind of obligation picks the smallest span, says what was found and what is needed, and
offers code that would mend it. `origins` adds how the value came to its range. Where every run that
comes here would fail the message says "is", where only the analysis cannot exclude it, "may be" or
"could not prove".
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import Any, assert_never

from reclaim.abi.kinds import INT_KINDS
from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.answer_help import PLAIN_ANSWERS
from reclaim.lang.ir import (
    Binary,
    BinaryOp,
    Call,
    Construct,
    LoadState,
    MapDecl,
    Op,
    PolicyIR,
    StoreState,
    Value,
)
from verifier import explain_contract
from verifier.analysis import HookAnalysis, Violation
from verifier.declared_places import DeclaredPlaces
from verifier.entailment import MAX_ITERATIONS
from verifier.facts import shown_range
from verifier.obligations import (
    CommonRange,
    FamilyPermitted,
    Implied,
    InRange,
    LeavesLists,
    LoopBounded,
    Movable,
    NonNegative,
    NonZero,
    NotNone,
    OwnFolio,
    QuotientFits,
    Role,
    RunsNoHook,
)
from verifier.origins import origins
from verifier.source_places import SourceText
from verifier.witness import WitnessSearch
from verifier.witness_text import with_evidence

_NAMES = {
    Role.INDEX: "index-out-of-bounds",
    Role.SHIFT: "shift-count-out-of-range",
    Role.STORE: "value-does-not-fit",
    Role.ARGUMENT: "argument-out-of-range",
}

_AUGMENTED = re.compile(r"(.+?) *(//|<<|>>|[-+*%&|^])= *(.+)")
"""An assignment that computes: target, operator, operand."""

_ATOM = r"[\w.]+(?:\([^()]*\)|\[[^][]*\])?"
"""An operand that needs no parentheses."""

_TERM = rf"{_ATOM}|\([^()]*\)"
"""An operand, or one expression in parentheses."""

_MOST_STEPS_BACK = 8
"""Operands looked at for a difference that wrapped: further away it explains little."""

_HUGE = 1 << 32
"""Numbers from here on are times, clocks and keys: a field of less cannot be meant for them."""

_DECREMENT = re.compile(rf"({_ATOM}) -= ({_ATOM})")
_DIFFERENCE = re.compile(rf"({_ATOM}) - ({_ATOM})")
"""A difference of two such operands."""


class Explainer:
    """Turn the violations of one hook into diagnostics."""

    def __init__(
        self, source: SourceText, analysis: HookAnalysis, policy: PolicyIR, *, with_witnesses: bool = True
    ) -> None:
        self._source = source
        self._policy = policy
        self._hook = analysis.hook
        self._prover = analysis.prover
        self._definitions = analysis.numbering.definitions
        self._declared_places = DeclaredPlaces(analysis, source)
        self._witnesses = WitnessSearch(analysis, policy, source.name_of) if with_witnesses else None

    def explain(self, violation: Violation) -> Diagnostic:
        """Return the diagnostic of a violation."""
        match violation.demand:
            case InRange() as demand:
                return self._range(violation, demand)
            case NotNone(value=value):
                return self._none(violation, value)
            case NonZero(value=value):
                return self._zero(violation, value)
            case QuotientFits():
                return self._overflow(violation)
            case CommonRange(value=value):
                return self._signs(violation, value)
            case NonNegative(value=value):
                return self._negative(violation, value)
            case Implied(condition=condition):
                return self._assertion(violation, condition)
            case LoopBounded():
                return self._loop(violation, violation.demand)
            case FamilyPermitted() | OwnFolio() | Movable() | RunsNoHook() | LeavesLists():
                said = explain_contract.explain(violation, self._hook, self._source)
                return self._with_evidence(violation, said)
            case _:
                assert_never(violation.demand)

    def _report(self, violation: Violation, name: str, message: str, span: Span, **fields: Any) -> Diagnostic:
        calls = violation.op.inlined_at if violation.op is not None else ()
        labels = (*fields.pop("labels", ()), *(Label(call, "called from here") for call in calls))
        offers = tuple(map(self._ungrouped, fields.pop("help", ())))
        said = report(name, message, span, hook=self._hook.hook.name, labels=labels, help=offers, **fields)
        return self._with_evidence(violation, said)

    def _ungrouped(self, offer: Help) -> Help:
        """Leave out the parentheses around what becomes a call."""
        if offer.edit is None or re.fullmatch(r"\w+\(.*\)", offer.edit.text) is None:
            return offer
        return replace(offer, edit=Edit(self._source.grouping(offer.edit.span), offer.edit.text))

    def _with_evidence(self, violation: Violation, said: Diagnostic) -> Diagnostic:
        """Add a run in which it happens, or say that none was found, or that any will do."""
        if self._witnesses is None:
            return said
        return with_evidence(said, self._witnesses.find(violation))

    def _origins(self, violation: Violation, value: Value, span: Span) -> tuple[Label, ...]:
        """Return where the value came from in the hook, and above which declaration limits it, or what it goes into."""
        known = origins(self._hook, self._prover, self._source, violation.known, value, span)
        return (*self._declared_places.of(violation, value), *known)

    def _range(
        self, violation: Violation, demand: InRange, needed: tuple[int, int] | None = None
    ) -> Diagnostic:
        needed = needed or violation.proof.needed
        assert violation.op is not None
        assert violation.proof.found is not None
        assert needed is not None
        value, found = demand.value, violation.proof.found
        span = self._span_of_number(violation, demand)
        verb = "is" if violation.proof.certain else "may be"
        written = self._source.text(span) or self._source.name_of(value)
        subject = {
            Role.INDEX: f"index `{written}` of `{demand.what}` {verb} out of bounds",
            Role.SHIFT: f"shift count `{written}` {verb} out of range",
            Role.STORE: f"`{written}` {'does' if violation.proof.certain else 'may'} not fit into {_place(demand)}",
            Role.ARGUMENT: f"`{written}` {verb} out of range for {demand.what}",
        }[demand.role]
        return self._report(
            violation,
            _NAMES[demand.role],
            f"{subject}: found {shown_range(found)}, needed {shown_range(needed)}",
            span,
            label=f"{_can_be(found)}, must be {_wanted(demand, found)}",
            labels=self._origins(violation, value, span),
            notes=_wrapping_notes(written, found) or self._wrapped_before(violation, value),
            help=(
                *self._shorter_loop(written, violation.op.span, demand),
                *self._wider(violation.op, written, demand, found),
                *self._round(written, span, demand),
                *_bounding_help(written, span, demand, found),
                *self._range_of_field(demand, found),
                *self._next_of_ring(written, span, demand),
            ),
        )

    def _wrapped_before(self, violation: Violation, value: Value) -> tuple[str, ...]:
        """Say that a number is made of a difference that may have wrapped, where it is."""
        left = [value]
        for _ in range(_MOST_STEPS_BACK):
            op = self._sums.get(left.pop()) if left else None
            if op is not None and op.result is not None and op.op is BinaryOp.SUB:
                found = self._prover.known_range(violation.known, op.result)
                return _wrapping_notes(self._source.text(op.span), found)
            left += [op.left, op.right] if op is not None else []
        return ()

    @cached_property
    def _sums(self) -> dict[Value | None, Binary]:
        """Return the arithmetic of the hook, by its results."""
        return {op.result: op for block in self._hook.blocks for op in block.ops if isinstance(op, Binary)}

    def _shorter_loop(self, written: str, at: Span, demand: InRange) -> tuple[Help, ...]:
        """Offer to end the loop earlier where its variable is an index, or one with a number added."""
        stepped = re.fullmatch(r"(\w+)(?: \+ (\d+))?", written)
        if stepped is None or demand.role is not Role.INDEX:
            return ()
        found = self._source.loop_range(stepped[1], at.start.line)
        if found is None:
            return ()
        end, place = found
        last = demand.high + 1 - int(stepped[2] or 0)
        less = re.fullmatch(r"(.+) \+ 1", end)
        shorter = (
            str(last)
            if end.isalnum() and not stepped[2]
            else less[1]
            if less
            else f"{end} - {stepped[2] or 1}"
        )
        if end.isdecimal():
            shorter = str(last)
        return (Help(f"end the loop earlier: `{shorter}`", Edit(place, shorter)),)

    def _round(self, written: str, span: Span, demand: InRange) -> tuple[Help, ...]:
        """Offer to go round an array that the policy goes round elsewhere."""
        beside = re.fullmatch(rf"{_ATOM} \+ \w+", written)
        length = demand.high + 1
        if beside is None or demand.role is not Role.INDEX or not self._source.holds(f"% {length}"):
            return ()
        return _replacing(span, f"({written}) % {length}")

    def _wider(self, op: Op, written: str, demand: InRange, found: tuple[int, int]) -> tuple[Help, ...]:
        """Offer a type that holds what is stored, where the declared one is far too small for it, or is a key's."""
        if demand.role is not Role.STORE or found[0] < 0 or _AUGMENTED.fullmatch(written):
            return ()
        needed = next((kind for kind in ("u16", "u32", "u64") if INT_KINDS[kind].max >= found[1]), None)
        match op:
            case StoreState(state=field) if found[1] >= _HUGE and field.max == field.kind.max:
                name, line = field.name.rpartition(".")[2], field.span.start.line
                edit = self._source.retyped(line, rf"\b{name}\s*:\s*([us]\d+)\b", "u64")
                said = f"declare `{name}: u64`"
            case Call(map_decl=MapDecl() as decl) if needed is not None:
                part = demand.what.partition(" of ")[0]
                edit = self._source.retyped(decl.span.start.line, rf"\b{part}=([us]\d+)\b", needed)
                said = f"declare `{decl.name}` with `{part}={needed}`"
            case _:
                return ()
        return (Help(said, edit),) if edit is not None and not _wrapping_notes(written, found) else ()

    def _range_of_field(self, demand: InRange, found: tuple[int, int]) -> tuple[Help, ...]:
        """Offer to declare the range of a field that is an index or a shift count as it is."""
        if demand.role not in (Role.INDEX, Role.SHIFT):
            return ()
        return self._declared(demand.value, found, f"field(0, max={demand.high})")

    def _next_of_ring(self, written: str, span: Span, demand: InRange) -> tuple[Help, ...]:
        """Offer to go on at 0 where a number that is counted up is an index elsewhere."""
        counted = re.fullmatch(rf"({_ATOM}) \+= 1", written)
        if counted is None or demand.role is not Role.STORE or demand.low != 0:
            return ()
        if not self._source.holds(f"[{counted[1]}]"):
            return ()
        return _replacing(span, f"{counted[1]} = ({counted[1]} + 1) % {demand.high + 1}")

    def _declared(self, value: Value, found: tuple[int, int], declaration: str) -> tuple[Help, ...]:
        """Offer another declaration of the field that a value was loaded from, if that has a plain one.

        Not of one that the author has tested before, and not of one that nothing is stored into: it says nothing
        yet of what it is for. Whether all stores keep to the range is for the second verification to say.
        """
        loads = (op for block in self._hook.blocks for op in block.ops if op.result is value)
        load = next(loads, None)
        if not isinstance(load, LoadState) or found[1] < load.state.max:
            return ()
        ops = (op for hook in self._policy.hooks.values() for block in hook.blocks for op in block.ops)
        if not any(isinstance(op, StoreState) and op.state == load.state for op in ops):
            return ()
        name = load.state.name.rpartition(".")[2]
        declared = self._source.declaration(load.state.span, name)
        if declared is None:
            return ()
        written, end = declared
        return (Help(f"declare `{written} = {declaration}`", Edit(end, f" = {declaration}")),)

    def _span_of_number(self, violation: Violation, demand: InRange) -> Span:
        assert violation.op is not None
        around = violation.op.span
        if demand.role is Role.INDEX:
            return self._source.subscript(around, demand.position) or self._source.operand(
                around, demand.value
            )
        if demand.role is Role.STORE:
            return self._source.stored(around, demand.value)
        return self._source.operand(around, demand.value)

    def _none(self, violation: Violation, value: Value) -> Diagnostic:
        assert violation.op is not None
        span = self._source.operand(violation.op.span, value)
        written = self._source.text(span)
        name = written if written.endswith(")") else self._source.name_of(value)
        verb = "is" if violation.proof.certain else "may be"
        return self._report(
            violation,
            "possibly-none",
            f"`{name}` {verb} None here",
            span,
            label="must not be None",
            labels=self._origins(violation, value, span),
            help=self._test_of(name if value.name is not None else written, violation, span),
        )

    def _test_of(self, written: str, violation: Violation, span: Span) -> tuple[Help, ...]:
        """Offer the test before the statement, with the hook's plainest answer; else the test alone."""
        kept = self._source.unused_name("found") if "(" in written else None
        told = f"use it only behind `if {written} is not None:`"
        if kept is not None:
            told = f"keep it, `{kept} = {written}`, and use that behind `if {kept} is not None:`"
        assert violation.op is not None
        # Where it is None in every run, the test before went the wrong way, and another one would change nothing.
        if violation.op.inlined_at or violation.proof.certain:
            return (Help(told),)
        return (*self._counting_from_0(written, span, kept), *self._leaving(written, span, kept), Help(told))

    def _counting_from_0(self, written: str, span: Span, kept: str | None) -> tuple[Help, ...]:
        """Offer 0 for what a map does not hold yet, where the outcome is put back into it."""
        looked_up = re.fullmatch(r"(.+)\.get\(.*\)", written)
        before = self._source.up_to(span)
        if kept is None or looked_up is None or not before.startswith(f"{looked_up[1]}.put("):
            return ()
        chosen = f"({kept} if {kept} is not None else 0)"
        return self._kept_before(span, kept, f"{kept} = {written}", chosen, f"count from 0: `{chosen}`")

    def _leaving(self, written: str, span: Span, kept: str | None) -> tuple[Help, ...]:
        """Offer to leave early, with the hook's plainest answer."""
        answer = PLAIN_ANSWERS.get(self._hook.hook.result) or self._last_place(written)
        if answer == "return None" and "-> None" in self._source.text(self._hook.span):
            answer = "return"
        if answer is None:
            return ()
        name = kept or written
        _, indent = self._source.line_start(span)
        keeping = f"{kept} = {written}\n{indent}" if kept is not None else ""
        said = f"leave before it: `if {name} is None: {answer}`"
        return self._kept_before(span, name, f"{keeping}if {name} is None:\n{indent}    {answer}", name, said)

    def _kept_before(self, span: Span, name: str, lines: str, used: str, said: str) -> tuple[Help, ...]:
        """Offer lines before the statement, and what stands in it for a value that may be None."""
        line, indent = self._source.line_start(span)
        start = Span.of(line, len(indent) + 1, line, len(indent) + 1)
        if name == self._source.text(span):
            return (Help(said, Edit(start, f"{lines}\n{indent}")),)
        return (Help(said, Edit(start.to(span), f"{lines}\n{indent}{self._source.up_to(span)}{used}")),)

    def _last_place(self, written: str) -> str | None:
        """Return the answer of a hook that must place a folio: the last one without what may be None, else the default's."""
        places = [
            op.span
            for block in self._hook.blocks
            for op in block.ops
            if isinstance(op, Construct) and not op.inlined_at and written not in self._source.text(op.span)
        ]
        if self._hook.hook.result != "Place":
            return None
        if places:
            return f"return {self._source.text(max(places))}"
        takes_folio = "folio: Folio" in self._source.text(self._hook.span)
        return "return lru[folio.type][INACTIVE].head" if takes_folio else None

    def _zero(self, violation: Violation, value: Value) -> Diagnostic:
        assert violation.op is not None
        assert violation.proof.found is not None
        span = self._source.operand(violation.op.span, value)
        written = self._source.text(span)
        found = shown_range(violation.proof.found)
        verb = "is" if violation.proof.certain else "may be"
        return self._report(
            violation,
            "division-by-zero",
            f"divisor `{written}` {verb} 0: found {found}, needed anything but 0",
            span,
            label=_can_be(violation.proof.found),
            labels=self._origins(violation, value, span),
            help=(
                *_replacing(span, f"max({written}, 1)"),
                *self._declared(value, violation.proof.found, "field(1, min=1)"),
            ),
        )

    def _overflow(self, violation: Violation) -> Diagnostic:
        assert isinstance(violation.op, Binary)
        left, right = violation.op.left, violation.op.right
        span = self._source.operand(violation.op.span, left, last=False)
        written = self._source.text(span)
        return self._report(
            violation,
            "division-overflow",
            f"`{self._source.text(violation.op.span)}` may divide -9223372036854775808 by -1, which does not fit",
            span,
            label=f"`{written}` can be -9223372036854775808 while the divisor is -1",
            labels=self._origins(violation, right, span),
            help=_replacing(span, f"max({written}, -9223372036854775807)"),
        )

    def _signs(self, violation: Violation, value: Value) -> Diagnostic:
        assert violation.op is not None
        assert violation.proof.found is not None
        span = self._source.operand(violation.op.span, value)
        found = violation.proof.found
        if self._is_count(violation.op.result):
            return self._range(violation, InRange(value, 0, 63, Role.SHIFT, ""), (0, 63))
        name = self._source.name_of(value)
        written = self._source.text(span)
        meant = "u64" if found[0] < 0 else "s64"
        return self._report(
            violation,
            "mixed-signs",
            f"`{name}` mixes with the other sign: found {shown_range(found)}, needed 0..=9223372036854775807",
            span,
            label=f"{_can_be(found)}, which reads differently as {meant}",
            labels=self._origins(violation, value, span),
            help=_same_sign(written, span, meant, self._is_difference(value)),
        )

    def _is_difference(self, value: Value) -> bool:
        """Tell whether a number is a difference, which is meant to have a sign."""
        made = self._sums.get(value)
        return made is not None and made.op is BinaryOp.SUB

    def _is_count(self, converted: Value | None) -> bool:
        """Tell whether a number without sign is made only to shift by: what it must be is 0 to 63."""
        shifts = (op for op in self._sums.values() if op.op in (BinaryOp.SHL, BinaryOp.SHR))
        return any(op.right is converted for op in shifts)

    def _negative(self, violation: Violation, value: Value) -> Diagnostic:
        assert violation.op is not None
        assert violation.proof.found is not None
        span = self._source.operand(violation.op.span, value)
        found = shown_range(violation.proof.found)
        written = self._source.text(span)
        return self._report(
            violation,
            "negative-operand",
            f"`{written}` may be negative: found {found}, needed at least 0; `//` and `%` take no negative numbers",
            span,
            label=_can_be(violation.proof.found),
            labels=self._origins(violation, value, span),
            help=(*self._signed_division(violation.op), *_replacing(span, f"max({written}, 0)")),
        )

    def _signed_division(self, op: Op) -> tuple[Help, ...]:
        """Offer the division of numbers with a sign."""
        sides = re.fullmatch(rf"({_TERM}) (//|%) ({_TERM})", self._source.text(op.span))
        if not isinstance(op, Binary) or sides is None:
            return ()
        left, right = (re.sub(r"^\(([^()]*)\)$", r"\1", side) for side in (sides[1], sides[3]))
        name, said = (
            ("sdiv", "rounds toward 0") if sides[2] == "//" else ("smod", "has the sign of the left side")
        )
        text = f"{name}({left}, {right})"
        return (Help(f"write `{text}`, which {said}", Edit(op.span, text)),)

    def _assertion(self, violation: Violation, condition: Value) -> Diagnostic:
        assert violation.op is not None
        span = violation.op.span
        written = self._source.text(condition.span) or self._source.text(span)
        # Of `a or b` what fails is where both are false, and there it is certain.
        is_whole = written == "False" or self._definitions[self._prover.class_of(condition)].name != "const"
        if violation.proof.certain and is_whole:
            message = f"`{written}` is never true here"
        else:
            message = f"could not prove `{written}`"
        said = self._report(
            violation,
            "unproved-assertion",
            message,
            condition.span if self._source.text(condition.span) else span,
            label="not implied by what is known here",
            labels=self._origins(violation, condition, span),
            help=self._checked_at_run_time(written, span),
        )
        if not said.witness or "never" in message:
            return said
        return replace(
            said, message=f"`{written}` is not always true here", label="false with the values below"
        )

    def _checked_at_run_time(self, written: str, span: Span) -> tuple[Help, ...]:
        """Offer the test that ejects the policy where what was asserted does not hold."""
        line, before = self._source.line_start(span)
        statement = Span.of(line, len(before) + 1, line, 1).to(span)
        said = "" if '"' in written else f"not true: {written}"
        text = f'if not ({written}):\n{before}    fail("{said}")'
        return (Help(f'if not ({written}): fail("...")', Edit(statement, text)),)

    def _loop(self, violation: Violation, demand: LoopBounded) -> Diagnostic:
        assert violation.proof.found is not None
        span, bound = demand.loop.span, demand.loop.bound
        written = self._source.text(span)
        found = shown_range(violation.proof.found)
        return self._report(
            violation,
            "unbounded-loop",
            f"loop over `{written}` has no small enough bound: found {found} rounds, needed at most {MAX_ITERATIONS}",
            span,
            label=f"can go round {found} times",
            labels=self._origins(violation, bound, span),
            help=_limiting_help(written, span),
        )


def _can_be(found: tuple[int, int]) -> str:
    return f"is {found[0]}" if found[0] == found[1] else f"can be {shown_range(found)}"


def _place(demand: InRange) -> str:
    """Name what is stored into: a field, or the key or value of a map."""
    part, of, owner = demand.what.partition(" of ")
    return f"the {part} of `{owner}`" if of else f"`{part}`"


def _wrapping_notes(written: str, found: tuple[int, int]) -> tuple[str, ...]:
    """Say why a difference is suddenly huge."""
    difference = _DIFFERENCE.fullmatch(written) or _DECREMENT.fullmatch(written)
    if difference is None or found[0] < 0 or found[1] <= INT_KINDS["s64"].max:
        return ()
    left, right = difference[1], difference[2]
    return (f"unsigned numbers wrap: where `{left}` is below `{right}`, the difference is a huge number",)


def _wanted(demand: InRange, found: tuple[int, int]) -> str:
    if found[0] >= demand.low:
        return f"at most {demand.high}"
    if found[1] <= demand.high:
        return f"at least {demand.low}"
    return shown_range((demand.low, demand.high))


def _limiting_help(written: str, span: Span) -> tuple[Help, ...]:
    """Offer a smaller end for a loop: `range(n)`, `range(a, n)`, `range(n, 0, -1)` or `list.scan(limit=n)`.

    Where the other end is no number, it is the distance from there that is limited: what counts the entries of
    a ring goes on for ever, and its ends go on with it.
    """
    head, _, inside = written.partition("(")
    arguments = _parted(inside.removesuffix(")"))
    is_downward = len(arguments) == 3 and arguments[2].startswith("-")
    limited = 0 if is_downward else min(len(arguments), 2) - 1
    at = next((n for n, part in enumerate(arguments) if part.startswith("limit")), limited)
    name, equals, number = arguments[at].rpartition("=")
    other = arguments[1 - at] if head == "range" and len(arguments) > 1 else "0"
    most = "256" if re.fullmatch(r"-?\d+", other) else f"{other} + 256"
    arguments[at] = f"{name}{equals}min({number}, {most})"
    return _replacing(span, f"{head}({', '.join(arguments)})")


def _parted(arguments: str) -> list[str]:
    """Part arguments at the commas that stand inside of no further brackets."""
    parts = [""]
    for letter in arguments:
        if letter == "," and all(parts[-1].count(o) <= parts[-1].count(c) for o, c in ("()", "[]")):
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _replacing(span: Span, text: str) -> tuple[Help, ...]:
    return (Help(f"write `{text}`", Edit(span, text)),)


def _bounding_help(written: str, span: Span, demand: InRange, found: tuple[int, int]) -> tuple[Help, ...]:
    """Offer `min`, `max` or `clamp` around the number; `x += e` is written out for that."""
    shorter = _of_so_many(written, demand)
    if shorter is not None:
        return _replacing(span, shorter)
    statement = _AUGMENTED.fullmatch(written) if demand.role is Role.STORE else None
    if statement is not None:
        target, sign, operand = statement[1], statement[2], statement[3]
        term = operand if re.fullmatch(_ATOM, operand) else f"({operand})"
        return _replacing(span, f"{target} = {_bounded(f'{target} {sign} {term}', demand, found)}")
    return _replacing(span, _bounded(written, demand, found))


def _same_sign(written: str, span: Span, meant: str, is_difference: bool) -> tuple[Help, ...]:
    """Offer the number in the other sign: the difference that is meant, else the nearest number that both have."""
    if meant == "u64":
        return _replacing(span, f"max({written}, 0)")
    if is_difference:
        return _replacing(span, f"s64({written})")
    return _replacing(span, f"min({written}, {2**63 - 1})")


def _of_so_many(written: str, demand: InRange) -> str | None:
    """Return an index that goes round an array with the array's own length, where it does so with another one."""
    rounds = re.fullmatch(rf"({_TERM}) ([%&]) (\w+)", written)
    if rounds is None or demand.role is not Role.INDEX or demand.low != 0:
        return None
    if rounds[2] == "%":
        return f"{rounds[1]} % {demand.high + 1}"
    return None if demand.high & (demand.high + 1) else f"{rounds[1]} & {demand.high}"


def _bounded(written: str, demand: InRange, found: tuple[int, int]) -> str:
    difference = _DIFFERENCE.fullmatch(written)
    if difference is not None and found[0] >= 0 and found[1] > INT_KINDS["s64"].max:
        # It wrapped around: `min` would turn what is below 0 into the maximum.
        left, right = difference[1], difference[2]
        if right.isdecimal():
            return f"max({left}, {int(right) + demand.low}) - {right}"
        room = left if demand.low == 0 else f"{left} - {demand.low}"
        return f"{left} - min({right}, {room})"
    if found[0] >= demand.low:
        if written.isdecimal():
            return str(demand.high)
        raised = re.fullmatch(rf"max\(({_ATOM}), (\d+)\)", written)
        return (
            f"clamp({raised[1]}, {raised[2]}, {demand.high})" if raised else f"min({written}, {demand.high})"
        )
    if found[1] <= demand.high:
        return f"max({written}, {demand.low})"
    return f"clamp({written}, {demand.low}, {demand.high})"
