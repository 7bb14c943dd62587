/* SPDX-License-Identifier: MIT */
/*
 * adaptive.pml - the adaptive mutex, for kernel/sched/adaptive.c: threads that take it, give it back and sleep. A
 * release wakes one sleeper, whoever it is. All operations are sequentially consistent, as there. A sleep that nobody
 * ends would be an invalid end state.
 */
#define THREADS 3
#define ROUNDS  2
#define FREE    255

byte owner = FREE;
byte waiting;
bool queued[THREADS]; /* in the wait queue, whose lock makes each change one step */
bool woken[THREADS];  /* THREAD_WOKEN, or no more blocked */
byte inside;

inline try_take(me, got) {
	atomic {
		if
		:: owner == FREE -> owner = me; got = true
		:: else -> got = false
		fi
	}
}

inline wake_one() {
	/* under the queue's lock: any one that is in it */
	atomic {
		if
		:: queued[0] -> woken[0] = true
		:: queued[1] -> woken[1] = true
		:: queued[2] -> woken[2] = true
		:: !queued[0] && !queued[1] && !queued[2] -> skip
		fi
	}
}

active [THREADS] proctype thread() {
	byte round = 0;
	bool got;

	do
	:: round < ROUNDS ->
		try_take(_pid, got);
		if
		:: got -> skip
		:: !got ->
			waiting++;
			queued[_pid] = true;
			do
			:: woken[_pid] = false; /* sched_prepare */
				try_take(_pid, got);
				if
				:: got -> break
				:: else -> woken[_pid] /* sched_block: until there is a wake */
				fi
			od;
			queued[_pid] = false;
			waiting--
		fi;
		inside++;
		assert(inside == 1);
		inside--;
		owner = FREE;
		if
		:: waiting != 0 -> wake_one()
		:: else -> skip
		fi;
		round++
	:: else -> break
	od
}
