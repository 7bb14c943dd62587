/* SPDX-License-Identifier: MIT */
/*
 * stop.pml - the kernel lock, and keeping other CPUs out of the program (klock.c, smp_stop_others, tlb.c).
 * CPU 0 changes page tables: under the lock it leaves a note for each CPU, waits until none is in the program, frees the
 * page and releases the lock. The others run the program, make system calls with and without the lock, and idle.
 * Checked: one CPU at a time under the lock; no CPU uses the page after it is freed, be it in the program or in a call
 * without the lock; each forgets before it goes on; nobody waits for ever.
 */
#define RUNS  0
#define WAITS 1
#define IDLE  2
#define CPUS  3

byte lock;
byte where[CPUS] = RUNS;
bool unseen[CPUS];
bool pending[CPUS];
bool stale[CPUS];     /* a translation of the page is in this CPU's TLB */
bool mapped = true;   /* the page tables */
bool freed;
byte inside;

inline take(me)
{
	if
	:: atomic { lock == 0 -> lock = 1 }
	:: else ->
		where[me] = WAITS;
		atomic { lock == 0 -> lock = 1 }
	fi;
	inside++;
	assert(inside == 1);
	where[me] = RUNS;
	if
	:: unseen[me] -> stale[me] = false; unseen[me] = false
	:: else -> skip
	fi
}

inline release(me, next)
{
	inside--;
	where[me] = next;
	lock = 0
}

/* An access of the program's memory, by the program or by a call without the lock. */
inline touch(me)
{
	atomic {
		if
		:: mapped -> stale[me] = true
		:: else -> skip
		fi
	}
	if
	:: stale[me] -> assert(!freed)
	:: else -> skip
	fi
}

active [CPUS - 1] proctype other()
{
	byte me = _pid + 1; /* 1 and 2 */
	byte n;

	do
	:: n < 3 ->
		n++;
		touch(me);
		if
		:: skip /* goes on in the program */
		:: skip; take(me); release(me, RUNS) /* a system call */
		:: skip; take(me); release(me, IDLE); take(me); release(me, RUNS)
		fi;
		if
		:: pending[me] -> pending[me] = false; take(me); release(me, RUNS) /* kicked, or seen on the way out */
		:: else -> skip
		fi
	:: else -> break
	od;
	/* The thread ends; the CPU has nothing to do. */
	take(me);
	release(me, IDLE)
}

active proctype changer()
{
	byte i;

	take(0);
	mapped = false;
	i = 1;
	do
	:: i < CPUS -> unseen[i] = true; i++
	:: else -> break
	od;
	i = 1;
	do
	:: i < CPUS ->
		if
		:: where[i] == RUNS -> pending[i] = true
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	i = 1;
	do
	:: i < CPUS -> where[i] != RUNS; i++
	:: else -> break
	od;
	stale[0] = false;
	freed = true;
	release(0, RUNS)
}
