/* SPDX-License-Identifier: MIT */
/*
 * pidfd.c - descriptors of processes: pidfd_open(2) and kin. A file that holds a reference of its process, so that the
 * number may be used again and the descriptor still means the one it was made for. Ready for reading once the process
 * has ended.
 */
#include "kernel/linux/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/linux/kill.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"

static uint32_t pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct process *p = f->priv;

	poll_wait(f, &p->end_wq, pt);
	return p->zombie ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	process_put(f->priv);
}

static const struct file_ops pidfd_ops = {.poll = pidfd_poll, .release = pidfd_release};

int pidfd_create(struct process *p, unsigned flags)
{
	struct file *f = file_anon(&pidfd_ops, p, FILE_READ | FILE_WRITE, O_RDWR | flags, "anon_inode:[pidfd]", 0600);
	int fd;

	if (f == NULL)
		return -ENOMEM;
	process_get(p);
	fd = fd_install(f, 0, true);
	if (fd < 0)
		file_put(f);
	return fd;
}

struct process *pidfd_process(int fd, bool *nonblock)
{
	struct file *f = fd_get(fd);
	struct process *p = f != NULL && f->ops == &pidfd_ops ? process_get(f->priv) : NULL;

	if (p != NULL && nonblock != NULL)
		*nonblock = f->flags & O_NONBLOCK;
	if (f != NULL)
		file_put(f);
	return p;
}

long sys_pidfd_open(int pid, unsigned flags)
{
	struct process *p;

	if ((flags & ~(unsigned)O_NONBLOCK) || pid <= 0)
		return -EINVAL;
	p = process_find(pid);
	if (p == NULL)
		return thread_find(pid) != NULL ? -EINVAL : -ESRCH; /* a thread that is no leader */
	return pidfd_create(p, flags);
}

/* An open folder /proc/PID will do, too: the older way to name a process by a descriptor. */
static struct process *process_of_folder(int fd)
{
	struct file *f = fd_get(fd);
	struct process *p = NULL;
	uint64_t id;

	if (f == NULL)
		return NULL;
	if (file_inode(f) != NULL && pseudo_node_of(file_inode(f), &id) == &proc_pid_dir) {
		p = process_find(PROC_ID_TID(id));
		p = p != NULL ? process_get(p) : NULL;
	}
	file_put(f);
	return p;
}

long sys_pidfd_send_signal(int fd, int sig, const void *uinfo, unsigned flags)
{
	struct process *p;
	long err;

	if (flags != 0)
		return -EINVAL;
	p = pidfd_process(fd, NULL);
	if (p == NULL)
		p = process_of_folder(fd);
	if (p == NULL)
		return -EBADF;
	err = kill_process(p, sig, uinfo);
	process_put(p);
	return err;
}

/* As ptrace(2) judges it: the same user, or root. */
static bool may_look_into(const struct process *p)
{
	const struct cred *c = cred_current();

	return capable(CAP_SYS_PTRACE) || (c->uid == p->cred.uid && c->uid == p->cred.euid && c->uid == p->cred.suid);
}

long sys_pidfd_getfd(int fd, int target_fd, unsigned flags)
{
	struct process *p;
	struct file *f = NULL;
	long result = -ESRCH;

	if (flags != 0)
		return -EINVAL;
	p = pidfd_process(fd, NULL);
	if (p == NULL)
		return -EBADF;
	if (!may_look_into(p)) {
		result = -EPERM;
	} else if (p->leader->fds != NULL) {
		f = fdtable_lookup(p->leader->fds, target_fd);
		result = f != NULL ? fd_install(f, 0, true) : -EBADF;
		if (f != NULL && result < 0)
			file_put(f);
	}
	process_put(p);
	return result;
}
