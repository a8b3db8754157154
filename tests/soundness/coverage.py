"""What programs are made of: so that a count of programs says what it counts.

Names have the form "kind: name"; each is counted once for a program that has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.lang import nodes
from reclaim.lang.ir import Binary, Call, Compare, Construct, LoadField, PolicyIR, StoreField
from reclaim.lang.tree_walk import children


def parts_of_policy(policy: PolicyIR) -> set[str]:
    """Return the hooks, instructions, helpers, answers, fields and kinds of declarations of a policy."""
    found = {f"hook: {name}" for name in policy.hooks}
    found |= {f"map: {decl.kind.name}" for decl in policy.maps}
    found |= {f"state: {leaf.scope.value} {leaf.kind.name}" for leaf in policy.state}
    for hook in policy.hooks.values():
        found |= {f"loop: {loop.kind.name.lower()}" for loop in hook.loops}
        depth = max(sum(block.id in loop.body for loop in hook.loops) for block in hook.blocks)
        found.add(f"depth of loops: {depth}")
        for block in hook.blocks:
            found.add(f"instruction: {type(block.terminator).__name__}")
            for op in block.ops:
                found.add(_instruction(op))
                if isinstance(op, (LoadField, StoreField)):
                    found.add(
                        f"field: {type(op).__name__[:-5].lower()} {str(op.handle.type).split()[0]}.{op.field}"
                    )
    return found


def _instruction(op: object) -> str:
    match op:
        case Binary() | Compare():
            return f"instruction: {type(op).__name__} {op.op.name.lower()}{' signed' if op.signed else ''}"
        case Call():
            receiver = f"{op.helper.method_of}." if op.helper.method_of else ""
            return f"helper: {receiver}{op.helper.name}"
        case Construct():
            return f"answer: {op.constructor.name}"
        case _:
            return f"instruction: {type(op).__name__}"


def parts_of_tree(module: nodes.Module) -> set[str]:
    """Return the constructs of the language that a tree has."""
    found = set()
    stack = list[nodes.Node](module.statements)
    while stack:
        node = stack.pop()
        found |= {f"construct: {name}" for name in _constructs(node)}
        stack.extend(children(node))
    return found


def _constructs(node: nodes.Node) -> Iterator[str]:
    name = type(node).__name__
    match node:
        case nodes.Unary(op=op) | nodes.Binary(op=op) | nodes.Logic(op=op):
            yield f"{name} {op}"
        case nodes.AugmentedAssign(op=op):
            yield f"{name} {op}="
        case nodes.Comparison(rest=rest):
            yield from (f"{name} {op}" for op, _ in rest)
            if len(rest) > 1:
                yield f"{name} chained"
        case nodes.If(branches=branches, otherwise=otherwise):
            yield "If"
            if len(branches) > 1:
                yield "If elif"
            if otherwise:
                yield "If else"
        case nodes.Call(function=nodes.Name(id=called)):
            yield f"{name} {called}()"
        case _:
            yield name
