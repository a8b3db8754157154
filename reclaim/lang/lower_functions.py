"""Lowering of whole functions: hooks, and the author's functions inlined at each call.

`LowerHook` ties the `lower_*` modules together. A call of the author's own function opens a new
frame with the arguments as variables; its `return` jumps to a block behind the call that has the
result as parameter. A function that no hook calls is lowered once into nothing, so that mistakes in
it are found as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import Param
from reclaim.abi.limits import MAX_IR_OPS
from reclaim.diag.diagnostic import Edit, Help, Label
from reclaim.lang import nodes
from reclaim.lang.answer_help import PLAIN_ANSWERS
from reclaim.lang.call_arguments import match_parameters
from reclaim.lang.coercion import fitted
from reclaim.lang.findings import Stop
from reclaim.lang.first_values import end_with
from reclaim.lang.ir import UNIT, Block, HookIR, Return, Type, Value
from reclaim.lang.loop_scan import names_assigned
from reclaim.lang.lower_access import lower_access
from reclaim.lang.lower_arithmetic import lower_binary, lower_number, lower_unary
from reclaim.lang.lower_assignments import lower_annotated, lower_assign, lower_augmented
from reclaim.lang.lower_calls import lower_call
from reclaim.lang.lower_conditions import lower_condition, lower_conditional, lower_truth
from reclaim.lang.lower_loops import lower_break, lower_continue, lower_for
from reclaim.lang.lower_statements import (
    answer,
    lower_assert,
    lower_expression_statement,
    lower_if,
    lower_return,
)
from reclaim.lang.lowering import Absent, Frame, Lowering, Operand, Poisoned, Shared, Widen
from reclaim.lang.policy_names import constant_names
from reclaim.lang.ssa import HookBuilder
from reclaim.lang.type_rules import describe, is_nullable, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from reclaim.abi.kinds import Hook
    from reclaim.lang.declared import FunctionDecl, HookDecl
    from reclaim.lang.nodes import Expression

MAX_CALL_DEPTH = 16
"""Deepest nesting of functions that call functions; more is a program, not a policy."""

_MOST_WORK = 2 * MAX_IR_OPS
"""Instructions, or statements and calls, lowered in vain: a variable whose type turns out wider costs one more walk
over the hook. Ours: a few seconds at the most."""

_LEAST_WORK = _MOST_WORK // 200
"""What a walk counts at least: no hook needs more than 200."""


class LowerHook(Lowering):
    """Lower one hook."""

    def expression(self, node: Expression) -> Operand:
        """Lower an expression that has a value."""
        match node:
            case nodes.Name() | nodes.Attribute() | nodes.Subscript():
                return lower_access(self, node)
            case nodes.Number():
                return lower_number(self, node)
            case nodes.Binary():
                return lower_binary(self, node)
            case nodes.Comparison() | nodes.Logic():
                return lower_truth(self, node)
            case nodes.Call():
                return self._value_of_call(node)
            case nodes.Unary():
                return lower_unary(self, node)
            case nodes.Conditional():
                return lower_conditional(self, node)
            case nodes.Truth(value=value):
                return self.builder.const(int(value), type_of("bool"), node.span)
            case nodes.Nothing():
                return Absent(node.span)
            case nodes.String():
                word = node.value.upper()
                self.findings.stop(
                    "string-value",
                    "this language has no strings as values",
                    node.span,
                    label="a string",
                    help=(Help(f"write `{word}`", Edit(node.span, word)),)
                    if word in constant_names()
                    else (),
                )
            case nodes.Foreign():
                raise Stop

    def _value_of_call(self, node: nodes.Call) -> Operand:
        operand = self.effect(node)
        if operand is None:
            message = f"`{self.quote(node.function.span)}(...)` answers nothing"
            self.findings.stop("type-mismatch", message, node.span, label="has no value")
        return operand

    def effect(self, node: nodes.Call) -> Operand | None:
        """Lower a call whose value may be missing."""
        if isinstance(node.function, nodes.Name):
            function = self.declared.functions.get(node.function.id)
            if function is not None and node.function.id in self.declared.broken:
                raise Stop
            if function is not None and node.function.id not in self.frame.variables:
                return self._inline(function, node)
        return lower_call(self, node)

    def condition(self, node: Expression, then: Block, other: Block) -> None:
        """Lower a condition as control flow."""
        lower_condition(self, node, then, other)

    # ---- statements

    def statements(self, suite: nodes.Suite) -> None:
        """Lower a suite; a wrong statement is abandoned, and what it assigns is poisoned."""
        reached = True
        for statement in suite:
            if not self.builder.live:
                reached = False
                self.builder.go_to(self.builder.block())
            try:
                self._statement(statement)
            except Stop:
                self.give_up()
                self._poison(statement)
                if isinstance(statement, nodes.Return):
                    self.builder.leave()
        if not reached:
            self.builder.leave()

    def _poison(self, statement: nodes.Statement) -> None:
        for name in names_assigned((statement,)):
            if name not in self.frame.loop_variables:
                self.frame.variables[name] = Poisoned()
                self.frame.poisoned.add(name)

    def _statement(self, node: nodes.Statement) -> None:
        self._grow()
        match node:
            case nodes.Assign():
                lower_assign(self, node)
            case nodes.AugmentedAssign():
                lower_augmented(self, node)
            case nodes.AnnotatedAssign():
                lower_annotated(self, node)
            case nodes.If():
                lower_if(self, node)
            case nodes.For():
                lower_for(self, node)
            case nodes.Return():
                lower_return(self, node)
            case nodes.ExpressionStatement(value=nodes.Foreign() as form):
                self.frame.is_whole = False
                self._poison(form)
            case nodes.ExpressionStatement():
                lower_expression_statement(self, node)
            case nodes.Assert():
                lower_assert(self, node)
            case nodes.Break():
                lower_break(self, node)
            case nodes.Continue():
                lower_continue(self, node)
            case nodes.Foreign():
                self.frame.is_whole = False
                self._poison(node)
            case nodes.Pass() | nodes.Function() | nodes.Class():
                pass

    def _grow(self) -> None:
        """Count a statement or a call: functions may multiply that make no instruction at all."""
        self.nr_lowered += 1
        if self.builder.nr_ops > MAX_IR_OPS:
            self._too_large("instructions")
        if self.nr_lowered > MAX_IR_OPS:
            self._too_large("statements and calls")

    def _too_large(self, what: str) -> NoReturn:
        message = f"`{self.root}` has more than {MAX_IR_OPS} {what} with its functions inlined"
        note = "each call of a function of the policy is replaced by its body"
        self.findings.note(
            "hook-too-large", message, self.builder.span, label="grows too large", notes=(note,)
        )
        raise Exhausted

    # ---- functions of the author

    def _inline(self, function: FunctionDecl, node: nodes.Call) -> Operand | None:
        name = function.node.name
        self._grow()
        if len(self.call_path) >= MAX_CALL_DEPTH:
            message = f"functions call each other more than {MAX_CALL_DEPTH} deep"
            self.findings.stop("nested-too-deeply", message, node.span, label="too deep")
        params = [Param(p.name, describe(p.type), "") for p in function.parameters]
        given = match_parameters(node, name, params, self.findings)
        operands = self.arguments(node)
        variables: dict[str, Value] = {}
        for parameter in function.parameters:
            argument = given[parameter.name]
            assert argument is not None
            what = f"`{parameter.name}` of `{name}`"
            operand = operands[id(argument)]
            variables[parameter.name] = fitted(
                self, operand, parameter.type, parameter.kind, argument.span, what
            )
        return self._run(function, variables, node)

    def _run(self, function: FunctionDecl, variables: dict[str, Value], node: nodes.Call) -> Operand | None:
        """Lower the body of a function in place of its call."""
        builder, name = self.builder, function.node.name
        self.shared.lowered_functions.add(name)
        after = _behind(builder, function)
        result = after.params[0] if after.params else None
        outer, hook = self.frame, self.findings.hook
        around, in_assert = builder.inlined_at, self.in_assert
        self.frame = _frame(name, function, after, variables)
        self.findings.hook = None
        builder.inlined_at = (node.span, *around)
        self.call_path.append(name)
        try:
            self.body(function.node)
        finally:
            self.call_path.pop()
            self.frame, self.findings.hook = outer, hook
            builder.inlined_at, self.in_assert = around, in_assert
        builder.go_to(after)
        return result

    def body(self, function: nodes.Function) -> None:
        """Lower the body of a function and what happens at its end."""
        self.statements(function.body)
        if self.builder.live:
            self._fall_off(function)
        widened = {name for owner, name in self.widened if owner == self.frame.name}
        for name, span in self.frame.always_none:
            if name not in widened | self.frame.poisoned and name not in self.frame.types:
                message = f"`{name}` is None and never anything else"
                self.findings.note("always-none", message, span, label="only ever None")

    def _fall_off(self, function: nodes.Function) -> None:
        frame = self.frame
        if frame.result == UNIT or is_nullable(frame.result):
            value = None if frame.result == UNIT else answer(self, None, function.name_span)
            if frame.exit is None:
                self.builder.end(Return(value, function.span))
            else:
                self.builder.jump(frame.exit, function.span, () if value is None else (value,))
            return
        if not frame.is_whole:
            return
        wanted = frame.result_kind.name if frame.result_kind is not None else describe(frame.result)
        message = f"`{function.name}` must answer `{wanted}` on every path, but its end can be reached"
        note = "every path must end in `return` or `fail(...)`"
        plainest = PLAIN_ANSWERS.get(wanted)
        lines = self.shared.lines
        self.findings.note(
            "missing-answer",
            message,
            function.name_span,
            label=f"must answer `{wanted}`",
            labels=_open_end(function),
            notes=(note,),
            help=() if plainest is None else (end_with(plainest, function.name_span.start.line, lines),),
        )
        self.builder.leave()


def _open_end(function: nodes.Function) -> tuple[Label, ...]:
    """Return a label on the conditions at the end of a function of which none may hold."""
    last = function.body[-1] if function.body else None
    if not isinstance(last, nodes.If) or last.otherwise:
        return ()
    return tuple(
        Label(condition.span, "nothing is answered where this is false")
        for condition, _ in last.branches[-1:]
    )


class Exhausted(Exception):
    """Give the whole hook up: it has grown too large, and that is recorded."""


def _frame(name: str, function: FunctionDecl, after: Block | None, variables: dict[str, Value]) -> Frame:
    frame = Frame(name, function.result, function.result_kind, after)
    frame.variables.update(variables)
    for parameter in function.parameters:
        frame.types[parameter.name] = parameter.type
        frame.fixed.add(parameter.name)
    return frame


def _behind(builder: HookBuilder, function: FunctionDecl) -> Block:
    """Make the block behind a call, with the result as parameter."""
    if function.result == UNIT:
        return builder.block()
    return builder.block((builder.value(function.result, None, function.node.name_span),))


def lower_hook(declaration: HookDecl, shared: Shared) -> HookIR | None:
    """Lower one hook.

    Args:
        declaration: the hook and the author's function.
        shared: declarations and findings of the policy.

    Returns:
        The finished graph, None if something is wrong; that is recorded.
    """
    hook, node = declaration.hook, declaration.node

    def prepare(builder: HookBuilder) -> Frame:
        frame = Frame(hook.name, type_of(hook.result), None, None)
        for value in builder.params:
            assert value.name is not None
            if value.name in declaration.parameters:
                frame.variables[value.name] = value
                frame.types[value.name] = value.type
                frame.fixed.add(value.name)
        return frame

    shared.findings.hook = hook.name
    try:
        return _attempts(hook, node, shared, prepare)
    finally:
        shared.findings.hook = None


def check_function(function: FunctionDecl, shared: Shared) -> None:
    """Look for mistakes in a function that no hook calls."""
    hook = HOOKS["age"]

    def prepare(builder: HookBuilder) -> Frame:
        variables = {p.name: builder.value(p.type, p.name, p.span) for p in function.parameters}
        return _frame(function.node.name, function, _behind(builder, function), variables)

    shared.lowered_functions.add(function.node.name)
    _attempts(hook, function.node, shared, prepare)


def _attempts(
    hook: Hook, node: nodes.Function, shared: Shared, prepare: Callable[[HookBuilder], Frame]
) -> HookIR | None:
    widened: dict[tuple[str, str], Type] = {}
    work_left = _MOST_WORK
    while work_left > 0:
        snapshot = shared.findings.snapshot()
        builder = HookBuilder(hook, node.span)
        low = LowerHook(shared, builder, prepare(builder), widened)
        try:
            low.body(node)
        except Widen:
            shared.findings.restore(snapshot)
            work_left -= max(low.nr_lowered, builder.nr_ops, _LEAST_WORK)
            continue
        except Exhausted:
            return None
        return builder.finish() if shared.findings.count() == len(snapshot) else None
    message = f"`{node.name}` has too many variables that may be None"
    shared.findings.note("hook-too-large", message, node.name_span, label="too many")
    return None
