/* SPDX-License-Identifier: MIT */
/* fs_dir.c - folders: READDIR, and READDIRPLUS, which looks each name up on the way. Positions are the host's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/dev/fs_priv.h"

/* What getdents64 stores (getdents(2)). */
struct host_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

int fs_op_opendir(struct fs_device *dev, struct fs_request *r)
{
	struct fs_open o = {.is_dir = true, .share = r->node->share};
	struct fuse_open_out reply = {0};
	int err, fd, dirfd;

	dev->opens.last = 0;
	if (r->out.left < sizeof(reply))
		return -EINVAL;
	dirfd = fs_node_dirfd(&dev->nodes, r->node);
	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fs_open_add(&dev->opens, fd, &o, &reply.fh);
	if (err != 0)
		return err;
	dev->opens.last = reply.fh;
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

/* Room that an entry takes in the reply. */
static size_t entry_bytes(size_t name_len, bool plus)
{
	return FUSE_REC_ALIGN((plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET) + name_len);
}

/* The caller made sure of the room. */
static void put_entry(struct fs_device *dev, struct fs_request *r, const struct host_dirent *d, bool plus)
{
	static const char zeros[8];
	size_t len = strlen(d->name), total = entry_bytes(len, plus);
	struct fuse_dirent e = {.ino = d->ino, .off = (uint64_t)d->off, .namelen = (uint32_t)len, .type = d->type};
	struct fuse_entry_out entry = {0};
	bool dots = strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0;
	size_t used = FUSE_NAME_OFFSET + len;
	bool ok = true;

	if (plus) {
		/* Node 0 says "only the name": the dots, a name that has just gone, or no room for more nodes. */
		if (dots || fs_lookup_entry(dev, r->node, d->name, &entry) != 0)
			entry = (struct fuse_entry_out){0};
		else
			e.ino = entry.attr.ino;
		ok = fs_put(&r->out, &entry, sizeof(entry));
		used += sizeof(entry);
	}
	ok = ok && fs_put(&r->out, &e, FUSE_NAME_OFFSET) && fs_put(&r->out, d->name, len) &&
	     fs_put(&r->out, zeros, total - used);
	(void)ok; /* cannot fail: checked by fill_from */
}

/* Entries of dev->dirents[0..bytes) to the reply. Returns false when one did not fit. */
static bool fill_from(struct fs_device *dev, struct fs_request *r, struct fs_open *o, size_t bytes, bool plus)
{
	for (size_t at = 0; at < bytes;) {
		const struct host_dirent *d = (const void *)(dev->dirents + at);

		if (fs_name_is_shown(dev, r->node, d->name)) {
			if (entry_bytes(strlen(d->name), plus) > r->out.left)
				return false;
			put_entry(dev, r, d, plus);
		}
		o->dir_pos = d->off;
		at += d->reclen;
	}
	return true;
}

static int read_entries(struct fs_device *dev, struct fs_request *r, bool plus)
{
	struct fuse_read_in a;
	struct fs_open *o;
	size_t room;

	if (!fs_take(&r->in, &a, sizeof(a)) || a.size > r->out.left || a.size > CAY_HOSTFS_MAX_IO)
		return -EINVAL;
	room = r->out.left;
	r->out.left = a.size;
	o = fs_open_find(&dev->opens, a.fh);
	if (o == NULL || !o->is_dir || r->node->type != S_IFDIR || o->share != r->node->share)
		return -EBADF;
	if ((int64_t)a.offset != o->dir_pos && lseek(o->fd, (off_t)a.offset, SEEK_SET) < 0)
		return -errno;
	o->dir_pos = (int64_t)a.offset;
	for (;;) {
		long got = syscall(SYS_getdents64, o->fd, dev->dirents, sizeof(dev->dirents));

		if (got < 0 && r->out.left == a.size)
			return -errno;
		if (got <= 0)
			break;
		if (!fill_from(dev, r, o, (size_t)got, plus)) {
			/* The host has read on; the next request goes on behind the last entry that fitted. */
			int64_t pos = o->dir_pos;

			if (lseek(o->fd, pos, SEEK_SET) < 0)
				return -errno;
			if (r->out.left == a.size)
				return -EINVAL;
			break;
		}
	}
	r->out.left += room - a.size;
	return 0;
}

int fs_op_readdir(struct fs_device *dev, struct fs_request *r)
{
	return read_entries(dev, r, false);
}

int fs_op_readdirplus(struct fs_device *dev, struct fs_request *r)
{
	return read_entries(dev, r, true);
}
