"""The laws of abstract domains, for every domain found in the folder.

At a small width everything is compared with sets of concrete values, exhaustively; at 64 bits with
samples.
"""

from __future__ import annotations

import importlib
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import verifier.domains
from reclaim.lang import arithmetic
from reclaim.lang.ir import BinaryOp
from verifier.domains.lattice import RELATION_NAMES, TRANSFER_NAMES, thresholds_of
from verifier.expressions import transfer_name

WIDTH = 4
SIZE = 1 << WIDTH

NAMES = sorted(
    path.stem
    for path in Path(verifier.domains.__path__[0]).glob("*.py")
    if hasattr(importlib.import_module(f"verifier.domains.{path.stem}"), "DOMAIN")
)
OPERATIONS = {transfer_name(op, signed): (op, signed) for op in BinaryOp for signed in (False, True)}
patterns = st.one_of(
    st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2, 7, 63, 64, 2**63 - 1, 2**63, 2**64 - 1])
)


def domain(name: str, width: int = WIDTH) -> Any:
    """Return the domain of a module."""
    return importlib.import_module(f"verifier.domains.{name}").DOMAIN(width)


NUMBER_NAMES = [name for name in NAMES if hasattr(domain(name), "apply")]


def joined(of: Any, values: list[int]) -> Any:
    """Return the join of single values."""
    element = of.bottom
    for value in values:
        element = of.join(element, of.of(value))
    return element


@cache
def elements(name: str) -> list[tuple[Any, frozenset[int]]]:
    """Return elements of the small domain, each with the values that it stands for."""
    of = domain(name)
    values = list(of.universe())
    found = {joined(of, [a, b]) for a, b in product(values, values)} | {of.top, of.bottom}
    if name == "product":
        found = set(sorted(found, key=repr)[::3]) | {of.top, of.bottom}
    return [(e, frozenset(v for v in values if of.contains(e, v))) for e in sorted(found, key=repr)]


def signed(value: int) -> int:
    """Return the signed reading at the small width."""
    return value - SIZE if value >= SIZE // 2 else value


