/*
 * What pressure keeps, as include/linux/psi_types.h does for the kernel.
 *
 * Here: the part of a memcg, of whoever stalls, and of a trigger. Not here: what is done with it (psi.h,
 * psi_trigger.h).
 */
#ifndef RCL_PSI_TYPES_H
#define RCL_PSI_TYPES_H

#include <stdbool.h>
#include <stdint.h>

struct memcg;

#define PSI_NR_STATES 4			/* memory some and full, io some and full */
#define PSI_NR_WINDOWS 3		/* 10, 60 and 300 s */

/* What a policy watches for a lruvec (struct psi_trigger, include/linux/psi_types.h), see psi_trigger.h. */
struct psi_trigger {
	uint64_t answer;		/* that declared it */
	uint64_t threshold_ns;
	uint64_t window_ns;		/* 0 for nothing */
	uint64_t start_ns;		/* of the window */
	uint64_t start_total_ns;	/* of the state, then */
	uint64_t prev_growth_ns;	/* in the window before */
	uint64_t crossed_ns;		/* the largest growth since it was crossed, 0 where no event is pending */
	uint64_t next_event_ns;		/* not before */
	uint64_t event_ns;		/* growth of an event that the policy has not heard of, 0 for none */
	uint8_t state;			/* enum psi_state: memory some or full */
	bool is_to_ask;			/* the governor is new */
};

/* When the triggers of a memcg look at its pressure (the rtpoll part of struct psi_group). */
struct psi_poll {
	struct memcg *memcg;
	uint64_t look_ns;		/* next time, RCL_NEVER for not before somebody stalls */
	uint64_t period_ns;		/* between updates, 0 without triggers */
	uint64_t until_ns;		/* windows go on until then */
	uint64_t next_update_ns;
	uint64_t total_ns[2];		/* memory some and full at the last look */
	uint64_t updated_ns[2];		/* the same at the last update */
};

/* Pressure of a memcg and its descendants (struct psi_group, include/linux/psi_types.h). */
struct psi_group {
	uint64_t last_ns;		/* total_ns is as of then */
	uint64_t next_update_ns;
	uint64_t total_ns[PSI_NR_STATES];
	uint64_t sampled_ns[PSI_NR_STATES];	/* total_ns at the last sample */
	uint64_t avg[PSI_NR_STATES][PSI_NR_WINDOWS];	/* percent, 11 bits of fraction */
	uint32_t states;		/* bit per state that holds */
	uint32_t nr_running;		/* tasks neither idle nor waiting for I/O */
	uint32_t nr_memstall;
	uint32_t nr_memstall_running;
	uint32_t nr_iowait;
	struct psi_poll poll;
};

/* A task or kswapd as psi.c sees it: what it does, and its changes that are not yet applied. */
struct psi_source {
	struct memcg *memcg;
	uint64_t *queue;		/* a ring */
	uint64_t head;			/* of the oldest, counted without end */
	uint64_t last_change;		/* ever queued */
	uint32_t nr;
	uint32_t doing;
	uint32_t begun;			/* what a stall does that is not over, 0 outside one */
	uint64_t begun_ns;		/* since then it is not recorded */
	bool is_in_work;		/* a task that may queue more, from its clock on */
	bool is_kthread;
};

#endif
