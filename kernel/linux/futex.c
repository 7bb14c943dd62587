/* SPDX-License-Identifier: MIT */
/*
 * futex.c - waiting on words of the program's memory, and waking.
 * Order that prevents a lost wake: read the word and queue the waiter under the queue's lock, then sleep while still
 * queued. A waker changes the word, then looks at the queue. Each wake that was counted lets one waiter return 0: who
 * times out or is interrupted in the moment of its wake was woken. The word may not be there under that lock; then it
 * is fetched without, and all begins again.
 * Private futexes need no kernel lock (futex_queue.h has locks of its own), shared ones for their key, locks with an
 * owner for the owner.
 */
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "kernel/linux/futex_calls.h"
#include "kernel/linux/futex_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/wait.h"
#include "kernel/time/timespec.h"

int futex_key_of(const void *uaddr, bool shared, struct futex_key *key)
{
	uint64_t addr = (uint64_t)uaddr;
	struct phys_seg seg;
	size_t covered;
	uint32_t word;
	int nr;

	if (addr % sizeof(uint32_t) != 0)
		return -EINVAL;
	if (addr >= CAY_USER_END)
		return -EFAULT;
	if (!shared) {
		*key = (struct futex_key){(uint64_t)process_current()->vs, addr};
		return 0;
	}
	/* In private memory the page changes at the first write, after a fork: the address is what stays. Another key
	 * than that of a private futex, though: Linux does not mix them either. */
	if (!vmspace_is_shared_at(vmspace_current(), addr)) {
		*key = (struct futex_key){(uint64_t)process_current()->vs, addr | 1};
		return get_user_u32(&word, uaddr);
	}
	nr = user_pin(uaddr, sizeof(uint32_t), 1, &seg, 1, &covered);
	if (nr < 1)
		nr = user_pin(uaddr, sizeof(uint32_t), 0, &seg, 1, &covered);
	if (nr < 1)
		return -EFAULT;
	*key = (struct futex_key){0, seg.pa.v};
	user_unpin(&seg, 1);
	return 0;
}

int futex_wake(void *uaddr, bool shared, int nr, uint32_t bits)
{
	struct futex_key key;
	int err = futex_key_of(uaddr, shared, &key);

	return err != 0 ? err : futex_queue_wake(&key, nr, bits, sched_wake);
}

int futex_urgency(const struct thread *t)
{
	return rq_is_realtime(t) ? t->rank - RANK_REALTIME : 0;
}

/* A word, and what it must be for the caller to go on. */
struct expected {
	const void *uaddr;
	uint32_t val;
};

static int look_at_word(void *arg)
{
	const struct expected *e = arg;
	uint32_t now;
	int err = peek_user_u32(&now, e->uaddr);

	return err == 0 && now != e->val ? -EAGAIN : err;
}

/* After -EFAULT of look_at_word: can the word be had? Then it is there now. */
static int fetch_word(const struct expected *e)
{
	uint32_t now;

	return get_user_u32(&now, e->uaddr);
}

/* Queues w if the word is still what it is expected to be. -EAGAIN when not, -EFAULT. */
static int queue_if_expected(struct futex_waiter *w, struct expected e)
{
	int r;

	do
		r = futex_queue_add_if(w, look_at_word, &e);
	while (r == -EFAULT && fetch_word(&e) == 0);
	return r;
}

/* Sleeps while w is queued. 0 woken, -ETIMEDOUT, -EINTR. w is not queued afterwards. */
static int sleep_queued(struct futex_waiter *w, uint64_t deadline_ns)
{
	int r = 0;

	for (;;) {
		sched_prepare();
		if (!futex_is_queued(w))
			return 0;
		if (r != 0)
			break;
		r = wait_sleep(deadline_ns, true);
	}
	return futex_queue_remove(w) ? r : 0;
}

static long wait_on(void *uaddr, bool shared, uint32_t val, uint32_t bits, uint64_t deadline_ns)
{
	struct thread *self = thread_current();
	struct futex_waiter w = {.thread = self, .bits = bits, .urgency = futex_urgency(self)};
	int err = futex_key_of(uaddr, shared, &w.key);

	if (err == 0)
		err = queue_if_expected(&w, (struct expected){uaddr, val});
	return err != 0 ? err : sleep_queued(&w, deadline_ns);
}

static long wait_continue(struct restart_block *rb);

/* absolute: a call that is simply made again after a signal. Relative: continued with the deadline it had. */
static long wait_restartable(void *uaddr, bool shared, uint32_t val, uint32_t bits, uint64_t deadline_ns, bool absolute)
{
	long r = wait_on(uaddr, shared, val, bits, deadline_ns);

	if (r != -EINTR)
		return r;
	if (absolute || deadline_ns == WAIT_FOREVER)
		return -ERESTARTSYS;
	return signal_restart_with(wait_continue, deadline_ns, (uint64_t)uaddr, shared, val, bits, 0);
}

