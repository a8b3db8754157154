"""A few made-up kernel objects in one stretch of memory, to run hooks on without the core.

A `FakeMachine` lays nodes, memcgs, lruvecs, folios and the rest out as the core does, with random
contents inside the ranges that the contract declares, and the policy's own state beside them. The
interpreter runs on a copy of its bytes (`TapeEnvironment`), which answers every helper at random,
applies the effects that the contract declares, and writes all of it on a tape. `TapeReplay` then
runs native code on the machine's own bytes and plays the tape back to it.
"""

from __future__ import annotations

import ctypes
import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cffi

from reclaim.abi.cheader import helper_c_params
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.kinds import INT_KINDS, Field, Helper, Param
from reclaim.abi.layout import CONTEXT_MEMBERS, CONTEXT_OFFSETS, LIST_SIZES, slots
from reclaim.abi.limits import FIRST_POLICY_LIST, UNEVICTABLE_LIST
from reclaim.abi.maps import MAP_KINDS
from reclaim.lang import arithmetic
from reclaim.lang.interp import MAP_INSTANCE_SHIFT, Interpreter
from reclaim.lang.ir import SCOPE_HANDLE, MapDecl, PolicyIR, Scope, StateField
from verifier.domains.product import NUMBERS
from verifier.made_up_maps import KEEPING_COUNT, MadeUpMap
from verifier.state_ranges import DECLARED, StateRanges

NR_OBJECTS = {
    "Node": 2,
    "Memcg": 3,
    "Lruvec": 4,
    "Folio": 6,
    "ScanControl": 2,
    "BatchResult": 2,
    "Shadow": 2,
}
NR_ELEMENTS = {**{scope: NR_OBJECTS[name] for scope, name in SCOPE_HANDLE.items()}, Scope.GLOBAL: 1}
DENSE_NUMBERS = ("Folio.pfn", "Lruvec.id", "Memcg.id", "ScanControl.slot")
OBJECT_BYTES = 128
NR_IMAGES = 64
"""Different contents of the kernel objects, for each number of lists."""

SHARE_OF_NONE = 0.3
"""Of arguments, fields and answers that may be None."""
INTEGER_HELPERS: dict[str, Callable[..., int]] = {
    "isqrt": arithmetic.isqrt,
    "ilog2": arithmetic.ilog2,
    "mul_div": arithmetic.mul_div,
}

_HELPERS = {helper.c_name: helper for helper in HELPERS}
_MEMBERS = {name: tuple(value for value, _ in enum.members.values()) for name, enum in ENUMS.items()}
_PLACES: dict[str, list[int]] = {}
_END_OF_OBJECTS = 8 * len(CONTEXT_MEMBERS)
for _name, _count in NR_OBJECTS.items():
    _PLACES[_name] = [_END_OF_OBJECTS + number * OBJECT_BYTES for number in range(_count)]
    _END_OF_OBJECTS += _count * OBJECT_BYTES


def pick(rng: random.Random, low: int, high: int) -> int:
    """Pick a number of a range, more often near its ends and near 0 than in between."""
    near = [low, high, low + 1, high - 1, 0, 1, 2, 3]
    if rng.random() < 0.5:
        return min(max(rng.choice(near), low), high)
    if rng.random() < 0.5:
        return rng.randint(low, min(high, low + 100))
    return rng.randint(low, high)


def _number_of(entry: Param | Field, plain: str, rng: random.Random, nr_lists: int, *, extreme: bool) -> int:
    """Pick a value of a parameter or field that is no kernel object."""
    if plain in ENUMS:
        return rng.choice(_MEMBERS[plain])
    if plain == "List":
        return rng.randrange(1, nr_lists)
    if plain == "bool":
        return rng.randrange(2)
    kind = INT_KINDS[plain]
    low = kind.min if entry.min is None else entry.min
    high = kind.max if entry.max is None else entry.max
    return rng.choice((low, high)) if extreme else pick(rng, low, high)


