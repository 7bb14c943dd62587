/* SPDX-License-Identifier: MIT */
/* file.c - the reference counts of kernel/fs/file.h, and reading into the kernel, on the host. */
#include <errno.h>

#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"

struct file *file_get(struct file *f)
{
	f->refs++;
	return f;
}

bool file_try_get(struct file *f)
{
	f->refs += f->refs > 0;
	return f->refs > 0;
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

ssize_t vfs_read_kernel(struct file *f, void *buf, size_t bytes, int64_t pos)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = true, .kernel = true};

	return f->ops->read != NULL ? f->ops->read(f, &uio, pos) : -EINVAL;
}

struct inode *inode_get(struct inode *i)
{
	i->refs++;
	return i;
}

void inode_put(struct inode *i)
{
	i->refs--;
}
