/* SPDX-License-Identifier: MIT */
/*
 * vfs.h - names and inodes. A file system fills inode_ops; path lookup, permissions, O_* semantics, symlinks, mounts
 * and the dentry cache are here and shared by all.
 */
#ifndef CAY_KERNEL_FS_VFS_H
#define CAY_KERNEL_FS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/fs/file.h"

struct kstat {
	uint64_t ino, size, blocks, dev, rdev;
	uint32_t mode, nlink, uid, gid, blksize;
	struct {
		int64_t sec;
		uint32_t nsec;
	} atime, mtime, ctime, btime;
};

/* Which fields of kstat a setattr changes. */
#define ATTR_MODE  (1u << 0)
#define ATTR_UID   (1u << 1)
#define ATTR_GID   (1u << 2)
#define ATTR_SIZE  (1u << 3)
#define ATTR_ATIME (1u << 4)
#define ATTR_MTIME (1u << 5)
#define ATTR_CTIME (1u << 6)

/*
 * Operations of a directory or file, by a file system. Names are not NUL-terminated. The VFS has checked
 * permissions, name length (<= 255) and read-only mounts; the file system returns -errno. No VFS lock is held over
 * these calls but the directory's (inode.lock of dir), so a slow lookup stalls only its own directory. Inodes returned
 * carry one reference for the caller.
 */
struct inode_ops {
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out); /* -ENOENT */
	/* mode has the type bits: S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK */
	int (*create)(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
		      struct inode **out);
	/* A regular file without a name in dir's file system (O_TMPFILE, memfd); -EOPNOTSUPP */
	int (*tmpfile)(struct inode *dir, uint32_t mode, struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out);
	int (*link)(struct inode *dir, const char *name, size_t len, struct inode *target);
	int (*unlink)(struct inode *dir, const char *name, size_t len,
		      struct inode *victim); /* file or empty directory */
	/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE of renameat2(2) */
	int (*rename)(struct inode *odir, const char *oname, size_t olen, struct inode *ndir, const char *nname,
		      size_t nlen, unsigned flags);
	int (*readlink)(struct inode *i, char *buf, size_t size); /* returns length, no NUL */
	/* Magic links (/proc/self/fd/N, /proc/self/exe): jumps to *out (a counted path) instead of following text. */
	int (*follow)(struct inode *i, struct path *out);
	int (*getattr)(struct inode *i, struct kstat *st);
	/* The same from memory alone, without any lock: by an RCU reader (rcu.h), who may have i in hand after its last
	 * reference went. False: ask getattr. NULL: always. */
	bool (*getattr_quick)(struct inode *i, struct kstat *st);
	int (*setattr)(struct inode *i, const struct kstat *st, unsigned which);
	int (*open)(struct inode *i, struct file *f); /* sets f->ops, f->priv; NULL: f->ops = i->file_ops */
	bool open_unlocked; /* open for reading is called without the kernel lock, too; regular files */
	int (*statfs)(struct inode *i, void *statfs64);
	int64_t (*getxattr)(struct inode *i, const char *name, void *buf, size_t size); /* -EOPNOTSUPP */
	int (*setxattr)(struct inode *i, const char *name, const void *buf, size_t size, int flags);
	int64_t (*listxattr)(struct inode *i, char *buf, size_t size);
	int (*removexattr)(struct inode *i, const char *name);
	void (*evict)(struct inode *i); /* last reference is gone: inode_free(i). Kernel lock */
};

struct inode {
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
	unsigned refs;
	uint32_t mode; /* type and permission bits, kept current by the file system */
	uint32_t uid, gid, nlink;
	uint64_t ino, size, rdev;
	struct superblock *sb;
	struct mutex lock;  /* directories: their entries. Files: size changes */
	char *link_text;    /* symlinks: the target once read, when sb->dcache_stable; freed with the inode, by RCU */
	struct list locks;  /* POSIX and OFD record locks, flock: kernel/fs/locks.c */
	uint32_t ro_pages;  /* a library: as far as its image is never written, as mappings of it have shown; 0: unknown
			     */
	struct inode *over; /* the overlay's inode on top of this one, not counted; overlay.c */
	void *priv;
	struct rcu_head rcu;
};

struct superblock {
	const char *type; /* "ramfs", "hostfs"... as in /proc/mounts */
	uint64_t dev;     /* st_dev */
	bool read_only;
	bool dcache_negative; /* names that are not there may be remembered (nobody else adds any) */
	bool dcache_stable;   /* names and attributes never change behind the kernel's back */
	bool opens_special;   /* its FIFOs and devices are opened by inode_ops.open, not by fifo_open and chrdev_open */
	uint64_t dcache_ttl_ns; /* not stable: how long a name found stays good without asking again */
	unsigned nr_mounts;     /* how many mounts show it; mount.c */
	struct inode *root;
	int (*sync)(struct superblock *sb);     /* syncfs, sync; may be NULL */
	void (*destroy)(struct superblock *sb); /* after umount, root already put; NULL: never unmounted */
	void *priv;
	struct rcu_head rcu;
};

