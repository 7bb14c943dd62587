/* SPDX-License-Identifier: MIT */
/*
 * rcu.pml - when may be freed what was taken out of a table: for kernel/sched/rcu.c with smp_quiet_begin and
 * smp_was_quiet of smp.c. A CPU enters the kernel, masked, reads the pointer, uses what is behind it, looks what is
 * asked of it (tlb_catch_up) where it has no reader, and leaves. Its store that masks stays in a store buffer for a
 * while, as may all that happens before it is flushed; the writer looks at `masked` only when so much time has passed
 * that it was (MASKED_SEEN_NS): here, when the buffer is empty of what was in it at the beginning.
 * Checked: nobody uses what was freed; the writer gets there.
 */
#define READERS 2
#define ROUNDS  3

byte table;                  /* 0: the first thing, 1: the second */
bool freed;                  /* the first */
bool masked[READERS];        /* as others see it */
bool buffered[READERS];      /* a store of `masked = 1` that others do not see yet */
bool idle[READERS];
byte asked[READERS], seen[READERS];

active [READERS] proctype reader() {
	byte round = 0, thing;

	do
	:: round < ROUNDS ->
		if
		:: buffered[_pid] = true; /* enters the kernel */
			if
			:: atomic { thing = table }
			:: buffered[_pid] = false; masked[_pid] = true; thing = table
			fi;
			assert(thing == 1 || !freed);
			if
			:: assert(thing == 1 || !freed); /* uses it once more */
				if
				:: seen[_pid] = asked[_pid]; /* a switch, or on its way out */
				:: skip
				fi
			:: skip
			fi;
			/* unmasks: in order behind the store that masks */
			atomic { buffered[_pid] = false; masked[_pid] = false }
		:: idle[_pid] = true; idle[_pid] = false
		fi;
		round++
	:: else -> break
	od;
	idle[_pid] = true
}

active proctype writer() {
	byte i = 0, ticket[READERS];
	bool quiet[READERS];

	table = 1;
	do
	:: i < READERS -> asked[i]++; ticket[i] = asked[i]; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < READERS ->
		if
		:: idle[i] -> i++
		:: seen[i] >= ticket[i] -> i++
		:: !masked[i] && !buffered[i] -> i++
		fi
	:: else -> break
	od;
	freed = true
}
