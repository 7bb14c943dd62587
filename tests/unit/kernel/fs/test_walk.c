/* SPDX-License-Identifier: MIT */
/* Path lookup: components, symlinks, `..`, mounts, permissions, limits; errors as Linux gives them. */
// SOURCES: @files
#include <stdio.h>

#include "unit.h"

#include "fs_fixture.h"
#include "kernel/fs/walk_quick.h"
#include "shim.h"

static unsigned nr_quick;

/* By the quick walk, too, as often as it knows: it must find what the other one finds. */
static int find_err(const char *path, unsigned flags)
{
	struct path p, q;
	int err = vfs_lookup(AT_FDCWD, path, flags, &p);
	int quick = quick_lookup(AT_FDCWD, path, flags, &q);

	if (quick != QUICK_UNKNOWN) {
		nr_quick++;
		assert_int_equal(quick, err);
		if (err == 0)
			assert_true(q.dentry == p.dentry && q.mount == p.mount);
	}
	if (err == 0)
		path_put(&p);
	return err;
}

static const char *text_of(const char *path)
{
	static char buf[4096];
	struct path p;
	int err = vfs_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	assert_int_equal(find_err(path, LOOKUP_FOLLOW), err);
	if (err != 0)
		return "error";
	err = path_to_text(&p, buf, sizeof(buf));
	path_put(&p);
	return err < 0 ? "error" : buf;
}

static void test_components(void **state)
{
	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/a", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/a/b", 0755), 0);
	assert_int_equal(put_file("/a/b/f", "hello"), 0);
	assert_string_equal(get_file("/a/b/f"), "hello");
	assert_string_equal(get_file("//a/./b//../b/f"), "hello");
	assert_string_equal(text_of("/a/b/../../.."), "/");
	assert_string_equal(text_of("a/b/"), "/a/b");
	assert_int_equal(find_err("/a/b/f/", 0), -ENOTDIR);
	assert_int_equal(find_err("/a/b/f/g", 0), -ENOTDIR);
	assert_int_equal(find_err("/a/b/f/..", 0), -ENOTDIR);
	assert_int_equal(find_err("/a/x/f", 0), -ENOENT);
	assert_int_equal(find_err("/a/x", 0), -ENOENT);
	assert_int_equal(find_err("", 0), -ENOENT);
	assert_int_equal(find_err("/a/b/f", LOOKUP_DIRECTORY), -ENOTDIR);
}

static void test_name_limits(void **state)
{
	char name[300] = "/";

	(void)state;
	memset(name + 1, 'n', 255);
	assert_int_equal(put_file(name, "x"), 0);
	assert_string_equal(get_file(name), "x");
	assert_string_equal(text_of(name), name);
	assert_int_equal(vfs_unlink(AT_FDCWD, name), 0);
	name[256] = 'n';
	assert_int_equal(put_file(name, "x"), -ENAMETOOLONG);
	assert_int_equal(find_err(name, 0), -ENAMETOOLONG);
}

static void test_symlinks(void **state)
{
	char name[16], target[16];

	(void)state;
	assert_int_equal(vfs_symlink("b/f", AT_FDCWD, "/a/rel"), 0);
	assert_int_equal(vfs_symlink("/a", AT_FDCWD, "/abs"), 0);
	assert_int_equal(vfs_symlink("/a/b/", AT_FDCWD, "/slash"), 0);
	assert_int_equal(vfs_symlink("nowhere", AT_FDCWD, "/dangling"), 0);
	assert_int_equal(vfs_symlink("loop", AT_FDCWD, "/loop"), 0);
	assert_int_equal(vfs_symlink("/", AT_FDCWD, "/rootlink"), 0);
	assert_string_equal(get_file("/a/rel"), "hello");
	assert_string_equal(get_file("/abs/rel"), "hello");
	assert_string_equal(get_file("/abs/b/../rel"), "hello");
	assert_string_equal(get_file("/slash/f"), "hello");
	assert_string_equal(get_file("/rootlink/abs/b/f"), "hello");
	assert_string_equal(text_of("/rootlink"), "/");
	assert_int_equal(find_err("/dangling", LOOKUP_FOLLOW), -ENOENT);
	assert_int_equal(find_err("/dangling", 0), 0);
	assert_int_equal(find_err("/loop", LOOKUP_FOLLOW), -ELOOP);
	assert_int_equal(find_err("/loop/x", 0), -ELOOP);
	assert_int_equal(find_err("/abs/", 0), 0);
	assert_int_equal(find_err("/a/rel/", 0), -ENOTDIR);

	/* 40 links in a row are followed, 41 are not. */
	for (int n = 0; n < 42; n++) {
		snprintf(name, sizeof(name), "/l%d", n);
		snprintf(target, sizeof(target), n == 0 ? "a" : "l%d", n - 1);
		assert_int_equal(vfs_symlink(target, AT_FDCWD, name), 0);
	}
	assert_int_equal(find_err("/l39", LOOKUP_FOLLOW), 0);
	assert_int_equal(find_err("/l39/b/f", 0), 0);
	assert_int_equal(find_err("/l40", LOOKUP_FOLLOW), -ELOOP);
}

