"""What a machine wants of a trace: its page spaces, and the records as a stream.

The traces of `reclaim.workload` have this shape; the machine does not know where they come from. Here too: the stream
of one task, which reads one chunk ahead, because the core has to be told which chunk is the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.uint32]

CHUNK_RECORDS = 1 << 20
"""Records given to the core at once: 4 MiB, so that giving costs nothing and a trace never needs to fit."""


class FileShape(Protocol):
    """A file of a trace."""

    @property
    def name(self) -> str:
        """Return the path, or a name made up by the format."""

    @property
    def pages(self) -> int:
        """Return the length in pages."""


class MappingShape(Protocol):
    """A mapping of a trace; `file` is None for anonymous memory."""

    @property
    def pages(self) -> int:
        """Return the length in pages."""

    @property
    def file(self) -> int | None:
        """Return the index of the file shown."""

    @property
    def file_page(self) -> int:
        """Return the page of the file that the first page shows."""

    @property
    def shared(self) -> bool:
        """Tell whether writes reach the file."""

    @property
    def exec(self) -> bool:
        """Tell whether code may run from here."""

    @property
    def advice(self) -> str:
        """Return what madvise was told: normal, random or sequential."""

    @property
    def locked(self) -> bool:
        """Tell whether its pages are locked once touched."""


class HeaderShape(Protocol):
    """The description of a trace."""

    @property
    def ns_per_access(self) -> int:
        """Return the program's own virtual time from one record to the next."""

    @property
    def files(self) -> Sequence[FileShape]:
        """Return the files in the order of the file page space."""

    @property
    def mappings(self) -> Sequence[MappingShape]:
        """Return the mappings in the order of the mapping space."""


class AccessStream(Protocol):
    """A trace: what a task does, as often as asked."""

    @property
    def name(self) -> str:
        """Return a short name for tables."""

    @property
    def nr_records(self) -> int:
        """Return the number of accesses."""

    @property
    def header(self) -> HeaderShape:
        """Return the description."""

    def chunks(self, nr_records: int = CHUNK_RECORDS) -> Iterator[Records]:
        """Stream the records from the start, as arrays of shape (n,), uint32, 1 <= n <= nr_records."""


def with_last_marked(chunks: Iterator[Records]) -> Iterator[tuple[Records, bool]]:
    """Yield (chunk, whether it is the last), reading one chunk ahead."""
    previous = next(chunks, None)
    for chunk in chunks:
        assert previous is not None
        yield previous, False
        previous = chunk
    if previous is not None:
        yield previous, True