@dataclass(frozen=True)
class _Image:
    """Hold kernel objects as bytes that may lie anywhere.

    Args:
        contents: context, objects and the sizes of lists; pointers are still 0.
        pointers: where one stands, and what it points to, both from the start.
    """

    contents: bytes
    pointers: tuple[tuple[int, int], ...]


@cache
def _kernel_objects(nr_lists: int, extreme: bool, number: int) -> _Image:
    """Fill the kernel objects of one machine with random contents.

    Many machines share them: random programs are told apart by their own state, tunables and arguments
    too, and filling objects anew takes longer than running a small program.
    """
    rng = random.Random(f"objects {nr_lists} {extreme} {number}")
    contents, pointers = bytearray(_END_OF_OBJECTS), []
    for name, places in _PLACES.items():
        for which, place in enumerate(places):
            for entry in KERNEL_TYPES[name].fields:
                slot, plain = slots(name)[entry.name], entry.type.removesuffix(" | None")
                at = place + slot.offset
                if plain != entry.type and rng.random() < SHARE_OF_NONE:
                    continue
                if plain in KERNEL_TYPES:
                    pointers.append((at, rng.choice(_PLACES[plain])))
                    continue
                is_dense = f"{name}.{entry.name}" in DENSE_NUMBERS
                value = which if is_dense else _number_of(entry, plain, rng, nr_lists, extreme=extreme)
                if slot.bit is None:
                    low = value & ((1 << 8 * slot.nr_bytes) - 1)
                    contents[at : at + slot.nr_bytes] = low.to_bytes(slot.nr_bytes, sys.byteorder)
                else:
                    contents[at + slot.bit // 8] |= value << slot.bit % 8
    for place in _PLACES["Lruvec"]:
        pointers.append((place + slots("Lruvec")[LIST_SIZES].offset, len(contents)))
        sizes = [rng.choice((0, 1, rng.randrange(1 << 20))) for _ in range(nr_lists)]
        contents += b"".join(size.to_bytes(8, sys.byteorder) for size in sizes)
        _count_parts(contents, place, max(size for n, size in enumerate(sizes) if n != UNEVICTABLE_LIST))
    return _Image(bytes(contents), tuple(pointers))


def _count_parts(contents: bytearray, lruvec: int, largest_list: int) -> None:
    """Let no part of a lruvec hold more than the whole."""
    numbers = {}
    for entry in KERNEL_TYPES["Lruvec"].fields:
        slot = slots("Lruvec")[entry.name]
        at = slice(lruvec + slot.offset, lruvec + slot.offset + slot.nr_bytes)
        numbers[entry.name] = at, int.from_bytes(contents[at], sys.byteorder)
    whole = LIST_FIELDS["nr_pages"].part_of
    parts = [numbers[entry.name][1] for entry in KERNEL_TYPES["Lruvec"].fields if entry.part_of == whole]
    at, before = numbers[whole]
    contents[at] = max(before, largest_list, *parts).to_bytes(at.stop - at.start, sys.byteorder)


class FakeMachine:
    """Lay out kernel objects and the state of one policy, all random within declared ranges.

    Args:
        policy: the policy.
        rng: decides everything.
        extreme: whether every number lies at an end of its range.
        state: what the fields of the policy's state hold.
    """

    def __init__(
        self,
        policy: PolicyIR,
        rng: random.Random,
        *,
        extreme: bool = False,
        state: StateRanges = DECLARED,
    ) -> None:
        self.policy = policy
        self._state = state
        self._places: list[tuple[StateField, list[int]]] = []
        self._extreme = extreme
        self.rng = rng
        self.may_be_none = True
        """Whether arguments and fields that are nullable are None now and then."""
        self.nr_lists = FIRST_POLICY_LIST + sum(declared.count for declared in policy.lists)
        image = _kernel_objects(self.nr_lists, extreme, rng.randrange(NR_IMAGES))
        self._bytes = bytearray(len(image.contents) + 8 * self._nr_words())
        self._pin = (ctypes.c_char * len(self._bytes)).from_buffer(self._bytes)
        self.base = ctypes.addressof(self._pin)
        self.context = self.base
        self._end = self.base + len(image.contents)
        self._bytes[: len(image.contents)] = image.contents
        for place, target in image.pointers:
            self.write(self.base + place, 8, self.base + target)
        self.objects = {name: [self.base + place for place in places] for name, places in _PLACES.items()}
        self._fill_state()
        self._fill_tunables()

    @property
    def contents(self) -> bytes:
        """Return all bytes as they are now."""
        return bytes(self._bytes)

    def restore(self, contents: bytes) -> None:
        """Set all bytes."""
        self._bytes[:] = contents

    def write(self, address: int, nr_bytes: int, value: int) -> None:
        """Write an integer in place."""
        place = address - self.base
        low = value & ((1 << 8 * nr_bytes) - 1)
        self._bytes[place : place + nr_bytes] = low.to_bytes(nr_bytes, sys.byteorder)

    def arguments(self, hook_name: str) -> tuple[int, ...]:
        """Pick arguments for a hook."""
        return tuple(self.value_of(param) for param in HOOKS[hook_name].params)

    def value_of(self, entry: Param | Field) -> int:
        """Pick a value of a parameter or field, in its declared range."""
        plain = entry.type.removesuffix(" | None")
        if plain != entry.type and self.may_be_none and self.rng.random() < SHARE_OF_NONE:
            return 0
        if plain in KERNEL_TYPES:
            return self.rng.choice(self.objects[plain])
        return _number_of(entry, plain, self.rng, self.nr_lists, extreme=self._extreme)

    def _pick(self, low: int, high: int) -> int:
        return self.rng.choice((low, high)) if self._extreme else pick(self.rng, low, high)

    def _nr_words(self) -> int:
        state = sum(self.policy.state_bytes.get(scope, 0) * n for scope, n in NR_ELEMENTS.items())
        return state // 8 + len(NR_ELEMENTS) + len(self.policy.tunables)

    def _take(self, nr_bytes: int) -> int:
        address = self._end
        self._end += (nr_bytes + 7) // 8 * 8
        assert self._end <= self.base + len(self._bytes)
        return address

    def _fill_state(self) -> None:
        for scope, count in NR_ELEMENTS.items():
            element_bytes = self.policy.state_bytes.get(scope, 0)
            address = self._take(element_bytes * count)
            self.write(self.context + CONTEXT_OFFSETS[f"{scope.value}_state"], 8, address)
            for leaf in self.policy.state:
                if leaf.scope is not scope:
                    continue
                offsets = [address + number * element_bytes + leaf.offset for number in range(count)]
                for length, stride in zip(leaf.dims, leaf.strides, strict=True):
                    offsets = [offset + index * stride for offset in offsets for index in range(length)]
                self._places.append((leaf, offsets))
                for offset in offsets:
                    self.write(offset, leaf.kind.bits // 8, self._content(leaf))

    def out_of_range(self, memory: bytearray) -> list[str]:
        """Return the fields of state that hold what they never should, in a copy of the machine's bytes."""
        wrong = []
        for leaf, addresses in self._places:
            held, nr_bytes = self._state.of(leaf), leaf.kind.bits // 8
            for address in addresses:
                place = address - self.base
                content = int.from_bytes(
                    memory[place : place + nr_bytes], sys.byteorder, signed=leaf.kind.signed
                )
                if not NUMBERS.contains(held, arithmetic.unsigned(content)):
                    wrong.append(f"{leaf.name} holds {content}")
        return wrong

    def _content(self, leaf: StateField) -> int:
        """Pick what a field holds: what is known of its bits leaves the initial value at least."""
        held = self._state.of(leaf)
        low, high = held.signed if leaf.kind.signed else held.unsigned
        number = self._pick(low, high)
        value, unknown = held.bits
        for possible in (number, arithmetic.unsigned(number) & unknown | value):
            if NUMBERS.contains(held, arithmetic.unsigned(possible)):
                return possible
        return leaf.initial

    def _fill_tunables(self) -> None:
        words = self._take(8 * len(self.policy.tunables))
        self.write(self.context + CONTEXT_OFFSETS["tunables"], 8, words)
        for number, tunable in enumerate(self.policy.tunables):
            self.write(words + 8 * number, 8, self._pick(tunable.min, tunable.max))


@dataclass
class TapeEntry:
    """Hold one helper call: what was asked, what was answered, what it did."""

    c_name: str
    args: tuple[int, ...]
    answer: int | None = None
    writes: list[tuple[int, int, int]] = field(default_factory=list)
    nested: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class TapeEnvironment:
    """Run the interpreter on a copy of a machine's bytes and write down what helpers do."""

    def __init__(self, machine: FakeMachine) -> None:
        self.machine = machine
        self.memory = bytearray(machine.contents)
        self.tape: list[TapeEntry] = []
        self.interpreter = Interpreter(machine.policy, self)
        self._depth = 0
        self._looked_up: dict[tuple[str, tuple[int, ...]], int | None] = {}
        self._maps: dict[int, MadeUpMap] = {}

    @property
    def context(self) -> int:
        """Return the address of the context."""
        return self.machine.context

    def load(self, address: int, nr_bytes: int, signed: bool) -> int:
        """Read from the copy."""
        place = self._place(address, nr_bytes)
        return int.from_bytes(self.memory[place : place + nr_bytes], sys.byteorder, signed=signed)

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        """Write to the copy."""
        place = self._place(address, nr_bytes)
        low = value & ((1 << 8 * nr_bytes) - 1)
        self.memory[place : place + nr_bytes] = low.to_bytes(nr_bytes, sys.byteorder)

    def call(self, c_name: str, args: tuple[int, ...]) -> int | None:
        """Answer at random, with the declared effects."""
        entry = TapeEntry(c_name, args)
        self.tape.append(entry)
        rng = self.machine.rng
        if c_name in SCAN_HELPERS.values():
            entry.answer = rng.choice([0, *self.machine.objects["Folio"]])
            return entry.answer
        helper = _HELPERS[c_name]
        for target in helper.effects.writes:
            self._apply(entry, target)
        self._run_nested(entry, helper)
        entry.answer = self._repeated(entry, helper) if helper.effects.repeats else self._answer(helper, args)
        if helper.effects.writes_maps and not helper.effects.repeats:
            self._forget_looked_up(entry, helper)
        return entry.answer

    def _forget_looked_up(self, entry: TapeEntry, helper: Helper) -> None:
        """Let answers about the map that was written be others from now on; other maps stay as they are.

        A helper that fills a filter while it looks around runs hooks there, too, which may write any map.
        """
        if helper.method_of in MAP_KINDS:
            for key in [key for key in self._looked_up if key[1][0] == entry.args[0]]:
                del self._looked_up[key]
        elif not _looks_at_nothing(entry, helper):
            self._looked_up.clear()

    def _repeated(self, entry: TapeEntry, helper: Helper) -> int | None:
        """Answer as the last time, where nothing wrote to that map since."""
        key = (entry.c_name, entry.args)
        if key not in self._looked_up:
            self._looked_up[key] = self._answer(helper, entry.args)
        return self._looked_up[key]

    def _place(self, address: int, nr_bytes: int) -> int:
        place = address - self.machine.base
        assert 0 <= place <= len(self.memory) - nr_bytes, f"stray access at {address:#x}"
        return place

    def _apply(self, entry: TapeEntry, target: str) -> None:
        rng = self.machine.rng
        if target == "List.*":
            lruvec = rng.choice(self.machine.objects["Lruvec"])
            sizes = self.load(lruvec + slots("Lruvec")[LIST_SIZES].offset, 8, signed=False)
            whole = slots("Lruvec")[LIST_FIELDS["nr_pages"].part_of]
            most = min(self.load(lruvec + whole.offset, whole.nr_bytes, signed=False), 1 << 20)
            write = (sizes + 8 * rng.randrange(self.machine.nr_lists), 8, rng.randrange(most + 1))
        else:
            type_name, name = target.split(".")
            slot = slots(type_name)[name]
            declared = KERNEL_TYPES[type_name].field(name)
            assert declared is not None
            address = rng.choice(self.machine.objects[type_name]) + slot.offset
            value = self.machine.value_of(declared)
            if slot.bit is not None:
                word = self.load(address, slot.nr_bytes, signed=False)
                value = word & ~(1 << slot.bit) | value << slot.bit
            write = (address, slot.nr_bytes, value)
        self.store(*write)
        entry.writes.append(write)

    def _run_nested(self, entry: TapeEntry, helper: Helper) -> None:
        hooks = [name for name in helper.effects.runs if name in self.machine.policy.hooks]
        if self._depth or not hooks:
            return
        self._depth += 1
        for hook_name in hooks:
            for _ in range(self.machine.rng.randrange(3)):
                args = self.machine.arguments(hook_name)
                entry.nested.append((hook_name, args))
                self.interpreter.run(hook_name, args)
        self._depth -= 1

    def _answer(self, helper: Helper, args: tuple[int, ...]) -> int | None:
        if helper.result == "None":
            return None
        decl = self._declaration(args[0]) if helper.method_of in MAP_KINDS else None
        wanted = self._any_answer(helper, decl)
        if decl is None or helper.method_of not in KEEPING_COUNT:
            return wanted
        asked = self._maps.setdefault(args[0], MadeUpMap.of(decl))
        return asked.call(helper.name, args[1:], wanted)

    def _any_answer(self, helper: Helper, decl: MapDecl | None) -> int | None:
        """Answer within the declared range, and within what a map can hold: what was put there was proved to fit."""
        if helper.result == "u64 | None" and self.machine.rng.random() < 0.3:
            return None
        if helper.result == "u64 | None" and self.machine.rng.random() < 0.3:
            return 0
        largest = helper.max
        if decl is not None and helper.name == "size":
            largest = decl.capacity
        elif decl is not None and helper.name == "get" and decl.value is not None:
            largest = decl.value.max
        plain = helper.result.removesuffix(" | None")
        return self.machine.value_of(Param("answer", plain, "", min=helper.min, max=largest))

    def _declaration(self, handle: int) -> MapDecl | None:
        """Return the declaration of a map, None where a test made up the instructions alone."""
        number = (handle & ((1 << MAP_INSTANCE_SHIFT) - 1)) - 1
        return next((d for d in self.machine.policy.maps if d.number <= number < d.number + d.count), None)


class ContractEnvironment(TapeEnvironment):
    """Run hooks inside of helpers only where the call asks for that, as the contract says."""

    def _run_nested(self, entry: TapeEntry, helper: Helper) -> None:
        if not _looks_at_nothing(entry, helper):
            super()._run_nested(entry, helper)


def _looks_at_nothing(entry: TapeEntry, helper: Helper) -> bool:
    """Tell whether a helper that runs a hook for each thing it looks at is asked to look at none."""
    driver = helper.cost_per[0] if helper.cost_per else None
    names = [param.name for param in helper.params]
    return driver in names and entry.args[len(entry.args) - len(names) + names.index(driver)] == 0


class TapeReplay:
    """Stand in for the core's helpers: play a tape back to native code and check what it asks."""

    def __init__(self) -> None:
        self._ffi = cffi.FFI()
        self._ffi.cdef("struct rcl_optional { uint64_t value; uint64_t present; };")
        self._callbacks = {f"h_{name}": self._callback(name) for name in self._signatures()}
        self.symbols = {
            name: int(self._ffi.cast("uintptr_t", callback)) for name, callback in self._callbacks.items()
        }
        self._tape: Iterable[TapeEntry] = iter(())
        self._machine: FakeMachine | None = None
        self._hooks: dict[str, int] = {}
        self._errors: list[BaseException] = []

    def run(
        self,
        machine: FakeMachine,
        hooks: dict[str, int],
        hook_name: str,
        args: tuple[int, ...],
        tape: list[TapeEntry],
    ) -> int | None:
        """Call a compiled hook on the machine's own bytes, helpers answering from the tape."""
        self._tape, self._machine, self._hooks = iter(tape), machine, hooks
        self._errors.clear()
        answer = self._call_hook(hook_name, args)
        if self._errors:
            raise self._errors[0]
        assert next(iter(self._tape), None) is None, "native code called fewer helpers"
        return answer

    def _call_hook(self, hook_name: str, args: tuple[int, ...]) -> int | None:
        assert self._machine is not None
        hook = HOOKS[hook_name]
        result = None if hook.result == "None" else ctypes.c_uint64
        words = [ctypes.c_uint64] * (1 + len(hook.params))
        function: Callable[..., int | None] = ctypes.CFUNCTYPE(result, *words)(self._hooks[hook_name])
        return function(self._machine.context, *args)

    def _signatures(self) -> dict[str, tuple[str, int]]:
        """Return result type and number of parameters of each helper, by C name."""
        scans = {name: ("uint64_t", 2 if "list" in name else 1) for name in SCAN_HELPERS.values()}
        results = {"None": "void", "u64 | None": "struct rcl_optional"}
        return scans | {
            h.c_name: (results.get(h.result, "uint64_t"), len(helper_c_params(h))) for h in HELPERS
        }

    def _callback(self, c_name: str) -> Any:
        result, nr_params = self._signatures()[c_name]
        words = ", ".join(["uint64_t"] * (1 + nr_params))
        return self._ffi.callback(f"{result}({words})", self._body(c_name, result), onerror=self._note)

    def _note(self, _kind: object, error: BaseException, _trace: object) -> None:
        self._errors.append(error)

    def _body(self, c_name: str, result: str) -> Callable[..., Any]:
        def integer(_context: int, *args: int) -> int:
            return INTEGER_HELPERS[c_name](*args)

        def taped(context: int, *args: int) -> Any:
            answer = self._play(c_name, context, args)
            if result == "struct rcl_optional":
                pair = self._ffi.new("struct rcl_optional *")
                pair.value, pair.present = answer or 0, answer is not None
                return pair[0]
            return answer

        return integer if c_name in INTEGER_HELPERS else taped

    def _play(self, c_name: str, context: int, args: tuple[int, ...]) -> int | None:
        assert self._machine is not None
        entry = next(iter(self._tape))
        assert (c_name, context, args) == (entry.c_name, self._machine.context, entry.args)
        for write in entry.writes:
            self._machine.write(*write)
        for hook_name, nested_args in entry.nested:
            self._call_hook(hook_name, nested_args)
        return entry.answer


def run_both(
    machine: FakeMachine, replay: TapeReplay, hooks: dict[str, int], hook_name: str
) -> tuple[tuple[int | None, bytes], tuple[int | None, bytes]]:
    """Run a hook in the interpreter, then in native code; return answer and final memory of each."""
    args = machine.arguments(hook_name)
    env = TapeEnvironment(machine)
    expected = env.interpreter.run(hook_name, args)
    actual = replay.run(machine, hooks, hook_name, args, env.tape)
    return (expected, bytes(env.memory)), (actual, machine.contents)
