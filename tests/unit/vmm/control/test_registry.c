/* SPDX-License-Identifier: MIT */
/* test_registry.c - entries of VMs in a folder of the test's own: names taken, names left over, names of others. */
// SOURCES: vmm/control/registry.c vmm/control/folder_names.c vmm/control/names.c vmm/core/runtime_folder.c
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/control/names.h"
#include "vmm/control/registry.h"

static char top[32], path[128];
static int folder;

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/cay-test-vms-XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("XDG_RUNTIME_DIR", top, 1);
	folder = registry_open(path, sizeof(path));
	return folder < 0;
}

static int remove_all(void **state)
{
	char command[64];

	(void)state;
	close(folder);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static int enter(const char *name, pid_t *pid)
{
	char text[REGISTRY_NAME_MAX + 1];

	snprintf(text, sizeof(text), "%s", name);
	return registry_enter(folder, path, text, pid);
}

static bool exists(const char *name)
{
	return faccessat(folder, name, F_OK, 0) == 0;
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "web-1", "0", "A.b_c"};
	static const char *const bad[] = {"", "-a", ".a", "a/b", "..", "a b", "a\n", "\xc3\xa4"};
	char longest[REGISTRY_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(registry_is_name(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(registry_is_name(bad[i]));
	memset(longest, 'x', sizeof(longest));
	longest[REGISTRY_NAME_MAX + 1] = '\0';
	assert_false(registry_is_name(longest));
	longest[REGISTRY_NAME_MAX] = '\0';
	assert_true(registry_is_name(longest));
	for (unsigned i = 0; i < 100; i++) {
		char name[REGISTRY_NAME_MAX + 1];

		name_make_up(name, sizeof(name), i);
		assert_true(registry_is_name(name));
	}
}

static void test_taken(void **state)
{
	pid_t pid = 0;
	int a = enter("one", &pid), b;

	(void)state;
	assert_true(a >= 0);
	assert_int_equal(enter("one", &pid), -EADDRINUSE);
	assert_int_equal(pid, getpid());
	b = registry_connect(folder, "one", &pid);
	assert_true(b >= 0);
	close(b);
	registry_leave(folder, "one");
	assert_int_equal(registry_connect(folder, "one", &pid), -ENOENT);
	close(a);
}

/* A VM that was killed leaves a name at which nobody listens. */
static void test_stale(void **state)
{
	pid_t pid;
	int a = enter("gone", &pid);

	(void)state;
	close(a);
	assert_true(exists("gone"));
	assert_int_equal(registry_connect(folder, "gone", &pid), -ENOENT);
	assert_false(exists("gone"));
	close(enter("gone", &pid));
	a = enter("gone", &pid); /* takes its place */
	assert_true(a >= 0);
	registry_leave(folder, "gone");
	close(a);
}

static void test_made_up(void **state)
{
	char name[2][REGISTRY_NAME_MAX + 1] = {"", ""};
	pid_t pid;
	int fd[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fd[i] = registry_enter(folder, path, name[i], &pid);
		assert_true(fd[i] >= 0 && registry_is_name(name[i]) && exists(name[i]));
	}
	assert_string_not_equal(name[0], name[1]);
	for (unsigned i = 0; i < 2; i++) {
		registry_leave(folder, name[i]);
		close(fd[i]);
	}
}

static char seen[64];
static void note(void *ctx, const char *name)
{
	(void)ctx;
	strcat(strcat(seen, name), " ");
}

static void test_list(void **state)
{
	pid_t pid;
	int b = enter("b", &pid), a = enter("a", &pid);

	(void)state;
	close(openat(folder, "a-file", O_CREAT | O_RDWR, 0600));
	mkdirat(folder, "a-folder", 0700);
	seen[0] = '\0';
	assert_int_equal(registry_list(folder, note, NULL), 0);
	assert_string_equal(seen, "a b ");
	close(a);
	close(b);
}

/* What is not ours alone is refused, and what leads elsewhere. */
static void test_folder(void **state)
{
	char where[128];

	(void)state;
	assert_int_equal(fchmod(folder, 0755), 0);
	assert_int_equal(registry_open(where, sizeof(where)), -EPERM);
	assert_int_equal(fchmod(folder, 0700), 0);
	assert_int_equal(rename(path, strcat(strcpy(where, path), "2")), 0);
	assert_int_equal(symlink(where, path), 0);
	assert_int_equal(registry_open(where, sizeof(where)), -EPERM);
	setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1);
	assert_int_equal(registry_open(where, sizeof(where)), -ENOENT);
}

static void test_long_path(void **state)
{
	char deep[160];
	pid_t pid;
	int fd;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/%0100d", top, 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	setenv("XDG_RUNTIME_DIR", deep, 1);
	close(folder);
	char where[256];
	folder = registry_open(where, sizeof(where));
	char name[REGISTRY_NAME_MAX + 1] = "deep";
	fd = registry_enter(folder, where, name, &pid);
	assert_true(fd >= 0 && exists("deep"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),     cmocka_unit_test(test_taken), cmocka_unit_test(test_stale),
		cmocka_unit_test(test_made_up),   cmocka_unit_test(test_list),  cmocka_unit_test(test_folder),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, setup, remove_all);
}
