/* SPDX-License-Identifier: MIT */
/* version.h - `cay version [--json]`. */
#ifndef CAY_VMM_CLI_VERSION_H
#define CAY_VMM_CLI_VERSION_H

#define CAY_VERSION "0.1.0"

int version(int argc, char **argv);

/* Whether the only argument after the command's name is --json: 1 or 0 (no argument); -1 for anything else, refused in
 * a line. */
int wants_json(int argc, char **argv);

#endif
