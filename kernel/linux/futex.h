/* SPDX-License-Identifier: MIT */
/* futex.h - what the rest of the kernel needs from futexes. */
#ifndef CAY_KERNEL_LINUX_FUTEX_H
#define CAY_KERNEL_LINUX_FUTEX_H

#include <stdint.h>

struct thread;

/* The calling thread t ends: marks its robust futexes, clears and wakes its clear_child_tid word. */
void futex_thread_exit(struct thread *t);
/* The same for one that execs: what it held in the old memory is gone, but it lives on. */
void futex_exec(struct thread *t);

#endif
