"""Kinds of maps that a policy can declare; their methods stand in `helpers`.

Keys and values are integers. Look-ups copy. Everything is allocated when the policy is attached,
one instance per lruvec, memcg or machine as `scope=` says; `count=` makes an array of such maps.
"""

from __future__ import annotations

from reclaim.abi.kinds import MapKind

MAP_KINDS: dict[str, MapKind] = {
    m.name: m
    for m in (
        MapKind(
            "array_map",
            "Values by index 0 to max_entries - 1, all 0 at first.",
            keyed=False,
            valued=True,
            size_param="max_entries",
        ),
        MapKind(
            "hash_map",
            "Values by key; `put` answers False when full.",
            keyed=True,
            valued=True,
            size_param="max_entries",
        ),
        MapKind(
            "lru_hash",
            "Values by key; when full, `put` drops the entry that was put or got longest ago.",
            keyed=True,
            valued=True,
            size_param="max_entries",
        ),
        MapKind(
            "hash_set",
            "Keys; `add` answers False when full.",
            keyed=True,
            valued=False,
            size_param="max_entries",
        ),
        MapKind(
            "lru_set",
            "Keys; when full, `add` drops the key that was added longest ago.",
            keyed=True,
            valued=False,
            size_param="max_entries",
        ),
        MapKind(
            "bloom_filter",
            "Keys, inexactly: `contains` never errs on a key that was added, two hashes.",
            keyed=True,
            valued=False,
            size_param="bits",
        ),
    )
}
