/* SPDX-License-Identifier: MIT */
/*
 * kept_tables.h - page tables of processes that have ended, empty but with their upper levels in place, for the next
 * child of the same family: it has its memory at the same addresses. Writing an upper level costs 3 to 20 us where KVM
 * has no VT-x, filling a last level costs nothing.
 */
#ifndef CAY_KERNEL_MM_KEPT_TABLES_H
#define CAY_KERNEL_MM_KEPT_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/mm/page.h"

/* Tables kept for this layout, which are the caller's then. False: there are none. */
bool kept_tables_take(uint64_t layout, pa_t *root);
/* Takes over the tables, which map nothing of the program any more. They may be destroyed at any time. */
void kept_tables_give(uint64_t layout, pa_t root);
/* Destroys all that are kept: there is no memory for others. */
void kept_tables_drop(void);

#endif
