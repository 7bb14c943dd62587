/* SPDX-License-Identifier: MIT */
/*
 * activate.c - which address space a CPU has loaded. Kernel threads and the idle thread have none and borrow whatever
 * is there, so that a process that sleeps and is woken with nobody in between costs no load.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/vmspace_priv.h"

void vmspace_activate(struct vmspace *vs)
{
	struct cpu *cpu = cpu_this();
	struct vmspace *old = cpu->vs;

	if (old == vs)
		return;
	vs->holds++;
	cpu->vs = vs;
	/* A CPU starts with the VMM's tables loaded. */
	if (old != NULL || vs->root.v != paging_boot_root().v)
		cr3_load(vs->root.v);
	if (old != NULL)
		vmspace_drop_hold(old);
}
