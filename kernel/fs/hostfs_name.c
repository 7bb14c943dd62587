/* SPDX-License-Identifier: MIT */
/* hostfs_name.c - names in a share: each operation is one request. */
#include <errno.h>
#include <linux/fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/fs/hostfs.h"
#include "lib/string.h"

#define NAME_BYTES 256u

/* A name for the wire. The VFS made sure that it fits. */
static uint32_t terminate(char out[NAME_BYTES], const char *name, size_t len)
{
	memcpy(out, name, len);
	out[len] = '\0';
	return (uint32_t)len + 1;
}

/* Sends a request that ends with a name and is answered with an entry. */
static int call_for_entry(struct inode *dir, struct fsq_call *c, const char *name, size_t len, struct inode **out)
{
	char text[NAME_BYTES];
	struct fuse_entry_out e;
	int err;

	fsq_in(c, text, terminate(text, name, len));
	fsq_out(c, &e, sizeof(e));
	err = fsq_call(c);
	if (err == 0 && fsq_reply_bytes(c) != sizeof(e))
		err = -EIO;
	/* The folder itself is gone on the host. */
	if (err == -ESTALE)
		err = -ENOENT;
	return err != 0 ? err : hostfs_inode_enter(dir->sb, &e, out);
}

static int lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_LOOKUP, hostfs_of(dir)->node);
	err = call_for_entry(dir, &c, name, len, out);
	if (err == -ENFILE) {
		hostfs_forget_unused();
		fsq_begin(&c, FUSE_LOOKUP, hostfs_of(dir)->node);
		err = call_for_entry(dir, &c, name, len, out);
	}
	if (err == 0)
		hostfs_plus_asked(hostfs_of(dir));
	return err;
}

static int make_dir(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	struct fuse_mkdir_in a = {.mode = mode & 07777};
	struct fsq_call c;

	fsq_begin(&c, FUSE_MKDIR, hostfs_of(dir)->node);
	fsq_in(&c, &a, sizeof(a));
	return call_for_entry(dir, &c, name, len, out);
}

/* A file is made and opened in one request. The handle waits in the inode: it may write even what the mode forbids. */
static int make_file(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	struct fuse_create_in a = {.flags = O_RDWR, .mode = mode & 07777};
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} reply;
	char text[NAME_BYTES];
	struct hostfs_inode *h;
	struct fsq_call c;
	bool had_one;
	uint64_t old;
	int err;

	fsq_begin(&c, FUSE_CREATE, hostfs_of(dir)->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_in(&c, text, terminate(text, name, len));
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	if (err == -ESTALE)
		err = -ENOENT;
	if (err == 0)
		err = hostfs_inode_enter(dir->sb, &reply.entry, out);
	if (err != 0)
		return err;
	h = hostfs_of(*out);
	spin_lock(&h->lock);
	had_one = h->has_spare_fh;
	old = h->spare_fh;
	h->has_spare_fh = true;
	h->spare_fh = reply.open.fh;
	spin_unlock(&h->lock);
	if (had_one)
		hostfs_release_handle(FUSE_RELEASE, old);
	return 0;
}

static int create_once(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	if (S_ISDIR(mode))
		return make_dir(dir, name, len, mode, out);
	if (S_ISREG(mode))
		return make_file(dir, name, len, mode, out);
	return -EPERM; /* fifos, sockets and devices are not put on the host */
}

static int create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	int err;

	(void)rdev;
	hostfs_inode_expire(hostfs_of(dir));
	err = create_once(dir, name, len, mode, out);
	if (err == -ENFILE) { /* nothing was made */
		hostfs_forget_unused();
		err = create_once(dir, name, len, mode, out);
	}
	return err;
}

