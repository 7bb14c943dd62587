/* SPDX-License-Identifier: MIT */
/*
 * async.c - see async.h. A file that is watched so is registered on its wait queues, as by poll. The callback, which
 * runs under a queue's lock, only notes the event and wakes the sender. Lock order: wait queue, pending_lock.
 */
#include "kernel/fs/async.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/dev/tty.h"
#include "kernel/fs/cred.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/lending.h"
#include "kernel/sched/thread.h"

#define SENDER_PRIORITY 99
#define READY_IN        (POLLIN | POLLRDNORM)
#define READY_OUT       (POLLOUT | POLLWRNORM)

struct file_async;

/* On one of the file's wait queues. */
struct async_entry {
	struct waiter waiter;
	struct async_entry *next;
	struct file_async *of;
};

/* Of a file, from its first F_SETOWN, F_SETSIG or O_ASYNC on. */
struct file_async {
	struct file *file;
	struct list pending_link; /* pending_lock */
	uint32_t events;          /* pending_lock: what the callbacks said; ANY_EVENT for 0 */
	uint32_t seen;            /* readiness that was told, or was there from the start */
	int owner_type, owner;    /* F_OWNER_*; 0 = nobody */
	uint32_t uid, euid;       /* of who chose the owner: it must be allowed to send him signals */
	int signo;                /* F_SETSIG; 0 = SIGIO, without saying which file */
	int fd;
	bool on;                     /* O_ASYNC */
	struct async_entry *entries; /* with O_ASYNC, and for a socket with an owner */
};

#define ANY_EVENT (1u << 31)
#define URGENT    (-1) /* instead of an si_code: SIGURG */

static struct spinlock pending_lock = SPINLOCK_INIT("async pending");
static struct list pending = LIST_INIT(pending);
static struct thread *sender;

/* --- sending --- */

/* What happened, as si_code says it. 0: nothing worth a signal. */
static int what_happened(const struct file_async *a, uint32_t events, uint32_t ready)
{
	uint32_t fresh = ready & ~a->seen;
	bool is_pipe = S_ISFIFO(a->file->inode->mode);

	if ((fresh & (POLLHUP | POLLERR)) && !is_pipe)
		return fresh & POLLHUP ? POLL_HUP : POLL_ERR;
	if (ready & POLLPRI & events)
		return POLL_PRI;
	if ((ready & READY_IN && events & (READY_IN | ANY_EVENT)) || (fresh & POLLHUP))
		return POLL_IN;
	return fresh & (READY_OUT | POLLERR) ? POLL_OUT : 0;
}

static long band_of(int code)
{
	switch (code) {
	case POLL_IN:
		return POLLIN | POLLRDNORM;
	case POLL_OUT:
		return POLLOUT | POLLWRNORM | POLLWRBAND;
	case POLL_PRI:
		return POLLPRI | POLLRDBAND;
	case POLL_ERR:
		return POLLERR;
	default:
		return POLLHUP | POLLERR;
	}
}

static bool may_signal(const struct file_async *a, const struct process *p)
{
	const struct cred *c = &p->cred;

	return a->euid == 0 || a->euid == c->suid || a->euid == c->uid || a->uid == c->suid || a->uid == c->uid;
}

static int send_signal(struct process *p, struct thread *t, const siginfo_t *info)
{
	return t != NULL ? signal_send_thread(t, info) : signal_send_process(p, info);
}

static void send_to(const struct file_async *a, struct process *p, struct thread *t, int code)
{
	siginfo_t info;
	int err = -EAGAIN;

	if (!may_signal(a, p))
		return;
	memset(&info, 0, sizeof(info));
	if (a->signo != 0 && code != URGENT) {
		info.si_signo = a->signo;
		info.si_code = code;
		info.si_band = band_of(code);
		info.si_fd = a->fd;
		err = send_signal(p, t, &info);
	}
	if (err != -EAGAIN)
		return;
	/* Also when the queue was full: then only that something happened is told. */
	memset(&info, 0, sizeof(info));
	info.si_signo = code == URGENT ? SIGURG : SIGIO;
	info.si_code = SI_KERNEL;
	(void)send_signal(p, t, &info);
}

