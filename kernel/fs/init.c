/* SPDX-License-Identifier: MIT */
/*
 * init.c - the tree that the program finds: what boot info mounts, and around it what every program expects.
 * Where boot info has nothing for "/", the root is an empty folder in memory that holds the mount points.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <sys/stat.h>

#include "kernel/dev/pty.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/dirops.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/rw.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "lib/string.h"

#pragma weak devfs_create
#pragma weak procfs_create
#pragma weak sysfs_create
#pragma weak hostfs_create
#pragma weak overlay_create

static struct superblock *boot_mount_create(const struct cay_mount_info *m)
{
	bool overlay = (m->flags & CAY_MOUNT_OVERLAY) != 0;
	struct superblock *sb = NULL;

	if (hostfs_create != NULL)
		sb = hostfs_create(m->device, m->share, overlay || (m->flags & CAY_MOUNT_RDONLY));
	if (sb != NULL && overlay && overlay_create != NULL)
		sb = overlay_create(sb);
	return sb;
}

static const struct cay_mount_info *boot_mount_for(const char *path)
{
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a fixed address, which the analyzer forgets
	for (uint32_t n = 0; n < boot_info->nr_mounts && n < CAY_MOUNTS_MAX; n++)
		if (strcmp(boot_string(boot_info->mounts[n].guest_path), path) == 0)
			return &boot_info->mounts[n];
	return NULL;
}

static bool is_there(const char *path, bool *is_dir)
{
	struct path p;

	if (vfs_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p) != 0)
		return false;
	*is_dir = S_ISDIR(path_inode(&p)->mode);
	path_put(&p);
	return true;
}

static int make_parent(const char *path)
{
	char parent[1024];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;

	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = '\0';
	return vfs_mkdir_p(parent, 0755);
}

/* A folder or file for sb to cover. Where the tree below is read-only and has no such name, there is no place for it.
 */
static int make_mount_point(const char *path, const struct superblock *sb)
{
	bool dir = S_ISDIR(sb->root->mode);
	bool is_dir;
	struct file *f;
	int err;

	if (is_there(path, &is_dir))
		return is_dir == dir ? 0 : -ENOTDIR;
	if (dir)
		return vfs_mkdir_p(path, 0755);
	err = make_parent(path);
	if (err == 0)
		err = vfs_open(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644, &f);
	if (err == 0)
		file_put(f);
	return err;
}

static void mount_or_complain(struct superblock *sb, const char *path)
{
	int err = sb == NULL ? -EIO : make_mount_point(path, sb);

	if (err == 0)
		err = vfs_mount(sb, path, 0);
	if (err != 0)
		klog("cannot mount %s: error %d", path, -err);
}

static void mount_boot_info(void)
{
	for (uint32_t n = 0; n < boot_info->nr_mounts && n < CAY_MOUNTS_MAX; n++) {
		const struct cay_mount_info *m = &boot_info->mounts[n];
		const char *path = boot_string(m->guest_path);

		if (m->flags & CAY_MOUNT_LINK) /* something that is there already has its place */
			(void)vfs_symlink(boot_string(m->share), AT_FDCWD, path);
		else if (strcmp(path, "/") != 0)
			mount_or_complain(boot_mount_create(m), path);
	}
}

/* mode: 0 leaves the file system's own. Only where boot info has nothing. */
static void mount_default(struct superblock *(*create)(void), const char *path)
{
	if (create != NULL && boot_mount_for(path) == NULL)
		mount_or_complain(create(), path);
}

static void mount_memory(const char *path, uint32_t mode)
{
	struct superblock *sb;

	if (boot_mount_for(path) != NULL)
		return;
	sb = ramfs_create("tmpfs", 0);
	if (sb != NULL)
		sb->root->mode = S_IFDIR | mode;
	mount_or_complain(sb, path);
}

/* In the layer of memory above the host's /etc. Without memory: as if there were no such file. */
static void write_etc(const char *path, const char *text, const char *end)
{
	struct uio_seg segs[] = {{(void *)text, strlen(text)}, {(void *)end, strlen(end)}};
	struct uio uio = {.segs = segs, .nr_segs = 2, .resid = segs[0].bytes + segs[1].bytes, .kernel = true};
	struct file *f;

	if (vfs_open(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, 0644, &f) != 0)
		return;
	(void)!vfs_write(f, &uio);
	file_put(f);
}

/* The host's name is not the program's. Never in a folder of the user's that -v put there. */
static void write_names(void)
{
	const struct cay_mount_info *etc = boot_mount_for("/etc");
	const char *hosts = boot_string(boot_info->hosts);

	if (etc != NULL && !(etc->flags & CAY_MOUNT_OVERLAY))
		return;
	if (vfs_mkdir_p("/etc", 0755) != 0)
		return;
	write_etc("/etc/hostname", boot_string(boot_info->hostname), "\n");
	if (hosts[0] != '\0' && boot_mount_for("/etc/hosts") == NULL)
		write_etc("/etc/hosts", hosts, "");
}

void fs_init(void)
{
	const struct cay_mount_info *root = boot_mount_for("/");
	const char *cwd = boot_string(boot_info->cwd);
	struct superblock *sb;
	struct path p;

	cred_boot(true);
	sb = root != NULL ? boot_mount_create(root) : ramfs_create("rootfs", 0);
	if (sb == NULL)
		panic("cannot make the root file system");
	vfs_mount_root(sb);
	mount_memory("/tmp", 01777);
	mount_memory("/run", 0755);
	if (boot_mount_for("/var") == NULL && boot_mount_for("/var/tmp") == NULL && root == NULL)
		mount_memory("/var/tmp", 01777);
	mount_default(devfs_create, "/dev");
	mount_memory("/dev/shm", 01777);
	mount_default(devpts_create, "/dev/pts");
	mount_default(procfs_create, "/proc");
	mount_default(sysfs_create, "/sys");
	mount_boot_info(); /* last: a shared folder may lie in one of the above (/tmp/work) */
	if (root == NULL) {
		write_names();
		(void)vfs_mkdir_p("/root", 0700);
		(void)vfs_mkdir_p("/home", 0755);
	}
	if (cwd[0] == '/') {
		if (root == NULL)
			(void)vfs_mkdir_p(cwd, 0755);
		if (vfs_lookup(AT_FDCWD, cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p) == 0) {
			fs_context_set_cwd(fs_current(), &p);
			path_put(&p);
		} else {
			klog("no folder %s to start in: starting in /", cwd);
		}
	}
	cred_boot(false);
}
