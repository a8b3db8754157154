"""The typed intermediate representation: what is verified, interpreted and compiled, one and the same.

A policy becomes a `PolicyIR`: declarations (state layout, lists, maps, tunables) and one `HookIR`
per hook. A hook is a control-flow graph of basic blocks in SSA form with block parameters instead
of phi nodes. Helper functions of the policy are inlined before, so a hook calls nothing but the
core's helpers, and there is no recursion to speak of.

Values
------
Every value is one of these at run time:

* `U64`, `S64`, `BOOL`: 64-bit integers (a bool is 0 or 1). Narrow integers exist in memory only;
  loads widen, stores narrow, and that a stored value fits is an obligation of the store.
* handles (`HandleType`): kernel objects, lists (a number, 0 for none) and maps; `nullable` ones may
  be None. `Unwrap` turns a nullable value into a plain one; that it is not None is its obligation.
* `OptionalType`: an integer or None, as map look-ups answer it. In native code a pair
  (value, present).
* `AnswerType`: what a hook answers, in the ABI's encoding; carries the set of answer types it can
  serve as (``move(...)`` serves as Verdict and as Isolation). Nullable where the hook says so
  (``Place | None``), and there None is encoded as 0. Other answers may be 0 themselves (ROTATE is), so
  that a nullable one is a pair as an optional integer is (`is_pair`).

Integer operations wrap modulo 2**64 as in eBPF. `Binary.signed` chooses the signed form of
division, modulo, right shift, min and max, and `Compare.signed` the signed comparison. `DIV` and
`MOD` of the surface (`//`, `%`) carry the obligation that both operands are non-negative and are
unsigned here; `sdiv`/`smod` are `DIV`/`MOD` with `signed=True` and truncate toward zero.

Control flow
------------
Blocks end in `Jump`, `Branch`, `Return` or `Fail`. Jumps and branches pass arguments to the target's
parameters. Loops are reducible and come from three source forms only; each is recorded as a `Loop`
with its header, so that termination and cost need not be guessed from the graph:

* ``for i in range(a, b, step)``: header parameters are the counter (first) and the loop-carried
  variables. `bound` is a value computed before the loop: the exact number of iterations.
* ``for folio in list.scan(limit=N)``: header parameters are the current folio (nullable, first), the
  number of folios seen so far (second) and the loop-carried variables; `bound` is the limit.
* ``for here in lruvec.upwards()``: a range of the greatest depth (the counter is first), left early where
  the current lruvec or memcg (nullable, second) is None.

The order of evaluation is left to right. Every instruction keeps the span of the author's code that
it comes from; `inlined_at` lists the call sites through which a helper function was inlined,
innermost first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.kinds import Constructor, Helper, Hook, IntKind, MapKind
from reclaim.diag.diagnostic import Diagnostic, Span


@dataclass(frozen=True, slots=True)
class IntType:
    """Type of 64-bit integers."""

    signed: bool

    def __str__(self) -> str:
        return "s64" if self.signed else "u64"


@dataclass(frozen=True, slots=True)
class BoolType:
    """Type of truth values."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class EnumType:
    """Type of the members of an ABI enumeration, compared for equality only."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class HandleType:
    """Type of kernel objects ("Folio", ...), of lists ("List") and of maps (by map kind)."""

    name: str
    nullable: bool = False

    def __str__(self) -> str:
        return f"{self.name} | None" if self.nullable else self.name


@dataclass(frozen=True, slots=True)
class OptionalType:
    """Type of an integer that may be None."""

    signed: bool = False

    def __str__(self) -> str:
        return f"{'s64' if self.signed else 'u64'} | None"


@dataclass(frozen=True, slots=True)
class AnswerType:
    """Type of answers; *names* are the ABI answer types that a value of it can serve as."""

    names: frozenset[str]
    nullable: bool = False

    def __str__(self) -> str:
        return " | ".join([*sorted(self.names), *(["None"] if self.nullable else [])])


@dataclass(frozen=True, slots=True)
class UnitType:
    """Type of what has no value."""

    def __str__(self) -> str:
        return "None"


Type: TypeAlias = IntType | BoolType | EnumType | HandleType | OptionalType | AnswerType | UnitType

_ZERO_ANSWERS = frozenset(name for c in CONSTRUCTORS if c.kind == 0 for name in c.answers)
"""Answer types of which a value is encoded as 0."""


def is_pair(of: Type) -> bool:
    """Tell whether values of a type may be None and 0 both, so that a second word tells which."""
    match of:
        case OptionalType():
            return True
        case AnswerType(names=names, nullable=nullable):
            return nullable and not names.isdisjoint(_ZERO_ANSWERS)
        case _:
            return False


U64 = IntType(signed=False)
S64 = IntType(signed=True)
BOOL = BoolType()
UNIT = UnitType()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value, assigned once: the result of an instruction or a block parameter.

    Args:
        id: number, unique within the hook.
        type: its type.
        name: the author's variable that it was first assigned to, None for intermediate results.
        span: where it was made.
    """

    id: int
    type: Type
    name: str | None
    span: Span

    def __repr__(self) -> str:
        return f"%{self.id}"