struct dentry; /* kernel/fs/dcache.h */
struct mount;
struct path {
	struct mount *mount;
	struct dentry *dentry;
};

/* References are atomic; the last one goes under the kernel lock, which inode_put takes for that. */
struct inode *inode_get(struct inode *i);
void inode_put(struct inode *i);
/* Its memory, once no RCU reader has it: i is the first in the block that kmalloc gave. */
void inode_free(struct inode *i);
void inode_init(struct inode *i, struct superblock *sb, uint32_t mode);
/* Owner of a new inode: the current process; group and set-group-ID from a set-group-ID folder. dir may be NULL. */
void inode_init_owner(struct inode *i, const struct inode *dir);
/* A symlink's target, as just read, for those that ask next. Not for what changes behind our back. Kernel lock. */
void inode_keep_link_text(struct inode *link, const char *text, size_t len);
/* A device number for a superblock that has no device: st_dev. */
uint64_t vfs_new_dev(void);

void path_put(struct path *p);
struct path path_get(const struct path *p);
struct inode *path_inode(const struct path *p);
/* Absolute path text as seen from the process root, for getcwd and /proc. Returns length or -ENAMETOOLONG. " (deleted)"
 * is appended when it is. */
int path_to_text(const struct path *p, char *buf, size_t size);

#define LOOKUP_FOLLOW    (1u << 0)
#define LOOKUP_DIRECTORY (1u << 1)
#define LOOKUP_EMPTY     (1u << 2) /* "" means dirfd itself (AT_EMPTY_PATH) */

/* Path lookup from the current process: dirfd as in openat(2). On success *out holds references. */
MUST_CHECK int vfs_lookup(int dirfd, const char *kpath, unsigned lookup_flags, struct path *out);
/* Opens as openat(2) does. Returns a counted file in *out, or -errno. */
MUST_CHECK int vfs_open(int dirfd, const char *kpath, int o_flags, uint32_t mode, struct file **out);
MUST_CHECK int vfs_open_path(const struct path *p, int o_flags, struct file **out);
/* Reads into kernel memory, as pread(2). */
MUST_CHECK ssize_t vfs_read_kernel(struct file *f, void *buf, size_t bytes, int64_t pos);
/* mask: MAY_*. By the file system ids of the current process. 0, -EACCES. */
#define MAY_EXEC  1
#define MAY_WRITE 2
#define MAY_READ  4
int inode_permission(struct inode *i, int mask);
/* Also refuses writes to a read-only mount (-EROFS). */
int path_permission(const struct path *p, int mask);

/* Opens an inode that needs no name (memfd). f_flags as open(2); the inode's reference is the caller's. */
MUST_CHECK int vfs_open_inode(struct inode *i, int o_flags, const char *name, struct file **out);
int vfs_getattr(struct inode *i, struct kstat *st);
/* For an RCU reader, without locks: false when vfs_getattr must be asked. */
MUST_CHECK bool vfs_getattr_quick(struct inode *i, struct kstat *st);

/* Hooks that the owners of these objects define; without them such a node opens with -ENXIO. They set f->ops and
 * f->priv. */
int fifo_open(struct inode *i, struct file *f);
int chrdev_open(struct inode *i, struct file *f);
/* f dies: epoll forgets it. Called when f->epoll_links is not empty. */
void epoll_file_released(struct file *f);

/* Mount sb over the directory (or file) kpath, which must exist. */
int vfs_mount(struct superblock *sb, const char *kpath, unsigned mount_flags);
/* First mount: the root of everything; sets the root and cwd of init_process. */
int vfs_mount_root(struct superblock *sb);
/* mkdir -p in the kernel's name, for mount points. */
int vfs_mkdir_p(const char *kpath, uint32_t mode);

/* Constructors of file systems. NULL without memory (or a device error, logged). */
struct superblock *ramfs_create(const char *type, uint64_t max_bytes); /* 0: half of RAM */
struct superblock *devfs_create(void);
struct superblock *procfs_create(void);
struct superblock *sysfs_create(void);
struct superblock *overlay_create(struct superblock *lower); /* writes go to memory */
struct superblock *hostfs_create(unsigned device, unsigned share, bool read_only);

void fs_init(void); /* mounts what boot info and defaults say */

/* Missing-file log for the help after a failed program: remembers paths whose open or exec failed with ENOENT. */
void vfs_note_missing(const char *kpath);
void vfs_report_missing(void (*emit)(void *ctx, const char *path), void *ctx);

/* Lines as /proc/self/mounts has them. */
void vfs_print_mounts(void (*emit)(void *ctx, const char *text, size_t bytes), void *ctx);

#endif
