"""Make a C file for the compiler, always the same one: a table, and functions on structures that use each other.

Usage: make_source.py OUT
"""

import random
import sys
from pathlib import Path

NR_STRUCTS = 20
NR_FUNCTIONS = 7
NR_ENTRIES = 1500

rng = random.Random(3)
lines = ["#include <stdint.h>", "#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
for number in range(NR_STRUCTS):
    older = f"struct record_{rng.randrange(number)} *peer;" if number else "void *peer;"
    lines.append(
        f"struct record_{number} {{ int a, b; uint64_t c[{number % 7 + 2}]; {older} char name[{number + 8}]; }};"
    )
lines.append("static const struct { const char *name; int low, high; double weight; } table[] = {")
for number in range(NR_ENTRIES):
    numbers = f"{rng.randrange(1000)}, {number} * 2 + {rng.randrange(99)}, {rng.random():.6f}"
    lines.append(f'    {{"entry_{number}_{rng.getrandbits(40):x}", {numbers}}},')
lines.append("};")
for number in range(NR_FUNCTIONS):
    struct = rng.randrange(NR_STRUCTS)
    call = f"f_{rng.randrange(number)}(r, n - 1)" if number and number % 3 == 0 else "(uint64_t)n"
    lines += [
        f"uint64_t f_{number}(void *p, int n) {{",
        f"    struct record_{struct} *r = p;",
        f"    n += table[(unsigned)n % {NR_ENTRIES}].low;",
        "    if (n <= 0) return 0;",
        f"    for (int i = 0; i < n; i++) {{ r->c[i % {struct % 7 + 2}] += (uint64_t)i * {rng.randrange(1, 99)}u; }}",
        f"    switch (n % 5) {{ case 0: r->a += {number}; break; case 1: r->b ^= r->a; break;",
        f'    case 2: snprintf(r->name, sizeof r->name, "%d", n); break; default: memset(r->name, {number % 26 + 65}, 4); }}',
        f"    return r->c[0] + {call};",
        "}",
    ]
Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
