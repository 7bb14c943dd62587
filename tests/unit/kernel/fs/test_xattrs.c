/* SPDX-License-Identifier: MIT */
/* Extended attributes in memory: name spaces, sizes, flags, limits. */
// SOURCES: kernel/fs/xattrs.c shim/kmalloc.c shim/log.c
#include "unit.h"

#include <errno.h>
#include <linux/xattr.h>

#include "kernel/fs/xattrs.h"
#include "shim.h"

static void test_set_get_list_remove(void **state)
{
	struct xattrs *x = NULL;
	char buf[64];

	(void)state;
	assert_int_equal(xattrs_get(&x, "user.a", buf, sizeof(buf)), -ENODATA);
	assert_int_equal(xattrs_list(&x, buf, sizeof(buf)), 0);
	assert_int_equal(xattrs_set(&x, "user.a", "one", 3, 0), 0);
	assert_int_equal(xattrs_set(&x, "user.bb", "", 0, 0), 0);
	assert_int_equal(xattrs_get(&x, "user.a", NULL, 0), 3); /* size 0 asks for the size */
	assert_int_equal(xattrs_get(&x, "user.a", buf, 2), -ERANGE);
	assert_int_equal(xattrs_get(&x, "user.a", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "one", 3);
	assert_int_equal(xattrs_get(&x, "user.bb", buf, sizeof(buf)), 0);
	assert_int_equal(xattrs_list(&x, NULL, 0), 15);
	assert_int_equal(xattrs_list(&x, buf, 14), -ERANGE);
	assert_int_equal(xattrs_list(&x, buf, 15), 15);
	assert_memory_equal(buf, "user.a\0user.bb", 15);
	assert_int_equal(xattrs_remove(&x, "user.a"), 0);
	assert_int_equal(xattrs_remove(&x, "user.a"), -ENODATA);
	xattrs_free(&x);
	assert_null(x);
}

static void test_flags_and_name_spaces(void **state)
{
	struct xattrs *x = NULL;

	(void)state;
	assert_int_equal(xattrs_set(&x, "user.a", "1", 1, XATTR_REPLACE), -ENODATA);
	assert_int_equal(xattrs_set(&x, "user.a", "1", 1, XATTR_CREATE), 0);
	assert_int_equal(xattrs_set(&x, "user.a", "1", 1, XATTR_CREATE), -EEXIST);
	assert_int_equal(xattrs_set(&x, "user.a", "22", 2, XATTR_REPLACE), 0);
	assert_int_equal(xattrs_get(&x, "user.a", NULL, 0), 2);
	assert_int_equal(xattrs_set(&x, "system.posix_acl_access", "1", 1, 0), -EOPNOTSUPP);
	assert_int_equal(xattrs_get(&x, "nonsense", NULL, 0), -EOPNOTSUPP);
	assert_int_equal(xattrs_remove(&x, "nonsense"), -EOPNOTSUPP);
	xattrs_free(&x);
}

static void test_limits(void **state)
{
	static char big[XATTRS_MAX_BYTES];
	struct xattrs *x = NULL;

	(void)state;
	assert_int_equal(xattrs_set(&x, "user.big", big, sizeof(big), 0), -ENOSPC);
	assert_int_equal(xattrs_set(&x, "user.big", big, sizeof(big) - 8, 0), 0);
	assert_int_equal(xattrs_set(&x, "user.x", big, 1, 0), -ENOSPC);
	assert_int_equal(xattrs_set(&x, "user.big", big, sizeof(big) - 8, 0),
			 0); /* replacing needs no room of its own */
	shim_kmalloc_fail_after(0);
	assert_int_equal(xattrs_set(&x, "user.big", big, 1, 0), -ENOMEM);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(xattrs_get(&x, "user.big", NULL, 0), sizeof(big) - 8);
	xattrs_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_get_list_remove),
		cmocka_unit_test(test_flags_and_name_spaces),
		cmocka_unit_test(test_limits),
	};
	return RUN_TESTS(tests);
}
