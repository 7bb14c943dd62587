/* SPDX-License-Identifier: MIT */
/*
 * process.c - what the threads of a program share, and how it ends.
 * The end has an order: each thread forgets its own things (thread_exit), the last one closes the files, and when it
 * was init_process, the machine stops. Its memory is not taken apart: it goes with the VM.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

struct process kernel_process = {.threads = LIST_INIT(kernel_process.threads)};

static struct process first;
struct process *init_process = &first;

/* Somebody waits until he is the only thread of his process: execve. */
static struct waitq alone_wq = WAITQ_INIT(alone_wq);

static void set_default_limits(struct process *p)
{
	const struct rlimit_pair unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	for (int i = 0; i < NR_RLIMITS; i++)
		p->rlimit[i] = unlimited;
	p->rlimit[RLIMIT_STACK].cur = 8u << 20;
	p->rlimit[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 1048576};
	p->rlimit[RLIMIT_CORE].cur = 0;
	p->rlimit[RLIMIT_MEMLOCK] = (struct rlimit_pair){8u << 20, 8u << 20};
	p->rlimit[RLIMIT_SIGPENDING] = (struct rlimit_pair){4096, 4096};
	p->rlimit[RLIMIT_NPROC] = (struct rlimit_pair){32768, 32768};
	p->rlimit[RLIMIT_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	p->rlimit[RLIMIT_NICE] = p->rlimit[RLIMIT_RTPRIO] = (struct rlimit_pair){0, 0};
}

/* Capabilities 0..40 are those of Linux 5.9 to 6.x: what root has. */
#define ALL_CAPS ((1ull << 41) - 1)

static void set_first_cred(struct cred *c, uint32_t uid, uint32_t gid)
{
	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = gid;
	c->cap_permitted = c->cap_effective = uid == 0 ? ALL_CAPS : 0;
	c->cap_inheritable = 0;
	c->cap_bounding = ALL_CAPS;
}

void process_init(void)
{
	struct process *p = init_process;

	list_init(&p->threads);
	p->pid = p->pgid = p->sid = 1;
	p->ppid = 0;
	p->start_ns = clock_monotonic_ns();
	p->dumpable = true;
	set_default_limits(p);
	set_first_cred(&p->cred, boot_info->uid, boot_info->gid);
	p->sighand = sighand_create();
	if (p->sighand == NULL)
		panic("no memory for the first process");
}

uint64_t process_cpu_ns(const struct process *p)
{
	uint64_t ns = p->utime_dead_ns;

	list_for_each (t, &p->threads, proc_link, struct thread)
		ns += thread_cpu_ns(t);
	return ns;
}

static void say_missing(void *ctx, const char *path)
{
	(void)ctx;
	klog("looked for in vain: %s", path);
}

static NORETURN void process_ended(struct process *p)
{
	if (p->fds != NULL) {
		struct fdtable *fds = p->fds;

		p->fds = NULL;
		fdtable_put(fds);
	}
	if (p != init_process)
		panic("process %d ended, which nothing can have started", p->pid);
	if (boot_info->flags & CAY_BOOT_MISSING)
		vfs_report_missing(say_missing, NULL);
	plat_exit(p->wait_status);
}

/* Context: the thread itself, its last act but one. */
void process_thread_gone(struct thread *t)
{
	struct process *p = t->proc;

	p->utime_dead_ns += thread_cpu_ns(t);
	p->nr_blocked_dead += t->nr_blocked;
	p->nr_preempted_dead += t->nr_preempted;
	if (p->nr_threads > 1 || t->kfn != NULL) {
		p->nr_threads--;
		waitq_wake(&alone_wq, 0);
		return;
	}
	/* Still counted, so that files are closed by a thread of a process: they may have to wait for the host. */
	if (!p->exiting) {
		p->exiting = true;
		p->wait_status = (t->exit_code & 0xff) << 8;
	}
	process_ended(p);
}

static void tell_to_exit(struct process *p, struct thread *except)
{
	list_for_each (t, &p->threads, proc_link, struct thread) {
		if (t == except)
			continue;
		t->work |= THREAD_WORK_EXIT;
		sched_wake(t);
	}
}

void process_kill(struct process *p, int wait_status)
{
	if (p->exiting)
		return;
	p->exiting = true;
	p->wait_status = wait_status;
	waitq_wake(&p->sighand->cont_wq, 0);
	tell_to_exit(p, NULL);
}

NORETURN void process_exit(int wait_status)
{
	process_kill(process_current(), wait_status);
	thread_exit(wait_status >> 8);
}

int process_end_other_threads(void)
{
	struct process *p = process_current();

	if (p->exiting)
		return -EINTR;
	tell_to_exit(p, thread_current());
	wait_event(&alone_wq, p->nr_threads == 1 || p->exiting);
	return p->exiting ? -EINTR : 0;
}
