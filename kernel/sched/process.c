/* SPDX-License-Identifier: MIT */
/*
 * process.c - what the threads of a program share: the table of processes, how they begin and end.
 * The end has an order: each thread forgets its own things (thread_exit); the last one closes the files, gives the
 * memory back, and leaves a zombie for the parent (family.h). When it was init_process, the machine stops, with whoever
 * else is still there; its memory is not taken apart: it goes with the VM.
 *
 * Invariant: a process that process_find finds has a leader, whose descriptor (dead or alive) stays until the process
 * was reaped, so that its id leads to it.
 * Lock: table and family tree would share one, once there are several CPUs.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/groups.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/sysv.h"
#include "kernel/linux/family.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/mm/debug_leak.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmspace.h"
#include "kernel/net/tcp_sock.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"
#include "kernel/time/process_timers.h"
#include "kernel/uring/uring.h"

struct process kernel_process = {.refs = 1, .threads = LIST_INIT(kernel_process.threads)};
struct list process_all = LIST_INIT(process_all);

static struct process first;
struct process *init_process = &first;

/* Somebody waits until he is the only thread of his process: execve. */
static struct waitq alone_wq = WAITQ_INIT(alone_wq);

/* A process costs about this much: stack, tables, its data. */
#define PAGES_PER_PROCESS 64

