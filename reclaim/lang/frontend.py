"""The front end: from a policy's source to its IR.

    text -> source_text -> parser -> restrictions -> declarations, state_layout, signatures -> lower_*

Everything that is wrong is reported at once, in source order; a policy is accepted whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.declarations import TopLevel
from reclaim.lang.declared import Declared
from reclaim.lang.findings import Findings
from reclaim.lang.ir import PolicyIR
from reclaim.lang.lower_functions import check_function, lower_hook
from reclaim.lang.lowering import Shared
from reclaim.lang.nodes import Module
from reclaim.lang.parser import parse
from reclaim.lang.restrictions import check_restrictions, nested_names
from reclaim.lang.signatures import read_signatures
from reclaim.lang.source_text import clean_text, read_source
from reclaim.lang.state_layout import StateLayout
from reclaim.lang.unused import unused_things


def compile_file(path: str | Path) -> PolicyIR:
    """Compile a policy file to IR.

    Args:
        path: the file, as the user named it.

    Returns:
        The policy, type-checked but not verified.

    Raises:
        PolicyRejected: it cannot be read, or something in it is wrong.
    """
    return compile_source(read_source(path), str(path))


def compile_source(source: str, path: str) -> PolicyIR:
    """Compile a policy's source text to IR.

    Args:
        source: the whole text.
        path: the file that it stands for, in messages and as the policy's name.

    Returns:
        The policy, type-checked but not verified.

    Raises:
        PolicyRejected: something in it is wrong; carries everything found, in source order.
    """
    module, broken = parse(clean_text(source, path))
    return compile_tree(module, source, path, broken)


def compile_tree(module: Module, source: str, path: str, broken: Sequence[Diagnostic] = ()) -> PolicyIR:
    """Compile a policy's syntax tree to IR, whoever read it.

    Args:
        module: the tree.
        source: the text that it was read from.
        path: as for `compile_source`.
        broken: what was wrong when it was read.

    Returns:
        The policy, type-checked but not verified.

    Raises:
        PolicyRejected: something in it is wrong; carries everything found, in source order.
    """
    findings = Findings()
    for diagnostic in broken:
        findings.add(diagnostic)
    lines = clean_text(source, path).split("\n")
    check_restrictions(module, findings, lines)
    if broken:
        raise PolicyRejected(path, findings.in_source_order())
    top = _declare(module, findings)
    top.declared.broken |= nested_names(module)
    shared = Shared(top.declared, findings, lines)
    hooks = {}
    for name, declaration in top.declared.hooks.items():
        if name not in top.declared.broken:
            hooks[name] = lower_hook(declaration, shared)
    for name, function in top.declared.functions.items():
        if name not in top.declared.broken and name not in shared.lowered_functions:
            check_function(function, shared)
    if findings:
        raise PolicyRejected(path, findings.in_source_order())
    declared = top.declared
    assert not declared.broken, "a declaration is left out, and nobody said why"
    assert not declared.broken_scopes, "state is left out, and nobody said why"
    return PolicyIR(
        name=Path(path).stem,
        path=path,
        source=source,
        doc=declared.doc,
        state=tuple(declared.state),
        state_bytes=declared.state_bytes,
        lists=tuple(declared.lists.values()),
        maps=tuple(declared.maps.values()),
        tunables=tuple(declared.tunables.values()),
        fail_messages=tuple(shared.fail_messages),
        hooks={name: hook for name, hook in hooks.items() if hook is not None},
        unused=tuple(unused_things(module, declared)),
    )


def declarations_of(module: Module) -> Declared:
    """Return what a policy declares, as far as it can be read: for editors, whose texts are half-written.

    Args:
        module: the tree of what could be parsed; what is wrong with it is not reported.
    """
    return _declare(module, Findings()).declared


def _declare(module: Module, findings: Findings) -> TopLevel:
    top = TopLevel(module, findings)
    StateLayout(top)
    read_signatures(top)
    return top
