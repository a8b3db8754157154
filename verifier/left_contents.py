"""What a hook leaves in declared state: contents that something else may read, by where it may.

`lruvec.hand += 1` and, two lines on, `if lruvec.hand == 64: lruvec.hand = 0` never leave 64 behind: nobody looks in
between but the hook itself, and that knows what it has just stored. So it is not the stores that say what a field may
hold for others, but the contents of cells

- where the hook ends;
- where a helper runs another hook;
- where a load, or a way that comes together with others, may mean a cell by another name (a second handle, another
  index): the content is not known there to be what was stored, and is taken for what any field may hold;
- where a store by another name may end what is known of a cell;
- at the end of a loop's round, of cells that the next round knows nothing of.

Contents are classes of numbering, which follows them through branches and loops (`numbering.MemoryPhi`); this notes
at which places which of them count. A cell that is stored into again by the same name before any of these has lost
what it held: nobody saw it.
"""

from __future__ import annotations

from collections.abc import Iterable

from reclaim.lang.ir import Op
from verifier.memory_cells import Cell, Group, Memory, Writes

Left = list[tuple[Group, int]]
"""Fields, each with the class of a content."""


class LeftContents:
    """Collect what is left in state, while a hook is numbered.

    Attributes:
        before: by `id` of an instruction what may be read when it runs.
        at_end: by block what may be read when it was run.
    """

    def __init__(self) -> None:
        self.before: dict[int, Left] = {}
        self.at_end: dict[int, Left] = {}

    def load(self, op: Op, cell: Cell, memory: Memory) -> None:
        """Note what a load may read that is stored under other names."""
        if cell.group[0] == "state" and cell not in memory.stored:
            self._note(self.before, id(op), _namesakes(cell, memory), memory)

    def write(self, op: Op, writes: Writes, memory: Memory, cell: Cell | None = None) -> None:
        """Note what a hook that runs now may read, or what is lost sight of.

        Args:
            op: what writes.
            writes: what it may write.
            memory: what is known before.
            cell: the one that is stored into, None where a helper writes.
        """
        lost = (other for other in memory.stored if other != cell and writes.may_change(other))
        self._note(self.before, id(op), lost, memory)

    def end(self, block: int, memory: Memory, cells: Iterable[Cell] | None = None) -> None:
        """Note what cells hold at the end of a block, all of them where the hook ends there."""
        self._note(self.at_end, block, memory.stored if cells is None else cells, memory)

    def meet(self, block: int, memory: Memory, cells: Iterable[Cell]) -> None:
        """Note what the contents of cells may be that other ways, or the round to come, know and this one does not."""
        for cell in cells:
            if cell.group[0] == "state" and cell not in memory.stored:
                self.end(block, memory, _namesakes(cell, memory))

    @staticmethod
    def _note(where: dict[int, Left], place: int, cells: Iterable[Cell], memory: Memory) -> None:
        found = [(cell.group, memory.stored[cell]) for cell in cells if cell.group[0] == "state"]
        if found:
            known = where.setdefault(place, [])
            known += [left for left in found if left not in known]


def _namesakes(cell: Cell, memory: Memory) -> list[Cell]:
    """Return the known cells that may be the same memory as one that is not known."""
    return [
        other
        for other in memory.stored
        if other.group == cell.group
        and (cell.constants is None or other.constants is None or cell.constants == other.constants)
    ]
