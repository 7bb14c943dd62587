/* SPDX-License-Identifier: MIT */
/*
 * posix_timer.c - timer_create(2) and kin. Each timer owns the one queue entry of its signal, so an expiry never needs
 * memory; expiries while the signal is still queued are its overrun count, which the signal carries when it is taken.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "kernel/linux/signal_priv.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/time/process_timers.h"
#include "kernel/time/time_calls.h"
#include "kernel/time/timespec.h"

struct posix_timer {
	struct list link;
	int id;
	struct interval_timer it;
	struct sigitem item;
	struct user_counts *user; /* counted there */
	int notify;               /* SIGEV_* */
	int tid;                  /* SIGEV_THREAD_ID: whom */
	uint64_t overrun;         /* expiries since the item was queued */
	int last_overrun;         /* of the signal that was taken last: timer_getoverrun */
};

struct kitimerspec {
	struct ktimespec interval, value;
};

/* As the system call passes it; only the fields that the kernel reads. */
struct ksigevent {
	uint64_t value;
	int32_t signo, notify, tid, pad[11];
};
_Static_assert(sizeof(struct ksigevent) == 64, "Linux ABI");

static void signal_taken(struct sigitem *item)
{
	struct posix_timer *pt = container_of(item, struct posix_timer, item);

	pt->last_overrun = (int)MIN(pt->overrun, (uint64_t)INT32_MAX);
	pt->overrun = 0;
	item->info.si_overrun = pt->last_overrun;
}

static void timer_expired(struct interval_timer *it, uint64_t periods)
{
	struct posix_timer *pt = container_of(it, struct posix_timer, it);
	struct thread *t = NULL;

	if (pt->notify == SIGEV_NONE)
		return;
	if (pt->notify == SIGEV_THREAD_ID) {
		t = thread_find(pt->tid);
		if (t == NULL)
			return; /* nobody is left to tell */
	}
	if (list_empty(&pt->item.link))
		pt->overrun = periods - 1;
	else
		pt->overrun += periods;
	if (list_empty(&pt->item.link))
		(void)signal_send_item(it->proc, t,
				       &pt->item); /* false: the same standard signal is pending from elsewhere */
}

static struct posix_timer *find(int id)
{
	struct process_timers *pts = process_current()->timers;

	if (pts == NULL)
		return NULL;
	list_for_each (pt, &pts->posix, link, struct posix_timer) {
		if (pt->id == id)
			return pt;
	}
	return NULL;
}

static int check_event(const struct ksigevent *ev)
{
	struct thread *t;

	switch (ev->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_THREAD_ID:
		t = thread_find(ev->tid);
		if (t == NULL || t->proc != process_current())
			return -EINVAL;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: /* to the kernel the same: the C library makes the thread */
		break;
	default:
		return -EINVAL;
	}
	return ev->signo >= 1 && ev->signo <= NR_SIGNALS ? 0 : -EINVAL;
}

long sys_timer_create(int clockid, const void *uevent, void *uid)
{
	struct process *p = process_current();
	struct process_timers *pts = process_timers_get(p);
	struct ksigevent ev = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	struct clock_ref clock;
	struct user_counts *us;
	struct posix_timer *pt;
	int err = clock_ref_of(clockid, &clock);

	if (err == 0 && uevent != NULL)
		err = copy_from_user(&ev, uevent, sizeof(ev));
	if (err == 0)
		err = check_event(&ev);
	if (err != 0)
		return err;
	us = user_counts_of(p->cred.uid);
	pt = pts != NULL && us != NULL && us->signals < p->rlimit[RLIMIT_SIGPENDING].cur ? kzalloc(sizeof(*pt)) : NULL;
	if (pt == NULL)
		return -EAGAIN;
	pt->user = us;
	us->signals++;
	pt->id = pts->next_id++;
	pt->notify = ev.notify;
	pt->tid = ev.tid;
	list_init(&pt->item.link);
	pt->item.owned = true;
	pt->item.taken = signal_taken;
	pt->item.info.si_signo = ev.signo;
	pt->item.info.si_code = SI_TIMER;
	pt->item.info.si_timerid = pt->id;
	pt->item.info.si_value.sival_ptr = (void *)(uevent != NULL ? ev.value : (uint64_t)pt->id);
	interval_timer_init(&pt->it, p, clock, timer_expired);
	if (put_user_u32(uid, (uint32_t)pt->id) != 0) {
		us->signals--;
		kfree(pt);
		return -EFAULT;
	}
	list_push_back(&pts->posix, &pt->link);
	return 0;
}

static struct kitimerspec read_timer(const struct posix_timer *pt)
{
	return (struct kitimerspec){timespec_from_ns(pt->it.interval_ns),
				    timespec_from_ns(interval_timer_left_ns(&pt->it))};
}

long sys_timer_gettime(int id, void *ucurr)
{
	struct posix_timer *pt = find(id);
	struct kitimerspec v;

	if (pt == NULL)
		return -EINVAL;
	v = read_timer(pt);
	return copy_to_user(ucurr, &v, sizeof(v));
}

/* A signal of an earlier setting that is still queued is forgotten. */
static void forget_signal(struct posix_timer *pt)
{
	struct thread *t = pt->notify == SIGEV_THREAD_ID ? thread_find(pt->tid) : NULL;

	sigpending_remove_item(t != NULL ? &t->pending : &pt->it.proc->sighand->shared, &pt->item);
	pt->overrun = 0;
}

long sys_timer_settime(int id, int flags, const void *unew, void *uold)
{
	struct posix_timer *pt;
	struct kitimerspec new, old;
	uint64_t value_ns, interval_ns;

	if (unew == NULL || copy_from_user(&new, unew, sizeof(new)) != 0)
		return unew == NULL ? -EINVAL : -EFAULT;
	pt = find(id); /* after the copy, which may sleep */
	if (timespec_to_ns(&new.value, &value_ns) != 0 || timespec_to_ns(&new.interval, &interval_ns) != 0 ||
	    pt == NULL)
		return -EINVAL;
	old = read_timer(pt);
	forget_signal(pt);
	interval_timer_set(&pt->it, value_ns, flags & TIMER_ABSTIME, interval_ns);
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

long sys_timer_getoverrun(int id)
{
	struct posix_timer *pt = find(id);

	return pt != NULL ? pt->last_overrun : -EINVAL;
}

static void delete (struct posix_timer *pt)
{
	ktimer_cancel(&pt->it.ktimer);
	forget_signal(pt);
	list_remove(&pt->link);
	pt->user->signals--;
	kfree(pt);
}

long sys_timer_delete(int id)
{
	struct posix_timer *pt = find(id);

	if (pt == NULL)
		return -EINVAL;
	delete (pt);
	return 0;
}

void process_timers_free(struct process *p)
{
	if (p->timers == NULL)
		return;
	process_timers_exec(p);
	for (int i = 0; i < NR_ITIMERS; i++)
		ktimer_cancel(&p->timers->itimer[i].ktimer);
	ktimer_cancel(&p->timers->cpu_limit.ktimer);
	kfree(p->timers);
	p->timers = NULL;
}

void process_timers_exec(struct process *p)
{
	if (p->timers == NULL)
		return;
	list_for_each_safe (pt, &p->timers->posix, link, struct posix_timer)
		delete (pt);
}
