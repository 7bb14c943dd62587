/* SPDX-License-Identifier: MIT */
/* devpts.c - /dev/pts: one node per pair of pseudo terminals, there while the pair is. */
#include <errno.h>
#include <linux/kdev_t.h>
#include <sys/stat.h>

#include "kernel/dev/pty.h"
#include "kernel/dev/pty_priv.h"
#include "kernel/fs/pseudo.h"
#include "lib/fmt.h"

#define TTY_GROUP 5u

static int slave_owner(uint64_t id, uint32_t *uid, uint32_t *gid)
{
	const struct pty *p = pty_at((unsigned)id);

	if (p == NULL)
		return -ENOENT;
	*uid = p->uid;
	*gid = TTY_GROUP;
	return 0;
}

static uint64_t slave_number(uint64_t id)
{
	return MKDEV(PTY_SLAVE_MAJOR, id);
}

static const struct pseudo_node slave_node = {.name = "",
					      .mode = S_IFCHR | 0620,
					      .device_open = pty_slave_open,
					      .owner = slave_owner,
					      .number = slave_number};

static int lookup(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	unsigned n = 0;

	(void)id;
	if (len == 0 || len > 4 || (name[0] == '0' && len > 1))
		return -ENOENT;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -ENOENT;
		n = n * 10 + (unsigned)(name[i] - '0');
	}
	if (pty_at(n) == NULL)
		return -ENOENT;
	*out = (struct pseudo_found){&slave_node, n};
	return 0;
}

static bool next(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	(void)id;
	while (*cursor < PTY_MAX && pty_at((unsigned)*cursor) == NULL)
		++*cursor;
	if (*cursor >= PTY_MAX)
		return false;
	fmt_snprintf(name, PSEUDO_NAME_MAX, "%u", (unsigned)*cursor);
	*out = (struct pseudo_found){&slave_node, *cursor};
	return true;
}

static const struct pseudo_node nodes[] = {
	{.name = "ptmx", .mode = S_IFCHR | 0666, .device_open = ptmx_open, .rdev = MKDEV(5, 2)},
	PSEUDO_END,
};

static const struct pseudo_node root = {
	.name = "", .mode = S_IFDIR | 0755, .children = nodes, .lookup = lookup, .next = next};

struct superblock *devpts_create(void)
{
	return pseudo_create("devpts", 20, &root, false);
}
