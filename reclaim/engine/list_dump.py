"""The lists of a machine at one moment: names, owners, sizes by type, and generations where a policy has them.

Here: the structure of a dump and its text, with generations in the form of the kernel's debugfs file `lru_gen`. Not
here: where the numbers come from (machine.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from reclaim.engine import kernel_files

_FEW = 4
"""Empty lists of an array that stand together and get a line each in a text; ours, two generations of both types."""

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


def nr_generations(state: Mapping[str, Any], lists: Iterable[str]) -> int:
    """Return how many of the lists `gens[n][2]` take turns, 0 for a policy without such lists."""
    nr_lists = sum(name.startswith("gens[") and name.endswith("][0]") for name in lists)
    return min(int(state.get("nr_gens", nr_lists)), nr_lists)


def generations(
    state: Mapping[str, Any], lists: Mapping[str, Mapping[str, Any]], now_ns: int
) -> list[dict[str, int]] | None:
    """Return the generations of a lruvec, oldest first.

    A policy has generations where it keeps `max_seq` and `min_seq[2]` for each lruvec and a list `gens[n][2]`, sequence
    numbers taking turns on the first `nr_gens` of them, where it keeps that too, else on all. Their age comes from
    `timestamps[n]`, if there is that.

    Args:
        state: the policy's state of the lruvec.
        lists: its lists by name, with `anon` and `file` pages.
        now_ns: virtual time.

    Returns:
        seq, age_ms, anon and file pages of each; None for a policy without generations.
    """
    nr_gens = nr_generations(state, lists)
    if not nr_gens or "max_seq" not in state or len(state.get("min_seq", ())) != len(kernel_files.TYPES):
        return None
    born = state.get("timestamps", [now_ns] * nr_gens)
    found = []
    for seq in range(int(min(state["min_seq"])), int(state["max_seq"]) + 1):
        gen = seq % nr_gens
        pages = {
            kind: lists[f"gens[{gen}][{type_}]"][kind] if seq >= int(state["min_seq"][type_]) else 0
            for type_, kind in enumerate(kernel_files.TYPES)
        }
        found.append({"seq": seq, "age_ms": max(now_ns - int(born[gen]), 0) // _NS_PER_MS, **pages})
    return found


def dump_text(dump: Mapping[str, Any]) -> Iterator[str]:
    """Write a dump for people, line by line.

    Args:
        dump: as `Machine.dump` gives it, with its `time_ns`.

    Returns:
        Lines with their line feeds.
    """
    yield f"# {dump['time_ns'] / _NS_PER_S:.6f} s\n"
    for path, memcg in dump["memcgs"].items():
        for lruvec in memcg["lruvecs"]:
            yield f"\nmemcg {memcg['id']:5d} {path}\n node {lruvec['node']:5d}  policy {lruvec['policy']}\n"
            yield from _lists_text(lruvec["lists"])
            if lruvec["generations"] is not None:
                yield "\n# as in /sys/kernel/debug/lru_gen: seq, age in ms, anon pages, file pages\n"
                yield f"memcg {memcg['id']:5d} {path}\n node {lruvec['node']:5d}\n"
                for gen in lruvec["generations"]:
                    yield f" {gen['seq']:10d} {gen['age_ms']:10d} {gen['anon']:10d}  {gen['file']:10d} \n"
        is_numa = len(memcg["lruvecs"]) > 1
        for name in ("memory.stat", *(("memory.numa_stat",) if is_numa else ()), "memory.events"):
            yield f"\n# {path} {name}\n{kernel_files.as_text(memcg[name])}"
        yield f"\n# {path} memory.pressure\n{kernel_files.as_text(memcg['memory.pressure'])}"
    for name, numbers in dump["nodes"].items():
        yield f"\n# {name} vmstat\n{kernel_files.as_text(numbers)}"


def _lists_text(lists: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    width = max(map(len, lists))
    yield f"  {'list':{width}}  {'class':11}  {'anon':>10}  {'file':>10}  {'oldest':>10}  {'youngest':>10}\n"
    for array, group in groupby(lists.items(), _empty_array):
        members = list(group)
        if array is not None and len(members) > _FEW:
            yield f"  {members[0][0]} to {members[-1][0]}: {len(members)} lists, all empty\n"
        else:
            yield from _list_lines(members, width)


def _empty_array(item: tuple[str, Mapping[str, Any]]) -> str | None:
    """Return the array that a list is of, where it is empty and of one."""
    name, numbers = item
    array, bracket, _ = name.partition("[")
    return array if bracket and numbers["oldest"] is None and not numbers["anon"] + numbers["file"] else None


def _list_lines(lists: Iterable[tuple[str, Mapping[str, Any]]], width: int) -> Iterator[str]:
    for name, numbers in lists:
        ends = (f"{pfn:#x}" if pfn is not None else "-" for pfn in (numbers["oldest"], numbers["youngest"]))
        columns = "  ".join(f"{text:>10}" for text in (numbers["anon"], numbers["file"], *ends))
        yield f"  {name:{width}}  {numbers['class']:11}  {columns}\n"
