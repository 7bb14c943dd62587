/* SPDX-License-Identifier: MIT */
/*
 * futex_exit.c - what a thread's end does to words in memory: robust mutexes are marked "owner died", locks that it
 * owns and others wait for are given to one of those (futex_pi.c), and the word at clear_child_tid is cleared and woken
 * (how pthread_join learns of it). The list is the program's and may be anything: bounded.
 */
#include <errno.h>
#include <linux/futex.h>

#include "kernel/linux/futex.h"
#include "kernel/linux/futex_calls.h"
#include "kernel/linux/futex_priv.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"

#define ROBUST_MAX 2048 /* as Linux: a list longer than this is a circle */

/* entry: address of a list node; its lowest bit says "priority inheritance". */
static void owner_died(struct thread *t, uint64_t entry, int64_t offset, bool pending_only)
{
	uint32_t *word = (uint32_t *)((entry & ~1ull) + (uint64_t)offset);
	bool pi = entry & 1;
	uint32_t value, found;

	if ((uint64_t)word % sizeof(*word) != 0 || get_user_u32(&value, word) != 0)
		return;
	/* Died between taking the word out of user space's hands and waking: the waiter must not be lost. */
	if (pending_only && !pi && value == 0) {
		(void)futex_wake(word, true, 1, FUTEX_ANY_BITS);
		(void)futex_wake(word, false, 1, FUTEX_ANY_BITS);
		return;
	}
	while ((value & FUTEX_TID_MASK) == (uint32_t)t->tid) {
		if (cmpxchg_user_u32(word, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &found) != 0)
			return;
		if (found != value) {
			value = found;
			continue;
		}
		if (!pi && (value & FUTEX_WAITERS)) {
			if (futex_wake(word, true, 1, FUTEX_ANY_BITS) <= 0)
				(void)futex_wake(word, false, 1, FUTEX_ANY_BITS);
		}
		return;
	}
}

static void walk_robust_list(struct thread *t)
{
	const struct robust_list_head *head = (const void *)t->robust_list;
	uint64_t entry, next, pending, offset;

	if (get_user_u64(&entry, &head->list.next) != 0 || get_user_u64(&offset, &head->futex_offset) != 0 ||
	    get_user_u64(&pending, &head->list_op_pending) != 0)
		return;
	for (int i = 0; i < ROBUST_MAX && (entry & ~1ull) != (uint64_t)&head->list; i++) {
		int err = get_user_u64(&next,
				       (const void *)(entry & ~1ull)); /* before the owner's successor changes it */

		if ((entry & ~1ull) != (pending & ~1ull))
			owner_died(t, entry, (int64_t)offset, false);
		if (err != 0)
			return;
		entry = next;
	}
	if (pending != 0)
		owner_died(t, pending, (int64_t)offset, true);
}

void futex_thread_exit(struct thread *t)
{
	bool last = t->proc->nr_threads == 1;

	if (last && t->proc == init_process)
		return; /* its memory goes with it, and nobody is left to wake */
	if (t->robust_list != 0) {
		walk_robust_list(t);
		t->robust_list = 0;
	}
	t->futexes_gone = true;
	futex_pi_thread_exit(t);
	if (t->clear_child_tid == 0 || (last && !vmspace_is_shared(t->proc->vs)))
		return;
	if (put_user_u32((void *)t->clear_child_tid, 0) == 0) {
		/* glibc joins with a shared futex; others may not. */
		(void)futex_wake((void *)t->clear_child_tid, true, 1, FUTEX_ANY_BITS);
		(void)futex_wake((void *)t->clear_child_tid, false, 1, FUTEX_ANY_BITS);
	}
	t->clear_child_tid = 0;
}

void futex_exec(struct thread *t)
{
	futex_thread_exit(t);
	t->futexes_gone = false;
}

long sys_set_robust_list(void *head, size_t len)
{
	struct thread *t = thread_current();

	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	t->robust_list = (uint64_t)head;
	t->robust_list_len = len;
	return 0;
}

long sys_get_robust_list(int tid, void *uhead, void *ulen)
{
	struct thread *t = tid == 0 ? thread_current() : thread_find(tid);
	uint64_t head;

	if (t == NULL)
		return -ESRCH;
	head = t->robust_list; /* before the copies, which may sleep */
	if (put_user_u64(ulen, sizeof(struct robust_list_head)) != 0)
		return -EFAULT;
	return put_user_u64(uhead, head);
}
