/* SPDX-License-Identifier: MIT */
/* unix_name.c - names of AF_UNIX sockets (unix(7)): a path, whose file is found by its inode, or abstract bytes. */
#include <errno.h>
#include <linux/fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#include "kernel/fs/dirops.h"
#include "kernel/fs/fs_context.h"
#include "kernel/net/unix_priv.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

static struct list named = LIST_INIT(named);

static bool is_abstract(const struct sock_addr *a)
{
	return a->len > PATH_OFFSET && a->bytes[PATH_OFFSET] == '\0';
}

/* Each type of socket has its own abstract names. */
static struct unix_sock *find_abstract(const struct sock_addr *a, int type)
{
	list_for_each (u, &named, name_link, struct unix_sock)
		if (u->sock.type == type && u->addr.len == a->len && memcmp(u->addr.bytes, a->bytes, a->len) == 0)
			return u;
	return NULL;
}

static struct unix_sock *find_inode(const struct inode *i)
{
	list_for_each (u, &named, name_link, struct unix_sock)
		if (u->path.dentry != NULL && path_inode(&u->path) == i)
			return u;
	return NULL;
}

static int check(const struct sock_addr *a)
{
	if (a->len < sizeof(a->family) || a->len > sizeof(struct sockaddr_un))
		return -EINVAL;
	return a->family == AF_UNIX ? 0 : -EINVAL;
}

/* The path of an address, NUL-terminated: the address need not be. */
static void path_of(const struct sock_addr *a, char path[sizeof(struct sockaddr_un)])
{
	size_t len = strnlen((const char *)a->bytes + PATH_OFFSET, a->len - PATH_OFFSET);

	memcpy(path, a->bytes + PATH_OFFSET, len);
	path[len] = '\0';
}

int unix_autobind(struct unix_sock *u)
{
	static uint32_t next;
	struct sock_addr a = {.len = PATH_OFFSET + 6, .family = AF_UNIX};

	if (u->addr.len > 0)
		return 0;
	do
		fmt_snprintf((char *)a.bytes + PATH_OFFSET + 1, 6, "%05x", next++ & 0xfffff);
	while (find_abstract(&a, u->sock.type) != NULL);
	u->addr = a;
	list_push_back(&named, &u->name_link);
	return 0;
}

static int bind_path(struct unix_sock *u, const struct sock_addr *a)
{
	char path[sizeof(struct sockaddr_un)];
	int err;

	path_of(a, path);
	if (u->addr.len > 0) {
		struct path there;
		err = vfs_lookup(AT_FDCWD, path, 0, &there);
		if (err == 0)
			path_put(&there);
		return err == 0 ? -EADDRINUSE : -EINVAL; /* in Linux's order of checks */
	}
	err = vfs_mknod(AT_FDCWD, path, S_IFSOCK | (0777 & ~fs_current()->umask), 0);
	if (err != 0)
		return err == -EEXIST ? -EADDRINUSE : err;
	err = vfs_lookup(AT_FDCWD, path, 0, &u->path);
	if (err != 0)
		return err;
	u->addr = *a;
	u->addr.len = (unsigned)(PATH_OFFSET + strlen(path) + 1);
	u->addr.bytes[u->addr.len - 1] = '\0';
	list_push_back(&named, &u->name_link);
	return 0;
}

int unix_bind(struct socket *s, const struct sock_addr *addr)
{
	struct unix_sock *u = unix_of(s);
	int err = check(addr);

	if (err != 0)
		return err;
	if (addr->len == PATH_OFFSET)
		return unix_autobind(u);
	if (!is_abstract(addr))
		return bind_path(u, addr);
	if (u->addr.len > 0)
		return -EINVAL;
	if (find_abstract(addr, s->type) != NULL)
		return -EADDRINUSE;
	u->addr = *addr;
	list_push_back(&named, &u->name_link);
	return 0;
}

void unix_unname(struct unix_sock *u)
{
	list_remove(&u->name_link);
	if (u->path.dentry != NULL)
		path_put(&u->path);
	u->path = (struct path){0};
}

int unix_find(const struct sock_addr *addr, int type, struct unix_sock **out)
{
	struct unix_sock *u = NULL;
	int err = check(addr);

	if (err != 0)
		return err;
	if (addr->len == PATH_OFFSET)
		return -EINVAL;
	if (is_abstract(addr)) {
		u = find_abstract(addr, type);
	} else {
		char path[sizeof(struct sockaddr_un)];
		struct path p;
		path_of(addr, path);
		err = vfs_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
		if (err != 0)
			return err;
		err = inode_permission(path_inode(&p), MAY_WRITE);
		if (err == 0 && S_ISSOCK(path_inode(&p)->mode))
			u = find_inode(path_inode(&p));
		path_put(&p);
		if (err != 0)
			return err;
	}
	if (u == NULL || u->dead)
		return -ECONNREFUSED;
	if (u->sock.type != type)
		return -EPROTOTYPE;
	*out = unix_get(u);
	return 0;
}

void unix_addr(const struct unix_sock *u, struct sock_addr *out)
{
	*out = u->addr;
	if (out->len == 0)
		*out = (struct sock_addr){.len = sizeof(out->family), .family = AF_UNIX};
}
