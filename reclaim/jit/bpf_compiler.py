"""The way of a policy to Linux: a verified policy to an eBPF object, or to text for people."""

from __future__ import annotations

from reclaim.jit import bpf_stack, bpf_target
from reclaim.jit.bpf_module import write_bpf_module
from verifier.verified import VerifiedPolicy


def compile_bpf(verified: VerifiedPolicy) -> bytes:
    """Compile a verified policy to an eBPF object.

    Args:
        verified: made by the verifier; nothing else is taken.

    Returns:
        The ELF object, with maps and BTF, for libbpf and bpftool.

    Raises:
        TypeError: *verified* is not a `VerifiedPolicy`.
        NotExpressible: a hook needs more stack than eBPF has.
    """
    image = bpf_target.emit_bpf_object(_module(verified))
    bpf_stack.check_object(verified.ir.path, image)
    return image


def bpf_assembly(verified: VerifiedPolicy) -> str:
    """Return the eBPF instructions of a verified policy as text; argument and errors as for `compile_bpf`."""
    return bpf_target.emit_bpf_assembly(_module(verified))


def _module(verified: VerifiedPolicy) -> str:
    if not isinstance(verified, VerifiedPolicy):
        raise TypeError(f"only a VerifiedPolicy can be compiled, not {type(verified).__name__}")
    bpf_stack.check_values(verified.ir)
    return write_bpf_module(verified.ir)
