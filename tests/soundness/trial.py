"""One random program through everything: verifier, interpreter, native code, the running kernel.

A program that the verifier accepts is run on fake machines, some of them all extremes. The interpreter
checks every obligation as it goes and writes down what helpers answered and did; native code and Linux
replay that tape and must answer the same and leave the same bytes behind.

A mutant is an accepted program in which one thing was broken: a number, a comparison, a `min`, a test
for None. It must be rejected, or be as harmless as any accepted program.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field

from reclaim.diag.errors import PolicyRejected
from reclaim.jit import native
from reclaim.jit.bpf_loader import KernelRejected
from reclaim.jit.bpf_module import write_bpf_module
from reclaim.jit.bpf_stack import NotExpressible, check_object, check_values
from reclaim.jit.bpf_target import emit_bpf_object
from reclaim.jit.llvm_module import write_module
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken
from reclaim.lang.ir import PolicyIR
from tests.fakes.bpf_machine import BpfReplay, TapeTooLong, differences
from tests.fakes.bpf_unguarded import is_accepted_without_guards
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine, TapeReplay
from tests.soundness.audit import Auditor
from tests.verifier.policy_generator import generate_policy
from tests.verifier.relation_generator import generate_relations
from verifier.verified import _findings

NR_MACHINES = 4
"""For each program; every second one is all extremes."""

RELATED = 2
"""Remainder by three of the numbers of programs about related numbers."""

DANGER = (0.02, 0.06)
"""How often a dangerous operation goes unguarded, by turns: three, or two, of four programs are accepted."""

_REPLAY = TapeReplay()

_BREAKABLE = re.compile(r"\b\d+\b|<=|>=|<|>|\bmin\b|\bmax\b|\band\b|\bor\b|\bis not\b|\bis\b(?! not)")
_BROKEN = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "min": "max", "max": "min", "and": "or", "or": "and"}
_BROKEN |= {"is": "is not", "is not": "is"}


@dataclass
class Findings:
    """Count what became of programs, and say what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Take in what another trial found."""
        self.counts += other.counts
        self.wrong += other.wrong


@dataclass(frozen=True)
class Engines:
    """Say where a program is executed beside the interpreter, and whether Linux shall try it without guards."""

    native: bool = True
    kernel: bool = True
    unguarded: bool = False


@dataclass(frozen=True)
class _Run:
    """Hold one run of the interpreter, to be replayed."""

    machine: FakeMachine
    env: ContractEnvironment
    hook: str
    args: tuple[int, ...]
    answer: int | None


class Trial:
    """Try a program.

    Args:
        name: names the program in what is found.
        source: its text.
        seed: of the machines that it runs on.
        engines: where it runs.
    """

    def __init__(self, name: str, source: str, seed: int, engines: Engines) -> None:
        self.found = Findings()
        self.accepted = False
        self._name = name
        self._seed = seed
        policy = self._verified(source)
        if policy is None:
            return
        self.accepted = True
        runs = self._interpret(policy)
        if engines.native:
            self._replay_natively(policy, runs)
        if engines.kernel:
            self._replay_in_the_kernel(policy, runs)
        if engines.unguarded:
            self.found.counts["tried without guards"] += 1
            is_accepted = is_accepted_without_guards(write_bpf_module(policy))
            self.found.counts["accepted by Linux without guards"] += is_accepted

    def _verified(self, source: str) -> PolicyIR | None:
        """Return the program if everything about it was proved."""
        self.found.counts["programs"] += 1
        try:
            policy = compile_source(source, f"{self._name}.rpol")
        except PolicyRejected:
            self.found.counts["rejected by the front end"] += 1
            return None
        diagnostics, costs = _findings(policy, with_witnesses=False)
        if diagnostics:
            self.found.counts["rejected by the verifier"] += 1
            return None
        self.found.counts["accepted"] += 1
        self._costs = {name: cost.total for name, cost in costs.items()}
        return policy

    def _interpret(self, policy: PolicyIR) -> list[_Run]:
        """Run every hook and check each obligation, and that no hook costs more than was stated."""
        rng = random.Random(self._seed)
        machines = [FakeMachine(policy, rng, extreme=number % 2 == 1) for number in range(NR_MACHINES)]
        runs = []
        for hook in policy.hooks:
            for machine in machines:
                env = ContractEnvironment(machine)
                env.interpreter.observer = Auditor(policy).observe
                args = machine.arguments(hook)
                self.found.counts["runs"] += 1
                try:
                    answer = env.interpreter.run(hook, args)
                except ObligationBroken as broken:
                    self._note("escape", f"{hook}: {broken}")
                    continue
                if (
                    not any(entry.nested for entry in env.tape)
                    and env.interpreter.nr_steps > self._costs[hook]
                ):
                    steps = env.interpreter.nr_steps
                    self._note(
                        "escape", f"{hook}: {steps} steps, but at most {self._costs[hook]} were stated"
                    )
                runs.append(_Run(machine, env, hook, args, answer))
        return runs

    def _replay_natively(self, policy: PolicyIR, runs: list[_Run]) -> None:
        module = write_module(policy)
        imports = {name: _REPLAY.symbols[name] for name in module.helpers}
        exports = [hook_symbol(name) for name in policy.hooks]
        library = native.link(native.emit_object(module.text), exports, imports)
        hooks = {name: library.addresses[hook_symbol(name)] for name in policy.hooks}
        self.found.counts["native programs"] += 1
        for run in runs:
            before = run.machine.contents
            try:
                answer = _REPLAY.run(run.machine, hooks, run.hook, run.args, run.env.tape)
            except AssertionError as error:
                self._note("native", f"{run.hook}: {error}")
            else:
                if (answer, run.machine.contents) != (run.answer, bytes(run.env.memory)):
                    self._note("native", f"{run.hook}: another answer or memory")
            self.found.counts["native runs"] += 1
            run.machine.restore(before)

    def _replay_in_the_kernel(self, policy: PolicyIR, runs: list[_Run]) -> None:
        self.found.counts["kernel programs"] += 1
        try:
            check_values(policy)
            image = emit_bpf_object(write_bpf_module(policy))
            check_object(self._name, image)
            replay = BpfReplay(policy, image)
        except NotExpressible:
            self.found.counts["not expressible"] += 1
            return
        except KernelRejected as rejected:
            self.found.counts["rejected by Linux"] += 1
            self._note("Linux rejects", str(rejected))
            return
        self.found.counts["accepted by Linux"] += 1
        with replay:
            for run in runs:
                try:
                    answer, left = replay.run(run.machine, run.hook, run.args, run.env.tape)
                except TapeTooLong:
                    self.found.counts["tapes too long"] += 1
                    continue
                except (AssertionError, OSError) as error:
                    self._note("kernel", f"{run.hook}: {error}")
                    continue
                self.found.counts["kernel runs"] += 1
                wrong = differences(replay.expected(run.machine, bytes(run.env.memory)), left)
                if answer != (run.answer or 0):
                    wrong.append(f"answer {answer} instead of {run.answer}")
                if wrong:
                    self._note("kernel", f"{run.hook}: {'; '.join(wrong)}")

    def _note(self, what: str, text: str) -> None:
        self.found.counts[f"wrong: {what}"] += 1
        self.found.wrong.append(f"{self._name}: {what}: {text}")


def mutant(source: str, rng: random.Random) -> str:
    """Break one thing in the functions of a program."""
    start = source.index("@hook")
    places = list(_BREAKABLE.finditer(source, start))
    place = rng.choice(places)
    old = place[0]
    if old.isdigit():
        new = str(
            rng.choice(
                [n for n in (int(old) + 1, max(int(old) - 1, 0), 2 * int(old), 0, 1 << 63) if n != int(old)]
            )
        )
    else:
        new = _BROKEN[old]
    return source[: place.start()] + new + source[place.end() :]


def program(seed: int) -> str:
    """Return the program of a number: two of any kind by turns, then one of related numbers."""
    if seed % 3 == RELATED:
        return generate_relations(seed)
    return generate_policy(seed, DANGER[seed % 2])


def tried(seed: int, engines: Engines, nr_mutants: int) -> Findings:
    """Try the program of a seed and, where it is accepted, mutants of it."""
    source = program(seed)
    trial = Trial(f"program {seed}", source, seed, engines)
    found = trial.found
    if not trial.accepted:
        return found
    rng = random.Random(f"mutants of {seed}")
    for number in range(nr_mutants):
        other = Trial(
            f"mutant {number} of {seed}", mutant(source, rng), seed, Engines(native=False, kernel=False)
        )
        for name, what in (
            ("programs", "mutants"),
            ("accepted", "mutants accepted"),
            ("runs", "mutant runs"),
        ):
            found.counts[what] += other.found.counts[name]
        found.wrong += other.found.wrong
    return found
