/* SPDX-License-Identifier: MIT */
/* names.h - names for VMs that were given none: two words that are easy to read, say and type. */
#ifndef CAY_VMM_CONTROL_NAMES_H
#define CAY_VMM_CONTROL_NAMES_H

#include <stddef.h>

/* Writes a name; each try gives another one, and late ones end in a number. Differs between processes and moments, but
 * is no secret. */
void name_make_up(char *name, size_t room, unsigned try);

#endif
