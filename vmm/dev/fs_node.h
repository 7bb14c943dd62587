/* SPDX-License-Identifier: MIT */
/*
 * fs_node.h - what the guest knows by number: files and folders of the shares.
 *
 * A node is an inode of the host (device, inode number) in a share and one name under which it was seen: (parent,
 * name). Nodes hold no descriptor as a rule, because `ls -R /usr` makes 100,000 of them. A folder that is used gets an
 * O_PATH descriptor, of which FS_NODE_FDS_MAX are kept, least recently used closed first; opening it again goes from
 * the nearest ancestor with a descriptor down, one component at a time with openat2(RESOLVE_BENEATH), and checks that
 * the same inode is found: otherwise -ESTALE. A node whose last name we removed keeps a descriptor until it is
 * forgotten (at most FS_NODE_ORPHANS_MAX).
 *
 * Lifetime: a node lives while the guest counts lookups of it, another node has it as parent, or a request works on it
 * (fs_node_hold): one that the guest has forgotten goes with its last child, perhaps in the middle of that request.
 * Roots live for ever.
 * Not thread-safe: I/O thread only.
 */
#ifndef CAY_VMM_DEV_FS_NODE_H
#define CAY_VMM_DEV_FS_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/compiler.h"
#include "lib/list.h"

#define FS_NODES_MAX        (1u << 19)
#define FS_NODE_FDS_MAX     256u
#define FS_NODE_ORPHANS_MAX 1024u
#define FS_DEPTH_MAX        2048u

struct fs_node {
	struct fs_node *parent; /* counted; NULL for roots and orphans */
	char *name;             /* NULL likewise */
	struct fs_node *hash_next;
	uint64_t dev, ino;
	uint64_t lookups;  /* by the guest */
	uint32_t children; /* nodes whose parent this is */
	uint32_t holds;    /* requests that work on it */
	uint32_t id_index;
	uint32_t generation;
	uint32_t type; /* S_IFMT bits; does not change */
	int fd;        /* O_PATH, or -1 */
	uint16_t share;
	bool root, orphan, hashed;
	struct list lru; /* linked when fd is a cached one, neither root's nor orphan's */
};

struct fs_nodes {
	struct fs_node **by_index;
	uint32_t nr_index, cap_index; /* used, allocated entries */
	uint32_t *free_index;         /* stack of reusable entries */
	uint32_t nr_free;
	uint32_t generation;
	struct fs_node **hash;
	uint32_t hash_mask;
	uint32_t nr_nodes, nr_fds, nr_orphans;
	uint32_t max_nodes; /* FS_NODES_MAX; less in tests */
	struct list lru;    /* most recent first */
};

MUST_CHECK int fs_nodes_init(struct fs_nodes *t);
void fs_nodes_fini(struct fs_nodes *t);
static inline bool fs_nodes_have_room(const struct fs_nodes *t)
{
	return t->nr_nodes < t->max_nodes;
}

/* Root of a share: the next number from FUSE_ROOT_ID on. fd is taken over on success. 0 or -ENOMEM. */
MUST_CHECK int fs_node_add_root(struct fs_nodes *t, uint16_t share, int fd, const struct stat *st);

uint64_t fs_node_id(const struct fs_node *n);
/* NULL for a number that is not, or no longer, a node. */
struct fs_node *fs_node_find(struct fs_nodes *t, uint64_t id);

/*
 * The node of what fstatat said about `name` in dir: an old one, whose name becomes this one, or a new one. Does not
 * count a lookup: a node without any is freed by fs_node_forget(t, n, 0). -ENOMEM, -ENFILE: FS_NODES_MAX; -ESTALE: dir
 * is inside the node.
 */
MUST_CHECK int fs_node_enter(struct fs_nodes *t, struct fs_node *dir, const char *name, const struct stat *st,
			     struct fs_node **out);
/* It stays until it is released as often, whatever happens to its lookups and children. */
void fs_node_hold(struct fs_node *n);
void fs_node_release(struct fs_nodes *t, struct fs_node *n);

/* The guest gives up nr lookups. More than it has counts as all. n may be gone afterwards. */
void fs_node_forget(struct fs_nodes *t, struct fs_node *n, uint64_t nr);

/* O_PATH descriptor of a folder; stays the table's, valid until the next call for another node. Or -ENOTDIR, -ESTALE,
 * host's errno. */
MUST_CHECK int fs_node_dirfd(struct fs_nodes *t, struct fs_node *n);

/* A new O_PATH descriptor of the node, the caller's to close. -ESTALE or host's errno. */
MUST_CHECK int fs_node_open_path(struct fs_nodes *t, struct fs_node *n);

/* Attributes now. -ESTALE when another inode has its name. */
MUST_CHECK int fs_node_stat(struct fs_nodes *t, struct fs_node *n, struct stat *st);

/* Before a name is removed or replaced: the node that has it, if any, keeps a descriptor from now on. */
void fs_node_detach(struct fs_nodes *t, struct fs_node *dir, const char *name);
/* After something became `name` in dir by rename: its node, if any, is there from now on. */
void fs_node_renamed(struct fs_nodes *t, struct fs_node *dir, const char *name);

#endif
