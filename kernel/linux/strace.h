/* SPDX-License-Identifier: MIT */
/*
 * strace.h - --strace[=SET]: a line for each system call, in strace(1)'s style, on the user's stderr.
 * Costs nothing when off: when on, each entry of the live table leads to strace_dispatch.
 */
#ifndef CAY_KERNEL_LINUX_STRACE_H
#define CAY_KERNEL_LINUX_STRACE_H

#include <signal.h>
#include <stdbool.h>

#include "kernel/linux/sys.h"

/* Whether boot info asks for it; reads the set. Once, at boot. */
bool strace_init(void);

/* Logs and serves the call of the current thread's frame. */
long strace_dispatch(long a, long b, long c, long d, long e, long f);

/* A signal is about to be acted upon. */
void strace_signal(const siginfo_t *info);

#endif
