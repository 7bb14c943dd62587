/* SPDX-License-Identifier: MIT */
/*
 * mutex.pml - a lock that is handed over (kernel/sched/mutex.c: push, take_stack, hand_over; sched_prepare, sched_block
 * and sched_wake as block.pml has them, in one step each). Three threads take it, two of them twice. Compare-and-exchange and
 * exchange are single steps; everything else is a step of its own.
 * Checked: one owner at a time; only the owner touches the queue; records are taken off once; who came to the stack
 * first has the lock first; nobody sleeps for ever.
 */
#define N      3
#define FREE   0
#define TAKEN  1
#define REC(i) ((i) + 2) /* the address of thread i's record */
#define NONE   0

byte state = FREE;
byte first = NONE;       /* the queue: a record */
byte next[N + 2];        /* by record */
bool granted[N + 2];
bool waits[N + 2];       /* the record is in use */
bool woken[N];
byte inside;             /* owners */
byte came[N], nr_came, nr_served; /* the order on the stack, as a check */

inline enter()
{
	inside++;
	assert(inside == 1)
}

inline leave()
{
	inside--
}

proctype thread(byte me; byte rounds)
{
	byte s, w, top, round;
	bool won;

	do
	:: round < rounds ->
		round++;
		/* mutex_lock */
		s = FREE;
		if
		:: atomic { state == s -> state = TAKEN }; won = true
		:: atomic { state != s -> s = state }; won = false
		fi;
		if
		:: !won ->
			granted[REC(me)] = false;
			do
			:: s == FREE ->
				if
				:: atomic { state == s -> state = TAKEN }; won = true; break
				:: atomic { state != s -> s = state }
				fi
			:: else ->
				if
				:: s == TAKEN -> next[REC(me)] = NONE
				:: else -> next[REC(me)] = s
				fi;
				if
				:: atomic { state == s -> state = REC(me); waits[REC(me)] = true; came[nr_came % N] = me; nr_came++ }; break
				:: atomic { state != s -> s = state }
				fi
			od;
			if
			:: !won ->
				do
				:: woken[me] = false; /* sched_prepare */
					if
					:: granted[REC(me)] -> break
					:: else -> skip
					fi;
					woken[me] /* sched_block */
				od;
				waits[REC(me)] = false /* the record goes with the stack frame */
			:: else -> skip
			fi
		:: else -> skip
		fi;
		enter();
		leave();
		/* mutex_unlock */
		if
		:: first == NONE ->
			if
			:: atomic { state == TAKEN -> state = FREE }; goto free
			:: state != TAKEN -> skip
			fi;
			atomic { top = state; state = TAKEN };
			assert(top != FREE && top != TAKEN);
			do
			:: top != TAKEN && top != NONE ->
				assert(waits[top]);
				w = next[top];
				next[top] = first;
				first = top;
				top = w
			:: else -> break
			od
		:: else -> skip
		fi;
		w = first;
		assert(w != NONE && waits[w]);
		assert(came[nr_served % N] == w - 2);
		nr_served++;
		first = next[w];
		granted[w] = true;
		woken[w - 2] = true; /* sched_wake */
free:
		skip
	:: else -> break
	od
}

init
{
	atomic { run thread(0, 2); run thread(1, 2); run thread(2, 1) }
}
