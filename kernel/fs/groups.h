/* SPDX-License-Identifier: MIT */
/* groups.h - supplementary groups: a sorted list that never changes, shared by the processes that inherited it.
 * References: the kernel lock; freed by RCU, so that permissions are looked at without it. NULL is the empty list. */
#ifndef CAY_KERNEL_FS_GROUPS_H
#define CAY_KERNEL_FS_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/rcu.h"
#include "lib/compiler.h"

#define GROUPS_MAX 65536u /* NGROUPS_MAX of Linux */

struct group_list {
	struct rcu_head rcu;
	unsigned refs;
	uint32_t nr;
	uint32_t id[]; /* ascending once sorted */
};

/* Room for nr, 1 to GROUPS_MAX; the caller fills in the ids and sorts. NULL without memory. */
MUST_CHECK struct group_list *groups_create(uint32_t nr);
void groups_sort(struct group_list *g);
struct group_list *groups_get(struct group_list *g);
void groups_put(struct group_list *g);
bool groups_have(const struct group_list *g, uint32_t gid);

#endif
