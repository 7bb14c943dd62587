/* SPDX-License-Identifier: MIT */
/* Making, removing, linking and renaming names: what succeeds and which error says why not. */
// SOURCES: @files
#include "unit.h"

#include "fs_fixture.h"
#include "shim.h"

static int mv(const char *from, const char *to)
{
	return vfs_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int setup(void **state)
{
	fs_setup(state);
	assert_int_equal(vfs_mkdir_p("/d/sub", 0755), 0);
	assert_int_equal(vfs_mkdir_p("/empty", 0755), 0);
	assert_int_equal(put_file("/f", "f"), 0);
	assert_int_equal(put_file("/g", "g"), 0);
	assert_int_equal(put_file("/d/sub/x", "x"), 0);
	return 0;
}

static void test_rename_matrix(void **state)
{
	(void)state;
	/* file onto: nothing, file, folder */
	assert_int_equal(mv("/f", "/h"), 0);
	assert_int_equal(lookup_err("/f", 0), -ENOENT);
	assert_int_equal(mv("/h", "/g"), 0);
	assert_string_equal(get_file("/g"), "f");
	assert_int_equal(mv("/g", "/d"), -EISDIR);
	assert_int_equal(mv("/g", "/new/"), -ENOTDIR);
	assert_int_equal(mv("/g/", "/new"), -ENOTDIR);
	/* folder onto: nothing, file, full folder, empty folder, itself, below itself, above */
	assert_int_equal(mv("/d", "/g"), -ENOTDIR);
	assert_int_equal(mv("/empty", "/d"), -ENOTEMPTY);
	assert_int_equal(mv("/d", "/empty"), 0);
	assert_string_equal(get_file("/empty/sub/x"), "x");
	assert_int_equal(mv("/empty", "/d/"), 0);
	assert_int_equal(mv("/d", "/d"), 0);
	assert_int_equal(mv("/d", "/d/sub/below"), -EINVAL);
	assert_int_equal(mv("/d/sub", "/d"), -ENOTEMPTY);
	assert_int_equal(mv("/none", "/x"), -ENOENT);
	assert_int_equal(mv("/d/.", "/x"), -EBUSY);
	assert_int_equal(mv("/d", "/x/.."), -ENOENT);
	assert_int_equal(mv("/d", "/d/.."), -EBUSY);
	assert_int_equal(mv("/", "/x"), -EBUSY);
	/* across folders: ".." follows */
	assert_int_equal(mv("/d/sub", "/sub"), 0);
	assert_string_equal(get_file("/sub/../sub/x"), "x");
	assert_int_equal(mv("/sub", "/d/sub"), 0);
}

static void test_rename_flags(void **state)
{
	(void)state;
	assert_int_equal(put_file("/a", "a"), 0);
	assert_int_equal(put_file("/b", "b"), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/a", AT_FDCWD, "/b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(vfs_rename(AT_FDCWD, "/a", AT_FDCWD, "/c", RENAME_NOREPLACE), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/c", AT_FDCWD, "/none", RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(vfs_rename(AT_FDCWD, "/c", AT_FDCWD, "/b", RENAME_EXCHANGE), 0);
	assert_string_equal(get_file("/b"), "a");
	assert_string_equal(get_file("/c"), "b");
	assert_int_equal(vfs_rename(AT_FDCWD, "/d/sub", AT_FDCWD, "/b", RENAME_EXCHANGE), 0);
	assert_string_equal(get_file("/d/sub"), "a");
	assert_string_equal(get_file("/b/x"), "x");
	assert_int_equal(vfs_rename(AT_FDCWD, "/d/sub", AT_FDCWD, "/b", RENAME_EXCHANGE), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/b", AT_FDCWD, "/c", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL);
	assert_int_equal(vfs_rename(AT_FDCWD, "/b", AT_FDCWD, "/c", 64), -EINVAL);
}

static void test_links(void **state)
{
	struct kstat st;

	(void)state;
	assert_int_equal(put_file("/one", "text"), 0);
	assert_int_equal(vfs_link(AT_FDCWD, "/one", 0, AT_FDCWD, "/two"), 0);
	assert_int_equal(vfs_link(AT_FDCWD, "/one", 0, AT_FDCWD, "/two"), -EEXIST);
	assert_int_equal(vfs_link(AT_FDCWD, "/d", 0, AT_FDCWD, "/dd"), -EPERM);
	assert_int_equal(stat_of("/two", &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(mv("/one", "/two"), 0); /* two names of one file: nothing happens */
	assert_int_equal(lookup_err("/one", 0), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/one"), 0);
	assert_string_equal(get_file("/two"), "text");
	assert_int_equal(stat_of("/two", &st), 0);
	assert_int_equal(st.nlink, 1);
}

static void test_link_counts_of_folders(void **state)
{
	struct kstat st;

	(void)state;
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/p", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/q", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/p/1", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/q/2", 0755), 0);
	assert_int_equal(stat_of("/p", &st), 0);
	assert_int_equal(st.nlink, 3);
	assert_int_equal(mv("/p/1", "/q/1"), 0);
	assert_int_equal(stat_of("/p", &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(stat_of("/q", &st), 0);
	assert_int_equal(st.nlink, 4);
	assert_int_equal(mv("/q/1", "/q/2"), 0);
	assert_int_equal(stat_of("/q", &st), 0);
	assert_int_equal(st.nlink, 3);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/q/2"), 0);
	assert_int_equal(stat_of("/q", &st), 0);
	assert_int_equal(st.nlink, 2);
}

static void test_remove_errors(void **state)
{
	(void)state;
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d"), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/g"), -ENOTDIR);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/."), -EINVAL);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/d/.."), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/"), -EBUSY);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/none"), -ENOENT);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d"), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/d/"), -EISDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/g/"), -ENOTDIR);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/none"), -ENOENT);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/g/x", 0755), -ENOTDIR);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/none/x", 0755), -ENOENT);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/slashes//", 0755), 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/slashes/"), 0);
}

static void test_open_file_outlives_its_name(void **state)
{
	struct file *f;
	struct path p;
	char buf[64];

	(void)state;
	assert_int_equal(put_file("/doomed", "still here"), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/doomed", O_RDWR, 0, &f), 0);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/doomed"), 0);
	assert_int_equal(vfs_read_kernel(f, buf, 10, 0), 10);
	assert_int_equal(file_path(f, &p), 0);
	assert_true(path_to_text(&p, buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "/doomed (deleted)");
	path_put(&p);
	file_put(f);
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_TMPFILE | O_RDWR, 0600, &f), 0);
	assert_int_equal(f->inode->nlink, 0);
	file_put(f);
	assert_int_equal(vfs_open(AT_FDCWD, "/d", O_TMPFILE | O_RDONLY, 0600, &f), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rename_matrix), cmocka_unit_test(test_rename_flags),
		cmocka_unit_test(test_links),         cmocka_unit_test(test_link_counts_of_folders),
		cmocka_unit_test(test_remove_errors), cmocka_unit_test(test_open_file_outlives_its_name),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
