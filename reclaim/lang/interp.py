"""The reference interpreter: slow, obvious, and the meaning of the intermediate representation.

Native code must do what this does, byte for byte and call for call. Memory is reached by address
through an `Environment`, so the same interpreter runs on a few made-up objects in a test and on the
live memory of the core: kernel fields lie where `reclaim.abi.layout` says, and declared state is
found through the context, as compiled code finds it.

Unlike compiled code it checks every obligation as it goes and stops at the first that does not
hold, with `ObligationBroken`. A policy that the verifier accepted never gets there; that it does not
is how the verifier is tested.

Run-time values are plain Python integers in the reading of their type (an `S64` may be negative),
addresses for kernel objects, 0 for a handle or place that is None, and Python's None for an
optional integer or other answer without a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, assert_never

from reclaim.abi.helpers import SCAN_HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, S64_MIN, Constructor
from reclaim.abi.layout import CONTEXT_OFFSETS, LIST_SIZES, slots
from reclaim.lang import arithmetic
from reclaim.lang.ir import (
    SCOPE_NUMBER,
    Assert,
    Binary,
    BinaryOp,
    Block,
    BoolType,
    Branch,
    Call,
    Compare,
    Const,
    Construct,
    Convert,
    Fail,
    HandleType,
    IntType,
    IsNone,
    Jump,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    MapDecl,
    MapRef,
    Narrow,
    Not,
    Op,
    OptionalType,
    PolicyIR,
    Return,
    ScanFirst,
    ScanNext,
    Scope,
    StoreField,
    StoreState,
    Terminator,
    Truncate,
    Type,
    Unwrap,
    Value,
    Wrap,
    is_pair,
)

ANSWER_LIST_SHIFT = 8
"""Where an answer built by a method of List keeps the list's number (`reclaim.abi.answers`)."""

MAP_INSTANCE_SHIFT = 32
"""Where a map handle keeps the number of its instance (`MapRef`)."""

CoreOp: TypeAlias = (
    LoadField
    | StoreField
    | LoadState
    | StoreState
    | LoadTunable
    | ListSize
    | MapRef
    | Call
    | ScanFirst
    | ScanNext
)
"""The instructions that reach beyond the values of the hook."""

RuntimeValue: TypeAlias = int | None
Values: TypeAlias = dict[Value, RuntimeValue]
Observer: TypeAlias = Callable[[Block, "Op | Terminator", Mapping[Value, RuntimeValue]], None]
"""Called before every instruction and terminator with all values made so far."""


class ObligationBroken(Exception):
    """Signal that an obligation does not hold: a policy that no verifier may accept."""

    def __init__(self, op: Op, what: str) -> None:
        super().__init__(f"{type(op).__name__} at {op.span.start.line}:{op.span.start.column}: {what}")
        self.op = op


class Environment(Protocol):
    """The memory and the helpers that a hook runs on."""

    @property
    def context(self) -> int:
        """Return the address of the policy's `struct rcl_ctx`."""

    def load(self, address: int, nr_bytes: int, signed: bool) -> int:
        """Read an integer of 1, 2, 4 or 8 bytes in the processor's byte order."""

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        """Write the low bytes of an integer."""

    def call(self, c_name: str, args: tuple[int, ...]) -> int | None:
        """Run a helper of the core.

        Args:
            c_name: name of the C function without its prefix, scan helpers included; the integer
                functions isqrt, ilog2 and mul_div never come here, their meaning is fixed.
            args: arguments after the context, as unsigned 64-bit patterns.

        Returns:
            The answer as an unsigned pattern; None for helpers without a result, and for an
            optional integer that is None.
        """


_INTEGER_HELPERS: dict[str, Callable[..., int]] = {
    "isqrt": arithmetic.isqrt,
    "ilog2": arithmetic.ilog2,
    "mul_div": arithmetic.mul_div,
}


