/* SPDX-License-Identifier: MIT */
/*
 * mqueue.c - POSIX message queues: mq_overview(7). A queue is an object with a name and a count of open descriptors; it
 * goes when both are gone. Messages stand by priority, oldest first. Senders and receivers sleep on the queue and look
 * again when it changes. The queues are not shown as files (/dev/mqueue).
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/mqueue_notify.h"
#include "kernel/linux/sys.h"
#include "kernel/linux/user_counts.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"
#include "kernel/time/timespec.h"
#include "lib/fmt.h"
#include "lib/string.h"

struct message {
	struct list link;
	unsigned priority;
	size_t bytes;
	char data[];
};

struct queue {
	struct list link; /* in names, while it has one */
	char *name;       /* NULL: unlinked */
	unsigned files;
	uint32_t mode, uid, gid;
	size_t max_messages, max_bytes;
	struct list messages;
	size_t nr, nr_bytes;
	unsigned receivers; /* that sleep: whoever wants to be notified is not, then */
	struct waitq wq;
	struct mq_notice notice;
	struct user_counts *user; /* counted there: bytes_counted */
	uint64_t bytes_counted;
};

static struct list names = LIST_INIT(names);
static unsigned nr_queues;

static void free_if_unused(struct queue *q)
{
	if (q->name != NULL || q->files > 0)
		return;
	while (!list_empty(&q->messages)) {
		struct message *m = list_first(&q->messages, struct message, link);

		list_remove(&m->link);
		kfree(m);
	}
	nr_queues--;
	q->user->mqueue_bytes -= q->bytes_counted;
	kfree(q);
}

static struct queue *find(const char *name)
{
	list_for_each (q, &names, link, struct queue)
		if (strcmp(q->name, name) == 0)
			return q;
	return NULL;
}

static uint32_t queue_poll(struct file *f, struct poll_table *pt)
{
	struct queue *q = f->priv;

	poll_wait(f, &q->wq, pt);
	return (q->nr > 0 ? POLLIN | POLLRDNORM : 0) | (q->nr < q->max_messages ? POLLOUT | POLLWRNORM : 0);
}

/* What reading the descriptor as a file shows: mq_overview(7). */
static ssize_t queue_read(struct file *f, struct uio *uio, int64_t pos)
{
	const struct queue *q = f->priv;
	const struct mq_notice *told = &q->notice;
	char text[96];
	int n = fmt_snprintf(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
			     (unsigned long)q->nr_bytes, told->pid != 0 ? told->how : 0,
			     told->pid != 0 && told->how == SIGEV_SIGNAL ? told->signal : 0, told->pid);

	return pos >= n || pos < 0 ? 0 : uio_move(text + pos, MIN((size_t)(n - pos), uio->resid), uio);
}

/* close(2) by whoever asked to be notified ends that. */
static void queue_flush(struct file *f)
{
	struct queue *q = f->priv;

	if (q->notice.pid == process_current()->pid)
		mq_notice_drop(&q->notice);
}

static void queue_release(struct file *f)
{
	struct queue *q = f->priv;

	q->files--;
	free_if_unused(q);
}

static const struct file_ops queue_ops = {
	.read = queue_read,
	.poll = queue_poll,
	.flush = queue_flush,
	.release = queue_release,
};

static int check_access(const struct queue *q, int flags)
{
	static const uint32_t wanted_by_mode[] = {4, 2, 6, 6};
	const struct cred *c = cred_current();
	uint32_t wanted = wanted_by_mode[flags & O_ACCMODE], granted = q->mode;

	if (c->fsuid == q->uid)
		granted >>= 6;
	else if (cred_in_group(c, q->gid))
		granted >>= 3;
	return (wanted & ~granted) && !cred_capable(c, CAP_DAC_OVERRIDE) ? -EACCES : 0;
}

static int check_attr(const struct mq_attr *a)
{
	bool may_more = capable(CAP_SYS_RESOURCE);

	if (a->mq_maxmsg <= 0 || a->mq_msgsize <= 0)
		return -EINVAL;
	if (a->mq_maxmsg > (may_more ? MQ_HARD_MESSAGES : MQ_MESSAGES) ||
	    a->mq_msgsize > (may_more ? MQ_HARD_BYTES : MQ_MESSAGE_BYTES))
		return -EINVAL;
	return 0;
}

/* mq_overview(7) and getrlimit(2), RLIMIT_MSGQUEUE: whether messages are there or not, and what keeps them, too. */
static int count_bytes(struct queue *q)
{
	struct user_counts *user = user_counts_of(cred_current()->uid);
	uint64_t bytes = q->max_messages * (q->max_bytes + MQ_OVERHEAD_BYTES);

	if (user == NULL)
		return -ENOMEM;
	if (user->mqueue_bytes + bytes > process_current()->rlimit[RLIMIT_MSGQUEUE].cur)
		return -EMFILE;
	q->user = user;
	q->bytes_counted = bytes;
	user->mqueue_bytes += bytes;
	return 0;
}

