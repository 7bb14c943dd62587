/* SPDX-License-Identifier: MIT */
/* fs.c - see fs.h: the device's life, and the dispatch of requests to operations. Nothing here knows of rings or VMs.
 */
#include "vmm/dev/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/core/window.h"
#include "vmm/dev/fs_priv.h"

/* Descriptors that the guest's open files leave to nodes, requests under way and the rest of the process. */
#define FDS_RESERVED (FS_NODE_FDS_MAX + FS_NODE_ORPHANS_MAX + 256u)
#define OPENS_MIN    64u
#define OPENS_MAX    65536u

/* Takes what descriptors the user may have, and returns how many of them the guest may use for open files. */
static uint32_t raise_descriptor_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return OPENS_MIN;
	if (lim.rlim_cur < lim.rlim_max) {
		rlim_t old = lim.rlim_cur;

		lim.rlim_cur = lim.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &lim) != 0)
			lim.rlim_cur = old;
	}
	if (lim.rlim_cur < FDS_RESERVED + OPENS_MIN)
		return OPENS_MIN;
	return (uint32_t)MIN(lim.rlim_cur - FDS_RESERVED, OPENS_MAX);
}

static int open_share(struct fs_device *dev, unsigned i, const struct fs_share *share)
{
	int fd = open(share->host_path, O_PATH | O_CLOEXEC), err;
	struct stat st;

	if (fd < 0)
		return -errno;
	err = fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 ? 0 : -errno;
	if (err == 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		err = -ENOTSUP;
	if (err == 0)
		err = fs_node_add_root(&dev->nodes, (uint16_t)i, fd, &st);
	if (err != 0) {
		close(fd);
		return err;
	}
	dev->share[i] = *share;
	dev->share_dev[i] = st.st_dev;
	dev->nr_shares++;
	return 0;
}

int fs_device_create(const struct fs_share *shares, unsigned nr, struct fs_device **out, unsigned *bad)
{
	struct fs_device *dev;
	int err;

	*bad = nr;
	if (nr == 0 || nr > CAY_HOSTFS_SHARES_MAX)
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL)
		return -ENOMEM;
	err = fs_nodes_init(&dev->nodes);
	if (err != 0)
		goto err_device;
	err = fs_opens_init(&dev->opens, raise_descriptor_limit());
	if (err != 0)
		goto err_nodes;
	for (unsigned i = 0; i < nr; i++) {
		err = open_share(dev, i, &shares[i]);
		if (err != 0) {
			*bad = i;
			goto err_opens;
		}
	}
	umask(0);
	*out = dev;
	return 0;

err_opens:
	fs_opens_fini(&dev->opens);
err_nodes:
	fs_nodes_fini(&dev->nodes);
err_device:
	free(dev);
	return err;
}

void fs_device_destroy(struct fs_device *dev)
{
	if (dev == NULL)
		return;
	fs_opens_fini(&dev->opens);
	fs_nodes_fini(&dev->nodes);
	window_destroy(dev->window);
	free(dev);
}

static int op_init(struct fs_device *dev, struct fs_request *r)
{
	/* What the first minor version had; newer ones append. */
	struct {
		uint32_t major, minor, max_readahead, flags;
	} a;
	struct fuse_init_out reply = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = CAY_HOSTFS_MAX_IO,
		.max_write = CAY_HOSTFS_MAX_IO,
		.time_gran = 1,
		.max_pages = CAY_HOSTFS_MAX_IO / 4096,
	};

	(void)dev;
	if (!fs_take(&r->in, &a, sizeof(a)) || a.major != FUSE_KERNEL_VERSION)
		return -EPROTO;
	reply.flags = a.flags & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_DO_READDIRPLUS |
				 FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_PARALLEL_DIROPS);
	return fs_put(&r->out, &reply, sizeof(reply)) ? 0 : -EINVAL;
}

static int op_forget(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_forget_in a;

	if (fs_take(&r->in, &a, sizeof(a)))
		fs_node_forget(&dev->nodes, r->node, a.nlookup);
	return 0;
}

static int op_batch_forget(struct fs_device *dev, struct fs_request *r)
{
	struct fuse_batch_forget_in a;
	struct fuse_forget_one one;

	if (!fs_take(&r->in, &a, sizeof(a)))
		return 0;
	/* Bounded by what was sent, whatever the count says. */
	for (uint32_t i = 0; i < a.count && fs_take(&r->in, &one, sizeof(one)); i++) {
		struct fs_node *n = fs_node_find(&dev->nodes, one.nodeid);

		if (n != NULL)
			fs_node_forget(&dev->nodes, n, one.nlookup);
	}
	return 0;
}