static long wait_continue(struct restart_block *rb)
{
	return wait_restartable((void *)rb->arg[0], rb->arg[1] != 0, (uint32_t)rb->arg[2], (uint32_t)rb->arg[3],
				rb->deadline_ns, false);
}

static long requeue(void *uaddr, void *uaddr2, bool shared, int nr_wake, int nr_requeue, const uint32_t *expect)
{
	struct expected e = {uaddr, expect != NULL ? *expect : 0};
	struct futex_requeue q = {.nr_wake = nr_wake,
				  .nr_move = nr_requeue,
				  .wake = sched_wake,
				  .look = expect != NULL ? look_at_word : NULL,
				  .arg = &e};
	int r;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	r = futex_key_of(uaddr, shared, &q.from);
	if (r == 0)
		r = futex_key_of(uaddr2, shared, &q.to);
	if (r != 0)
		return r;
	do
		r = futex_queue_requeue(&q);
	while (r == -EFAULT && fetch_word(&e) == 0);
	return r;
}

/* FUTEX_WAKE_OP's encoding: op(4) cmp(4) oparg(12, signed) cmparg(12, signed). */
static int decode_op(uint32_t encoded, uint32_t old, uint32_t *new_value, bool *holds)
{
	unsigned op = encoded >> 28 & 7, cmp = encoded >> 24 & 15;
	int oparg = (int)(encoded << 8) >> 20, cmparg = (int)(encoded << 20) >> 20;
	int value = (int)old;

	if (encoded >> 28 & FUTEX_OP_OPARG_SHIFT)
		oparg = (int)(1u << (oparg & 31));
	switch (op) {
	case FUTEX_OP_SET:
		*new_value = (uint32_t)oparg;
		break;
	case FUTEX_OP_ADD:
		*new_value = old + (uint32_t)oparg;
		break;
	case FUTEX_OP_OR:
		*new_value = old | (uint32_t)oparg;
		break;
	case FUTEX_OP_ANDN:
		*new_value = old & ~(uint32_t)oparg;
		break;
	case FUTEX_OP_XOR:
		*new_value = old ^ (uint32_t)oparg;
		break;
	default:
		return -ENOSYS;
	}
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		*holds = value == cmparg;
		return 0;
	case FUTEX_OP_CMP_NE:
		*holds = value != cmparg;
		return 0;
	case FUTEX_OP_CMP_LT:
		*holds = value < cmparg;
		return 0;
	case FUTEX_OP_CMP_GE:
		*holds = value >= cmparg;
		return 0;
	case FUTEX_OP_CMP_LE:
		*holds = value <= cmparg;
		return 0;
	case FUTEX_OP_CMP_GT:
		*holds = value > cmparg;
		return 0;
	default:
		return -ENOSYS;
	}
}

static long wake_op(void *uaddr, void *uaddr2, bool shared, int nr, int nr2, uint32_t encoded)
{
	struct futex_key key, key2;
	uint32_t old = 0, found, value;
	bool holds;
	int err, woken, woken2;

	err = futex_key_of(uaddr, shared, &key);
	if (err == 0)
		err = futex_key_of(uaddr2, shared, &key2);
	if (err == 0)
		err = get_user_u32(&old, uaddr2);
	while (err == 0) {
		err = decode_op(encoded, old, &value, &holds);
		if (err == 0)
			err = cmpxchg_user_u32(uaddr2, old, value, &found);
		if (err != 0 || found == old)
			break;
		old = found;
	}
	if (err != 0)
		return err;
	woken = futex_queue_wake(&key, nr, FUTEX_ANY_BITS, sched_wake);
	if (woken < 0 || !holds)
		return woken;
	woken2 = futex_queue_wake(&key2, nr2, FUTEX_ANY_BITS, sched_wake);
	return woken2 < 0 ? woken2 : woken + woken2;
}

/* The timeout of those operations that have one. FUTEX_WAIT's is relative, LOCK_PI's is always on CLOCK_REALTIME. */
static int get_deadline(int cmd, bool realtime, const void *utimeout, uint64_t *deadline_ns)
{
	uint64_t ns;
	int err;

	*deadline_ns = WAIT_FOREVER;
	if (utimeout == NULL)
		return 0;
	err = timespec_from_user(utimeout, &ns);
	if (err != 0)
		return err;
	if (cmd == FUTEX_WAIT)
		*deadline_ns = deadline_after(ns);
	else if (realtime || cmd == FUTEX_LOCK_PI)
		*deadline_ns = deadline_from_realtime(ns);
	else
		*deadline_ns = ns;
	return 0;
}

static bool is_pi(int cmd)
{
	return cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_TRYLOCK_PI || cmd == FUTEX_UNLOCK_PI ||
	       cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_CMP_REQUEUE_PI;
}

static bool has_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
	       cmd == FUTEX_WAIT_REQUEUE_PI;
}

static bool may_be_realtime(int cmd)
{
	return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
}

