"""Confirm a witness by running the interpreter on it.

The search for a witness computes with classes of values and its own small evaluator. What it claims is
checked here by the normative interpreter: the hook runs from its first instruction, on a memory that is
made up as it goes. Whatever the hook reads for the first time is what the search picked; from then on the
memory keeps it, stores included, and a read that finds something else than the search believed ends the
attempt. Only a run that comes to the instruction in question with no obligation broken on the way, and with
values there that break this one, is a witness. A rule about places is broken by coming there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.kinds import S64_MAX, S64_MIN
from reclaim.abi.layout import slots
from reclaim.lang import arithmetic
from reclaim.lang.interp import Interpreter, ObligationBroken, RuntimeValue
from reclaim.lang.ir import (
    Block,
    Call,
    HandleType,
    ListSize,
    LoadField,
    LoadState,
    MapRef,
    Op,
    PolicyIR,
    ScanFirst,
    ScanNext,
    StoreField,
    StoreState,
    Terminator,
    Value,
    is_pair,
)
from verifier.analysis import Violation
from verifier.entailment import MAX_ITERATIONS, MOVED_TWICE
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
    RunsNoHook,
)

_OBJECT_SHIFT = 24
"""Made-up objects lie that many bits apart: further than any of them is large."""

_CONTEXT = 1 << 60
_STATE = 1 << 56
"""Where the made-up context and the made-up state begin, one such stretch for each of its members."""

_SIZES = 1 << 50
"""Where the made-up sizes of lists begin, 4 KiB for each byte that holds a pointer to them."""

_HELPERS = {helper.c_name: helper for helper in HELPERS}


@dataclass(frozen=True, slots=True)
class Believed:
    """Say what the search took an instruction to read or to be answered."""

    op: Op
    value: int | None


class _Disagreement(Exception):
    """Signal that the interpreter does not see what the search believed."""


class _Arrived(Exception):
    """Signal that the instruction in question was reached."""


@dataclass(slots=True)
class _Memory:
    """A memory that is what the search believes until something else is written.

    Args:
        believed: what each instruction that reads gets, in order.
    """

    believed: list[Believed]
    words: dict[int, int] = field(default_factory=dict)
    known_bits: dict[int, int] = field(default_factory=dict)
    op: Op | None = None
    place: int = 0

    @property
    def context(self) -> int:
        """Return the address of the context."""
        return _CONTEXT

    def expect(self, op: Op) -> None:
        """Note which instruction runs next."""
        self.op = op

    def load(self, address: int, nr_bytes: int, signed: bool) -> int:
        """Read what is there, or what the search believes to be there."""
        if address >= _CONTEXT:
            return _STATE * (1 + (address - _CONTEXT) // 8)
        if isinstance(self.op, MapRef) or (isinstance(self.op, (LoadState, StoreState)) and address < _STATE):
            return self._number_of(address)
        if isinstance(self.op, ListSize) and address < _SIZES:
            return _SIZES + (address << 12)
        if isinstance(self.op, LoadField):
            slot = slots(_type_name(self.op.handle))[self.op.field]
            if slot.bit is not None:
                return self._flag(address, slot.bit)
        if isinstance(self.op, StoreField):
            return self.words.get(address, 0)
        believed = self._next()
        pattern = believed & ((1 << 8 * nr_bytes) - 1)
        if self.words.setdefault(address, pattern) != pattern:
            raise _Disagreement
        return arithmetic.read_as(pattern << 64 - 8 * nr_bytes, signed) >> 64 - 8 * nr_bytes

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        """Keep what is written."""
        self.words[address] = value & ((1 << 8 * nr_bytes) - 1)
        if (
            isinstance(self.op, StoreField)
            and slots(_type_name(self.op.handle))[self.op.field].bit is not None
        ):
            bit = slots(_type_name(self.op.handle))[self.op.field].bit
            self.known_bits[address] = self.known_bits.get(address, 0) | 1 << (bit or 0)

    def call(self, c_name: str, args: tuple[int, ...]) -> int | None:
        """Answer what the search believes; what the helper may have changed is made up anew."""
        del args
        helper = _HELPERS.get(c_name)
        if helper is not None and (helper.effects.runs or helper.effects.writes):
            self.words.clear()
            self.known_bits.clear()
        if helper is not None and helper.result == "None":
            return None
        op, believed = self._take()
        if op is not self.op:
            raise _Disagreement
        is_handle = c_name in SCAN_HELPERS.values() or (op.result is not None and _is_object(op.result))
        return believed << _OBJECT_SHIFT if is_handle and believed is not None else believed

    def _number_of(self, address: int) -> int:
        """Make up the number of an object whose state or maps are reached: its own, whatever it is."""
        return self.words.setdefault(address, (address >> _OBJECT_SHIFT) & 0xFF)

    def _flag(self, address: int, bit: int) -> int:
        believed = self._next()
        known, word = self.known_bits.get(address, 0), self.words.get(address, 0)
        if known >> bit & 1 and word >> bit & 1 != believed:
            raise _Disagreement
        self.known_bits[address] = known | 1 << bit
        self.words[address] = word & ~(1 << bit) | believed << bit
        return self.words[address]

    def _next(self) -> int:
        op, believed = self._take()
        if op is not self.op:
            raise _Disagreement
        if op.result is not None and _is_object(op.result):
            return (believed or 0) << _OBJECT_SHIFT
        return believed or 0

    def _take(self) -> tuple[Op, int | None]:
        if self.place >= len(self.believed):
            raise _Disagreement
        entry = self.believed[self.place]
        self.place += 1
        return entry.op, entry.value


def confirms(
    policy: PolicyIR,
    hook_name: str,
    arguments: tuple[int | None, ...],
    believed: list[Believed],
    target: Op | Terminator | None,
    violation: Violation,
) -> bool:
    """Tell whether the interpreter comes to an instruction and breaks its obligation there.

    Args:
        policy: the policy.
        hook_name: the hook.
        arguments: what the search picked for the hook's parameters.
        believed: what it picked for each instruction that reads, in the order of running.
        target: the instruction, or the first of the loop that demands something.
        violation: its obligation, and why it is not met.
    """
    moved: set[RuntimeValue] = set()

    def is_reached(_block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> bool:
        if op is target and _is_broken(violation, values, moved):
            return True
        if isinstance(op, (ScanFirst, ScanNext)):
            moved.clear()
        elif isinstance(op, Call) and op.helper.effects.moves is not None:
            moved.add(values[op.args[0]])
        return False

    return reaches(policy, hook_name, arguments, believed, is_reached)


def reaches(
    policy: PolicyIR,
    hook_name: str,
    arguments: tuple[int | None, ...],
    believed: list[Believed],
    is_reached: Callable[[Block, Op | Terminator, Mapping[Value, RuntimeValue]], bool],
) -> bool:
    """Tell whether the interpreter comes to a place, with no obligation broken on the way.

    Args:
        policy: the policy.
        hook_name: the hook.
        arguments: what the search picked for the hook's parameters.
        believed: what it picked for each instruction that reads, in the order of running.
        is_reached: asked before each instruction.
    """
    memory = _Memory(believed)

    def observe(block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> None:
        if is_reached(block, op, values):
            raise _Arrived
        if not isinstance(op, Terminator):
            memory.expect(op)

    params = policy.hooks[hook_name].params
    args = tuple(
        (value or 0) << _OBJECT_SHIFT if _is_object(param) else value or 0
        for param, value in zip(params, arguments, strict=True)
    )
    try:
        Interpreter(policy, memory, observe).run(hook_name, args)
    except _Arrived:
        return True
    except (_Disagreement, ObligationBroken):
        return False
    return False


def _is_broken(violation: Violation, values: Mapping[Value, RuntimeValue], moved: set[RuntimeValue]) -> bool:
    """Tell whether the interpreter's values, or the moves in this round, break an obligation."""
    match violation.demand:
        case InRange(value=value, low=low, high=high):
            number = values[value]
            return number is not None and not low <= number <= high
        case CommonRange(value=value) | NonNegative(value=value):
            number = values[value]
            return number is not None and not 0 <= number <= S64_MAX
        case NotNone(value=value):
            return values[value] is None if is_pair(value.type) else values[value] == 0
        case NonZero(value=value):
            return values[value] == 0
        case QuotientFits(left=left, right=right):
            return (values[left], values[right]) == (S64_MIN, -1)
        case Implied(condition=condition):
            return values[condition] == 0
        case LoopBounded(loop=loop):
            return (values[loop.bound] or 0) > MAX_ITERATIONS
        case RunsNoHook(driver=driver):
            return driver is None or values[driver] != 0
        case Movable(folio=folio):
            return violation.proof.why != MOVED_TWICE or values[folio] in moved
        case FamilyPermitted() | OwnFolio() | LeavesLists():
            return True


def _type_name(handle: Value) -> str:
    assert isinstance(handle.type, HandleType)
    return handle.type.name


def _is_object(value: Value) -> bool:
    """Tell whether a value is a made-up object: a handle that is no list's number."""
    return isinstance(value.type, HandleType) and value.type.name != "List"
