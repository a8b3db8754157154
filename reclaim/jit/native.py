"""The engine: LLVM IR text to an object, an object to function addresses.

With `bpf_target` the only file that touches llvmlite. It knows nothing of policies: it takes a module's text and the
names to export and import. Objects are made once (`emit_object`) and linked as often as wanted
(`link`); one ORC engine serves the whole process, each linked object being a library of its own in
it that is unloaded with its last reference.

LLVM's own answers to a mistake are unkind, so each is met before: a symbol that nobody supplies is
looked for before linking, where LLVM would print to the terminal, and text that does not parse is
reported as our bug, which it is.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from functools import cache

import llvmlite
import llvmlite.binding as llvm

from reclaim.diag.errors import CoreFault

_PIPELINE_LEVEL = 1
"""Ours, measured on mglru: level 2 takes 65 ms instead of 49 and saves 4 of 1,101 instructions."""

_CODE_LEVEL = 2
"""Level of instruction selection and register allocation, LLVM's default."""

LOCK = threading.Lock()
_LIBRARY_NUMBERS = itertools.count()


class Library:
    """Own a linked object: its code stays mapped for as long as this lives.

    Args:
        tracker: llvmlite's own handle.
        names: functions that were exported.
    """

    def __init__(self, tracker: llvm.ResourceTracker, names: Iterable[str]) -> None:
        self._tracker = tracker
        self.addresses: dict[str, int] = {name: tracker[name] for name in names}
        """Address of each exported function."""


def target_name() -> str:
    """Return what an object depends on beside its source: compiler version and processor."""
    triple, cpu, features = _target()
    version = ".".join(str(part) for part in llvm.llvm_version_info)
    return f"llvmlite {llvmlite.__version__} llvm {version} {triple} {cpu} {features}"


def emit_object(text: str) -> bytes:
    """Compile a module to a relocatable object for this processor.

    Args:
        text: LLVM IR, by our own code generator.

    Returns:
        The object file's bytes.

    Raises:
        CoreFault: LLVM does not accept the text; a bug of the code generator.
    """
    with LOCK:
        machine = _target_machine()
        return bytes(machine.emit_object(optimised(text, machine)))


def emit_assembly(text: str) -> str:
    """Compile a module to assembly text, for people to look at.

    Args:
        text: LLVM IR, by our own code generator.

    Returns:
        What `emit_object` would assemble.

    Raises:
        CoreFault: LLVM does not accept the text; a bug of the code generator.
    """
    with LOCK:
        machine = _target_machine()
        return str(machine.emit_assembly(optimised(text, machine)))


def link(image: bytes, exports: Iterable[str], imports: Mapping[str, int]) -> Library:
    """Load an object into the process.

    Args:
        image: an object that `emit_object` made on this processor.
        exports: functions to find.
        imports: address of every function that the object calls.

    Returns:
        The library, which owns the code.

    Raises:
        CoreFault: an import has no address, or the object cannot be linked.
    """
    missing = sorted(name for name, address in imports.items() if not address)
    if missing:
        raise CoreFault(f"the core has no function {', '.join(missing)}")
    names = tuple(exports)
    builder = llvm.JITLibraryBuilder().add_object_img(image)
    for name in names:
        builder.export_symbol(name)
    for name, address in imports.items():
        builder.import_symbol(name, address)
    with LOCK:
        try:
            tracker = builder.link(_engine(), f"policy{next(_LIBRARY_NUMBERS)}")
        except RuntimeError as error:
            raise CoreFault(f"the compiled policy cannot be linked: {error}") from error
    return Library(tracker, names)


def optimised(text: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    """Parse a module and run LLVM's passes for a machine over it; call it with `LOCK` held."""
    context = llvm.create_context()
    try:
        module = llvm.parse_assembly(text, context)
        module.verify()
    except RuntimeError as error:
        raise CoreFault(f"the code generator wrote invalid LLVM IR, which is our bug: {error}") from error
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    # Loops of a policy are short and rarely hot: vectors and copies of the body only make the code
    # larger (ours: mglru grows by 40 %) and its compilation slower.
    options = llvm.create_pipeline_tuning_options(speed_level=_PIPELINE_LEVEL)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return module


@cache
def _target() -> tuple[str, str, str]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return (
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )


@cache
def _target_machine() -> llvm.TargetMachine:
    triple, cpu, features = _target()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=_CODE_LEVEL, reloc="pic", codemodel="small"
    )


@cache
def _engine() -> llvm.LLJIT:
    return llvm.create_lljit_compiler(_target_machine(), use_jit_link=True)
