/* SPDX-License-Identifier: MIT */
/* cred.h - who asks: questions about the current process's identity that the file system calls need. */
#ifndef CAY_KERNEL_FS_CRED_H
#define CAY_KERNEL_FS_CRED_H

#include <linux/capability.h>

#include "kernel/fs/vfs.h"

/* The current process's; the kernel's own (all rights) in kernel threads and during boot. */
const struct cred *cred_current(void);
/* fs_init: while on, the boot thread, which is already the program's, acts for the kernel. */
void cred_boot(bool on);

static inline bool cred_capable(const struct cred *c, unsigned cap)
{
	return (c->cap_effective >> cap & 1) != 0;
}
static inline bool capable(unsigned cap)
{
	return cred_capable(cred_current(), cap);
}
bool cred_in_group(const struct cred *c, uint32_t gid);

/* inode_permission for somebody else's identity: access(2) asks for the real ids. */
int inode_permission_as(const struct cred *c, struct inode *i, int mask);
/* May the current process change what only an owner may (chmod, utimes)? */
bool inode_is_owner(const struct inode *i);
/* May a name be removed from dir, as far as the sticky bit is concerned? */
bool dir_sticky_allows(const struct inode *dir, const struct inode *victim);

#endif
