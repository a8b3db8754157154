"""LLVM's eBPF back end: LLVM IR text to an ELF object that libbpf and bpftool load.

With `native` the only file that touches llvmlite. llvmlite carries the back end but not the parser of
its assembly, so the code generator may use no assembly but the empty one.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm

from reclaim.jit.bpf_stack import LLVM_STACK_BYTES
from reclaim.jit.native import LOCK, optimised

_CPU = "v4"
"""Instruction set with signed division and sign-extending loads, since Linux 6.6."""


def emit_bpf_object(text: str) -> bytes:
    """Compile a module to an eBPF object.

    Args:
        text: LLVM IR, by our own code generator.

    Returns:
        The object file's bytes.

    Raises:
        CoreFault: LLVM does not accept the text; a bug of the code generator.
    """
    with LOCK:
        machine = _machine()
        return bytes(machine.emit_object(optimised(text, machine)))


def emit_bpf_assembly(text: str) -> str:
    """Compile a module to assembly text, without the tables of debug information."""
    with LOCK:
        machine = _machine()
        module = optimised(text, machine)
        llvm_text = str(machine.emit_assembly(module))
    return llvm_text.partition("\t.section\t.debug_")[0]


@cache
def _machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.set_option("", f"-bpf-stack-size={LLVM_STACK_BYTES}")
    return llvm.Target.from_triple("bpf").create_target_machine(cpu=_CPU, opt=2)
