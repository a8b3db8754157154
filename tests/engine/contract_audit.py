"""Hold the real core to what the verifier assumes about it.

The verifier believes the tables: ranges of fields and answers, what a helper may change, that a look-up repeats
itself. Here hooks of a policy run in the interpreter on the core's own memory, and an observer compares:

- whenever a block begins, each value with what the verifier knows there (`Watcher`), ranges from the tables included;
- around each question to the core, every field of every object at hand, and every size of a list: what changed must be
  among what the verifier forgets there;
- answers of pure helpers and of look-ups with their earlier answers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import LIST_SIZES, Slot, slots
from reclaim.abi.limits import FIRST_POLICY_LIST
from reclaim.lang.interp import Environment, Interpreter, Observer, RuntimeValue
from reclaim.lang.ir import (
    Block,
    Call,
    Fail,
    HandleType,
    HookIR,
    Op,
    PolicyIR,
    Return,
    ScanFirst,
    ScanNext,
    Terminator,
    Value,
)
from tests.verifier.watched_analysis import WatchedAnalysis, Watcher
from verifier import memory_cells
from verifier.memory_cells import Cell, Group, Memory, writes_of

Object: TypeAlias = tuple[str, int]
"""A kernel object at hand: its type and address."""

Bytes: TypeAlias = tuple[bytes, bytes]
"""What is in an object: the object itself, and of a lruvec the sizes of its lists."""

Values: TypeAlias = Mapping[Value, RuntimeValue]

_SIZES = {name: max(slot.offset + slot.nr_bytes for slot in slots(name).values()) for name in KERNEL_TYPES}

_RUNS_OF_A_HOOK = 40
"""Looked at; the runs that follow are left alone, as each takes some thousand times as long as in native code."""

_ASKS_THE_CORE = (Call, ScanFirst, ScanNext)


@dataclass
class _Question:
    """A question to the core that is under way, and how things were before."""

    op: Op
    before: dict[Object, Bytes]


@dataclass
class _Frame:
    """What is remembered about one run of a hook."""

    watch: Observer
    asked: _Question | None = None
    looked_up: dict[tuple[object, ...], RuntimeValue] = field(default_factory=dict)


class ContractAudit:
    """Observe the runs of a policy on the real core.

    Args:
        policy: the policy, accepted.
        env: the core's memory.

    Attributes:
        wrong: where the core did what the verifier rules out.
        nr_runs: how many were looked at.
        interpreter: runs the policy, and reads cells of memory for the audit.
    """

    def __init__(self, policy: PolicyIR, env: Environment) -> None:
        self.wrong: list[str] = []
        self.nr_runs = 0
        self.interpreter: Interpreter | None = None
        self._env = env
        self._nr_lists = FIRST_POLICY_LIST + sum(decl.count for decl in policy.lists)
        self._pure: dict[tuple[object, ...], RuntimeValue] = {}
        self._frames: dict[int, _Frame] = {}
        self._watchers = {id(hook.blocks[0]): _watcher(hook) for hook in policy.hooks.values()}
        self._runs_left = dict.fromkeys(self._watchers, _RUNS_OF_A_HOOK)

    @property
    def mistakes(self) -> list[str]:
        """Return everything that was wrong, each once."""
        return sorted(
            {*self.wrong, *(wrong for watcher in self._watchers.values() for wrong in watcher.wrong)}
        )

    def observe(self, block: Block, op: Op | Terminator, values: Values) -> None:
        """Look at what was asked before this instruction, and at what this one asks."""
        frame = self._frames.get(id(values)) or self._entered(block, values)
        if frame is None:
            return
        frame.watch(block, op, values)
        if frame.asked is not None:
            self._answered(frame, frame.asked, values)
            frame.asked = None
        if isinstance(op, _ASKS_THE_CORE):
            frame.asked = _Question(op, {at_hand: self._bytes(at_hand) for at_hand in _at_hand(values)})
        elif isinstance(op, Return | Fail):
            del self._frames[id(values)]

    def _entered(self, block: Block, values: Values) -> _Frame | None:
        """Return the frame of a run that begins; None in the midst of one that is not looked at."""
        if not self._runs_left.get(id(block)):
            return None
        self._runs_left[id(block)] -= 1
        self.nr_runs += 1
        self._frames[id(values)] = frame = _Frame(self._watchers[id(block)].begin(memory=self.interpreter))
        return frame

    def _bytes(self, at_hand: Object) -> Bytes:
        name, address = at_hand
        sizes = b""
        if name == "Lruvec":
            start = self._env.load(address + slots(name)[LIST_SIZES].offset, 8, False)
            sizes = ctypes.string_at(start, 8 * self._nr_lists)
        return ctypes.string_at(address, _SIZES[name]), sizes

    def _answered(self, frame: _Frame, asked: _Question, values: Values) -> None:
        """Compare everything with how it was before the question."""
        memory, op = Memory(), asked.op
        memory.forget(writes_of(op, _numbers(op, values)), "now")
        for at_hand, before in asked.before.items():
            after = self._bytes(at_hand)
            if before != after:
                self.wrong += _forbidden(_name(op), memory, at_hand[0], before, after)
        if isinstance(op, Call):
            self._compare_answer(frame, op, values)

    def _compare_answer(self, frame: _Frame, op: Call, values: Values) -> None:
        """Hold an answer against earlier ones that must have been the same."""
        question = (op.helper.c_name, *(values[arg] for arg in op.args))
        effects = op.helper.effects
        answer = None if op.result is None else values[op.result]
        if effects.pure and self._pure.setdefault(question, answer) != answer:
            self.wrong.append(f"{_name(op)} is pure and answers {answer} instead of {self._pure[question]}")
        if effects.repeats and frame.looked_up.setdefault(question, answer) != answer:
            self.wrong.append(f"{_name(op)} answers {answer}, earlier {frame.looked_up[question]}")
        if effects.runs or (effects.writes_maps and not effects.repeats):
            frame.looked_up.clear()


class AuditedInterpreter(Interpreter):
    """An interpreter whose runs are audited; `audits` are those of all that were made."""

    audits: list[ContractAudit] = []  # noqa: RUF012  # shared on purpose: the engine makes the interpreters

    def __init__(self, policy: PolicyIR, env: Environment) -> None:
        audit = ContractAudit(policy, env)
        super().__init__(policy, env, audit.observe)
        audit.interpreter = self
        self.audits.append(audit)


def _watcher(hook: HookIR) -> Watcher:
    analysis = WatchedAnalysis(hook)
    analysis.run()
    return Watcher(analysis)


def _at_hand(values: Values) -> set[Object]:
    """Return the kernel objects that a hook could look at."""
    return {
        (value.type.name, number)
        for value, number in values.items()
        if isinstance(value.type, HandleType) and value.type.name in KERNEL_TYPES and number
    }


def _forbidden(asked: str, memory: Memory, owner: str, before: Bytes, after: Bytes) -> Iterator[str]:
    """Say which changes of an object the verifier rules out."""
    for name, slot in slots(owner).items():
        was, is_ = (_member(contents[0], slot) for contents in (before, after))
        if was != is_ and not _is_forgotten(memory, ("field", owner, name)):
            yield f"{asked} changed {owner}.{name} from {was} to {is_}"
    if before[1] != after[1] and not _is_forgotten(memory, memory_cells.LIST_SIZES):
        yield f"{asked} changed the size of a list"


def _member(contents: bytes, slot: Slot) -> int:
    word = int.from_bytes(contents[slot.offset : slot.offset + slot.nr_bytes], "little", signed=slot.signed)
    return word if slot.bit is None else word >> slot.bit & 1


def _numbers(op: Op, values: Values) -> dict[int, int]:
    """Return the arguments of a call by value id, as if they were constants."""
    args = op.args if isinstance(op, Call) else ()
    return {arg.id: number for arg in args if (number := values[arg]) is not None}


def _is_forgotten(memory: Memory, group: Group) -> bool:
    """Tell whether the verifier assumes nothing about a field any more."""
    cell = Cell(group, 0, (), None)
    return memory.version(cell) not in (None, Memory().version(cell))


def _name(op: Op) -> str:
    return op.helper.c_name if isinstance(op, Call) else type(op).__name__
