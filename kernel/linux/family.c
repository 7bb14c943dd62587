/* SPDX-License-Identifier: MIT */
/* family.c - see family.h. */
#include "kernel/linux/family.h"

#include <poll.h>
#include <string.h>

#include "kernel/linux/job.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"

#define NS_PER_TICK 10000000ull /* of si_utime: CLK_TCK is 100 */

struct process_usage usage_of_process(struct process *p)
{
	struct process_usage u = {
		.cpu = process_cpu_time(p),
		.events = p->events_dead,
		.max_rss = p->vs != NULL ? vmspace_peak_rss(p->vs) : p->max_rss,
	};

	list_for_each (t, &p->threads, proc_link, struct thread)
		event_counts_add(&u.events, &t->events);
	return u;
}

void usage_add(struct process_usage *to, const struct process_usage *more)
{
	to->cpu.user_ns += more->cpu.user_ns;
	to->cpu.system_ns += more->cpu.system_ns;
	event_counts_add(&to->events, &more->events);
	to->max_rss = MAX(to->max_rss, more->max_rss);
}

struct process_usage usage_of_family(struct process *p)
{
	struct process_usage u = usage_of_process(p);

	usage_add(&u, &p->children_usage);
	return u;
}

static struct timeval to_timeval(uint64_t ns)
{
	return (struct timeval){(long)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC / 1000)};
}

void usage_to_rusage(const struct process_usage *u, struct rusage *ru)
{
	memset(ru, 0, sizeof(*ru));
	ru->ru_utime = to_timeval(u->cpu.user_ns);
	ru->ru_stime = to_timeval(u->cpu.system_ns);
	ru->ru_maxrss = (long)(u->max_rss * (PAGE_SIZE / 1024));
	ru->ru_minflt = (long)u->events.faults;
	ru->ru_nvcsw = (long)u->events.blocked;
	ru->ru_nivcsw = (long)u->events.preempted;
}

static void send_to_parent(struct process *p, int signo, int code, int status)
{
	struct cpu_time cpu = process_cpu_time(p);
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signo;
	info.si_code = code;
	info.si_pid = p->pid;
	info.si_uid = p->cred.uid;
	info.si_status = status;
	info.si_utime = (long)(cpu.user_ns / NS_PER_TICK);
	info.si_stime = (long)(cpu.system_ns / NS_PER_TICK);
	(void)signal_send_process(p->parent,
				  &info); /* one that is lost (real-time, no memory) is not the child's loss */
}

/* The parent has said that it will not wait. */
static bool nobody_waits(const struct process *p)
{
	const struct ksigaction *act = &p->parent->sighand->action[SIGCHLD - 1];

	return p->exit_signal == SIGCHLD && (act->handler == (uint64_t)SIG_IGN || (act->flags & SA_NOCLDWAIT));
}

/* The parent of a zombie is told, or it goes at once. */
static void announce_zombie(struct process *p)
{
	int status = p->wait_status, sig = status & 0x7f;
	bool reap = p->orphan || nobody_waits(p);

	if (!p->orphan && p->exit_signal != 0)
		send_to_parent(p, p->exit_signal, sig != 0 ? CLD_KILLED : CLD_EXITED, sig != 0 ? sig : status >> 8);
	waitq_wake(&p->end_wq, POLLIN | POLLRDNORM);
	waitq_wake(&p->parent->child_wq, 0);
	if (reap)
		process_reap(p);
}

static struct process *reaper_for_children_of(const struct process *p)
{
	for (struct process *a = p->parent; a != NULL; a = a->parent)
		if (a->subreaper && !a->exiting)
			return a;
	return init_process;
}

static void send_parent_death(struct process *p)
{
	siginfo_t info;

	list_for_each (t, &p->threads, proc_link, struct thread) {
		if (t->pdeath_signal == 0)
			continue;
		memset(&info, 0, sizeof(info));
		info.si_signo = t->pdeath_signal;
		info.si_code = SI_USER;
		(void)signal_send_process(p, &info);
	}
}

/* As docker's --init: a program that was not made for it hears nothing of processes that it did not start. */
static bool hears_of_orphans(const struct process *parent)
{
	return parent->subreaper || (boot_info->flags & CAY_BOOT_NO_INIT);
}

static void adopt(struct process *p, struct process *parent)
{
	list_remove(&p->sibling);
	p->parent = parent;
	p->ppid = parent->pid;
	p->orphan = !hears_of_orphans(parent);
	p->exit_signal = SIGCHLD;
	list_push_back(&parent->children, &p->sibling);
	send_parent_death(p);
	if (p->zombie)
		announce_zombie(p);
}

void family_ended(struct process *p)
{
	struct process *reaper = reaper_for_children_of(p);

	list_for_each_safe (c, &p->children, sibling, struct process) {
		adopt(c, reaper);
	}
	p->zombie = true;
	job_process_ended(p);
	announce_zombie(p);
}

static void tell_parent(struct process *p, int code, int status)
{
	if (p->parent == NULL)
		return;
	if (!(p->parent->sighand->action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		send_to_parent(p, SIGCHLD, code, status);
	waitq_wake(&p->parent->child_wq, 0);
}

void family_stopped(struct process *p, int signo)
{
	p->report = REPORT_STOPPED;
	p->stop_signal = signo;
	tell_parent(p, CLD_STOPPED, signo);
}

void family_continued(struct process *p)
{
	p->report = REPORT_CONTINUED;
	tell_parent(p, CLD_CONTINUED, SIGCONT);
}
