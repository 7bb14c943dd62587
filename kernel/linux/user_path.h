/* SPDX-License-Identifier: MIT */
/* user_path.h - path arguments of system calls, copied to the kernel; and paths to descriptors. */
#ifndef CAY_KERNEL_LINUX_USER_PATH_H
#define CAY_KERNEL_LINUX_USER_PATH_H

#include "kernel/fs/vfs.h"

/* A buffer of PATH_MAX bytes, from a few that are kept ready. NULL without memory. */
MUST_CHECK char *path_buf_get(void);
void path_buf_put(char *buf); /* NULL is allowed */

/* *out: a path_buf with the string. -EFAULT, -ENAMETOOLONG, -ENOMEM. */
MUST_CHECK int path_from_user(const char *user, char **out);

/*
 * The object that (dirfd, user path) names, for calls with AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW. at_flags: those two
 * are looked at. *out is counted. Notes missing files. 0 or -errno.
 */
MUST_CHECK int user_lookup(int dirfd, const char *user, int at_flags, struct path *out);
/*
 * The same for calls that only look, without a lock: then answer(p, arg) is called as an RCU reader (rcu.h), with a
 * path that is not counted. It returns the call's result, or QUICK_UNKNOWN (walk_quick.h) if it cannot say without the
 * kernel lock; then, and when the lookup needs it, it is called again under the kernel lock, with a counted path.
 */
struct path_question {
	int (*answer)(const struct path *p, bool locked, void *arg);
	void *arg;
};
MUST_CHECK int user_lookup_ask(int dirfd, const char *user, int at_flags, const struct path_question *q);
/* The file behind fd as a path, counted. -EBADF. */
MUST_CHECK int fd_to_path(int fd, bool allow_o_path, struct path *out);

#endif
