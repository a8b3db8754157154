"""Native code reads every field, calls every helper and builds every answer as the interpreter does."""

from __future__ import annotations

import dataclasses
import random

import pytest

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Constructor, Field, Helper, Param
from reclaim.abi.limits import FIRST_POLICY_LIST
from reclaim.abi.maps import MAP_KINDS
from reclaim.jit import native
from reclaim.jit.llvm_module import write_module
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import (
    BOOL,
    S64,
    U64,
    AnswerType,
    BinaryOp,
    BoolType,
    Call,
    CompareOp,
    Construct,
    Convert,
    EnumType,
    HandleType,
    IntType,
    IsNone,
    ListDecl,
    ListRef,
    ListSize,
    LoadField,
    MapDecl,
    MapRef,
    OptionalType,
    PolicyIR,
    ScanFirst,
    ScanNext,
    Scope,
    StoreField,
    Type,
    Unwrap,
    Value,
    Wrap,
)
from tests.fakes.fake_machine import FakeMachine, TapeReplay, run_both
from tests.fakes.ir_builder import HERE, HookBuilder, param_type

_REPLAY = TapeReplay()
_HOOK_WITH = {"ScanControl": "batch_done", "BatchResult": "batch_done", "Shadow": "folio_admit"}
_LISTS = ListDecl("gens", FIRST_POLICY_LIST, (4, 2), HERE)
_FIELDS = [(name, field) for name, kind in KERNEL_TYPES.items() for field in kind.fields]
_NR_RUNS = 30


def _type_of(name: str) -> Type:
    """Return the type of a value by its name in the tables."""
    if name in INT_KINDS:
        return IntType(INT_KINDS[name].signed)
    if name == "bool":
        return BOOL
    if name.endswith(" | None") and name.removesuffix(" | None") in INT_KINDS:
        return OptionalType()
    if name in ENUMS:
        return EnumType(name)
    plain = name.removesuffix(" | None")
    return param_type(name) if plain in KERNEL_TYPES else HandleType(plain, nullable=plain != name)


def _object(builder: HookBuilder, type_name: str) -> Value:
    """Return a handle to an object of that type."""
    for param in builder.params:
        if isinstance(param.type, HandleType) and param.type.name == type_name:
            if not param.type.nullable:
                return param
            return builder.add(Unwrap(span=HERE, result=builder.value(HandleType(type_name)), operand=param))
    name = {"Memcg": "memcg", "Node": "node"}[type_name]
    result = builder.value(HandleType(type_name))
    return builder.add(LoadField(span=HERE, result=result, handle=builder.params[0], field=name))


def _number(builder: HookBuilder, value: Value) -> Value:
    """Return a number that tells values of a type apart, as far as a policy can."""
    if isinstance(value.type, (BoolType, EnumType)):
        return builder.add(Convert(span=HERE, result=builder.value(U64), operand=value, implicit=False))
    if isinstance(value.type, HandleType) and not value.type.nullable and value.type.name in KERNEL_TYPES:
        first = KERNEL_TYPES[value.type.name].fields[0]
        return builder.add(LoadField(span=HERE, result=builder.value(U64), handle=value, field=first.name))
    if isinstance(value.type, HandleType | OptionalType) and value.type != HandleType("List"):
        is_none = builder.add(IsNone(span=HERE, result=builder.value(BOOL), operand=value))
        return _number(builder, is_none)
    return value


def _random_u64(builder: HookBuilder) -> Value:
    leaf = next((leaf for leaf in builder.state if leaf.name == "input"), None)
    return builder.load(leaf or builder.leaf("input", INT_KINDS["u64"]))


def _list(builder: HookBuilder) -> Value:
    """Make a handle to one of the lists, at indices that the compiler cannot know."""
    lengths = [builder.const(length) for length in _LISTS.dims]
    indices = tuple(builder.binary(BinaryOp.MOD, _random_u64(builder), length) for length in lengths)
    return builder.add(
        ListRef(span=HERE, result=builder.value(HandleType("List")), decl=_LISTS, indices=indices)
    )


