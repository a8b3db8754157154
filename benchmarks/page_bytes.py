"""Memory per simulated page: ``python -m benchmarks.page_bytes``.

Two numbers: what the core's own record sizes add up to (folio, PTE, page cache slot or swap slot), and how much the
process grows per page when a machine is made and filled, which contains everything.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measurement import Row, show
from reclaim.engine.binding import bytes_per_page

AIM = 96
NR_PAGES = 1 << 21

_FILL = """
import sys
from reclaim.engine.machine import Machine
from reclaim.workload.synthetic import synth
pages = int(sys.argv[1])
machine = Machine(nodes=pages + pages // 8 + (1 << 14))
machine.attach("second_chance")
machine.add_task(synth(f"scan:pages={pages},accesses={pages},kind=file-mmap"))
machine.run()
# Not getrusage(): its peak goes on from the process that started this one.
status = open("/proc/self/status").read()
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


def _peak_bytes(nr_pages: int) -> int:
    """Return the peak size of a process that fills a machine of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(nr_pages)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def rows() -> list[Row]:
    """Measure both."""
    records = bytes_per_page()
    small = NR_PAGES // 8
    grown = (_peak_bytes(NR_PAGES) - _peak_bytes(small)) / (NR_PAGES - small)
    return [
        Row("bytes per page", "records of the core", f"{records} bytes", "", records, AIM),
        Row("bytes per page", "growth of the process", f"{grown:.1f} bytes", "", grown, AIM),
    ]


if __name__ == "__main__":
    show(rows())
