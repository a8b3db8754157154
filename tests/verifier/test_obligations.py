"""What instructions demand can be listed without running an analysis."""

from __future__ import annotations

from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import HookIR
from verifier.obligations import InRange, NonZero, NotNone, Obligation, Role, Site, obligations

SOURCE = '''"""x"""


class Work(LruvecState):
    nr: u16[8] = field(0, max=99)


@hook
def pass_begin(lruvec: Lruvec, sc: ScanControl) -> None:
    lruvec.nr[sc.priority] = lruvec.nr_pages // sc.target.usage << sc.priority
'''


def demands(hook: HookIR) -> list[Obligation]:
    """Return everything that a hook's instructions demand, in order."""
    site = Site(hook.hook, None, ())
    return [demand for block in hook.blocks for op in block.ops for demand in obligations(op, site)]


def test_every_demand_of_a_statement_is_named() -> None:
    """Presence, divisor, shift, index and store are separate demands, each with its own numbers."""
    found = demands(compile_source(SOURCE, "x.rpol").hooks["pass_begin"])
    shapes = [(type(d), d.role, d.high) if isinstance(d, InRange) else (type(d), None, None) for d in found]
    assert sorted(shapes, key=str) == sorted(
        [
            (NotNone, None, None),
            (NonZero, None, None),
            (InRange, Role.SHIFT, 63),
            (InRange, Role.INDEX, 7),
            (InRange, Role.STORE, 99),
        ],
        key=str,
    )


def test_instructions_without_risk_demand_nothing() -> None:
    """Reading a field or comparing numbers cannot go wrong."""
    source = '"""x"""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n    return u64(folio.key > folio.nr_pages)\n'
    assert demands(compile_source(source, "x.rpol").hooks["folio_evicted"]) == []
