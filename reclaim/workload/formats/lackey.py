"""The text that `valgrind --tool=lackey --trace-mem=yes` prints.

It knows addresses only, so that all memory becomes one anonymous mapping whose pages are numbered in order of
first appearance; `reclaim trace record` knows more. Lines of valgrind's own (`==`, SYSCALL) are passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from reclaim.diag.errors import TraceError
from reclaim.workload.access_text import (
    BLOCK_ACCESSES,
    RECENT_RECORDS,
    RecentPages,
    ns_per_record,
    read_access_lines,
    thin_out,
)
from reclaim.workload.access_trace import Mapping, TraceHeader
from reclaim.workload.byte_source import ByteSource
from reclaim.workload.foreign import Format, Options, plain_name
from reclaim.workload.record_spool import RecordSpool
from reclaim.workload.renumber import Renumberer
from reclaim.workload.text_columns import iter_line_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from reclaim.workload.access_text import AccessLines
    from reclaim.workload.access_trace import Trace

_ACCESS_LINE = re.compile(rb"^(?:I  | [LSM] )[0-9a-fA-F]{8,16},\d+\s*$", re.MULTILINE)
_OWN_LINE = re.compile(rb"==\d+==|--\d+--|SYSCALL\[|\s*-->|\s*$")


def _recognise(head: bytes) -> bool:
    return b"\0" not in head and len(_ACCESS_LINE.findall(head)) >= max(1, head.count(b"\n") // 2)


def _check_other_lines(path: Path, offset: int, block: bytes, lines: AccessLines) -> None:
    for number in lines.other.tolist():
        start, end = int(lines.starts[number]), int(lines.ends[number])
        line = block[start:end]
        if not _OWN_LINE.match(line):
            found = f"{line[:60]!r} found, a line such as ' L 1ffeffe7e0,8' expected"
            raise TraceError(path, offset + start, found)


def _open(path: Path, options: Options) -> Trace:
    if options.access == "read" or options.expand:
        raise TraceError(path, None, "lackey traces memory: --access read and --expand make no sense for it")
    spool = RecordSpool()
    numbering = Renumberer()
    recent = RecentPages()
    nr_accesses = nr_instructions = 0
    with ByteSource(path) as source:
        for offset, block in iter_line_blocks(source):
            lines = read_access_lines(block)
            _check_other_lines(path, offset, block, lines)
            pages = numbering.number(lines.page)
            numbers = nr_accesses + np.arange(len(lines.page), dtype=np.int64)
            kept, flags = thin_out(pages, lines.flags, numbers // BLOCK_ACCESSES)
            pages = pages[kept]
            chosen = recent.keep(pages, flags, np.zeros(len(pages), dtype=np.bool_))
            spool.append(pages[chosen] | flags[chosen])
            nr_accesses += len(lines.page)
            nr_instructions += lines.nr_instructions
    if not spool.nr_records:
        raise TraceError(path, 0, "the trace holds no accesses, at least one expected")
    header = TraceHeader(
        name=plain_name(path),
        records=spool.nr_records,
        ns_per_access=ns_per_record(nr_instructions, spool.nr_records),
        mappings=(Mapping(pages=numbering.nr_ids, kind="anon", exec=True, name="all memory"),),
        source={
            "format": FORMAT.name,
            "file": path.name,
            "accesses": nr_accesses,
            "instructions": nr_instructions,
        },
        unseen=(
            "which pages belong to files, so that all are anonymous here",
            "reads and writes through file descriptors",
            "unmapping, so that an address used again is the same page",
            f"accesses to the last {RECENT_RECORDS} pages kept, and their order",
        ),
    )
    return spool.finish(header)


FORMAT = Format(
    name="lackey",
    suffixes=(".lackey", ".lackey.txt"),
    summary="text of valgrind --tool=lackey --trace-mem=yes",
    recognise=_recognise,
    open=_open,
)
