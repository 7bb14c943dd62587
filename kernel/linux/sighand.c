/* SPDX-License-Identifier: MIT */
/* sighand.c - a process's signal state comes and goes: see signal.h. */
#include <errno.h>
#include <string.h>

#include "kernel/linux/signal.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/mm/kmalloc.h"

static void set_actions(struct sighand *sh, struct sigactions *actions)
{
	sh->actions = actions;
	sh->action = actions->action;
}

static void put_actions(struct sigactions *actions)
{
	if (--actions->refs == 0)
		kfree(actions);
}

/* from NULL: all default. */
static struct sigactions *new_actions(const struct sigactions *from)
{
	struct sigactions *a = kzalloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	if (from != NULL)
		memcpy(a->action, from->action, sizeof(a->action));
	a->refs = 1;
	return a;
}

static struct sighand *with_actions(struct sigactions *actions)
{
	struct sighand *sh = actions != NULL ? kzalloc(sizeof(*sh)) : NULL;

	if (sh == NULL) {
		if (actions != NULL)
			put_actions(actions);
		return NULL;
	}
	sigpending_init(&sh->shared);
	waitq_init(&sh->signalfd_wq);
	waitq_init(&sh->cont_wq);
	set_actions(sh, actions);
	return sh;
}

struct sighand *sighand_create(void)
{
	return with_actions(new_actions(NULL));
}

struct sighand *sighand_inherit(struct sighand *from, enum sighand_mode mode)
{
	struct sigactions *a;

	if (mode == SIGHAND_SHARE) {
		from->actions->refs++;
		return with_actions(from->actions);
	}
	a = new_actions(from->actions);
	/* CLONE_CLEAR_SIGHAND: handlers go, what is ignored stays ignored. */
	for (int i = 0; a != NULL && mode == SIGHAND_DEFAULT && i < NR_SIGNALS; i++)
		if (a->action[i].handler != (uint64_t)SIG_IGN)
			a->action[i] = (struct ksigaction){0};
	return with_actions(a);
}

int sighand_unshare(struct sighand *sh)
{
	struct sigactions *own;

	if (sh->actions->refs == 1)
		return 0;
	own = new_actions(sh->actions);
	if (own == NULL)
		return -ENOMEM;
	put_actions(sh->actions);
	set_actions(sh, own);
	return 0;
}

void sighand_free(struct sighand *sh)
{
	sigpending_discard(&sh->shared, ~0ull);
	/* An epoll set that other processes still have may watch a signalfd here: it hears no more. */
	waitq_remove_all(&sh->signalfd_wq);
	put_actions(sh->actions);
	kfree(sh);
}
