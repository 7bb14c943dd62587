/* SPDX-License-Identifier: MIT */
/*
 * file.h - open files and what they can do; the interface for everything that has a file descriptor.
 */
#ifndef CAY_KERNEL_FS_FILE_H
#define CAY_KERNEL_FS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/mm/vmspace.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/wait.h"
#include "lib/compiler.h"

struct inode;
struct path;
struct file;
struct poll_table;
struct file_async;

/*
 * A transfer between the kernel and the program (or the kernel itself): a list of user segments with a position.
 * uio_move advances it. After a partial -EFAULT the bytes already moved count.
 */
struct uio_seg {
	void *base;
	size_t bytes;
};
struct uio {
	struct uio_seg *segs;
	unsigned nr_segs;
	size_t seg_offset;   /* in segs[0] */
	size_t resid;        /* bytes left */
	bool to_user;        /* true for read() */
	bool kernel;         /* segments are kernel memory (exec, sendfile): no range check */
	uint64_t append_end; /* a write with O_APPEND that ended elsewhere than pos says: where; else 0 */
	bool nowait;         /* -EAGAIN instead of waiting, as if the file had O_NONBLOCK (io_uring) */
};
/* Moves min(bytes, resid) bytes between kbuf and the uio. Returns bytes moved (short only on a fault), or -EFAULT if
 * none. */
ssize_t uio_move(void *kbuf, size_t bytes, struct uio *uio);
ssize_t uio_zero(size_t bytes, struct uio *uio);
/* The next piece of at most max bytes that lies in one segment, its length in *bytes (0: nothing left); and passing
 * over bytes that reached their place by other means (a device). */
void *uio_peek(struct uio *uio, size_t max, size_t *bytes);
void uio_advance(struct uio *uio, size_t bytes);

/* Directory entries go out through this. Returns false when the buffer is full (entry not taken). */
struct dirent_sink {
	bool (*emit)(struct dirent_sink *s, const char *name, size_t len, uint64_t ino, unsigned d_type,
		     int64_t next_pos);
	/* May be NULL. A file system that learns a child's inode while it reads the directory (READDIRPLUS) offers it
	 * here, so that the lookup that follows is a cache hit. The inode's reference stays the caller's. */
	void (*found)(struct dirent_sink *s, const char *name, size_t len, struct inode *inode);
};

/*
 * NULL operations mean the default in the comment. Errors are -errno of the man page of the call.
 * pos: for seekable files the position is passed in and file.pos advanced by the caller; others ignore it.
 */
struct file_ops {
	/* read, write, poll, seek and fsync have locks of their own: they are called with the kernel lock or without,
	 * by several CPUs at once, and none takes it for them (file_enter). The wait queues that poll registers on live
	 * as long as the file, and are woken after each change of what poll looks at. All others run under the kernel
	 * lock. */
	bool own_lock;
	/* release, too, is called without the kernel lock, unless locks, watches or O_ASYNC go with the file. */
	bool own_release;
	/* O_ASYNC means something: poll registers on queues that live as long as the file. */
	bool has_async;
	ssize_t (*read)(struct file *f, struct uio *uio, int64_t pos);  /* -EINVAL */
	ssize_t (*write)(struct file *f, struct uio *uio, int64_t pos); /* -EINVAL */
	/* FILE_SEEKABLE: only SEEK_DATA and SEEK_HOLE come here (default: all is data), the rest goes by the inode's
	 * size. Others: all of lseek; default -ESPIPE. */
	int64_t (*seek)(struct file *f, int64_t off, int whence);
	int (*readdir)(struct file *f, struct dirent_sink *sink); /* -ENOTDIR; uses and advances f->pos */
	/* Returns the current POLL* mask and registers with poll_wait() when pt is not NULL. Default: POLLIN | POLLOUT.
	 */
	uint32_t (*poll)(struct file *f, struct poll_table *pt);
	int64_t (*ioctl)(struct file *f, unsigned cmd, uint64_t arg); /* -ENOTTY */
	/* Pages [pgoff, pgoff + nr) of the file for a mapping. write: they will be written through a shared mapping.
	 * Default -ENODEV. */
	int (*map)(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run);
	/* May this range be mapped at all? Default: yes; what is not there faults when it is touched. */
	int (*check_map)(struct file *f, uint64_t offset, uint64_t bytes);
	/* map gives pages of the file window: shared with the host, but the first touch of each costs 5 us (KVM does
	 * not fill their neighbours along, as it does for RAM). Private mappings of small areas are read instead. */
	bool map_is_costly;
	/* A mapping of it went, whole or the last part of it, in the process that had it. Must not block. Default:
	 * nobody minds. */
	void (*unmapped)(struct file *f);
	int (*fsync)(struct file *f, bool data_only);                         /* 0 or -EINVAL */
	int (*fallocate)(struct file *f, int mode, int64_t off, int64_t len); /* -EOPNOTSUPP */
	int64_t (*fcntl)(struct file *f, unsigned cmd,
			 uint64_t arg);                   /* what fcntl(2) itself does not know (seals); -EINVAL */
	int (*set_flags)(struct file *f, unsigned flags); /* F_SETFL told to the object; 0 */
	void (*flush)(struct file *f);                    /* each close(2) of a descriptor */
	void (*release)(struct file *f);                  /* last reference is gone */
};

