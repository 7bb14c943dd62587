/* SPDX-License-Identifier: MIT */
/*
 * sys.h - the Linux system calls, as functions. A call is `long sys_NAME(...)` with the argument types of the raw call
 * and -errno for errors; its row in syscalls.def puts it in the table. A row whose function does not exist (weak
 * reference) is an absent call: ENOSYS, named once under -v. Pointers are the program's: uaccess.h.
 */
#ifndef CAY_KERNEL_LINUX_SYS_H
#define CAY_KERNEL_LINUX_SYS_H

#include <stdint.h>

#define SYSCALL_MAX 512

typedef long (*syscall_fn)(long, long, long, long, long, long);
extern const syscall_fn syscall_table[SYSCALL_MAX];

const char *syscall_name(unsigned nr); /* NULL when unknown */

/* Internal results that the return path turns into EINTR or a restarted call (as Linux numbers them). */
#define ERESTARTSYS           512 /* restart if SA_RESTART */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* as NOHAND, but through restart_syscall: thread.restart */

#endif
