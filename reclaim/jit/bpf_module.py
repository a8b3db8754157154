"""A whole policy as the text of one LLVM module for eBPF: maps, hooks, helpers, entry programs.

Text only, as in `llvm_module`. The maps are declared as libbpf reads them: a struct in the section
.maps whose debug information says type, size and capacity.
"""

from __future__ import annotations

from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import plain_members, slots
from reclaim.jit.bpf_debug_info import DebugInfo
from reclaim.jit.bpf_instructions import BpfHookWriter
from reclaim.jit.bpf_layout import CONTROL_WORDS, MapLayout, maps_of, object_map
from reclaim.jit.bpf_runtime import Runtime
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import PolicyIR

_LICENSE = "Dual BSD/GPL"
"""As the project's own; Linux gives some of its helpers to such programs only."""

_ARRAY = 2
"""BPF_MAP_TYPE_ARRAY, include/uapi/linux/bpf.h."""

_INTRINSICS = (
    *(f"declare i64 @llvm.{name}.i64(i64, i64)" for name in ("umin", "umax", "smin", "smax")),
    "declare i64 @llvm.ctlz.i64(i64, i1 immarg)",
)

_ATTRIBUTES = 'attributes #0 = { noinline nounwind "no-builtins" }'
"""A hook is a function of its own: Linux verifies it once, and helpers may call it."""


def write_bpf_module(policy: PolicyIR) -> str:
    """Write the eBPF module of a policy.

    Args:
        policy: a policy whose obligations are proved; this function does not look.

    Returns:
        LLVM IR.
    """
    debug = DebugInfo(policy.path, policy.source)
    lines = ['target triple = "bpf"', *(_map(layout, debug) for layout in maps_of(policy)), *_control(debug)]
    called: set[str] = set()
    for hook in policy.hooks.values():
        name = hook_symbol(hook.hook.name)
        params = [(param.name, debug.u64) for param in hook.hook.params]
        function = debug.function(name, debug.u64, params, hook.span)
        writer = BpfHookWriter(policy, hook, debug, function)
        signature = ", ".join(f"i64 %v{value.id}" for value in hook.params)
        lines += [f"define weak i64 @{name}({signature}) #0 !dbg {function} {{", *writer.body(), "}", ""]
        called |= writer.helpers
    runtime = Runtime(policy, debug)
    lines += runtime.functions(called)
    lines += [runtime.entry(hook.hook) for hook in policy.hooks.values()]
    return "\n".join([*lines, *_rounds(debug), *_INTRINSICS, _ATTRIBUTES, *debug.lines(), ""])


def _control(debug: DebugInfo) -> list[str]:
    type_ = debug.array(debug.u64, 8, CONTROL_WORDS)
    variable = debug.variable("control", type_)
    text = _LICENSE.encode() + b"\0"
    return [
        f'@control = global [{CONTROL_WORDS} x i64] zeroinitializer, section ".bss", align 8, {variable}',
        f'@_license = global [{len(text)} x i8] c"{_LICENSE}\\00", section "license", align 1',
        '@llvm.compiler.used = appending global [1 x ptr] [ptr @_license], section "llvm.metadata"',
    ]


def _map(layout: MapLayout, debug: DebugInfo) -> str:
    """Declare a map: libbpf reads numbers from the lengths of arrays that the members point to."""
    key = debug.integer(4)
    members = [
        ("type", debug.array(debug.s32, 4, _ARRAY)),
        ("max_entries", debug.array(debug.s32, 4, layout.max_entries)),
        ("key", key),
        ("value", _value_type(layout, debug)),
    ]
    struct = debug.struct(
        "", 32, [(name, debug.pointer(type_), 8 * place, 8) for place, (name, type_) in enumerate(members)]
    )
    variable = debug.variable(layout.name, struct)
    return f'@{layout.name} = global {{ ptr, ptr, ptr, ptr }} zeroinitializer, section ".maps", align 8, {variable}'


def _value_type(layout: MapLayout, debug: DebugInfo) -> str:
    for type_name, kernel_type in KERNEL_TYPES.items():
        if object_map(type_name) == layout.name:
            places = slots(type_name)
            flags = next((slot for slot in places.values() if slot.bit is not None), None)
            members = []
            for name, _ in plain_members(kernel_type):
                slot = flags if name == "flags" and flags is not None else places[name]
                members.append((name, debug.integer(slot.nr_bytes), slot.offset, slot.nr_bytes))
            return debug.struct(kernel_type.c_name, layout.value_bytes, members)
    words = layout.value_bytes // 8
    members = [("words", debug.array(debug.u64, 8, words), 0, layout.value_bytes)]
    return debug.struct(layout.name, layout.value_bytes, members)


def _rounds(debug: DebugInfo) -> list[str]:
    """Declare the open-coded iterator over numbers, functions of Linux that are found by their BTF."""
    opaque = debug.array(debug.u64, 8, 1)
    iterator = debug.pointer(debug.struct("bpf_iter_num", 8, [("__opaque", opaque, 0, 8)]))
    functions = (
        ("i32", "bpf_iter_num_new", debug.s32, [iterator, debug.s32, debug.s32], "ptr, i32, i32"),
        ("ptr", "bpf_iter_num_next", debug.pointer(debug.s32), [iterator], "ptr"),
        ("void", "bpf_iter_num_destroy", "null", [iterator], "ptr"),
    )
    return [
        f'declare {debug.declaration(name, result, params)} {llvm} @{name}({types}) section ".ksyms"'
        for llvm, name, result, params, types in functions
    ]
