/* SPDX-License-Identifier: MIT */
/* user_counts.c - see user_counts.h. As a rule there is one user. */
#include "kernel/linux/user_counts.h"

#include <stddef.h>

#include "kernel/mm/kmalloc.h"

static struct list users = LIST_INIT(users);

static void forget_idle_users(void)
{
	list_for_each_safe (u, &users, link, struct user_counts) {
		if (u->signals != 0 || u->mqueue_bytes != 0)
			continue;
		list_remove(&u->link);
		kfree(u);
	}
}

struct user_counts *user_counts_of(uint32_t uid)
{
	struct user_counts *u;

	list_for_each (known, &users, link, struct user_counts) {
		if (known->uid == uid)
			return known;
	}
	forget_idle_users();
	u = kzalloc(sizeof(*u));
	if (u == NULL)
		return NULL;
	u->uid = uid;
	list_push_back(&users, &u->link);
	return u;
}
