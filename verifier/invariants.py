"""What fields of declared state hold between hooks, found from everything that the policy stores.

Nobody but the policy writes its state: the core sets each field to its initial value, and copies what is there. So a
set of ranges, one for each field, holds whenever a hook begins if it is *closed*: the initial values lie inside, and
with fields in these ranges no hook leaves anything outside. `lruvec.hand = (lruvec.hand + 1) % 64` is closed under
0..=63, `1 - lruvec.current` under 0..=1, and neither has to be declared. What a hook reads of state while it runs is
what it stored there itself, as numbering knows; or else was there when it began, was stored by a hook that ran inside
of it, or was left there by itself where that may be read by another name (`left_contents`), and lies in the ranges.

Wherever the ranges come from, only their being closed is relied upon, and that is looked at in the pass that finds
nothing else wrong. So they may be guessed. First each field is taken to hold its initial value and what is stored
into it while fields hold what is declared: that settles remainders, minima, counters that are tested before. If
something is still wrong, the ranges grow from the initial values by what is stored, and rest at the constants of the
policy: that settles what is bounded only because it was before. A field that goes on growing holds what is declared.
So does a field that nothing is stored into: it would be its initial value for ever, and nobody declares it for that;
the policy is not finished.

Policies that are accepted with what is declared do not come here and pay nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reclaim.abi.kinds import S64_MAX
from reclaim.lang.ir import (
    Binary,
    BinaryOp,
    Compare,
    Const,
    HookIR,
    LoadState,
    PolicyIR,
    StoreState,
    Value,
)
from verifier.analysis import HookAnalysis
from verifier.domains.lattice import Thresholds
from verifier.domains.product import NUMBERS, TOP, Element
from verifier.evaluation import within
from verifier.facts import Facts
from verifier.state_ranges import DECLARED, FieldName, StateRanges, name_of

MOST_RISES = 14
"""How often one field may grow: ours. On its way up it rests at a few constants of the policy, or it never does."""

MOST_PASSES = 28
"""Passes in which ranges grow: a bound on work, for fields that wait for each other grow one after the other."""

_BOUNDING = (BinaryOp.MIN, BinaryOp.MAX, BinaryOp.MOD, BinaryOp.AND, BinaryOp.SUB)
"""Operations whose result a constant operand bounds, or that are written to stay below one."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One analysis of all hooks.

    Args:
        analyses: by hook; finished.
        state: what fields were taken to hold.
    """

    analyses: Mapping[str, HookAnalysis]
    state: StateRanges


def analyse(ir: PolicyIR, state: StateRanges = DECLARED, facts: Facts | None = None) -> Pass:
    """Analyse all hooks of a policy.

    Args:
        ir: the policy.
        state: what fields are taken to hold.
        facts: where to note what is known about each value, None if nobody wants to know.
    """
    return Pass({name: _analysed(hook, state, facts) for name, hook in ir.hooks.items()}, state)


class Invariants:
    """Find ranges under which a policy is closed.

    Args:
        ir: the policy.
    """

    def __init__(self, ir: PolicyIR) -> None:
        self._ir = ir
        loads = {name: _fields_of(LoadState, hook) for name, hook in ir.hooks.items()}
        stores = {name: _fields_of(StoreState, hook) for name, hook in ir.hooks.items()}
        # What a hook leaves where it stored in one branch alone is in the other what was there before.
        self._reads = {name: loads[name] | stores[name] for name in loads}
        loaded, stored = (frozenset[FieldName]().union(*fields.values()) for fields in (loads, stores))
        self._fields = {
            name_of(leaf): leaf for leaf in ir.state if name_of(leaf) in stored & loaded and not leaf.is_bool
        }

    def is_closed(self, tried: Pass) -> bool:
        """Tell whether nothing is put or left outside of what fields were taken to hold."""
        found = self._found(tried)
        return tried.state.proved.keys() <= self._fields.keys() and all(
            NUMBERS.leq(found[name], tried.state.of(leaf)) for name, leaf in self._fields.items()
        )

    def passes(self, declared: Pass) -> Iterator[Pass]:
        """Yield passes that take more to be known of state, each of them closed.

        Args:
            declared: the pass with what is declared.
        """
        if not self._fields:
            return
        settled = self._again(declared, self._found(declared, "stored"))
        is_closed = self.is_closed(settled)
        if is_closed and settled is not declared:
            yield settled
        grown = self._grown(settled.state if is_closed else DECLARED)
        if grown is not None:
            yield self._narrowed(grown)

    def _found(self, tried: Pass, which: Literal["stored", "left"] = "left") -> dict[FieldName, Element]:
        """Return what each field holds at first, or after any store, or where others may read what was stored."""
        found = {name: NUMBERS.of(leaf.initial) for name, leaf in self._fields.items()}
        for analysis in tried.analyses.values():
            results = analysis.results
            for name, content in (results.stored if which == "stored" else results.left).items():
                if name in found:
                    found[name] = NUMBERS.join(found[name], content)
        return found

    def _again(self, before: Pass, proved: Mapping[FieldName, Element]) -> Pass:
        """Analyse the hooks again that load or store what is taken to hold something else than before."""
        state = StateRanges(proved)
        changed = {name for name, leaf in self._fields.items() if state.of(leaf) != before.state.of(leaf)}
        if not changed:
            return before
        analyses = {
            name: _analysed(hook, state) if self._reads[name] & changed else before.analyses[name]
            for name, hook in self._ir.hooks.items()
        }
        return Pass(analyses, state)

    def _grown(self, limits: StateRanges) -> Pass | None:
        """Let ranges grow from the initial values until they are closed.

        Args:
            limits: under which the policy is closed, too; what does not come to rest goes there.

        Returns:
            None if they do not become closed soon enough.
        """
        constants = {c for hook in self._ir.hooks.values() for c in _bounds(hook)}
        rests = sorted(constants | {c + 1 for c in constants if c < S64_MAX})
        thresholds = Thresholds(tuple(c for c in rests if c >= 0), tuple(c for c in rests if c <= S64_MAX))
        tried = analyse(self._ir, StateRanges({n: NUMBERS.of(f.initial) for n, f in self._fields.items()}))
        nr_rises: Counter[FieldName] = Counter()
        for _ in range(MOST_PASSES):
            proved = {}
            for name, found in self._found(tried).items():
                limit, held = limits.of(self._fields[name]), tried.state.of(self._fields[name])
                if not NUMBERS.leq(found, held):
                    nr_rises[name] += 1
                    held = _risen(held, NUMBERS.join(held, found), nr_rises[name], limit, thresholds)
                proved[name] = held
            following = self._again(tried, proved)
            if following is tried:
                return tried if self.is_closed(tried) else None
            tried = following
        return None

    def _narrowed(self, grown: Pass) -> Pass:
        """Take what was found instead of where widening came to rest, if that is closed as well."""
        smaller = self._again(grown, self._found(grown))
        return smaller if self.is_closed(smaller) else grown


def _risen(held: Element, joined: Element, nr_rises: int, limit: Element, thresholds: Thresholds) -> Element:
    """Return what a field is taken to hold that may hold more than was thought."""
    if nr_rises == 1:
        return joined
    if nr_rises > MOST_RISES:
        return limit if nr_rises == MOST_RISES + 1 else TOP
    # Bits become unknown one by one, and each is one more number at which a range would rest.
    held, joined = (element._replace(bits=TOP.bits) for element in (held, joined))
    return within(NUMBERS.widen(held, joined, thresholds), NUMBERS.join(limit, joined))


def _bounds(hook: HookIR) -> Iterator[int]:
    """Yield the constants that may bound a field: what something is compared with, or kept below; ends of arrays."""
    ops = [op for block in hook.blocks for op in block.ops]
    constants = {op.result.id: op.value for op in ops if isinstance(op, Const) and op.result is not None}
    for op in ops:
        operands: tuple[Value, ...] = ()
        if isinstance(op, Compare) or (isinstance(op, Binary) and op.op in _BOUNDING):
            operands = (op.left, op.right)
        elif isinstance(op, StoreState):
            operands = (op.value,)
        elif isinstance(op, LoadState):
            yield from (length - 1 for length in op.state.dims)
        yield from (constants[value.id] for value in operands if value.id in constants)


def _fields_of(kind: type[LoadState | StoreState], hook: HookIR) -> frozenset[FieldName]:
    """Return the fields that a hook loads, or stores into."""
    ops = (op for block in hook.blocks for op in block.ops)
    return frozenset(name_of(op.state) for op in ops if isinstance(op, kind))


def _analysed(hook: HookIR, state: StateRanges, facts: Facts | None = None) -> HookAnalysis:
    analysis = HookAnalysis(hook, facts, state)
    analysis.run()
    return analysis
