/* SPDX-License-Identifier: MIT */
/*
 * table.c - the system-call table. The prototypes here are deliberately generic and weak: this is the one file
 * that does not include the real ones, so that a call which nobody implements is a null entry.
 */
#include "kernel/linux/sys.h"
#include "lib/compiler.h"

#define SYSCALL(nr, name, args) extern WEAK long sys_##name(long, long, long, long, long, long);
#define SYSCALL_FULL            SYSCALL
#include "kernel/linux/syscalls.def"
#undef SYSCALL

#define SYSCALL(nr, name, args) [nr] = sys_##name,
const syscall_fn syscall_table[SYSCALL_MAX] = {
#include "kernel/linux/syscalls.def"
};
#undef SYSCALL

#define SYSCALL(nr, name, args) [nr] = #name,
static const char *const names[SYSCALL_MAX] = {
#include "kernel/linux/syscalls.def"
};

const char *syscall_name(unsigned nr)
{
	return nr < SYSCALL_MAX ? names[nr] : 0;
}
