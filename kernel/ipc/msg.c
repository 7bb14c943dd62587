/* SPDX-License-Identifier: MIT */
/*
 * msg.c - System V message queues. Senders that find a queue full and receivers that find nothing for them sleep on the
 * queue and look again when it changes. Invariant: nr_bytes is the sum of the messages' lengths. A queue lives while it
 * is in the table or somebody sleeps on it.
 */
#include <errno.h>
#include <linux/msg.h>

#include <asm/msgbuf.h>

#include "kernel/fs/cred.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/sysv.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"

struct message {
	struct list link;
	int64_t type;
	uint64_t bytes;
	char data[];
};

struct msg_queue {
	struct ipc_object o;
	unsigned refs; /* the table, until it is removed, and each caller that may sleep */
	bool removed;
	struct list messages; /* oldest first */
	uint64_t nr, nr_bytes, max_bytes;
	int64_t stime, rtime, ctime;
	int lspid, lrpid;
	struct waitq wq;
};

static struct ipc_table table = {.max = MSG_OBJECTS_MAX};

static struct msg_queue *queue_of(struct ipc_object *o)
{
	return (struct msg_queue *)(void *)o;
}

static int create(void *arg, struct ipc_object **out)
{
	struct msg_queue *q = kzalloc(sizeof(*q));

	(void)arg;
	if (q == NULL)
		return -ENOMEM;
	q->refs = 1;
	q->max_bytes = MSG_QUEUE_BYTES;
	q->ctime = ipc_now();
	list_init(&q->messages);
	waitq_init(&q->wq);
	*out = &q->o;
	return 0;
}

static int check(const struct ipc_object *o, void *arg)
{
	(void)o;
	(void)arg;
	return 0;
}

long sys_msgget(int key, int flags)
{
	return ipc_get(&table, key, flags, &(struct ipc_get){create, check, NULL});
}

static void queue_put(struct msg_queue *q)
{
	if (--q->refs == 0)
		kfree(q);
}

static void drop_message(struct msg_queue *q, struct message *m)
{
	list_remove(&m->link);
	q->nr--;
	q->nr_bytes -= m->bytes;
}

/* The queue for a caller that may sleep; 0 or -errno. */
static int enter(int id, uint32_t wanted, struct msg_queue **out)
{
	struct msg_queue *q = queue_of(ipc_find(&table, id));
	int err;

	if (q == NULL)
		return -EINVAL;
	err = ipc_permission(&q->o, wanted);
	if (err != 0)
		return err;
	q->refs++;
	*out = q;
	return 0;
}

static bool fits(const struct msg_queue *q, uint64_t bytes)
{
	return q->nr_bytes + bytes <= q->max_bytes && q->nr < q->max_bytes;
}

static int put_message(struct msg_queue *q, struct message *m, int flags)
{
	int err = 0;

	if (!fits(q, m->bytes) && (flags & IPC_NOWAIT))
		return -EAGAIN;
	err = wait_event_interruptible(&q->wq, q->removed || fits(q, m->bytes));
	if (q->removed)
		return -EIDRM;
	if (err != 0)
		return -EINTR; /* never restarted: signal(7) */
	list_push_back(&q->messages, &m->link);
	q->nr++;
	q->nr_bytes += m->bytes;
	q->stime = ipc_now();
	q->lspid = process_current()->pid;
	waitq_wake(&q->wq, 0);
	return 0;
}

long sys_msgsnd(int id, const void *umsg, uint64_t bytes, int flags)
{
	struct msg_queue *q;
	struct message *m;
	uint64_t type;
	int err;

	if (bytes > MSG_BYTES_MAX || id < 0)
		return -EINVAL;
	if (get_user_u64(&type, umsg) != 0)
		return -EFAULT;
	if ((int64_t)type < 1)
		return -EINVAL;
	m = kmalloc(sizeof(*m) + bytes);
	if (m == NULL)
		return -ENOMEM;
	m->type = (int64_t)type;
	m->bytes = bytes;
	err = copy_from_user(m->data, (const char *)umsg + sizeof(long), bytes);
	if (err == 0)
		err = enter(id, IPC_WRITE, &q);
	if (err == 0) {
		err = put_message(q, m, flags);
		queue_put(q);
	}
	if (err != 0)
		kfree(m);
	return err;
}

/* The message that msgrcv(2) says: NULL when there is none. */
static struct message *choose(const struct msg_queue *q, int64_t type, int flags)
{
	struct message *best = NULL;
	int64_t n = 0;

	list_for_each (m, &q->messages, link, struct message) {
		if (flags & MSG_COPY) {
			if (n++ == type)
				return m;
		} else if (type == 0 || (type > 0 && (m->type == type) != ((flags & MSG_EXCEPT) != 0))) {
			return m;
		} else if (type < 0 && (type == INT64_MIN || m->type <= -type) &&
			   (best == NULL || m->type < best->type)) {
			best = m;
		}
	}
	return best;
}

/* The message leaves the queue; it is the caller's. MSG_COPY: a copy. */
static int take_message(struct msg_queue *q, uint64_t bytes, int64_t type, int flags, struct message **out)
{
	struct message *m = choose(q, type, flags);
	int err = 0;

	if (m == NULL && (flags & IPC_NOWAIT))
		return -ENOMSG;
	if (m == NULL)
		err = wait_event_interruptible(&q->wq, q->removed || (m = choose(q, type, flags)) != NULL);
	if (q->removed)
		return -EIDRM;
	if (m == NULL)
		return err != 0 ? -EINTR : -ENOMSG;
	if (m->bytes > bytes && !(flags & MSG_NOERROR))
		return -E2BIG;
	if (flags & MSG_COPY) {
		*out = kmalloc(sizeof(*m) + m->bytes);
		if (*out == NULL)
			return -ENOMEM;
		__builtin_memcpy(*out, m, sizeof(*m) + m->bytes);
		return 0;
	}
	drop_message(q, m);
	q->rtime = ipc_now();
	q->lrpid = process_current()->pid;
	waitq_wake(&q->wq, 0);
	*out = m;
	return 0;
}

