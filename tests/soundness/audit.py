"""Watch a run of the interpreter for what the interpreter itself does not look at: the contract's rules.

The interpreter checks every obligation about values. Here are those about places: which helpers a hook may
call, whose state it may write, what a loop over a list may do, and that no loop goes round more often than
was stated. Written from docs/language.md and the tables, not from the verifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reclaim.abi.helpers import HELPERS
from reclaim.lang.interp import ObligationBroken, RuntimeValue
from reclaim.lang.ir import (
    Block,
    Call,
    HookIR,
    Instruction,
    Loop,
    LoopKind,
    Op,
    PolicyIR,
    Scope,
    StoreField,
    StoreState,
    Terminator,
    Value,
)

_INNER_HOOKS = frozenset(name for helper in HELPERS for name in helper.effects.runs)
"""Hooks that helpers run: they stand for updates without a lock and write their own folio alone."""


@dataclass
class _Frame:
    """What is remembered about one run of a hook."""

    last: Block | None = None
    rounds: dict[Loop, int] = field(default_factory=dict)
    moved: set[Loop] = field(default_factory=set)


class Auditor:
    """Observe a run of the hooks of a policy; raises `ObligationBroken` where a rule is broken.

    Args:
        policy: the policy.
        most_steps: of the run; one that does not end is stopped there.
    """

    def __init__(self, policy: PolicyIR, most_steps: int = 1_000_000) -> None:
        self._steps_left = most_steps
        self._hooks: dict[Block, HookIR] = {b: hook for hook in policy.hooks.values() for b in hook.blocks}
        self._frames: dict[int, _Frame] = {}

    def observe(self, block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> None:
        """Look at an instruction before it runs."""
        hook = self._hooks[block]
        self._steps_left -= 1
        if self._steps_left < 0:
            raise RuleBroken(None, "goes on for far longer than was stated")
        if op is (block.ops[0] if block.ops else block.terminator):
            self._enter(hook, block, values)
        match op:
            case StoreField() | StoreState() if hook.hook.name in _INNER_HOOKS:
                self._own_folio(op, hook, values)
            case Call():
                self._call(op, hook, block, values)
            case _:
                pass

    def _enter(self, hook: HookIR, block: Block, values: Mapping[Value, RuntimeValue]) -> None:
        """Count rounds: a run of a hook is known by its values, which live as long as it does."""
        if block is hook.blocks[0]:
            self._frames[id(values)] = _Frame()
        frame = self._frames[id(values)]
        for loop in hook.loops:
            if loop.header is not block:
                continue
            is_new = frame.last is None or frame.last.id not in loop.body
            frame.rounds[loop] = 0 if is_new else frame.rounds[loop] + 1
            frame.moved.discard(loop)
            bound = values[loop.bound]
            if bound is None or frame.rounds[loop] > bound:
                first = next(iter(block.ops), None)
                raise RuleBroken(first, f"round {frame.rounds[loop]} of a loop of {bound}")
        frame.last = block

    def _own_folio(
        self, op: StoreField | StoreState, hook: HookIR, values: Mapping[Value, RuntimeValue]
    ) -> None:
        is_folio = not isinstance(op, StoreState) or op.state.scope is Scope.FOLIO
        if not is_folio or op.handle is None or values[op.handle] != self._folio_of(hook, values):
            raise RuleBroken(op, f"hook `{hook.hook.name}` writes what is not its folio's own")

    def _call(self, op: Call, hook: HookIR, block: Block, values: Mapping[Value, RuntimeValue]) -> None:
        helper = op.helper
        if helper.family not in hook.hook.families:
            raise RuleBroken(op, f"hook `{hook.hook.name}` calls `{helper.name}`")
        if hook.hook.name in _INNER_HOOKS and (helper.effects.writes or helper.effects.writes_maps):
            is_own = helper.method_of == "Folio" and values[op.args[0]] == self._folio_of(hook, values)
            if not is_own:
                raise RuleBroken(op, f"hook `{hook.hook.name}` changes what is not its folio's own")
        scans = [loop for loop in hook.loops if loop.kind is LoopKind.SCAN and block.id in loop.body]
        if helper.effects.moves is not None:
            self._move(op, scans, values)
        elif scans:
            self._inside_scan(op, values)

    def _move(self, op: Call, scans: list[Loop], values: Mapping[Value, RuntimeValue]) -> None:
        frame = self._frames[id(values)]
        if (
            len(scans) != 1
            or values[scans[0].header.params[0]] != values[op.args[0]]
            or scans[0] in frame.moved
        ):
            raise RuleBroken(op, "moves what is not the current folio of a scan, or moves it again")
        frame.moved.add(scans[0])

    @staticmethod
    def _inside_scan(op: Call, values: Mapping[Value, RuntimeValue]) -> None:
        helper = op.helper
        named = dict(zip([param.name for param in helper.params][::-1], op.args[::-1], strict=False))
        if helper.effects.runs and (helper.cost_per is None or values[named[helper.cost_per[0]]] != 0):
            raise RuleBroken(op, f"`{helper.name}` runs hooks inside a scan")
        if helper.method_of == "List" and helper.effects.writes:
            raise RuleBroken(op, f"`{helper.name}` moves folios inside a scan")

    @staticmethod
    def _folio_of(hook: HookIR, values: Mapping[Value, RuntimeValue]) -> RuntimeValue:
        place = [param.name for param in hook.hook.params].index("folio")
        return values[hook.params[place]]


class RuleBroken(ObligationBroken):
    """Signal a broken rule of the contract."""

    def __init__(self, op: Instruction | None, what: str) -> None:
        Exception.__init__(
            self, what if op is None else f"{op.span.start.line}:{op.span.start.column}: {what}"
        )