static long do_futex(void *uaddr, int cmd, bool shared, uint32_t val, int val2, uint64_t deadline_ns, void *uaddr2,
		     uint32_t val3)
{
	switch (cmd) {
	case FUTEX_WAIT:
		return wait_restartable(uaddr, shared, val, FUTEX_ANY_BITS, deadline_ns, false);
	case FUTEX_WAIT_BITSET:
		return val3 == 0 ? -EINVAL : wait_restartable(uaddr, shared, val, val3, deadline_ns, true);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, val > INT32_MAX ? INT32_MAX : (int)val, FUTEX_ANY_BITS);
	case FUTEX_WAKE_BITSET:
		return val3 == 0 ? -EINVAL : futex_wake(uaddr, shared, val > INT32_MAX ? INT32_MAX : (int)val, val3);
	case FUTEX_REQUEUE:
		return requeue(uaddr, uaddr2, shared, (int)val, val2, NULL);
	case FUTEX_CMP_REQUEUE:
		return requeue(uaddr, uaddr2, shared, (int)val, val2, &val3);
	case FUTEX_WAKE_OP:
		return wake_op(uaddr, uaddr2, shared, (int)val, val2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(uaddr, shared, false, deadline_ns);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(uaddr, shared, true, WAIT_FOREVER);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(uaddr, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(uaddr, uaddr2, shared, val, deadline_ns);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(uaddr, uaddr2, shared, (int)val, val2, val3);
	default: /* FUTEX_FD is gone from Linux too */
		return -ENOSYS;
	}
}

long sys_futex(void *uaddr, int op, uint32_t val, const void *utimeout, void *uaddr2, uint32_t val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool shared = (op & FUTEX_PRIVATE_FLAG) == 0;
	bool realtime = (op & FUTEX_CLOCK_REALTIME) != 0;
	int val2 = (int)(uintptr_t)utimeout; /* a count, for the calls without a timeout */
	uint64_t deadline_ns = WAIT_FOREVER;
	bool entered;
	long result;
	int err = 0;

	if (realtime && !may_be_realtime(cmd))
		return -ENOSYS;
	if (has_timeout(cmd))
		err = get_deadline(cmd, realtime, utimeout, &deadline_ns);
	if (err != 0)
		return err;
	entered = (shared || is_pi(cmd)) && kernel_enter();
	result = do_futex(uaddr, cmd, shared, val, val2, deadline_ns, uaddr2, val3);
	if (entered)
		kernel_leave();
	return result;
}

#define WAITV_MAX 128

/* Queues w on the word that uw describes. 0; -EAGAIN when the word has another value; else an error of the description.
 */
static int waitv_queue(struct futex_waiter *w, const struct futex_waitv *uw, int index, int *woken)
{
	struct futex_waitv one;
	int err = copy_from_user(&one, uw, sizeof(one));

	if (err != 0)
		return err;
	if ((one.flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG)) != 0 || !(one.flags & FUTEX_32) || one.__reserved != 0)
		return -EINVAL;
	err = futex_key_of((void *)one.uaddr, !(one.flags & FUTEX_PRIVATE_FLAG), &w->key);
	if (err != 0)
		return err;
	w->thread = thread_current();
	w->bits = FUTEX_ANY_BITS;
	w->woken_ref = woken;
	w->index = index;
	return queue_if_expected(w, (struct expected){(const void *)one.uaddr, (uint32_t)one.val});
}

static int waitv_deadline(const void *utimeout, int clockid, uint64_t *deadline_ns)
{
	uint64_t ns;
	int err;

	*deadline_ns = WAIT_FOREVER;
	if (utimeout == NULL)
		return 0;
	if (clockid != CLOCK_MONOTONIC && clockid != CLOCK_REALTIME)
		return -EINVAL;
	err = timespec_from_user(utimeout, &ns);
	if (err == 0)
		*deadline_ns = clockid == CLOCK_REALTIME ? deadline_from_realtime(ns) : ns;
	return err;
}

long sys_futex_waitv(const void *uwaiters, unsigned nr, unsigned flags, const void *utimeout, int clockid)
{
	const struct futex_waitv *uw = uwaiters;
	struct futex_waiter *w;
	uint64_t deadline_ns;
	int woken = -1, err, r = 0;

	if (flags != 0 || nr == 0 || nr > WAITV_MAX || uw == NULL)
		return -EINVAL;
	err = waitv_deadline(utimeout, clockid, &deadline_ns);
	if (err != 0)
		return err;
	w = kzalloc(nr * sizeof(*w)); /* too much for the stack */
	if (w == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < nr; i++)
		list_init(&w[i].link);
	for (unsigned i = 0; i < nr && err == 0; i++)
		err = waitv_queue(&w[i], &uw[i], (int)i, &woken);
	while (err == 0) {
		sched_prepare();
		if (woken >= 0 || r != 0)
			break;
		r = wait_sleep(deadline_ns, true);
	}
	for (unsigned i = 0; i < nr; i++)
		futex_queue_remove(&w[i]);
	kfree(w);
	if (woken >= 0)
		return woken;
	if (err != 0)
		return err;
	return r == -EINTR ? -ERESTARTSYS : r;
}