def concrete(name: str, a: int, b: int) -> int | None:
    """Compute an operation at the small width, None where its obligation does not hold."""
    op, is_signed = OPERATIONS[name]
    is_signed = is_signed or name == "ashr"
    left, right = (signed(a), signed(b)) if is_signed else (a, b)
    if op in (BinaryOp.DIV, BinaryOp.MOD) and (b == 0 or (is_signed and (left, right) == (-SIZE // 2, -1))):
        return None
    if op in (BinaryOp.SHL, BinaryOp.SHR):
        return None if b >= WIDTH else arithmetic.binary(op, is_signed, left, b) % SIZE
    return arithmetic.binary(op, is_signed, left, right) % SIZE


def holds(relation: str, a: int, b: int) -> bool:
    """Decide a relation at the small width."""
    left, right = (signed(a), signed(b)) if relation.startswith("s") else (a, b)
    kind = relation if relation in ("eq", "ne") else relation[1:]
    return {"eq": left == right, "ne": left != right, "lt": left < right, "le": left <= right}[kind]


def test_every_transfer_has_a_meaning() -> None:
    """Domains and intermediate representation speak of the same operations."""
    assert set(TRANSFER_NAMES) == set(OPERATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_join_and_meet_keep_every_value(name: str) -> None:
    """A join holds the values of either side, a meet those of both."""
    of = domain(name)
    for (a, in_a), (b, in_b) in product(elements(name), repeat=2):
        join, meet = of.join(a, b), of.meet(a, b)
        assert of.leq(a, join)
        assert of.leq(b, join)
        assert all(of.contains(meet, value) for value in in_a & in_b)


@pytest.mark.parametrize("name", NAMES)
def test_leq_is_inclusion(name: str) -> None:
    """What is smaller stands for no value that the larger does not."""
    of = domain(name)
    wrong = [
        (a, b)
        for (a, in_a), (b, in_b) in product(elements(name), repeat=2)
        if of.leq(a, b) and not in_a <= in_b
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_widening_covers_and_ends(name: str) -> None:
    """Widening holds both sides and stands still after few steps, whatever comes."""
    of = domain(name)
    rests = thresholds_of([0, 3, 9], WIDTH)
    for a, _ in elements(name):
        current, nr_changes = a, 0
        for b, _ in elements(name):
            wider = of.widen(current, of.join(current, b), rests)
            assert of.leq(b, wider)
            nr_changes += wider != current
            current = wider
        assert nr_changes <= 2 * SIZE


@pytest.mark.parametrize("name", NAMES)
def test_narrowing_keeps_the_smaller_side(name: str) -> None:
    """Narrowing never goes below the smaller element."""
    of = domain(name)
    for (a, _), (b, in_b) in product(elements(name), repeat=2):
        if of.leq(b, a):
            narrowed = of.narrow(a, b)
            assert all(of.contains(narrowed, value) for value in in_b)


@pytest.mark.parametrize("transfer", TRANSFER_NAMES)
@pytest.mark.parametrize("name", NUMBER_NAMES)
def test_transfer_loses_no_result(name: str, transfer: str) -> None:
    """Every result of every pair of values is in the transfer's answer."""
    of = domain(name)
    table = [[concrete(transfer, a, b) for b in range(SIZE)] for a in range(SIZE)]
    inside = dict(elements(name))
    for (a, in_a), (b, in_b) in product(elements(name), repeat=2):
        answer = of.apply(transfer, a, b)
        allowed = inside.get(answer) or {v for v in range(SIZE) if of.contains(answer, v)}
        results = {table[x][y] for x in in_a for y in in_b} - {None}
        assert results <= allowed, (a, b, answer)


@pytest.mark.parametrize("name", NUMBER_NAMES)
def test_truncation_loses_no_result(name: str) -> None:
    """Every value that is cut and extended again is in the answer."""
    of = domain(name)
    for (element, inside), nr_bits, is_signed in product(elements(name), (1, 2, 3), (False, True)):
        answer = of.truncate(element, nr_bits, is_signed)
        for value in inside:
            low = value % (1 << nr_bits)
            cut = low - (1 << nr_bits) if is_signed and low >> (nr_bits - 1) else low
            assert of.contains(answer, cut % SIZE), (element, nr_bits, is_signed)


@pytest.mark.parametrize("transfer", TRANSFER_NAMES)
@pytest.mark.parametrize("name", NUMBER_NAMES)
def test_transfer_is_monotone(name: str, transfer: str) -> None:
    """Who knows more about an operand does not know less about the result."""
    of = domain(name)
    is_shift = transfer in ("shl", "lshr", "ashr")
    known = [element for element, inside in elements(name) if inside]
    counts = [e for e, inside in elements(name) if inside & frozenset(range(WIDTH))] if is_shift else known
    lefts = [(a, b) for a in known for b in known if a != b and of.leq(a, b)][::7]
    rights = [(a, b) for a in counts for b in counts if a != b and of.leq(a, b)][::7]
    for (small, large), other in product(lefts, counts[::7]):
        assert of.leq(of.apply(transfer, small, other), of.apply(transfer, large, other)), (small, large)
    for other, (small, large) in product(known[::7], rights):
        assert of.leq(of.apply(transfer, other, small), of.apply(transfer, other, large)), (small, large)


@pytest.mark.parametrize("name", NUMBER_NAMES)
@given(data=st.data(), few=st.lists(patterns, min_size=1, max_size=2), more=st.lists(patterns, max_size=2))
def test_answers_at_full_width_are_monotone(
    name: str, data: st.DataObject, few: list[int], more: list[int]
) -> None:
    """So it is at 64 bits, for transfers, meets, truncation and relations, the reduced product included."""
    of = domain(name, 64)
    small, large = joined(of, few), joined(of, few + more)
    other = joined(of, data.draw(st.lists(patterns, min_size=1, max_size=2)))
    bound = joined(of, data.draw(st.lists(patterns, min_size=1, max_size=3)))
    small, other = _met(of, small, bound), _met(of, other, bound)
    for transfer in TRANSFER_NAMES:
        for one, two in (((small, other), (large, other)), ((other, small), (other, large))):
            if _may_run(of, transfer, one[1]):
                assert of.leq(of.apply(transfer, *one), of.apply(transfer, *two)), transfer
    assert of.leq(of.meet(small, other), of.meet(large, other))
    for relation in RELATION_NAMES:
        less, more_ = of.assume(relation, small, other), of.assume(relation, large, other)
        assert of.leq(less[0], more_[0]), relation
        assert of.leq(less[1], more_[1]), relation
    for nr_bits, is_signed in product((8, 16, 32), (False, True)):
        assert of.leq(of.truncate(small, nr_bits, is_signed), of.truncate(large, nr_bits, is_signed))


def _met(of: Any, element: Any, bound: Any) -> Any:
    """Return the meet, the element itself where nothing would be left."""
    both = of.meet(element, bound)
    return element if both == of.bottom else both


def _may_run(of: Any, transfer: str, right: Any) -> bool:
    """Tell whether some right operand fulfils an operation's obligation; elsewhere the state does not go on."""
    if transfer in ("shl", "lshr", "ashr"):
        return any(of.contains(right, count) for count in range(64))
    return right != of.of(0) or not transfer.endswith(("div", "mod"))


@pytest.mark.parametrize("relation", RELATION_NAMES)
@pytest.mark.parametrize("name", NUMBER_NAMES)
def test_assumption_keeps_every_pair_that_fulfils_it(name: str, relation: str) -> None:
    """What a relation permits survives it, on both sides."""
    of = domain(name)
    for (a, in_a), (b, in_b) in product(elements(name)[::2], repeat=2):
        left, right = of.assume(relation, a, b)
        for x, y in product(in_a, in_b):
            if holds(relation, x, y):
                assert of.contains(left, x), (a, b)
                assert of.contains(right, y), (a, b)


@pytest.mark.parametrize("name", NUMBER_NAMES)
@given(lefts=st.lists(patterns, min_size=1, max_size=3), rights=st.lists(patterns, min_size=1, max_size=3))
def test_transfer_at_full_width_loses_no_result(name: str, lefts: list[int], rights: list[int]) -> None:
    """The same at 64 bits, against the normative arithmetic."""
    of = domain(name, 64)
    a, b = joined(of, lefts), joined(of, rights)
    for transfer, (op, is_signed) in OPERATIONS.items():
        answer = of.apply(transfer, a, b)
        for x, y in product(lefts, rights):
            if op in (BinaryOp.SHL, BinaryOp.SHR) and y > 63:
                continue
            if op in (BinaryOp.DIV, BinaryOp.MOD) and (
                y == 0 or (is_signed and (x, y) == (2**63, 2**64 - 1))
            ):
                continue
            assert of.contains(answer, arithmetic.binary(op, is_signed, x, y)), (transfer, x, y)


@pytest.mark.parametrize("name", NUMBER_NAMES)
@given(lefts=st.lists(patterns, min_size=1, max_size=3), rights=st.lists(patterns, min_size=1, max_size=3))
def test_lattice_at_full_width_keeps_every_value(name: str, lefts: list[int], rights: list[int]) -> None:
    """Joins and widening hold both sides, meets what both have, assumptions what fulfils them."""
    of = domain(name, 64)
    a, b = joined(of, lefts), joined(of, rights)
    join, meet, wider = of.join(a, b), of.meet(a, b), of.widen(a, of.join(a, b), thresholds_of({0, 7, 63}))
    for value in (*lefts, *rights):
        assert of.contains(join, value)
        assert of.contains(wider, value)
    assert all(of.contains(meet, value) for value in lefts if of.contains(b, value))
    for nr_bits, is_signed in product((8, 16, 32), (False, True)):
        cut = of.truncate(a, nr_bits, is_signed)
        for value in lefts:
            low = value % (1 << nr_bits)
            low -= (1 << nr_bits) * (is_signed and low >> (nr_bits - 1))
            assert of.contains(cut, low % 2**64), (value, nr_bits)
    for relation in RELATION_NAMES:
        left, right = of.assume(relation, a, b)
        for x, y in product(lefts, rights):
            if _holds_at_full_width(relation, x, y):
                assert of.contains(left, x), relation
                assert of.contains(right, y), relation


def _holds_at_full_width(relation: str, a: int, b: int) -> bool:
    if relation.startswith("s"):
        a, b = arithmetic.signed(a), arithmetic.signed(b)
    kind = relation if relation in ("eq", "ne") else relation[1:]
    return {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b}[kind]


@pytest.mark.parametrize("name", NUMBER_NAMES)
@given(steps=st.lists(patterns, min_size=1, max_size=40))
def test_widening_at_full_width_ends(name: str, steps: list[int]) -> None:
    """Whatever comes, a chain of widenings moves a bounded number of times."""
    of = domain(name, 64)
    thresholds = thresholds_of({0, 7, 63, 4096})
    element, nr_moves = of.of(steps[0]), 0
    for _ in range(8):
        for value in steps:
            wider = of.widen(element, of.join(element, of.of(value)), thresholds)
            nr_moves += wider != element
            element = wider
    assert nr_moves <= 140
