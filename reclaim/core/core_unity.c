/*
 * The whole core as one translation unit: compile this file, and no other of the folder.
 *
 * Why: the miss path crosses ten mechanisms in a hundred nanoseconds, and as one unit the compiler
 * inlines across them without link-time optimisation, which not every tool chain that builds Python
 * extensions has set up. Each file also compiles on its own, so that it includes what it uses.
 */
#include "config.c"
#include "machine.c"
#include "numa.c"
#include "trace.c"
#include "node.c"
#include "memcg.c"
#include "kmem.c"
#include "mm.c"
#include "rmap.c"
#include "swap.c"
#include "workingset.c"
#include "batches.c"
#include "pagecache.c"
#include "readahead.c"
#include "faultaround.c"
#include "swapin.c"
#include "fault.c"
#include "maps.c"
#include "policy.c"
#include "shrink.c"
#include "scan.c"
#include "direct.c"
#include "kswapd.c"
#include "walk.c"
#include "helpers.c"
#include "stats.c"
#include "psi.c"
#include "levels.c"
#include "inspect.c"
#include "invariants.c"
#include "belady.c"
#include "run.c"