long sys_msgrcv(int id, void *umsg, uint64_t bytes, int64_t type, int flags)
{
	struct message *m = NULL;
	struct msg_queue *q;
	uint64_t n;
	int err;

	if ((int64_t)bytes < 0 || id < 0)
		return -EINVAL;
	if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	err = enter(id, IPC_READ, &q);
	if (err != 0)
		return err;
	err = take_message(q, bytes, type, flags, &m);
	queue_put(q);
	if (err != 0)
		return err;
	n = MIN(bytes, m->bytes);
	if (put_user_u64(umsg, (uint64_t)m->type) != 0 || copy_to_user((char *)umsg + sizeof(long), m->data, n) != 0)
		err = -EFAULT; /* and the message is lost, as on Linux */
	kfree(m);
	return err != 0 ? err : (long)n;
}

static void remove_queue(struct msg_queue *q)
{
	ipc_remove(&table, &q->o);
	q->removed = true;
	while (!list_empty(&q->messages)) {
		struct message *m = list_first(&q->messages, struct message, link);

		drop_message(q, m);
		kfree(m);
	}
	waitq_wake(&q->wq, 0);
	queue_put(q);
}

static long stat_queue(const struct msg_queue *q, void *ubuf, long result)
{
	struct msqid64_ds ds = {
		.msg_stime = q->stime,
		.msg_rtime = q->rtime,
		.msg_ctime = q->ctime,
		.msg_cbytes = q->nr_bytes,
		.msg_qnum = q->nr,
		.msg_qbytes = q->max_bytes,
		.msg_lspid = q->lspid,
		.msg_lrpid = q->lrpid,
	};

	ipc_fill_perm(&q->o, &ds.msg_perm);
	return copy_to_user(ubuf, &ds, sizeof(ds)) != 0 ? -EFAULT : result;
}

static long change_queue(int id, const void *ubuf)
{
	struct msqid64_ds ds;
	int err = copy_from_user(&ds, ubuf, sizeof(ds)); /* may sleep: the queue is looked up afterwards */
	struct msg_queue *q = queue_of(ipc_find(&table, id));

	if (err != 0)
		return err;
	if (q == NULL)
		return -EINVAL;
	err = ipc_owner_permission(&q->o);
	if (err == 0 && ds.msg_qbytes > MSG_QUEUE_BYTES && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	if (err == 0)
		err = ipc_set_perm(&q->o, &ds.msg_perm);
	if (err != 0)
		return err;
	q->max_bytes = ds.msg_qbytes;
	q->ctime = ipc_now();
	waitq_wake(&q->wq, 0);
	return 0;
}

static long show_info(void *ubuf, bool usage)
{
	struct msginfo info = {
		.msgmni = MSG_OBJECTS_MAX,
		.msgmax = MSG_BYTES_MAX,
		.msgmnb = MSG_QUEUE_BYTES,
		.msgssz = 16,
		.msgseg = 0xffff,
		.msgmap = MSG_QUEUE_BYTES,
		.msgpool = MSG_OBJECTS_MAX * MSG_QUEUE_BYTES / 1024,
		.msgtql = MSG_QUEUE_BYTES,
	};

	if (usage) {
		info.msgpool = (int)table.nr_used;
		info.msgmap = info.msgtql = 0;
		for (unsigned i = 0; i < table.nr_slots; i++) {
			const struct msg_queue *q = queue_of(table.slot[i]);

			info.msgmap += q != NULL ? (int)q->nr : 0;
			info.msgtql += q != NULL ? (int)q->nr_bytes : 0;
		}
	}
	return copy_to_user(ubuf, &info, sizeof(info)) != 0 ? -EFAULT : ipc_highest(&table);
}

long sys_msgctl(int id, int cmd, void *ubuf)
{
	struct msg_queue *q;
	int err;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return show_info(ubuf, cmd == MSG_INFO);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		q = queue_of(cmd == IPC_STAT ? ipc_find(&table, id) : ipc_at(&table, (unsigned)id));
		if (q == NULL)
			return -EINVAL;
		err = cmd == MSG_STAT_ANY ? 0 : ipc_permission(&q->o, IPC_READ);
		return err != 0 ? err : stat_queue(q, ubuf, cmd == IPC_STAT ? 0 : q->o.id);
	case IPC_SET:
		return change_queue(id, ubuf);
	case IPC_RMID:
		q = queue_of(ipc_find(&table, id));
		if (q == NULL)
			return -EINVAL;
		err = ipc_owner_permission(&q->o);
		if (err == 0)
			remove_queue(q);
		return err;
	default:
		return -EINVAL;
	}
}

int ipc_show_msg(uint64_t unused, struct text *t)
{
	(void)unused;
	text_puts(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      "
		     "stime      "
		     "rtime      ctime\n");
	for (unsigned i = 0; i < table.nr_slots; i++) {
		const struct msg_queue *q = queue_of(table.slot[i]);

		if (q != NULL)
			text_printf(t, "%10d %10d  %4o  %10llu %10llu %5d %5d %5u %5u %5u %5u %10lld %10lld %10lld\n",
				    q->o.key, q->o.id, q->o.mode, (unsigned long long)q->nr_bytes,
				    (unsigned long long)q->nr, q->lspid, q->lrpid, q->o.uid, q->o.gid, q->o.cuid,
				    q->o.cgid, (long long)q->stime, (long long)q->rtime, (long long)q->ctime);
	}
	return 0;
}