class BinaryOp(Enum):
    """Integer operations on two operands."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "//"
    MOD = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    SHL = "<<"
    SHR = ">>"
    MIN = "min"
    MAX = "max"


class CompareOp(Enum):
    """Comparisons; operands are integers, bools or enums, for EQ and NE also handles and lists."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Scope(Enum):
    """What a piece of declared state or a map belongs to."""

    FOLIO = "folio"
    LRUVEC = "lruvec"
    MEMCG = "memcg"
    SCAN = "scan"
    GLOBAL = "global"


SCOPE_HANDLE = {
    Scope.FOLIO: "Folio",
    Scope.LRUVEC: "Lruvec",
    Scope.MEMCG: "Memcg",
    Scope.SCAN: "ScanControl",
}
"""Handle type through which each scope's state is reached; global state has none."""

SCOPE_NUMBER = {Scope.FOLIO: "pfn", Scope.LRUVEC: "id", Scope.MEMCG: "id", Scope.SCAN: "slot"}
"""Field of that handle which is the element number in the scope's state array."""


@dataclass(frozen=True, slots=True)
class StateField:
    """A scalar leaf of declared state: nested structs are flattened into dotted names.

    Args:
        scope: what it belongs to.
        name: as the author writes it, "gen" or "tiers.evicted".
        kind: storage type; bools are stored as u8 with range 0..1 and have `is_bool`.
        min, max: declared range (the storage type's where none was declared).
        initial: value before any store.
        offset: bytes from the start of the scope's element.
        dims: length of each array dimension, outermost first; () for plain fields.
        strides: bytes per step of each dimension.
        span: its declaration.
    """

    scope: Scope
    name: str
    kind: IntKind
    is_bool: bool
    min: int
    max: int
    initial: int
    offset: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ListDecl:
    """A list, or an array of lists, of every lruvec; numbers are consecutive in row-major order."""

    name: str
    first_number: int
    dims: tuple[int, ...]
    span: Span

    @property
    def count(self) -> int:
        """Return how many lists it declares."""
        total = 1
        for length in self.dims:
            total *= length
        return total


@dataclass(frozen=True, slots=True)
class MapDecl:
    """A map, or an array of maps, of each instance of its scope.

    Args:
        number: first map number; an array of maps takes `count` consecutive ones.
        capacity: max_entries, or bits of a Bloom filter.
        count: length of the array of maps, 1 for a single map; `is_array` tells them apart.
    """

    name: str
    kind: MapKind
    number: int
    scope: Scope
    key: IntKind | None
    value: IntKind | None
    capacity: int
    count: int
    is_array: bool
    span: Span

    @property
    def nr_keys(self) -> int:
        """Return how many keys there are, of a kind that has them: keys are given without a sign."""
        assert self.key is not None
        return 1 << 64 if self.key.bits == 64 else self.key.max + 1


