/* SPDX-License-Identifier: MIT */
/* syscall.c - between entry.S and the system calls: the live table, calls that were not rewritten, absent calls. */
#include <errno.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/rewrite.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/linux/strace.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"

syscall_fn syscall_live[SYSCALL_MAX];
/* What the thunk calls: the real functions, or strace for all. */
static syscall_fn syscall_traced[SYSCALL_MAX];
const syscall_fn *syscall_full_calls = syscall_table;

/* In entry.S, written for the dispatcher only; a syscall_fn by its place in the table. */
extern long syscall_full_thunk(long, long, long, long, long, long);

#define SYSCALL(nr, name, args)
#define SYSCALL_FULL(nr, name, args) [nr] = 1,
static const uint8_t needs_full_frame[SYSCALL_MAX] = {
#include "kernel/linux/syscalls.def"
};
#undef SYSCALL
#undef SYSCALL_FULL

/* Any hole of the table: says so once a number, under --verbose. */
static long sys_absent(long a, long b, long c, long d, long e, long f)
{
	uint32_t nr = (uint32_t)thread_frame(thread_current())->orig_rax;
	const char *name = syscall_name(nr);

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	if (!(stats->syscall_absent[nr / 32] & (1u << nr % 32))) {
		stats->syscall_absent[nr / 32] |= 1u << nr % 32;
		kverbose("system call %s (%u) is not implemented: the program gets ENOSYS",
			 name != NULL ? name : "unknown", nr);
	}
	return -ENOSYS;
}

/* From now on all calls go through strace_dispatch. */
static void trace_all(void)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		syscall_traced[nr] = strace_dispatch;
		if (syscall_live[nr] != syscall_full_thunk)
			syscall_live[nr] = strace_dispatch;
	}
	syscall_full_calls = syscall_traced;
}

void syscalls_init(void)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		if (syscall_table[nr] == NULL)
			syscall_live[nr] = sys_absent;
		else
			syscall_live[nr] = needs_full_frame[nr] ? syscall_full_thunk : syscall_table[nr];
	}
	if (strace_init())
		trace_all();
}

void syscall_trapped(struct trapframe *f)
{
	stat_count(CAY_C_SYSCALL_TRAPS);
	if (!(boot_info->flags & CAY_BOOT_NO_REWRITE))
		callsite_trapped(f);
}

long syscall_call_full(struct trapframe *f)
{
	syscall_fn fn = syscall_full_calls[(uint32_t)f->orig_rax];

	if (fn == NULL)
		fn = sys_absent;
	return fn((long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, (long)f->r9);
}