static int symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	char text[NAME_BYTES];
	struct fuse_entry_out e;
	struct fsq_call c;
	int err;

	hostfs_inode_expire(hostfs_of(dir));
	fsq_begin(&c, FUSE_SYMLINK, hostfs_of(dir)->node);
	fsq_in(&c, text, terminate(text, name, len));
	fsq_in(&c, target, (uint32_t)strlen(target) + 1);
	fsq_out(&c, &e, sizeof(e));
	err = fsq_call(&c);
	return err != 0 ? err : hostfs_inode_enter(dir->sb, &e, out);
}

static int link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	struct fuse_link_in a = {.oldnodeid = hostfs_of(target)->node};
	struct inode *same;
	struct fsq_call c;
	int err;

	hostfs_inode_expire(hostfs_of(dir));
	fsq_begin(&c, FUSE_LINK, hostfs_of(dir)->node);
	fsq_in(&c, &a, sizeof(a));
	err = call_for_entry(dir, &c, name, len, &same);
	if (err == 0)
		inode_put(same);
	return err;
}

static int unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	char text[NAME_BYTES];
	struct fsq_call c;

	hostfs_inode_expire(hostfs_of(dir));
	hostfs_inode_expire(hostfs_of(victim));
	hostfs_kept_drop(hostfs_of(victim));
	fsq_begin(&c, S_ISDIR(victim->mode) ? FUSE_RMDIR : FUSE_UNLINK, hostfs_of(dir)->node);
	fsq_in(&c, text, terminate(text, name, len));
	return fsq_call(&c);
}

static int rename(struct inode *odir, const char *oname, size_t olen, struct inode *ndir, const char *nname,
		  size_t nlen, unsigned flags)
{
	struct fuse_rename2_in a = {.newdir = hostfs_of(ndir)->node, .flags = flags};
	char old_text[NAME_BYTES], new_text[NAME_BYTES];
	struct fsq_call c;

	hostfs_inode_expire(hostfs_of(odir));
	hostfs_inode_expire(hostfs_of(ndir));
	fsq_begin(&c, FUSE_RENAME2, hostfs_of(odir)->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_in(&c, old_text, terminate(old_text, oname, olen));
	fsq_in(&c, new_text, terminate(new_text, nname, nlen));
	return fsq_call(&c);
}

static int readlink(struct inode *i, char *buf, size_t size)
{
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_READLINK, hostfs_of(i)->node);
	fsq_out(&c, buf, (uint32_t)MIN(size, 4096u));
	err = fsq_call(&c);
	return err != 0 ? err : (int)fsq_reply_bytes(&c);
}

static int get_statfs(struct inode *i, void *out)
{
	struct fuse_statfs_out reply;
	struct statfs *st = out;
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_STATFS, hostfs_of(i)->node);
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	if (err != 0)
		return err;
	memset(st, 0, sizeof(*st));
	st->f_type = 0x65735546; /* FUSE_SUPER_MAGIC: programs know it as "remote enough" */
	st->f_bsize = reply.st.bsize;
	st->f_frsize = reply.st.frsize;
	st->f_blocks = reply.st.blocks;
	st->f_bfree = reply.st.bfree;
	st->f_bavail = reply.st.bavail;
	st->f_files = reply.st.files;
	st->f_ffree = reply.st.ffree;
	st->f_namelen = reply.st.namelen;
	return 0;
}

#define COMMON_OPS                                                                                                     \
	.getattr = hostfs_getattr, .getattr_quick = hostfs_getattr_quick, .setattr = hostfs_setattr,                   \
	.statfs = get_statfs, .getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr, .listxattr = hostfs_listxattr, \
	.removexattr = hostfs_removexattr, .evict = hostfs_inode_evict

const struct inode_ops hostfs_dir_inode_ops = {
	COMMON_OPS,   .lookup = lookup, .create = create, .symlink = symlink,
	.link = link, .unlink = unlink, .rename = rename, .open = hostfs_open_dir,
};

const struct inode_ops hostfs_file_inode_ops = {
	COMMON_OPS,
	.open_unlocked = true,
	.open = hostfs_open_file,
};

const struct inode_ops hostfs_link_inode_ops = {
	COMMON_OPS,
	.readlink = readlink,
};
