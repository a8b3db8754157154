"""What a machine is made of, as frozen data: nodes, memcgs, swap devices, options.

Here: the data classes, every check that needs no native code, and the one parser of sizes. Not here: building the
machine (machine.py) and scenario files (reclaim/lab/scenario.py), which end in the same data.

The checks stand in the constructors, so that a description that exists is a description that makes sense.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from reclaim.abi.limits import MAX_DEPTH, MAX_MEMCGS, MAX_NODES, MAX_PAGES, MAX_SWAPPINESS, PAGE_BYTES
from reclaim.abi.options import OPTIONS
from reclaim.diag.errors import ConfigError

MIN_NODE_PAGES = 64
"""Smallest node; ours: below it the smallest watermark (32 pages, min_free_kbytes 128) is half of the memory."""

DEFAULT_NODE_PAGES = 1 << 18
"""1 GiB, where neither nodes nor a limit say otherwise."""

DEFAULT_MEMCG = "/lab"
"""Memcg that `memory_max` makes and that tasks join when they name none."""

OptionValue = int | Sequence[int]
"""Of a machine's option: a number, a switch, or a set of numbers."""

SwapKind = Literal["zram", "ssd", "disk"]

MempolicyMode = Literal["default", "preferred", "bind", "interleave"]
"""Modes of a task's memory policy, in the order of MPOL_* (include/uapi/linux/mempolicy.h)."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|(%))?", re.IGNORECASE)
_SUFFIX_BYTES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str | int, whole_pages: int | None = None, what: str = "size") -> int:
    """Turn a size as people write it into pages.

    Args:
        text: pages (`1000`), bytes with a suffix (`512M`, `1.5G`), or a share of `whole_pages` (`10%`).
        whole_pages: what 100 % is, as a rule the footprint of the trace; None where a share makes no sense.
        what: name of the setting, for the message.

    Returns:
        Pages, rounded up for bytes and to nearest, but at least 1, for a share above zero.

    Raises:
        ConfigError: not a size, a share of nothing, or more pages than a machine can have.
    """
    match = _SIZE.fullmatch(str(text).strip())
    if isinstance(text, bool) or match is None:
        raise ConfigError(f"{what} is {text!r}; expected pages (`1000`), K/M/G/T (`512M`) or a share (`10%`)")
    number, suffix, percent = match.groups()
    if percent:
        if whole_pages is None:
            raise ConfigError(f"{what} is {text!r}, but there is nothing here that it could be a share of")
        pages = max(round(float(number) * whole_pages / 100), 1 if float(number) else 0)
    elif suffix:
        pages = -int(-float(number) * _SUFFIX_BYTES[suffix.upper()] // PAGE_BYTES)
    elif "." in number:
        raise ConfigError(f"{what} is {text!r}; pages are whole, and bytes need a suffix such as `M`")
    else:
        pages = int(number)
    if pages > MAX_PAGES:
        raise ConfigError(f"{what} is {text!r}, {pages:,} pages; at most {MAX_PAGES:,} expected")
    return pages


def parse_swap(spec: str, whole_pages: int | None = None) -> tuple[SwapConfig, ...]:
    """Turn a description of swap such as `zram:25%,ssd:1G` into devices, the first one used first.

    Args:
        spec: `none`, or devices `KIND:SIZE` separated by commas; `zram:SIZE:LIMIT` limits the memory that it takes.
        whole_pages: what 100 % of a size is.

    Returns:
        The devices, priorities falling from left to right.

    Raises:
        ConfigError: an unknown kind or a bad size.
    """
    if spec.strip() == "none":
        return ()
    parts = [part.strip() for part in spec.split(",")]
    devices = []
    for number, part in enumerate(parts):
        kind, colon, sizes = part.partition(":")
        size, has_limit, limit = sizes.partition(":")
        if kind not in get_args(SwapKind):
            raise ConfigError(
                f"swap is {spec!r}: unknown kind {kind!r}{suggest(kind, [*get_args(SwapKind), 'none'])}"
            )
        if not colon:
            raise ConfigError(f"swap is {spec!r}: {part!r} has no size; expected `{kind}:SIZE`")
        pages = parse_size(size, whole_pages, f"size of swap {kind!r}")
        most = parse_size(limit, whole_pages, f"memory limit of swap {kind!r}") if has_limit else 0
        devices.append(
            SwapConfig(
                kind=_swap_kind(kind), pages=pages, priority=len(parts) - 1 - number, mem_limit_pages=most
            )
        )
    return tuple(devices)


def parse_mempolicy(text: str, nr_nodes: int) -> Mempolicy:
    """Turn a memory policy as `numactl` people say it into its parts.

    Args:
        text: `default`, or `bind:NODES`, `interleave:NODES`, `preferred:NODE`; nodes are numbers with commas.
        nr_nodes: nodes of the machine.

    Raises:
        ConfigError: an unknown mode, no nodes, or nodes that do not exist.
    """
    mode, colon, listed = text.strip().partition(":")
    if mode not in get_args(MempolicyMode):
        raise ConfigError(
            f"memory policy is {text!r}: unknown mode {mode!r}{suggest(mode, get_args(MempolicyMode))}"
        )
    if mode == "default":
        if colon:
            raise ConfigError(f"memory policy is {text!r}; `default` names no nodes")
        return Mempolicy("default", ())
    parts = [part.strip() for part in listed.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"memory policy is {text!r}; expected node numbers such as `{mode}:0,1`")
    nodes = tuple(sorted({int(part) for part in parts}))
    if nodes[-1] >= nr_nodes:
        raise ConfigError(f"memory policy is {text!r}: no node {nodes[-1]}; expected 0 to {nr_nodes - 1}")
    if mode == "preferred" and len(nodes) > 1:
        raise ConfigError(f"memory policy is {text!r}; expected one node, as in `preferred:{nodes[0]}`")
    return Mempolicy(_mempolicy_mode(mode), nodes)


def suggest(word: str, known: Iterable[str], other: str = "") -> str:
    """Return the tail of a message about an unknown word: what is known, and which one was probably meant.

    Args:
        word: what was found.
        known: the words that could stand there.
        other: what else could stand there, in words.
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    choices = f"; expected one of {', '.join(names)}" + (f", or {other}" if other else "")
    return choices + (f"; did you mean `{close[0]}`?" if close else "")


