/* SPDX-License-Identifier: MIT */
/* proc_status.c - a process in figures: status, stat, statm, limits (proc(5)). What the kernel does not count is 0. */
#include <errno.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/groups.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/linux/family.h"
#include "kernel/linux/seccomp.h"
#include "kernel/linux/signal.h"
#include "kernel/linux/user_counts.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/runqueue.h"
#include "kernel/time/clock.h"

#define CONSOLE_NR (5 << 8 | 1) /* of /dev/console, the only terminal there is */
#define TICK_NS    10000000ull  /* of USER_HZ, 100 */

char proc_state(const struct thread *t)
{
	if (t->state != THREAD_DEAD && t->proc->sighand != NULL && t->proc->sighand->stopped)
		return 'T';
	switch (t->state) {
	case THREAD_RUNNABLE:
	case THREAD_WOKEN:
		return 'R';
	case THREAD_NEW:
	case THREAD_BLOCKED:
		return 'S';
	default:
		return 'Z';
	}
}

struct signal_sets {
	uint64_t ignored, caught;
};

static struct signal_sets signal_sets(const struct process *p)
{
	struct signal_sets s = {0};

	for (unsigned i = 0; p->sighand != NULL && i < NR_SIGNALS; i++) {
		uint64_t handler = p->sighand->action[i].handler;
		if (handler == (uint64_t)SIG_IGN)
			s.ignored |= 1ull << i;
		else if (handler != (uint64_t)SIG_DFL)
			s.caught |= 1ull << i;
	}
	return s;
}

/* All zero of one that has none any more. It may sleep, and the process end meanwhile: so before anything else. */
static struct vmspace_usage usage_of(uint64_t id)
{
	struct thread *th = proc_thread(id);
	struct vmspace_usage u = {0};

	if (th != NULL && th->proc->vs != NULL) {
		struct vmspace *vs = vmspace_get(th->proc->vs);

		vmspace_get_usage(vs, &u);
		vmspace_put(vs);
	}
	return u;
}

