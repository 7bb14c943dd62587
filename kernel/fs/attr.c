/* SPDX-License-Identifier: MIT */
/* attr.c - see attr.h. */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/attr.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/mm/vmspace.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

static int setattr(struct inode *i, struct kstat *st, unsigned which)
{
	uint64_t now = clock_realtime_ns();
	int err;

	if (i->ops->setattr == NULL)
		return -EPERM;
	st->ctime.sec = (int64_t)(now / NSEC_PER_SEC);
	st->ctime.nsec = (uint32_t)(now % NSEC_PER_SEC);
	mutex_lock(&i->lock);
	err = i->ops->setattr(i, st, which | ATTR_CTIME);
	mutex_unlock(&i->lock);
	return err;
}

static int change(const struct path *p, struct kstat *st, unsigned which)
{
	int err = setattr(path_inode(p), st, which);

	if (err == 0)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

int vfs_chmod(const struct path *p, uint32_t mode)
{
	struct inode *i = path_inode(p);
	struct kstat st = {.mode = mode & 07777};

	if (mount_is_read_only(p->mount))
		return -EROFS;
	if (!inode_is_owner(i))
		return -EPERM;
	if (S_ISLNK(i->mode))
		return -EOPNOTSUPP;
	/* set-group-ID only for members of the group */
	if (!cred_in_group(cred_current(), i->gid) && !capable(CAP_FSETID))
		st.mode &= ~(uint32_t)S_ISGID;
	return change(p, &st, ATTR_MODE);
}

int vfs_chown(const struct path *p, uint32_t uid, uint32_t gid)
{
	struct inode *i = path_inode(p);
	const struct cred *c = cred_current();
	struct kstat st = {.uid = uid, .gid = gid};
	unsigned which = (uid != OWNER_KEEP ? ATTR_UID : 0) | (gid != OWNER_KEEP ? ATTR_GID : 0);

	if (mount_is_read_only(p->mount))
		return -EROFS;
	if (!cred_capable(c, CAP_CHOWN)) {
		if ((which & ATTR_UID) && (uid != i->uid || c->fsuid != i->uid))
			return -EPERM;
		if ((which & ATTR_GID) && (c->fsuid != i->uid || (gid != i->gid && !cred_in_group(c, gid))))
			return -EPERM;
	}
	if (which != 0 && !S_ISDIR(i->mode) && (i->mode & (S_ISUID | S_ISGID))) {
		st.mode = i->mode & 07777 & ~(uint32_t)S_ISUID;
		if (i->mode & S_IXGRP)
			st.mode &= ~(uint32_t)S_ISGID;
		which |= ATTR_MODE;
	}
	return change(p, &st, which);
}

int vfs_utimes(const struct path *p, const struct time_change t[2])
{
	static const struct time_change both_now[2] = {{.now = true}, {.now = true}};
	struct inode *i = path_inode(p);
	uint64_t now = clock_realtime_ns();
	struct kstat st = {0};
	unsigned which = 0;

	if (t == NULL)
		t = both_now;
	if (t[0].omit && t[1].omit)
		return 0;
	if (mount_is_read_only(p->mount))
		return -EROFS;
	if (!inode_is_owner(i)) {
		if (!t[0].now || !t[1].now)
			return -EPERM;
		if (inode_permission(i, MAY_WRITE) != 0)
			return -EACCES;
	}
	if (!t[0].omit) {
		which |= ATTR_ATIME;
		st.atime.sec = t[0].now ? (int64_t)(now / NSEC_PER_SEC) : t[0].sec;
		st.atime.nsec = t[0].now ? (uint32_t)(now % NSEC_PER_SEC) : t[0].nsec;
	}
	if (!t[1].omit) {
		which |= ATTR_MTIME;
		st.mtime.sec = t[1].now ? (int64_t)(now / NSEC_PER_SEC) : t[1].sec;
		st.mtime.nsec = t[1].now ? (uint32_t)(now % NSEC_PER_SEC) : t[1].nsec;
	}
	return change(p, &st, which);
}

int inode_truncate(struct inode *i, int64_t length)
{
	uint64_t now = clock_realtime_ns();
	struct kstat st = {.size = (uint64_t)length};
	int err;

	st.mtime.sec = (int64_t)(now / NSEC_PER_SEC);
	st.mtime.nsec = (uint32_t)(now % NSEC_PER_SEC);
	err = setattr(i, &st, ATTR_SIZE | ATTR_MTIME);
	if (err == 0) {
		vmspace_file_truncated(i, (uint64_t)length);
		inode_drop_privilege_bits(i);
	}
	return err;
}

int vfs_truncate(const struct path *p, int64_t length)
{
	struct inode *i = path_inode(p);
	int err;

	if (S_ISDIR(i->mode))
		return -EISDIR;
	if (!S_ISREG(i->mode))
		return -EINVAL;
	err = path_permission(p, MAY_WRITE);
	if (err == 0)
		err = inode_truncate(i, length);
	if (err == 0)
		notify_dentry(p->dentry, IN_MODIFY);
	return err;
}

void inode_drop_privilege_bits(struct inode *i)
{
	struct kstat st = {0};
	bool entered;

	if (likely(!(i->mode & (S_ISUID | S_ISGID))) || !S_ISREG(i->mode) || capable(CAP_FSETID))
		return;
	entered = kernel_enter();
	st.mode = i->mode & 07777 & ~(uint32_t)S_ISUID;
	if (i->mode & S_IXGRP)
		st.mode &= ~(uint32_t)S_ISGID;
	if (st.mode != (i->mode & 07777))
		(void)setattr(i, &st, ATTR_MODE);
	file_leave(entered);
}
