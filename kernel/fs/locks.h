/* SPDX-License-Identifier: MIT */
/*
 * locks.h - record locks (POSIX, per process; OFD, per open file) and flock(2). All are advisory.
 * They hang off the inode that the name led to (file_inode). Future lock: one per inode.
 */
#ifndef CAY_KERNEL_FS_LOCKS_H
#define CAY_KERNEL_FS_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct inode;

enum lock_kind { LOCK_KIND_POSIX, LOCK_KIND_OFD, LOCK_KIND_FLOCK };

/* [start, end], both included; end INT64_MAX = to the end of the file. */
struct lock_range {
	int64_t start, end;
	bool write;
	int pid; /* as F_GETLK reports it; -1 for OFD */
};

/* Sets (unlock: clears) a lock. owner: the fdtable for POSIX, the file for the others. wait: sleep until it is free.
 * 0, -EAGAIN, -ENOLCK (no memory), -EDEADLK, -EINTR (a signal came while waiting). */
int lock_set(struct inode *i, enum lock_kind kind, const void *owner, const struct lock_range *r, bool unlock,
	     bool wait);
/* Is there a lock of another owner that forbids r? Then true and *r is that lock. */
bool lock_test(struct inode *i, enum lock_kind kind, const void *owner, struct lock_range *r);
/* Removes all locks of an owner: at close(2) for POSIX, when the file dies for the others. */
void lock_release_owner(struct inode *i, const void *owner);

#endif
