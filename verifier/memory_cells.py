"""Cells of memory that a hook reads and writes, and what is known to be in them.

A cell is a field of one object, or one element of a declared array of one object. Two cells can be the
same memory unless their fields differ or some index is a different constant: two handles may always
name one object.

Versions tell contents apart in time. Every write gives a new version to the cells that it may change,
so a load is named by its cell and version, and equal names mean equal contents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeAlias

from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.limits import UNEVICTABLE_LIST
from reclaim.lang.ir import (
    Call,
    HandleType,
    ListSize,
    LoadField,
    LoadState,
    Op,
    StateField,
    StoreField,
    StoreState,
    Value,
)
from verifier.expressions import Definition

Group: TypeAlias = tuple[str, str, str]
"""All cells of one field: (kind, owner, field), kind being "field", "state", "size" or "map"."""

LIST_SIZES: Group = ("size", "List", "*")


class Cell(NamedTuple):
    """Name a cell.

    Args:
        group: its field.
        handle: class of the object, None for global state.
        indices: classes of the indices.
        constants: the indices if all are constants, else None.
    """

    group: Group
    handle: int | None
    indices: tuple[int, ...]
    constants: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Writes:
    """Say what an instruction may write.

    Args:
        groups: fields of which any element of any object may change.
        element: one element of a field, on any object, and nothing else of it.
        everything: all declared state and every field that any hook can change.
    """

    groups: frozenset[Group] = frozenset()
    element: tuple[Group, tuple[int, ...]] | None = None
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.groups) or self.element is not None or self.everything

    def may_change(self, cell: Cell) -> bool:
        """Tell whether the content of a cell may be another one afterwards."""
        if self.everything or cell.group in self.groups:
            return True
        if self.element is None or self.element[0] != cell.group:
            return False
        return cell.constants is None or cell.constants == self.element[1]


_NOTHING = Writes()
_EVERYTHING = Writes(everything=True)


@dataclass(slots=True)
class Memory:
    """Hold the versions and the known contents of cells at one point."""

    versions: dict[object, object] = field(default_factory=dict)
    stored: dict[Cell, int] = field(default_factory=dict)

    def copy(self) -> Memory:
        """Return an independent copy."""
        return Memory(dict(self.versions), dict(self.stored))

    def same_as(self, other: Memory) -> bool:
        """Tell whether both know the same."""
        return self.versions == other.versions and self.stored == other.stored

    def version(self, cell: Cell) -> object:
        """Return the version of a cell's content."""
        group = cell.group
        if group[0] == "field" and group not in _mutable_fields():
            return None
        part = "?" if cell.constants is None else cell.constants
        return (self.versions.get("*"), self.versions.get(group), self.versions.get((group, part)))

    def store(self, cell: Cell, content: int, version: object) -> None:
        """Note a write of a known content."""
        if cell.constants is None:
            writes = Writes(frozenset((cell.group,)))
        else:
            writes = Writes(element=(cell.group, cell.constants))
        self.forget(writes, version)
        self.stored[cell] = content

    def forget(self, writes: Writes, version: object) -> None:
        """Note a write of unknown contents."""
        if writes.everything:
            self.versions["*"] = version
            self.stored.clear()
            return
        for group in writes.groups:
            self.versions[group] = version
        if writes.element is not None:
            group, constants = writes.element
            self.versions[group, constants] = version
            self.versions[group, "?"] = version
        for cell in [cell for cell in self.stored if writes.may_change(cell)]:
            del self.stored[cell]

    def merge_versions(self, others: Sequence[Memory], fresh: object) -> None:
        """Give a new version to everything whose version differs between paths."""
        for key in {key for other in others for key in other.versions}:
            seen = {other.versions.get(key) for other in others}
            self.versions[key] = seen.pop() if len(seen) == 1 else fresh


def group_of(state: StateField) -> Group:
    """Return the group of a field of declared state."""
    return ("state", state.scope.value, state.name)


def cell_of(
    op: LoadField | StoreField | LoadState | StoreState | ListSize,
    of: Callable[[Value], int],
    constants: dict[int, int],
) -> Cell:
    """Return the cell that an instruction reads or writes.

    Args:
        op: the instruction.
        of: class of a value.
        constants: numbers of the values that are constants, by value id.
    """
    match op:
        case LoadField() | StoreField():
            return Cell(_field_group(op.handle, op.field), of(op.handle), (), ())
        case LoadState() | StoreState():
            known = tuple(constants[i.id] for i in op.indices if i.id in constants)
            return Cell(
                group_of(op.state),
                None if op.handle is None else of(op.handle),
                tuple(of(i) for i in op.indices),
                known if len(known) == len(op.indices) else None,
            )
        case ListSize():
            return Cell(LIST_SIZES, of(op.lruvec), (of(op.list),), None)


