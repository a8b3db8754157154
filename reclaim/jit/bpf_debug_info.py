"""Debug information of an eBPF object: LLVM makes BTF of it, by which Linux knows types and lines.

Linux wants a type for every function that it verifies on its own and for every map, and it shows the
source line that an instruction comes from. That line is the author's line of the policy.

Strings are the only thing of an author's that gets into LLVM IR text; every byte of them that is not
plain is written as its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reclaim.diag.diagnostic import Span

_PLAIN = frozenset(b" !#$%&'()*+,-./:;<=>?@[]^_`{|}~") | frozenset(range(48, 58)) | frozenset(range(65, 91))
_HELPERS_SOURCE = "# the core's helpers, answered from the tape\n"


def quoted(text: str) -> str:
    """Return a string as LLVM IR text writes it; of a file's name also bytes that are no UTF-8."""
    raw = text.encode("utf-8", errors="surrogateescape")
    return '"' + "".join(chr(b) if b in _PLAIN or 97 <= b <= 122 else f"\\{b:02X}" for b in raw) + '"'


class DebugInfo:
    """Number the debug nodes of a module; equal nodes are one.

    Args:
        path: the policy's file, as the user named it.
        source: its text.
    """

    def __init__(self, path: str, source: str) -> None:
        self._nodes: list[str] = []
        self._numbers: dict[str, str] = {}
        self._globals: list[str] = []
        self._file = self.node(
            f'!DIFile(filename: {quoted(Path(path).name)}, directory: "", source: {quoted(source)})'
        )
        self._helpers = self.node(
            f'!DIFile(filename: "helpers", directory: "", source: {quoted(_HELPERS_SOURCE)})'
        )
        self._unit = self._add("")
        self.u64 = self._integer("u64", 64, signed=False)
        self.s32 = self._integer("int", 32, signed=True)

    def node(self, text: str) -> str:
        """Return the reference of a node."""
        if text not in self._numbers:
            self._numbers[text] = self._add(text)
        return self._numbers[text]

    def listed(self, members: Sequence[str]) -> str:
        """Return the reference of a list of nodes."""
        return self.node(f"!{{{', '.join(members)}}}")

    def integer(self, nr_bytes: int) -> str:
        """Return the type of an unsigned number in memory."""
        return self._integer(f"u{8 * nr_bytes}", 8 * nr_bytes, signed=False)

    def pointer(self, target: str) -> str:
        """Return the type of a pointer."""
        return self.node(f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {target}, size: 64)")

    def array(self, element: str, nr_bytes: int, count: int) -> str:
        """Return the type of an array of *count* elements of *nr_bytes* each."""
        lengths = self.listed([self.node(f"!DISubrange(count: {count})")])
        size = 8 * nr_bytes * count
        return self.node(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {element}, size: {size}, elements: {lengths})"
        )

    def struct(self, name: str, nr_bytes: int, members: Sequence[tuple[str, str, int, int]]) -> str:
        """Return the type of a struct; members are (name, type, offset in bytes, bytes)."""
        refs = [
            self.node(
                f"!DIDerivedType(tag: DW_TAG_member, name: {quoted(member)}, file: {self._file}, "
                f"baseType: {type_}, size: {8 * size}, offset: {8 * offset})"
            )
            for member, type_, offset, size in members
        ]
        elements = self.listed(refs)
        named = f"name: {quoted(name)}, " if name else ""
        return self.node(
            f"!DICompositeType(tag: DW_TAG_structure_type, {named}file: {self._file}, "
            f"size: {8 * nr_bytes}, elements: {elements})"
        )

    def variable(self, name: str, type_: str) -> str:
        """Return the attachment of a global variable."""
        variable = self._add(
            f"distinct !DIGlobalVariable(name: {quoted(name)}, scope: {self._unit}, file: {self._file}, line: 1, "
            f"type: {type_}, isLocal: false, isDefinition: true)"
        )
        whole = self.node("!DIExpression()")
        reference = self._add(f"!DIGlobalVariableExpression(var: {variable}, expr: {whole})")
        self._globals.append(reference)
        return f"!dbg {reference}"

    def function(self, name: str, result: str, params: Sequence[tuple[str, str]], span: Span | None) -> str:
        """Return the reference of a function that the module defines; no span for one of ours."""
        file, line = (self._helpers, 1) if span is None else (self._file, span.start.line)
        types = self._signature(result, [type_ for _, type_ in params])
        number = self._add("")
        variables = [
            self._add(
                f"!DILocalVariable(name: {quoted(param)}, arg: {place}, scope: {number}, file: {file}, "
                f"line: {line}, type: {type_})"
            )
            for place, (param, type_) in enumerate(params, start=1)
        ]
        retained = self.listed(variables)
        self._nodes[int(number[1:])] = (
            f"distinct !DISubprogram(name: {quoted(name)}, scope: {file}, file: {file}, line: {line}, "
            f"type: {types}, scopeLine: {line}, spFlags: DISPFlagDefinition | DISPFlagOptimized, "
            f"unit: {self._unit}, retainedNodes: {retained})"
        )
        return number

    def declaration(self, name: str, result: str, params: Sequence[str]) -> str:
        """Return the attachment of a function of Linux; "null" for no result."""
        types = self._signature(result, params)
        subprogram = self.node(
            f"!DISubprogram(name: {quoted(name)}, scope: {self._helpers}, file: {self._helpers}, line: 1, "
            f"type: {types}, spFlags: DISPFlagOptimized)"
        )
        return f"!dbg {subprogram}"

    def location(self, function: str, span: Span | None) -> str:
        """Return the attachment of an instruction."""
        line, column = (1, 1) if span is None else (span.start.line, span.start.column)
        node = self.node(f"!DILocation(line: {line}, column: {column}, scope: {function})")
        return f"!dbg {node}"

    def lines(self) -> list[str]:
        """Return all definitions."""
        variables = self.listed(self._globals)
        self._nodes[int(self._unit[1:])] = (
            f'distinct !DICompileUnit(language: DW_LANG_C11, file: {self._file}, producer: "reclaim", '
            f"isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, globals: {variables})"
        )
        flags = [
            self.node('!{i32 7, !"Dwarf Version", i32 5}'),
            self.node('!{i32 2, !"Debug Info Version", i32 3}'),
        ]
        named = [f"!llvm.dbg.cu = !{{{self._unit}}}", f"!llvm.module.flags = !{{{', '.join(flags)}}}"]
        return named + [f"!{number} = {text}" for number, text in enumerate(self._nodes)]

    def _add(self, text: str) -> str:
        self._nodes.append(text)
        return f"!{len(self._nodes) - 1}"

    def _integer(self, name: str, bits: int, *, signed: bool) -> str:
        encoding = "DW_ATE_signed" if signed else "DW_ATE_unsigned"
        return self.node(f"!DIBasicType(name: {quoted(name)}, size: {bits}, encoding: {encoding})")

    def _signature(self, result: str, params: Sequence[str]) -> str:
        return self.node(f"!DISubroutineType(types: {self.listed([result, *params])})")
