/* SPDX-License-Identifier: MIT */
/*
 * idle.pml - a CPU that falls asleep and CPUs that give it work (kernel/sched/idle.c, sched_enqueue, smp_poke, events_wait,
 * vcpu_wait), without a common lock: threads come through the inbox.
 * Checked: every thread that is given runs. A wake-up that is lost is a deadlock, which spin reports as an invalid end
 * state. Stores of `state` and `pending`, and the inbox, are locked instructions in the code, so they are seen in program order.
 */
#define RUNNING 0
#define POLLING 1
#define WAITING 2
#define WAKERS  2
#define ROUNDS  2
#define TOTAL   (WAKERS * ROUNDS)

byte state = RUNNING;
bool pending;
byte inbox, queued, ran;
byte wake_seq; /* the futex word of the VMM's wait */
bool idle;     /* where == CPU_IDLE */

active [WAKERS] proctype waker()
{
	byte n, seen;

	do
	:: n < ROUNDS ->
		atomic { inbox++ };
		pending = true; /* smp_poke */
		seen = state;
		if
		:: seen == WAITING -> /* the gate call: vcpu_notify */
			if
			:: state == WAITING -> wake_seq++
			:: else -> skip
			fi
		:: else -> skip /* it looks at `pending` before it waits */
		fi;
		n++
	:: else -> break
	od
}

active proctype cpu()
{
	byte seq;

	do
	:: /* events_poll, then the queue and the inbox */
		pending = false;
		atomic { queued = queued + inbox; inbox = 0 };
		if
		:: queued > 0 -> queued--; ran++
		:: else ->
			if
			:: ran == TOTAL -> break
			:: else -> skip
			fi;
			idle = true;
			if
			:: state = POLLING;
				if
				:: (pending || inbox > 0) -> skip
				:: skip /* time is up */
				fi
			:: state = WAITING;
				do
				:: seq = wake_seq;
					if
					:: pending -> break
					:: else -> wake_seq != seq /* FUTEX_WAIT */
					fi
				od
			fi;
			state = RUNNING;
			idle = false
		fi
	od;
	assert(ran == TOTAL && queued == 0)
}
