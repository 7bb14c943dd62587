/* SPDX-License-Identifier: MIT */
/* hosts_file.c - see hosts_file.h. */
#include "vmm/cli/hosts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/pool.h"

const char *hosts_file_text(struct pool *pool, const char *hostname)
{
	char text[HOSTS_FILE_BYTES_MAX];
	int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? pool_printf(pool, "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n", hostname) : "";
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0 || n == sizeof(text) || memchr(text, '\0', (size_t)n) != NULL)
		return "";
	/* Behind it, as Debian has it: a name that the host gives another address keeps that one. */
	return pool_printf(pool, "%.*s%s127.0.1.1\t%s\n", (int)n, text, n > 0 && text[n - 1] != '\n' ? "\n" : "",
			   hostname);
}
