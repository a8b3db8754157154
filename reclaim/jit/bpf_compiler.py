"""The way of a policy to Linux: a verified policy to an eBPF object, or to text for people."""

from __future__ import annotations

from reclaim.jit import bpf_target
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
    """
    return bpf_target.emit_bpf_object(_module(verified))


def bpf_assembly(verified: VerifiedPolicy) -> str:
    """Return the eBPF instructions of a verified policy as text; argument and errors as for `compile_bpf`."""
    return bpf_target.emit_bpf_assembly(_module(verified))


def _module(verified: VerifiedPolicy) -> str:
    if not isinstance(verified, VerifiedPolicy):
        raise TypeError(f"only a VerifiedPolicy can be compiled, not {type(verified).__name__}")
    return write_bpf_module(verified.ir)
