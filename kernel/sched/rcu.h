/* SPDX-License-Identifier: MIT */
/*
 * rcu.h - read-copy-update: tables that are read by every call and seldom changed. A reader takes no lock and writes
 * nothing; who takes something out of a table has it freed later, when no reader can have it in hand any more.
 *
 * A reader, between loading a pointer out of the table and its last use of what is behind it, does not block, fault,
 * wait for a lock or another CPU, or leave the kernel; since the kernel is not preempted there is nothing to mark. Who
 * wants to keep the thing gets a reference with refs_try_get. Pointers are published by release and loaded by acquire.
 *
 * A CPU has no reader when it is idle or executes the program, and had none when it last looked what others ask of it
 * (tlb_catch_up): at a switch, after waiting, on its way to the program. So readers cost nothing and no CPU is
 * interrupted. Freeing goes on when something is freed later and when the CPU is idle: no timer, and an idle CPU stays
 * asleep. What a CPU has left when it falls asleep while another is in the kernel is freed when it wakes.
 * Model: tests/model/rcu.pml; under ThreadSanitizer: tests/stress/stress_rcu.c.
 */
#ifndef CAY_KERNEL_SCHED_RCU_H
#define CAY_KERNEL_SCHED_RCU_H

/* In what is to be freed. */
struct rcu_head {
	struct rcu_head *next;
	void (*free)(struct rcu_head *h);
};

/*
 * Calls free(h) when no reader has it any more: at once with one CPU, later with several, on this CPU, without or with
 * the kernel lock. free must not block, nor take the kernel lock. h is out of all tables. No spin lock is held.
 */
#if defined(CAY_UNIT_TEST) && !defined(CAY_RCU_REAL)
static inline void rcu_free_later(struct rcu_head *h, void (*free)(struct rcu_head *h))
{
	free(h);
}
#else
void rcu_free_later(struct rcu_head *h, void (*free)(struct rcu_head *h));
#endif

/* Frees what may be freed by now. By the idle loop; no lock held. */
void rcu_poll(void);

#endif
