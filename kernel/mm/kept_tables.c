/* SPDX-License-Identifier: MIT */
/* kept_tables.c - see kept_tables.h. A few slots; whoever was kept longest gives way. */
#include "kernel/mm/kept_tables.h"

#include "kernel/arch/x86_64/paging.h"
#include "lib/compiler.h"

static struct {
	pa_t root; /* v == 0: free */
	uint64_t layout;
} slots[4];
static unsigned oldest;

bool kept_tables_take(uint64_t layout, pa_t *root)
{
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		if (slots[i].root.v == 0 || slots[i].layout != layout)
			continue;
		*root = slots[i].root;
		slots[i].root = PA(0);
		return true;
	}
	return false;
}

void kept_tables_drop(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		if (slots[i].root.v != 0)
			paging_root_destroy(slots[i].root);
		slots[i].root = PA(0);
	}
}

void kept_tables_give(uint64_t layout, pa_t root)
{
	unsigned i = 0;

	while (i < ARRAY_SIZE(slots) && slots[i].root.v != 0)
		i++;
	if (i == ARRAY_SIZE(slots)) {
		i = oldest;
		oldest = (oldest + 1) % ARRAY_SIZE(slots);
		paging_root_destroy(slots[i].root);
	}
	slots[i].root = root;
	slots[i].layout = layout;
}
