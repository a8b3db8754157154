"""A whole policy as the text of one LLVM module: one function per hook, one declaration per helper.

Text only, built by ourselves: LLVM aborts the process on IR that breaks its inner rules, so nothing
of a user's may ever get into it. No names of the author's appear, only numbers and the ABI's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reclaim.abi.cheader import helper_c_params
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.jit.llvm_types import CONTEXT_BYTES, Metadata, abi_type, object_bytes
from reclaim.jit.native_instructions import NativeHookWriter
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import HookIR, PolicyIR

_HOOK_ATTRIBUTES = 'attributes #0 = { nounwind willreturn mustprogress "no-builtins" }'
"""Without "no-builtins" a loop that clears an array would turn into a call of memset, and a hook
calls nothing but helpers."""

_HELPER_ATTRIBUTES = "attributes #1 = { nounwind willreturn }"
_PURE_ATTRIBUTES = "attributes #2 = { nounwind willreturn memory(none) }"

_INTRINSICS = (
    *(f"declare i64 @llvm.{name}.i64(i64, i64)" for name in ("umin", "umax", "smin", "smax")),
    "declare i64 @llvm.ctlz.i64(i64, i1 immarg)",
)


@dataclass(frozen=True, slots=True)
class ModuleText:
    """Hold a module and what is needed to link it.

    Args:
        text: LLVM IR.
        helpers: symbols of the helpers called, sorted.
    """

    text: str
    helpers: tuple[str, ...]


def write_module(policy: PolicyIR) -> ModuleText:
    """Write the module of a policy.

    Args:
        policy: a policy whose obligations are proved; this function does not look.

    Returns:
        The text, which depends on nothing but the policy's meaning.
    """
    return write_together({"": policy})


def write_together(policies: Mapping[str, PolicyIR]) -> ModuleText:
    """Write several policies into one module, so that LLVM's fixed costs are paid once.

    Args:
        policies: by what the symbols of its hooks begin with.

    Returns:
        The text.
    """
    metadata = Metadata()
    functions: list[str] = []
    called: set[str] = set()
    for prefix, policy in policies.items():
        for hook in policy.hooks.values():
            writer = NativeHookWriter(policy, hook, metadata)
            functions += [_signature(hook, prefix), *writer.body(), "}", ""]
            called |= writer.helpers
    lines = [
        *functions,
        *(_declaration(c_name) for c_name in sorted(called)),
        *_INTRINSICS,
        "",
        _HOOK_ATTRIBUTES,
        _HELPER_ATTRIBUTES,
        _PURE_ATTRIBUTES,
        *metadata.lines(),
        "",
    ]
    return ModuleText("\n".join(lines), tuple(f"h_{c_name}" for c_name in sorted(called)))


def _signature(hook: HookIR, prefix: str) -> str:
    params = [f"ptr noundef nonnull align 8 dereferenceable({CONTEXT_BYTES}) %ctx"]
    for param, value in zip(hook.hook.params, hook.params, strict=True):
        params.append(f"{_param_type(param.type)} %v{value.id}")
    name = f"{prefix}{hook_symbol(hook.hook.name)}"
    return f"define {abi_type(hook.hook.result)} @{name}({', '.join(params)}) #0 {{"


def _param_type(type_name: str) -> str:
    if type_name in KERNEL_TYPES:
        return f"ptr noundef nonnull align 8 dereferenceable({object_bytes(type_name)})"
    return f"{abi_type(type_name)} noundef"


def _declaration(c_name: str) -> str:
    if c_name in SCAN_HELPERS.values():
        is_first = c_name in (SCAN_HELPERS["tail"], SCAN_HELPERS["head"])
        return f"declare ptr @h_{c_name}(ptr, {'ptr, i64' if is_first else 'ptr'}) #1"
    helper = next(h for h in HELPERS if h.c_name == c_name)
    params = ["ptr", *("ptr" if c_type.endswith("*") else "i64" for c_type, _ in helper_c_params(helper))]
    attributes = "#2" if helper.effects.pure else "#1"
    return f"declare {abi_type(helper.result)} @h_{c_name}({', '.join(params)}) {attributes}"
