/* SPDX-License-Identifier: MIT */
/* file.c - the reference counts of kernel/fs/file.h on the host. */
#include "kernel/fs/file.h"

struct file *file_get(struct file *f)
{
	f->refs++;
	return f;
}

void file_put(struct file *f)
{
	if (--f->refs == 0 && f->ops != NULL && f->ops->release != NULL)
		f->ops->release(f);
}

struct inode *file_inode(const struct file *f)
{
	return f->inode;
}
