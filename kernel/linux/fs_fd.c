/* SPDX-License-Identifier: MIT */
/* fs_fd.c - system calls on descriptors: dup, fcntl, locks, ioctl. */
#include <asm/ioctls.h>
#include <asm/resource.h>
#include <asm/sockios.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/async.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/uaccess.h"

/* Those of <sys/file.h>, which clashes with <linux/fcntl.h>. */
#define LOCK_OPS (LOCK_SH | LOCK_EX | LOCK_UN)

long sys_dup(int fd)
{
	struct file *f = fd_get_any(fd);
	int n;

	if (f == NULL)
		return -EBADF;
	n = fd_install(f, 0, false);
	if (n < 0)
		file_put(f);
	return n;
}

static long dup_to(int fd, int to, bool cloexec)
{
	struct file *f = fd_get_any(fd);
	int n;

	if (f == NULL)
		return -EBADF;
	n = fdtable_replace(thread_current()->fds, f, to, cloexec);
	if (n < 0)
		file_put(f);
	return n;
}

long sys_dup2(int fd, int to)
{
	if (fd == to) {
		struct file *f = fd_get_any(fd);
		if (f == NULL)
			return -EBADF;
		file_put(f);
		return to;
	}
	return dup_to(fd, to, false);
}

long sys_dup3(int fd, int to, int flags)
{
	if (fd == to || (flags & ~O_CLOEXEC) != 0)
		return -EINVAL;
	return dup_to(fd, to, (flags & O_CLOEXEC) != 0);
}

static long set_status_flags(struct file *f, int fd, unsigned arg)
{
	const unsigned changeable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | (f->ops->has_async ? FASYNC : 0u);
	unsigned flags = (f->flags & ~changeable) | (arg & changeable);

	if ((arg & O_NOATIME) && !(f->flags & O_NOATIME) && !inode_is_owner(file_inode(f)))
		return -EPERM;
	if (f->ops->set_flags != NULL) {
		int err = f->ops->set_flags(f, flags);
		if (err != 0)
			return err;
	}
	if ((flags ^ f->flags) & FASYNC) {
		int err = async_enable(f, fd, (flags & FASYNC) != 0);
		if (err != 0)
			return err;
	}
	f->flags = flags;
	return 0;
}

/* struct flock counts from whence; the result is a closed range. */
static int flock_to_range(struct file *f, const struct flock *fl, struct lock_range *r)
{
	int64_t base = 0, start, end;
	struct kstat st;
	int err;

	if (fl->l_whence == SEEK_CUR) {
		base = f->pos;
	} else if (fl->l_whence == SEEK_END) {
		err = vfs_getattr(file_inode(f), &st);
		if (err != 0)
			return err;
		base = (int64_t)st.size;
	} else if (fl->l_whence != SEEK_SET) {
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, fl->l_start, &start))
		return -EOVERFLOW;
	if (fl->l_len == 0) {
		end = INT64_MAX;
	} else if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
	} else {
		end = start - 1;
		start += fl->l_len;
	}
	if (start < 0)
		return -EINVAL;
	*r = (struct lock_range){.start = start, .end = end, .write = fl->l_type == F_WRLCK};
	return 0;
}

static long get_lock(struct file *f, enum lock_kind kind, const void *owner, struct flock *fl, void *user)
{
	struct lock_range r;
	int err;

	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK)
		return -EINVAL;
	err = flock_to_range(f, fl, &r);
	if (err != 0)
		return err;
	if (!lock_test(file_inode(f), kind, owner, &r)) {
		fl->l_type = F_UNLCK;
	} else {
		fl->l_type = r.write ? F_WRLCK : F_RDLCK;
		fl->l_whence = SEEK_SET;
		fl->l_start = r.start;
		fl->l_len = r.end == INT64_MAX ? 0 : r.end - r.start + 1;
		fl->l_pid = r.pid;
	}
	return copy_to_user(user, fl, sizeof(*fl));
}

