/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads come and go: stacks, FPU areas, thread ids, the table of all threads.
 * A thread's descriptor and stack are freed by whoever runs after it (sched_switch_done), never by itself.
 * Lock: the kernel lock.
 * Descriptors are kept for other threads when they are free: a waker without the kernel lock may be a moment late, and
 * what it then does to a thread that is new, dead, or somebody else is harmless (sched_wake).
 */
#include <errno.h>
#include <string.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/linux/futex.h"
#include "kernel/linux/sched_policy.h"
#include "kernel/linux/seccomp.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

#define KSTACK_ORDER 2
_Static_assert(KSTACK_BYTES == PAGE_SIZE << KSTACK_ORDER, "a stack is one block of pages");
_Static_assert(offsetof(struct thread, switch_rsp) == 0 && offsetof(struct thread, kstack_top) == 8 &&
		       offsetof(struct thread, fs_base) == 16 && offsetof(struct thread, work) == 24,
	       "known to entry.S");

#define HASH_BUCKETS    256
#define TID_MAX         4194304 /* Linux's largest pid_max */
#define TID_FIRST_AGAIN 300     /* as Linux: low ids are for who was there first */
#define FPU_ALIGN       64

static struct list table[HASH_BUCKETS];
static int last_tid;
static bool ids_wrapped;
static unsigned nr_threads;
static struct list free_descriptors = LIST_INIT(free_descriptors);

static struct list *bucket(int tid)
{
	struct list *l = &table[(unsigned)tid % HASH_BUCKETS];

	if (l->next == NULL)
		list_init(l);
	return l;
}

struct thread *thread_find(int tid)
{
	list_for_each (t, bucket(tid), hash_link, struct thread) {
		if (t->tid == tid)
			return t;
	}
	return NULL;
}

void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg)
{
	for (int i = 0; i < HASH_BUCKETS; i++) {
		list_for_each_safe (t, bucket(i), hash_link, struct thread)
			fn(t, arg);
	}
}

/* A group or session may outlive the process it is named after. */
static bool id_is_used(int id)
{
	if (thread_find(id) != NULL)
		return true;
	if (!ids_wrapped)
		return false;
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid == id || p->sid == id)
			return true;
	}
	return false;
}

int thread_new_id(void)
{
	do {
		if (last_tid < TID_MAX - 1) {
			last_tid++;
		} else {
			last_tid = TID_FIRST_AGAIN;
			ids_wrapped = true;
		}
	} while (id_is_used(last_tid));
	return last_tid;
}

unsigned thread_count(void)
{
	return nr_threads;
}

/* With room for FPU state. All zero: THREAD_NEW. */
static struct thread *descriptor_alloc(void)
{
	size_t bytes = ALIGN_UP(sizeof(struct thread), 16) + fpu_area_bytes() + FPU_ALIGN;

	if (list_empty(&free_descriptors))
		return kzalloc(bytes);
	struct thread *t = list_first(&free_descriptors, struct thread, hash_link);

	list_remove(&t->hash_link);
	memset(t, 0, bytes);
	return t;
}

static void descriptor_free(struct thread *t)
{
	t->state = THREAD_DEAD;
	list_push_front(&free_descriptors, &t->hash_link);
}

/* Memory of a thread; fpu only for threads of a program. kmalloc aligns to 16 bytes, xsave wants 64. */
static struct thread *thread_alloc(struct process *proc, bool has_fpu)
{
	struct thread *t = descriptor_alloc();
	void *stack;

	if (t == NULL)
		return NULL;
	stack = page_alloc(KSTACK_ORDER, PAGE_RECLAIM);
	if (stack == NULL) {
		descriptor_free(t);
		return NULL;
	}
	t->kstack_top = (uint64_t)stack + KSTACK_BYTES;
	if (has_fpu)
		t->fpu = (void *)ALIGN_UP((uint64_t)(t + 1), (uint64_t)FPU_ALIGN);
	t->proc = proc;
	list_init(&t->proc_link);
	list_init(&t->hash_link);
	pheap_node_init(&t->run_node);
	list_init(&t->queue_link);
	list_init(&t->lenders);
	t->fpu_cpu = FPU_IN_MEMORY;
	t->affinity = ~0ull;
	sigpending_init(&t->pending);
	t->timer_slack_ns = 50000;
	return t;
}

void thread_put_files(struct thread *t)
{
	struct fdtable *fds = t->fds;
	struct fs_context *fs = t->fs;

	t->fds = NULL;
	fdtable_put(fds);
	t->fs = NULL;
	fs_context_put(fs);
}

void thread_free_descriptor(struct thread *t)
{
	sigpending_discard(&t->pending, ~0ull);
	descriptor_free(t);
}

void thread_free(struct thread *t)
{
	struct process *p = t->proc;

	page_free((void *)(t->kstack_top - KSTACK_BYTES), KSTACK_ORDER);
	t->kstack_top = 0;
	if (p->leader != t)
		thread_free_descriptor(t);
	process_put(p);
}

void thread_unhash(struct thread *t)
{
	list_remove(&t->hash_link);
}

