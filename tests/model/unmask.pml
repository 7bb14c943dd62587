/* SPDX-License-Identifier: MIT */
/*
 * unmask.pml - the way out of the kernel against a CPU that interrupts it (entry.S, smp_poke, wait_until_out).
 * The store that clears `masked` has no barrier and may be seen after the load of `pending` that follows it: here it
 * waits in a store buffer of one entry. The interrupter that finds `masked` set looks again for longer than a store
 * stays in the buffer (UNMASK_SEEN_NS), which is the assumption this model makes explicit.
 * Checked: after an interruption the CPU enters the kernel; it never stays in the program for good.
 */
bool masked = true; /* as other CPUs see it */
bool buffered;      /* a store of false is on its way */
bool pending;
bool served;
bool kicked;
bool in_program;

active proctype cpu()
{
	do
	:: buffered = true; /* movl $0, masked */
		if
		:: pending -> /* seen on the way out: back into the kernel */
			atomic { buffered = false; masked = true };
			pending = false;
			served = true;
			break
		:: else ->
			in_program = true;
			if
			:: skip; /* stays there, unless there is an upcall: an exit of the VM empties the buffer */
				kicked;
				atomic { buffered = false; masked = true };
				in_program = false;
				pending = false;
				served = true;
				break
			:: skip; /* a system call */
				in_program = false;
				atomic { buffered = false; masked = true }
			fi
		fi
	od
}

active proctype store_buffer()
{
end:	do
	:: atomic { buffered -> masked = false; buffered = false }
	od
}

active proctype interrupter()
{
	pending = true; /* a locked instruction */
	if
	:: !masked -> kicked = true
	:: masked ->
		/* UNMASK_SEEN_NS later: what was in the buffer by then is out */
		!buffered || served;
		if
		:: !masked -> kicked = true
		:: else -> skip
		fi
	fi;
	served
}
