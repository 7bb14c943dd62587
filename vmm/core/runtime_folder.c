/* SPDX-License-Identifier: MIT */
#include "vmm/core/runtime_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int runtime_folder_enter(int parent, const char *name)
{
	struct stat st;
	int fd;

	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	/* Checked after opening: it is this folder that is used from here on, whatever its name becomes. */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	return -EPERM;
}

static int enter(const char *parent, const char *name, char *path, size_t room)
{
	int at = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	snprintf(path, room, "%s/%s", parent, name);
	if (at < 0)
		return -errno;
	fd = runtime_folder_enter(at, name);
	close(at);
	return fd;
}

int runtime_folder_open(char *path, size_t room)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	char name[64];
	int fd;

	if (given != NULL && given[0] == '/')
		return enter(given, "cay", path, room);
	snprintf(name, sizeof(name), "/run/user/%u", geteuid());
	fd = enter(name, "cay", path, room);
	if (fd != -ENOENT)
		return fd;
	snprintf(name, sizeof(name), "cay-%u", geteuid());
	return enter("/tmp", name, path, room);
}
