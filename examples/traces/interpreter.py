"""A Python program that allocates much and uses some of it often: a cache of documents under a skewed load.

Usage: interpreter.py
"""

import random

NR_DOCUMENTS = 9_000
NR_REQUESTS = 24_000


def document(rng: random.Random, number: int) -> dict[str, object]:
    """Return one document of some 3 KB in several objects."""
    words = [f"{number}-{i}" for i in range(12)]
    return {"number": number, "words": words, "body": bytes(rng.randrange(1500, 3500)), "hits": 0}


def main() -> None:
    """Fill the store, then serve requests; now and then replace documents, and twice look through all."""
    rng = random.Random(4)
    store = [document(rng, number) for number in range(NR_DOCUMENTS)]
    weights = [1 / (rank + 20) for rank in range(NR_DOCUMENTS)]
    order = list(range(NR_DOCUMENTS))
    rng.shuffle(order)
    chosen = rng.choices(order, weights, k=NR_REQUESTS)
    total = 0
    for request, number in enumerate(chosen):
        found = store[number]
        found["hits"] += 1
        answer = b"".join((found["body"][:1024], " ".join(found["words"]).encode()))
        total += len(answer)
        if request % 16 == 0:
            store[rng.randrange(NR_DOCUMENTS)] = document(rng, number)
        if request in (NR_REQUESTS // 3, 2 * NR_REQUESTS // 3):
            total += sum(len(one["body"]) for one in store)
    print(total)


main()
