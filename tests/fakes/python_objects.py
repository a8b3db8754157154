"""Kernel objects, declared state, lists, maps and answers as Python objects, on the bytes of a fake machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import CONTEXT_OFFSETS, LIST_SIZES, slots
from reclaim.abi.limits import MAX_DEPTH
from reclaim.lang.interp import MAP_INSTANCE_SHIFT
from reclaim.lang.ir import SCOPE_HANDLE, SCOPE_NUMBER, ListDecl, MapDecl, Scope, StateField
from tests.fakes.python_numbers import Member, Number, as_signed, made

if TYPE_CHECKING:
    from tests.fakes.python_run import PythonRun


@dataclass(frozen=True)
class Answer:
    """An answer, as the core reads it."""

    word: int


class Members:
    """An enumeration."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, member: str) -> Member:
        return Member(ENUMS[self._name].value(member))


class State:
    """Declared state of one object, or a struct in it."""

    def __init__(
        self, run: PythonRun, scope: Scope, number: int, path: str, indices: tuple[int, ...]
    ) -> None:
        self.__dict__.update(run_=run, scope_=scope, number_=number, path_=path, indices_=indices)

    def _at(self, name: str) -> State:
        path = f"{self.path_}.{name}" if self.path_ else name
        return State(self.run_, self.scope_, self.number_, path, self.indices_)

    def place_(self) -> tuple[StateField, int] | None:
        """Return the leaf that all of the path and its indices lead to, and its address."""
        for leaf in self.run_.policy.state:
            if (leaf.scope, leaf.name) == (self.scope_, self.path_) and len(leaf.dims) == len(self.indices_):
                base = self.run_.load(
                    self.run_.machine.context + CONTEXT_OFFSETS[f"{self.scope_.value}_state"], 8
                )
                address = base + self.number_ * self.run_.policy.state_bytes[self.scope_] + leaf.offset
                for index, length, stride in zip(self.indices_, leaf.dims, leaf.strides, strict=True):
                    assert 0 <= index < length
                    address += index * stride
                return leaf, address
        return None

    def value_(self) -> Any:
        """Read the leaf, or go on along the path."""
        place = self.place_()
        if place is None:
            return self
        leaf, address = place
        word = self.run_.load(address, leaf.kind.bits // 8, leaf.kind.signed)
        return bool(word) if leaf.is_bool else made(word, leaf.kind.signed)

    def write_(self, value: Any) -> None:
        """Write the leaf."""
        place = self.place_()
        assert place is not None
        leaf, address = place
        number = int(value) if isinstance(value, bool) else as_signed(value, leaf.kind.signed).value
        assert leaf.min <= number <= leaf.max
        self.run_.store(address, leaf.kind.bits // 8, number)

    def __getattr__(self, name: str) -> Any:
        return self._at(name).value_()

    def __setattr__(self, name: str, value: Any) -> None:
        self._at(name).write_(value)

    def _element(self, index: Number) -> State:
        return State(self.run_, self.scope_, self.number_, self.path_, (*self.indices_, index.value))

    def __getitem__(self, index: Number) -> Any:
        return self._element(index).value_()

    def __setitem__(self, index: Number, value: Any) -> None:
        self._element(index).write_(value)


_SCOPES = {handle: scope for scope, handle in SCOPE_HANDLE.items()}


class Handle:
    """A kernel object."""

    def __init__(self, run: PythonRun, type_name: str, address: int) -> None:
        self.__dict__.update(run_=run, type_=type_name, address_=address)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.address_ == self.address_

    __hash__ = None  # type: ignore[assignment]

    def _state(self) -> State:
        scope = _SCOPES[self.type_]
        number = self.run_.member(self.type_, self.address_, SCOPE_NUMBER[scope])
        return State(self.run_, scope, number, "", ())

    def __getattr__(self, name: str) -> Any:
        field = KERNEL_TYPES[self.type_].field(name)
        if field is not None:
            return self.run_.value(field.type, self.run_.member(self.type_, self.address_, name))
        if name == "upwards":
            return self._upwards
        entry = next((h for h in HELPERS if h.method_of == self.type_ and h.name == name), None)
        if entry is not None:
            return lambda *args, **named: self.run_.helper(entry, self, args, named)
        return getattr(self._state(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        field = KERNEL_TYPES[self.type_].field(name)
        if field is None:
            setattr(self._state(), name, value)
            return
        slot = slots(self.type_)[name]
        number = value.value if isinstance(value, Number) else int(value)
        if slot.bit is not None:
            word = self.run_.load(self.address_ + slot.offset, slot.nr_bytes)
            number = word & ~(1 << slot.bit) | number << slot.bit
        self.run_.store(self.address_ + slot.offset, slot.nr_bytes, number)

    def _upwards(self) -> Iterator[Handle]:
        here: Handle | None = self
        for _ in range(MAX_DEPTH):
            if here is None:
                return
            following = here.parent
            yield here
            here = following


class FolioList:
    """A list of the lruvec of the hook."""

    def __init__(self, run: PythonRun, number: int) -> None:
        self.run_, self.number_ = run, number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FolioList) and other.number_ == self.number_

    __hash__ = None  # type: ignore[assignment]

    @property
    def nr_pages(self) -> Number:
        """Return its size."""
        lruvec = self.run_.lruvec
        sizes = self.run_.load(lruvec + slots("Lruvec")[LIST_SIZES].offset, 8)
        return made(self.run_.load(sizes + 8 * self.number_, 8), signed=False)

    def __getattr__(self, name: str) -> Any:
        if name in ("head", "tail"):
            return self.run_.constructor(name, self.number_)()
        if any(c.name == name and c.method_of == "List" for c in CONSTRUCTORS):
            return self.run_.constructor(name, self.number_)
        entry = next(h for h in HELPERS if h.method_of == "List" and h.name == name)
        return lambda *args, **named: self.run_.helper(entry, self, args, named)

    def scan(self, limit: Number, from_head: bool = False) -> Iterator[Handle]:
        """Visit folios; the next one is taken before the body runs."""
        run, lruvec = self.run_, self.run_.lruvec
        first, following = ("head", "older") if from_head else ("tail", "younger")
        address = run.play(SCAN_HELPERS[first], (lruvec, self.number_))
        for _ in range(limit.value):
            if not address:
                return
            here, address = address, run.play(SCAN_HELPERS[following], (address,))
            yield Handle(run, "Folio", here)


class ListArray:
    """An array of lists."""

    def __init__(self, run: PythonRun, decl: ListDecl, indices: tuple[int, ...]) -> None:
        self._run, self._decl, self._indices = run, decl, indices

    def __getitem__(self, index: Number) -> ListArray | FolioList:
        indices, dims = (*self._indices, index.value), self._decl.dims
        assert 0 <= index.value < dims[len(self._indices)]
        if len(indices) < len(dims):
            return ListArray(self._run, self._decl, indices)
        number = 0
        for given, length in zip(indices, dims, strict=True):
            number = number * length + given
        return FolioList(self._run, self._decl.first_number + number)


class Map:
    """A map, of the instance that belongs to the lruvec of the hook."""

    def __init__(self, run: PythonRun, decl: MapDecl, index: int) -> None:
        self.run_, self._decl, self._index = run, decl, index

    @property
    def handle_(self) -> int:
        """Return the word that stands for it."""
        lruvec, instance = self.run_.lruvec, 0
        if self._decl.scope is Scope.LRUVEC:
            instance = self.run_.member("Lruvec", lruvec, "id")
        elif self._decl.scope is Scope.MEMCG:
            instance = self.run_.member("Memcg", self.run_.member("Lruvec", lruvec, "memcg"), "id")
        return self._decl.number + 1 + self._index | instance << MAP_INSTANCE_SHIFT

    def __getattr__(self, name: str) -> Any:
        entry = next(h for h in HELPERS if h.method_of == self._decl.kind.name and h.name == name)
        return lambda *args, **named: self.run_.helper(entry, self, args, named)

    def __contains__(self, key: Any) -> bool:
        return bool(self.contains(key))

    def __getitem__(self, index: Any) -> Any:
        return self.get(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.set(index, value)
