/* SPDX-License-Identifier: MIT */
/*
 * oom.c - see oom.h. The greediest process is the one with most pages, each counted in full (shared ones too), shifted
 * by its /proc/PID/oom_score_adj as Linux does it. One victim at a time: it gets a while to end, because its last calls
 * may have to wait for others; then the next is chosen.
 */
#include "kernel/mm/oom.h"

#include <errno.h>
#include <signal.h>

#include "kernel/log.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"

#define VICTIM_NS  500000000ull /* how long one is waited for */
#define RETRY_NS   1000000ull
#define NEVER_KILL (-1000) /* oom_score_adj of who must stay */

static uint64_t victim_until_ns;

static int64_t badness(const struct process *p)
{
	int64_t pages = (int64_t)vmspace_rss(p->vs);

	/* Everything ends with the first process: among equals it goes last. */
	if (p == init_process)
		pages -= pages / 4;
	return pages + (int64_t)page_nr_total() / 1000 * p->oom_score_adj;
}

static struct process *greediest(void)
{
	struct process *worst = NULL;

	list_for_each (p, &process_all, link, struct process) {
		if (p->vs == NULL || p->exiting || p->oom_score_adj == NEVER_KILL)
			continue;
		if (worst == NULL || badness(p) > badness(worst))
			worst = p;
	}
	return worst;
}

/* Is somebody on his way out, whose memory will be back soon? */
static bool somebody_is_ending(void)
{
	if (clock_monotonic_ns() >= victim_until_ns)
		return false;
	list_for_each (p, &process_all, link, struct process) {
		if (p->exiting && p->vs != NULL && p != process_current())
			return true;
	}
	return false;
}

bool oom_kill_greediest(void)
{
	struct process *p;

	if (process_current()->exiting)
		return false;
	if (somebody_is_ending())
		return true;
	p = greediest();
	if (p == NULL)
		p = process_current();
	klog("out of memory: %s (process %d) is killed, it has %zu of the machine's %zu MiB (cay run -m SIZE gives "
	     "more)",
	     p->comm, p->pid, (size_t)vmspace_rss(p->vs) >> 8, page_nr_total() >> 8);
	if (p == process_current())
		return false;
	victim_until_ns = clock_monotonic_ns() + VICTIM_NS;
	process_kill(p, SIGKILL);
	return true;
}

void oom_wait(void)
{
	struct waitq nobody = WAITQ_INIT(nobody);

	(void)wait_event_deadline(&nobody, false, clock_monotonic_ns() + RETRY_NS, false);
}