@dataclass(frozen=True, slots=True)
class Tunable:
    """A number that the user may set when attaching; loaded once per hook entry."""

    name: str
    kind: IntKind
    is_bool: bool
    default: int
    min: int
    max: int
    unit: str
    doc: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What all instructions have.

    Args:
        span: the author's code that it comes from.
        inlined_at: call sites of inlined helper functions, innermost first.
        result: the value it makes, None for effects only.
    """

    span: Span
    inlined_at: tuple[Span, ...] = ()
    result: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Const(Instruction):
    """Make a constant: integer, bool (0/1), enum member, or None (0) of a nullable type."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Instruction):
    """Compute `left op right`; both operands have 64 bits and the same signedness."""

    op: BinaryOp
    signed: bool
    left: Value
    right: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Instruction):
    """Compare two values of one type; the result is a bool."""

    op: CompareOp
    signed: bool
    left: Value
    right: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert(Instruction):
    """Reinterpret an integer as the other signedness, bool as integer, or enum as integer.

    Where `implicit` is set the author mixed signs, and the obligation is that the value lies in
    the range common to both types; an explicit conversion wraps.
    """

    operand: Value
    implicit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate(Instruction):
    """Keep the low bits of an integer and extend them again as *kind* says: `truncate(x, u8)`."""

    operand: Value
    kind: IntKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Instruction):
    """Negate a bool."""

    operand: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNone(Instruction):
    """Tell whether a nullable handle, optional or nullable answer is None."""

    operand: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrap(Instruction):
    """Make a nullable or optional value out of a plain one."""

    operand: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrap(Instruction):
    """Take the plain value out of a nullable or optional one; obligation: it is not None."""

    operand: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow(Instruction):
    """State that an integer lies in min..max; obligation, and a fact afterwards; result = operand.

    Used where the language demands a range: arguments of constructors and of the author's helper
    functions with narrow parameters.
    """

    operand: Value
    min: int
    max: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadField(Instruction):
    """Read a field of a kernel object."""

    handle: Value
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreField(Instruction):
    """Write a writable field of a kernel object."""

    handle: Value
    field: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadState(Instruction):
    """Read declared state; obligations: each index is inside its dimension."""

    state: StateField
    handle: Value | None
    indices: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState(Instruction):
    """Write declared state; obligations: indices as for `LoadState`, value inside the field's range."""

    state: StateField
    handle: Value | None
    indices: tuple[Value, ...]
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTunable(Instruction):
    """Read a tunable; stands in the entry block only."""

    tunable: Tunable


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRef(Instruction):
    """Make a list handle: `first_number` + row-major index; obligations: indices inside the dims.

    Standard lists are a `ListDecl` of their own each, with no dims.
    """

    decl: ListDecl
    indices: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSize(Instruction):
    """Read the size in pages of a list of a lruvec."""

    lruvec: Value
    list: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRef(Instruction):
    """Make a map handle; obligation: the index, where there is one, is below `count`.

    Run-time encoding: bits 0..31 map number + 1, bits 32..63 the instance, which is the number of
    the scope's handle (0 for global maps).
    """

    decl: MapDecl
    index: Value | None
    handle: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Construct(Instruction):
    """Build an answer from its arguments; `list` is the receiver of constructors that are List methods."""

    constructor: Constructor
    list: Value | None
    args: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Instruction):
    """Call a helper of the core: receiver first, then implicit, then written arguments.

    Obligations: the helper's family is permitted in this hook, arguments lie in their ranges and
    are not None where the helper wants an object, the moved folio is the current one of its scan.
    `map_decl` is the declaration behind a map receiver.
    """

    helper: Helper
    args: tuple[Value, ...]
    map_decl: MapDecl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFirst(Instruction):
    """Take the first folio of a list from its tail (or head); None if it is empty."""

    lruvec: Value
    list: Value
    from_head: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanNext(Instruction):
    """Take the successor of a scan's current folio, before the body runs; None at the end."""

    folio: Value
    from_head: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Assert(Instruction):
    """State an obligation of the author; a fact afterwards; no code."""

    condition: Value


