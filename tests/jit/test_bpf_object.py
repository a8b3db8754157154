"""Policies as eBPF objects: what is in them, and that the running kernel's verifier accepts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.engine.shipped import shipped_policies
from reclaim.jit.bpf_compiler import bpf_assembly, compile_bpf
from reclaim.jit.bpf_debug_info import quoted
from reclaim.jit.bpf_loader import KernelRejected, LoadedObject
from reclaim.jit.bpf_module import write_bpf_module
from reclaim.jit.bpf_stack import NotExpressible
from reclaim.jit.bpf_target import emit_bpf_object
from reclaim.lang.frontend import compile_source
from tests.fakes.bpf_unguarded import is_accepted_without_guards, without_guards
from tests.tidy.tree import ROOT
from verifier.verified import VerifiedPolicy, verify_or_raise

_MAXIMAL = ROOT / "tests" / "policies" / "maximal.rpol"
_PATHS = [*shipped_policies().values(), _MAXIMAL]

_TABLE = '''"""A table."""


class Work(LruvecState):
    nr: u64[8]


@hook
def folio_evicted(lruvec: Lruvec, folio: Folio) -> u64:
    return lruvec.nr[folio.key % 8]
'''

_LOOPS = '''"""Loops whose values Linux would follow round by round."""


class Whole(GlobalState):
    total: u64


@hook
def prepare_scan(sc: ScanControl) -> None:
    for i in range(7, 0, -2):
        if sc.nr_scanned < 9:
            Whole.total += 1
        sc.priority = min(clamp(i, 2, 100), 12)


@hook
def batch_done(sc: ScanControl, result: BatchResult) -> None:
    left = 0
    for i in range(1000):
        if result.nr_taken > Whole.total:
            left = 5
        if left > 3:
            Whole.total += left
        left -= 1
'''

_TWO_CONSTANTS = '''"""A loop that carries two constants."""

limit = tunable(u32, default=5, min=0, max=9, doc="a bound")


class Work(LruvecState):
    nr: u64[8]


@hook
def batch_done(lruvec: Lruvec, result: BatchResult) -> None:
    lowest: s64 = -2147483648
    is_late = lruvec.nr[3] > 5
    for i in range(limit):
        if lruvec.nr[3] > 5:
            lowest = max(lowest, 0)
        else:
            is_late = lruvec.nr[3] > 5
'''

_ODD_NAMES = '''"""Says \\"no\\" and \\\\ back: \u00fc."""


@hook
def exit() -> None:
    return
'''


def _verified(path: Path) -> VerifiedPolicy:
    return verify_or_raise(compile_source(path.read_text(encoding="utf-8"), str(path)))


def _without_guards() -> bytes:
    """Return an object with an index that may be outside and whose guard lets everything through."""
    text = write_bpf_module(compile_source(_TABLE.replace("% 8", "% 9"), "table.rpol"))
    return emit_bpf_object(without_guards(text))


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.stem)
def test_policy_is_accepted_by_the_linux_verifier(path: Path) -> None:
    """What we accept, Linux accepts: every hook of every shipped policy, and of one that has them all."""
    verified = _verified(path)
    with LoadedObject(compile_bpf(verified)) as loaded:
        assert set(loaded.stats) == {f"enter_{name}" for name in verified.ir.hooks}


@pytest.mark.usefixtures("kernel")
def test_index_outside_its_array_is_rejected_by_linux() -> None:
    """Linux checks the element of a map that an access stays in: code without a guard does not pass."""
    with pytest.raises(KernelRejected, match="map_value"):
        LoadedObject(_without_guards())


@pytest.mark.usefixtures("kernel")
def test_linux_needs_guards_where_variables_depend_on_each_other() -> None:
    """Linux proves the indices of the small policies by itself, and not those of trad and mglru."""
    accepted = {
        name
        for name, path in shipped_policies().items()
        if is_accepted_without_guards(write_bpf_module(_verified(path).ir))
    }
    assert set(shipped_policies()) - accepted == {"trad", "mglru"}


@pytest.mark.usefixtures("kernel")
def test_rejection_shows_the_line_of_the_policy() -> None:
    """The object carries the source: the log of Linux shows the author's own line."""
    with pytest.raises(KernelRejected) as rejected:
        LoadedObject(_without_guards(), with_steps=True)
    assert [line for line in rejected.value.log.splitlines() if "@ table.rpol:10" in line]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("source", [_LOOPS, _TWO_CONSTANTS])
def test_loops_cost_linux_no_more_than_their_text(source: str) -> None:
    """Every round looks like the one before, so a loop of a thousand is verified in a few steps."""
    verified = verify_or_raise(compile_source(source, "loops.rpol"))
    with LoadedObject(compile_bpf(verified)) as loaded:
        assert max(stats.instructions for stats in loaded.stats.values()) < 1_000


def test_any_text_of_an_author_gets_through() -> None:
    """Quotes, backslashes and letters of all kinds end up in the object as they are."""
    image = compile_bpf(verify_or_raise(compile_source(_ODD_NAMES, "odd.rpol")))
    assert _ODD_NAMES.splitlines()[0].encode() in image


def test_object_is_a_function_of_the_policy() -> None:
    """The same policy gives the same bytes."""
    path = shipped_policies()["s3fifo"]
    assert compile_bpf(_verified(path)) == compile_bpf(_verified(path))


def test_assembly_names_hooks_and_helpers() -> None:
    """The text for people holds every function by name."""
    text = bpf_assembly(_verified(shipped_policies()["second_chance"]))
    assert all(
        f"{name}:" in text for name in ("hook_reclaim_folio", "h_folio_referenced", "enter_reclaim_folio")
    )


def test_unverified_policy_is_refused() -> None:
    """Code for Linux is made of verified policies only, like native code."""
    ir = compile_source(_ODD_NAMES, "odd.rpol")
    with pytest.raises(TypeError, match="VerifiedPolicy"):
        compile_bpf(ir)  # type: ignore[arg-type]


def _with_values(count: int) -> VerifiedPolicy:
    """Return a policy that needs many numbers at once."""
    lines = [f"    n{i} = now()" for i in range(count)] + ["    total = 0"]
    lines += [f"    total += n{i} * {i + 3}" for i in range(count)] + [
        f"    total ^= n{i} * total" for i in range(count)
    ]
    head = '"""Many numbers."""\n\n\n@hook\ndef batch_done() -> None:\n'
    return verify_or_raise(compile_source(head + "\n".join([*lines, "    emit(total)", ""]), "many.rpol"))


@pytest.mark.usefixtures("kernel")
def test_as_many_values_as_fit_are_accepted() -> None:
    """Sixty numbers at once fit on the stack."""
    LoadedObject(compile_bpf(_with_values(60))).close()


@pytest.mark.parametrize("count", [80, 1200])
def test_more_values_than_the_stack_holds_are_refused(count: int) -> None:
    """What eBPF has no room for is said so, also where LLVM would end the process."""
    with pytest.raises(NotExpressible, match="512"):
        compile_bpf(_with_values(count))


def test_name_of_a_file_that_is_no_utf8_is_written_byte_by_byte() -> None:
    """Systems permit any bytes in names; Python gives those that it cannot read as halves of characters."""
    assert quoted("bad\udcff.rpol") == '"bad\\FF.rpol"'
