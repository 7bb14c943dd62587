/* SPDX-License-Identifier: MIT */
/* oom.h - when memory is out: who has to go. */
#ifndef CAY_KERNEL_MM_OOM_H
#define CAY_KERNEL_MM_OOM_H

#include <stdbool.h>

/*
 * A page that the calling process was promised is not there. True: somebody else is ending and will give memory back;
 * try again after oom_wait. False: the caller is the one to go, with SIGKILL; the line that says so has been printed.
 * Thread context; does not block.
 */
bool oom_kill_greediest(void);

/* Sleeps a little, holding no lock. */
void oom_wait(void);

#endif
