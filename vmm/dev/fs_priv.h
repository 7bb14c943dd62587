/* SPDX-License-Identifier: MIT */
/* fs_priv.h - the virtio-fs server's own view of itself: fs*.c and white-box tests only. */
#ifndef CAY_VMM_DEV_FS_PRIV_H
#define CAY_VMM_DEV_FS_PRIV_H

#include <linux/fuse.h>

#include "abi/hostfs.h"
#include "lib/virtq_device.h"
#include "vmm/dev/fs.h"
#include "vmm/dev/fs_node.h"
#include "vmm/dev/fs_open.h"
#include "vmm/dev/fs_wire.h"

/* How long the guest may trust names and attributes. */
#define FS_VALID_STABLE_S    86400u
#define FS_VALID_CHANGING_NS 100000000u

#define FS_DIRENTS_BYTES 32768u

struct fs_device {
	struct fs_nodes nodes;
	struct fs_opens opens;
	unsigned nr_shares;
	struct fs_share share[CAY_HOSTFS_SHARES_MAX];
	dev_t share_dev[CAY_HOSTFS_SHARES_MAX];
	unsigned nr_missed; /* names that fs_share.missed heard of */
	char missed[FS_MISSED_MAX][FS_NAME_MAX + 1];
	struct window *window; /* NULL until attached */
	/* glue to the VM */
	struct vm *vm;
	struct virtq_device queue;
	unsigned event;
	/* seen by --stats */
	uint64_t nr_requests, nr_garbage;
	_Alignas(8) char dirents[FS_DIRENTS_BYTES]; /* scratch of READDIR */
};

/* One request being served. */
struct fs_request {
	struct fuse_in_header h; /* the only copy */
	struct fs_node *node;    /* of h.nodeid */
	struct fs_cursor in;     /* behind the header */
	struct fs_cursor out;    /* behind the reply's header */
};

/* Serves one operation: puts the reply's payload in r->out. 0 or -errno. */
typedef int (*fs_op)(struct fs_device *dev, struct fs_request *r);

static inline bool fs_share_is_rdonly(const struct fs_device *dev, const struct fs_node *n)
{
	return dev->share[n->share].flags & FS_SHARE_RDONLY;
}

/* fs_entry.c: attributes and entries in FUSE form */
void fs_fill_attr(const struct fs_device *dev, const struct fs_node *n, const struct stat *st, struct fuse_attr *a);
/* Looks `name` in dir up on the host and fills *e; counts a lookup. 0 or -errno. */
MUST_CHECK int fs_lookup_entry(struct fs_device *dev, struct fs_node *dir, const char *name, struct fuse_entry_out *e);
void fs_fill_valid(const struct fs_device *dev, const struct fs_node *n, uint64_t *sec, uint32_t *nsec);

/* False for a name that fs_share.only hides in dir. */
bool fs_name_is_shown(const struct fs_device *dev, const struct fs_node *dir, const char *name);

/* fs_name.c */
int fs_op_lookup(struct fs_device *dev, struct fs_request *r);
int fs_op_readlink(struct fs_device *dev, struct fs_request *r);
int fs_op_symlink(struct fs_device *dev, struct fs_request *r);
int fs_op_mknod(struct fs_device *dev, struct fs_request *r);
int fs_op_mkdir(struct fs_device *dev, struct fs_request *r);
int fs_op_unlink(struct fs_device *dev, struct fs_request *r);
int fs_op_rmdir(struct fs_device *dev, struct fs_request *r);
int fs_op_rename(struct fs_device *dev, struct fs_request *r);
int fs_op_rename2(struct fs_device *dev, struct fs_request *r);
int fs_op_link(struct fs_device *dev, struct fs_request *r);
/* fs_file.c */
int fs_op_open(struct fs_device *dev, struct fs_request *r);
int fs_op_create(struct fs_device *dev, struct fs_request *r);
int fs_op_release(struct fs_device *dev, struct fs_request *r);
int fs_op_read(struct fs_device *dev, struct fs_request *r);
int fs_op_write(struct fs_device *dev, struct fs_request *r);
int fs_op_fsync(struct fs_device *dev, struct fs_request *r);
int fs_op_lseek(struct fs_device *dev, struct fs_request *r);
int fs_op_fallocate(struct fs_device *dev, struct fs_request *r);
/* fs_dir.c */
int fs_op_opendir(struct fs_device *dev, struct fs_request *r);
int fs_op_readdir(struct fs_device *dev, struct fs_request *r);
int fs_op_readdirplus(struct fs_device *dev, struct fs_request *r);
/* fs_attr.c */
int fs_op_getattr(struct fs_device *dev, struct fs_request *r);
int fs_op_setattr(struct fs_device *dev, struct fs_request *r);
int fs_op_statfs(struct fs_device *dev, struct fs_request *r);
/* fs_xattr.c */
int fs_op_getxattr(struct fs_device *dev, struct fs_request *r);
int fs_op_listxattr(struct fs_device *dev, struct fs_request *r);
int fs_op_setxattr(struct fs_device *dev, struct fs_request *r);
int fs_op_removexattr(struct fs_device *dev, struct fs_request *r);

#endif
