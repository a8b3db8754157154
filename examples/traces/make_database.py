"""Make a database for sqlite3 and a load of queries for it, always the same ones.

Usage: make_database.py DATABASE QUERIES

The database is some 40 MB, twenty times sqlite's own cache, so that most queries read pages of the file. The
load mixes point queries and updates on a skewed choice of rows, lookups through an index, and two scans.
"""

import random
import sqlite3
import sys
from pathlib import Path

NR_ROWS = 150_000
NR_TRANSACTIONS = 110


def fill(path: str, rng: random.Random) -> None:
    """Create the table, one row after the other, and its index."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, owner INTEGER, amount INTEGER, note TEXT)"
        )
        rows = (
            (i, rng.randrange(20_000), rng.randrange(1000), f"{rng.getrandbits(800):0200x}")
            for i in range(NR_ROWS)
        )
        database.executemany("INSERT INTO item VALUES(?, ?, ?, ?)", rows)
        database.execute("CREATE INDEX item_owner ON item(owner)")


def queries(rng: random.Random) -> list[str]:
    """Return the load: transactions of skewed point work, now and then a scan."""
    ranks = [1 / (rank + 10) for rank in range(NR_ROWS)]
    row_of_rank = list(range(NR_ROWS))
    rng.shuffle(row_of_rank)
    lines = ["PRAGMA cache_size=-2000;", "PRAGMA wal_autocheckpoint=400;"]
    for number in range(NR_TRANSACTIONS):
        chosen = [row_of_rank[rank] for rank in rng.choices(range(NR_ROWS), ranks, k=50)]
        lines.append("BEGIN;")
        lines += [f"SELECT amount FROM item WHERE id={row};" for row in chosen[:38]]
        lines += [f"UPDATE item SET amount=amount+1 WHERE id={row};" for row in chosen[38:48]]
        lines.append(f"SELECT sum(amount) FROM item WHERE owner={rng.randrange(20_000)};")
        lines.append("COMMIT;")
        if number in (NR_TRANSACTIONS // 3, 2 * NR_TRANSACTIONS // 3):
            lines.append("SELECT max(length(note)) FROM item;")
    return lines


def main() -> None:
    """Write both files."""
    rng = random.Random(1)
    fill(sys.argv[1], rng)
    Path(sys.argv[2]).write_text("\n".join(queries(rng)) + "\n")


main()