#define FILE_SEEKABLE  (1u << 0)
#define FILE_READ      (1u << 1)
#define FILE_WRITE     (1u << 2)
#define FILE_PATH_ONLY (1u << 3) /* O_PATH */

struct file {
	const struct file_ops *ops;
	unsigned refs;
	unsigned mode;            /* FILE_* */
	unsigned flags;           /* O_* status flags, as F_GETFL shows them */
	struct file_async *async; /* who is sent SIGIO: kernel/fs/async.h; NULL until asked for */
	int64_t pos;
	struct mutex pos_lock; /* read/write/lseek on a shared position */
	struct inode *inode;   /* owned reference; NULL never (anonymous objects have an anon inode) */
	struct dentry *dentry; /* where it was opened, for /proc/self/fd, openat, fchdir; may be NULL */
	struct mount *mount;
	void *priv;
	struct rcu_head rcu;     /* who looks a descriptor up may have it in hand when it goes */
	struct list epoll_links; /* epoll items watching this file, under a lock of epoll's: kernel/fs/epoll_priv.h */
};

/* A file without a name: pipes, eventfd, epoll... `name` as /proc/self/fd shows it ("anon_inode:[eventfd]"). NULL
 * without memory. */
MUST_CHECK struct file *file_anon(const struct file_ops *ops, void *priv, unsigned mode, unsigned flags,
				  const char *name, uint32_t st_mode);
struct file *file_get(struct file *f);
/* For those who do not have one, but know that f's memory is there (epoll, lookups): false when the last reference is
 * gone. */
MUST_CHECK bool file_try_get(struct file *f);
void file_put(struct file *f);
/* The inode whose attributes and locks the file has: the one that its name led to. It differs from f->inode, which
 * belongs to the file's operations, when an overlay passed the open on to another file system. */
struct inode *file_inode(const struct file *f);
/* Where the file is, for /proc/self/fd and O_PATH tricks: a counted path. Anonymous files get a nameless one made. 0 or
 * -ENOMEM. */
MUST_CHECK int file_path(struct file *f, struct path *out);

/* poll: `events` arrive through the waiter callback; poll_wait registers pt's caller on wq. */
struct poll_table {
	void (*queue)(struct poll_table *pt, struct file *f, struct waitq *wq);
};
static inline void poll_wait(struct file *f, struct waitq *wq, struct poll_table *pt)
{
	if (pt != NULL && pt->queue != NULL)
		pt->queue(pt, f, wq);
}
/* May this transfer not wait for data or room? */
static inline bool file_nowait(const struct file *f, const struct uio *uio)
{
	return uio->nowait || (f->flags & 04000) != 0; /* O_NONBLOCK */
}
/*
 * Around operations of a file in system calls that run without the kernel lock (syscall.c): takes it for those that
 * need it. file_leave(file_enter(f)) with nothing in between is harmless.
 */
static inline bool file_enter(const struct file *f)
{
	return kernel_must_enter() && !f->ops->own_lock && kernel_enter();
}
static inline void file_leave(bool entered)
{
	if (entered)
		kernel_leave();
}
static inline uint32_t file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll ? f->ops->poll(f, pt) : 0x0005u | 0x0140u; /* POLLIN|POLLOUT|POLLRDNORM|POLLWRNORM */
}

/* Descriptor table of a process (threads share it). */
struct fdtable;
MUST_CHECK struct fdtable *fdtable_create(void);
void fdtable_put(struct fdtable *t);
/* Returns a counted reference or NULL (EBADF). fd_get refuses O_PATH descriptors, fd_get_any takes them. */
MUST_CHECK struct file *fd_get(int fd);
MUST_CHECK struct file *fd_get_any(int fd);
/* For an RCU reader (rcu.h): not counted, O_PATH descriptors too. NULL also when it is just being closed. */
struct file *fd_peek(int fd);
/* Takes over the caller's reference on success. Lowest free number >= min. Returns fd, -EMFILE, -ENOMEM. */
MUST_CHECK int fd_install(struct file *f, int min, bool cloexec);
MUST_CHECK int fd_install_in(struct fdtable *t, struct file *f, int min, bool cloexec);
int fd_close(int fd);

#endif