static void set_default_limits(struct process *p)
{
	const struct rlimit_pair unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	uint64_t nproc = MIN(page_nr_total() / PAGES_PER_PROCESS, 32768ul);

	for (int i = 0; i < NR_RLIMITS; i++)
		p->rlimit[i] = unlimited;
	p->rlimit[RLIMIT_STACK].cur = 8u << 20;
	p->rlimit[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 1048576};
	p->rlimit[RLIMIT_CORE].cur = 0;
	p->rlimit[RLIMIT_MEMLOCK] = (struct rlimit_pair){8u << 20, 8u << 20};
	p->rlimit[RLIMIT_SIGPENDING] = (struct rlimit_pair){4096, 4096};
	p->rlimit[RLIMIT_NPROC] = (struct rlimit_pair){nproc, nproc};
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

static void init_links(struct process *p)
{
	p->refs = 1;
	list_init(&p->link);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	waitq_init(&p->child_wq);
	waitq_init(&p->end_wq);
	p->start_ns = clock_monotonic_ns();
}

void process_init(void)
{
	struct process *p = init_process;

	init_links(p);
	p->pid = p->pgid = p->sid = 1;
	p->ppid = 0;
	p->dumpable = true;
	p->exit_signal = SIGCHLD;
	set_default_limits(p);
	set_first_cred(&p->cred, boot_info->uid, boot_info->gid);
	p->sighand = sighand_create();
	if (p->sighand == NULL)
		panic("no memory for the first process");
	list_push_back(&process_all, &p->link);
}

struct process *process_find(int pid)
{
	struct thread *t = pid > 0 ? thread_find(pid) : NULL;

	return t != NULL && t->proc->pid == pid ? t->proc : NULL;
}

struct process *process_get(struct process *p)
{
	p->refs++;
	return p;
}

/* What a process has and a zombie has not. */
static void release_resources(struct process *p)
{
	struct vmspace *vs = p->vs;

	process_timers_free(p);
	if (vs == NULL)
		return;
	p->max_rss = vmspace_peak_rss(vs);
	p->vs = NULL;
	vmspace_put(vs);
}

void process_put(struct process *p)
{
	if (--p->refs > 0)
		return;
	ASSERT(p != init_process && list_empty(&p->threads) && list_empty(&p->children));
	release_resources(p); /* of one that was never started */
	if (p->leader != NULL)
		thread_free_descriptor(p->leader);
	if (p->sighand != NULL)
		sighand_free(p->sighand);
	groups_put(p->cred.groups);
	kfree(p->exe_path);
	kfree(p);
}

struct process *process_create(void)
{
	struct process *self = process_current(), *p = kmalloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	*p = *self;
	init_links(p);
	p->leader = NULL;
	p->nr_threads = 0;
	p->parent = NULL;
	p->zombie = p->orphan = p->has_execed = p->exiting = p->subreaper = false;
	p->report = REPORT_NONE;
	p->vfork_wq = NULL;
	p->children_usage = (struct process_usage){0};
	p->shown = (struct cpu_time){0};
	p->io_dead = (struct io_counts){0};
	p->events_dead = (struct event_counts){0};
	p->cpu_dead_ns = p->system_dead_ns = p->max_rss = 0;
	p->vs = NULL;
	p->sighand = NULL;
	p->timers = NULL;
	p->uring = NULL;
	p->exe_path = NULL;
	p->cred.groups = groups_get(self->cred.groups);
	if (self->exe_path != NULL) {
		p->exe_path = kstrdup(self->exe_path);
		if (p->exe_path == NULL) {
			process_put(p);
			return NULL;
		}
	}
	p->pid = thread_new_id();
	return p;
}

void process_publish(struct process *p, struct process *parent)
{
	ASSERT(p->leader != NULL);
	p->parent = parent;
	p->ppid = parent->pid;
	list_push_back(&parent->children, &p->sibling);
	list_push_back(&process_all, &p->link);
}

void process_reap(struct process *p)
{
	ASSERT(p->zombie);
	list_remove(&p->sibling);
	list_remove(&p->link);
	thread_unhash(p->leader);
	process_put(p);
}

uint64_t process_cpu_ns(const struct process *p)
{
	uint64_t ns = p->cpu_dead_ns;

	list_for_each (t, &p->threads, proc_link, struct thread)
		ns += thread_cpu_ns(t);
	return ns;
}

void process_release_vfork(struct process *p)
{
	struct waitq *wq = p->vfork_wq;

	p->vfork_wq = NULL;
	if (wq != NULL)
		waitq_wake(wq, 0);
}

void process_take_leadership(struct thread *t)
{
	struct process *p = t->proc;
	struct thread *old = p->leader;

	if (old == t)
		return;
	thread_unhash(old);
	thread_change_id(t, p->pid);
	p->leader = t;
	if (old->kstack_top == 0) /* else thread_free will */
		thread_free_descriptor(old);
}

static void say_missing(void *ctx, const char *path)
{
	(void)ctx;
	klog("looked for in vain: %s", path);
}

/* The last thread's last act. */
static void process_ended(struct process *p)
{
	if (p == init_process) {
		thread_put_files(thread_current());
		tcp_finish();
		if (boot_info->flags & CAY_BOOT_MISSING)
			vfs_report_missing(say_missing, NULL);
		plat_exit(debug_leak_check() ? LEAK_STATUS : p->wait_status);
	}
	uring_process_end(p);
	ipc_process_exit(p);
	thread_put_files(thread_current());
	release_resources(p);
	process_release_vfork(p);
	family_ended(p);
}

/* Context: the thread itself, its last act but one. */
void process_thread_gone(struct thread *t)
{
	struct process *p = t->proc;

	if (p->nr_threads > 1)
		thread_put_files(t); /* may block; the last one's wait for what works for the process (process_ended) */
	p->cpu_dead_ns += thread_cpu_ns(t);
	p->system_dead_ns += t->system_time.exact_ns + t->system_time.sampled_ns;
	event_counts_add(&p->events_dead, &t->events);
	p->io_dead.read_bytes += t->io.read_bytes;
	p->io_dead.written_bytes += t->io.written_bytes;
	p->io_dead.reads += t->io.reads;
	p->io_dead.writes += t->io.writes;
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
	p->nr_threads = 0;
}

static void tell_to_exit(struct process *p, struct thread *except)
{
	list_for_each (t, &p->threads, proc_link, struct thread) {
		if (t == except)
			continue;
		thread_work_set(t, THREAD_WORK_EXIT);
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

	/* Of two that want to be the only one the first is: the other ends on its way back. */
	if (p->exiting || (thread_current()->work & THREAD_WORK_EXIT))
		return -EINTR;
	tell_to_exit(p, thread_current());
	wait_event(&alone_wq, p->nr_threads == 1 || p->exiting);
	return p->exiting ? -EINTR : 0;
}
