/* SPDX-License-Identifier: MIT */
/*
 * debug_leak.h - the debug build's look, when the VM ends, for memory that nobody has any more: objects and pages to
 * which no pointer leads from the kernel's data, the threads' stacks and the page tables. Conservative: what looks like
 * a pointer is one, so it may overlook a leak and names none that is not one.
 */
#ifndef CAY_KERNEL_MM_DEBUG_LEAK_H
#define CAY_KERNEL_MM_DEBUG_LEAK_H

#include <stdbool.h>

#define LEAK_STATUS (125 << 8) /* of the VM, as of wait(2): as for a panic */

#ifdef CAY_DEBUG
/* True: something was lost, a line for each place that asked for some of it has been printed. Thread context. */
bool debug_leak_check(void);
#else
static inline bool debug_leak_check(void)
{
	return false;
}
#endif
#endif
