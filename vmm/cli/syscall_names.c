/* SPDX-License-Identifier: MIT */
/* syscall_names.c - see syscall_names.h. */
#include "vmm/cli/syscall_names.h"

#include <string.h>

static const char *const names[SYSCALL_NAMES_MAX] = {
#include "vmm/cli/syscall_names.inc"
};

const char *syscall_name(unsigned nr)
{
	return nr < SYSCALL_NAMES_MAX ? names[nr] : NULL;
}

bool syscall_name_exists(const char *name, size_t len)
{
	for (unsigned i = 0; i < SYSCALL_NAMES_MAX; i++)
		if (names[i] && strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}
