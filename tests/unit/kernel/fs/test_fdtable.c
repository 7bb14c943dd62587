/* SPDX-License-Identifier: MIT */
/* The descriptor table: lowest free number, limits, growth, close-on-exec, copies. */
// SOURCES: @files
#include "unit.h"

#include "fs_fixture.h"
#include "shim.h"

static struct file *new_file(void)
{
	struct file *f;

	assert_int_equal(vfs_open(AT_FDCWD, "/", O_RDONLY, 0, &f), 0);
	return f;
}

static void test_lowest_number(void **state)
{
	(void)state;
	for (int n = 0; n < 5; n++)
		assert_int_equal(fd_install(new_file(), 0, false), n);
	assert_int_equal(fd_close(3), 0);
	assert_int_equal(fd_close(1), 0);
	assert_int_equal(fd_close(1), -EBADF);
	assert_int_equal(fd_install(new_file(), 2, false), 3);
	assert_int_equal(fd_install(new_file(), 0, false), 1);
	assert_int_equal(fd_install(new_file(), 0, false), 5);
	assert_int_equal(fd_install(new_file(), 100, false), 100);
	assert_int_equal(fd_install(new_file(), 0, false), 6);
	assert_int_equal(fdtable_next(thread_current()->fds, 7), 100);
	assert_int_equal(fdtable_next(thread_current()->fds, 101), -1);
	assert_int_equal(fd_close(-1), -EBADF);
	assert_int_equal(fd_close(1 << 30), -EBADF);
}

static void test_limits(void **state)
{
	struct file *f = new_file();

	(void)state;
	init_process->rlimit[7].cur = 200;
	assert_int_equal(fd_install(f, 200, false), -EMFILE);
	assert_int_equal(fdtable_replace(thread_current()->fds, f, 200, false), -EBADF);
	for (int fd = 7; fd < 200; fd++) {
		if (fd != 100)
			assert_int_equal(fd_install(file_get(f), 0, false), fd);
	}
	assert_int_equal(fd_install(f, 0, false), -EMFILE);
	init_process->rlimit[7].cur = 4096;
	shim_kmalloc_fail_after(0);
	assert_int_equal(fd_install(f, 1000, false), -ENOMEM);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(fd_install(f, 1000, false), 1000);
	for (int fd = 7; fd <= 1000; fd = fdtable_next(thread_current()->fds, fd + 1)) {
		assert_int_equal(fd_close(fd), 0);
		if (fd == 1000)
			break;
	}
}

static void test_cloexec_and_copy(void **state)
{
	struct fdtable *t = thread_current()->fds, *copy;
	struct file *f = new_file();

	(void)state;
	assert_int_equal(fdtable_replace(t, f, 50, true), 50);
	assert_int_equal(f->refs, 1);
	copy = fdtable_copy(t);
	assert_non_null(copy);
	assert_int_equal(f->refs, 2);
	assert_true(fdtable_get_cloexec(copy, 50));
	fdtable_close_on_exec(copy);
	assert_int_equal(f->refs, 1);
	assert_int_equal(fdtable_next(copy, 7), -1);
	fdtable_put(copy);
	fdtable_set_cloexec(t, 50, false);
	fdtable_close_on_exec(t);
	assert_int_equal(fdtable_next(t, 7), 50);
	/* Replacing closes what was there. */
	assert_int_equal(fdtable_replace(t, new_file(), 50, false), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_number),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cloexec_and_copy),
	};
	return cmocka_run_group_tests(tests, fs_setup, NULL);
}
