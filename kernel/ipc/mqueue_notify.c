/* SPDX-License-Identifier: MIT */
/* mqueue_notify.c - see mqueue_notify.h. */
#include "kernel/ipc/mqueue_notify.h"

#include <errno.h>
#include <linux/mqueue.h>
#include <sys/socket.h>

#include "kernel/fs/fdtable.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/netlink.h"
#include "lib/string.h"

static int get_socket(struct mq_notice *n, int fd)
{
	struct file *f = fd_get(fd);
	const struct socket *s = f != NULL ? socket_of_file(f) : NULL;

	if (s != NULL && s->family == AF_NETLINK) {
		n->socket = f;
		return 0;
	}
	if (f == NULL)
		return -EBADF;
	file_put(f);
	return s != NULL ? -EINVAL : -ENOTSOCK;
}

int mq_notice_from_user(struct mq_notice *n, const void *uevent)
{
	struct sigevent ev;

	if (copy_from_user(&ev, uevent, sizeof(ev)) != 0)
		return -EFAULT;
	*n = (struct mq_notice){.pid = process_current()->pid, .how = ev.sigev_notify};
	switch (ev.sigev_notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
		n->signal = ev.sigev_signo;
		n->value = (uint64_t)ev.sigev_value.sival_ptr;
		return n->signal >= 1 && n->signal <= NR_SIGNALS ? 0 : -EINVAL;
	case SIGEV_THREAD:
		if (copy_from_user(n->cookie, ev.sigev_value.sival_ptr, sizeof(n->cookie)) != 0)
			return -EFAULT;
		return get_socket(n, ev.sigev_signo);
	default:
		return -EINVAL;
	}
}

static void send_signal(const struct mq_notice *n)
{
	struct process *p = process_find(n->pid);
	siginfo_t info;

	if (p == NULL)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = n->signal;
	info.si_code = SI_MESGQ;
	info.si_pid = process_current()->pid;
	info.si_uid = process_current()->cred.uid;
	info.si_value.sival_ptr = (void *)n->value;
	(void)signal_send_process(p, &info); /* one that is lost (no memory) is as if it came too late */
}

/* To the thread that the C library made for this. */
static void send_cookie(struct mq_notice *n, uint8_t what)
{
	n->cookie[MQ_COOKIE_BYTES - 1] = what;
	netlink_push(socket_of_file(n->socket), n->cookie, sizeof(n->cookie));
	file_put(n->socket);
}

void mq_notice_send(struct mq_notice *n)
{
	if (n->pid == 0)
		return;
	if (n->how == SIGEV_SIGNAL)
		send_signal(n);
	else if (n->how == SIGEV_THREAD)
		send_cookie(n, NOTIFY_WOKENUP);
	n->pid = 0;
}

void mq_notice_drop(struct mq_notice *n)
{
	if (n->pid != 0 && n->how == SIGEV_THREAD)
		send_cookie(n, NOTIFY_REMOVED);
	n->pid = 0;
}
