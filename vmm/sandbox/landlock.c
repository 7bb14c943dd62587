/* SPDX-License-Identifier: MIT */
/*
 * landlock.c - one rule per share. The structures are declared here because the headers of Debian 12 know only the
 * first version of the interface; the kernel accepts longer and shorter ones by their size.
 */
#include "vmm/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* landlock(7); the number is the bit, the comment the version of the interface that brought it. */
enum {
	LL_EXECUTE = 1 << 0,
	LL_WRITE_FILE = 1 << 1,
	LL_READ_FILE = 1 << 2,
	LL_READ_DIR = 1 << 3,
	LL_REMOVE_FILE = 1 << 5,
	LL_MAKE_CHAR = 1 << 6,
	LL_MAKE_SOCK = 1 << 9,
	LL_MAKE_FIFO = 1 << 10,
	LL_MAKE_BLOCK = 1 << 11,
	LL_ALL_V1 = (1 << 13) - 1,
	LL_REFER = 1 << 13,     /* 2 */
	LL_TRUNCATE = 1 << 14,  /* 3 */
	LL_IOCTL_DEV = 1 << 15, /* 5 */
};
#define LL_NET_ALL                3u /* 4: bind and connect of TCP */
#define LL_SCOPE_ABSTRACT_SOCKETS 1u /* 6 */
#define LL_SCOPE_SIGNALS          2u

#define LL_READ (LL_READ_FILE | LL_READ_DIR)
/* Nobody makes device nodes, sockets or fifos; the file server refuses them too. */
#define LL_NEVER (LL_EXECUTE | LL_MAKE_CHAR | LL_MAKE_BLOCK | LL_MAKE_SOCK | LL_MAKE_FIFO | LL_IOCTL_DEV)
/* What a rule on a single file may hold. */
#define LL_FOR_FILES (LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE)

struct ll_ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct ll_path_attr {
	uint64_t allowed;
	int32_t parent_fd;
} PACKED;

#define LL_RULE_PATH      1
#define LL_CREATE_VERSION 1u

static uint64_t rights_of_version(long version)
{
	uint64_t rights = LL_ALL_V1;

	if (version >= 2)
		rights |= LL_REFER;
	if (version >= 3)
		rights |= LL_TRUNCATE;
	if (version >= 5)
		rights |= LL_IOCTL_DEV;
	return rights;
}

/* Takes the descriptor. */
static int add_rule(int ruleset, int fd, uint64_t allowed)
{
	struct ll_path_attr attr = {.allowed = allowed, .parent_fd = fd};
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		attr.allowed &= LL_FOR_FILES;
	if (attr.allowed && syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH, &attr, 0) != 0)
		err = -errno;
	close(fd);
	return err;
}

/* The folder itself can be listed (and so can those below it, by their names only), its listed entries can be read. */
static int add_part(int ruleset, int folder, const struct sandbox_path *p, uint64_t allowed)
{
	int err = 0;

	for (const char *const *name = p->only; err == 0 && *name; name++) {
		int fd = openat(folder, *name, O_PATH | O_CLOEXEC);

		if (fd >= 0)
			err = add_rule(ruleset, fd, allowed);
	}
	return err ? err : add_rule(ruleset, dup(folder), LL_READ_DIR);
}

static int add_path(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
	uint64_t allowed = handled & (p->remove_only ? LL_REMOVE_FILE : p->writable ? ~(uint64_t)LL_NEVER : LL_READ);
	int fd = open(p->path, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (!p->only)
		return add_rule(ruleset, fd, allowed);
	err = add_part(ruleset, fd, p, allowed);
	close(fd);
	return err;
}

/* scoped: LL_SCOPE_*; with bind and connect of TCP, or without. */
static int make_rules(const struct sandbox_path *paths, unsigned nr_paths, bool net, uint64_t scoped, int *rules)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_CREATE_VERSION);
	struct ll_ruleset_attr attr = {0};
	size_t size = sizeof(attr.handled_fs);
	int err = 0;

	*rules = LANDLOCK_NONE;
	if (version < 1)
		return 0;
	attr.handled_fs = rights_of_version(version);
	if (version >= 4 && net) {
		attr.handled_net = LL_NET_ALL;
		size = offsetof(struct ll_ruleset_attr, scoped);
	}
	if (version >= 6 && scoped != 0) {
		attr.scoped = scoped;
		size = sizeof(attr);
	}
	*rules = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (*rules < 0)
		return -errno;
	for (unsigned i = 0; err == 0 && i < nr_paths; i++)
		err = add_path(*rules, &paths[i], attr.handled_fs);
	if (err != 0) {
		close(*rules);
		*rules = LANDLOCK_NONE;
	}
	return err;
}

int landlock_rules(const struct sandbox_path *paths, unsigned nr_paths, bool may_signal, int *rules)
{
	uint64_t scoped = LL_SCOPE_ABSTRACT_SOCKETS | (may_signal ? 0 : LL_SCOPE_SIGNALS);

	return make_rules(paths, nr_paths, true, scoped, rules);
}

int landlock_rules_files(const struct sandbox_path *paths, unsigned nr_paths, int *rules)
{
	return make_rules(paths, nr_paths, false, LL_SCOPE_ABSTRACT_SOCKETS | LL_SCOPE_SIGNALS, rules);
}

int landlock_restrict(int rules)
{
	int err = 0;

	if (rules == LANDLOCK_NONE)
		return 0;
	if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		err = -errno;
	close(rules);
	return err;
}
