/* SPDX-License-Identifier: MIT */
/* syscall.c - between entry.S and the system calls: the live table, calls that were not rewritten, absent calls. */
#include <asm/unistd.h>
#include <errno.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/rewrite.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/linux/seccomp.h"
#include "kernel/linux/strace.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/system_time.h"
#include "kernel/sched/thread.h"

syscall_fn syscall_live[SYSCALL_MAX];
/* What the thunk calls: the real functions, or the same one for all. */
static syscall_fn syscall_wrapped[SYSCALL_MAX];
const syscall_fn *syscall_full_calls = syscall_table;
/* Under the kernel lock: the real functions, or strace for all. */
static syscall_fn syscall_inner[SYSCALL_MAX];

/* Calls that need no kernel lock: what they read never changes, is the caller's own, is one word, or has a lock of its
 * own. Some take the kernel lock for their rarer cases. */
/* clang-format off */
static const uint16_t lock_free[] = {
	__NR_getpid, __NR_gettid, __NR_getppid, __NR_getuid, __NR_getgid, __NR_geteuid, __NR_getegid, __NR_getcpu,
	__NR_time, __NR_gettimeofday, __NR_sched_yield, __NR_futex, __NR_nanosleep, __NR_clock_nanosleep,
	__NR_set_robust_list, __NR_set_tid_address, __NR_rt_sigprocmask, __NR_rt_sigpending, __NR_sigaltstack,
	/* The address space has a lock of its own: vmspace_priv.h. */
	__NR_mmap, __NR_munmap, __NR_mprotect, __NR_mremap, __NR_brk, __NR_madvise, __NR_msync, __NR_mincore,
	__NR_mlock, __NR_mlock2, __NR_munlock, __NR_mlockall, __NR_munlockall,
	/* What they do with a file is under the kernel lock unless the file has a lock of its own: file_enter. */
	__NR_read, __NR_write, __NR_readv, __NR_writev, __NR_pread64, __NR_pwrite64, __NR_preadv, __NR_pwritev,
	__NR_preadv2, __NR_pwritev2, __NR_lseek, __NR_poll, __NR_ppoll, __NR_select, __NR_pselect6,
	__NR_epoll_wait, __NR_epoll_pwait, __NR_epoll_pwait2, __NR_epoll_ctl,
	/* So are all but ioctl on sockets: socket_begin. */
	__NR_socket, __NR_bind, __NR_listen, __NR_connect, __NR_accept, __NR_accept4, __NR_getsockname,
	__NR_getpeername, __NR_shutdown, __NR_setsockopt, __NR_getsockopt, __NR_sendto, __NR_recvfrom, __NR_sendmsg,
	__NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg,
	/* Names that the cache knows are read by RCU, attributes too: walk_quick.h. */
	__NR_stat, __NR_lstat, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_access, __NR_faccessat, __NR_faccessat2,
	__NR_readlink, __NR_readlinkat,
	/* Plain files that are opened for reading, and closed: open_quick, file_put. */
	__NR_open, __NR_openat, __NR_creat, __NR_openat2, __NR_close,
};
/* clang-format on */

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

static long syscall_locked(long a, long b, long c, long d, long e, long f)
{
	uint32_t nr = (uint32_t)thread_frame(thread_current())->orig_rax;
	long result;

	klock_take();
	result = syscall_inner[nr](a, b, c, d, e, f);
	kernel_leave(); /* perhaps on another CPU: the lock goes with the thread */
	return result;
}

/* From now on all calls go through `fn`. */
static void wrap_all(syscall_fn fn)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		syscall_wrapped[nr] = fn;
		if (syscall_live[nr] != syscall_full_thunk)
			syscall_live[nr] = fn;
	}
	syscall_full_calls = syscall_wrapped;
}

/* What calls were led to before somebody made a filter: the functions, locked or traced. */
static syscall_fn before_watch[SYSCALL_MAX];
static bool watched;

static long syscall_watched(long a, long b, long c, long d, long e, long f)
{
	uint32_t nr = (uint32_t)thread_frame(thread_current())->orig_rax;
	const long arg[6] = {a, b, c, d, e, f};
	long result;

	return seccomp_allows(arg, &result) ? before_watch[nr](a, b, c, d, e, f) : result;
}

void syscalls_watch(void)
{
	static syscall_fn full[SYSCALL_MAX];

	if (watched)
		return;
	watched = true;
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		bool is_full = syscall_live[nr] == syscall_full_thunk;

		before_watch[nr] = is_full ? syscall_full_calls[nr] : syscall_live[nr];
		full[nr] = syscall_watched;
	}
	/* Other CPUs make calls meanwhile, and find either. */
	__atomic_store_n(&syscall_full_calls, full, __ATOMIC_RELEASE);
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++)
		if (syscall_live[nr] != syscall_full_thunk)
			__atomic_store_n(&syscall_live[nr], syscall_watched, __ATOMIC_RELEASE);
}

void syscalls_init(void)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		if (syscall_table[nr] == NULL)
			syscall_live[nr] = sys_absent;
		else
			syscall_live[nr] = needs_full_frame[nr] ? syscall_full_thunk : syscall_table[nr];
	}
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++)
		syscall_inner[nr] = syscall_table[nr] != NULL ? syscall_table[nr] : sys_absent;
	if (strace_init()) {
		for (unsigned nr = 0; nr < SYSCALL_MAX; nr++)
			syscall_inner[nr] = strace_dispatch;
		wrap_all(strace_dispatch);
	}
	if (cpu_count() == 1)
		return;
	wrap_all(syscall_locked);
	for (unsigned i = 0; i < ARRAY_SIZE(lock_free); i++)
		if (syscall_inner[lock_free[i]] != strace_dispatch)
			syscall_live[lock_free[i]] = syscall_inner[lock_free[i]];
}

/* In place of the call that it stands for. */
long syscall_sampled(long a, long b, long c, long d, long e, long f)
{
	uint32_t nr = (uint32_t)thread_frame(thread_current())->orig_rax;
	struct thread *t = thread_current();
	struct cpu *cpu = cpu_this();
	bool follows = cpu->sampled == t;
	uint64_t entered_ns = system_time_enter(&t->system_time, thread_cpu_ns(t), follows), ns;
	long result;

	/* Other threads' calls, should this one block. */
	cpu->sampled = NULL;
	cpu->calls_to_sample = (int32_t)cpu->sample_gap;
	result = syscall_live[nr](a, b, c, d, e, f);
	ns = system_time_leave(&t->system_time, thread_cpu_ns(t), entered_ns, follows);
	cpu = cpu_this();
	if (follows)
		cpu->sample_gap = system_time_next_gap(ns, cpu->sample_gap);
	cpu->calls_to_sample = follows ? (int32_t)cpu->sample_gap : 1;
	cpu->sampled = cpu->calls_to_sample == 1 ? t : NULL;
	return result;
}

void syscall_trapped(struct trapframe *f)
{
	bool entered;

	stat_count(CAY_C_SYSCALL_TRAPS);
	if (boot_info->flags & CAY_BOOT_NO_REWRITE)
		return;
	entered = kernel_enter();
	callsite_trapped(f);
	if (entered)
		kernel_leave();
}

long syscall_call_full(struct trapframe *f)
{
	const long arg[6] = {(long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, (long)f->r9};
	long result;

	if (watched && !seccomp_allows(arg, &result))
		return result;
	return syscall_inner[(uint32_t)f->orig_rax](arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
