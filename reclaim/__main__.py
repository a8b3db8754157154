"""`python -m reclaim`: the same as the command `reclaim`."""

from __future__ import annotations

from reclaim.cli import main

if __name__ == "__main__":
    main(prog_name="reclaim")
