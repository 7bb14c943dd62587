/* SPDX-License-Identifier: MIT */
/* etc_list.h - the harmless part of the host's /etc. */
#ifndef CAY_VMM_CLI_ETC_LIST_H
#define CAY_VMM_CLI_ETC_LIST_H

/* Names directly in /etc that a program in the default root sees, whole folders included; ends with NULL. */
extern const char *const etc_list[];
/* For a VM with a hosts file of its own. */
#define ETC_LIST_WITHOUT_HOSTS (etc_list + 1)

#endif
