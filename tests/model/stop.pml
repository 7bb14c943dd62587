/* SPDX-License-Identifier: MIT */
/*
 * stop.pml - forgetting translations on all CPUs without a common lock (tlb.c, smp_tell_others, cpu_wait.c).
 * Two CPUs each change a page table entry, at the same time, perhaps under one spin lock that both use: each leaves a note
 * for every other CPU, asks it to look, waits until it has looked or is out, and frees its page. A third CPU runs the
 * program, goes idle and comes back, and makes calls. Locked instructions and the fences of the code make each step here
 * visible in program order.
 * Checked: no CPU uses a page after it is freed, in the program or in a call; one CPU at a time holds the lock; nobody
 * waits for ever, although each changer waits for the other one.
 */
#define RUNS  0
#define WAITS 1
#define IDLE  2
#define CPUS  3
#define PAGES 2 /* page i is freed by CPU i */

byte lock;
byte where[CPUS] = RUNS;
byte asked[CPUS], done[CPUS];
bool pending[CPUS];
bool unseen[CPUS * PAGES]; /* [cpu * PAGES + page] */
bool stale[CPUS * PAGES];  /* in this CPU's TLB */
bool mapped[PAGES] = true; /* the page tables */
bool freed[PAGES];
byte inside;

/* The note is taken, then the page forgotten. */
inline forget(me, page)
{
	if
	:: unseen[me * PAGES + page] -> unseen[me * PAGES + page] = false; stale[me * PAGES + page] = false
	:: else -> skip
	fi
}

/* tlb_catch_up: what was asked is read first, so that a note which comes meanwhile is looked at again. */
inline catch_up(me, snapshot)
{
	snapshot = asked[me];
	if
	:: snapshot == done[me] -> skip
	:: else ->
		forget(me, 0);
		forget(me, 1);
		done[me] = snapshot
	fi
}

/* An access of the program's memory, by the program or by a call. */
inline touch(me, page)
{
	atomic {
		if
		:: mapped[page] -> stale[me * PAGES + page] = true
		:: else -> skip
		fi
	};
	if
	:: stale[me * PAGES + page] -> assert(!freed[page])
	:: else -> skip
	fi
}

/* cpu_wait_until */
inline back(me, snapshot)
{
	where[me] = RUNS;
	catch_up(me, snapshot)
}

inline take(me, snapshot)
{
	if
	:: atomic { lock == 0 -> lock = 1 }
	:: else ->
		where[me] = WAITS;
		atomic { lock == 0 -> lock = 1 };
		back(me, snapshot)
	fi;
	inside++;
	assert(inside == 1)
}

inline release()
{
	inside--;
	lock = 0
}

active [CPUS - 1] proctype changer()
{
	byte me = _pid;
	byte other, ticket_a, ticket_b, snapshot;
	bool locked;

	touch(me, 0);
	touch(me, 1);
	if
	:: take(me, snapshot); locked = true
	:: skip /* another lock than the other's */
	fi;
	mapped[me] = false;
	other = 1 - me;
	unseen[other * PAGES + me] = true;
	asked[other]++; /* atomic in the code */
	ticket_a = asked[other];
	pending[other] = true;
	unseen[2 * PAGES + me] = true;
	atomic { asked[2]++; ticket_b = asked[2] };
	pending[2] = true;
	where[me] = WAITS;
	(where[other] != RUNS || done[other] >= ticket_a);
	(where[2] != RUNS || done[2] >= ticket_b);
	back(me, snapshot);
	stale[me * PAGES + me] = false; /* its own TLB */
	freed[me] = true;
	if
	:: locked -> release()
	:: else -> skip
	fi;
	touch(me, 1 - me);
	where[me] = IDLE
}

active proctype runner()
{
	byte n, snapshot;

	do
	:: n < 3 ->
		n++;
		touch(2, 0);
		touch(2, 1);
		if
		:: skip /* goes on in the program */
		:: where[2] = IDLE; back(2, snapshot)
		:: take(2, snapshot); release() /* a call */
		fi;
		if
		:: pending[2] -> pending[2] = false; catch_up(2, snapshot) /* kicked, or seen on the way out */
		:: else -> skip
		fi
	:: else -> break
	od;
	where[2] = IDLE
}
