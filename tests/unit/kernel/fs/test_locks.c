/* SPDX-License-Identifier: MIT */
/* Record locks: ranges split and merge, owners exclude each other, closing releases. */
// SOURCES: @files
#include "unit.h"

#include "fs_fixture.h"
#include "shim.h"

static struct inode *i;
static int owner_a, owner_b;

static int setup(void **state)
{
	struct path p;

	fs_setup(state);
	assert_int_equal(put_file("/f", "0123456789"), 0);
	assert_int_equal(vfs_lookup(AT_FDCWD, "/f", 0, &p), 0);
	i = inode_get(path_inode(&p));
	path_put(&p);
	return 0;
}

static int set(void *owner, int64_t start, int64_t end, bool write)
{
	struct lock_range r = {.start = start, .end = end, .write = write, .pid = 1};
	return lock_set(i, LOCK_KIND_POSIX, owner, &r, false, false);
}

static int unset(void *owner, int64_t start, int64_t end)
{
	struct lock_range r = {.start = start, .end = end};
	return lock_set(i, LOCK_KIND_POSIX, owner, &r, true, false);
}

/* The first lock that stops `owner` from writing in [start, end], as "start-end". */
static bool blocked(void *owner, int64_t start, int64_t end, int64_t *from, int64_t *to)
{
	struct lock_range r = {.start = start, .end = end, .write = true};
	bool yes = lock_test(i, LOCK_KIND_POSIX, owner, &r);

	*from = r.start;
	*to = r.end;
	return yes;
}

static void test_split_and_merge(void **state)
{
	int64_t from, to;

	(void)state;
	assert_int_equal(set(&owner_a, 0, 99, true), 0);
	assert_int_equal(unset(&owner_a, 40, 59), 0);
	assert_false(blocked(&owner_b, 40, 59, &from, &to));
	assert_true(blocked(&owner_b, 30, 45, &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(to, 39);
	assert_true(blocked(&owner_b, 55, 60, &from, &to));
	assert_int_equal(from, 60);
	assert_int_equal(to, 99);
	assert_int_equal(set(&owner_a, 40, 59, true), 0);
	assert_true(blocked(&owner_b, 45, 45, &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(to, 99);
	assert_int_equal(set(&owner_a, 10, 19, false), 0); /* a downgrade in the middle splits */
	struct lock_range r = {.start = 10, .end = 19, .write = false};
	assert_false(lock_test(i, LOCK_KIND_POSIX, &owner_b, &r));
	lock_release_owner(i, &owner_a);
	assert_false(blocked(&owner_b, 0, INT64_MAX, &from, &to));
}

static void test_conflicts(void **state)
{
	struct lock_range all = {.start = 0, .end = INT64_MAX, .write = true};

	(void)state;
	assert_int_equal(set(&owner_a, 0, 9, false), 0);
	assert_int_equal(set(&owner_b, 5, 14, false), 0);
	assert_int_equal(set(&owner_a, 0, 9, true), -EAGAIN);
	assert_int_equal(set(&owner_a, 0, 4, true), 0);
	assert_int_equal(lock_set(i, LOCK_KIND_OFD, &owner_b, &all, false, false),
			 -EAGAIN); /* OFD and POSIX see each other */
	assert_int_equal(lock_set(i, LOCK_KIND_FLOCK, &owner_b, &all, false, false),
			 0); /* flock is a world of its own */
	assert_int_equal(lock_set(i, LOCK_KIND_FLOCK, &owner_a, &all, false, false), -EAGAIN);
	assert_int_equal(lock_set(i, LOCK_KIND_POSIX, &owner_a, &all, false, true),
			 -EINTR); /* waiting, as far as the shim goes */
	lock_release_owner(i, &owner_a);
	lock_release_owner(i, &owner_b);
	assert_true(list_empty(&i->locks));
}

static void test_close_releases(void **state)
{
	struct file *f, *g;
	struct lock_range r = {.start = 0, .end = 9, .write = true};
	int fd, fd2;

	(void)state;
	assert_int_equal(vfs_open(AT_FDCWD, "/f", O_RDWR, 0, &f), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/f", O_RDWR, 0, &g), 0);
	fd = fd_install(f, 0, false);
	fd2 = fd_install(g, 0, false);
	assert_int_equal(lock_set(i, LOCK_KIND_POSIX, thread_current()->fds, &r, false, false), 0);
	assert_int_equal(fd_close(fd2), 0); /* any descriptor of the file: that is how POSIX wants it */
	assert_true(list_empty(&i->locks));
	assert_int_equal(lock_set(i, LOCK_KIND_OFD, f, &r, false, false), 0);
	assert_int_equal(fd_close(fd), 0);
	assert_true(list_empty(&i->locks));
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_int_equal(set(&owner_a, 0, 99, true), 0);
	shim_kmalloc_fail_after(1);
	assert_int_equal(unset(&owner_a, 40, 59), -ENOLCK);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(unset(&owner_a, 0, INT64_MAX), 0);
	assert_true(list_empty(&i->locks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_and_merge),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_close_releases),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
