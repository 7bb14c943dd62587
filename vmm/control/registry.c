/* SPDX-License-Identifier: MIT */
#include "vmm/control/registry.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/control/folder_names.h"
#include "vmm/control/names.h"
#include "vmm/core/runtime_folder.h"

/* A stopped VM accepts nobody, and who has asked it and gone stays in its queue: then it could not be found any more.
 */
#define BACKLOG    SOMAXCONN
#define CONNECT_MS 1000 /* for a place in the queue */

int registry_open(char *path, size_t room)
{
	return runtime_folder_open_inner("vm", path, room);
}

bool registry_is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > REGISTRY_NAME_MAX || name[0] == '-' || name[0] == '.')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-._", *name))
			return false;
	return true;
}

/* Through the descriptor: whatever happens to the path, it is this folder; and socket addresses are short. */
static struct sockaddr_un address(int folder, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", folder, name);
	return a;
}

/* Who listens at the other end. */
static int peer_of(int fd, pid_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -errno;
	*pid = cred.pid;
	return cred.uid == geteuid() ? 0 : -EPERM;
}

static int try_connect(int folder, const char *name, pid_t *pid)
{
	const struct timeval patience = {.tv_sec = CONNECT_MS / 1000, .tv_usec = CONNECT_MS % 1000 * 1000};
	struct sockaddr_un a = address(folder, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err = -errno;
	if (err == 0)
		err = peer_of(fd, pid);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* Removes the name if nobody listens there. Two who do so at once do not take away what a third has put there. */
static void remove_stale(int folder, const char *name)
{
	pid_t pid;
	int fd;

	if (flock(folder, LOCK_EX) != 0)
		return;
	fd = try_connect(folder, name, &pid);
	if (fd >= 0)
		close(fd);
	else if (fd == -ECONNREFUSED)
		unlinkat(folder, name, 0);
	flock(folder, LOCK_UN);
}

int registry_connect(int folder, const char *name, pid_t *pid)
{
	int fd = registry_is_name(name) ? try_connect(folder, name, pid) : -ENOENT;

	if (fd != -ECONNREFUSED)
		return fd;
	remove_stale(folder, name);
	return -ENOENT;
}

/* ---- the VM's side */

/* By its path if that is short enough: /proc costs 30 us at its first use. If it led elsewhere, renaming would fail. */
static struct sockaddr_un own_address(int folder, const char *path, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", path, name);

	return n > 0 && (size_t)n < sizeof(a.sun_path) ? a : address(folder, name);
}

/* The socket gets its name when it listens: see the invariant. */
static int bind_hidden(int folder, const char *path, char hidden[32])
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	struct sockaddr_un a;

	if (fd < 0)
		return -errno;
	snprintf(hidden, 32, ".new-%d", getpid());
	a = own_address(folder, path, hidden);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		err = -errno;
		/* Of a process that had our number and was killed just there. */
		if (err == -EADDRINUSE && unlinkat(folder, hidden, 0) == 0)
			err = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
	}
	if (err == 0 && listen(fd, BACKLOG) != 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int show(int folder, const char *hidden, const char *name)
{
	return renameat2(folder, hidden, folder, name, RENAME_NOREPLACE) == 0 ? 0 : -errno;
}

static int show_as(int folder, const char *hidden, const char *name, pid_t *pid)
{
	int err = show(folder, hidden, name), other;

	for (unsigned tries = 0; err == -EEXIST && tries < 3; tries++) {
		other = registry_connect(folder, name, pid); /* removes a stale one */
		if (other >= 0) {
			close(other);
			return -EADDRINUSE;
		}
		if (other != -ENOENT)
			return other;
		err = show(folder, hidden, name);
	}
	return err;
}

static int show_with_new_name(int folder, const char *hidden, char name[REGISTRY_NAME_MAX + 1])
{
	int err = -EEXIST;

	for (unsigned i = 0; err == -EEXIST && i < 1000; i++) {
		name_make_up(name, REGISTRY_NAME_MAX + 1, i);
		err = show(folder, hidden, name);
	}
	return err;
}

int registry_enter(int folder, const char *path, char name[REGISTRY_NAME_MAX + 1], pid_t *pid)
{
	char hidden[32];
	int fd = bind_hidden(folder, path, hidden), err;

	if (fd < 0)
		return fd;
	err = name[0] != '\0' ? show_as(folder, hidden, name, pid) : show_with_new_name(folder, hidden, name);
	if (err == 0)
		return fd;
	unlinkat(folder, hidden, 0);
	close(fd);
	return err;
}

void registry_leave(int folder, const char *name)
{
	unlinkat(folder, name, 0);
}

/* ---- the other side */

static bool is_entry(struct dirent *e)
{
	return registry_is_name(e->d_name) && (e->d_type == DT_SOCK || e->d_type == DT_UNKNOWN);
}

int registry_list(int folder, void (*fn)(void *ctx, const char *name), void *ctx)
{
	return folder_names(folder, is_entry, fn, ctx);
}