#define OP_CHANGES  (1u << 0) /* refused on a read-only share */
#define OP_NO_REPLY (1u << 1)
#define OP_NO_NODE  (1u << 2) /* header's node is not looked at */
#define OP_MAKES    (1u << 3) /* needs room for a node: asked before there is something on the host to be undone */
static const struct {
	fs_op fn;
	unsigned flags;
} ops[] = {
	[FUSE_LOOKUP] = {fs_op_lookup, 0},
	[FUSE_FORGET] = {op_forget, OP_NO_REPLY},
	[FUSE_GETATTR] = {fs_op_getattr, 0},
	[FUSE_SETATTR] = {fs_op_setattr, OP_CHANGES},
	[FUSE_READLINK] = {fs_op_readlink, 0},
	[FUSE_SYMLINK] = {fs_op_symlink, OP_CHANGES | OP_MAKES},
	[FUSE_MKNOD] = {fs_op_mknod, OP_CHANGES | OP_MAKES},
	[FUSE_MKDIR] = {fs_op_mkdir, OP_CHANGES | OP_MAKES},
	[FUSE_UNLINK] = {fs_op_unlink, OP_CHANGES},
	[FUSE_RMDIR] = {fs_op_rmdir, OP_CHANGES},
	[FUSE_RENAME] = {fs_op_rename, OP_CHANGES},
	[FUSE_RENAME2] = {fs_op_rename2, OP_CHANGES},
	[FUSE_LINK] = {fs_op_link, OP_CHANGES},
	[FUSE_OPEN] = {fs_op_open, 0},
	[FUSE_CREATE] = {fs_op_create, OP_CHANGES | OP_MAKES},
	[FUSE_READ] = {fs_op_read, OP_NO_NODE},
	[FUSE_WRITE] = {fs_op_write, OP_NO_NODE},
	[FUSE_STATFS] = {fs_op_statfs, 0},
	[FUSE_RELEASE] = {fs_op_release, OP_NO_NODE},
	[FUSE_RELEASEDIR] = {fs_op_release, OP_NO_NODE},
	[FUSE_FSYNC] = {fs_op_fsync, OP_NO_NODE},
	[FUSE_FSYNCDIR] = {fs_op_fsync, OP_NO_NODE},
	[FUSE_SETXATTR] = {fs_op_setxattr, OP_CHANGES},
	[FUSE_GETXATTR] = {fs_op_getxattr, 0},
	[FUSE_LISTXATTR] = {fs_op_listxattr, 0},
	[FUSE_REMOVEXATTR] = {fs_op_removexattr, OP_CHANGES},
	[FUSE_INIT] = {op_init, OP_NO_NODE},
	[FUSE_OPENDIR] = {fs_op_opendir, 0},
	[FUSE_READDIR] = {fs_op_readdir, 0},
	[FUSE_READDIRPLUS] = {fs_op_readdirplus, 0},
	[FUSE_BATCH_FORGET] = {op_batch_forget, OP_NO_REPLY | OP_NO_NODE},
	[FUSE_FALLOCATE] = {fs_op_fallocate, OP_NO_NODE},
	[FUSE_LSEEK] = {fs_op_lseek, OP_NO_NODE},
};

static bool is_known(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(ops) && ops[opcode].fn != NULL;
}

static int dispatch(struct fs_device *dev, struct fs_request *r)
{
	unsigned flags;
	int err;

	if (!is_known(r->h.opcode))
		return -ENOSYS;
	flags = ops[r->h.opcode].flags;
	if (!(flags & OP_NO_NODE)) {
		r->node = fs_node_find(&dev->nodes, r->h.nodeid);
		if (r->node == NULL)
			return -ESTALE;
		if ((flags & OP_CHANGES) && fs_share_is_rdonly(dev, r->node))
			return -EROFS;
		if ((flags & OP_MAKES) && !fs_nodes_have_room(&dev->nodes))
			return -ENFILE;
		fs_node_hold(r->node);
	}
	err = ops[r->h.opcode].fn(dev, r);
	if (r->node != NULL)
		fs_node_release(&dev->nodes, r->node);
	return err;
}

size_t fs_handle(struct fs_device *dev, const struct virtq_host_seg *in, unsigned nr_in,
		 const struct virtq_host_seg *out, unsigned nr_out)
{
	struct fuse_out_header reply = {0};
	struct fs_request r = {0};
	struct fs_cursor head;
	size_t room;
	int err;

	dev->nr_requests++;
	fs_cursor_init(&r.in, in, nr_in);
	fs_cursor_init(&r.out, out, nr_out);
	if (r.in.left < sizeof(r.h) || !fs_take(&r.in, &r.h, sizeof(r.h)) || r.h.len != r.in.left + sizeof(r.h)) {
		dev->nr_garbage++;
		return 0;
	}
	if (is_known(r.h.opcode) && (ops[r.h.opcode].flags & OP_NO_REPLY)) {
		(void)dispatch(dev, &r); /* nobody to tell */
		return 0;
	}
	head = r.out;
	if (!fs_put(&r.out, &reply, sizeof(reply))) { /* makes room; the values follow when they are known */
		dev->nr_garbage++;
		return 0;
	}
	room = r.out.left;
	err = dispatch(dev, &r);
	reply.error = err;
	reply.unique = r.h.unique;
	reply.len = (uint32_t)(sizeof(reply) + (err == 0 ? room - r.out.left : 0));
	return fs_put(&head, &reply, sizeof(reply)) ? reply.len : 0;
}
