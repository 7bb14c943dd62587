/* SPDX-License-Identifier: MIT */
/*
 * dirops.h - making, removing and moving names: what mkdirat, mknodat, symlinkat, linkat, unlinkat and renameat2 do, on
 * kernel strings. All return 0 or the -errno of the man page.
 */
#ifndef CAY_KERNEL_FS_DIROPS_H
#define CAY_KERNEL_FS_DIROPS_H

#include "kernel/fs/vfs.h"

struct walk;
struct dentry;

/* mode without umask applied, with type bits for vfs_mknod */
int vfs_mkdir(int dirfd, const char *kpath, uint32_t mode);
int vfs_mknod(int dirfd, const char *kpath, uint32_t mode, uint64_t rdev);
int vfs_symlink(const char *target, int dirfd, const char *kpath);
/* lookup_flags: LOOKUP_FOLLOW, LOOKUP_EMPTY for the old path */
int vfs_link(int old_dirfd, const char *old_path, unsigned lookup_flags, int new_dirfd, const char *new_path);
int vfs_unlink(int dirfd, const char *kpath);
int vfs_rmdir(int dirfd, const char *kpath);
/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE */
int vfs_rename(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags);

/* May a name be added to the folder? -EROFS, -ENOENT (it was removed), -EACCES. */
int dir_may_create(const struct path *dir);
/* For open(O_CREAT): makes a regular file in w->at, whose lock is held. known: the negative dentry found, taken over,
 * or NULL. */
MUST_CHECK int dir_create_file(struct walk *w, struct dentry *known, uint32_t mode, struct dentry **out);

#endif
