/* SPDX-License-Identifier: MIT */
/*
 * sem_undo.c - SEM_UNDO: what a process did to semaphores is undone when it ends, however it ends (semop(2)). Threads
 * of a process share the record, children of fork begin without one, exec keeps it.
 */
#include "kernel/ipc/sem_priv.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/kmalloc.h"

struct sem_undo *sem_undo_get(struct sem_set *s, const struct process *p)
{
	struct sem_undo *u;

	list_for_each (v, &s->undos, link, struct sem_undo)
		if (v->pid == p->pid)
			return v;
	u = kzalloc(sizeof(*u) + s->nr * sizeof(u->adjust[0]));
	if (u != NULL) {
		u->pid = p->pid;
		list_push_back(&s->undos, &u->link);
	}
	return u;
}

void sem_undo_forget(struct sem_set *s, unsigned num)
{
	list_for_each (u, &s->undos, link, struct sem_undo)
		u->adjust[num] = 0;
}

void sem_undo_drop_set(struct sem_set *s)
{
	while (!list_empty(&s->undos)) {
		struct sem_undo *u = list_first(&s->undos, struct sem_undo, link);

		list_remove(&u->link);
		kfree(u);
	}
}

/* Values stay in their range, as on Linux: an undo that does not fit goes as far as it can. */
static void undo(struct sem_set *s, const struct sem_undo *u, int pid)
{
	for (unsigned i = 0; i < s->nr; i++) {
		if (u->adjust[i] == 0)
			continue;
		s->sem[i].value += u->adjust[i];
		s->sem[i].value = MIN(MAX(s->sem[i].value, 0), SEM_VALUE_MAX);
		s->sem[i].pid = pid;
	}
	s->otime = ipc_now();
	sem_changed(s);
}

void ipc_process_exit(const struct process *p)
{
	for (unsigned i = 0; i < sem_table.nr_slots; i++) {
		struct sem_set *s = (struct sem_set *)(void *)sem_table.slot[i];
		struct sem_undo *mine = NULL;

		if (s == NULL)
			continue;
		list_for_each (u, &s->undos, link, struct sem_undo)
			if (u->pid == p->pid)
				mine = u;
		if (mine == NULL)
			continue;
		list_remove(&mine->link);
		undo(s, mine, p->pid);
		kfree(mine);
	}
}
