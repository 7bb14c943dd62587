/* SPDX-License-Identifier: MIT */
/* Files in memory: holes, sizes, truncation, limits, pages shared with mappings. */
// SOURCES: @files
#include <linux/falloc.h>

#include "unit.h"

#include "fs_fixture.h"
#include "kernel/mm/page.h"
#include "shim.h"

static char big[1 << 20];

static ssize_t write_at(struct file *f, const void *buf, size_t bytes, int64_t pos)
{
	struct uio_seg seg = {(void *)buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .kernel = true};

	return vfs_pwrite(f, &uio, pos);
}

static struct file *open_new(const char *path)
{
	struct file *f;

	assert_int_equal(vfs_open(AT_FDCWD, path, O_CREAT | O_RDWR | O_TRUNC, 0644, &f), 0);
	return f;
}

static void test_holes(void **state)
{
	struct file *f = open_new("/sparse");
	struct kstat st;
	char buf[16];

	(void)state;
	assert_int_equal(write_at(f, "end", 3, 10 << 20), 3);
	assert_int_equal(vfs_getattr(f->inode, &st), 0);
	assert_int_equal(st.size, (10 << 20) + 3);
	assert_int_equal(st.blocks, 8);
	assert_int_equal(vfs_read_kernel(f, buf, 16, (10 << 20) - 8), 11);
	assert_memory_equal(buf, "\0\0\0\0\0\0\0\0end", 11);
	assert_int_equal(vfs_seek(f, 0, SEEK_DATA), 10 << 20);
	assert_int_equal(vfs_seek(f, 0, SEEK_HOLE), 0);
	assert_int_equal(vfs_seek(f, 10 << 20, SEEK_HOLE), (10 << 20) + 3);
	assert_int_equal(vfs_seek(f, (10 << 20) + 3, SEEK_DATA), -ENXIO);
	assert_int_equal(vfs_seek(f, -1, SEEK_SET), -EINVAL);
	assert_int_equal(vfs_seek(f, -3, SEEK_END), 10 << 20);
	file_put(f);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/sparse"), 0);
}

static void test_truncate_zeroes(void **state)
{
	struct file *f = open_new("/t");
	char buf[8];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(write_at(f, big, 10000, 0), 10000);
	assert_int_equal(inode_truncate(f->inode, 5000), 0);
	assert_int_equal(inode_truncate(f->inode, 10000), 0);
	assert_int_equal(vfs_read_kernel(f, buf, 8, 4996), 8);
	assert_memory_equal(buf, "xxxx\0\0\0\0", 8);
	assert_int_equal(vfs_read_kernel(f, buf, 8, 9996), 4);
	assert_memory_equal(buf, "\0\0\0\0", 4);
	file_put(f);
}

static void test_large_writes_use_blocks(void **state)
{
	struct file *f = open_new("/large");
	struct page_run run;

	(void)state;
	for (size_t n = 0; n < sizeof(big); n++)
		big[n] = (char)(n * 7 + n / 4096);
	assert_int_equal(write_at(f, big, 512 << 10, 0), 512 << 10);
	assert_int_equal(f->ops->map(f, 0, 128, false, &run), 0);
	assert_int_equal(run.nr, 128);
	assert_true(run.counted && run.writable);
	assert_memory_equal(pa_to_virt(run.pa), big, 512 << 10);
	assert_int_equal(f->ops->map(f, 128, 1, false, &run), -ENXIO);
	static char back[512 << 10];
	assert_int_equal(vfs_read_kernel(f, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(back, big, sizeof(back));
	/* A mapping keeps its page when the file loses it. */
	assert_int_equal(f->ops->map(f, 5, 1, false, &run), 0);
	page_ref(run.pa);
	assert_int_equal(inode_truncate(f->inode, 0), 0);
	assert_int_equal(page_refcount(run.pa), 1);
	page_unref(run.pa, 0);
	file_put(f);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/large"), 0);
}

static void test_limit(void **state)
{
	struct file *f = open_new("/full");
	long before = shim_pages_in_use();

	(void)state;
	assert_int_equal(write_at(f, big, 1 << 20, 0) > 0, 1); /* the file system has 1 MiB, some of it is taken */
	assert_int_equal(write_at(f, big, 1 << 20, 1 << 20), -ENOSPC);
	assert_int_equal(inode_truncate(f->inode, 0), 0);
	assert_int_equal(shim_pages_in_use(), before);
	shim_page_fail_after(0);
	assert_int_equal(write_at(f, "x", 1, 0), -ENOSPC);
	shim_page_fail_after(-1);
	assert_int_equal(write_at(f, "x", 1, 0), 1);
	init_process->rlimit[1].cur = 100;
	assert_int_equal(write_at(f, big, 200, 50), 50);
	assert_int_equal(write_at(f, big, 200, 100), -EFBIG);
	init_process->rlimit[1].cur = UINT64_MAX;
	file_put(f);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/full"), 0);
}

static void test_fallocate(void **state)
{
	struct file *f = open_new("/fa");
	struct kstat st;
	char buf[4];

	(void)state;
	assert_int_equal(f->ops->fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 8192), 0);
	assert_int_equal(vfs_getattr(f->inode, &st), 0);
	assert_int_equal(st.size, 0);
	assert_int_equal(st.blocks, 16);
	assert_int_equal(f->ops->fallocate(f, 0, 0, 20000), 0);
	assert_int_equal(f->inode->size, 20000);
	memset(big, 'y', 20000);
	assert_int_equal(write_at(f, big, 20000, 0), 20000);
	assert_int_equal(f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4094, 8196), 0);
	assert_int_equal(vfs_read_kernel(f, buf, 4, 4092), 4);
	assert_memory_equal(buf, "yy\0\0", 4);
	assert_int_equal(vfs_read_kernel(f, buf, 4, 12288), 4);
	assert_memory_equal(buf, "\0\0yy", 4);
	assert_int_equal(f->ops->fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	file_put(f);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/fa"), 0);
}

static void test_append(void **state)
{
	struct file *f;
	struct uio_seg seg = {"ab", 2};

	(void)state;
	assert_int_equal(put_file("/ap", "12"), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/ap", O_RDWR | O_APPEND, 0, &f), 0);
	for (int n = 0; n < 2; n++) {
		struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = 2, .kernel = true};
		assert_int_equal(vfs_seek(f, 0, SEEK_SET), 0);
		assert_int_equal(vfs_write(f, &uio), 2);
	}
	assert_int_equal(f->pos, 6);
	assert_string_equal(get_file("/ap"), "12abab");
	file_put(f);
}

static void test_readdir_survives_changes(void **state)
{
	struct collect c = {.sink = {collect_emit, NULL}, .limit = 4};
	struct file *f;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/rd", 0755), 0);
	assert_int_equal(put_file("/rd/a", ""), 0);
	assert_int_equal(put_file("/rd/b", ""), 0);
	assert_int_equal(put_file("/rd/c", ""), 0);
	assert_int_equal(put_file("/rd/d", ""), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/rd", O_RDONLY, 0, &f), 0);
	assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	assert_string_equal(c.text, ". .. a b ");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/rd/b"), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/rd/c"), 0);
	c.text[0] = '\0';
	c.limit = -1;
	assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	assert_string_equal(c.text, "d ");
	file_put(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_truncate_zeroes),
		cmocka_unit_test(test_large_writes_use_blocks),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_fallocate),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_readdir_survives_changes),
	};
	return cmocka_run_group_tests(tests, fs_setup, NULL);
}