class Interpreter:
    """Run hooks of a policy, one instruction after the other.

    Args:
        policy: the policy, verified or not.
        env: memory and helpers.
        observer: called before every instruction, None for nobody.
    """

    def __init__(self, policy: PolicyIR, env: Environment, observer: Observer | None = None) -> None:
        self.policy = policy
        self.env = env
        self.observer = observer
        self.nr_steps = 0
        """Instructions and terminators executed so far, over all runs."""

    def run(self, hook_name: str, args: tuple[int, ...]) -> int | None:
        """Run a hook to its end.

        Args:
            hook_name: a hook that the policy has.
            args: one value for each parameter of the ABI hook, addresses or numbers.

        Returns:
            The encoded answer as an unsigned pattern, None for hooks that answer nothing.

        Raises:
            ObligationBroken: an obligation does not hold.
        """
        hook = self.policy.hooks[hook_name]
        values: Values = {param: _read(param.type, arg) for param, arg in zip(hook.params, args, strict=True)}
        block = hook.blocks[0]
        while True:
            self._run_block(block, values)
            match block.terminator:
                case Jump(target=target, args=passed):
                    block = _enter(target, passed, values)
                case Branch() as branch if values[branch.condition]:
                    block = _enter(branch.then, branch.then_args, values)
                case Branch() as branch:
                    block = _enter(branch.other, branch.other_args, values)
                case Return(value=value):
                    return None if value is None else arithmetic.unsigned(values[value] or 0)
                case Fail(message=message):
                    self.env.store(self.env.context + CONTEXT_OFFSETS["failed"], 8, message + 1)
                    return None if hook.hook.result == "None" else 0
                case None:
                    raise ValueError(f"{block} has no terminator")

    def _run_block(self, block: Block, values: Values) -> None:
        for op in block.ops:
            if self.observer is not None:
                self.observer(block, op, values)
            self.nr_steps += 1
            result = self._execute(op, values)
            if op.result is not None:
                values[op.result] = result
        if self.observer is not None and block.terminator is not None:
            self.observer(block, block.terminator, values)
        self.nr_steps += 1

    def _execute(self, op: Op, values: Values) -> RuntimeValue:
        match op:
            case Const():
                return _constant(op)
            case Binary():
                return _binary(op, values)
            case Compare():
                is_signed = op.signed and isinstance(op.left.type, IntType)
                return arithmetic.compare(op.op, is_signed, _int(op.left, values), _int(op.right, values))
            case Convert():
                return _convert(op, values)
            case Truncate():
                kept = arithmetic.truncate(_int(op.operand, values), op.kind)
                return _read(_result(op).type, kept)
            case Not():
                return 1 - _int(op.operand, values)
            case IsNone():
                return int(_is_none(op.operand, values))
            case Wrap():
                return values[op.operand]
            case Unwrap():
                _require(not _is_none(op.operand, values), op, "value is None")
                return values[op.operand]
            case Narrow():
                return _in_range(op, _int(op.operand, values), op.min, op.max)
            case Assert():
                _require(bool(values[op.condition]), op, "assertion is false")
                return None
            case ListRef():
                return op.decl.first_number + _row_major(op, op.decl.dims, op.indices, values)
            case Construct():
                _require(op.list is None or values[op.list] != 0, op, "list is None")
                return _construct(op.constructor, op.list, op.args, values)
            case _:
                return self._touch_core(op, values)

    def _touch_core(self, op: CoreOp, values: Values) -> RuntimeValue:
        match op:
            case LoadField():
                return self._load_field(op, values)
            case StoreField():
                self._store_field(op, values)
                return None
            case LoadState():
                address = self._state_address(op, values)
                loaded = self.env.load(address, op.state.kind.bits // 8, op.state.kind.signed)
                return _read(_result(op).type, loaded)
            case StoreState():
                value = _in_range(op, _int(op.value, values), op.state.min, op.state.max)
                self.env.store(self._state_address(op, values), op.state.kind.bits // 8, value)
                return None
            case LoadTunable():
                number = self.policy.tunables.index(op.tunable)
                words = self._base("tunables")
                return _read(_result(op).type, self.env.load(words + 8 * number, 8, False))
            case ListSize():
                _require(values[op.list] != 0, op, "list is None")
                sizes = self._member(op.lruvec, LIST_SIZES, values)
                return self.env.load(sizes + 8 * _int(op.list, values), 8, False)
            case MapRef():
                return self._map_handle(op, values)
            case Call():
                return self._call(op, values)
            case ScanFirst():
                c_name = SCAN_HELPERS["head" if op.from_head else "tail"]
                return self.env.call(c_name, (_int(op.lruvec, values), _int(op.list, values)))
            case ScanNext():
                c_name = SCAN_HELPERS["older" if op.from_head else "younger"]
                return self.env.call(c_name, (_int(op.folio, values),))
            case _:
                assert_never(op)

    def _base(self, member: str) -> int:
        return self.env.load(self.env.context + CONTEXT_OFFSETS[member], 8, False)

    def _member(self, handle: Value, name: str, values: Values) -> int:
        """Read a whole member of a kernel object, the flags word for a flag."""
        slot = slots(_handle_name(handle))[name]
        return self.env.load(_int(handle, values) + slot.offset, slot.nr_bytes, slot.signed)

    def _load_field(self, op: LoadField, values: Values) -> RuntimeValue:
        _require(values[op.handle] != 0, op, "handle is None")
        slot = slots(_handle_name(op.handle))[op.field]
        word = self._member(op.handle, op.field, values)
        return _read(_result(op).type, word if slot.bit is None else word >> slot.bit & 1)

    def _store_field(self, op: StoreField, values: Values) -> None:
        _require(values[op.handle] != 0, op, "handle is None")
        slot = slots(_handle_name(op.handle))[op.field]
        value = _in_range(op, _int(op.value, values), *_field_range(op))
        if slot.bit is not None:
            word = self._member(op.handle, op.field, values)
            value = word & ~(1 << slot.bit) | value << slot.bit
        self.env.store(_int(op.handle, values) + slot.offset, slot.nr_bytes, value)

    def _instance(self, scope: Scope, handle: Value | None, values: Values) -> int:
        """Return the number of the scope's object: the element of its state, the instance of its maps."""
        return 0 if handle is None else self._member(handle, SCOPE_NUMBER[scope], values)

    def _state_address(self, op: LoadState | StoreState, values: Values) -> int:
        state = op.state
        if op.handle is not None:
            _require(values[op.handle] != 0, op, "handle is None")
        address = self._base(f"{state.scope.value}_state") + state.offset
        address += self._instance(state.scope, op.handle, values) * self.policy.state_bytes[state.scope]
        for index, length, stride in zip(op.indices, state.dims, state.strides, strict=True):
            address += _in_range(op, _int(index, values), 0, length - 1) * stride
        return address

    def _map_handle(self, op: MapRef, values: Values) -> int:
        index = 0 if op.index is None else _in_range(op, _int(op.index, values), 0, op.decl.count - 1)
        instance = self._instance(op.decl.scope, op.handle, values)
        return op.decl.number + 1 + index | instance << MAP_INSTANCE_SHIFT

    def _call(self, op: Call, values: Values) -> RuntimeValue:
        _check_arguments(op, values)
        patterns = tuple(arithmetic.unsigned(_int(arg, values)) for arg in op.args)
        integer = _INTEGER_HELPERS.get(op.helper.c_name)
        answer = integer(*patterns) if integer else self.env.call(op.helper.c_name, patterns)
        if op.result is None or answer is None:
            return None
        return _read(op.result.type, answer)


def _enter(target: Block, args: tuple[Value, ...], values: Values) -> Block:
    """Pass block arguments, all at once: a parameter may be an argument of its own loop."""
    passed = [values[arg] for arg in args]
    values.update(zip(target.params, passed, strict=True))
    return target


def _require(holds: bool, op: Op, what: str) -> None:
    if not holds:
        raise ObligationBroken(op, what)


def _in_range(op: Op, value: int, low: int, high: int) -> int:
    _require(low <= value <= high, op, f"{value} is outside {low}..={high}")
    return value


def _field_range(op: StoreField) -> tuple[int, int]:
    """Return what a writable field of a kernel object may hold."""
    declared = KERNEL_TYPES[_handle_name(op.handle)].field(op.field)
    assert declared is not None, op
    kind = INT_KINDS.get(declared.type)
    low, high = (0, 1) if kind is None else (kind.min, kind.max)
    return low if declared.min is None else declared.min, high if declared.max is None else declared.max


def _int(value: Value, values: Values) -> int:
    """Return a value that is an integer by its type."""
    number = values[value]
    assert number is not None, f"{value} of type {value.type} has no value"
    return number


def _result(op: Op) -> Value:
    assert op.result is not None, op
    return op.result


def _handle_name(handle: Value) -> str:
    assert isinstance(handle.type, HandleType), handle
    return handle.type.name


def _read(type_: Type, pattern: int) -> int:
    """Return a pattern in the reading of a type."""
    if isinstance(type_, BoolType):
        return int(pattern != 0)
    is_signed = isinstance(type_, (IntType, OptionalType)) and type_.signed
    return arithmetic.read_as(pattern, is_signed)


def _is_none(value: Value, values: Values) -> bool:
    return values[value] is None if is_pair(value.type) else values[value] == 0


def _constant(op: Const) -> RuntimeValue:
    type_ = _result(op).type
    return None if is_pair(type_) else _read(type_, op.value)


def _binary(op: Binary, values: Values) -> int:
    left, right = _int(op.left, values), _int(op.right, values)
    if op.op in (BinaryOp.SHL, BinaryOp.SHR):
        _require(0 <= right <= 63, op, f"shift count {right} is outside 0..=63")
    if op.op in (BinaryOp.DIV, BinaryOp.MOD):
        _require(right != 0, op, "divisor is 0")
        if op.signed:
            _require((left, right) != (S64_MIN, -1), op, "quotient does not fit")
        else:
            _require(left >= 0 and right >= 0, op, "operand is negative")
    return _read(_result(op).type, arithmetic.binary(op.op, op.signed, left, right))


def _convert(op: Convert, values: Values) -> int:
    value = _int(op.operand, values)
    converted = _read(_result(op).type, value)
    if op.implicit:
        _require(converted == value, op, f"{value} changes its value")
    return converted


def _row_major(op: Op, dims: tuple[int, ...], indices: tuple[Value, ...], values: Values) -> int:
    number = 0
    for index, length in zip(indices, dims, strict=True):
        number = number * length + _in_range(op, _int(index, values), 0, length - 1)
    return number


def _construct(constructor: Constructor, list_: Value | None, args: tuple[Value, ...], values: Values) -> int:
    answer = constructor.kind
    if list_ is not None:
        answer |= _int(list_, values) << ANSWER_LIST_SHIFT
    for arg, shift in zip(args, constructor.shifts, strict=True):
        answer |= _int(arg, values) << shift
    return arithmetic.unsigned(answer)


def _check_arguments(op: Call, values: Values) -> None:
    helper = op.helper
    nr_before = len(op.args) - len(helper.params)
    for receiver in op.args[:nr_before]:
        _require(values[receiver] != 0, op, "receiver is None")
    for param, arg in zip(helper.params, op.args[nr_before:], strict=True):
        value = _int(arg, values)
        if param.type in KERNEL_TYPES or param.type == "List":
            _require(value != 0, op, f"`{param.name}` is None")
        if param.min is not None:
            _require(value >= param.min, op, f"`{param.name}` is {value}, below {param.min}")
        if param.max is not None:
            _require(value <= param.max, op, f"`{param.name}` is {value}, above {param.max}")
    if op.map_decl is not None:
        _check_map(
            op,
            op.map_decl,
            dict(zip((p.name for p in helper.params), op.args[nr_before:], strict=True)),
            values,
        )


def _check_map(op: Call, decl: MapDecl, named: dict[str, Value], values: Values) -> None:
    """Require that an index lies inside the map, and that a key and a value fit into it."""
    if "index" in named:
        _in_range(op, _int(named["index"], values), 0, decl.capacity - 1)
    for name, kind in (("key", decl.key), ("value", decl.value)):
        if kind is not None and name in named:
            number = arithmetic.read_as(_int(named[name], values), kind.signed)
            _in_range(op, number, kind.min, kind.max)
