"""What functions and names of the kernel and of BPF programs are here.

People who know reclaim write its own words first. Tables, read by `meant`; a replacement that is a field of the
first argument, or an expression over the arguments, is an edit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIMPLE = re.compile(r"\w+(?:\.\w+|\([^()]*\)|\[[^][]*\])*")
"""A name, field, element, call or number."""

_FLAGS = {
    "active": "is_active",
    "referenced": "is_referenced",
    "workingset": "is_workingset",
    "dirty": "is_dirty",
    "writeback": "is_writeback",
    "swapbacked": "is_swap_backed",
}
_WRITABLE = frozenset(("active", "referenced", "workingset"))
_PAGE_FLAGS = {f"Page{flag.capitalize()}": field for flag, field in _FLAGS.items()} | {
    "PageSwapBacked": "is_swap_backed"
}
_FIELDS = {
    **{f"folio_test_{flag}": field for flag, field in _FLAGS.items()},
    **_PAGE_FLAGS,
    "folio_mapped": "is_mapped",
    "page_mapped": "is_mapped",
    "folio_nr_pages": "nr_pages",
    "folio_order": "order",
    "folio_nid": "nid",
    "folio_memcg": "memcg",
    "folio_pfn": "pfn",
    "lruvec_memcg": "memcg",
    "lruvec_pgdat": "node",
    "parent_lruvec": "parent",
    "parent_mem_cgroup": "parent",
    "mem_cgroup_id": "id",
}
_EXPRESSIONS = {
    **dict.fromkeys(("folio_is_file_lru", "page_is_file_lru"), "{0}.type == FILE"),
    **dict.fromkeys(("folio_referenced", "page_referenced"), "{0}.referenced()"),
    **dict.fromkeys(("list_empty", "list_is_empty"), "{0}.is_empty()"),
    **dict.fromkeys(("likely", "unlikely", "READ_ONCE", "atomic_read", "atomic_long_read"), "{0}"),
    **dict.fromkeys(("div_u64", "div64_u64", "do_div", "div64_ul"), "{0} // {1}"),
    **dict.fromkeys(("mult_frac", "mul_u64_u64_div_u64", "mul_u64_u32_div"), "mul_div({0}, {1}, {2})"),
    **dict.fromkeys(("int_sqrt", "int_sqrt64"), "isqrt({0})"),
    **dict.fromkeys(("fls", "fls64", "__fls"), "ilog2({0})"),
    **dict.fromkeys(("get_nr_swap_pages", "mem_cgroup_get_nr_swap_pages"), "swap_free_pages()"),
    **dict.fromkeys(
        ("get_random_u32", "get_random_u64", "prandom_u32", "bpf_get_prandom_u32", "rand", "randint"),
        "random()",
    ),
    "min_t": "min({1}, {2})",
    "max_t": "max({1}, {2})",
    "clamp_t": "clamp({1}, {2}, {3})",
    "min_not_zero": "min({0}, {1})",
}
_LOCKS = (
    *("spin_lock", "spin_unlock", "spin_lock_irq", "spin_unlock_irq", "spin_lock_irqsave", "bpf_spin_lock"),
    *(
        "bpf_spin_unlock",
        "rcu_read_lock",
        "rcu_read_unlock",
        "mutex_lock",
        "mutex_unlock",
        "smp_mb",
        "barrier",
    ),
)
_WALKS = (
    *("list_for_each_entry", "list_for_each_entry_safe", "list_for_each_entry_reverse", "list_for_each"),
    *("list_first_entry", "list_last_entry", "list_entry", "lru_to_folio", "bpf_cache_ext_list_iterate"),
)
_MOVES = (
    *(
        "list_add",
        "list_add_tail",
        "list_move",
        "list_move_tail",
        "list_del",
        "list_del_init",
        "folio_activate",
    ),
    *("lruvec_add_folio", "lruvec_add_folio_tail", "lruvec_del_folio", "folio_putback_lru", "folio_add_lru"),
    *("bpf_cache_ext_list_add", "bpf_cache_ext_list_add_tail", "bpf_cache_ext_list_move", "folio_deactivate"),
)
_MEMORY = ("kmalloc", "kzalloc", "kvmalloc", "kfree", "malloc", "free", "bpf_obj_new", "bpf_obj_drop")
_ATOMICS = (
    *("atomic_inc", "atomic_add", "atomic_long_add", "atomic_long_inc", "atomic_set", "WRITE_ONCE"),
    *("__sync_fetch_and_add", "__sync_lock_test_and_set"),
)
_CHECKS = ("BUG_ON", "WARN_ON", "WARN_ON_ONCE", "VM_BUG_ON", "VM_WARN_ON", "VM_BUG_ON_FOLIO")
_ADVICE = {
    **dict.fromkeys(_LOCKS, "leave it out: while a hook runs nothing else does, so there is nothing to lock"),
    **dict.fromkeys(
        _WALKS, "visit folios with `for folio in queue.scan(limit=32):`, in `tick`, `age` or `next_batch`"
    ),
    **dict.fromkeys(
        _MOVES,
        "answer a place, as in `return queue.head`; a loop over `queue.scan(...)` has `folio.move(place)`",
    ),
    **dict.fromkeys(
        _MEMORY, "nothing is allocated while a policy runs: declare a state class, an array or a map"
    ),
    **dict.fromkeys(_ATOMICS, "assign, as in `lruvec.x += 1`: while a hook runs nothing else does"),
    **dict.fromkeys(
        _CHECKS, 'write `assert condition` for what is to be proved, or `if condition: fail("...")`'
    ),
    "isinstance": "the types of all values are known; of a folio compare fields, such as `folio.type == FILE`",
    "divmod": "write `a // b` and `a % b`",
    "round": "integers need no rounding; to the nearest it is `(a + b // 2) // b`",
    "swap": "keep one of the values in a variable: `t = a`, `a = b`, `b = t`",
    **dict.fromkeys(("bpf_loop", "bpf_repeat"), "write `for i in range(n):` around what is to be repeated"),
    **dict.fromkeys(
        (
            "msleep",
            "usleep_range",
            "ndelay",
            "udelay",
            "schedule",
            "schedule_timeout",
            "bpf_timer_start",
            "sleep",
        ),
        "a hook waits for nothing: `tick` answers when it is asked again, `high_delay` how long a task waits",
    ),
    **dict.fromkeys(
        ("sizeof", "ARRAY_SIZE"),
        "an array is as long as it was declared: name that number, and use it in both places",
    ),
}
_NAMES = {
    **dict.fromkeys(("total_swap_pages", "nr_swap_pages"), "write `swap_free_pages()`, what is free of it"),
    "jiffies": "write `now()`, virtual time in nanoseconds",
    "HZ": "time is counted in nanoseconds: a second is 1000000000",
    **dict.fromkeys(
        ("EBUSY", "EINVAL", "ENOMEM", "EAGAIN", "ENOENT", "ENOSPC", "EPERM"),
        "a hook answers what is to be done, not whether it could",
    ),
    "PAGE_SIZE": "memory is counted in pages of 4096 bytes",
    "current": "a policy hears of folios, lruvecs and memcgs, not of tasks",
    **dict.fromkeys(
        ("NUMA_NO_NODE",), "`demotion_target` answers `NOWHERE`; elsewhere a node is always given"
    ),
    **dict.fromkeys(("DEF_PRIORITY",), "write 12, where `sc.priority` begins"),
    **dict.fromkeys(("U64_MAX", "ULONG_MAX", "UINT64_MAX"), "write 0xFFFFFFFFFFFFFFFF"),
}


def call_of_kernel(name: str, arguments: Sequence[str]) -> tuple[str, str | None] | None:
    """Return what to write instead of a call of a function of the kernel, and the text if it is an expression.

    Args:
        name: the function.
        arguments: texts of its arguments.
    """
    plain = [_operand(argument.removeprefix("&")) for argument in arguments]
    text = None
    if name in _FIELDS and plain:
        text = f"{plain[0]}.{_FIELDS[name]}"
    elif name in _EXPRESSIONS and _EXPRESSIONS[name].count("{") <= len(plain):
        form = _EXPRESSIONS[name]
        text = form.format(*plain) if f"{{{len(plain)}}}" not in form else None
    if text is not None:
        # What stands around the call may bind more tightly than an operator of ours.
        return f"write `{text}`", text if _SIMPLE.fullmatch(text) or (
            text == plain[0] and name in _EXPRESSIONS
        ) else None
    verb, _, flag = name.removeprefix("folio_").partition("_")
    if verb in {"set", "clear"} and flag in _WRITABLE and name.startswith("folio_") and plain:
        return f"write `{plain[0]}.{_FLAGS[flag]} = {verb == 'set'}`", None
    return (_ADVICE[name], None) if name in _ADVICE else None


def _operand(text: str) -> str:
    """Put brackets around what is no name, field, element, call or number."""
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def name_of_kernel(name: str) -> str | None:
    """Return what to write instead of a variable or constant of the kernel."""
    return _NAMES.get(name)


CALLS_OF_KERNEL = frozenset(
    (*_FIELDS, *_EXPRESSIONS, *_ADVICE, *(f"folio_{v}_{f}" for v in ("set", "clear") for f in _WRITABLE))
)
"""Functions that `call_of_kernel` knows."""
