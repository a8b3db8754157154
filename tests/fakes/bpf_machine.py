"""A fake machine inside the running kernel: its objects in maps, its tape played back by Linux.

`BpfReplay` owns a loaded policy. It writes the bytes of a `FakeMachine` and a tape into the maps, runs
a hook by BPF_PROG_TEST_RUN, and reads the maps back. Addresses become numbers on the way in; what the
interpreter left behind goes through the same translation, so that the two can be compared byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from reclaim.abi.cheader import helper_c_params
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import CONTEXT_OFFSETS, LIST_SIZES, POINTER_BYTES, slots
from reclaim.jit.bpf_layout import (
    CONTROL,
    CONTROL_WORDS,
    ENTRY,
    ENTRY_WORDS,
    HELPER_NUMBERS,
    NESTED_ARGUMENTS,
    NR_NESTED,
    NR_WRITES,
    WRITE_TARGETS,
    maps_of,
    nr_lists,
    object_map,
    state_map,
)
from reclaim.jit.bpf_loader import LoadedObject
from reclaim.lang.ir import PolicyIR
from tests.fakes.fake_machine import NR_ELEMENTS, NR_OBJECTS, FakeMachine, TapeEntry

Elements = dict[tuple[str, int], bytes]
"""Values of maps, by map and index."""

_CONTROL_MAP = "reclaim.bss"
_MOST_ENTRIES = 256
"""Of a tape here; a run that asks more is not replayed."""


class TapeTooLong(Exception):
    """Signal a tape that the maps do not hold."""


class BpfReplay:
    """Own a policy in the kernel, with maps of the size of a fake machine.

    Args:
        policy: the policy.
        image: its eBPF object.

    Raises:
        Unavailable, KernelRejected: as for `LoadedObject`.
    """

    def __init__(self, policy: PolicyIR, image: bytes) -> None:
        self._policy = policy
        self._sizes = {layout.name: layout.value_bytes for layout in maps_of(policy)}
        capacities = {object_map(name): count for name, count in NR_OBJECTS.items()}
        capacities |= {state_map(scope): count for scope, count in NR_ELEMENTS.items()}
        capacities |= {LIST_SIZES: NR_OBJECTS["Lruvec"], "tape": _MOST_ENTRIES}
        self.loaded = LoadedObject(
            image, {name: capacities[name] for name in self._sizes if name in capacities}
        )

    def __enter__(self) -> Self:
        """Enter a `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the policy out of the kernel."""
        self.loaded.close()

    def run(
        self, machine: FakeMachine, hook_name: str, args: tuple[int, ...], tape: list[TapeEntry]
    ) -> tuple[int, Elements]:
        """Run a hook on a machine's bytes, helpers answering from the tape.

        Returns:
            Its answer, and the final values of all maps.

        Raises:
            TapeTooLong: the tape has more entries than the map.
            AssertionError: a fault, or the tape was not played to its end.
        """
        if len(tape) > _MOST_ENTRIES:
            raise TapeTooLong(f"{len(tape)} entries")
        translation = _Translation(self._policy, machine)
        before = translation.elements(machine.contents)
        for (name, index), value in before.items():
            self.loaded.update(name, index, value)
        for index, entry in enumerate(tape):
            self.loaded.update("tape", index, translation.entry(entry))
        control = [0] * CONTROL_WORDS
        control[CONTROL["nr_entries"]] = len(tape)
        self.loaded.update(_CONTROL_MAP, 0, struct.pack(f"={CONTROL_WORDS}Q", *control))
        answer = self.loaded.run(hook_name, translation.arguments(hook_name, args))
        after = struct.unpack(f"={CONTROL_WORDS}Q", self.loaded.lookup(_CONTROL_MAP, 0))
        assert after[CONTROL["fault"]] == 0, (
            f"fault {after[CONTROL['fault']]} at entry {after[CONTROL['position']]}"
        )
        assert after[CONTROL["position"]] == len(tape), "Linux called fewer helpers"
        left = {(name, index): self.loaded.lookup(name, index) for name, index in before}
        return answer, left | {("failed", 0): struct.pack("=Q", after[CONTROL["failed"]])}

    def expected(self, machine: FakeMachine, contents: bytes) -> Elements:
        """Return the maps that correspond to what the interpreter left behind."""
        translation = _Translation(self._policy, machine)
        failed = translation.part(contents, machine.context + CONTEXT_OFFSETS["failed"], 8)
        return translation.elements(contents) | {("failed", 0): failed}


class _Translation:
    """Say a machine's addresses in numbers."""

    def __init__(self, policy: PolicyIR, machine: FakeMachine) -> None:
        self._policy = policy
        self._machine = machine
        self._sizes = {layout.name: layout.value_bytes for layout in maps_of(policy)}
        self._numbers = {0: 0} | {
            address: 1 + index
            for addresses in machine.objects.values()
            for index, address in enumerate(addresses)
        }
        self._lists = [
            self._word(machine.contents, address + slots("Lruvec")[LIST_SIZES].offset)
            for address in machine.objects["Lruvec"]
        ]

    def part(self, contents: bytes, address: int, nr_bytes: int) -> bytes:
        """Return the bytes at an address."""
        place = address - self._machine.base
        return contents[place : place + nr_bytes]

    def elements(self, contents: bytes) -> Elements:
        """Return the values of all maps of objects, state and tunables."""
        found = dict(self._objects(contents))
        for index, address in enumerate(self._lists):
            found[LIST_SIZES, index] = self.part(contents, address, 8 * nr_lists(self._policy))
        for scope, count in NR_ELEMENTS.items():
            size = self._policy.state_bytes.get(scope, 0)
            base = self._word(contents, self._machine.context + CONTEXT_OFFSETS[f"{scope.value}_state"])
            for index in range(count if size else 0):
                value = self.part(contents, base + index * size, size)
                found[state_map(scope), index] = value.ljust(self._sizes[state_map(scope)], b"\0")
        if self._policy.tunables:
            base = self._word(contents, self._machine.context + CONTEXT_OFFSETS["tunables"])
            found["tunables", 0] = self.part(contents, base, 8 * len(self._policy.tunables))
        return found

    def arguments(self, hook_name: str, args: tuple[int, ...]) -> tuple[int, ...]:
        """Return the arguments of a hook."""
        types = [param.type for param in HOOKS[hook_name].params]
        return tuple(self._passed(type_, arg) for type_, arg in zip(types, args, strict=True))

    def entry(self, entry: TapeEntry) -> bytes:
        """Return an entry of the tape."""
        words = [0] * ENTRY_WORDS
        words[ENTRY["helper"]] = HELPER_NUMBERS[entry.c_name]
        helper = next((h for h in HELPERS if h.c_name == entry.c_name), None)
        is_handle = helper is None or helper.result.removesuffix(" | None") in KERNEL_TYPES
        words[ENTRY["answer"]] = self._numbers[entry.answer or 0] if is_handle else entry.answer or 0
        words[ENTRY["present"]] = int(entry.answer is not None)
        _put(words, ENTRY["args"], self._asked(entry))
        assert len(entry.nested) <= NR_NESTED
        words[ENTRY["nr_nested"]] = len(entry.nested)
        for number, (hook_name, args) in enumerate(entry.nested):
            _put(words, ENTRY["nested"] + number * NESTED_ARGUMENTS, self.arguments(hook_name, args))
        assert len(entry.writes) <= NR_WRITES
        for number, (address, _, value) in enumerate(entry.writes):
            _put(words, ENTRY["writes"] + 4 * number, (*self._place(address), value))
        return struct.pack(f"={ENTRY_WORDS}Q", *words)

    def _objects(self, contents: bytes) -> Iterator[tuple[tuple[str, int], bytes]]:
        for name, addresses in self._machine.objects.items():
            pointers = [
                slots(name)[field.name].offset
                for field in KERNEL_TYPES[name].fields
                if field.type.removesuffix(" | None") in KERNEL_TYPES
            ]
            for index, address in enumerate(addresses):
                value = bytearray(self.part(contents, address, self._sizes[object_map(name)]))
                for offset in pointers:
                    number = self._numbers[self._word(contents, address + offset)]
                    value[offset : offset + POINTER_BYTES] = struct.pack("=Q", number)
                if name == "Lruvec":
                    offset = slots(name)[LIST_SIZES].offset
                    value[offset : offset + POINTER_BYTES] = bytes(POINTER_BYTES)
                yield (object_map(name), index), bytes(value)

    def _asked(self, entry: TapeEntry) -> tuple[int, ...]:
        if entry.c_name in SCAN_HELPERS.values():
            return (self._numbers[entry.args[0]], *entry.args[1:])
        helper = next(h for h in HELPERS if h.c_name == entry.c_name)
        is_handle = [c_type.endswith("*") for c_type, _ in helper_c_params(helper)]
        return tuple(
            self._numbers[a] if handle else a for a, handle in zip(entry.args, is_handle, strict=True)
        )

    def _place(self, address: int) -> tuple[int, int, int]:
        """Return target, element and number of the list of an effect."""
        for element, sizes in enumerate(self._lists):
            if sizes <= address < sizes + 8 * nr_lists(self._policy):
                return 1 + WRITE_TARGETS.index("List.*"), element, (address - sizes) // 8
        for target in WRITE_TARGETS:
            type_name, field = target.split(".")
            for element, start in enumerate(self._machine.objects.get(type_name, ())):
                if address == start + slots(type_name)[field].offset:
                    return 1 + WRITE_TARGETS.index(target), element, 0
        raise AssertionError(f"an effect at {address:#x} that the tape cannot say")

    def _passed(self, type_: str, value: int) -> int:
        return self._numbers[value] if type_.removesuffix(" | None") in KERNEL_TYPES else value

    def _word(self, contents: bytes, address: int) -> int:
        return int.from_bytes(self.part(contents, address, 8), "little")


def differences(
    expected: Mapping[tuple[str, int], bytes], actual: Mapping[tuple[str, int], bytes]
) -> list[str]:
    """Say in which elements two sets of maps differ."""
    return [
        f"{name}[{index}]: {value.hex()} instead of {expected[name, index].hex()}"
        for (name, index), value in actual.items()
        if value != expected[name, index]
    ]


def _put(words: list[int], place: int, values: tuple[int, ...]) -> None:
    words[place : place + len(values)] = values
