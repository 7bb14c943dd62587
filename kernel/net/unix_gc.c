/* SPDX-License-Identifier: MIT */
/*
 * unix_gc.c - sockets that only refer to each other. A descriptor in a message is a reference on its file; sockets that
 * lie in each other's queues and that nobody has open would stay for ever. So sockets in flight are counted, and when a
 * socket is closed while there are any, those are looked for that no open file can reach, and their messages dropped
 * (SCM_RIGHTS in unix(7)). As in Linux, the last close of a cycle may not be noticed before some other socket's; so
 * they are looked for, too, when the number in flight has doubled.
 *
 * All of this is under the kernel lock: messages with files are sent and received under it.
 *
 * A socket is a candidate when all references on its file are messages'. Of a candidate's messages those in the queues
 * of candidates do not count; a candidate with any other is alive, and so is all that its queues hold.
 */
#include "kernel/net/unix_priv.h"

static struct list in_flight = LIST_INIT(in_flight); /* of struct unix_sock by gc_link */
static unsigned nr_in_list;
static bool collecting;

#define COLLECT_FROM 512u
static unsigned collect_at = COLLECT_FROM; /* when so many are in flight */

static struct unix_sock *socket_in(const struct scm_files *files, unsigned i)
{
	struct socket *s = socket_of_file(files->file[i]);

	return s != NULL && s->family == AF_UNIX ? unix_of(s) : NULL;
}

void unix_gc_sent(const struct scm_files *files)
{
	for (unsigned i = 0; files != NULL && i < files->nr; i++) {
		struct unix_sock *u = socket_in(files, i);

		if (u == NULL)
			continue;
		u->gc_file = files->file[i];
		if (u->nr_in_flight++ == 0) {
			list_push_back(&in_flight, &u->gc_link);
			nr_in_list++;
		}
	}
}

void unix_gc_arrived(const struct scm_files *files)
{
	for (unsigned i = 0; files != NULL && i < files->nr; i++) {
		struct unix_sock *u = socket_in(files, i);

		if (u != NULL && --u->nr_in_flight == 0) {
			list_remove(&u->gc_link);
			nr_in_list--;
		}
	}
}

static void each_in_messages(struct unix_sock *holder, void (*fn)(struct unix_sock *u))
{
	spin_lock(&holder->lock); /* messages without files come and go without the kernel lock */
	list_for_each (msg, &holder->msgs, link, struct unix_msg)
		for (unsigned i = 0; msg->files != NULL && i < msg->files->nr; i++) {
			struct unix_sock *u = socket_in(msg->files, i);

			if (u != NULL)
				fn(u);
		}
	spin_unlock(&holder->lock);
}

/* The sockets that lie in u's queue, or in those of connections that u has not accepted yet. */
static void each_held_by(struct unix_sock *u, void (*fn)(struct unix_sock *u))
{
	each_in_messages(u, fn);
	list_for_each (conn, &u->pending, pending_link, struct unix_sock)
		each_in_messages(conn, fn);
}

static void discount(struct unix_sock *u)
{
	if (u->gc_state == GC_CANDIDATE)
		u->gc_outside--;
}

static struct list to_visit = LIST_INIT(to_visit); /* living sockets whose queues are yet to be looked at */

static void revive(struct unix_sock *u)
{
	if (u->gc_state != GC_CANDIDATE)
		return;
	u->gc_state = GC_ALIVE;
	list_push_back(&to_visit, &u->gc_visit);
}

/* What lies in the queue of a living socket lives. */
static void spread_life(void)
{
	list_for_each (u, &in_flight, gc_link, struct unix_sock)
		if (u->gc_outside > 0)
			revive(u);
	while (!list_empty(&to_visit)) {
		struct unix_sock *u = list_first(&to_visit, struct unix_sock, gc_visit);

		list_remove(&u->gc_visit);
		each_held_by(u, revive);
	}
}

static void steal_messages(struct unix_sock *from, struct list *to)
{
	spin_lock(&from->lock);
	while (!list_empty(&from->msgs)) {
		struct unix_msg *msg = list_first(&from->msgs, struct unix_msg, link);

		list_remove(&msg->link);
		list_push_back(to, &msg->link);
	}
	spin_unlock(&from->lock);
}

void unix_gc(void)
{
	struct list dead = LIST_INIT(dead);

	if (collecting || list_empty(&in_flight))
		return;
	collecting = true;
	list_for_each (u, &in_flight, gc_link, struct unix_sock) {
		u->gc_state = u->gc_file->refs == u->nr_in_flight ? GC_CANDIDATE : GC_ALIVE;
		u->gc_outside = u->nr_in_flight;
	}
	list_for_each (u, &in_flight, gc_link, struct unix_sock)
		if (u->gc_state == GC_CANDIDATE)
			each_held_by(u, discount);
	spread_life();
	list_for_each (u, &in_flight, gc_link, struct unix_sock) {
		if (u->gc_state != GC_CANDIDATE)
			continue;
		steal_messages(u, &dead);
		list_for_each (conn, &u->pending, pending_link, struct unix_sock)
			steal_messages(conn, &dead);
	}
	/* Only now, because it closes sockets and changes the list. */
	while (!list_empty(&dead)) {
		struct unix_msg *msg = list_first(&dead, struct unix_msg, link);

		list_remove(&msg->link);
		unix_msg_free(msg);
	}
	collecting = false;
}

void unix_gc_if_many(void)
{
	if (nr_in_list < collect_at)
		return;
	unix_gc();
	collect_at = MAX(COLLECT_FROM, 2 * nr_in_list);
}