static void test_create_through_symlinks(void **state)
{
	struct file *f;

	(void)state;
	assert_int_equal(vfs_symlink("a/made", AT_FDCWD, "/tomake"), 0);
	assert_int_equal(put_file("/tomake", "made"), 0);
	assert_string_equal(get_file("/a/made"), "made");
	assert_int_equal(vfs_open(AT_FDCWD, "/dangling", O_CREAT | O_EXCL | O_WRONLY, 0644, &f), -EEXIST);
	assert_int_equal(vfs_open(AT_FDCWD, "/a/rel", O_NOFOLLOW, 0, &f), -ELOOP);
	assert_int_equal(vfs_open(AT_FDCWD, "/a/", O_CREAT | O_WRONLY, 0644, &f), -EISDIR);
	assert_int_equal(vfs_open(AT_FDCWD, "/newdir/", O_CREAT | O_WRONLY, 0644, &f), -EISDIR);
	assert_int_equal(vfs_open(AT_FDCWD, "/a", O_WRONLY, 0, &f), -EISDIR);
	assert_int_equal(vfs_open(AT_FDCWD, "/a/b/f", O_DIRECTORY, 0, &f), -ENOTDIR);
	assert_int_equal(vfs_open(AT_FDCWD, "/loop", O_CREAT | O_WRONLY, 0644, &f), -ELOOP);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/dangling", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/a/..", 0755), -EEXIST);
	assert_int_equal(vfs_symlink("x", AT_FDCWD, "/new/"), -ENOENT);
}

