/* SPDX-License-Identifier: MIT */
/*
 * devfs.c - /dev: the devices that ordinary programs open. Also serves nodes with these numbers made elsewhere (mknod).
 * /dev/console is the user's terminal, /dev/tty the process's; pseudo terminals are pty.c's, their folder devpts.c's.
 */
#include <errno.h>
#include <linux/kdev_t.h>
#include <sys/stat.h>

#include "kernel/dev/pty.h"
#include "kernel/dev/random.h"
#include "kernel/dev/stdio.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/pseudo.h"
#include "kernel/sched/thread.h"

static ssize_t null_read(struct file *f, struct uio *uio, int64_t pos)
{
	(void)f;
	(void)uio;
	(void)pos;
	return 0;
}

static ssize_t null_write(struct file *f, struct uio *uio, int64_t pos)
{
	(void)f;
	(void)pos;
	return (ssize_t)uio->resid;
}

static ssize_t zero_read(struct file *f, struct uio *uio, int64_t pos)
{
	(void)f;
	(void)pos;
	return uio->resid > 0 ? uio_zero(uio->resid, uio) : 0;
}

static ssize_t full_write(struct file *f, struct uio *uio, int64_t pos)
{
	(void)f;
	(void)pos;
	return uio->resid > 0 ? -ENOSPC : 0;
}

static ssize_t urandom_read(struct file *f, struct uio *uio, int64_t pos)
{
	(void)f;
	(void)pos;
	return random_read(uio);
}

static ssize_t urandom_write(struct file *f, struct uio *uio, int64_t pos)
{
	uint8_t chunk[128];
	ssize_t total = 0, n;

	(void)f;
	(void)pos;
	while (uio->resid > 0) {
		n = uio_move(chunk, MIN(uio->resid, sizeof(chunk)), uio);
		if (n <= 0)
			return total > 0 ? total : n;
		random_mix(chunk, (size_t)n);
		total += n;
	}
	return total;
}

/* These have a position that means nothing, as on Linux. */
static int64_t device_seek(struct file *f, int64_t off, int whence)
{
	(void)whence;
	(void)off;
	f->pos = 0;
	return 0;
}

/* Private mappings of /dev/zero, the old way to get memory: the page that is all zeros, copied at the first write. */
static int zero_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	static void *zeros;

	(void)f;
	(void)pgoff;
	(void)nr;
	if (write)
		return -ENODEV;
	if (zeros == NULL)
		zeros = page_alloc(0, PAGE_ZERO);
	if (zeros == NULL)
		return -ENOMEM;
	*run = (struct page_run){.pa = virt_to_pa(zeros), .nr = 1, .counted = true, .writable = false};
	return 0;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .seek = device_seek};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .seek = device_seek, .map = zero_map};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .seek = device_seek};
static const struct file_ops urandom_ops = {.read = urandom_read, .write = urandom_write, .seek = device_seek};

/* The terminal is the user's. */
static int tty_owner(uint64_t id, uint32_t *uid, uint32_t *gid)
{
	(void)id;
	*uid = init_process->cred.euid;
	*gid = 5; /* tty */
	return 0;
}

#define CHAR(dev_name, perm, major, minor) .name = (dev_name), .mode = S_IFCHR | (perm), .rdev = MKDEV(major, minor)

static const struct pseudo_node empty_dir[] = {PSEUDO_END};

static const struct pseudo_node dev_nodes[] = {
	{CHAR("null", 0666, 1, 3), .device_ops = &null_ops},
	{CHAR("zero", 0666, 1, 5), .device_ops = &zero_ops},
	{CHAR("full", 0666, 1, 7), .device_ops = &full_ops},
	{CHAR("random", 0666, 1, 8), .device_ops = &urandom_ops},
	{CHAR("urandom", 0666, 1, 9), .device_ops = &urandom_ops},
	{CHAR("tty", 0666, 5, 0), .device_open = tty_open_controlling},
	{CHAR("console", 0620, 5, 1), .device_open = stdio_open_tty, .owner = tty_owner},
	{CHAR("ptmx", 0666, 5, 2), .device_open = ptmx_open},
	PSEUDO_LINK("fd", "/proc/self/fd"),
	PSEUDO_LINK("stdin", "/proc/self/fd/0"),
	PSEUDO_LINK("stdout", "/proc/self/fd/1"),
	PSEUDO_LINK("stderr", "/proc/self/fd/2"),
	PSEUDO_DIR("shm", empty_dir),
	PSEUDO_DIR("pts", empty_dir),
	PSEUDO_END,
};

static const struct pseudo_node dev_root = PSEUDO_DIR("", dev_nodes);

struct superblock *devfs_create(void)
{
	return pseudo_create("devtmpfs", 6, &dev_root, true);
}

int chrdev_open(struct inode *i, struct file *f)
{
	for (const struct pseudo_node *n = dev_nodes; n->name != NULL; n++) {
		if (!S_ISCHR(n->mode) || n->rdev != i->rdev)
			continue;
		if (n->device_open != NULL)
			return n->device_open(f);
		f->ops = n->device_ops;
		return 0;
	}
	return MAJOR(i->rdev) == PTY_SLAVE_MAJOR ? pty_slave_open(f) : -ENXIO;
}
