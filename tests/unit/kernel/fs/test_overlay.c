/* SPDX-License-Identifier: MIT */
/* The overlay, over a folder in memory: what changes, what the lower folder keeps, and that both hang together through
 * links. */
// SOURCES: @files kernel/fs/overlay.c kernel/fs/overlay_dir.c
#include <stdio.h>

#include "unit.h"

#include "fs_fixture.h"
#include "kernel/fs/overlay_priv.h"
#include "shim.h"

static struct superblock *lower, *over;

/* /low shows the lower file system itself, /ov the overlay on it. */
static int setup(void **state)
{
	fs_setup(state);
	lower = ramfs_create("tmpfs", 1 << 22);
	assert_int_equal(vfs_mkdir_p("/low", 0755), 0);
	assert_int_equal(vfs_mkdir_p("/ov", 0755), 0);
	assert_int_equal(vfs_mount(lower, "/low", 0), 0);
	assert_int_equal(vfs_mkdir_p("/low/d/e", 0755), 0);
	assert_int_equal(put_file("/low/f", "lower"), 0);
	assert_int_equal(put_file("/low/g", "gee"), 0);
	assert_int_equal(put_file("/low/d/x", "ex"), 0);
	assert_int_equal(put_file("/low/d/e/deep", "deep"), 0);
	assert_int_equal(vfs_link(AT_FDCWD, "/low/f", 0, AT_FDCWD, "/low/f2"), 0);
	assert_int_equal(vfs_symlink("d/x", AT_FDCWD, "/low/link"), 0);
	over = overlay_create(lower);
	assert_non_null(over);
	assert_int_equal(vfs_mount(over, "/ov", 0), 0);
	dcache_shrink(NULL);
	return 0;
}

