"""Mistakes to plant, and how soon a run finds them: `python -m tests.soundness.planted`.

A million programs without a finding mean little if a broken verifier gets through them as well. Each mistake
here is one that was made in a verifier somewhere, or is easily made in ours: an overflow forgotten, a
comparison off by one, a write that is not noticed, a loop that settles too early.
Those of meaning are planted into the front end or the interpreter: all executions that begin with what the front
end made agree on them, and CPython does not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any
from unittest import mock

import verifier.analysis
from reclaim.abi.kinds import U64_MAX, Param
from reclaim.lang import coercion, interp, lower_conditions, lower_functions, nodes
from reclaim.lang.call_arguments import match_parameters
from reclaim.lang.coercion import truth
from reclaim.lang.findings import Findings
from reclaim.lang.ir import U64, Block, OptionalType, Type, Value, Wrap
from reclaim.lang.lower_access import resolve
from reclaim.lang.lower_arithmetic import compute
from reclaim.lang.lower_assignments import lower_augmented
from reclaim.lang.lower_conditions import lower_condition
from reclaim.lang.lower_loops import lower_break
from reclaim.lang.lowering import Absent, Lowering, Operand
from reclaim.lang.places import load, store
from tests.soundness.programs import program
from tests.soundness.python_execution import run_by_python
from tests.soundness.trial import Trial
from verifier.domains.product import BOTTOM, FALSE, NUMBERS, Element
from verifier.entailment import Proof, Prover
from verifier.invariants import Invariants, Pass
from verifier.left_contents import LeftContents
from verifier.linear import Form, LinearForms
from verifier.memory_cells import Memory, Writes
from verifier.numbering import Numbering
from verifier.obligations import NotNone, Obligation
from verifier.order import Order
from verifier.ratios import Ratios
from verifier.refinement import Refiner
from verifier.related import Related
from verifier.termination import counter_range, most_rounds

MOST_PROGRAMS = 2_000
"""Tried before a mistake counts as not found."""

_apply, _relate, _decided, _prove = NUMBERS.apply, Refiner.relate, Order._decided, Prover.prove
_forget, _stands_before = Memory.forget, Related._stands_before
_combined, _grown, _found = LinearForms.combined, Ratios._grown, Invariants._found
_nullable = coercion._nullable


def _always(*_args: object) -> bool:
    return True


def _wrapless_sum(name: str, a: Element, b: Element) -> Element:
    low, high = a.unsigned[0] + b.unsigned[0], a.unsigned[1] + b.unsigned[1]
    if name != "add" or low > U64_MAX:
        return _apply(name, a, b)
    return NUMBERS.range(low, min(high, U64_MAX))


def _small_remainder(name: str, a: Element, b: Element) -> Element:
    high = b.unsigned[1] - 2
    return NUMBERS.range(0, high) if name == "umod" and high >= 0 else _apply(name, a, b)


def _sharp_shift(name: str, a: Element, b: Element) -> Element:
    found = _apply(name, a, b)
    low, high = found.unsigned
    return NUMBERS.range(low, max(low, high // 2)) if name == "lshr" else found


def _unsigned_difference(name: str, a: Element, b: Element) -> Element:
    return NUMBERS.range(0, a.unsigned[1]) if name == "sub" else _apply(name, a, b)


def _strict(refiner: Refiner, elements: Any, relation: str, left: int, right: int) -> bool:
    return _relate(refiner, elements, {"ule": "ult", "sle": "slt"}.get(relation, relation), left, right)


def _one_further(order: Order, *args: Any) -> Any:
    return [(above, least + 1) for above, least in _decided(order, *args)]


def _forget_no_helper(memory: Memory, writes: Writes, version: object) -> None:
    if not writes.everything:
        _forget(memory, writes, version)


def _forget_no_index(memory: Memory, writes: Writes, version: object) -> None:
    if writes.everything or writes.element is not None:
        _forget(memory, writes, version)


def _first_path(states: Any) -> Any:
    present = [state for state in states if state is not None]
    return dict(present[0]) if present else None


def _later_too(related: Related, number: int, block: int, *, may_be_own: bool = True) -> bool:
    """Let `variable + constant` through whatever block the variable belongs to, as we once did."""
    base = related._base(number)
    is_of_another = base != number and related._owner.get(base, block) != block
    return is_of_another or _stands_before(related, number, block, may_be_own=may_be_own)


def _enter_unchanged(numbering: Numbering, header: Any, edges: Any) -> Memory:
    return numbering._merge(header, edges)


def _one_sign(forms: LinearForms, definition: Any) -> Form:
    return _combined(forms, replace(definition, name="add") if definition.operands[0] else definition)


def _ratio_of_before(ratios: Ratios, whole: int, unit: int, elements: Any, depth: int) -> Any:
    """Take a sum for as many times its unit as before something was added to it."""
    yield from _grown(ratios, whole, unit, elements, depth)
    for base, added in ratios._before(whole):
        if added is not None:
            yield from ratios._known(base, unit, elements)


def _never_none(prover: Prover, elements: Any, demand: Obligation, site: Any) -> Proof:
    proof = _prove(prover, elements, demand, site)
    return Proof(True) if isinstance(demand, NotNone) else proof


def _found_by_the_first(invariants: Invariants, tried: Pass) -> Any:
    name, analysis = next(iter(tried.analyses.items()))
    return _found(invariants, replace(tried, analyses={name: analysis}))


def _found_later(invariants: Invariants, tried: Pass) -> Any:
    stored = [analysis.results.stored for analysis in tried.analyses.values()]
    return {
        name: reduce(NUMBERS.join, [known[name] for known in stored if name in known], BOTTOM)
        for name in _found(invariants, tried)
    }


def _short_count(*args: Any) -> tuple[int, int] | None:
    bounds = counter_range(*args)
    return (bounds[0], max(bounds[0], bounds[1] - 1)) if bounds else None


def _half_rounds(*args: Any) -> int:
    return most_rounds(*args) // 2


# ---- mistakes of meaning


def _by_place(
    call: nodes.Call, what: str, params: list[Param], findings: Findings
) -> dict[str, nodes.Expression | None]:
    match_parameters(call, what, params, findings)
    return dict(zip((p.name for p in params), (a.value for a in call.arguments), strict=True))


def _all_sides(low: Lowering, node: nodes.Expression, then: Block, other: Block) -> None:
    if not isinstance(node, nodes.Logic):
        lower_condition(low, node, then, other)
        return
    values = [truth(low, low.expression(operand), operand.span) for operand in node.operands]
    for value in values[:-1]:
        following = low.builder.block()
        ways = (following, other) if node.op == "and" else (then, following)
        low.builder.branch(value, *ways, node.span)
        low.builder.go_to(following)
    low.builder.branch(values[-1], then, other, node.span)


def _none_is_a_number(low: Lowering, operand: Operand, want: Type, *args: Any) -> Value:
    if isinstance(operand, Absent) and isinstance(want, OptionalType):
        zero = low.builder.const(0, U64, operand.span)
        return low.builder.make(Wrap, want, operand.span, operand=zero)
    return _nullable(low, operand, want, *args)


def _right_first(low: Lowering, node: nodes.Binary) -> Operand:
    right, left = low.expression(node.right), low.expression(node.left)
    return compute(low, node.op, left, right, (node.left.span, node.right.span), node.span)


def _place_found_twice(low: Lowering, node: nodes.AugmentedAssign) -> None:
    if isinstance(node.target, nodes.Name):
        lower_augmented(low, node)
        return
    before, value = load(low, resolve(low, node.target), node.target.span), low.expression(node.value)
    result = compute(low, node.op, before, value, (node.target.span, node.value.span), node.span)
    store(low, resolve(low, node.target), result, node.target, node.span)


def _links_apart(low: Lowering, first: nodes.Expression, rest: Any, then: Block, other: Block) -> None:
    """Compute what stands in the middle of a chain for both of its comparisons."""
    left = first
    for index, (op, right) in enumerate(rest):
        following = then if index == len(rest) - 1 else low.builder.block()
        value, _ = lower_conditions._compare_node(low, op, (low.expression(left), left.span), right)
        low.builder.branch(value, following, other, right.span)
        low.builder.go_to(following)
        left = right


MISTAKES: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "sums do not wrap in intervals": (NUMBERS, "apply", _wrapless_sum),
    "differences do not wrap in intervals": (NUMBERS, "apply", _unsigned_difference),
    "a remainder is at most n - 2": (NUMBERS, "apply", _small_remainder),
    "a shift to the right is one too far": (NUMBERS, "apply", _sharp_shift),
    "casts cut nothing": (NUMBERS, "truncate", lambda a, *_: a),
    "`<=` is learned as `<`": (Refiner, "relate", _strict),
    "sums do not wrap in order": (Order, "_is_exact_sum", _always),
    "differences do not wrap in order": (Order, "_is_exact_difference", _always),
    "products do not wrap in order": (Order, "is_exact_product", _always),
    "a decided comparison counts one too much": (Order, "_decided", _one_further),
    "all pairs arrive in order": (
        verifier.analysis,
        "arriving_on",
        lambda _edge, _state, pairs, _order: [FALSE] * len(pairs),
    ),
    "later variables keep facts of the round before": (Related, "_stands_before", _later_too),
    "a merge keeps one path": (verifier.analysis, "_join_all", _first_path),
    "loops settle at once": (verifier.analysis.HookAnalysis, "covers", _always),
    "a counter ends one too early": (verifier.analysis, "counter_range", _short_count),
    "a loop costs half": (verifier.analysis, "most_rounds", _half_rounds),
    "helpers write nothing": (Memory, "forget", _forget_no_helper),
    "stores at an unknown place write nothing": (Memory, "forget", _forget_no_index),
    "loops leave memory as it was": (Numbering, "_enter_loop", _enter_unchanged),
    "terms of a difference are those of a sum": (LinearForms, "combined", _one_sign),
    "a multiple stays one when something is added": (Ratios, "_grown", _ratio_of_before),
    "stores of other hooks do not count": (Invariants, "_found", _found_by_the_first),
    "what fields hold at first is not looked at": (Invariants, "_found", _found_later),
    "what is lost sight of is not left": (LeftContents, "write", lambda *_args: None),
    "nothing is None": (Prover, "prove", _never_none),
    "arguments by name go by their place": (lower_functions, "match_parameters", _by_place),
    "`and` and `or` compute all sides": (lower_functions, "lower_condition", _all_sides),
    "None is a number": (coercion, "_nullable", _none_is_a_number),
    "0 is None": (interp, "_is_none", lambda value, values: not values[value]),
    "operands are computed from right to left": (lower_functions, "lower_binary", _right_first),
    "a place that is added to is found twice": (lower_functions, "lower_augmented", _place_found_twice),
    "a chain computes its middle twice": (lower_conditions, "_lower_chain", _links_apart),
    "`continue` ends the loop": (lower_functions, "lower_continue", lower_break),
}
"""Where each is planted, and what stands there instead."""

LATE = frozenset(
    {
        "`continue` ends the loop",
        "a multiple stays one when something is added",
        "casts cut nothing",
        "helpers write nothing",
        "loops leave memory as it was",
        "operands are computed from right to left",
        "products do not wrap in order",
        "stores at an unknown place write nothing",
        "what is lost sight of is not left",
    }
)
"""Those that take more than a hundred programs, which are left to long runs (docs/soundness.md has the counts)."""


def programs_until_found(mistake: str, *, is_watched: bool) -> int | None:
    """Return how many programs it takes to find a mistake, None where `MOST_PROGRAMS` are not enough.

    Args:
        mistake: one of `MISTAKES`.
        is_watched: whether beliefs are compared with runs, beside looking for escapes.
    """
    target, name, replacement = MISTAKES[mistake]
    with mock.patch.object(target, name, replacement):
        for seed in range(MOST_PROGRAMS):
            source = program(seed)
            try:
                trial = Trial(f"program {seed}", source, seed, is_watched=is_watched)
                if trial.policy is not None:
                    trial.found.add(run_by_python(trial))
            except Exception:  # noqa: BLE001  # a verifier that stumbles over its mistake was found out, too
                return seed + 1
            if trial.found.wrong:
                return seed + 1
    return None


def main() -> int:
    """Print how soon each mistake is found, by escapes alone and by beliefs as well."""
    for mistake in MISTAKES:
        started = time.process_time()
        counts = [programs_until_found(mistake, is_watched=watched) for watched in (False, True)]
        print(f"{mistake}: {counts[0]} {counts[1]} ({time.process_time() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