static void test_path_and_dirfd(void **state)
{
	struct file *f, *g;
	int fd;

	(void)state;
	assert_int_equal(vfs_open(AT_FDCWD, "/a", O_PATH, 0, &f), 0);
	assert_true((f->mode & FILE_PATH_ONLY) != 0);
	fd = fd_install(f, 0, false);
	assert_true(fd >= 0);
	assert_null(fd_get(fd));
	assert_int_equal(vfs_open(fd, "b/f", O_RDONLY, 0, &g), 0);
	file_put(g);
	assert_int_equal(vfs_open(fd + 1, "b/f", O_RDONLY, 0, &g), -EBADF);
	assert_int_equal(vfs_open(fd + 1, "/a/b/f", O_RDONLY, 0, &g), 0);
	file_put(g);
	assert_int_equal(fd_close(fd), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/a/b/f", O_RDONLY, 0, &f), 0);
	fd = fd_install(f, 0, false);
	assert_int_equal(vfs_open(fd, "x", O_RDONLY, 0, &g), -ENOTDIR);
	assert_int_equal(fd_close(fd), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/a/rel", O_PATH | O_NOFOLLOW, 0, &f), 0);
	assert_true(S_ISLNK(file_inode(f)->mode));
	file_put(f);
}

static void test_resolve(void **state)
{
	struct file *f, *top;
	int fd;

	(void)state;
	assert_int_equal(vfs_open(AT_FDCWD, "/a", O_RDONLY, 0, &top), 0);
	fd = fd_install(top, 0, false);
	assert_int_equal(vfs_symlink("../../a/b/f", AT_FDCWD, "/a/b/out"), 0);
	assert_int_equal(open_at(fd, "b/../b/f", 0, 0, RESOLVE_BENEATH, &f), 0);
	file_put(f);
	assert_int_equal(open_at(fd, "..", 0, 0, RESOLVE_BENEATH, &f), -EXDEV);
	assert_int_equal(open_at(fd, "/a/b/f", 0, 0, RESOLVE_BENEATH, &f), -EXDEV);
	assert_int_equal(open_at(fd, "b/out", 0, 0, RESOLVE_BENEATH, &f), -EXDEV);
	assert_int_equal(open_at(fd, "rel", 0, 0, RESOLVE_NO_SYMLINKS, &f), -ELOOP);
	assert_int_equal(open_at(fd, "/b/f", 0, 0, RESOLVE_IN_ROOT, &f), 0);
	file_put(f);
	assert_int_equal(open_at(fd, "../../b/f", 0, 0, RESOLVE_IN_ROOT, &f), 0);
	file_put(f);
	assert_int_equal(fd_close(fd), 0);
}

static void test_mounts(void **state)
{
	struct superblock *sb = ramfs_create("tmpfs", 1 << 20);
	struct path p;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/mnt", 0755), 0);
	assert_int_equal(put_file("/mnt/hidden", "x"), 0);
	assert_int_equal(vfs_mount(sb, "/mnt", 0), 0);
	assert_int_equal(find_err("/mnt/hidden", 0), -ENOENT);
	assert_int_equal(put_file("/mnt/seen", "y"), 0);
	assert_string_equal(text_of("/mnt/.."), "/");
	assert_string_equal(text_of("/mnt/seen"), "/mnt/seen");
	assert_string_equal(get_file("/mnt/../mnt/seen"), "y");
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/mnt"), -EBUSY);
	assert_int_equal(vfs_rename(AT_FDCWD, "/mnt", AT_FDCWD, "/mnt2", 0), -EBUSY);
	assert_int_equal(vfs_rename(AT_FDCWD, "/mnt/seen", AT_FDCWD, "/seen", 0), -EXDEV);
	assert_int_equal(vfs_link(AT_FDCWD, "/mnt/seen", 0, AT_FDCWD, "/seen"), -EXDEV);

	/* A file over a file. */
	struct superblock *file_sb = ramfs_create("tmpfs", 1 << 20);
	inode_put(file_sb->root);
	assert_int_equal(find_err("/a/b/f", 0), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/mnt/seen", 0, &p), 0);
	file_sb->root = inode_get(path_inode(&p));
	path_put(&p);
	assert_int_equal(vfs_mount(file_sb, "/a/b", 0), -ENOTDIR);
	assert_int_equal(vfs_mount(file_sb, "/a/b/f", 0), 0);
	assert_string_equal(get_file("/a/b/f"), "y");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/a/b/f"), -EBUSY);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/a/b/f", 0, &p), 0);
	assert_int_equal(mount_detach(&p, false), 0);
	path_put(&p);
	assert_string_equal(get_file("/a/b/f"), "hello");

	/* Read-only, busy, gone. */
	assert_int_equal(vfs_lookup(AT_FDCWD, "/mnt", 0, &p), 0);
	p.mount->flags = MOUNT_RDONLY;
	assert_int_equal(put_file("/mnt/no", "z"), -EROFS);
	assert_int_equal(put_file("/mnt/seen", "z"), -EROFS);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/mnt/seen"), -EROFS);
	struct path inside;
	assert_int_equal(vfs_lookup(AT_FDCWD, "/mnt/seen", 0, &inside), 0);
	assert_int_equal(mount_detach(&p, false), -EBUSY);
	path_put(&inside);
	assert_int_equal(mount_detach(&p, false), 0);
	path_put(&p);
	assert_string_equal(get_file("/mnt/hidden"), "x");
}

static void test_permissions(void **state)
{
	struct path p;
	struct file *f;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/private", 0700), 0);
	assert_int_equal(put_file("/private/f", "x"), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/sticky", 01777), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/sticky", 0, &p), 0);
	assert_int_equal(vfs_chmod(&p, 01777), 0);
	path_put(&p);
	assert_int_equal(put_file("/sticky/roots", "x"), 0);
	become(1000);
	assert_int_equal(find_err("/private/f", 0), -EACCES);
	assert_int_equal(find_err("/private", 0), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/private", O_RDONLY, 0, &f), -EACCES);
	assert_int_equal(put_file("/mine", "x"), -EACCES);
	assert_int_equal(put_file("/a/b/f", "x"), -EACCES);
	assert_int_equal(put_file("/sticky/mine", "x"), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/sticky/roots"), -EPERM);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/sticky/mine"), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/a/b/f", 0, &p), 0);
	assert_int_equal(vfs_chmod(&p, 0777), -EPERM);
	assert_int_equal(vfs_chown(&p, 1000, 1000), -EPERM);
	assert_int_equal(vfs_utimes(&p, NULL), -EACCES);
	assert_int_equal(vfs_truncate(&p, 0), -EACCES);
	path_put(&p);
	become(0);
	assert_int_equal(find_err("/private/f", 0), 0);
}

static void test_setgid_folder(void **state)
{
	struct path p;
	struct kstat st;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/group", 0755), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/group", 0, &p), 0);
	assert_int_equal(vfs_chown(&p, OWNER_KEEP, 77), 0);
	assert_int_equal(vfs_chmod(&p, 02777), 0);
	path_put(&p);
	assert_int_equal(put_file("/group/f", "x"), 0);
	assert_int_equal(stat_of("/group/f", &st), 0);
	assert_int_equal(st.gid, 77);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/group/d", 0755), 0);
	assert_int_equal(stat_of("/group/d", &st), 0);
	assert_int_equal(st.gid, 77);
	assert_int_equal(st.mode, S_IFDIR | 02755);
}

