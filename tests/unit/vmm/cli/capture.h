/* SPDX-License-Identifier: MIT */
/* capture.h - for tests: what a function wrote to stderr. */
#ifndef CAY_TESTS_CAPTURE_H
#define CAY_TESTS_CAPTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char captured[65536];
static int capture_saved = -1, capture_fd = -1;

static inline void capture_begin(void)
{
	fflush(stderr);
	capture_saved = dup(STDERR_FILENO);
	capture_fd = memfd_create("stderr", MFD_CLOEXEC);
	dup2(capture_fd, STDERR_FILENO);
}

/* Returns the text, valid until the next capture. */
static inline const char *capture_end(void)
{
	ssize_t len;

	fflush(stderr);
	dup2(capture_saved, STDERR_FILENO);
	len = pread(capture_fd, captured, sizeof(captured) - 1, 0);
	captured[len > 0 ? len : 0] = '\0';
	close(capture_saved);
	close(capture_fd);
	return captured;
}

/* One line of ours: begins "cay: ", ends with its only newline. */
static inline int is_one_line(const char *text)
{
	size_t len = strlen(text);

	return strncmp(text, "cay: ", 5) == 0 && len > 6 && strchr(text, '\n') == text + len - 1;
}

#endif
