"""Hooks as functions of the core: handles are addresses, state lies behind the context.

Bases of declared state and the numbers by which objects index it do not change while a hook runs
and are loaded as invariant, wherever needed: LLVM keeps one copy and knows best where.
"""

from __future__ import annotations

from reclaim.abi.layout import CONTEXT_OFFSETS, LIST_SIZES, slots
from reclaim.jit.instructions import HookWriter
from reclaim.jit.llvm_types import WORD, Metadata, abi_type, llvm_type, state_alignment
from reclaim.lang.ir import Block, HookIR, ListSize, LoadState, PolicyIR, StoreState, Value


class NativeHookWriter(HookWriter):
    """Write the body of one hook for this processor.

    Args:
        policy: the policy that the hook belongs to.
        hook: the hook.
        metadata: numbers the memory tags of the whole module.
    """

    _INVARIANT = ", !invariant.load !0"

    def __init__(self, policy: PolicyIR, hook: HookIR, metadata: Metadata) -> None:
        super().__init__(policy, hook)
        self._metadata = metadata

    def _begin(self, block: Block) -> None:
        """Nothing stands there."""

    def _object(self, handle: Value) -> str:
        return self._names[handle]

    def _attachments(self, leaf: str, alignment: int) -> str:
        return f"align {alignment}, {self._metadata.tag(leaf)}"

    def _context(self, member: str) -> str:
        """Load a base address out of the context."""
        address = self._at("%ctx", CONTEXT_OFFSETS[member])
        tag = self._metadata.tag(f"ctx.{member}")
        return self._make(f"load ptr, ptr {address}, align 8{self._INVARIANT}, {tag}")

    def _state(self, op: LoadState | StoreState) -> tuple[str, str]:
        state = op.state
        element_bytes = self._policy.state_bytes[state.scope]
        base = self._context(f"{state.scope.value}_state")
        if op.handle is not None:
            base = self._at(base, self._scaled(self._instance(state.scope, op.handle), element_bytes))
        terms = [
            self._scaled(self._names[index], stride)
            for index, stride in zip(op.indices, state.strides, strict=True)
        ]
        address = self._at(self._at(base, state.offset), self._sum(terms) if terms else 0)
        leaf = f"{state.scope.value}_state.{state.offset}"
        return address, self._attachments(leaf, state_alignment(state, element_bytes))

    def _tunable(self, number: int) -> tuple[str, str]:
        return self._at(self._context("tunables"), 8 * number), self._attachments("tunables", 8)

    def _list_size(self, op: ListSize) -> str:
        offset = slots("Lruvec")[LIST_SIZES].offset
        member = self._at(self._names[op.lruvec], offset)
        tag = self._metadata.tag(f"Lruvec.{offset}")
        sizes = self._make(f"load ptr, ptr {member}, align 8{self._INVARIANT}, {tag}")
        address = self._at(sizes, self._scaled(self._names[op.list], 8))
        return self._make(f"load i64, ptr {address}, {self._attachments(LIST_SIZES, 8)}")

    def _fail(self, number: int) -> None:
        address = self._at("%ctx", CONTEXT_OFFSETS["failed"])
        self._line(f"store i64 {number}, ptr {address}, {self._attachments('ctx.failed', 8)}")

    def _call_helper(self, result: str, c_name: str, args: tuple[Value, ...]) -> str:
        self.helpers.add(c_name)
        passed = ["ptr %ctx", *(self._passed(arg) for arg in args)]
        text = f"call {abi_type(result)} @h_{c_name}({', '.join(passed)})"
        if result == "None":
            self._line(text)
            return ""
        return self._make(text)

    def _passed(self, arg: Value) -> str:
        return self._typed(arg) if llvm_type(arg.type) == "ptr" else f"{WORD} {self._widened(arg)}"
