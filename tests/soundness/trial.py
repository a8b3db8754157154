"""One random program: is it accepted, and does it keep then what the verifier promised?

A program that the verifier accepts is run on fake machines, some of them all extremes. The interpreter
checks every obligation as it goes, an auditor the rules about places, and what helpers answered and did
is written on a tape, for other executions to replay (`executions`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_tree
from reclaim.lang.interp import ObligationBroken, Observer, RuntimeValue
from reclaim.lang.ir import Block, Op, PolicyIR, Terminator, Value
from reclaim.lang.parser import parse
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.soundness.audit import Auditor, RuleBroken
from tests.soundness.coverage import parts_of_policy, parts_of_tree
from tests.soundness.second_parser import python_reads
from tests.verifier.watched_analysis import mistakes
from verifier.state_ranges import DECLARED
from verifier.verified import verify

NR_MACHINES = 4
"""For each program; every second one is all extremes."""

_FAR_LONGER = 100
"""Times the stated cost, after which a run is taken for one that does not end. Hooks inside of helpers count, too,
and a fake machine runs a few of them where the core runs none."""


@dataclass
class Findings:
    """Say what became of programs.

    Args:
        counts: of programs and runs, by what became of them.
        parts: of accepted programs, by what they have (`coverage`); of rejected ones by the codes.
        wrong: what should not have happened, in words.
        seconds: of processor time.
    """

    counts: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Findings) -> None:
        """Take in what another trial found."""
        self.counts += other.counts
        self.parts += other.parts
        self.wrong += other.wrong
        self.seconds += other.seconds

    def note(self, what: str, name: str, text: str) -> None:
        """Write down that something was wrong with a program."""
        self.counts[f"wrong: {what}"] += 1
        self.wrong.append(f"{name}: {what}: {text}")


@dataclass(frozen=True)
class Run:
    """Hold one run of the interpreter, to be replayed."""

    machine: FakeMachine
    env: ContractEnvironment
    hook: str
    args: tuple[int, ...]
    answer: int | None


class Trial:
    """Verify a program, and interpret it if it is accepted.

    Args:
        name: names the program in what is found.
        source: its text.
        seed: of the machines that it runs on.
        is_read_twice: whether lark reads it, too, and its constructs are counted.
        is_watched: whether what the verifier believes at each block is compared with runs, also if it is rejected.

    Attributes:
        policy: the program, None where it is rejected.
        runs: of all its hooks.
        found: what became of it.
    """

    def __init__(
        self, name: str, source: str, seed: int, *, is_read_twice: bool = False, is_watched: bool = False
    ) -> None:
        self.name = name
        self.found = Findings()
        self.runs: list[Run] = []
        self._seed = seed
        self._is_watched = is_watched
        self._costs: dict[str, int] = {}
        self._state = DECLARED
        self.found.counts["programs"] += 1
        self.policy = self._verified(source, is_read_twice=is_read_twice)
        if self.policy is not None:
            self.found.counts["accepted"] += 1
            self.found.parts.update(parts_of_policy(self.policy))
            self._interpret(self.policy)

    def _verified(self, source: str, *, is_read_twice: bool) -> PolicyIR | None:
        """Return the program if everything about it was proved."""
        tree = python_reads(source)
        if is_read_twice:
            self.found.counts["read twice"] += 1
            if parse(source) != (tree, []):
                self.found.note("parser", self.name, "Python reads another tree")
        try:
            policy = compile_tree(tree, source, "program.rpol")
        except PolicyRejected as rejected:
            self.found.counts["rejected by the front end"] += 1
            self.found.parts.update({f"rejected: {d.code} {d.name}" for d in rejected.diagnostics})
            return None
        report = verify(policy, with_evidence=False)
        if self._is_watched:
            self.found.counts["watched"] += 1
            for wrong in mistakes(policy, self._seed, NR_MACHINES, report.state):
                self.found.note("belief", self.name, wrong)
        if not report.accepted:
            self.found.counts["rejected by the verifier"] += 1
            self.found.parts.update({f"rejected: {d.code} {d.name}" for d in report.diagnostics})
            return None
        if is_read_twice:
            self.found.parts.update(parts_of_tree(tree))
        self._costs = {name: cost.total for name, cost in report.costs.items()}
        self._state = report.state
        self.found.counts["accepted for what they store"] += bool(report.state.proved)
        return policy

    def _interpret(self, policy: PolicyIR) -> None:
        """Run every hook and check each obligation, and that no hook costs more than was stated."""
        rng = random.Random(self._seed)
        machines = [
            FakeMachine(policy, rng, extreme=number % 2 == 1, state=self._state)
            for number in range(NR_MACHINES)
        ]
        for hook in policy.hooks:
            for machine in machines:
                env = ContractEnvironment(machine)
                env.interpreter.observer = self._observer(policy, env, _FAR_LONGER * self._costs[hook])
                args = machine.arguments(hook)
                self.found.counts["runs"] += 1
                try:
                    answer = env.interpreter.run(hook, args)
                except ObligationBroken as broken:
                    self.found.note("escape", self.name, f"{hook}: {broken}")
                    continue
                for wrong in machine.out_of_range(env.memory):
                    self.found.note("escape", self.name, f"{hook}: {wrong}")
                self._compare_cost(hook, env)
                self.runs.append(Run(machine, env, hook, args, answer))

    def _observer(self, policy: PolicyIR, env: ContractEnvironment, most_steps: int) -> Observer:
        """Return what audits a run, and what fields hold whenever a hook begins, be it inside of another one."""
        audit = Auditor(policy, most_steps).observe
        begins = {
            id(block.ops[0] if block.ops else block.terminator)
            for block in (hook.blocks[0] for hook in policy.hooks.values())
        }

        def observe(block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> None:
            audit(block, op, values)
            if id(op) in begins:
                for wrong in env.machine.out_of_range(env.memory):
                    raise RuleBroken(None, wrong)

        return observe

    def _compare_cost(self, hook: str, env: ContractEnvironment) -> None:
        if any(entry.nested for entry in env.tape):
            return
        steps, stated = env.interpreter.nr_steps, self._costs[hook]
        if steps > stated:
            self.found.note("escape", self.name, f"{hook}: {steps} steps, but at most {stated} were stated")