static int create(const char *name, uint32_t mode, const struct mq_attr *attr, struct queue **out)
{
	const struct cred *c = cred_current();
	struct queue *q;
	int err = attr != NULL ? check_attr(attr) : 0;

	if (err != 0)
		return err;
	if (nr_queues >= MQ_QUEUES_MAX && !capable(CAP_SYS_RESOURCE))
		return -ENOSPC;
	q = kzalloc(sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	q->name = kstrdup(name);
	if (q->name == NULL) {
		kfree(q);
		return -ENOMEM;
	}
	q->mode = mode & ~fs_current()->umask & 0777;
	q->uid = c->fsuid;
	q->gid = c->fsgid;
	q->max_messages = attr != NULL ? (size_t)attr->mq_maxmsg : MQ_MESSAGES;
	q->max_bytes = attr != NULL ? (size_t)attr->mq_msgsize : MQ_MESSAGE_BYTES;
	err = count_bytes(q);
	if (err != 0) {
		kfree(q->name);
		kfree(q);
		return err;
	}
	list_init(&q->messages);
	waitq_init(&q->wq);
	list_push_back(&names, &q->link);
	nr_queues++;
	*out = q;
	return 0;
}

static int find_or_create(const char *name, int flags, uint32_t mode, const struct mq_attr *attr, struct queue **out)
{
	*out = find(name);
	if (*out == NULL)
		return flags & O_CREAT ? create(name, mode, attr, out) : -ENOENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	return (flags & O_ACCMODE) == O_ACCMODE ? -EINVAL : check_access(*out, flags);
}

static int name_from_user(char name[NAME_MAX + 1], const char *uname)
{
	ssize_t n = strncpy_from_user(name, uname, NAME_MAX + 1);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENOENT;
	for (ssize_t i = 0; i < n; i++)
		if (name[i] == '/')
			return -EACCES;
	return 0;
}

static int open_queue(struct queue *q, int flags)
{
	unsigned mode = (flags & O_ACCMODE) == O_RDONLY   ? FILE_READ
			: (flags & O_ACCMODE) == O_WRONLY ? FILE_WRITE
							  : FILE_READ | FILE_WRITE;
	struct file *f;
	int fd;

	q->files++;
	f = file_anon(&queue_ops, q, mode, (unsigned)flags & (O_ACCMODE | O_NONBLOCK), "mqueue", S_IFREG | q->mode);
	if (f == NULL) {
		q->files--;
		free_if_unused(q);
		return -ENOMEM;
	}
	fd = fd_install(f, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_mq_open(const char *uname, int flags, uint32_t mode, const struct mq_attr *uattr)
{
	char name[NAME_MAX + 1];
	struct mq_attr attr;
	struct queue *q;
	int err;

	if ((flags & O_CREAT) && uattr != NULL && copy_from_user(&attr, uattr, sizeof(attr)) != 0)
		return -EFAULT;
	err = name_from_user(name, uname);
	if (err == 0)
		err = find_or_create(name, flags, mode, (flags & O_CREAT) && uattr != NULL ? &attr : NULL, &q);
	return err != 0 ? err : open_queue(q, flags);
}

long sys_mq_unlink(const char *uname)
{
	char name[NAME_MAX + 1];
	struct queue *q;
	int err = name_from_user(name, uname);

	if (err != 0)
		return err;
	q = find(name);
	if (q == NULL)
		return -ENOENT;
	if (cred_current()->fsuid != q->uid && !capable(CAP_FOWNER))
		return -EACCES;
	list_remove(&q->link);
	kfree(q->name);
	q->name = NULL;
	free_if_unused(q);
	return 0;
}

/* The queue behind a descriptor that may do this (FILE_READ, FILE_WRITE, 0): *f counted. */
static int get_queue(int fd, unsigned mode, struct file **f, struct queue **q)
{
	*f = fd_get(fd);
	if (*f == NULL)
		return -EBADF;
	if ((*f)->ops == &queue_ops && ((*f)->mode & mode) == mode) {
		*q = (*f)->priv;
		return 0;
	}
	file_put(*f);
	return -EBADF;
}

static int get_deadline(const void *utimeout, uint64_t *deadline_ns)
{
	uint64_t real_ns;
	int err;

	*deadline_ns = WAIT_FOREVER;
	if (utimeout == NULL)
		return 0;
	err = timespec_from_user(utimeout, &real_ns);
	if (err == 0)
		*deadline_ns = deadline_from_realtime(real_ns);
	return err;
}

static void insert(struct queue *q, struct message *m)
{
	struct list *at = &q->messages;

	list_for_each (other, &q->messages, link, struct message) {
		if (other->priority < m->priority)
			break;
		at = &other->link;
	}
	list_insert_between(&m->link, at, at->next);
	q->nr_bytes += m->bytes;
	if (q->nr++ == 0 && q->receivers == 0)
		mq_notice_send(&q->notice);
	waitq_wake(&q->wq, POLLIN | POLLRDNORM);
}

static int wait_for(struct file *f, struct queue *q, bool to_send, uint64_t deadline_ns)
{
	int err;

	if (to_send ? q->nr < q->max_messages : q->nr > 0)
		return 0;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	q->receivers += !to_send;
	err = wait_event_deadline(&q->wq, to_send ? q->nr < q->max_messages : q->nr > 0, deadline_ns, true);
	q->receivers -= !to_send;
	return err == -EINTR ? -ERESTARTSYS : err;
}

long sys_mq_timedsend(int fd, const char *udata, size_t bytes, unsigned priority, const void *utimeout)
{
	uint64_t deadline_ns;
	struct message *m;
	struct queue *q;
	struct file *f;
	int err = get_deadline(utimeout, &deadline_ns);

	if (err == 0 && priority >= MQ_PRIORITIES)
		err = -EINVAL;
	if (err == 0)
		err = get_queue(fd, FILE_WRITE, &f, &q);
	if (err != 0)
		return err;
	m = bytes <= q->max_bytes ? kmalloc(sizeof(*m) + bytes) : NULL;
	if (m == NULL) {
		file_put(f);
		return bytes > q->max_bytes ? -EMSGSIZE : -ENOMEM;
	}
	m->priority = priority;
	m->bytes = bytes;
	err = copy_from_user(m->data, udata, bytes);
	if (err == 0)
		err = wait_for(f, q, true, deadline_ns);
	if (err == 0)
		insert(q, m);
	else
		kfree(m);
	file_put(f);
	return err;
}

static long deliver(struct message *m, char *udata, unsigned *upriority)
{
	long ret = (long)m->bytes;

	if (copy_to_user(udata, m->data, m->bytes) != 0 ||
	    (upriority != NULL && put_user_u32(upriority, m->priority) != 0))
		ret = -EFAULT; /* and the message is lost, as on Linux */
	kfree(m);
	return ret;
}

long sys_mq_timedreceive(int fd, char *udata, size_t bytes, unsigned *upriority, const void *utimeout)
{
	struct message *m = NULL;
	uint64_t deadline_ns;
	struct queue *q;
	struct file *f;
	long ret = get_deadline(utimeout, &deadline_ns);

	if (ret == 0)
		ret = get_queue(fd, FILE_READ, &f, &q);
	if (ret != 0)
		return ret;
	ret = bytes < q->max_bytes ? -EMSGSIZE : wait_for(f, q, false, deadline_ns);
	if (ret == 0) {
		m = list_first(&q->messages, struct message, link);
		list_remove(&m->link);
		q->nr--;
		q->nr_bytes -= m->bytes;
		waitq_wake(&q->wq, POLLOUT | POLLWRNORM);
		ret = deliver(m, udata, upriority);
	}
	file_put(f);
	return ret;
}

long sys_mq_notify(int fd, const void *uevent)
{
	struct mq_notice notice = {0};
	struct queue *q;
	struct file *f;
	int err = uevent != NULL ? mq_notice_from_user(&notice, uevent) : 0;

	if (err != 0)
		return err;
	err = get_queue(fd, 0, &f, &q);
	if (err == 0) {
		if (uevent == NULL && q->notice.pid == process_current()->pid)
			mq_notice_drop(&q->notice);
		else if (uevent != NULL && q->notice.pid != 0)
			err = -EBUSY;
		else if (uevent != NULL)
			q->notice = notice;
		file_put(f);
	}
	if (err != 0 && notice.socket != NULL)
		file_put(notice.socket);
	return err;
}

long sys_mq_getsetattr(int fd, const struct mq_attr *unew, struct mq_attr *uold)
{
	struct mq_attr new, old = {0};
	struct queue *q;
	struct file *f;
	int err;

	if (unew != NULL && copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if (unew != NULL && (new.mq_flags & ~(long)O_NONBLOCK))
		return -EINVAL;
	err = get_queue(fd, 0, &f, &q);
	if (err != 0)
		return err;
	old.mq_flags = (long)(f->flags & O_NONBLOCK);
	old.mq_maxmsg = (long)q->max_messages;
	old.mq_msgsize = (long)q->max_bytes;
	old.mq_curmsgs = (long)q->nr;
	if (unew != NULL)
		f->flags = (f->flags & ~(unsigned)O_NONBLOCK) | (unsigned)new.mq_flags;
	file_put(f);
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}