static void tell_owner(const struct file_async *a, int code)
{
	struct thread *t;

	if (a->owner == 0)
		return;
	if (a->owner_type == F_OWNER_PGRP) {
		list_for_each (p, &process_all, link, struct process) {
			if (p->pgid == a->owner)
				send_to(a, p, NULL, code);
		}
		return;
	}
	t = thread_find(a->owner);
	if (t != NULL)
		send_to(a, t->proc, a->owner_type == F_OWNER_TID ? t : NULL, code);
}

static void tell(struct file_async *a, uint32_t events)
{
	uint32_t ready;
	int code;

	if (events & POLLPRI && S_ISSOCK(a->file->inode->mode))
		tell_owner(a, URGENT);
	if (!a->on)
		return;
	ready = file_poll(a->file, NULL);
	code = what_happened(a, events, ready);
	__atomic_store_n(&a->seen, ready, __ATOMIC_RELAXED);
	if (code != 0)
		tell_owner(a, code);
}

static struct file_async *take_pending(uint32_t *events)
{
	struct file_async *a = NULL;

	spin_lock(&pending_lock);
	if (!list_empty(&pending)) {
		a = list_first(&pending, struct file_async, pending_link);
		list_remove(&a->pending_link);
		*events = a->events;
		a->events = 0;
	}
	spin_unlock(&pending_lock);
	return a;
}

/* A file in the list is there: its release takes it out under the kernel lock, which this thread has while it runs. */
static void sender_main(void *arg)
{
	(void)arg;
	for (;;) {
		struct file_async *a;
		uint32_t events;

		sched_prepare();
		a = take_pending(&events);
		if (a != NULL)
			tell(a, events);
		else
			sched_block();
	}
}

static int need_sender(void)
{
	if (sender != NULL)
		return 0;
	sender = kthread_create("sigio", sender_main, NULL);
	if (sender == NULL)
		return -ENOMEM;
	sender->policy = SCHED_FIFO;
	sender->rt_priority = SENDER_PRIORITY;
	lending_own_changed(sender);
	return 0;
}

/* --- watching --- */

/* Any context. */
static void note(struct file_async *a, uint32_t events)
{
	spin_lock(&pending_lock);
	a->events |= events != 0 ? events : ANY_EVENT;
	if (list_empty(&a->pending_link))
		list_push_back(&pending, &a->pending_link);
	spin_unlock(&pending_lock);
	sched_wake(sender);
}

static void event_came(struct waiter *w, uint32_t events)
{
	note(container_of(w, struct async_entry, waiter)->of, events);
}

struct watching {
	struct poll_table table;
	struct file_async *a;
	bool failed;
};

static void watch(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct watching *w = container_of(pt, struct watching, table);
	struct async_entry *e = kzalloc(sizeof(*e));

	(void)f;
	if (e == NULL) {
		w->failed = true;
		return;
	}
	e->of = w->a;
	e->waiter.wake = event_came;
	list_init(&e->waiter.link);
	e->next = w->a->entries;
	w->a->entries = e;
	waitq_add(wq, &e->waiter);
}

static void watch_no_more(struct file_async *a)
{
	while (a->entries != NULL) {
		struct async_entry *e = a->entries;

		a->entries = e->next;
		waitq_remove(&e->waiter);
		kfree(e);
	}
	spin_lock(&pending_lock);
	list_remove(&a->pending_link);
	a->events = 0;
	spin_unlock(&pending_lock);
}

static struct file_async *async_of(struct file *f)
{
	struct file_async *a = f->async;

	if (a != NULL)
		return a;
	a = kzalloc(sizeof(*a));
	if (a == NULL)
		return NULL;
	a->file = f;
	list_init(&a->pending_link);
	__atomic_store_n(&f->async, a, __ATOMIC_RELEASE);
	return a;
}

static void set_owner(struct file_async *a, int type, int owner)
{
	const struct cred *c = cred_current();

	a->owner_type = type;
	a->owner = owner;
	a->uid = c->uid;
	a->euid = c->euid;
}

/* A terminal's is whoever uses it, if nobody was named. */
static void default_owner(struct file_async *a)
{
	const struct process *p = process_current();

	if (a->owner != 0 || !S_ISCHR(a->file->inode->mode))
		return;
	if (p->ctty != NULL && p->ctty->pgrp != 0)
		set_owner(a, F_OWNER_PGRP, p->ctty->pgrp);
	else
		set_owner(a, F_OWNER_PID, p->pid);
}