static void show_memory(struct vmspace_usage u, struct text *t)
{
	const struct {
		const char *name;
		uint64_t pages;
	} row[] = {
		{"VmPeak", u.peak_size},
		{"VmSize", u.size},
		{"VmLck", 0},
		{"VmPin", 0},
		{"VmHWM", u.peak_rss},
		{"VmRSS", u.rss},
		{"RssAnon", u.rss - MIN(u.shared, u.rss)},
		{"RssFile", u.shared},
		{"RssShmem", 0},
		{"VmData", u.data},
		{"VmStk", u.stack},
		{"VmExe", u.text},
		{"VmLib", 0},
		{"VmPTE", 0},
		{"VmSwap", 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
		text_printf(t, "%s:\t%8llu kB\n", row[i].name, (unsigned long long)row[i].pages * 4);
}

static void show_ids(const struct process *p, struct text *t)
{
	const struct cred *c = &p->cred;
	unsigned nr_fds = 64; /* what Linux shows is the size of a table, too */

	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", c->uid, c->euid, c->suid,
		    c->fsuid, c->gid, c->egid, c->sgid, c->fsgid, nr_fds);
	for (uint32_t i = 0; c->groups != NULL && i < c->groups->nr; i++)
		text_printf(t, "%u ", c->groups->id[i]);
	text_puts(t, "\n");
}

static void show_signals(const struct thread *th, struct text *t)
{
	struct signal_sets s = signal_sets(th->proc);
	const struct cred *c = &th->proc->cred;
	uint64_t shared = th->proc->sighand != NULL ? th->proc->sighand->shared.mask : 0;
	const struct user_counts *us = user_counts_of(c->uid);

	text_printf(t,
		    "SigQ:\t%u/"
		    "%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		    us != NULL ? us->signals : 0, (unsigned long long)th->proc->rlimit[RLIMIT_SIGPENDING].cur,
		    (unsigned long long)th->pending.mask, (unsigned long long)shared, (unsigned long long)th->sigmask,
		    (unsigned long long)s.ignored, (unsigned long long)s.caught);
	text_printf(t, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n",
		    (unsigned long long)c->cap_inheritable, (unsigned long long)c->cap_permitted,
		    (unsigned long long)c->cap_effective, (unsigned long long)c->cap_bounding,
		    (unsigned long long)c->cap_ambient);
}

static uint32_t cpus_of(const struct thread *t)
{
	return (uint32_t)t->affinity & (cpu_count() >= 32 ? UINT32_MAX : (1u << cpu_count()) - 1);
}

/* "0-2,5" */
static void show_cpu_list(uint32_t cpus, struct text *t)
{
	const char *comma = "";

	for (unsigned first = 0; first < 32; first++) {
		unsigned last = first;

		if (!(cpus >> first & 1))
			continue;
		while (last < 31 && (cpus >> (last + 1) & 1))
			last++;
		text_printf(t, last > first ? "%s%u-%u" : "%s%u", comma, first, last);
		comma = ",";
		first = last;
	}
}

int proc_show_status(uint64_t id, struct text *t)
{
	struct vmspace_usage u = usage_of(id);
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	const struct process *p = th->proc;
	char state = proc_state(th);
	const char *word = state == 'R' ? "running" : state == 'S' ? "sleeping" : state == 'T' ? "stopped" : "zombie";
	text_printf(
		t,
		"Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		th->comm, th->fs != NULL ? th->fs->umask : 0, state, word, p->pid, th->tid, p->ppid);
	show_ids(p, t);
	text_printf(t, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p->pid, th->tid, p->pgid, p->sid);
	show_memory(u, t);
	text_printf(t, "CoreDumping:\t0\nTHP_enabled:\t%d\nThreads:\t%u\n", !p->thp_disabled, p->nr_threads);
	show_signals(th, t);
	text_printf(t, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%u\nCpus_allowed:\t%x\nCpus_allowed_list:\t",
		    p->no_new_privs, th->seccomp_mode, seccomp_count(th), cpus_of(th));
	show_cpu_list(cpus_of(th), t);
	text_printf(t,
		    "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_"
		    "switches:\t%llu\n",
		    (unsigned long long)th->events.blocked, (unsigned long long)th->events.preempted);
	return 0;
}

/* As it is now, with what others lend it. */
static int priority_of(const struct thread *t)
{
	if (rq_is_realtime(t))
		return -1 - (t->rank - RANK_REALTIME);
	return 20 + (t->rank == RANK_IDLE ? t->nice : -t->rank);
}

int proc_show_stat(uint64_t id, struct text *t)
{
	struct vmspace_usage u = usage_of(id);
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	struct process *p = th->proc;
	struct signal_sets s = signal_sets(p);
	struct cpu_time cpu = p->pid == th->tid ? process_cpu_time(p) : thread_cpu_time(th);
	const struct cpu_time *children = &p->children_usage.cpu;
	uint64_t faults = p->pid == th->tid ? usage_of_process(p).events.faults : th->events.faults;
	uint64_t boot_ns = clock_monotonic_ns() - clock_boot_ns();
	uint64_t start_ns = p->start_ns > boot_ns ? p->start_ns - boot_ns : 0;

	/* Fields as numbered in proc(5). 1 to 13 */
	text_printf(t, "%d (%s) %c %d %d %d %d %d 4194304 %llu %llu 0 0 ", th->tid, th->comm, proc_state(th), p->ppid,
		    p->pgid, p->sid, p->ctty != NULL ? CONSOLE_NR : 0, p->ctty != NULL ? p->ctty->pgrp : -1,
		    (unsigned long long)faults, (unsigned long long)p->children_usage.events.faults);
	/* 14 to 22 */
	text_printf(t, "%llu %llu %llu %llu %d %d %u 0 %llu ", (unsigned long long)(cpu.user_ns / TICK_NS),
		    (unsigned long long)(cpu.system_ns / TICK_NS), (unsigned long long)(children->user_ns / TICK_NS),
		    (unsigned long long)(children->system_ns / TICK_NS), priority_of(th), th->nice, p->nr_threads,
		    (unsigned long long)(start_ns / TICK_NS));
	/* 23 to 30 */
	text_printf(t, "%llu %llu %llu %llu %llu %llu 0 0 ", (unsigned long long)u.size * 4096,
		    (unsigned long long)u.rss, (unsigned long long)p->rlimit[RLIMIT_RSS].cur,
		    (unsigned long long)p->start_code, (unsigned long long)p->end_code,
		    (unsigned long long)p->start_stack);
	/* 31 to 44 */
	text_printf(t, "%llu %llu %llu %llu 0 0 0 17 0 %d %d 0 0 0 ",
		    (unsigned long long)(th->pending.mask & 0x7fffffff), (unsigned long long)(th->sigmask & 0x7fffffff),
		    (unsigned long long)(s.ignored & 0x7fffffff), (unsigned long long)(s.caught & 0x7fffffff),
		    th->rt_priority, th->policy);
	/* 45 to 52 */
	text_printf(t, "%llu %llu %llu %llu %llu %llu %llu %d\n", (unsigned long long)p->start_data,
		    (unsigned long long)p->end_data, (unsigned long long)p->start_brk, (unsigned long long)p->arg_start,
		    (unsigned long long)p->arg_end, (unsigned long long)p->env_start, (unsigned long long)p->env_end,
		    p->zombie ? p->wait_status : 0);
	return 0;
}

int proc_show_statm(uint64_t id, struct text *t)
{
	struct vmspace_usage u = usage_of(id);

	if (proc_thread(id) == NULL)
		return -ESRCH;
	text_printf(t, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)u.size, (unsigned long long)u.rss,
		    (unsigned long long)u.shared, (unsigned long long)u.text, (unsigned long long)u.data);
	return 0;
}

static void show_limit(struct text *t, uint64_t v)
{
	if (v == RLIM_INFINITY)
		text_printf(t, "%-20s ", "unlimited");
	else
		text_printf(t, "%-20llu ", (unsigned long long)v);
}

int proc_show_limits(uint64_t id, struct text *t)
{
	static const struct {
		const char *name, *unit;
	} row[NR_RLIMITS] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", ""},
		[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < NR_RLIMITS; i++) {
		text_printf(t, "%-25s ", row[i].name);
		show_limit(t, th->proc->rlimit[i].cur);
		show_limit(t, th->proc->rlimit[i].max);
		text_printf(t, "%-10s\n", row[i].unit);
	}
	return 0;
}
