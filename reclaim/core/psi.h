/*
 * Pressure stall information.
 *
 * Here: for each memcg, descendants included, and so for the machine: how long some and all of its
 * running tasks stalled on memory or waited for I/O, and the kernel's decaying averages of that.
 * Not here: what a stall is; whoever waits says so with stall_record() (stats.h).
 *
 * Tasks and kswapds have clocks of their own, so their stalls do not come in the order of time.
 * Each source queues its changes; they are applied in the order of time as far as no running task
 * can add an earlier one. What is read is as of then: at the end of a run everything, within one
 * up to the clock of the task that is furthest behind.
 */
#ifndef RCL_PSI_H
#define RCL_PSI_H

#include "machine.h"

#define HZ 250				/* CONFIG_HZ of Debian's 6.12 */
#define JIFFY_NS (UINT64_C(1000000000) / HZ)

/* Memory first, some and full of each. */
enum psi_state {
	PSI_MEM_SOME,
	PSI_MEM_FULL,
	PSI_IO_SOME,
	PSI_IO_FULL,
};

_Static_assert(PSI_IO_FULL + 1 == PSI_NR_STATES, "a group keeps each state");

/* Set-up. */
bool psi_add_source(struct psi_source *source, struct memcg *memcg, bool is_kthread);
void psi_free_source(struct psi_source *source);
void psi_init_group(struct memcg *memcg, uint64_t ns);

/* A task has something to do from now on, or nothing more. */
void psi_task_runs(struct rcl_machine *m, struct task *task);
void psi_task_ends(struct rcl_machine *m, struct task *task);

/* The source begins to stall on memory, to wait for I/O, or both, at ns. Until it says for how long, nothing is
 * settled beyond that moment. */
void psi_stall_begins(struct rcl_machine *m, struct psi_source *source, uint64_t ns, bool is_memory, bool is_io);

/* The source stalled on memory, waited for I/O, or both, from start_ns to end_ns. */
void psi_stall(struct rcl_machine *m, struct psi_source *source, uint64_t start_ns, uint64_t end_ns, bool is_memory,
	       bool is_io);

/* Apply all changes that nothing can precede any more. */
void psi_settle(struct rcl_machine *m);

/* The same for a kernel thread, which runs while others may be in the middle of a stall: what they have stalled
 * so far counts, and all triggers have looked that are due. Answers as of when, at most the thread's clock. */
uint64_t psi_settle_now(struct rcl_machine *m);

#endif
