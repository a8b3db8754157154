"""A place for converted records: in memory while few, in a temporary file when many.

A foreign trace is converted once, when it is opened, because its page count is known only at its end. Here:
where the records wait. The temporary file has no name after it was opened on systems that allow it, so
that nothing is left behind however the process ends.
"""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING

import numpy as np

from reclaim.diag.errors import ConfigError
from reclaim.workload.access_trace import MAX_PAGES, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reclaim.workload.access_trace import Records, TraceHeader

MEMORY_RECORDS = 1 << 24
"""Records kept in memory, 64 MiB: what a comparison can afford per trace on a small machine (ours)."""


class RecordSpool:
    """Collect records, then give them back as a trace.

    Args:
        memory_records: most records to hold in memory before a temporary file takes them.
    """

    def __init__(self, memory_records: int = MEMORY_RECORDS) -> None:
        self._memory_records = memory_records
        self._parts: list[Records] = []
        self._file: IO[bytes] | None = None
        self.nr_records = 0

    def append(self, records: Records) -> None:
        """Take the next records.

        Args:
            records: shape (n,), uint32.

        Raises:
            ConfigError: the temporary file cannot be written.
        """
        self._parts.append(np.asarray(records, dtype=np.uint32))
        self.nr_records += len(records)
        if self._file is not None or self.nr_records > self._memory_records:
            self._spill()

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="reclaim-")  # noqa: SIM115
            for part in self._parts:
                self._file.write(part.data)
        except OSError as error:
            message = f"no room for a temporary trace in {tempfile.gettempdir()}: {error.strerror or error}"
            raise ConfigError(message) from error
        self._parts = []

    def finish(self, header: TraceHeader) -> Trace:
        """Return the trace of all records taken.

        Args:
            header: the description; its record count must be that of the spool.

        Returns:
            The trace, which keeps the spool.

        Raises:
            ConfigError: the header does not fit together.
        """
        header.check()
        if self._file is not None:
            self._file.flush()
        else:
            self._parts = [np.concatenate(self._parts)]
        return Trace(header, self._read_chunks)

    def _read_chunks(self, nr_records: int) -> Iterator[Records]:
        for start in range(0, self.nr_records, nr_records):
            end = min(start + nr_records, self.nr_records)
            if self._file is None:
                yield self._parts[0][start:end]
            else:
                self._file.seek(start * 4)
                yield np.frombuffer(self._file.read((end - start) * 4), dtype=np.uint32)


def check_page_count(nr_pages: int) -> None:
    """Refuse more pages than a record can name.

    Raises:
        ConfigError: more than 2^29 pages.
    """
    if nr_pages > MAX_PAGES:
        raise ConfigError(f"the trace touches {nr_pages} pages, at most {MAX_PAGES} expected")