void thread_change_id(struct thread *t, int tid)
{
	list_remove(&t->hash_link);
	t->tid = tid;
	list_push_back(bucket(tid), &t->hash_link);
}

static void publish(struct thread *t)
{
	list_push_back(bucket(t->tid), &t->hash_link);
	list_push_back(&t->proc->threads, &t->proc_link);
	t->proc->nr_threads++;
	process_get(t->proc);
	nr_threads += t->kfn == NULL;
}

static void kthread_main(void *arg)
{
	struct thread *t = arg;

	sched_switch_done();
	t->kfn(t->karg);
	thread_exit(0);
}

static struct thread *kthread_prepare(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = thread_alloc(&kernel_process, false);

	if (t == NULL)
		return NULL;
	memcpy(t->comm, name, MIN(strlen(name), sizeof(t->comm) - 1));
	t->kfn = fn;
	t->karg = arg;
	t->wants_klock = smp_active;
	arch_thread_init(t, kthread_main, t);
	return t;
}

struct thread *thread_alloc_idle(void)
{
	struct thread *t = kthread_prepare("idle", sched_idle_loop, NULL);

	if (t != NULL) {
		t->wants_klock = false;
		t->state = THREAD_RUNNABLE;
	}
	return t;
}

struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = kthread_prepare(name, fn, arg);

	if (t == NULL)
		return NULL;
	/* Kernel threads have negative ids: invisible to the program. */
	t->tid = -thread_new_id();
	publish(t);
	sched_start(t);
	return t;
}

/* None are left when p is ending: then nobody asks for them any more. */
static void share_files(struct thread *t, const struct process *p)
{
	list_for_each (of, &p->threads, proc_link, struct thread) {
		if (of->fds == NULL)
			continue;
		t->fds = fdtable_get(of->fds);
		t->fs = fs_context_get(of->fs);
		return;
	}
}

void kthread_adopt(struct process *p)
{
	struct thread *t = thread_current();
	struct process *old = t->proc;

	thread_put_files(t);
	if (p != NULL)
		share_files(t, p);
	t->proc = process_get(p != NULL ? p : &kernel_process);
	process_put(old);
	if (p != NULL) {
		vmspace_activate(p->vs);
		tlb_catch_up();
	}
}

static void user_thread_main(void *arg)
{
	struct thread *t = thread_current();

	(void)arg;
	sched_switch_done();
	/* In its own address space. One that cannot be written is the program's loss, as in Linux. */
	if (t->set_child_tid != 0)
		(void)!put_user_u32((void *)t->set_child_tid, (uint32_t)t->tid);
	frame_return();
}

struct thread *thread_create(struct process *proc)
{
	struct thread *self = thread_current(), *t;

	smp_start_others();
	t = thread_alloc(proc, true);
	if (t == NULL)
		return NULL;
	if (proc->leader == NULL) {
		proc->leader = t;
		t->tid = proc->pid;
	} else {
		t->tid = thread_new_id();
	}
	memcpy(t->comm, self->comm, sizeof(t->comm));
	t->vruntime_ns = self->vruntime_ns;
	t->affinity = self->affinity;
	t->cpu = self->cpu;
	sched_policy_inherit(t, self);
	t->sigmask = self->sigmask;
	seccomp_inherit(t, self);
	t->timer_slack_ns = self->timer_slack_ns;
	t->work = self->work & THREAD_WORK_TRACE;
	t->altstack_flags = SS_DISABLE;
	fpu_save(self); /* the child starts with the parent's FPU state (control words, above all) */
	memcpy(t->fpu, self->fpu, fpu_area_bytes());
	arch_thread_init(t, user_thread_main, t);
	publish(t);
	return t;
}

void thread_abandon(struct thread *t)
{
	struct process *p = t->proc;

	nr_threads--;
	thread_unhash(t);
	list_remove(&t->proc_link);
	seccomp_release(t);
	p->nr_threads--;
	thread_put_files(t);
	thread_free(t);
	process_put(p);
}

void thread_start(struct thread *t)
{
	sched_start(t);
}

NORETURN void thread_exit(int code)
{
	struct thread *t = thread_current();

	t->exit_code = code;
	if (t->kfn == NULL) {
		futex_thread_exit(t);
		signal_thread_exit(t);
	}
	nr_threads -= t->kfn == NULL;
	if (t->proc->leader != t)
		thread_unhash(t);
	list_remove(&t->proc_link);
	seccomp_release(t);
	process_thread_gone(t);
	sched_exit();
}

void sched_init(void)
{
	struct thread *boot, *idle;

	ktimer_subsystem_init();
	process_init();
	boot = thread_alloc(init_process, true);
	idle = thread_alloc_idle();
	if (boot == NULL || idle == NULL)
		panic("no memory for the first threads");
	fpu_init_state(boot->fpu);
	boot->state = THREAD_RUNNABLE;
	boot->on_cpu = true;
	boot->altstack_flags = SS_DISABLE;
	boot->tid = thread_new_id();
	init_process->leader = boot;
	ASSERT(boot->tid == init_process->pid);
	publish(boot);
	sched_cpu_init(0, boot, idle);
	fpu_restore(boot);
}