def _argument(builder: HookBuilder, param: Param) -> Value:
    """Make an argument inside the parameter's range, at run time where it is a number."""
    if param.type == "List":
        return _list(builder)
    if param.type == "Place":
        head = next(c for c in CONSTRUCTORS if c.name == "head")
        result = builder.value(AnswerType(frozenset({"Place"})))
        return builder.add(
            Construct(span=HERE, result=result, constructor=head, list=_list(builder), args=())
        )
    if param.type == "bool":
        return builder.compare(CompareOp.GT, _random_u64(builder), builder.const(9))
    if param.type == "bloom_filter | None":
        return builder.const(0, HandleType("bloom_filter", nullable=True))
    low = builder.const(param.min or 0)
    raised = builder.binary(BinaryOp.MAX, _random_u64(builder), low)
    return builder.binary(BinaryOp.MIN, raised, builder.const(2**64 - 1 if param.max is None else param.max))


def _finish(builder: HookBuilder, value: Value | None = None) -> PolicyIR:
    """Store a value where the comparison sees it and end the hook."""
    if value is not None:
        number = _number(builder, value)
        is_signed = isinstance(number.type, IntType) and number.type.signed
        builder.store(builder.leaf("output", INT_KINDS["s64" if is_signed else "u64"]), number)
    builder.give(None if builder.hook_name != "folio_evicted" else builder.const(1))
    return dataclasses.replace(builder.policy(), lists=(_LISTS,))


def _agree(policy: PolicyIR) -> None:
    """Compile the policy's hook and compare it with the interpreter on random machines."""
    module = write_module(policy)
    (hook_name,) = policy.hooks
    imports = {name: _REPLAY.symbols[name] for name in module.helpers}
    library = native.link(native.emit_object(module.text), [hook_symbol(hook_name)], imports)
    hooks = {hook_name: library.addresses[hook_symbol(hook_name)]}
    for seed in range(_NR_RUNS):
        machine = FakeMachine(policy, random.Random(seed))
        machine.may_be_none = False
        expected, actual = run_both(machine, _REPLAY, hooks, hook_name)
        assert actual == expected


@pytest.mark.parametrize(("type_name", "field"), _FIELDS, ids=lambda part: getattr(part, "name", part))
def test_field_of_every_kernel_type_agrees(type_name: str, field: Field) -> None:
    """Loads find the field and widen it; a store to a writable one leaves its neighbours alone."""
    builder = HookBuilder(_HOOK_WITH.get(type_name, "folio_evicted"))
    handle = _object(builder, type_name)
    loaded = builder.add(
        LoadField(span=HERE, result=builder.value(_type_of(field.type)), handle=handle, field=field.name)
    )
    if field.writable:
        value = _argument(builder, Param("value", field.type, "", field.min, field.max))
        builder.block.ops.append(StoreField(span=HERE, handle=handle, field=field.name, value=value))
    _agree(_finish(builder, loaded))


@pytest.mark.parametrize("entry", HELPERS, ids=lambda entry: entry.c_name)
def test_call_of_every_helper_agrees(entry: Helper) -> None:
    """Receiver, implicit and written arguments arrive in their places, and the answer comes back."""
    builder = HookBuilder()
    args, declared = [], None
    if entry.method_of in MAP_KINDS:
        declared = MapDecl("map", MAP_KINDS[entry.method_of], 3, Scope.LRUVEC, None, None, 64, 4, True, HERE)
        index = builder.binary(BinaryOp.AND, _random_u64(builder), builder.const(3))
        result = builder.value(HandleType(entry.method_of))
        args.append(
            builder.add(
                MapRef(span=HERE, result=result, decl=declared, index=index, handle=builder.params[0])
            )
        )
    elif entry.method_of is not None:
        args.append(_list(builder) if entry.method_of == "List" else _object(builder, entry.method_of))
    args += [_object(builder, "Lruvec") for _ in entry.implicit]
    bounds = {"index": 63} if entry.method_of == "array_map" else {}
    args += [
        _argument(builder, dataclasses.replace(param, max=bounds.get(param.name, param.max)))
        for param in entry.params
    ]
    answered = None if entry.result == "None" else builder.value(_type_of(entry.result))
    builder.block.ops.append(
        Call(span=HERE, result=answered, helper=entry, args=tuple(args), map_decl=declared)
    )
    _agree(_finish(builder, answered))


