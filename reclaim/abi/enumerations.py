"""Named numbers that hooks are told: why a folio came, how it was touched, why it came back."""

from __future__ import annotations

from reclaim.abi.kinds import EnumKind

ENUMS: dict[str, EnumKind] = {
    e.name: e
    for e in (
        EnumKind(
            "Added",
            "Say why a folio is added.",
            {
                "ANON_FAULT": (0, "first touch of anonymous memory"),
                "FILE_FAULT": (1, "a fault on mapped file memory"),
                "BUFFERED": (2, "a read or write through a file descriptor"),
                "READAHEAD": (3, "read ahead, not yet asked for"),
                "SWAP_IN": (4, "a fault on a swapped-out page"),
                "MIGRATED": (5, "moved from another node"),
                "ADOPTED": (6, "was on a list of the policy that governed before"),
                "RESCUED": (7, "was unevictable, and its last locked mapping went"),
                "WRITTEN": (
                    8,
                    "reclaim wanted it while it had to be written; it goes to the tail of the list named",
                ),
            },
        ),
        EnumKind(
            "Migrated",
            "Say why a folio's contents moved to another frame.",
            {
                "DEMOTED": (0, "reclaim moved it to a slower tier instead of freeing it"),
                "PROMOTED": (1, "a task of a faster tier used it, and it came there"),
            },
        ),
        EnumKind(
            "Removal",
            "Say why a folio went without being reclaimed.",
            {
                "FREED": (0, "its task ended"),
                "MOVED": (1, "it moved to a node that another policy governs"),
            },
        ),
        EnumKind(
            "Access",
            "Say how a folio was touched where the core sees it.",
            {
                "READ": (0, "read through a file descriptor"),
                "WRITE": (1, "written through a file descriptor"),
                "UNMAP_YOUNG": (2, "a young PTE of it was unmapped"),
                "FIRST_READ": (3, "the read through a file descriptor that brought it in"),
            },
        ),
        EnumKind(
            "Where",
            "Say who found a young PTE.",
            {
                "WALK": (0, "a page-table walk"),
                "LOOK_AROUND": (1, "the look-around beside a PTE of another folio"),
                "DRAIN": (2, "the look-around, earlier; now the batch that the folio waited in drains"),
            },
        ),
        EnumKind(
            "Outcome",
            "Say why an isolated folio was not freed.",
            {
                "KEPT": (0, "the verdict kept it"),
                "LOCKED": (1, "locked, or the rmap lock was contended"),
                "DIRTY": (2, "dirty and not to be written by this reclaim"),
                "WRITEBACK": (3, "under writeback"),
                "MAPPED": (4, "could not be unmapped"),
                "SWAP_FULL": (5, "no swap slot"),
                "REMOVAL_FAILED": (6, "touched again at the last moment"),
                "ACTIVE": (7, "the policy marked it active while it was isolated"),
            },
        ),
        EnumKind(
            "Origin",
            "Say who asked for the reclaim.",
            {
                "KSWAPD": (0, "the node's kswapd, below its low watermark"),
                "DIRECT": (1, "an allocation that found no free page"),
                "MEMCG_LIMIT": (2, "a charge above memory.max"),
                "PROACTIVE": (3, "memory.reclaim"),
                "MEMCG_HIGH": (4, "a usage above memory.high"),
            },
        ),
        EnumKind(
            "BatchKind",
            "Say what the last batch did.",
            {
                "FIRST": (0, "there was none yet in this pass over the lruvec"),
                "RECLAIMED": (1, "a batch of folios went through reclaim"),
                "DEACTIVATED": (2, "a batch of folios went through deactivation"),
                "AGED": (3, "the age hook ran"),
            },
        ),
        EnumKind(
            "Visited",
            "Say what the walk over memcgs did with one.",
            {
                "SKIPPED": (0, "it was passed by"),
                "SCANNED": (1, "a pass was made over its lruvec"),
            },
        ),
        EnumKind(
            "Walk",
            "Say how a page-table walk ended.",
            {
                "DONE": (0, "the walk came to its end"),
                "MORE": (1, "the limit was reached; the next call goes on from there"),
                "NONE": (2, "there was nothing to walk: no task of the memcg ran since the last walk"),
            },
        ),
    )
}