static void test_out_of_memory(void **state)
{
	(void)state;
	/* Whatever runs out, a lookup or creation fails cleanly or works, and works once there is memory again. */
	for (long n = 0; n < 12; n++) {
		char name[32];
		snprintf(name, sizeof(name), "/a/oom%ld", n);
		shim_kmalloc_fail_after(n);
		(void)put_file(name, "x");
		shim_kmalloc_fail_after(-1);
		assert_int_equal(put_file(name, "text"), 0);
		assert_string_equal(get_file(name), "text");
	}
}

static void test_cache_eviction(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/many", 0755), 0);
	for (int n = 0; n < 3000; n++) {
		snprintf(name, sizeof(name), "/many/%d", n);
		assert_int_equal(vfs_mkdir(AT_FDCWD, name, 0755), 0);
	}
	dcache_shrink(NULL);
	assert_true(dcache_count() < 100);
	for (int n = 0; n < 3000; n++) {
		snprintf(name, sizeof(name), "/many/%d", n);
		assert_int_equal(find_err(name, LOOKUP_DIRECTORY), 0);
		assert_int_equal(vfs_rmdir(AT_FDCWD, name), 0);
		assert_int_equal(find_err(name, 0), -ENOENT);
	}
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/many"), 0);
}

static void test_removed_cwd(void **state)
{
	struct path p;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/gone", 0755), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/gone", 0, &p), 0);
	fs_context_set_cwd(fs_current(), &p);
	path_put(&p);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/gone"), 0);
	assert_int_equal(put_file("x", "x"), -ENOENT);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "x", 0755), -ENOENT);
	assert_int_equal(find_err(".", 0), 0);
	assert_int_equal(find_err("..", 0), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/", 0, &p), 0);
	fs_context_set_cwd(fs_current(), &p);
	path_put(&p);
}

static void test_missing(void **state)
{
	(void)state;
	for (int n = 0; n < 100; n++) {
		char name[32];
		struct file *f;
		snprintf(name, sizeof(name), "/none%d", n);
		assert_int_equal(vfs_open(AT_FDCWD, name, O_RDONLY, 0, &f), -ENOENT);
		assert_int_equal(vfs_open(AT_FDCWD, name, O_RDONLY, 0, &f), -ENOENT);
	}
}

