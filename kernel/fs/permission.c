/* SPDX-License-Identifier: MIT */
/* permission.c - who may do what: mode bits, groups, capabilities, read-only mounts. As path_resolution(7) and
 * capabilities(7). */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/groups.h"
#include "kernel/fs/mount.h"

static const struct cred kernel_cred = {.cap_effective = UINT64_MAX, .cap_permitted = UINT64_MAX};

static bool booting;

const struct cred *cred_current(void)
{
	struct process *p = process_current();

	return booting || p == &kernel_process ? &kernel_cred : &p->cred;
}

void cred_boot(bool on)
{
	booting = on;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	return c->fsgid == gid || groups_have(__atomic_load_n(&c->groups, __ATOMIC_ACQUIRE), gid);
}

int inode_permission_as(const struct cred *c, struct inode *i, int mask)
{
	uint32_t mode = i->mode;
	uint32_t bits;

	if (c->fsuid == i->uid)
		bits = mode >> 6;
	else if (cred_in_group(c, i->gid))
		bits = mode >> 3;
	else
		bits = mode;
	if (((uint32_t)mask & ~bits & 7) == 0)
		return 0;

	/* Execution of a file needs at least one x bit, whoever asks. */
	if (cred_capable(c, CAP_DAC_OVERRIDE) && (!(mask & MAY_EXEC) || S_ISDIR(mode) || (mode & 0111)))
		return 0;
	if (cred_capable(c, CAP_DAC_READ_SEARCH) && !(mask & MAY_WRITE) && (S_ISDIR(mode) || !(mask & MAY_EXEC)))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, int mask)
{
	return inode_permission_as(cred_current(), i, mask);
}

int path_permission(const struct path *p, int mask)
{
	struct inode *i = path_inode(p);

	if ((mask & MAY_WRITE) && mount_is_read_only(p->mount) &&
	    (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	return inode_permission(i, mask);
}

bool inode_is_owner(const struct inode *i)
{
	const struct cred *c = cred_current();

	return c->fsuid == i->uid || cred_capable(c, CAP_FOWNER);
}

bool dir_sticky_allows(const struct inode *dir, const struct inode *victim)
{
	const struct cred *c = cred_current();

	return !(dir->mode & S_ISVTX) || victim->uid == c->fsuid || dir->uid == c->fsuid || cred_capable(c, CAP_FOWNER);
}
