/* SPDX-License-Identifier: MIT */
/* folder_names.h - the names in a folder of the runtime folder, sorted. */
#ifndef CAY_VMM_CONTROL_FOLDER_NAMES_H
#define CAY_VMM_CONTROL_FOLDER_NAMES_H

#include <dirent.h>
#include <stdbool.h>

#include "lib/compiler.h"

/*
 * Calls fn in alphabetical order for each name that wanted says yes to; wanted may cut e->d_name, and fn gets what is
 * left of it. At most 4,096 names, those that readdir tells first. folder: its position stays. 0, or -errno of opening.
 */
MUST_CHECK int folder_names(int folder, bool (*wanted)(struct dirent *e), void (*fn)(void *ctx, const char *name),
			    void *ctx);

#endif
