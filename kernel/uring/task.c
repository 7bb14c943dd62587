/* SPDX-License-Identifier: MIT */
/*
 * task.c - a process's side of io_uring: its requests in whatever ring, and the workers that run those for which no
 * thread of the process is in io_uring_enter. Workers are kernel threads that have adopted the process: the program
 * never sees them, and the process does not end before they have let go of it.
 *
 * There are two queues. What is known not to block is run at once by a worker that is always kept for it; what may
 * block, by others, NR_SLOW_MAX of them at most.
 * Lock: the kernel lock. Events of files that come without it are left for a worker (task.events, a spin lock).
 */
#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"
#include "kernel/uring/uring.h"
#include "kernel/uring/uring_priv.h"

#define NR_SLOW_MAX 64u

struct uring_task {
	struct process *proc; /* whose field `uring` leads here, so it lives */
	struct list requests;
	struct list quick, slow;
	struct list events; /* requests whose files had one */
	struct waitq work_wq;
	unsigned nr_workers, nr_idle, nr_in_slow;
	bool ending;
	struct waitq end_wq;
};

static struct spinlock events_lock = SPINLOCK_INIT("uring events"); /* task.events of all */

struct uring_task *uring_task_current(void)
{
	struct process *p = process_current();
	struct uring_task *task = p->uring;

	if (task != NULL)
		return task;
	task = kzalloc(sizeof(*task));
	if (task == NULL)
		return NULL;
	task->proc = p;
	list_init(&task->requests);
	list_init(&task->quick);
	list_init(&task->slow);
	list_init(&task->events);
	waitq_init(&task->work_wq);
	waitq_init(&task->end_wq);
	p->uring = task;
	return task;
}

void task_add(struct uring_task *task, struct uring_req *r)
{
	list_push_back(&task->requests, &r->task_link);
}

void task_remove(struct uring_req *r)
{
	list_remove(&r->task_link);
}

bool task_is_ending(const struct uring_task *task)
{
	return task->ending;
}

bool task_is_current(const struct uring_task *task)
{
	return task->proc == process_current();
}

bool task_owns_ring(const struct uring_task *task, const struct uring *ring)
{
	return task->proc == ring->owner;
}

static struct uring_req *pop(struct list *queue)
{
	struct uring_req *r = list_first(queue, struct uring_req, queue_link);

	list_remove(&r->queue_link);
	return r;
}

static void run_slow(struct uring_task *task, struct uring_req *r)
{
	struct thread *self = thread_current();
	int res = -ECANCELED;

	if (!r->canceled && !task->ending) {
		task->nr_in_slow++;
		r->worker = self;
		r->state = URING_BLOCKING;
		res = r->op->issue(r, false);
		if (res == URING_PARKED)
			r = NULL;
		else
			r->state = URING_RUNNING;
		task->nr_in_slow--;
		self->work &= ~(uint64_t)(THREAD_WORK_SIGNAL | THREAD_WORK_EXIT); /* a cancellation's */
	}
	if (r == NULL)
		return;
	r->worker = NULL;
	/* Whatever a signal would have restarted (signal.h) ended because somebody wanted it to. */
	if (res <= -512 || res == -EINTR)
		res = r->canceled ? -ECANCELED : -EINTR;
	request_complete(r, res);
}

static bool slow_allowed(const struct uring_task *task)
{
	return !list_empty(&task->slow) && task->nr_in_slow < NR_SLOW_MAX &&
	       (task->nr_idle > 0 || task->ending || task_need_worker((struct uring_task *)task) == 0);
}

void task_leave_event(struct uring_req *r)
{
	struct uring_task *task = r->task;

	spin_lock(&events_lock);
	if (list_empty(&r->event_link))
		list_push_back(&task->events, &r->event_link);
	spin_unlock(&events_lock);
	waitq_wake(&task->work_wq, 0); /* there is a worker: see arm */
}

void task_forget_event(struct uring_req *r)
{
	spin_lock(&events_lock);
	list_remove(&r->event_link);
	spin_unlock(&events_lock);
}

static void see_to_events(struct uring_task *task)
{
	for (;;) {
		struct uring_req *r = NULL;

		spin_lock(&events_lock);
		if (!list_empty(&task->events)) {
			r = list_first(&task->events, struct uring_req, event_link);
			list_remove(&r->event_link);
		}
		spin_unlock(&events_lock);
		if (r == NULL)
			return;
		request_event(r);
	}
}

static void worker_main(void *arg)
{
	struct uring_task *task = arg;

	kthread_adopt(task->proc);
	thread_current()->sigmask = ~0ull;
	for (;;) {
		see_to_events(task);
		if (!list_empty(&task->quick))
			request_run(pop(&task->quick));
		else if (slow_allowed(task))
			run_slow(task, pop(&task->slow));
		else if (task->ending)
			break;
		else {
			task->nr_idle++;
			wait_event(&task->work_wq,
				   !list_empty(&task->quick) || !list_empty(&task->events) || task->ending ||
					   (!list_empty(&task->slow) && task->nr_in_slow < NR_SLOW_MAX));
			task->nr_idle--;
		}
	}
	kthread_adopt(NULL);
	task->nr_workers--;
	waitq_wake(&task->end_wq, 0); /* the last use of task */
}

/* Makes one when all there are may be busy for long. */
int task_need_worker(struct uring_task *task)
{
	if (task->nr_workers > task->nr_in_slow + 1 || (task->nr_workers > 0 && task->nr_idle > 0))
		return 0;
	if (kthread_create("iou-wrk", worker_main, task) == NULL)
		return task->nr_workers > 0 ? 0 : -ENOMEM;
	task->nr_workers++;
	return 0;
}

void task_queue(struct uring_req *r, bool slow)
{
	struct uring_task *task = r->task;

	list_push_back(slow ? &task->slow : &task->quick, &r->queue_link);
	waitq_wake(&task->work_wq, 0);
}

/* What nobody else will run: there are no workers any more, and no thread of the process is in io_uring_enter. */
static void end_requests(struct uring_task *task)
{
	while (!list_empty(&task->requests)) {
		struct uring_req *r = list_first(&task->requests, struct uring_req, task_link);

		r->canceled = true;
		if (r->state == URING_READY) {
			list_remove(&r->queue_link);
			request_run(r);
		} else {
			(void)!request_cancel(r);
		}
	}
}

void uring_process_end(struct process *p)
{
	struct uring_task *task = p->uring;

	if (task == NULL)
		return;
	task->ending = true;
	list_for_each (r, &task->requests, task_link, struct uring_req)
		if (r->state == URING_BLOCKING)
			(void)!request_cancel(r);
	waitq_wake(&task->work_wq, 0);
	wait_event(&task->end_wq, task->nr_workers == 0);
	end_requests(task);
	p->uring = NULL;
	kfree(task);
}
