/* SPDX-License-Identifier: MIT */
/* link_files.c - see link_files.h. */
#include "vmm/dev/link_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool link_file_is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

int link_lock(int segment, unsigned byte, short type, int command)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};

	return fcntl(segment, command, &l) == 0 ? 0 : -errno;
}

/* LOCK_ALL first: without it nobody takes a place. All end when the segment is closed. */
static bool lock_whole(int segment)
{
	if (link_lock(segment, LINK_LOCK_ALL, F_WRLCK, F_OFD_SETLK) != 0)
		return false;
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (link_lock(segment, i, F_WRLCK, F_OFD_SETLK) != 0)
			return false;
	return true;
}

static void remove_files(int folder)
{
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), LINK_FIFO, i);
		(void)unlinkat(folder, name, 0);
	}
	(void)unlinkat(folder, LINK_SEGMENT, 0);
}

static void remove_if_unused(int runtime, const char *folder_name)
{
	int folder = openat(runtime, folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int segment;

	if (folder < 0)
		return;
	segment = openat(folder, LINK_SEGMENT, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (segment >= 0 && link_file_is_ours(segment, S_IFREG) && lock_whole(segment)) {
		remove_files(folder);
		(void)unlinkat(runtime, folder_name, AT_REMOVEDIR); /* there is more in it: it stays */
	}
	if (segment >= 0)
		close(segment);
	close(folder);
}

void link_remove_unused(int runtime, const char *except)
{
	int fd = openat(runtime, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, LINK_FOLDER, strlen(LINK_FOLDER)) == 0 &&
		    strcmp(e->d_name + strlen(LINK_FOLDER), except) != 0)
			remove_if_unused(runtime, e->d_name);
	closedir(dir);
}
