/* SPDX-License-Identifier: MIT */
#include "vmm/core/runtime_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checked after opening: it is this folder that is used from here on, whatever its name becomes. */
static int check(int fd)
{
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	return -EPERM;
}

int runtime_folder_enter(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
			return -errno;
		fd = openat(parent, name, flags);
	}
	return check(fd);
}

static int enter(const char *parent, const char *name, char *path, size_t room)
{
	snprintf(path, room, "%s/%s", parent, name);
	return runtime_folder_enter(AT_FDCWD, path);
}

/* The parent does not exist, or is not for writing: not here, then. */
static bool try_next(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EROFS;
}

int runtime_folder_open(char *path, size_t room)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	char user[64], name[64];
	int fd;

	if (given != NULL && given[0] == '/')
		return enter(given, "cay", path, room);
	snprintf(user, sizeof(user), "/run/user/%u", geteuid());
	snprintf(name, sizeof(name), "cay-%u", geteuid());
	fd = enter(user, "cay", path, room);
	/* Memory rather than a disk: making a socket on ext4 can take a millisecond, and a link's segment would be
	 * written to the disk. */
	if (try_next(fd))
		fd = enter("/dev/shm", name, path, room);
	return try_next(fd) ? enter("/tmp", name, path, room) : fd;
}

int runtime_folder_open_inner(const char *name, char *path, size_t room)
{
	int runtime = runtime_folder_open(path, room), folder;
	size_t len;

	if (runtime < 0)
		return runtime;
	folder = runtime_folder_enter(runtime, name);
	close(runtime);
	len = strlen(path);
	snprintf(path + len, room - len, "/%s", name);
	return folder;
}
