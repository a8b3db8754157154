"""Build policies in the IR by hand, for tests that must not depend on the front end.

Every builder has one hook and global state; values come out of state, so that the compiler cannot
know them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, IntKind
from reclaim.diag.diagnostic import Span
from reclaim.lang.ir import (
    BOOL,
    U64,
    Binary,
    BinaryOp,
    Block,
    Branch,
    Compare,
    CompareOp,
    Const,
    EnumType,
    Fail,
    HandleType,
    HookIR,
    IntType,
    Jump,
    LoadState,
    Op,
    PolicyIR,
    Return,
    Scope,
    StateField,
    StoreState,
    Truncate,
    Type,
    Value,
)

HERE = Span.of(1, 1, 1, 2)


def param_type(name: str) -> Type:
    """Return the type of a hook parameter by its name in the tables."""
    plain = name.removesuffix(" | None")
    return HandleType(plain, nullable=plain != name) if plain in KERNEL_TYPES else EnumType(plain)


@dataclass
class HookBuilder:
    """Write one hook, instruction by instruction, into the current block."""

    hook_name: str = "folio_evicted"
    state: list[StateField] = field(default_factory=list)
    fail_messages: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=lambda: [Block(0)])
    _nr_values: int = 0

    def __post_init__(self) -> None:
        """Make the hook's parameters and enter its first block."""
        self.params = tuple(self.value(param_type(p.type)) for p in HOOKS[self.hook_name].params)
        self.block = self.blocks[0]
        self.block.params = self.params

    def value(self, type_: Type) -> Value:
        """Make a value."""
        self._nr_values += 1
        return Value(self._nr_values, type_, None, HERE)

    def add(self, op: Op) -> Value:
        """Append an instruction and return its result."""
        self.block.ops.append(op)
        assert op.result is not None
        return op.result

    def leaf(
        self, name: str, kind: IntKind, scope: Scope = Scope.GLOBAL, dims: tuple[int, ...] = ()
    ) -> StateField:
        """Declare a state field after those of its scope, aligned as C would."""
        nr_bytes = kind.bits // 8
        end = self.state_bytes()[scope]
        strides = tuple(nr_bytes * _product(dims[index + 1 :]) for index in range(len(dims)))
        offset = (end + nr_bytes - 1) // nr_bytes * nr_bytes
        made = StateField(scope, name, kind, False, kind.min, kind.max, 0, offset, dims, strides, HERE)
        self.state.append(made)
        return made

    def state_bytes(self) -> dict[Scope, int]:
        """Return the element size of each scope so far."""
        sizes = dict.fromkeys(Scope, 0)
        for leaf in self.state:
            end = leaf.offset + leaf.kind.bits // 8 * _product(leaf.dims)
            sizes[leaf.scope] = max(sizes[leaf.scope], (end + 7) // 8 * 8)
        return sizes

    def const(self, number: int, type_: Type = U64) -> Value:
        """Make a constant."""
        return self.add(Const(span=HERE, result=self.value(type_), value=number))

    def binary(self, op: BinaryOp, left: Value, right: Value, signed: bool | None = None) -> Value:
        """Compute; signedness as the left operand's type says where it is not given."""
        assert isinstance(left.type, IntType)
        is_signed = left.type.signed if signed is None else signed
        return self.add(
            Binary(span=HERE, result=self.value(left.type), op=op, signed=is_signed, left=left, right=right)
        )

    def compare(self, op: CompareOp, left: Value, right: Value) -> Value:
        """Compare, in the signedness of the left operand's type."""
        is_signed = isinstance(left.type, IntType) and left.type.signed
        return self.add(
            Compare(span=HERE, result=self.value(BOOL), op=op, signed=is_signed, left=left, right=right)
        )

    def truncate(self, operand: Value, kind: IntKind) -> Value:
        """Keep the low bits."""
        result = self.value(IntType(kind.signed))
        return self.add(Truncate(span=HERE, result=result, operand=operand, kind=kind))

    def load(self, leaf: StateField, *indices: Value, handle: Value | None = None) -> Value:
        """Load declared state."""
        result = self.value(IntType(leaf.kind.signed))
        return self.add(LoadState(span=HERE, result=result, state=leaf, handle=handle, indices=indices))

    def store(self, leaf: StateField, value: Value, *indices: Value, handle: Value | None = None) -> None:
        """Store declared state."""
        self.block.ops.append(StoreState(span=HERE, state=leaf, handle=handle, indices=indices, value=value))

    def new_block(self, *params: Value) -> Block:
        """Make a block without entering it."""
        return Block(-1, params)

    def enter(self, block: Block) -> None:
        """Go on writing in a block; blocks are numbered in this order, which must be reverse postorder."""
        block.id = len(self.blocks)
        self.blocks.append(block)
        self.block = block

    def jump(self, target: Block, *args: Value) -> None:
        """End the block in a jump."""
        self.block.terminator = Jump(target, args, HERE)

    def branch(
        self,
        condition: Value,
        then: Block,
        other: Block,
        then_args: tuple[Value, ...] = (),
        other_args: tuple[Value, ...] = (),
    ) -> None:
        """End the block in a branch."""
        self.block.terminator = Branch(condition, then, then_args, other, other_args, HERE)

    def give(self, value: Value | None = None) -> None:
        """End the block in a return."""
        self.block.terminator = Return(value, HERE)

    def fail(self, message: str) -> None:
        """End the block in a failure."""
        self.fail_messages.append(message)
        self.block.terminator = Fail(len(self.fail_messages) - 1, HERE)

    def policy(self) -> PolicyIR:
        """Return the whole policy."""
        hook = HookIR(HOOKS[self.hook_name], self.params, tuple(self.blocks), (), HERE)
        return PolicyIR(
            name="built",
            path="built.rpol",
            source="",
            doc="",
            state=tuple(self.state),
            state_bytes=self.state_bytes(),
            lists=(),
            maps=(),
            tunables=(),
            fail_messages=tuple(self.fail_messages),
            hooks={self.hook_name: hook},
        )


def _product(numbers: tuple[int, ...]) -> int:
    product = 1
    for number in numbers:
        product *= number
    return product


def two_operand_policy(op: BinaryOp, signed: bool) -> PolicyIR:
    """Return a policy that answers `left op right` of two state fields."""
    builder = HookBuilder()
    kind = INT_KINDS["s64" if signed else "u64"]
    left, right = builder.leaf("left", kind), builder.leaf("right", kind)
    builder.give(builder.binary(op, builder.load(left), builder.load(right)))
    return builder.policy()
