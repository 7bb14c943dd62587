/* SPDX-License-Identifier: MIT */
/* job.c - see job.h. Groups are found by a walk over all processes: it is done when somebody types ^C or a job ends. */
#include "kernel/linux/job.h"

#include <errno.h>
#include <string.h>

#include "kernel/dev/tty.h"
#include "kernel/linux/signal.h"

bool job_group_is_orphaned(int pgid, const struct process *without)
{
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid != pgid || p == without || p->zombie || p->parent == NULL || p->orphan)
			continue;
		if (p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	}
	return true;
}

bool job_group_is_in_session(int pgid, int sid)
{
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid == pgid && p->sid == sid)
			return true;
	}
	return false;
}

int job_signal_group(int pgid, const siginfo_t *info)
{
	int err = -ESRCH;

	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid != pgid)
			continue;
		err = 0;
		(void)signal_send_process(p, info); /* only a queue that is full fails */
	}
	return err;
}

static bool group_has_stopped(int pgid)
{
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid == pgid && !p->zombie && p->sighand->stopped)
			return true;
	}
	return false;
}

static void hang_up(int pgid)
{
	static const int signals[] = {SIGHUP, SIGCONT};
	siginfo_t info;

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		memset(&info, 0, sizeof(info));
		info.si_signo = signals[i];
		info.si_code = SI_KERNEL;
		(void)job_signal_group(pgid, &info);
	}
}

/* A stopped group that has just lost the last process that could continue it. */
static void check_group(const struct process *gone, int pgid)
{
	if (pgid != gone->pgid && job_group_is_orphaned(pgid, gone) && group_has_stopped(pgid))
		hang_up(pgid);
}

void job_process_ended(struct process *p)
{
	tty_leader_ended(p);
	/* Its own group, if its parent was what kept it; and its children's, which it may have kept. The children have
	 * another parent by now, so look at all groups of the session. */
	if (p->parent != NULL && p->parent->pgid != p->pgid && p->parent->sid == p->sid &&
	    job_group_is_orphaned(p->pgid, p) && group_has_stopped(p->pgid))
		hang_up(p->pgid);
	list_for_each (other, &process_all, link, struct process) {
		if (other->sid == p->sid && other->sighand->stopped && !other->zombie)
			check_group(p, other->pgid);
	}
}