def whole_of(op: LoadField | ListSize, of: Callable[[Value], int], list_: Definition | None) -> Cell | None:
    """Return the cell whose number is never smaller than the one that an instruction reads, None if there is none.

    Args:
        op: the instruction.
        of: class of a value.
        list_: how the list is made, where a list's size is read.
    """
    if isinstance(op, LoadField):
        assert isinstance(op.handle.type, HandleType)
        field_ = KERNEL_TYPES[op.handle.type.name].field(op.field)
        if field_ is None or not field_.part_of:
            return None
        return Cell(("field", op.handle.type.name, field_.part_of), of(op.handle), (), ())
    if list_ is None or list_.name != "list" or list_.detail == UNEVICTABLE_LIST:
        return None
    return Cell(("field", "Lruvec", LIST_FIELDS["nr_pages"].part_of), of(op.lruvec), (), ())


def writes_of(op: Op, constants: dict[int, int]) -> Writes:
    """Return what an instruction may write."""
    match op:
        case StoreField() | StoreState():
            cell = cell_of(op, _no_class, constants)
            if cell.constants is None:
                return Writes(frozenset((cell.group,)))
            return Writes(element=(cell.group, cell.constants))
        case Call():
            return _call_writes(op, constants)
        case _:
            return _NOTHING


def _no_class(_value: Value) -> int:
    """Stand in for the classes where only the field and constant indices matter."""
    return 0


def runs_no_hook(op: Call, constants: dict[int, int]) -> bool:
    """Tell whether a call runs no hook for certain: it runs none, or is asked for none of them."""
    if not op.helper.effects.runs:
        return True
    driver = op.helper.cost_per[0] if op.helper.cost_per else ""
    for param, arg in zip(reversed(op.helper.params), reversed(op.args), strict=False):
        if param.name == driver:
            return constants.get(arg.id) == 0
    return False


def _call_writes(op: Call, constants: dict[int, int]) -> Writes:
    if not runs_no_hook(op, constants):
        return _EVERYTHING
    groups = groups_written(op.helper.effects.writes)
    if op.map_decl is not None and op.helper.effects.writes_maps and not op.helper.effects.repeats:
        groups |= {_map_group(op)}
    return Writes(groups)


def looked_up(op: Call, of: Callable[[Value], int]) -> Cell | None:
    """Return the cell that a look-up in a map reads: what it answers until the map is written.

    Args:
        op: a call.
        of: class of a value.

    Returns:
        None for a call whose answer may be another one each time.
    """
    if op.map_decl is None or not op.helper.effects.repeats:
        return None
    return Cell(_map_group(op), None, (of(op.args[0]), *(of(arg) for arg in op.args[1:])), None)


def entries_of(op: Call, of: Callable[[Value], int]) -> Cell:
    """Return the cell that `size()` of the map reads on which a helper is called."""
    return Cell(_map_group(op), None, (of(op.args[0]),), None)


def _map_group(op: Call) -> Group:
    assert op.map_decl is not None
    return ("map", op.map_decl.name, "")


@cache
def groups_written(names: tuple[str, ...]) -> frozenset[Group]:
    """Translate the ABI's names of written fields; page counts of a lruvec follow the list sizes."""
    groups: set[Group] = set()
    for name in names:
        owner, _, member = name.partition(".")
        if owner == "List":
            groups.add(LIST_SIZES)
            counts = [f.name for f in KERNEL_TYPES["Lruvec"].fields if f.unit == "pages"]
            groups.update(("field", "Lruvec", count) for count in counts)
        else:
            groups.add(("field", owner, member))
    return frozenset(groups)


@cache
def _mutable_fields() -> frozenset[Group]:
    """Return the kernel fields that can change while a hook runs."""
    groups = {
        ("field", owner.name, f.name) for owner in KERNEL_TYPES.values() for f in owner.fields if f.writable
    }
    for helper in HELPERS:
        groups |= groups_written(helper.effects.writes)
    return frozenset(groups)


def _field_group(handle: Value, name: str) -> Group:
    assert isinstance(handle.type, HandleType)
    return ("field", handle.type.name, name)
