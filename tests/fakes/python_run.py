"""A policy's text run by Python itself: what looks like Python means what it means in Python.

The other executions all begin with what the front end makes of a policy. Here CPython runs the author's own
functions: it decides in which order things are computed, what a chain of comparisons means, where a loop goes on
and which arguments a call passes. Only the words that Python does not have are made here: numbers of 64 bits
(`Number`), kernel objects, lists, maps, answers. Helpers are played back from the interpreter's tape.

A number's sign is that of its first assignment as it happens, where the language goes by the text; no program
that keeps its obligations can tell, unless it overflows.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any, NoReturn

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Helper
from reclaim.abi.layout import CONTEXT_OFFSETS, slots
from reclaim.abi.limits import FIRST_STANDARD_LIST, STANDARD_LISTS
from reclaim.lang import arithmetic
from reclaim.lang.interp import ANSWER_LIST_SHIFT
from reclaim.lang.ir import PolicyIR, Scope
from reclaim.lang.policy_names import NUMBERS
from tests.fakes.fake_machine import FakeMachine, TapeEntry
from tests.fakes.python_numbers import (
    FUNCTIONS,
    Kind,
    Member,
    Number,
    as_signed,
    made,
    range_of,
    saturate,
    settled,
    truncate,
)
from tests.fakes.python_objects import Answer, FolioList, Handle, ListArray, Map, Members, State


class Failed(Exception):
    """Signal that `fail()` was reached."""


class Types:
    """The variables of one call: each keeps the type of its first assignment, or the one that is written down."""

    def __init__(self, written: dict[str, bool]) -> None:
        self._signed = dict(written)

    def set(self, name: str, value: Any) -> Any:
        """Return what a variable holds after an assignment."""
        value = settled(value)
        if isinstance(value, Number):
            assert value.signed is not None
            return as_signed(value, self._signed.setdefault(name, value.signed))
        return value

    def declare(self, name: str, signed: bool | None, value: Any) -> Any:
        """The same, where the type was written down."""
        if signed is not None and isinstance(value, Number):
            self._signed[name] = signed
            return as_signed(value, signed)
        return self.set(name, value)


_SIGNS = {name: kind.signed for name, kind in INT_KINDS.items()}


def _sign_of(annotation: ast.expr | None) -> bool | None:
    if isinstance(annotation, ast.BinOp):
        annotation = annotation.left
    return _SIGNS.get(annotation.id) if isinstance(annotation, ast.Name) else None


class _Rewriter(ast.NodeTransformer):
    """Name what Python would make of numbers and variables otherwise."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            return _call("literal_", node)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        return _call("settled_", node)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        if isinstance(node.targets[0], ast.Name):
            node.value = _call("types_.set", ast.Constant(node.targets[0].id), node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        assert isinstance(node.target, ast.Name)
        assert node.value is not None
        value, name = self.visit(node.value), ast.Constant(node.target.id)
        value = _call("types_.declare", name, ast.Constant(_sign_of(node.annotation)), value)
        return ast.Assign([node.target], value)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        value: ast.expr = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return ast.Assign([node.target], _call("types_.set", ast.Constant(node.target.id), value))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        written = [
            n for n in ast.walk(node) if isinstance(n, ast.AnnAssign) and _sign_of(n.annotation) is not None
        ]
        names: list[ast.expr | None] = [
            ast.Constant(n.target.id) for n in written if isinstance(n.target, ast.Name)
        ]
        signs = ast.Dict(names, [ast.Constant(_sign_of(n.annotation)) for n in written])
        node.body = [self.visit(statement) for statement in node.body]
        begin: list[ast.stmt] = [ast.Assign([ast.Name("types_", ast.Store())], _call("new_types_", signs))]
        for argument in node.args.args:
            name = ast.Name(argument.arg, ast.Load())
            value = _call(
                "types_.declare",
                ast.Constant(argument.arg),
                ast.Constant(_sign_of(argument.annotation)),
                name,
            )
            begin.append(ast.Assign([ast.Name(argument.arg, ast.Store())], value))
            argument.annotation = None
        result = _sign_of(node.returns)
        node.returns, node.body = None, [*begin, *node.body]
        node.decorator_list = [_call("answers_", ast.Constant(result))]
        return node


def _call(name: str, *args: ast.expr) -> ast.expr:
    base, _, attribute = name.partition(".")
    function: ast.expr = ast.Name(base, ast.Load())
    if attribute:
        function = ast.Attribute(function, attribute, ast.Load())
    return ast.Call(function, list(args), [])


def _answers(signed: bool | None) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            answer = settled(function(*args, **named))
            return answer if signed is None else as_signed(answer, signed)

        return call

    return decorate


def _fail(message: str) -> NoReturn:
    raise Failed(message)


@dataclass(frozen=True)
class _Text:
    """A policy's text, ready to run.

    Args:
        functions: code that defines all functions.
        assigned: code of each assignment at the top level.
        parameters: names of each function's.
        global_name: the name of its global state, "" where there is none.
    """

    functions: CodeType
    assigned: dict[str, CodeType]
    parameters: dict[str, tuple[str, ...]]
    global_name: str


def _compiled(*body: ast.stmt) -> CodeType:
    return compile(ast.fix_missing_locations(ast.Module(list(body), [])), "policy", "exec")


@cache
def _read(source: str) -> _Text:
    assigned, functions, parameters, global_name = {}, [], {}, ""
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef():
                parameters[node.name] = tuple(argument.arg for argument in node.args.args)
                functions.append(_Rewriter().visit(node))
            case ast.Assign(targets=[ast.Name(id=name)]):
                node.value = _Rewriter().visit(node.value)
                assigned[name] = _compiled(node)
            case ast.ClassDef(bases=[ast.Name(id="GlobalState")]):
                global_name = node.name
    return _Text(_compiled(*functions), assigned, parameters, global_name)


class PythonRun:
    """Run one hook of a policy on a copy of a machine's bytes, helpers answering from a tape."""

    def __init__(self, policy: PolicyIR, machine: FakeMachine, tape: list[TapeEntry]) -> None:
        self.policy = policy
        self.machine = machine
        self.memory = bytearray(machine.contents)
        self._tape = iter(tape)
        self._arguments: list[dict[str, int]] = []
        self._text = _read(policy.source)
        self._scope = self._words() | self._declared()
        constants = {name: code for name, code in self._text.assigned.items() if name not in self._scope}
        self._run_constants(list(constants.values()))
        exec(self._text.functions, self._scope)

    def _run_constants(self, left: list[CodeType]) -> None:
        """Compute constants, which may stand in any order; all of them stay literals."""
        for name in ("isqrt", "ilog2"):
            of_literal = getattr(arithmetic, name)
            self._scope[name] = lambda x, of_literal=of_literal: Number(of_literal(x.value), None)
        while left:
            later = []
            for code in left:
                try:
                    exec(code, self._scope)
                except NameError:
                    later.append(code)
            assert len(later) < len(left)
            left = later
        self._scope |= FUNCTIONS

    def run(self, hook_name: str, args: tuple[int, ...]) -> int | None:
        """Return the hook's answer as the core reads it."""
        answer = self._hook(hook_name, args)
        assert next(self._tape, None) is None, "fewer helpers were called"
        return answer

    def _hook(self, hook_name: str, args: tuple[int, ...]) -> int | None:
        hook = HOOKS[hook_name]
        given = dict(zip((p.name for p in hook.params), args, strict=True))
        self._arguments.append(given)
        values = {p.name: self.value(p.type, given[p.name]) for p in hook.params}
        try:
            answer = self._scope[hook_name](
                **{name: values[name] for name in self._text.parameters[hook_name]}
            )
        except Failed as failed:
            number = self.policy.fail_messages.index(str(failed))
            self.store(self.machine.context + CONTEXT_OFFSETS["failed"], 8, number + 1)
            answer = None
        self._arguments.pop()
        return None if hook.result == "None" else self.word(answer)

    @property
    def lruvec(self) -> int:
        """Return the lruvec of the hook that runs now."""
        return self._arguments[-1]["lruvec"]

    # ---- memory

    def load(self, address: int, nr_bytes: int, signed: bool = False) -> int:
        """Read from the copy."""
        place = address - self.machine.base
        return int.from_bytes(self.memory[place : place + nr_bytes], sys.byteorder, signed=signed)

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        """Write to the copy."""
        place = address - self.machine.base
        low = value & ((1 << 8 * nr_bytes) - 1)
        self.memory[place : place + nr_bytes] = low.to_bytes(nr_bytes, sys.byteorder)

    def member(self, type_name: str, address: int, name: str) -> int:
        """Read a field of a kernel object."""
        slot = slots(type_name)[name]
        word = self.load(address + slot.offset, slot.nr_bytes, slot.signed)
        return word if slot.bit is None else word >> slot.bit & 1

    # ---- values in and out

    def value(self, type_name: str, word: int | None) -> Any:
        """Return what a word of the core is to the author."""
        plain = type_name.removesuffix(" | None")
        if word is None or (word == 0 and plain != type_name and plain not in INT_KINDS):
            return None
        if plain in KERNEL_TYPES:
            return Handle(self, plain, word)
        if plain == "List":
            return FolioList(self, word)
        if plain == "bool":
            return bool(word)
        if plain in ENUMS:
            return Member(word)
        return made(word, INT_KINDS[plain].signed)

    def word(self, value: Any) -> int:
        """Return what the core gets for a value."""
        match value:
            case None:
                return 0
            case bool():
                return int(value)
            case Number(value=number) | Member(value=number):
                return arithmetic.unsigned(number)
            case Answer(word=word):
                return word
            case Handle():
                return int(value.address_)
            case FolioList():
                return value.number_
            case Map():
                return value.handle_
        raise TypeError(value)

    # ---- helpers

    def helper(self, helper: Helper, receiver: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a helper by its declaration."""
        given = dict(zip((p.name for p in helper.params if not p.keyword), args, strict=False)) | named
        words = [] if receiver is None else [self.word(receiver)]
        words += [self._arguments[-1][name] for name in helper.implicit]
        words += [self.word(given[p.name]) if p.name in given else p.default or 0 for p in helper.params]
        answer = self.play(helper.c_name, tuple(words))
        return None if helper.result == "None" else self.value(helper.result, answer)

    def play(self, c_name: str, args: tuple[int, ...]) -> int | None:
        """Answer a call from the tape."""
        entry = next(self._tape)
        assert (c_name, args) == (entry.c_name, entry.args)
        for write in entry.writes:
            self.store(*write)
        for hook_name, nested_args in entry.nested:
            self._hook(hook_name, nested_args)
        return entry.answer

    # ---- names

    def _words(self) -> dict[str, Any]:
        """Return the words of the language and of the contract."""
        names: dict[str, Any] = {name: Number(value, None) for name, value in NUMBERS.items()}
        names |= {name: Members(name) for name in ENUMS}
        names |= {
            "literal_": lambda value: Number(value, None),
            "settled_": settled,
            "new_types_": Types,
            "answers_": _answers,
            "fail": _fail,
            "range": range_of,
            **FUNCTIONS,
            **{name: Kind(kind) for name, kind in INT_KINDS.items()},
            "truncate": truncate,
            "saturate": saturate,
        }
        for entry in HELPERS:
            if entry.method_of is None and entry.name not in names:
                names[entry.name] = self._function(entry)
        for constructor in CONSTRUCTORS:
            if constructor.method_of is None:
                build = self.constructor(constructor.name)
                names[constructor.name] = build if constructor.params else build()
        for number, name in enumerate(STANDARD_LISTS, FIRST_STANDARD_LIST):
            names[name] = FolioList(self, number)
        names["lru"] = [
            [FolioList(self, FIRST_STANDARD_LIST + 2 * t + a) for a in range(2)] for t in range(2)
        ]
        return names

    def _declared(self) -> dict[str, Any]:
        """Return what the policy declares, constants and functions left out."""
        policy, names = self.policy, dict[str, Any]()
        for decl in policy.lists:
            names[decl.name] = ListArray(self, decl, ()) if decl.dims else FolioList(self, decl.first_number)
        for tunable in policy.tunables:
            place = self.load(self.machine.context + CONTEXT_OFFSETS["tunables"], 8)
            word = self.load(place + 8 * policy.tunables.index(tunable), 8)
            names[tunable.name] = bool(word) if tunable.is_bool else made(word, tunable.kind.signed)
        for declared in policy.maps:
            names[declared.name] = (
                [Map(self, declared, i) for i in range(declared.count)]
                if declared.is_array
                else Map(self, declared, 0)
            )
        if self._text.global_name:
            names[self._text.global_name] = State(self, Scope.GLOBAL, 0, "", ())
        return names

    def _function(self, entry: Helper) -> Callable[..., Any]:
        return lambda *args, **named: self.helper(entry, None, args, named)

    def constructor(self, name: str, list_number: int | None = None) -> Callable[..., Answer]:
        """Return what builds an answer."""
        of = "List" if list_number is not None else None
        entry = next(c for c in CONSTRUCTORS if c.name == name and c.method_of == of)

        def build(*args: Any, **named: Any) -> Answer:
            given = dict(zip((p.name for p in entry.params), args, strict=False)) | named
            word = entry.kind | (list_number or 0) << ANSWER_LIST_SHIFT
            for param, shift in zip(entry.params, entry.shifts, strict=True):
                word |= (self.word(given[param.name]) if param.name in given else param.default or 0) << shift
            return Answer(word)

        return build
