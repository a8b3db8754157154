"""Replays of what the interpreter did: as native code, and as eBPF inside the running kernel.

Answers, every helper call with its arguments, the `fail()` that was reached and all bytes left behind must
be the interpreter's. Native code is compiled for many programs at once, as LLVM's fixed costs are high.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reclaim.diag.errors import CoreFault
from reclaim.jit import native
from reclaim.jit.bpf_loader import KernelRejected
from reclaim.jit.bpf_module import write_bpf_module
from reclaim.jit.bpf_stack import NotExpressible, check_object, check_values
from reclaim.jit.bpf_target import emit_bpf_object
from reclaim.jit.llvm_module import write_together
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import PolicyIR
from tests.fakes.bpf_machine import BpfReplay, TapeTooLong, differences
from tests.fakes.bpf_unguarded import is_accepted_without_guards
from tests.fakes.fake_machine import TapeReplay
from tests.soundness.trial import Findings, Run, Trial

_REPLAY = TapeReplay()


def replay_natively(trials: Sequence[Trial]) -> Findings:
    """Compile accepted programs into one module and replay their runs.

    Args:
        trials: of accepted programs.

    Returns:
        What was found.
    """
    found = Findings()
    policies = {f"p{number}_": trial.policy for number, trial in enumerate(trials) if trial.policy}
    try:
        library = _compiled(policies)
    except CoreFault as fault:
        if len(trials) > 1:
            for trial in trials:
                found.add(replay_natively([trial]))
        elif trials:
            found.note("native", trials[0].name, str(fault))
        return found
    for number, trial in enumerate(trials):
        assert trial.policy is not None
        names = {name: f"p{number}_{hook_symbol(name)}" for name in trial.policy.hooks}
        hooks = {name: library.addresses[symbol] for name, symbol in names.items()}
        found.counts["native programs"] += 1
        for run in trial.runs:
            found.counts["native runs"] += 1
            difference = _difference(run, hooks)
            if difference:
                found.note("native", trial.name, f"{run.hook}: {difference}")
    return found


def _compiled(policies: Mapping[str, PolicyIR]) -> native.Library:
    module = write_together(policies)
    exports = [f"{prefix}{hook_symbol(name)}" for prefix, policy in policies.items() for name in policy.hooks]
    imports = {name: _REPLAY.symbols[name] for name in module.helpers}
    return native.link(native.emit_object(module.text), exports, imports)


def _difference(run: Run, hooks: dict[str, int]) -> str | None:
    before = run.machine.contents
    try:
        answer = _REPLAY.run(run.machine, hooks, run.hook, run.args, run.env.tape)
    except AssertionError as error:
        return str(error)
    finally:
        left = run.machine.contents
        run.machine.restore(before)
    if answer != run.answer:
        return f"answer {answer} instead of {run.answer}"
    return None if left == bytes(run.env.memory) else "other bytes left behind"


def replay_in_the_kernel(trial: Trial) -> Findings:
    """Load an accepted program into the running kernel and replay its runs.

    Args:
        trial: of an accepted program.

    Returns:
        What was found.
    """
    found = Findings()
    assert trial.policy is not None
    found.counts["kernel programs"] += 1
    try:
        check_values(trial.policy)
        image = emit_bpf_object(write_bpf_module(trial.policy))
        check_object(trial.name, image)
        replay = BpfReplay(trial.policy, image)
    except NotExpressible:
        found.counts["not expressible"] += 1
        return found
    except KernelRejected as rejected:
        found.counts["rejected by Linux"] += 1
        found.note("Linux rejects", trial.name, str(rejected))
        return found
    found.counts["accepted by Linux"] += 1
    with replay:
        for run in trial.runs:
            _replay_in(replay, run, trial.name, found)
    return found


def _replay_in(replay: BpfReplay, run: Run, name: str, found: Findings) -> None:
    try:
        answer, left = replay.run(run.machine, run.hook, run.args, run.env.tape)
    except TapeTooLong:
        found.counts["tapes too long"] += 1
        return
    except (AssertionError, OSError) as error:
        found.note("kernel", name, f"{run.hook}: {error}")
        return
    found.counts["kernel runs"] += 1
    wrong = differences(replay.expected(run.machine, bytes(run.env.memory)), left)
    if answer != (run.answer or 0):
        wrong.append(f"answer {answer} instead of {run.answer}")
    if wrong:
        found.note("kernel", name, f"{run.hook}: {'; '.join(wrong)}")


def try_unguarded(policy: PolicyIR) -> Findings:
    """Ask Linux about a program without the guards that repeat what is proved."""
    found = Findings()
    found.counts["tried without guards"] += 1
    is_accepted = is_accepted_without_guards(write_bpf_module(policy))
    found.counts["accepted by Linux without guards"] += is_accepted
    return found