static void test_reads_pass(void **state)
{
	struct file *f;
	struct kstat a, b;

	(void)state;
	assert_string_equal(get_file("/ov/f"), "lower");
	assert_string_equal(get_file("/ov/link"), "ex");
	assert_string_equal(get_file("/ov/d/e/deep"), "deep");
	assert_int_equal(vfs_open(AT_FDCWD, "/ov/f", O_RDONLY, 0, &f), 0);
	assert_ptr_equal(f->inode->sb, lower); /* its operations are the lower file's, so mmap shares pages */
	assert_ptr_equal(file_inode(f)->sb, over);
	assert_int_equal(vfs_getattr(file_inode(f), &a), 0);
	assert_int_equal(stat_of("/ov/f", &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.dev, over->dev);
	file_put(f);
	assert_string_equal(list_dir("/ov"), ". .. d f g f2 link ");
}

static void test_copy_up_reaches_all_links(void **state)
{
	struct kstat before, after;
	struct file *old;

	(void)state;
	assert_int_equal(stat_of("/ov/f", &before), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/ov/f", O_RDONLY, 0, &old), 0);
	assert_int_equal(put_file("/ov/f", "upper!"), 0);
	assert_string_equal(get_file("/ov/f"), "upper!");
	assert_string_equal(get_file("/ov/f2"), "upper!");
	assert_string_equal(get_file("/low/f"), "lower");
	char buf[16] = "";
	assert_int_equal(vfs_read_kernel(old, buf, sizeof(buf), 0), 5); /* opened before: the old contents */
	file_put(old);
	dcache_shrink(NULL);
	assert_string_equal(get_file("/ov/f"), "upper!"); /* not forgotten with the cache */
	assert_int_equal(stat_of("/ov/f", &after), 0);
	assert_int_equal(before.ino, after.ino);
	assert_int_equal(after.size, 6);
	assert_int_equal(after.nlink, 2);
}

static void test_append_copies_contents(void **state)
{
	struct file *f;
	struct uio_seg seg = {"!", 1};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = 1, .kernel = true};

	(void)state;
	assert_int_equal(vfs_open(AT_FDCWD, "/ov/g", O_WRONLY | O_APPEND, 0, &f), 0);
	assert_int_equal(vfs_write(f, &uio), 1);
	file_put(f);
	assert_string_equal(get_file("/ov/g"), "gee!");
	assert_string_equal(get_file("/low/g"), "gee");
}

static void test_attributes_without_copy(void **state)
{
	struct path p;
	struct kstat st;

	(void)state;
	assert_int_equal(vfs_lookup(AT_FDCWD, "/ov/d/x", 0, &p), 0);
	assert_int_equal(vfs_chmod(&p, 0600), 0);
	assert_null(ov_of(path_inode(&p))->upper);
	path_put(&p);
	dcache_shrink(NULL);
	assert_int_equal(stat_of("/ov/d/x", &st), 0);
	assert_int_equal(st.mode, S_IFREG | 0600);
	assert_int_equal(stat_of("/low/d/x", &st), 0);
	assert_int_equal(st.mode, S_IFREG | 0644);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/ov/d/x", 0, &p), 0);
	assert_int_equal(vfs_truncate(&p, 1), 0);
	path_put(&p);
	assert_string_equal(get_file("/ov/d/x"), "e");
	assert_int_equal(stat_of("/ov/d/x", &st), 0);
	assert_int_equal(st.mode, S_IFREG | 0600);
	assert_string_equal(get_file("/low/d/x"), "ex");
}

static void test_whiteouts(void **state)
{
	(void)state;
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/link"), 0);
	assert_int_equal(lookup_err("/ov/link", 0), -ENOENT);
	dcache_shrink(NULL);
	assert_int_equal(lookup_err("/ov/link", 0), -ENOENT);
	assert_int_equal(lookup_err("/low/link", 0), 0);
	assert_int_equal(put_file("/ov/link", "file now"), 0);
	assert_string_equal(get_file("/ov/link"), "file now");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/link"), 0);
	dcache_shrink(NULL);
	assert_int_equal(lookup_err("/ov/link", 0), -ENOENT); /* the lower one stays hidden */

	/* What was only made here leaves nothing. */
	assert_int_equal(put_file("/ov/temp", "x"), 0);
	uint32_t count = ov_of(over->root)->delta.count;
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/temp"), 0);
	assert_int_equal(ov_of(over->root)->delta.count, count - 1);
}

static void test_folders(void **state)
{
	struct kstat st;

	(void)state;
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/ov/d/e"), -ENOTEMPTY);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/d/e/deep"), 0);
	assert_int_equal(stat_of("/ov/d", &st), 0);
	assert_int_equal(st.nlink, 3);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/ov/d/e"), 0);
	assert_int_equal(stat_of("/ov/d", &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/ov/d/e", 0755), 0); /* a new one shows nothing of the old */
	assert_string_equal(list_dir("/ov/d/e"), ". .. ");
	assert_int_equal(put_file("/ov/d/e/new", "n"), 0);
	assert_string_equal(list_dir("/ov/d/e"), ". .. new ");
	assert_string_equal(list_dir("/low/d/e"), ". .. deep ");
}

static void test_rename(void **state)
{
	(void)state;
	/* A folder moves with what is below and what was changed, without a copy. */
	assert_int_equal(vfs_rename(AT_FDCWD, "/ov/d", AT_FDCWD, "/ov/moved", 0), 0);
	dcache_shrink(NULL);
	assert_int_equal(lookup_err("/ov/d", 0), -ENOENT);
	assert_string_equal(get_file("/ov/moved/x"), "e");
	assert_string_equal(list_dir("/ov/moved"), ". .. e x ");
	assert_int_equal(vfs_rename(AT_FDCWD, "/ov/moved/x", AT_FDCWD, "/ov/x", 0), 0);
	assert_string_equal(get_file("/ov/x"), "e");
	assert_string_equal(list_dir("/ov/moved"), ". .. e ");

	/* Over an existing lower name, and exchange. */
	assert_int_equal(vfs_rename(AT_FDCWD, "/ov/x", AT_FDCWD, "/ov/g", 0), 0);
	assert_string_equal(get_file("/ov/g"), "e");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/g"), 0);
	dcache_shrink(NULL);
	assert_int_equal(lookup_err("/ov/g", 0), -ENOENT);
	assert_int_equal(vfs_rename(AT_FDCWD, "/ov/f", AT_FDCWD, "/ov/moved", RENAME_EXCHANGE), 0);
	dcache_shrink(NULL);
	assert_string_equal(get_file("/ov/moved"), "upper!");
	assert_string_equal(get_file("/ov/f/e/new"), "n");
	assert_string_equal(list_dir("/low"), ". .. d f g f2 link ");
	assert_string_equal(get_file("/low/d/x"), "ex");
}

static void test_memory_goes_with_the_last_name(void **state)
{
	long before;

	(void)state;
	assert_int_equal(put_file("/low/big", "0123456789"), 0);
	before = shim_pages_in_use();
	assert_int_equal(put_file("/ov/big", "changed"), 0);
	assert_int_equal(shim_pages_in_use(), before + 1);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/ov/big"), 0);
	dcache_shrink(NULL);
	assert_int_equal(shim_pages_in_use(), before);
}

static void test_seek_in_folder(void **state)
{
	struct collect c = {.sink = {collect_emit, NULL}, .limit = 3};
	struct file *f;
	int64_t pos;

	(void)state;
	assert_int_equal(vfs_open(AT_FDCWD, "/ov", O_RDONLY | O_DIRECTORY, 0, &f), 0);
	assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	pos = f->pos;
	c.limit = -1;
	c.text[0] = '\0';
	assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	char rest[4096];
	strcpy(rest, c.text);
	f->pos = pos;
	c.text[0] = '\0';
	assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	assert_string_equal(c.text, rest);
	file_put(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_pass),
		cmocka_unit_test(test_copy_up_reaches_all_links),
		cmocka_unit_test(test_append_copies_contents),
		cmocka_unit_test(test_attributes_without_copy),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_memory_goes_with_the_last_name),
		cmocka_unit_test(test_seek_in_folder),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