/* Has somebody to be told of something? Then the file is watched from now on, else no longer. -ENOMEM. */
static int watch_as_needed(struct file_async *a)
{
	struct watching w = {.table.queue = watch, .a = a};

	if (!a->on && (a->owner == 0 || !S_ISSOCK(a->file->inode->mode))) {
		watch_no_more(a);
		return 0;
	}
	if (need_sender() != 0)
		return -ENOMEM;
	a->seen = file_poll(a->file, a->entries == NULL ? &w.table : NULL);
	if (w.failed)
		watch_no_more(a);
	return w.failed ? -ENOMEM : 0;
}

int async_enable(struct file *f, int fd, bool on)
{
	struct file_async *a = on ? async_of(f) : f->async;
	int err;

	if (a == NULL)
		return on ? -ENOMEM : 0;
	if (on) {
		a->fd = fd;
		default_owner(a);
	}
	if (a->on == on)
		return 0;
	a->on = on;
	err = watch_as_needed(a);
	if (err != 0)
		a->on = false;
	return err;
}

void async_is_full(struct file *f)
{
	struct file_async *a = __atomic_load_n(&f->async, __ATOMIC_ACQUIRE);

	__atomic_fetch_and(&a->seen, ~(uint32_t)READY_OUT, __ATOMIC_SEQ_CST);
	/* Room may have come before this: look again. */
	if (READ_ONCE(a->on))
		note(a, POLLOUT);
}

void async_release(struct file *f)
{
	struct file_async *a = f->async;

	if (a == NULL)
		return;
	watch_no_more(a);
	f->async = NULL;
	kfree(a);
}

/* --- fcntl --- */

static bool is_there(int type, int id)
{
	if (type != F_OWNER_PGRP)
		return thread_find(id) != NULL;
	list_for_each (p, &process_all, link, struct process) {
		if (p->pgid == id)
			return true;
	}
	return false;
}

static long choose_owner(struct file *f, int type, int id)
{
	struct file_async *a;

	if (id == 0 && f->async == NULL)
		return 0;
	if (id < 0 || (id != 0 && !is_there(type, id)))
		return id < 0 ? -EINVAL : -ESRCH;
	a = async_of(f);
	if (a == NULL)
		return -ENOMEM;
	set_owner(a, type, id);
	return watch_as_needed(a);
}

static long set_owner_ex(struct file *f, const void *user)
{
	struct f_owner_ex ex;

	if (copy_from_user(&ex, user, sizeof(ex)) != 0)
		return -EFAULT;
	if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID && ex.type != F_OWNER_PGRP)
		return -EINVAL;
	return choose_owner(f, ex.type, ex.pid);
}

static long get_owner_ex(const struct file *f, void *user)
{
	struct f_owner_ex ex = {.type = F_OWNER_TID};

	if (f->async != NULL) {
		ex.type = f->async->owner_type;
		ex.pid = f->async->owner;
	}
	return copy_to_user(user, &ex, sizeof(ex));
}

static long set_signal(struct file *f, unsigned long signo)
{
	struct file_async *a;

	if (signo > NR_SIGNALS)
		return -EINVAL;
	a = signo != 0 || f->async != NULL ? async_of(f) : NULL;
	if (a != NULL)
		a->signo = (int)signo;
	return a == NULL && signo != 0 ? -ENOMEM : 0;
}

long async_fcntl(struct file *f, unsigned cmd, unsigned long arg)
{
	const struct file_async *a = f->async;
	int id = (int)arg;

	switch (cmd) {
	case F_SETOWN:
		if (id == INT32_MIN)
			return -EINVAL;
		return id < 0 ? choose_owner(f, F_OWNER_PGRP, -id) : choose_owner(f, F_OWNER_PID, id);
	case F_GETOWN:
		if (a == NULL)
			return 0;
		return a->owner_type == F_OWNER_PGRP ? -(long)a->owner : a->owner;
	case F_SETOWN_EX:
		return set_owner_ex(f, (const void *)arg);
	case F_GETOWN_EX:
		return get_owner_ex(f, (void *)arg);
	case F_SETSIG:
		return set_signal(f, arg);
	case F_GETSIG:
		return a != NULL ? a->signo : 0;
	default:
		return -EINVAL;
	}
}
