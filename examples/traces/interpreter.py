"""A Python program that allocates much and uses some of it often: a store of documents under a skewed load.

Usage: interpreter.py
"""

import random

NR_DOCUMENTS = 4_500
NR_REQUESTS = 8_000


class Document:
    """One document of some 6 KB, in several objects."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.words = [f"{number}-{i}" for i in range(4)]
        self.body = bytes(rng.randrange(3000, 9000))
        self.nr_hits = 0


def main() -> None:
    """Fill the store, then serve requests; now and then replace documents, and twice look through all."""
    rng = random.Random(4)
    store = [Document(rng, number) for number in range(NR_DOCUMENTS)]
    weights = [1 / (rank + 20) for rank in range(NR_DOCUMENTS)]
    order = list(range(NR_DOCUMENTS))
    rng.shuffle(order)
    chosen = rng.choices(order, weights, k=NR_REQUESTS)
    total = 0
    for request, number in enumerate(chosen):
        found = store[number]
        found.nr_hits += 1
        answer = b"".join((found.body[:4096], " ".join(found.words).encode()))
        total += len(answer)
        if request % 16 == 0:
            store[rng.randrange(NR_DOCUMENTS)] = Document(rng, number)
        if request in (NR_REQUESTS // 3, 2 * NR_REQUESTS // 3):
            total += sum(len(one.body) for one in store)
    print(total)


main()
