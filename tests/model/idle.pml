/* SPDX-License-Identifier: MIT */
/*
 * idle.pml - a CPU that falls asleep and CPUs that give it work (kernel/sched/idle.c, smp_poke, events_wait, vcpu_wait).
 * Checked: every thread that is queued runs. A wake-up that is lost is a deadlock, which spin reports as an invalid end
 * state. Stores of `state` and `pending` are locked instructions in the code, so they are seen in program order.
 */
#define RUNNING 0
#define POLLING 1
#define WAITING 2
#define WAKERS  2
#define ROUNDS  2
#define TOTAL   (WAKERS * ROUNDS)

byte lock;
byte state = RUNNING;
bool pending;
byte queued, ran;
byte wake_seq; /* the futex word of the VMM's wait */
bool idle;     /* where == CPU_IDLE */

inline take() { atomic { lock == 0; lock = 1 } }
inline release() { lock = 0 }

active [WAKERS] proctype waker()
{
	byte n, seen;

	do
	:: n < ROUNDS ->
		take();
		queued++;
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
		release();
		n++
	:: else -> break
	od
}

active proctype cpu()
{
	byte seq;

	take();
	do
	:: /* under the lock: events_poll, then the queue */
		pending = false;
		if
		:: queued > 0 -> queued--; ran++
		:: else ->
			if
			:: ran == TOTAL -> release(); break
			:: else -> skip
			fi;
			if
			:: /* poll, without the lock */
				idle = true;
				release();
				state = POLLING;
				if
				:: (pending || queued > 0) -> skip
				:: skip /* time is up */
				fi;
				state = RUNNING;
				take();
				idle = false
			:: /* sleep */
				idle = true;
				release();
				state = WAITING;
				do
				:: seq = wake_seq;
					if
					:: pending -> break
					:: else -> wake_seq != seq /* FUTEX_WAIT */
					fi
				od;
				state = RUNNING;
				take();
				idle = false
			fi
		fi
	od;
	assert(ran == TOTAL && queued == 0)
}
