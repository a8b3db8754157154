"""The other side of a comparison: libCacheSim, its own C policies and its Python plugin cache.

Its fastest honest path: a binary trace file in the library's main format, mapped into memory and read by its C reader,
its C loop over the requests, object sizes ignored, and of several hash table sizes the one that is fastest here (its
default of 2^24 buckets misses the processor's caches at every access).

The plugin policies are written as a user would write them, in a few lines of Python.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libcachesim
import numpy as np

from reclaim.workload.access_trace import PAGE_MASK, Records

_RECORD = np.dtype([("time", "<u4"), ("object", "<u8"), ("size", "<u4"), ("next", "<i8")])
"""A record of the oracleGeneral format."""

C_POLICIES = {"s3fifo": libcachesim.S3FIFO, "second_chance": libcachesim.Clock}
"""Its own counterpart of each policy of ours."""


def write_library_trace(path: Path, records: Records) -> None:
    """Write records in the library's format; object 0 means none there, so numbers start at 1."""
    rows = np.zeros(len(records), dtype=_RECORD)
    rows["object"] = (records & np.uint32(PAGE_MASK)).astype(np.uint64) + 1
    rows["size"] = 1
    rows["next"] = -2
    rows.tofile(path)


def run_c_policy(policy: str, path: Path, capacity_pages: int, hash_bits: int) -> tuple[float, float]:
    """Run one of the library's own policies.

    Returns:
        Seconds, and the share of misses.
    """
    cache = C_POLICIES[policy](capacity_pages, hashpower=hash_bits)
    return _run(cache, path)


def best_hash_bits(policy: str, path: Path, capacity_pages: int) -> int:
    """Return the size of the hash table with which the library is fastest on this trace."""
    least = math.ceil(math.log2(capacity_pages))
    sizes = [least, least + 1, least + 2, 24]
    seconds = {bits: run_c_policy(policy, path, capacity_pages, bits)[0] for bits in sizes}
    return min(seconds, key=lambda bits: seconds[bits])


def run_plugin(policy: str, path: Path, capacity_pages: int) -> tuple[float, float]:
    """Run the same policy as a plugin in Python.

    Returns:
        Seconds, and the share of misses.
    """
    hooks = PLUGINS[policy]
    least = math.ceil(math.log2(capacity_pages))
    cache = libcachesim.PluginCache(
        capacity_pages,
        lambda _params: hooks(capacity_pages),
        lambda state, request: state.hit(request.obj_id),
        lambda state, request: state.miss(request.obj_id),
        lambda state, _request: state.evict(),
        lambda state, key: state.remove(key),
        lambda _state: None,
        hashpower=least + 1,
    )
    return _run(cache, path)


def _run(cache: Any, path: Path) -> tuple[float, float]:
    options = libcachesim.ReaderInitParam(ignore_obj_size=True)
    reader = libcachesim.TraceReader(str(path), libcachesim.TraceType.ORACLE_GENERAL_TRACE, options)
    start = time.thread_time()
    miss_ratio, _ = cache.process_trace(reader)
    return time.thread_time() - start, miss_ratio


class PluginClock:
    """Second chance in Python."""

    def __init__(self, _capacity: int) -> None:
        self._used: OrderedDict[int, bool] = OrderedDict()

    def hit(self, key: int) -> None:
        """Mark an object as used."""
        self._used[key] = True

    def miss(self, key: int) -> None:
        """Take in an object."""
        self._used[key] = False

    def evict(self) -> int:
        """Return the first object that was not used since its last inspection."""
        while True:
            key, is_used = self._used.popitem(last=False)
            if not is_used:
                return key
            self._used[key] = False

    def remove(self, key: int) -> None:
        """Forget an object."""
        self._used.pop(key, None)


@dataclass
class PluginS3Fifo:
    """S3-FIFO in Python."""

    capacity: int
    small: deque[int] = field(default_factory=deque)
    main: deque[int] = field(default_factory=deque)
    ghosts: OrderedDict[int, None] = field(default_factory=OrderedDict)
    uses: dict[int, int] = field(default_factory=dict)

    def hit(self, key: int) -> None:
        """Count a use."""
        self.uses[key] = min(self.uses[key] + 1, 3)

    def miss(self, key: int) -> None:
        """Take in an object: into the main queue if it was there not long ago."""
        (self.main if key in self.ghosts else self.small).append(key)
        self.ghosts.pop(key, None)
        self.uses[key] = 0

    def evict(self) -> int:
        """Return the next object to go."""
        while True:
            if len(self.small) * 10 >= self.capacity or not self.main:
                key = self.small.popleft()
                if self.uses[key] < 2:
                    self.ghosts[key] = None
                    if len(self.ghosts) * 10 > self.capacity * 9:
                        self.ghosts.popitem(last=False)
                    break
                self.main.append(key)
                self.uses[key] = 0
            else:
                key = self.main.popleft()
                if not self.uses[key]:
                    break
                self.main.append(key)
                self.uses[key] -= 1
        del self.uses[key]
        return key

    def remove(self, key: int) -> None:
        """Forget an object; the library does not call this in a replay."""
        self.uses.pop(key, None)


PLUGINS: dict[str, Callable[[int], Any]] = {"s3fifo": PluginS3Fifo, "second_chance": PluginClock}