static long record_lock(struct file *f, unsigned cmd, void *user)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	enum lock_kind kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX;
	struct process *p = process_current();
	const void *owner = ofd ? (const void *)f : thread_current()->fds;
	struct lock_range r;
	struct flock fl;
	int err;

	if (copy_from_user(&fl, user, sizeof(fl)) != 0)
		return -EFAULT;
	if (ofd && fl.l_pid != 0)
		return -EINVAL;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return get_lock(f, kind, owner, &fl, user);
	if (fl.l_type != F_RDLCK && fl.l_type != F_WRLCK && fl.l_type != F_UNLCK)
		return -EINVAL;
	if ((fl.l_type == F_RDLCK && !(f->mode & FILE_READ)) || (fl.l_type == F_WRLCK && !(f->mode & FILE_WRITE)))
		return -EBADF;
	err = flock_to_range(f, &fl, &r);
	if (err != 0)
		return err;
	r.pid = ofd ? -1 : p->pid;
	err = lock_set(file_inode(f), kind, owner, &r, fl.l_type == F_UNLCK, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static long dup_from(struct file *f, unsigned long min, bool cloexec)
{
	int fd;

	if (min > INT32_MAX || min >= process_current()->rlimit[RLIMIT_NOFILE].cur)
		return -EINVAL;
	fd = fd_install(file_get(f), (int)min, cloexec);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long fcntl_file(struct file *f, int fd, unsigned cmd, unsigned long arg)
{
	struct fdtable *t = thread_current()->fds;

	switch (cmd) {
	case F_DUPFD:
		return dup_from(f, arg, false);
	case F_DUPFD_CLOEXEC:
		return dup_from(f, arg, true);
	case F_GETFD:
		return fdtable_get_cloexec(t, fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		fdtable_set_cloexec(t, fd, (arg & FD_CLOEXEC) != 0);
		return 0;
	case F_GETFL:
		return f->flags;
	default:
		break;
	}
	if (f->mode & FILE_PATH_ONLY)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return set_status_flags(f, fd, (unsigned)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return record_lock(f, cmd, (void *)arg);
	case F_GETPIPE_SZ:
		return pipe_get_size(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, arg);
	case F_GETLEASE:
		return F_UNLCK;
	case F_SETOWN:
	case F_GETOWN:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_SETSIG:
	case F_GETSIG:
		return async_fcntl(f, cmd, arg);
	default:
		return f->ops->fcntl != NULL ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
	}
}

long sys_fcntl(int fd, unsigned cmd, unsigned long arg)
{
	struct file *f = fd_get_any(fd);
	long ret;

	if (f == NULL)
		return -EBADF;
	ret = fcntl_file(f, fd, cmd, arg);
	file_put(f);
	return ret;
}

long sys_flock(int fd, int op)
{
	struct lock_range all = {
		.start = 0, .end = INT64_MAX, .write = (op & LOCK_EX) != 0, .pid = process_current()->pid};
	int what = op & LOCK_OPS;
	struct file *f;
	int err;

	if ((what != LOCK_SH && what != LOCK_EX && what != LOCK_UN) || (op & ~(LOCK_OPS | LOCK_NB)) != 0)
		return -EINVAL;
	f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	err = lock_set(file_inode(f), LOCK_KIND_FLOCK, f, &all, what == LOCK_UN, !(op & LOCK_NB));
	file_put(f);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static long ioctl_set_flag(struct file *f, int fd, unsigned flag, const void *user)
{
	uint32_t on;

	if (get_user_u32(&on, user) != 0)
		return -EFAULT;
	return set_status_flags(f, fd, on ? f->flags | flag : f->flags & ~flag);
}

static long ioctl_set_owner(struct file *f, const void *user)
{
	uint32_t owner;

	return get_user_u32(&owner, user) != 0 ? -EFAULT : async_fcntl(f, F_SETOWN, owner);
}

static long ioctl_file(struct file *f, int fd, unsigned cmd, unsigned long arg)
{
	struct fdtable *t = thread_current()->fds;
	struct kstat st;
	int err;

	switch (cmd) {
	case FIOCLEX:
		fdtable_set_cloexec(t, fd, true);
		return 0;
	case FIONCLEX:
		fdtable_set_cloexec(t, fd, false);
		return 0;
	case FIONBIO:
		return ioctl_set_flag(f, fd, O_NONBLOCK, (const void *)arg);
	case FIOASYNC:
		if (!f->ops->has_async)
			return -ENOTTY;
		return ioctl_set_flag(f, fd, FASYNC, (const void *)arg);
	case FIOSETOWN:
	case SIOCSPGRP:
		return S_ISSOCK(file_inode(f)->mode) ? ioctl_set_owner(f, (const void *)arg) : -ENOTTY;
	case FIOGETOWN:
	case SIOCGPGRP:
		if (!S_ISSOCK(file_inode(f)->mode))
			return -ENOTTY;
		return put_user_u32((void *)arg, (uint32_t)async_fcntl(f, F_GETOWN, 0));
	case FIONREAD:
		if (!S_ISREG(file_inode(f)->mode) || f->ops->ioctl != NULL)
			break;
		err = vfs_getattr(file_inode(f), &st);
		return err != 0 ? err : put_user_u32((void *)arg, (uint32_t)(st.size - (uint64_t)f->pos));
	case FIGETBSZ:
		err = vfs_getattr(file_inode(f), &st);
		return err != 0 ? err : put_user_u32((void *)arg, st.blksize);
	default:
		break;
	}
	return f->ops->ioctl != NULL ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

long sys_ioctl(int fd, unsigned cmd, unsigned long arg)
{
	struct file *f = fd_get(fd);
	long ret;

	if (f == NULL)
		return -EBADF;
	ret = ioctl_file(f, fd, cmd, arg);
	file_put(f);
	return ret;
}