Op: TypeAlias = (
    Const
    | Binary
    | Compare
    | Convert
    | Truncate
    | Not
    | IsNone
    | Wrap
    | Unwrap
    | Narrow
    | LoadField
    | StoreField
    | LoadState
    | StoreState
    | LoadTunable
    | ListRef
    | ListSize
    | MapRef
    | Construct
    | Call
    | ScanFirst
    | ScanNext
    | Assert
)
"""Every instruction; `match` over it with `assert_never`, so that the type checker lists what is
left to do when one is added: obligations, transfer, interpreter, code generator."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go to a block."""

    target: Block
    args: tuple[Value, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    """Go to one of two blocks."""

    condition: Value
    then: Block
    then_args: tuple[Value, ...]
    other: Block
    other_args: tuple[Value, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    """Answer; `value` is None for hooks that answer nothing."""

    value: Value | None
    span: Span


@dataclass(frozen=True, slots=True)
class Fail:
    """Give up: set `ctx.failed` to 1 + message number and return 0; the core ejects the policy."""

    message: int
    span: Span


Terminator: TypeAlias = Jump | Branch | Return | Fail


@dataclass(slots=True, eq=False)
class Block:
    """A basic block.

    Args:
        id: number, unique within the hook; 0 is the entry, which has no parameters but the hook's.
        params: block parameters.
        ops: instructions in order.
        terminator: set once the block is complete.
    """

    id: int
    params: tuple[Value, ...] = ()
    ops: list[Op] = field(default_factory=list)
    terminator: Terminator | None = None

    def __repr__(self) -> str:
        return f"b{self.id}"


class LoopKind(Enum):
    """What bounds a loop: a number of rounds, or a limit of folios."""

    RANGE = "range"
    SCAN = "scan"


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A loop of the source.

    Args:
        kind: which form.
        header: block that decides whether to go on; its first parameter is the counter or folio.
        body: ids of all blocks inside, header included, nested loops included.
        bound: number of iterations, a value that dominates the header.
        parent: the loop around it, None at the outermost level.
        span: the `range(...)` or `.scan(...)` expression.
    """

    kind: LoopKind
    header: Block
    body: frozenset[int]
    bound: Value
    parent: Loop | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class HookIR:
    """One hook of a policy.

    Args:
        hook: the ABI's declaration.
        params: one value for *every* parameter of the ABI hook, in its order, declared by the author
            or not.
        blocks: in reverse postorder, entry first.
        loops: outermost before innermost.
        span: the `def` line.
    """

    hook: Hook
    params: tuple[Value, ...]
    blocks: tuple[Block, ...]
    loops: tuple[Loop, ...]
    span: Span

    @property
    def nr_ops(self) -> int:
        """Return the number of instructions, terminators included."""
        return sum(len(block.ops) + 1 for block in self.blocks)


@dataclass(frozen=True, slots=True, eq=False)
class PolicyIR:
    """A whole policy.

    Args:
        name: file name without suffix.
        path: as the user named it.
        source: the complete source text.
        doc: the module docstring.
        state: scalar leaves of declared state.
        state_bytes: element size of each scope, 0 where nothing is declared; 8-byte multiples except
            for folio scope, which is packed into 1, 2, 4, 8 or 16.
        lists: declared lists; standard lists are not among them.
        maps: declared maps.
        tunables: in order of declaration.
        fail_messages: texts of `fail("...")`, by number.
        hooks: by name.
        unused: warnings about what is declared and not used.
    """

    name: str
    path: str
    source: str
    doc: str
    state: tuple[StateField, ...]
    state_bytes: dict[Scope, int]
    lists: tuple[ListDecl, ...]
    maps: tuple[MapDecl, ...]
    tunables: tuple[Tunable, ...]
    fail_messages: tuple[str, ...]
    hooks: dict[str, HookIR]
    unused: tuple[Diagnostic, ...] = ()
