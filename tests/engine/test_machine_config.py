"""Descriptions of machines: sizes as people write them, and every mistake answered in words."""

from __future__ import annotations

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine.machine_config import (
    DEFAULT_MEMCG,
    MachineConfig,
    MemcgConfig,
    NodeConfig,
    SwapConfig,
    make_config,
    parse_mempolicy,
    parse_size,
    parse_swap,
)


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1000", 1000),
        (7, 7),
        ("4K", 1),
        ("5K", 2),
        ("512M", 131072),
        ("1.5G", 393216),
        ("1GiB", 262144),
        ("10%", 100),
        ("0.01%", 1),
        ("0%", 0),
        (" 2m ", 512),
    ],
)
def test_parse_size_of_a_valid_text_is_pages(text: str | int, pages: int) -> None:
    """Plain numbers are pages, suffixes are bytes rounded up, shares are of the whole and at least a page."""
    assert parse_size(text, whole_pages=1000) == pages


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "10X", "1e3", "5%%", "2T"])
def test_parse_size_of_a_wrong_text_is_refused_with_the_text(text: str) -> None:
    """The message repeats what was found and names the setting."""
    with pytest.raises(ConfigError, match="memory_max is '"):
        parse_size(text, 1000, "memory_max")


def test_parse_size_of_a_share_without_a_whole_is_refused() -> None:
    """A share needs something that it is a share of."""
    with pytest.raises(ConfigError, match="nothing here that it could be a share of"):
        parse_size("10%")


def test_parse_swap_lists_devices_with_falling_priority() -> None:
    """The device written first fills first."""
    assert parse_swap("zram:50%,ssd:1M", 100) == (
        SwapConfig(kind="zram", pages=50, priority=1),
        SwapConfig(kind="ssd", pages=256, priority=0),
    )


def test_parse_swap_takes_a_memory_limit_of_zram_only() -> None:
    """A third part limits what stored pages may take; an ssd takes no memory."""
    assert parse_swap("zram:50%:10%", 100) == (SwapConfig(kind="zram", pages=50, mem_limit_pages=10),)
    with pytest.raises(ConfigError, match="only zram takes memory"):
        parse_swap("ssd:50%:10%", 100)


def test_node_made_for_a_limit_has_room_for_zram() -> None:
    """Only the limit presses, whatever zram stores."""
    (with_zram,) = make_config(memory_max=1000, swap="zram:5000").nodes
    (with_ssd,) = make_config(memory_max=1000, swap="ssd:5000").nodes
    assert with_zram.pages - with_ssd.pages == 5000


def test_parse_swap_none_is_no_device() -> None:
    """`none` switches swap off."""
    assert parse_swap("none") == ()


@pytest.mark.parametrize(
    ("spec", "message"),
    [("zrm:1M", "did you mean `zram`"), ("zram", "has no size"), ("ssd:0", "0 pages; expected 1")],
)
def test_parse_swap_of_a_wrong_text_says_what_was_expected(spec: str, message: str) -> None:
    """A mistake in a device is named, with the nearest known kind."""
    with pytest.raises(ConfigError, match=message):
        parse_swap(spec)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"path": "a"}, "expected a path such as"),
        ({"path": "/a//b"}, "expected a path such as"),
        ({"path": "/a", "max_pages": 0}, "memory.max is 0 pages; expected 1"),
        ({"path": "/a", "low_pages": -1}, "memory.low is -1"),
        ({"path": "/a", "max_pages": 10, "min_pages": 11}, "memory.min is 11 pages, above memory.max"),
        ({"path": "/a", "swappiness": 201}, "swappiness is 201; expected 0 to 200"),
        ({"path": "/a" * 16}, "levels deep"),
    ],
)
def test_memcg_that_makes_no_sense_is_refused(members: dict[str, object], message: str) -> None:
    """A memcg's own numbers have to fit together."""
    with pytest.raises(ConfigError, match=message):
        MemcgConfig(**members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"pages": 63}, "size of a node is 63 pages; expected 64"),
        ({"pages": 100, "watermarks_pages": (3, 2, 5)}, "expected rising numbers"),
        ({"pages": "1G"}, "expected a whole number"),
    ],
)
def test_node_that_makes_no_sense_is_refused(members: dict[str, object], message: str) -> None:
    """A node has room for more than its watermarks."""
    with pytest.raises(ConfigError, match=message):
        NodeConfig(**members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"nodes": [5]}, r"nodes holds 5; expected NodeConfig"),
        ({"kswapd": 1}, r"kswapd is 1; expected True or False"),
        ({"swappiness": "60"}, r"swappiness is '60'; expected a whole number"),
        ({"add_batch": 32}, r"add_batch is 32 folios; expected 1 to 31"),
    ],
)
def test_machine_member_of_the_wrong_kind_is_refused(members: dict[str, object], message: str) -> None:
    """What Python would let pass is found before the native core sees it."""
    with pytest.raises(ConfigError, match=message):
        make_config(**members)  # type: ignore[arg-type]


def test_machine_without_nodes_is_refused() -> None:
    """There is no memory without a node."""
    with pytest.raises(ConfigError, match="number of nodes is 0"):
        MachineConfig(nodes=())


def test_memcg_before_its_parent_is_refused() -> None:
    """The tree is described from the top."""
    with pytest.raises(ConfigError, match="/a/b stands before its parent /a"):
        MachineConfig(nodes=(NodeConfig(pages=64),), memcgs=(MemcgConfig(path="/a/b"),))


def test_machine_option_misspelt_names_the_nearest() -> None:
    """An unknown option is never ignored."""
    with pytest.raises(ConfigError, match=r"unknown machine option `add_bach`.*did you mean `add_batch`"):
        make_config(add_bach=1)


def test_memory_max_makes_a_memcg_and_a_node_that_does_not_press() -> None:
    """The short form of a limit is a memcg in a machine with room to spare."""
    config = make_config(memory_max="4M", swap="zram:50%")

    assert config.memcgs == (MemcgConfig(path=DEFAULT_MEMCG, max_pages=1024),)
    assert config.nodes[0].pages > 2 * 1024
    assert config.swap == (SwapConfig(kind="zram", pages=512),)


@pytest.mark.parametrize(
    ("text", "mode", "nodes"),
    [
        ("default", "default", ()),
        ("bind:1", "bind", (1,)),
        ("interleave:1, 0", "interleave", (0, 1)),
        ("preferred:0", "preferred", (0,)),
    ],
)
def test_memory_policy_is_read_as_people_say_it(text: str, mode: str, nodes: tuple[int, ...]) -> None:
    """A mode and its nodes, in any order."""
    policy = parse_mempolicy(text, 2)
    assert (policy.mode, policy.nodes) == (mode, nodes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bimd:0", "unknown mode 'bimd'; .*did you mean `bind`"),
        ("bind", "expected node numbers such as `bind:0,1`"),
        ("bind:0,x", "expected node numbers"),
        ("interleave:0,2", "no node 2; expected 0 to 1"),
        ("preferred:0,1", "expected one node"),
        ("default:0", "`default` names no nodes"),
    ],
)
def test_memory_policy_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    """What is wrong with a memory policy is said in words."""
    with pytest.raises(ConfigError, match=message):
        parse_mempolicy(text, 2)
