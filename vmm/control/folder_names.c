/* SPDX-License-Identifier: MIT */
#include "vmm/control/folder_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4096

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int folder_names(int folder, bool (*wanted)(struct dirent *e), void (*fn)(void *ctx, const char *name), void *ctx)
{
	static char *names[NAMES_MAX];
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* its own position */
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	size_t nr = 0;

	if (dir == NULL)
		return -errno;
	while (nr < NAMES_MAX && (e = readdir(dir)) != NULL)
		if (wanted(e) && (names[nr] = strdup(e->d_name)) != NULL)
			nr++;
	closedir(dir);
	qsort(names, nr, sizeof(names[0]), by_name);
	for (size_t i = 0; i < nr; i++) {
		fn(ctx, names[i]);
		free(names[i]);
	}
	return 0;
}