def check_range(what: str, value: object, least: int, most: int, unit: str = "") -> None:
    """Refuse a number outside its range.

    Raises:
        ConfigError: it is outside, or not a whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{what} is {value!r}; expected a whole number")
    if not least <= value <= most:
        raise ConfigError(f"{what} is {value}{unit and ' ' + unit}; expected {least} to {most}")


@dataclass(frozen=True, slots=True)
class Mempolicy:
    """Say which nodes a task's pages come from.

    Args:
        mode: `default` and `preferred` fall back over all nodes, `bind` stays on its own, `interleave` takes turns.
        nodes: the nodes named, rising; empty for `default`.
    """

    mode: MempolicyMode
    nodes: tuple[int, ...]


TEXTBOOK_MACHINE: dict[str, int | bool] = {
    "reclaim_batch": 1,
    "charge_batch": 1,
    "add_batch": 1,
    "kswapd": False,
    "writeback": False,
    "charge_kmem": False,
    "repeat_reads": True,
    "read_ahead_kb": 0,
    "fault_around_bytes": PAGE_BYTES,
    "page_cluster": 0,
    "pool_takes_pages": False,
    "zswap_percent": 0,
}
"""Machine options under which a policy evicts page by page at exactly the limit."""

KERNEL_READ_AHEAD: dict[str, int] = {"read_ahead_kb": 128, "fault_around_bytes": 1 << 16}
"""Machine options with which files are read ahead as on a real system: VM_READAHEAD_PAGES (include/linux/mm.h v6.12),
fault_around_pages (mm/memory.c v6.12). docs/decisions/0017 says when they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Describe one NUMA node.

    Args:
        pages: managed pages; MIN_NODE_PAGES or more.
        tier: memory tier; 0 is the fastest.
        distances: NUMA distance to each node, as the kernel's SLIT; None: 10 to itself, 20 to the others.
        watermarks_pages: (min, low, high); None: the kernel's formula.

    Raises:
        ConfigError: a number out of range, or watermarks that do not rise.
    """

    pages: int
    tier: int = 0
    distances: tuple[int, ...] | None = None
    watermarks_pages: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        check_range("size of a node", self.pages, MIN_NODE_PAGES, MAX_PAGES, "pages")
        check_range("tier of a node", self.tier, 0, 15)
        if self.watermarks_pages is not None:
            lowest, low, high = self.watermarks_pages
            if not 0 <= lowest <= low <= high < self.pages:
                raise ConfigError(
                    f"watermarks of a node are {lowest}, {low}, {high} pages; "
                    f"expected rising numbers below its {self.pages} pages"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcgConfig:
    """Describe one memcg below the root.

    Args:
        path: from the root, `/tenants/a`; parents must stand before their children.
        max_pages: memory.max; None for no limit.
        high_pages: memory.high, above which tasks reclaim and wait; None for none.
        low_pages: memory.low.
        min_pages: memory.min.
        swap_max_pages: memory.swap.max; None for no limit.
        swap_high_pages: memory.swap.high; None for no limit.
        zswap_max_pages: memory.zswap.max, of compressed memory; None for no limit.
        zswap_writeback: memory.zswap.writeback; without it nothing of the memcg goes to swap devices past zswap.
        swappiness: 0 to 200; None: as the machine's.
        oom_group: memory.oom.group: the OOM killer takes all of its tasks or none.

    Raises:
        ConfigError: a bad path, a limit of no pages, or more protected than permitted.
    """

    path: str
    max_pages: int | None = None
    high_pages: int | None = None
    low_pages: int = 0
    min_pages: int = 0
    swap_max_pages: int | None = None
    swap_high_pages: int | None = None
    zswap_max_pages: int | None = None
    zswap_writeback: bool = True
    swappiness: int | None = None
    oom_group: bool = False

    def __post_init__(self) -> None:
        check_memcg_path(self.path)
        where = f"memcg {self.path}"
        if self.max_pages is not None:
            check_range(f"{where}: memory.max", self.max_pages, 1, MAX_PAGES, "pages")
        if self.high_pages is not None:
            check_range(f"{where}: memory.high", self.high_pages, 0, MAX_PAGES, "pages")
        check_range(f"{where}: memory.low", self.low_pages, 0, MAX_PAGES, "pages")
        check_range(f"{where}: memory.min", self.min_pages, 0, MAX_PAGES, "pages")
        if self.swap_max_pages is not None:
            check_range(f"{where}: memory.swap.max", self.swap_max_pages, 0, MAX_PAGES, "pages")
        if self.swap_high_pages is not None:
            check_range(f"{where}: memory.swap.high", self.swap_high_pages, 0, MAX_PAGES, "pages")
        if self.zswap_max_pages is not None:
            check_range(f"{where}: memory.zswap.max", self.zswap_max_pages, 0, MAX_PAGES, "pages")
        if self.swappiness is not None:
            check_range(f"{where}: swappiness", self.swappiness, 0, MAX_SWAPPINESS)
        if self.max_pages is not None and self.min_pages > self.max_pages:
            raise ConfigError(
                f"{where}: memory.min is {self.min_pages} pages, above memory.max of {self.max_pages}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapConfig:
    """Describe one swap device.

    Args:
        kind: `zram` compresses into memory at the CPU's cost, `ssd` and `disk` wait for the device.
        pages: slots; 1 or more.
        priority: devices with a higher number fill first.
        mem_limit_pages: of zram: the most memory that stored pages may take; 0 for no limit.

    Raises:
        ConfigError: an unknown kind or no slots.
    """

    kind: SwapKind
    pages: int
    priority: int = 0
    mem_limit_pages: int = 0

    def __post_init__(self) -> None:
        _swap_kind(self.kind)
        check_range(f"size of swap {self.kind!r}", self.pages, 1, MAX_PAGES, "pages")
        check_range(f"priority of swap {self.kind!r}", self.priority, -1, 32767)
        check_range(f"memory limit of swap {self.kind!r}", self.mem_limit_pages, 0, MAX_PAGES, "pages")
        if self.mem_limit_pages and self.kind != "zram":
            raise ConfigError(f"swap {self.kind!r} has a memory limit; only zram takes memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineConfig:
    """Describe a whole machine.

    Args:
        nodes: at least one.
        memcgs: parents before children; the root exists without being named.
        swap: any number of devices.
        costs: virtual costs that differ from the core's table, by the table's own names; ns.
        seed: of the machine's random numbers.
        options: the rest, where it differs from the defaults; names and meanings are those of reclaim/abi/options.py,
            switches are True or False.

    Raises:
        ConfigError: nothing to run on, too much of it, or a tree that is none.
    """

    nodes: tuple[NodeConfig, ...]
    memcgs: tuple[MemcgConfig, ...] = ()
    swap: tuple[SwapConfig, ...] = ()
    costs: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_kinds()
        check_range("number of nodes", len(self.nodes), 1, MAX_NODES)
        check_range("memory of all nodes", sum(node.pages for node in self.nodes), 1, MAX_PAGES - 1, "pages")
        check_range("number of memcgs", len(self.memcgs), 0, MAX_MEMCGS - 1)
        check_range("seed", self.seed, 0, (1 << 64) - 1)
        self._check_options()
        self._check_tree()
        for node in self.nodes:
            if node.distances is not None and len(node.distances) != len(self.nodes):
                raise ConfigError(
                    f"a node has {len(node.distances)} distances; expected one for each of {len(self.nodes)} nodes"
                )

    def option(self, name: str) -> int:
        """Return the value of an option that is a number or a switch, the default where none was given."""
        value = self.options.get(name, OPTIONS[name].default)
        assert isinstance(value, int), f"{name} is a set of numbers"
        return value

    def _check_kinds(self) -> None:
        """Refuse members of the wrong kind, which Python itself would let pass."""
        for name, kind in (("nodes", NodeConfig), ("memcgs", MemcgConfig), ("swap", SwapConfig)):
            for member in getattr(self, name):
                if not isinstance(member, kind):
                    raise ConfigError(f"{name} holds {member!r}; expected {kind.__name__}(...)")

    def _check_options(self) -> None:
        for name, value in self.options.items():
            check_option(name, value)
        around, balancing = self.option("fault_around_bytes"), self.option("numa_balancing")
        if around & (around - 1):
            raise ConfigError(f"fault_around_bytes is {around}; expected a power of two")
        if balancing == 1:
            raise ConfigError("numa_balancing is 1; expected 0 or 2, memory tiering")
        shortest, longest = self.option("numa_scan_period_min_ms"), self.option("numa_scan_period_max_ms")
        if shortest > longest:
            raise ConfigError(
                f"numa_scan_period_min_ms is {shortest}, above numa_scan_period_max_ms of {longest}"
            )
        odd, same = self.option("incompressible_permille"), self.option("same_filled_permille")
        check_range("same_filled_permille", same, 0, 1000 - odd)

    def _check_tree(self) -> None:
        known = {"/"}
        for memcg in self.memcgs:
            if memcg.path in known:
                raise ConfigError(f"memcg {memcg.path} is described twice")
            parent = memcg.path.rpartition("/")[0] or "/"
            if parent not in known:
                raise ConfigError(
                    f"memcg {memcg.path} stands before its parent {parent}, or that is missing"
                    + (suggest(parent, known) if len(known) > 1 else "")
                )
            known.add(memcg.path)


def check_option(name: str, value: OptionValue) -> None:
    """Refuse an option that is none, and a value that it cannot have.

    Raises:
        ConfigError: an unknown name, the wrong kind, or a number outside its range.
    """
    if name not in OPTIONS:
        others = ("nodes", "memory_max", "swap", "memcgs", "costs", "seed")
        raise ConfigError(f"unknown machine option `{name}`{suggest(name, [*OPTIONS, *others])}")
    option = OPTIONS[name]
    match option.kind:
        case "number":
            check_range(name, value, option.least, option.most, option.unit)
        case "switch":
            if not isinstance(value, bool):
                raise ConfigError(f"{name} is {value!r}; expected True or False")
        case "set":
            if not isinstance(value, list | tuple):
                raise ConfigError(f"{name} is {value!r}; expected several numbers, such as (4, 9)")
            for number in value:
                check_range(f"a number of {name}", number, option.least, option.most)


def check_memcg_path(path: str) -> None:
    """Refuse what is no path of a memcg below the root.

    Raises:
        ConfigError: it does not start with `/`, has empty parts, is the root, or is too deep.
    """
    parts = path.split("/")
    if not path.startswith("/") or any(not part for part in parts[1:]):
        raise ConfigError(f"memcg path is {path!r}; expected a path such as `/tenants/a`")
    if len(parts) - 1 >= MAX_DEPTH:
        raise ConfigError(f"memcg {path} lies {len(parts) - 1} levels deep; at most {MAX_DEPTH - 1} expected")


def make_config(
    *,
    nodes: int | str | Sequence[NodeConfig] | None = None,
    memory_max: int | str | None = None,
    swap: str | Sequence[SwapConfig] = (),
    memcgs: Sequence[MemcgConfig] = (),
    costs: Mapping[str, int] | None = None,
    seed: int = 0,
    **options: OptionValue,
) -> MachineConfig:
    """Build a machine's description from the short forms that `Machine(...)` takes.

    Args:
        nodes: descriptions, or the size of a single node; None: as large as the limit and zram need, so that only the
            limit presses, or 1 GiB where there is no limit either.
        memory_max: limit of the memcg `/lab`, which is made for it and which tasks join when they name none.
        swap: descriptions, or text as for `parse_swap`; sizes in per cent are of `memory_max`.
        memcgs: descriptions of further memcgs.
        costs: virtual costs that differ from the core's table; ns.
        seed: of the machine's random numbers.
        options: those of reclaim/abi/options.py.

    Returns:
        The complete description.

    Raises:
        ConfigError: something does not make sense, or an unknown option.
    """
    limit = None if memory_max is None else parse_size(memory_max, None, "memory_max")
    devices = parse_swap(swap, limit) if isinstance(swap, str) else tuple(swap)
    own = () if limit is None else (MemcgConfig(path=DEFAULT_MEMCG, max_pages=limit),)
    return MachineConfig(
        nodes=_nodes(nodes, limit, pool_pages(devices)),
        memcgs=(*own, *memcgs),
        swap=devices,
        costs={} if costs is None else costs,
        seed=seed,
        options=options,
    )


def pool_pages(devices: Sequence[SwapConfig]) -> int:
    """Return the most pages that the devices can take from nodes: everything stored, and none of it compressed."""
    return sum(device.mem_limit_pages or device.pages for device in devices if device.kind == "zram")


def _nodes(
    nodes: int | str | Sequence[NodeConfig] | None, limit: int | None, pool: int
) -> tuple[NodeConfig, ...]:
    if nodes is None:
        # A quarter more, 64 MiB and room for zram: the high watermark is below 2 % of a node, so the limit presses.
        pages = (
            DEFAULT_NODE_PAGES if limit is None else min(limit + limit // 4 + (1 << 14) + pool, MAX_PAGES - 1)
        )
        return (NodeConfig(pages=pages),)
    if isinstance(nodes, (int, str)):
        return (NodeConfig(pages=parse_size(nodes, None, "nodes")),)
    return tuple(nodes)


def _swap_kind(kind: str) -> SwapKind:
    for known in get_args(SwapKind):
        if kind == known:
            return known  # type: ignore[no-any-return]  # get_args is untyped
    raise ConfigError(f"unknown kind of swap {kind!r}{suggest(kind, get_args(SwapKind))}")


def _mempolicy_mode(mode: str) -> MempolicyMode:
    return next(known for known in get_args(MempolicyMode) if known == mode)
