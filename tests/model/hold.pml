/* SPDX-License-Identifier: MIT */
/*
 * hold.pml - keeping other CPUs out of the program while its code is changed (smp_hold_others, smp_before_program, on_ipi).
 * The holder names itself, sets everybody's pending bit, and waits until each is out, or in the kernel before its last look
 * at the bit (seen masked: unmask.pml says why that can be relied on). The bit of a CPU stays set while it is held, though
 * its event is taken wherever the kernel looks for events.
 * Checked: no CPU executes the program while its code is being changed, and none after it without having serialized.
 */
#define RUNS  0
#define WAITS 1
#define IDLE  2
#define CPUS  2

bool held;
byte where[CPUS] = RUNS;
bool masked[CPUS] = true;
bool pending[CPUS];
bool kicked[CPUS];
byte asked[CPUS], done[CPUS];
bool changing, changed;
bool old_code[CPUS]; /* fetched before the change */

inline catch_up(me, snapshot)
{
	snapshot = asked[me];
	if
	:: snapshot != done[me] -> old_code[me] = false; done[me] = snapshot
	:: else -> skip
	fi
}

/* events_poll, on_ipi: the event is taken, and given back while somebody holds. Without the catch_up a CPU that took it in
 * a call, just after the release, would leave by the short way and never serialize. */
inline events(me)
{
	pending[me] = false;
	if
	:: held -> pending[me] = true
	:: else -> catch_up(me, snapshot)
	fi
}

active [CPUS] proctype cpu()
{
	byte me = _pid, n, snapshot;

	do
	:: n < 3 ->
		n++;
		/* in the kernel: it may look for events, or be idle, before it leaves */
		if
		:: events(me)
		:: where[me] = IDLE; where[me] = RUNS; catch_up(me, snapshot)
		:: skip
		fi;
		/* the way out */
again:		masked[me] = false;
		if
		:: pending[me] ->
			masked[me] = true;
			events(me);
			if
			:: held -> where[me] = WAITS; !held; where[me] = RUNS
			:: else -> skip
			fi;
			catch_up(me, snapshot);
			goto again
		:: else -> skip
		fi;
		/* the program */
		do
		:: atomic {
			assert(!changing);
			assert(!(changed && old_code[me]));
			if
			:: !changed -> old_code[me] = true
			:: else -> skip
			fi
		   };
		   break
		:: atomic { kicked[me] -> kicked[me] = false; masked[me] = true; goto again }
		od;
		masked[me] = true
	:: else -> break
	od;
	where[me] = IDLE
}

active proctype changer()
{
	byte i;

	held = true;
	i = 0;
	do
	:: i < CPUS -> pending[i] = true; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < CPUS ->
		do
		:: where[i] != RUNS || masked[i] -> break
		:: else -> kicked[i] = true; (where[i] != RUNS || masked[i]); break
		od;
		i++
	:: else -> break
	od;
	changing = true;
	changed = true;
	changing = false;
	i = 0;
	do
	:: i < CPUS -> asked[i]++; i++
	:: else -> break
	od;
	held = false
}