@pytest.mark.parametrize("constructor", CONSTRUCTORS, ids=lambda constructor: constructor.name)
def test_every_answer_is_encoded_alike(constructor: Constructor) -> None:
    """Kind, list and arguments stand at the bits that the contract says."""
    hook_name = {"Place": "folio_added", "Batch": "next_batch", "Isolation": "isolate_folio"}
    builder = HookBuilder(hook_name.get(constructor.answers[0], "reclaim_folio"))
    list_ = _list(builder) if constructor.method_of else None
    args = tuple(_argument(builder, param) for param in constructor.params)
    result = builder.value(AnswerType(frozenset(constructor.answers)))
    builder.give(
        builder.add(Construct(span=HERE, result=result, constructor=constructor, list=list_, args=args))
    )
    _agree(dataclasses.replace(builder.policy(), lists=(_LISTS,)))


@pytest.mark.parametrize("from_head", [False, True])
def test_scan_of_a_list_agrees(from_head: bool) -> None:
    """A scan asks for the first folio, then for each successor before the body runs."""
    builder = HookBuilder()
    lruvec, list_ = builder.params[0], _list(builder)
    nullable, plain = HandleType("Folio", nullable=True), HandleType("Folio")
    current, seen = builder.value(nullable), builder.value(U64)
    header, body, after = builder.new_block(current, seen), builder.new_block(), builder.new_block()
    first = ScanFirst(
        span=HERE, result=builder.value(nullable), lruvec=lruvec, list=list_, from_head=from_head
    )
    builder.jump(header, builder.add(first), builder.const(0))
    builder.enter(header)
    is_none = builder.add(IsNone(span=HERE, result=builder.value(BOOL), operand=current))
    builder.branch(is_none, after, body)
    builder.enter(body)
    folio = builder.add(Unwrap(span=HERE, result=builder.value(plain), operand=current))
    following = builder.add(
        ScanNext(span=HERE, result=builder.value(nullable), folio=folio, from_head=from_head)
    )
    counted = builder.binary(BinaryOp.ADD, seen, _number(builder, folio))
    builder.jump(header, following, counted)
    builder.enter(after)
    _agree(_finish(builder, seen))


def test_size_of_a_list_agrees() -> None:
    """Sizes are read from the lruvec's array, by list number."""
    builder = HookBuilder()
    size = ListSize(span=HERE, result=builder.value(U64), lruvec=builder.params[0], list=_list(builder))
    _agree(_finish(builder, builder.add(size)))


def test_signed_value_converts_alike() -> None:
    """An explicit conversion keeps the pattern."""
    builder = HookBuilder()
    convert = Convert(span=HERE, result=builder.value(S64), operand=_random_u64(builder), implicit=False)
    _agree(_finish(builder, builder.add(convert)))


@pytest.mark.parametrize("written", [0, 5])
def test_optional_number_travels_through_branches_alike(written: int) -> None:
    """None and 0 stay apart when an optional is looked up, wrapped, passed on and unwrapped."""
    builder = HookBuilder()
    declared = MapDecl("map", MAP_KINDS["hash_map"], 0, Scope.GLOBAL, None, None, 64, 1, False, HERE)
    result = builder.value(HandleType("hash_map"))
    map_ = builder.add(MapRef(span=HERE, result=result, decl=declared, index=None, handle=None))
    entry = next(h for h in HELPERS if h.c_name == "hash_map_get")
    answered, chosen = builder.value(OptionalType()), builder.value(OptionalType())
    args = (map_, builder.binary(BinaryOp.AND, _random_u64(builder), builder.const(1)))
    found = builder.add(Call(span=HERE, result=answered, helper=entry, args=args, map_decl=declared))
    absent, after, present, end = (builder.new_block() for _ in range(4))
    after.params = (chosen,)
    is_none = builder.add(IsNone(span=HERE, result=builder.value(BOOL), operand=found))
    builder.branch(is_none, absent, after, (), (found,))
    builder.enter(absent)
    rare = builder.compare(CompareOp.GT, _random_u64(builder), builder.const(2))
    wrapped = builder.add(
        Wrap(span=HERE, result=builder.value(OptionalType()), operand=builder.const(written))
    )
    builder.branch(rare, after, after, (found,), (wrapped,))
    builder.enter(after)
    output = builder.leaf("value", INT_KINDS["u64"])
    still_none = builder.add(IsNone(span=HERE, result=builder.value(BOOL), operand=chosen))
    builder.branch(still_none, end, present)
    builder.enter(present)
    builder.store(output, builder.add(Unwrap(span=HERE, result=builder.value(U64), operand=chosen)))
    builder.jump(end)
    builder.enter(end)
    _agree(_finish(builder, chosen))
