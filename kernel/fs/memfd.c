/* SPDX-License-Identifier: MIT */
/*
 * memfd.c - files in memory without a name, with seals. A ramfs inode whose operations look at the seals first; they
 * are kept in inode.priv, which ramfs leaves alone.
 * Memory shared without a file is such a file that nobody has a descriptor of: that is how it is found after fork.
 * Not there: huge pages.
 */
#include "kernel/fs/memfd.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <sys/stat.h>

#include "kernel/fs/ramfs_priv.h"
#include "kernel/mm/uaccess.h"
#include "lib/fmt.h"

#define NAME_MAX_BYTES 249 /* as Linux: what NAME_MAX leaves beside "memfd:" */
#define ALL_SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct ramfs_space *space;
static struct superblock memfd_sb = {.type = "tmpfs", .dev = 1, .dcache_stable = true};

static unsigned seals_of(const struct inode *i)
{
	return (unsigned)(uintptr_t)i->priv;
}

/* May the size become new_size? */
static int check_size(const struct inode *i, uint64_t new_size)
{
	unsigned seals = seals_of(i);

	if ((new_size < i->size && (seals & F_SEAL_SHRINK)) || (new_size > i->size && (seals & F_SEAL_GROW)))
		return -EPERM;
	return 0;
}

static ssize_t memfd_write(struct file *f, struct uio *uio, int64_t pos)
{
	uint64_t start = f->flags & O_APPEND ? f->inode->size : (uint64_t)pos;

	if (seals_of(f->inode) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (check_size(f->inode, MAX(f->inode->size, start + uio->resid)) != 0)
		return -EPERM;
	return ramfs_file_ops.write(f, uio, pos);
}

static int memfd_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	int err;

	if (write && (seals_of(f->inode) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	err = ramfs_file_ops.map(f, pgoff, nr, write, run);
	if (err == 0 && (seals_of(f->inode) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		run->writable = false;
	return err;
}

static int memfd_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	unsigned seals = seals_of(f->inode);

	if (mode != 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (mode == 0 && check_size(f->inode, MAX(f->inode->size, (uint64_t)off + (uint64_t)len)) != 0)
		return -EPERM;
	return ramfs_file_ops.fallocate(f, mode, off, len);
}

static int64_t memfd_fcntl(struct file *f, unsigned cmd, uint64_t arg)
{
	unsigned seals = seals_of(f->inode);

	if (cmd == F_GET_SEALS)
		return seals;
	if (cmd != F_ADD_SEALS || (arg & ~(uint64_t)ALL_SEALS))
		return -EINVAL;
	if (!(f->mode & FILE_WRITE) || (seals & F_SEAL_SEAL))
		return -EPERM;
	if ((arg & F_SEAL_WRITE) && !(seals & F_SEAL_WRITE) && vmspace_has_writable_mapping(f->inode))
		return -EBUSY;
	f->inode->priv = (void *)(uintptr_t)(seals | arg);
	return 0;
}

static int (*ramfs_setattr)(struct inode *i, const struct kstat *st, unsigned which);

static int memfd_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	if ((which & ATTR_SIZE) && check_size(i, st->size) != 0)
		return -EPERM;
	return ramfs_setattr(i, st, which);
}

/* Ramfs's operations with ours in front, made at the first use. */
static struct inode_ops inode_ops;
static struct file_ops file_ops;

static void wrap_ramfs(const struct inode *i)
{
	if (ramfs_setattr != NULL)
		return;
	inode_ops = *i->ops;
	ramfs_setattr = inode_ops.setattr;
	inode_ops.setattr = memfd_setattr;
	file_ops = ramfs_file_ops;
	file_ops.own_lock = false; /* writes and seals exclude each other by the kernel lock */
	file_ops.write = memfd_write;
	file_ops.map = memfd_map;
	file_ops.fallocate = memfd_fallocate;
	file_ops.fcntl = memfd_fcntl;
}

static struct inode *new_inode(bool sealable)
{
	struct inode *i;

	if (space == NULL)
		space = ramfs_space_create(0, 1);
	if (space == NULL)
		return NULL;
	i = ramfs_new_inode(space, &memfd_sb, NULL, S_IFREG | 0777, 0);
	if (i == NULL)
		return NULL;
	wrap_ramfs(i);
	i->ops = &inode_ops;
	i->file_ops = &file_ops;
	i->priv = (void *)(uintptr_t)(sealable ? 0 : F_SEAL_SEAL);
	return i;
}

struct file *memfd_shared_memory(uint64_t bytes, const char *name)
{
	struct inode *i = new_inode(false);
	struct file *f;
	int err;

	if (i == NULL)
		return NULL;
	i->size = bytes;
	err = vfs_open_inode(i, O_RDWR, name, &f);
	inode_put(i);
	return err == 0 ? f : NULL;
}

long sys_memfd_create(const char *name_user, unsigned flags)
{
	char name[NAME_MAX_BYTES + 1], text[NAME_MAX_BYTES + 24];
	struct inode *i;
	struct file *f;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	ssize_t len = strncpy_from_user(name, name_user, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	i = new_inode(flags & MFD_ALLOW_SEALING);
	if (i == NULL)
		return -ENOMEM;
	fmt_snprintf(text, sizeof(text), "/memfd:%s (deleted)", name);
	int err = vfs_open_inode(i, O_RDWR, text, &f);
	inode_put(i);
	if (err != 0)
		return err;
	int fd = fd_install(f, 0, flags & MFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}