static int quick_err(const char *path)
{
	struct path p;

	return quick_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
}

/* What is in the cache is found without a lock; of all else nothing is said. */
static void test_quick(void **state)
{
	const char *long_name = "/quick/a name that takes more room than there is in an entry of the cache";
	struct path p, q;

	(void)state;
	assert_true(nr_quick > 3000);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/quick", 0755), 0);
	assert_int_equal(put_file("/quick/f", "x"), 0);
	assert_int_equal(quick_err("/quick/f"), 0);
	assert_int_equal(quick_err("/quick/../quick/./f"), 0);
	assert_int_equal(quick_err("/quick/f/"), -ENOTDIR);
	assert_int_equal(quick_err("/quick/g"), QUICK_UNKNOWN);
	assert_int_equal(find_err("/quick/g", 0), -ENOENT);
	assert_int_equal(quick_err("/quick/g"), -ENOENT);
	assert_int_equal(quick_err(""), QUICK_UNKNOWN);
	assert_int_equal(quick_lookup(77, "quick", 0, &p), QUICK_UNKNOWN);
	/* a symlink, once it was followed */
	assert_int_equal(vfs_symlink("../quick", AT_FDCWD, "/quick/here"), 0);
	assert_int_equal(quick_err("/quick/here/f"), QUICK_UNKNOWN);
	assert_int_equal(find_err("/quick/here/f", 0), 0);
	assert_int_equal(quick_err("/quick/here/here/f"), 0);
	/* moved, to a long name and back */
	assert_int_equal(vfs_rename(AT_FDCWD, "/quick/f", AT_FDCWD, long_name, 0), 0);
	assert_int_equal(quick_err(long_name), 0);
	assert_int_equal(quick_err("/quick/f"), QUICK_UNKNOWN);
	assert_int_equal(put_file("/quick/f", "other"), 0);
	assert_int_equal(quick_lookup(AT_FDCWD, long_name, 0, &p), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/quick/f", AT_FDCWD, long_name, RENAME_EXCHANGE), 0);
	assert_int_equal(quick_lookup(AT_FDCWD, "/quick/f", 0, &q), 0);
	assert_ptr_equal(p.dentry, q.dentry);
	/* mounted on */
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/quick/m", 0755), 0);
	assert_int_equal(quick_lookup(AT_FDCWD, "/quick/m", 0, &p), 0);
	assert_int_equal(vfs_mount(ramfs_create("tmpfs", 0), "/quick/m", 0), 0);
	assert_int_equal(quick_lookup(AT_FDCWD, "/quick/m", 0, &q), 0);
	assert_true(q.mount != p.mount && q.dentry != p.dentry);
	assert_int_equal(quick_lookup(AT_FDCWD, "/quick/m/..", 0, &q), 0);
	assert_ptr_equal(q.mount, p.mount);
}

/* The shape of the tree changes when a name moves or a mount comes, and for nothing else. */
static void test_tree_shape(void **state)
{
	uint32_t shape;

	(void)state;
	assert_true(tree_shape(&shape));
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/shape", 0755), 0);
	assert_int_equal(put_file("/shape/f", "x"), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/shape/f"), 0);
	assert_true(tree_shape_is(shape));
	assert_int_equal(vfs_rename(AT_FDCWD, "/shape", AT_FDCWD, "/shaped", 0), 0);
	assert_false(tree_shape_is(shape));
	tree_change_begin();
	assert_false(tree_shape(&shape));
	assert_int_equal(quick_err("/shaped"), QUICK_UNKNOWN);
	tree_change_end();
	assert_int_equal(quick_err("/shaped"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_components),     cmocka_unit_test(test_name_limits),
		cmocka_unit_test(test_symlinks),       cmocka_unit_test(test_create_through_symlinks),
		cmocka_unit_test(test_path_and_dirfd), cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_mounts),         cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_setgid_folder),  cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_cache_eviction), cmocka_unit_test(test_removed_cwd),
		cmocka_unit_test(test_missing),        cmocka_unit_test(test_quick),
		cmocka_unit_test(test_tree_shape),
	};
	return cmocka_run_group_tests(tests, fs_setup, NULL);
}
