/* SPDX-License-Identifier: MIT */
/* user_signals.c - see user_signals.h. As a rule there is one user. */
#include "kernel/linux/user_signals.h"

#include <stddef.h>

#include "kernel/mm/kmalloc.h"

static struct list users = LIST_INIT(users);

static void forget_idle_users(void)
{
	list_for_each_safe (u, &users, link, struct user_signals) {
		if (u->queued != 0)
			continue;
		list_remove(&u->link);
		kfree(u);
	}
}

struct user_signals *user_signals_of(uint32_t uid)
{
	struct user_signals *u;

	list_for_each (known, &users, link, struct user_signals) {
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
