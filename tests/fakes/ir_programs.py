"""Random programs in the IR: integer arithmetic at its corners, narrow memory, branches and loops.

Programs keep their obligations by construction: divisors are raised to 1, shift counts and indices
masked, stored values truncated to the field's type.
"""

from __future__ import annotations

import random

from reclaim.abi.kinds import INT_KINDS, S64_MAX, S64_MIN, U64_MAX
from reclaim.lang.ir import (
    S64,
    U64,
    BinaryOp,
    CompareOp,
    Convert,
    IntType,
    PolicyIR,
    Scope,
    StateField,
    Value,
)
from tests.fakes.ir_builder import HERE, HookBuilder

CORNERS = (
    0,
    1,
    2,
    3,
    63,
    64,
    127,
    128,
    255,
    256,
    2**31,
    2**32 - 1,
    S64_MAX,
    S64_MAX + 1,
    U64_MAX - 1,
    U64_MAX,
)
ARRAY_LENGTH = 8
MAX_DEPTH = 3


class ProgramWriter:
    """Write one random program."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._builder = HookBuilder()
        self._arrays = [
            self._builder.leaf(f"{kind.name}_{scope.value}", kind, scope, (ARRAY_LENGTH,))
            for kind in INT_KINDS.values()
            for scope in (Scope.GLOBAL, Scope.LRUVEC)
        ]

    def program(self, nr_statements: int) -> PolicyIR:
        """Return a policy whose `folio_evicted` runs that many random statements."""
        values = [self._load([]) for _ in range(4)]
        self._statements(values, nr_statements, depth=0)
        total = self._as_type(values[0], U64)
        for value in values[1:]:
            total = self._builder.binary(BinaryOp.XOR, total, self._as_type(value, U64))
        self._builder.give(total)
        return self._builder.policy()

    def _statements(self, values: list[Value], count: int, depth: int) -> None:
        for _ in range(count):
            kind = self._rng.choice(("compute", "compute", "load", "store", "store", "branch", "loop"))
            if kind == "load":
                values.append(self._load(values))
            elif kind == "store":
                self._store(values)
            elif kind == "branch" and depth < MAX_DEPTH:
                values.append(self._diamond(values, depth))
            elif kind == "loop" and depth < MAX_DEPTH:
                values.append(self._loop(values, depth))
            else:
                values.append(self._compute(values))

    def _pick(self, values: list[Value], type_: IntType) -> Value:
        if not values or self._rng.random() < 0.2:
            number = self._rng.choice(CORNERS)
            return self._builder.const(
                number + 2 * S64_MIN if type_.signed and number > S64_MAX else number, type_
            )
        return self._as_type(self._rng.choice(values), type_)

    def _as_type(self, value: Value, type_: IntType) -> Value:
        if value.type == type_:
            return value
        result = self._builder.value(type_)
        return self._builder.add(Convert(span=HERE, result=result, operand=value, implicit=False))

    def _index(self, values: list[Value]) -> Value:
        mask = self._builder.const(ARRAY_LENGTH - 1)
        return self._builder.binary(BinaryOp.AND, self._pick(values, U64), mask)

    def _handle(self, leaf: StateField) -> Value | None:
        return self._builder.params[0] if leaf.scope is Scope.LRUVEC else None

    def _load(self, values: list[Value]) -> Value:
        leaf = self._rng.choice(self._arrays)
        return self._builder.load(leaf, self._index(values), handle=self._handle(leaf))

    def _store(self, values: list[Value]) -> None:
        leaf = self._rng.choice(self._arrays)
        index = self._index(values)
        value = self._builder.truncate(self._pick(values, self._rng.choice((U64, S64))), leaf.kind)
        self._builder.store(leaf, value, index, handle=self._handle(leaf))

    def _compute(self, values: list[Value]) -> Value:
        builder, type_ = self._builder, self._rng.choice((U64, S64))
        if self._rng.random() < 0.2:
            return builder.truncate(self._pick(values, type_), self._rng.choice(list(INT_KINDS.values())))
        op = self._rng.choice(list(BinaryOp))
        left, right = self._pick(values, type_), self._pick(values, type_)
        if op in (BinaryOp.SHL, BinaryOp.SHR):
            right = builder.binary(BinaryOp.AND, right, builder.const(63, type_))
        elif op in (BinaryOp.DIV, BinaryOp.MOD):
            right = builder.binary(BinaryOp.MAX, right, builder.const(1, type_))
        return builder.binary(op, left, right)

    def _condition(self, values: list[Value]) -> Value:
        type_ = self._rng.choice((U64, S64))
        left, right = self._pick(values, type_), self._pick(values, type_)
        return self._builder.compare(self._rng.choice(list(CompareOp)), left, right)

    def _diamond(self, values: list[Value], depth: int) -> Value:
        """Write an if with two arms, or a branch whose two ways lead to one block."""
        builder = self._builder
        condition = self._condition(values)
        joined = builder.value(U64)
        after = builder.new_block(joined)
        if self._rng.random() < 0.3:
            ways = (self._pick(values, U64),), (self._pick(values, U64),)
            builder.branch(condition, after, after, *ways)
        else:
            arms = builder.new_block(), builder.new_block()
            builder.branch(condition, *arms)
            for arm in arms:
                builder.enter(arm)
                inside = list(values)
                self._statements(inside, self._rng.randrange(3), depth + 1)
                builder.jump(after, self._pick(inside, U64))
        builder.enter(after)
        return joined

    def _loop(self, values: list[Value], depth: int) -> Value:
        """Write a loop of up to 7 rounds that carries two values, swapping them each time."""
        builder = self._builder
        limit = self._index(values)
        counter, first, second = builder.value(U64), builder.value(U64), builder.value(U64)
        header, body, after = (
            builder.new_block(counter, first, second),
            builder.new_block(),
            builder.new_block(),
        )
        builder.jump(header, builder.const(0), self._pick(values, U64), self._pick(values, U64))
        builder.enter(header)
        builder.branch(builder.compare(CompareOp.LT, counter, limit), body, after)
        builder.enter(body)
        inside = [*values, counter, first, second]
        self._statements(inside, self._rng.randrange(1, 4), depth + 1)
        following = builder.binary(BinaryOp.ADD, counter, builder.const(1))
        builder.jump(header, following, second, self._as_type(inside[-1], U64))
        builder.enter(after)
        return builder.binary(BinaryOp.ADD, first, second)
