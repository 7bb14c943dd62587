/* SPDX-License-Identifier: MIT */
/*
 * hostfs.h - shares of the host as file systems: private to kernel/fs/hostfs*.c.
 *
 * What is cached, and for how long: names and attributes as long as the server says (for ever in a share declared
 * stable, else 100 ms: the host's other processes may change everything). Data are not cached here, the host's page
 * cache is the cache; what was read ahead is used within the same time and only if nothing wrote the file through this
 * kernel since, also by the next who opens a small file that was closed. Mappings are windows on the host's page cache.
 * Locks: inode.lock of a folder is held by the VFS over its name operations. Open files are read, written, opened and
 * closed without the kernel lock; what they share in an inode is under its spin lock, small files that wait to be
 * opened again are under locks of their own (hostfs_kept.c), and what was read ahead of an open file belongs to one
 * reader at a time: others do not wait for it, but ask the server. Windows and the table of inodes: the kernel lock.
 */
#ifndef CAY_KERNEL_FS_HOSTFS_H
#define CAY_KERNEL_FS_HOSTFS_H

#include "kernel/dev/virtio_fs.h"
#include "kernel/fs/vfs.h"
#include "kernel/sched/seqcount.h"

struct hostfs_window; /* hostfs_map.c */
struct hostfs_kept;

struct hostfs_inode {
	struct inode i; /* first: inode_free */
	struct hostfs_inode *hash_next;
	uint64_t node;
	uint64_t nlookup;       /* to be given back with FORGET */
	uint64_t attr_until_ns; /* clock_monotonic_ns() when attr must be asked for again; UINT64_MAX: never */
	struct spinlock lock;   /* attributes, i's included, and spare_fh */
	struct fuse_attr attr;
	struct seqcount attr_seq; /* for RCU readers of attributes */
	unsigned data_changes;    /* counts writes and truncations through this kernel, before and after each */
	bool has_spare_fh;        /* CREATE opened it, for reading and writing; the open that follows takes it over */
	uint64_t spare_fh;
	bool written_by_mapping;  /* there may be changes that data_changes does not count */
	bool listed_without_attr; /* a folder's last listing; hostfs_plus.c */
	struct hostfs_window *windows;
	struct hostfs_kept *kept; /* hostfs_kept.c; NULL: none */
};

static inline struct hostfs_inode *hostfs_of(struct inode *i)
{
	return (struct hostfs_inode *)(void *)i;
}

/* hostfs_inode.c */
/* The inode of an entry that the server counted as looked up. One reference for the caller. 0 or -ENOMEM (given back).
 */
MUST_CHECK int hostfs_inode_enter(struct superblock *sb, const struct fuse_entry_out *e, struct inode **out);
void hostfs_inode_set_attr(struct hostfs_inode *h, const struct fuse_attr *a, uint64_t valid_s, uint32_t valid_ns);
/* The next question about attributes goes to the server. */
void hostfs_inode_expire(struct hostfs_inode *h);
/* A write through this kernel made it at least so long. */
void hostfs_inode_grow(struct hostfs_inode *h, uint64_t bytes);
/* What is or was read ahead until now is no longer good. */
static inline void hostfs_data_changed(struct hostfs_inode *h)
{
	__atomic_fetch_add(&h->data_changes, 1, __ATOMIC_SEQ_CST);
}
void hostfs_inode_evict(struct inode *i);
/* Tells the server that nlookup counts of a node are given up. Never sleeps for long. */
void hostfs_forget(uint64_t node, uint64_t nlookup);
/* The server has no room for more nodes: drops all cached names that nobody uses, and tells it. */
void hostfs_forget_unused(void);
int hostfs_getattr(struct inode *i, struct kstat *st);
bool hostfs_getattr_quick(struct inode *i, struct kstat *st);
int hostfs_setattr(struct inode *i, const struct kstat *st, unsigned which);

/* hostfs_name.c, hostfs_xattr.c */
extern const struct inode_ops hostfs_dir_inode_ops, hostfs_file_inode_ops, hostfs_link_inode_ops;
int64_t hostfs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int hostfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags);
int64_t hostfs_listxattr(struct inode *i, char *buf, size_t size);
int hostfs_removexattr(struct inode *i, const char *name);

/* hostfs_dir.c, hostfs_file.c: set f->ops and f->priv */
int hostfs_open_dir(struct inode *i, struct file *f);
int hostfs_open_file(struct inode *i, struct file *f);

/* Gives a handle back to the server, without waiting. */
void hostfs_release_handle(uint32_t opcode, uint64_t fh);

/* hostfs_plus.c: do listings bring attributes along? Asked at the start of each; told of each name given out without
 * them, and of each name in the folder that was found by asking for it. */
bool hostfs_plus_wanted(struct hostfs_inode *dir);
void hostfs_plus_listed(void);
void hostfs_plus_asked(const struct hostfs_inode *dir);

/* hostfs_readahead.c: what was read ahead of one open file */
struct hostfs_ahead;
/* A new one. *first: a request for the file's first bytes (0: NULL), to be submitted right after the OPEN, whose handle
 * it uses. NULL without memory: then there is no read-ahead. */
struct hostfs_ahead *hostfs_ahead_create(struct hostfs_inode *h, uint32_t first_bytes, struct fsq_call **first);
void hostfs_ahead_destroy(struct hostfs_ahead *a); /* waits for what is in flight; NULL is allowed */
/* Copies what it has at pos; fetches more when the file is read in sequence. Returns bytes moved, *eof when the file
 * ended there; 0: has nothing, ask the server. Or -errno. */
ssize_t hostfs_ahead_read(struct hostfs_ahead *a, struct hostfs_inode *h, uint64_t fh, struct uio *uio, int64_t pos,
			  bool *eof);

/* The whole file is here, and may still be used. Waits for what is in flight. */
bool hostfs_ahead_is_whole(struct hostfs_ahead *a, const struct hostfs_inode *h);
/* The same of one that was whole. Does not wait. */
bool hostfs_ahead_is_still_good(const struct hostfs_ahead *a, const struct hostfs_inode *h);
size_t hostfs_ahead_memory(const struct hostfs_ahead *a); /* bytes */
void hostfs_ahead_rewind(struct hostfs_ahead *a);         /* for a new reader */

/* hostfs_kept.c: small files, closed and ready to be opened again. put takes over handle and buffer, or says false;
 * take gives them back, or says false. All may sleep. */
MUST_CHECK bool hostfs_kept_put(struct hostfs_inode *h, uint64_t fh, struct hostfs_ahead *ahead);
MUST_CHECK bool hostfs_kept_take(struct hostfs_inode *h, uint64_t *fh, struct hostfs_ahead **ahead);
void hostfs_kept_drop(struct hostfs_inode *h); /* lets go of what is kept of this file, if anything */

/* hostfs_io.c: READ and WRITE between a uio and the server, straight from and to the program's pages where it can be */
ssize_t hostfs_read_direct(uint64_t fh, struct uio *uio, int64_t pos);
ssize_t hostfs_write_direct(uint64_t fh, struct uio *uio, int64_t pos, unsigned o_flags);

/* hostfs_map.c */
int hostfs_map(struct hostfs_inode *h, uint64_t fh, uint64_t pgoff, size_t nr, bool write, struct page_run *run);
void hostfs_unmap_all(struct hostfs_inode *h);
/* Somebody on the host made the file shorter: what was mapped beyond may hold the VMM's zeros, whatever the file
 * becomes. */
void hostfs_map_shortened(struct hostfs_inode *h, uint64_t new_bytes);

#endif
