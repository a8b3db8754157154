"""One function of LLVM IR text for one hook: instructions, blocks, control flow.

What an instruction means is written here once, for every kind of code. Where memory lies, what a
handle is and how a helper is called is the business of a subclass: `native_instructions` for the
core, `bpf_instructions` for Linux.

Every obligation was proved before, so no guard is emitted. Nothing is promised to LLVM in return:
no `nsw`, `nuw`, `exact` or `inbounds`, because an operation of the language wraps and its meaning
must not hang on a proof that LLVM cannot see. The only operations that are undefined for some
operands are division, shift and `ctlz` of 0, whose obligations exclude exactly those.

Block parameters become phi nodes. Blocks come in reverse postorder, so a value is always named
before it is used except by the phi nodes of loops, which are therefore written last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import assert_never

from reclaim.abi.helpers import SCAN_HELPERS
from reclaim.abi.kinds import IntKind
from reclaim.abi.layout import slots
from reclaim.jit.llvm_types import PAIR, literal, llvm_type
from reclaim.lang.interp import ANSWER_LIST_SHIFT, MAP_INSTANCE_SHIFT, CoreOp
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
    CompareOp,
    Const,
    Construct,
    Convert,
    Fail,
    HandleType,
    HookIR,
    IntType,
    IsNone,
    Jump,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    MapRef,
    Narrow,
    Not,
    Op,
    PolicyIR,
    Return,
    ScanFirst,
    ScanNext,
    Scope,
    StoreField,
    StoreState,
    Truncate,
    Type,
    Unwrap,
    Value,
    Wrap,
)

_PLAIN = {
    BinaryOp.ADD: "add",
    BinaryOp.SUB: "sub",
    BinaryOp.MUL: "mul",
    BinaryOp.AND: "and",
    BinaryOp.OR: "or",
    BinaryOp.XOR: "xor",
    BinaryOp.SHL: "shl",
}
_BY_SIGN = {
    BinaryOp.DIV: ("udiv", "sdiv"),
    BinaryOp.MOD: ("urem", "srem"),
    BinaryOp.SHR: ("lshr", "ashr"),
}
_INTRINSIC = {
    BinaryOp.MIN: ("llvm.umin.i64", "llvm.smin.i64"),
    BinaryOp.MAX: ("llvm.umax.i64", "llvm.smax.i64"),
}
_ORDER = {CompareOp.LT: "lt", CompareOp.LE: "le", CompareOp.GT: "gt", CompareOp.GE: "ge"}
_EQUALITY = {CompareOp.EQ: "eq", CompareOp.NE: "ne"}

INLINE_HELPERS = frozenset({"ilog2"})
"""Helpers that are one machine instruction and need no call."""


class HookWriter(ABC):
    """Write the body of one hook.

    Args:
        policy: the policy that the hook belongs to.
        hook: the hook.
    """

    _INVARIANT = ""
    """Attachment of a load of what does not change while a hook runs."""

    def __init__(self, policy: PolicyIR, hook: HookIR) -> None:
        self.helpers: set[str] = set()
        """C names, without prefix, of the helpers called."""
        self._policy = policy
        self._hook = hook
        self._names: dict[Value, str] = {param: f"%v{param.id}" for param in hook.params}
        self._nr_temporaries = 0
        self._lines: list[str] = []
        self._label = ""
        self._arrivals: dict[Block, list[tuple[str, list[str]]]] = {}

    def body(self) -> list[str]:
        """Return the lines between the braces of the function."""
        for block in self._hook.blocks:
            self._names.update((param, f"%v{param.id}") for param in block.params)
        written = [(block, self._block(block)) for block in self._hook.blocks]
        lines: list[str] = []
        for block, code in written:
            lines += [f"b{block.id}:", *self._phis(block), *code]
        return lines

    def _block(self, block: Block) -> list[str]:
        self._lines, self._label = [], f"b{block.id}"
        self._begin(block)
        for op in block.ops:
            operand = self._operation(op)
            if op.result is not None and operand is not None:
                self._names[op.result] = operand
        self._terminator(block)
        return self._lines

    @abstractmethod
    def _begin(self, block: Block) -> None:
        """Write what stands before the instructions of a block."""

    def _phis(self, block: Block) -> list[str]:
        if block is self._hook.blocks[0]:
            return []
        lines = []
        for index, param in enumerate(block.params):
            sources = ", ".join(f"[ {names[index]}, %{label} ]" for label, names in self._arrivals[block])
            lines.append(f"  %v{param.id} = phi {self._type(param.type)} {sources}")
        return lines

    # Small steps that most operations share.

    def _type(self, type_: Type) -> str:
        """Return the type of a value in registers."""
        return llvm_type(type_)

    def _line(self, text: str) -> None:
        self._lines.append(f"  {text}")

    def _make(self, text: str) -> str:
        """Write an instruction and return the name of its result."""
        self._nr_temporaries += 1
        name = f"%t{self._nr_temporaries}"
        self._line(f"{name} = {text}")
        return name

    def _typed(self, value: Value) -> str:
        return f"{self._type(value.type)} {self._names[value]}"

    def _widened(self, value: Value) -> str:
        """Return a value as the 64-bit number that the ABI passes."""
        name = self._names[value]
        return self._make(f"zext i1 {name} to i64") if isinstance(value.type, BoolType) else name

    def _at(self, base: str, offset: int | str) -> str:
        return base if offset == 0 else self._make(f"getelementptr i8, ptr {base}, i64 {offset}")

    def _load(self, type_: Type, kind: tuple[int, bool], address: str, attachments: str) -> str:
        """Load an integer of (bytes, signed) and widen it to a value of the type."""
        nr_bytes, is_signed = kind
        if self._type(type_) == "ptr":
            return self._make(f"load ptr, ptr {address}, {attachments}")
        bits = 8 * nr_bytes
        loaded = self._make(f"load i{bits}, ptr {address}, {attachments}")
        if isinstance(type_, BoolType):
            return self._make(f"icmp ne i{bits} {loaded}, 0")
        if bits == 64:
            return loaded
        return self._make(f"{'sext' if is_signed else 'zext'} i{bits} {loaded} to i64")

    def _store(self, value: Value, nr_bytes: int, address: str, attachments: str) -> None:
        bits = 8 * nr_bytes
        name = self._names[value]
        if isinstance(value.type, BoolType):
            name = self._make(f"zext i1 {name} to i{bits}")
        elif bits < 64:
            name = self._make(f"trunc i64 {name} to i{bits}")
        self._line(f"store i{bits} {name}, ptr {address}, {attachments}")

    def _sum(self, terms: list[str]) -> str:
        total = terms[0] if terms else "0"
        for term in terms[1:]:
            total = self._make(f"add i64 {total}, {term}")
        return total

    def _scaled(self, number: str, factor: int) -> str:
        return number if factor == 1 else self._make(f"mul i64 {number}, {factor}")

    # Operations.

    def _operation(self, op: Op) -> str | None:
        """Write one instruction of the IR; return the operand that stands for its result."""
        match op:
            case Const():
                return literal(self._type(_result(op).type), op.value)
            case Binary():
                return self._binary(op)
            case Compare():
                return self._compare(op)
            case Convert():
                return self._widened(op.operand)
            case Truncate():
                return self._truncate(op.operand, op.kind)
            case Not():
                return self._make(f"xor i1 {self._names[op.operand]}, true")
            case IsNone():
                return self._is_none(op.operand)
            case Wrap():
                return self._wrap(op)
            case Unwrap():
                return self._unwrap(op)
            case Narrow():
                return self._names[op.operand]
            case ListRef():
                return self._list_number(op)
            case Construct():
                return self._construct(op)
            case Assert():
                return None
            case _:
                return self._core_operation(op)

    def _core_operation(self, op: CoreOp) -> str | None:
        match op:
            case LoadField():
                return self._load_field(op)
            case LoadState():
                address, attachments = self._state(op)
                kind = (op.state.kind.bits // 8, op.state.kind.signed)
                return self._load(_result(op).type, kind, address, attachments)
            case LoadTunable():
                address, attachments = self._tunable(self._policy.tunables.index(op.tunable))
                return self._load(_result(op).type, (8, False), address, attachments)
            case ListSize():
                return self._list_size(op)
            case MapRef():
                return self._map_handle(op)
            case Call():
                return self._call(op)
            case ScanFirst():
                c_name = SCAN_HELPERS["head" if op.from_head else "tail"]
                return self._call_helper("Folio | None", c_name, (op.lruvec, op.list))
            case ScanNext():
                c_name = SCAN_HELPERS["older" if op.from_head else "younger"]
                return self._call_helper("Folio | None", c_name, (op.folio,))
            case StoreField():
                self._store_field(op)
            case StoreState():
                address, attachments = self._state(op)
                self._store(op.value, op.state.kind.bits // 8, address, attachments)
            case _:
                assert_never(op)
        return None

    def _binary(self, op: Binary) -> str:
        left, right = self._names[op.left], self._names[op.right]
        if op.op in _INTRINSIC:
            name = _INTRINSIC[op.op][op.signed]
            return self._make(f"call i64 @{name}(i64 {left}, i64 {right})")
        mnemonic = _PLAIN[op.op] if op.op in _PLAIN else _BY_SIGN[op.op][op.signed]
        return self._make(f"{mnemonic} i64 {left}, {right}")

    def _compare(self, op: Compare) -> str:
        type_ = self._type(op.left.type)
        if op.op in _EQUALITY:
            predicate = _EQUALITY[op.op]
        else:
            is_signed = op.signed and isinstance(op.left.type, IntType)
            predicate = ("s" if is_signed else "u") + _ORDER[op.op]
        return self._make(f"icmp {predicate} {type_} {self._names[op.left]}, {self._names[op.right]}")

    def _truncate(self, operand: Value, kind: IntKind) -> str:
        if kind.bits == 64:
            return self._names[operand]
        low = self._make(f"trunc i64 {self._names[operand]} to i{kind.bits}")
        return self._make(f"{'sext' if kind.signed else 'zext'} i{kind.bits} {low} to i64")

    def _is_none(self, operand: Value) -> str:
        match self._type(operand.type):
            case "ptr":
                return self._make(f"icmp eq ptr {self._names[operand]}, null")
            case "i64":
                return self._make(f"icmp eq i64 {self._names[operand]}, 0")
            case _:
                present = self._make(f"extractvalue {PAIR} {self._names[operand]}, 1")
                return self._make(f"icmp eq i64 {present}, 0")

    def _wrap(self, op: Wrap) -> str:
        name = self._names[op.operand]
        if self._type(op.operand.type) == self._type(_result(op).type):
            return name
        return self._make(f"insertvalue {PAIR} {{ i64 0, i64 1 }}, i64 {name}, 0")

    def _unwrap(self, op: Unwrap) -> str:
        name = self._names[op.operand]
        if self._type(op.operand.type) == self._type(_result(op).type):
            return name
        return self._make(f"extractvalue {PAIR} {name}, 0")

    def _list_number(self, op: ListRef) -> str:
        offset: str | None = None
        for index, length in zip(op.indices, op.decl.dims, strict=True):
            name = self._names[index]
            offset = name if offset is None else self._sum([self._scaled(offset, length), name])
        return str(op.decl.first_number) if offset is None else self._sum([offset, str(op.decl.first_number)])

    def _map_handle(self, op: MapRef) -> str:
        first = str(op.decl.number + 1)
        number = first if op.index is None else self._sum([self._names[op.index], first])
        if op.handle is None:
            return number
        instance = self._instance(op.decl.scope, op.handle)
        return self._make(f"or i64 {self._make(f'shl i64 {instance}, {MAP_INSTANCE_SHIFT}')}, {number}")

    def _construct(self, op: Construct) -> str:
        answer = str(op.constructor.kind)
        parts = [] if op.list is None else [(op.list, ANSWER_LIST_SHIFT)]
        parts += zip(op.args, op.constructor.shifts, strict=True)
        for value, shift in parts:
            shifted = self._make(f"shl i64 {self._names[value]}, {shift}")
            answer = self._make(f"or i64 {shifted}, {answer}")
        return answer

    # Memory.

    @abstractmethod
    def _object(self, handle: Value) -> str:
        """Return the address of a kernel object."""

    @abstractmethod
    def _attachments(self, leaf: str, alignment: int) -> str:
        """Return what an access to a named leaf of memory is told to LLVM with."""

    @abstractmethod
    def _state(self, op: LoadState | StoreState) -> tuple[str, str]:
        """Return address and attachments of a piece of declared state."""

    @abstractmethod
    def _tunable(self, number: int) -> tuple[str, str]:
        """Return address and attachments of a tunable's word."""

    @abstractmethod
    def _list_size(self, op: ListSize) -> str:
        """Load the size of a list of a lruvec."""

    @abstractmethod
    def _fail(self, number: int) -> None:
        """Note that a `fail()` was reached; 1 + the number of its message."""

    def _field(self, handle: Value, name: str) -> tuple[str, str, tuple[int, bool], int | None]:
        """Return address, attachments, (bytes, signed) and bit of a field."""
        assert isinstance(handle.type, HandleType), handle
        slot = slots(handle.type.name)[name]
        attachments = self._attachments(f"{handle.type.name}.{slot.offset}", slot.nr_bytes)
        address = self._at(self._object(handle), slot.offset)
        return address, attachments, (slot.nr_bytes, slot.signed), slot.bit

    def _load_field(self, op: LoadField) -> str:
        address, attachments, kind, bit = self._field(op.handle, op.field)
        if bit is None:
            return self._load(_result(op).type, kind, address, attachments)
        word = self._make(f"load i32, ptr {address}, {attachments}")
        return self._make(f"icmp ne i32 {self._make(f'and i32 {word}, {1 << bit}')}, 0")

    def _store_field(self, op: StoreField) -> None:
        address, attachments, (nr_bytes, _), bit = self._field(op.handle, op.field)
        if bit is None:
            self._store(op.value, nr_bytes, address, attachments)
            return
        word = self._make(f"load i32, ptr {address}, {attachments}")
        cleared = self._make(f"and i32 {word}, {~(1 << bit) & 0xFFFFFFFF}")
        flag = self._make(f"zext {self._typed(op.value)} to i32")
        changed = self._make(f"or i32 {cleared}, {self._make(f'shl i32 {flag}, {bit}')}")
        self._line(f"store i32 {changed}, ptr {address}, {attachments}")

    def _instance(self, scope: Scope, handle: Value) -> str:
        """Load the number of an object, which never changes while a handle to it is valid."""
        address, attachments, (nr_bytes, _), _ = self._field(handle, SCOPE_NUMBER[scope])
        bits = 8 * nr_bytes
        number = self._make(f"load i{bits}, ptr {address}, {attachments}{self._INVARIANT}")
        return number if bits == 64 else self._make(f"zext i{bits} {number} to i64")

    # Calls and control flow.

    def _call(self, op: Call) -> str | None:
        if op.helper.c_name in INLINE_HELPERS:
            zeros = self._make(f"call i64 @llvm.ctlz.i64(i64 {self._names[op.args[0]]}, i1 true)")
            return self._make(f"sub i64 63, {zeros}")
        answer = self._call_helper(op.helper.result, op.helper.c_name, op.args)
        if op.result is not None and isinstance(op.result.type, BoolType):
            return self._make(f"icmp ne i64 {answer}, 0")
        return answer

    @abstractmethod
    def _call_helper(self, result: str, c_name: str, args: tuple[Value, ...]) -> str:
        """Call a helper whose result has a type of the tables; return its answer."""

    def _arrive(self, target: Block, args: tuple[Value, ...]) -> None:
        """Note that the edge from where the code stands now passes these arguments."""
        self._arrivals.setdefault(target, []).append((self._label, [self._names[arg] for arg in args]))

    def _terminator(self, block: Block) -> None:
        match block.terminator:
            case Jump(target=target, args=args):
                self._jump(block, target, args)
            case Branch() as branch:
                self._branch(block, branch)
            case Return(value=value):
                self._return(value)
            case Fail(message=message):
                self._fail(message + 1)
                self._return(None)
            case None:
                raise AssertionError(block)
            case _:
                assert_never(block.terminator)

    def _jump(self, _origin: Block, target: Block, args: tuple[Value, ...]) -> None:
        """Go from a block to another."""
        self._arrive(target, args)
        self._line(f"br label %b{target.id}")

    def _branch(self, block: Block, branch: Branch) -> None:
        """Go one of two ways; ways that lead to the same block need two edges to tell them apart."""
        condition = self._names[branch.condition]
        then, other = f"b{branch.then.id}", f"b{branch.other.id}"
        if branch.then is not branch.other:
            self._arrive(branch.then, branch.then_args)
            self._arrive(branch.other, branch.other_args)
            self._line(f"br i1 {condition}, label %{then}, label %{other}")
            return
        edge = f"edge{block.id}"
        self._arrive(branch.then, branch.then_args)
        self._line(f"br i1 {condition}, label %{then}, label %{edge}")
        self._open(edge)
        self._jump(block, branch.other, branch.other_args)

    def _open(self, label: str) -> None:
        """Begin another block of LLVM's inside the current one of the IR."""
        self._lines.append(f"{label}:")
        self._label = label

    def _return(self, value: Value | None) -> None:
        """Answer; without a value, nothing or 0."""
        if self._hook.hook.result == "None":
            self._line("ret void")
        else:
            self._line(f"ret i64 {'0' if value is None else self._widened(value)}")


def _result(op: Op) -> Value:
    assert op.result is not None, op
    return op.result
