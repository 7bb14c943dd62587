/* SPDX-License-Identifier: MIT */
/*
 * block.pml - a thread that blocks, wakers on other CPUs, and its stack (sched.c: sched_prepare, sched_block, sched_wake,
 * open_inbox, sched_switch_done; balance_choose).
 * The thread waits for a condition, as wait_event does, on CPU 0 first. Two wakers on CPUs 1 and 2 change it and wake. Each
 * CPU runs what is in its inbox or queue. Compare-and-exchange and exchange are full barriers.
 * Checked: the thread is in one queue or inbox at most, runs on one CPU at a time and never while another CPU is still
 * leaving its stack; no wake is lost: it always gets to its end.
 */
#define RUNNABLE 1
#define WOKEN    2
#define BLOCKED  3
#define CPUS     3
#define WAKERS   2

byte state = RUNNABLE;
bool on_cpu = true;
byte cpu_of;            /* thread.cpu */
byte queued;            /* in how many queues and inboxes it is */
bool inbox[CPUS];       /* holds it */
byte running = 1;       /* CPUs that execute it */
byte conditions;        /* changed so often */
bool finished;

/* sched_wake on CPU `me`, by a thread of another program or the idle loop */
inline wake(me, s)
{
	do
	:: s = state;
		if
		:: s == BLOCKED ->
			if
			:: atomic { state == BLOCKED -> state = RUNNABLE };
				/* it is ours: balance_choose, sched_enqueue */
				if
				:: on_cpu -> skip /* to the CPU that is leaving it */
				:: else -> cpu_of = me
				fi;
				atomic { queued++; assert(queued == 1); inbox[cpu_of] = true };
				break
			:: else -> skip
			fi
		:: s == RUNNABLE ->
			if
			:: atomic { state == RUNNABLE -> state = WOKEN }; break
			:: else -> skip
			fi
		:: s == 0 -> break /* THREAD_DEAD */
		:: s == WOKEN ->
			if
			:: atomic { state == WOKEN -> state = WOKEN }; break
			:: else -> skip
			fi
		fi
	od
}

proctype waker(byte me)
{
	byte s;

	conditions++;
	wake(me, s)
}

/* The thread's code, as the CPU that runs it executes it; returns when it has been switched out or has ended. */
inline run_thread(me, out)
{
	out = false;
	do
	:: state = RUNNABLE; /* sched_prepare */
		if
		:: conditions == WAKERS -> finished = true; state = 0; running--; on_cpu = false; out = true; break
		:: else -> skip
		fi;
		if
		:: atomic { state == RUNNABLE -> state = BLOCKED };
			/* schedule: its own inbox first, so it may find itself */
			if
			:: atomic { inbox[me] -> inbox[me] = false; queued-- }; skip /* goes on, no switch */
			:: else ->
				running--;
				on_cpu = false; /* sched_switch_done, on another stack */
				break
			fi
		:: else -> state = RUNNABLE /* WOKEN: sched_block returns at once */
		fi
	od
}

proctype cpu(byte me)
{
	bool out;

	if
	:: me == 0 -> run_thread(me, out)
	:: else -> skip
	fi;
	do
	:: finished -> break
	:: atomic { inbox[me] -> inbox[me] = false; queued-- };
		assert(!on_cpu);
		on_cpu = true;
		running++;
		assert(running == 1);
		run_thread(me, out)
	od
}

init
{
	atomic {
		run cpu(0);
		run cpu(1);
		run cpu(2);
		run waker(1);
		run waker(2)
	}
}
