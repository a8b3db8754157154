"""What eBPF cannot say: a function has 512 bytes of stack, and what does not fit into ten registers lies there.

LLVM ends the process when it runs out of stack, so it is told of far more than there is (`LLVM_STACK_BYTES`),
hooks that could need even that never reach it, and what it used is read out of the object.
"""

from __future__ import annotations

from itertools import pairwise

import llvmlite.binding as llvm

from reclaim.diag.errors import ReclaimError
from reclaim.lang.ir import Block, Branch, HookIR, Jump, PolicyIR, Return, Value
from reclaim.lang.wellformed import operands

STACK_BYTES = 512
"""MAX_BPF_STACK, include/linux/filter.h v6.12; over all functions that are called at the same time."""

LLVM_STACK_BYTES = 32_000
"""What LLVM may use: an offset from the frame pointer has 16 bits."""

_MOST_LIVE = LLVM_STACK_BYTES // 32
"""Values that are needed at one point beyond which a hook is not even compiled: an optional number takes
two words, and LLVM may keep an address beside each."""

_FRAME_POINTER = 10
_LOAD, _STORE, _STORE_REGISTER = 1, 2, 3
_MOVE, _ADD = 0xBF, 0x07
"""Classes and opcodes of instructions, include/uapi/linux/bpf.h."""


class NotExpressible(ReclaimError):
    """Signal a verified policy that needs more than eBPF has."""


def check_values(policy: PolicyIR) -> None:
    """Refuse a policy whose hooks need so many values at once that LLVM would end the process.

    Raises:
        NotExpressible: a hook does.
    """
    for name, hook in policy.hooks.items():
        if hook.nr_ops > _MOST_LIVE and _most_live(hook) > _MOST_LIVE:
            raise NotExpressible(
                f"{policy.path}: hook `{name}` needs more than {_MOST_LIVE} values at once, "
                f"for which eBPF has {STACK_BYTES} bytes"
            )


def check_object(path: str, image: bytes) -> None:
    """Refuse an object with a function that uses more stack than there is.

    Raises:
        NotExpressible: it has one.
    """
    sections = llvm.ObjectFileRef.from_data(image).sections()
    used = max((_used(bytes(section.data())) for section in sections if section.is_text()), default=0)
    if used > STACK_BYTES:
        raise NotExpressible(
            f"{path}: a hook needs {used} bytes of stack for its values, but eBPF has {STACK_BYTES}"
        )


def _used(code: bytes) -> int:
    """Return the bytes below the frame pointer that instructions reach."""
    lowest = 0
    words = [code[place : place + 8] for place in range(0, len(code), 8)]
    for word, after in pairwise([*words, bytes(8)]):
        operation, target, source = word[0], word[1] & 15, word[1] >> 4
        offset = int.from_bytes(word[2:4], "little", signed=True)
        base = source if operation & 7 == _LOAD else target
        if operation & 7 in (_LOAD, _STORE, _STORE_REGISTER) and base == _FRAME_POINTER:
            lowest = min(lowest, offset)
        if operation == _MOVE and source == _FRAME_POINTER and after[0] == _ADD and after[1] & 15 == target:
            lowest = min(lowest, int.from_bytes(after[4:8], "little", signed=True))
    return -lowest


def _most_live(hook: HookIR) -> int:
    """Return the largest number of values that are still needed at the end of a block, or inside of one."""
    needed: dict[Block, set[Value]] = {block: set() for block in hook.blocks}
    changed = True
    most = 0
    while changed:
        changed = False
        for block in reversed(hook.blocks):
            live, peak = _live_before(block, needed)
            most = max(most, peak)
            changed |= live != needed[block]
            needed[block] = live
    return most


def _live_before(block: Block, needed: dict[Block, set[Value]]) -> tuple[set[Value], int]:
    """Return the values that a block needs from before it, and the most that are needed at once in it."""
    live: set[Value] = set()
    match block.terminator:
        case Jump() as jump:
            live |= needed[jump.target] | set(jump.args)
        case Branch() as branch:
            live |= needed[branch.then] | needed[branch.other] | {*branch.then_args, *branch.other_args}
            live.add(branch.condition)
        case Return(value=value) if value is not None:
            live.add(value)
        case _:
            pass
    peak = len(live)
    for op in reversed(block.ops):
        if op.result is not None:
            live.discard(op.result)
        live |= set(operands(op))
        peak = max(peak, len(live))
    return live - set(block.params), peak
