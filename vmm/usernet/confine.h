/* SPDX-License-Identifier: MIT */
/* confine.h - what a process that parses hostile packets may still do: use sockets, and read the name servers' list. */
#ifndef CAY_VMM_USERNET_CONFINE_H
#define CAY_VMM_USERNET_CONFINE_H

#include "lib/compiler.h"

/* After the published ports are open. 0, or -1 with errno. A host without Landlock is accepted. */
MUST_CHECK int confine(void);

#endif
