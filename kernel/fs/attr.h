/* SPDX-License-Identifier: MIT */
/* attr.h - changing attributes, with the checks of chmod(2), chown(2), utimensat(2), truncate(2). 0 or -errno of those.
 */
#ifndef CAY_KERNEL_FS_ATTR_H
#define CAY_KERNEL_FS_ATTR_H

#include "kernel/fs/vfs.h"

#define OWNER_KEEP UINT32_MAX /* chown's -1 */

int vfs_chmod(const struct path *p, uint32_t mode);
int vfs_chown(const struct path *p, uint32_t uid, uint32_t gid);

struct time_change {
	bool omit, now; /* UTIME_OMIT, UTIME_NOW */
	int64_t sec;
	uint32_t nsec;
};
/* t NULL: both now. */
int vfs_utimes(const struct path *p, const struct time_change t[2]);
/* By name: needs write permission. */
int vfs_truncate(const struct path *p, int64_t length);
/* No checks: the file is open for writing. Also tells mappings. */
int inode_truncate(struct inode *i, int64_t length);
/* After a write by somebody without CAP_FSETID the set-user-ID bits go. Cheap when there are none. */
void inode_drop_privilege_bits(struct inode *i);

#endif
