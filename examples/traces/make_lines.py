"""Make a text file of random lines for sort, always the same one.

Usage: make_lines.py OUT
"""

import random
import sys
from pathlib import Path

NR_LINES = 130_000

rng = random.Random(2)
Path(sys.argv[1]).write_text("".join(f"{rng.getrandbits(400):0100x}\n" for _ in range(NR_LINES)))
