/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h - filters of system calls that a program puts on itself: seccomp(2). A thread has a chain of them, newest
 * first, which its children share and which only grows. Until somebody makes the first one no call looks for any: then
 * all calls of the VM are led through seccomp_call (syscalls_watch). They guard a program from itself; the wall between
 * the VM and its host needs none of them.
 */
#ifndef CAY_KERNEL_LINUX_SECCOMP_H
#define CAY_KERNEL_LINUX_SECCOMP_H

#include <stdbool.h>

struct thread;

/* A new thread has those of the one that makes it. */
void seccomp_inherit(struct thread *t, const struct thread *from);
/* It makes no more calls. Under the kernel lock. */
void seccomp_release(struct thread *t);

/* Length of the chain, for /proc. Under the kernel lock. */
unsigned seccomp_count(const struct thread *t);

/* PR_SET_SECCOMP: as sys_seccomp for the modes. */
long seccomp_prctl(unsigned long mode, const void *uprog);

/*
 * May the current thread make the call in its frame with these arguments? False: *result is what it gets instead (a
 * signal may be waiting for it, too); a filter that kills does not return. No locks held.
 */
bool seccomp_allows(const long arg[6], long *result);

#endif
