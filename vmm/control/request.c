/* SPDX-License-Identifier: MIT */
#include "vmm/control/request.h"

#include <string.h>

static const char *const words[CONTROL_NR] = {
	[CONTROL_INFO] = "info",   [CONTROL_STATS] = "stats",     [CONTROL_THREADS] = "threads",
	[CONTROL_FILES] = "files", [CONTROL_SOCKETS] = "sockets",
};

const char *control_request_word(enum control_request r)
{
	return words[r];
}

int control_request_parse(const char *bytes, size_t nr)
{
	const char *end = memchr(bytes, '\n', nr);
	size_t len = end != NULL ? (size_t)(end - bytes) : nr;

	if (end == NULL && nr < CONTROL_REQUEST_MAX)
		return -1;
	for (int r = CONTROL_INFO; end != NULL && r < CONTROL_NR; r++)
		if (strlen(words[r]) == len && memcmp(words[r], bytes, len) == 0)
			return r;
	return CONTROL_UNKNOWN;
}
