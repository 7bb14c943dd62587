/* SPDX-License-Identifier: MIT */
/* strace_flags.c - tables only; the numbers are the C library's headers'. */
#define _GNU_SOURCE
#include "kernel/linux/strace_flags.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/linux/strace_format.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

struct name {
	uint64_t value;
	const char *name;
};

#define N(x)                                                                                                           \
	{                                                                                                              \
		(uint64_t)(unsigned)(x), #x                                                                            \
	}
#define END                                                                                                            \
	{                                                                                                              \
		0, NULL                                                                                                \
	}

static const struct name access_modes_names[] = {
	N(O_RDONLY),
	N(O_WRONLY),
	N(O_RDWR),
	END,
};
static const struct name open_flags_names[] = {
	N(O_CREAT), N(O_EXCL),   N(O_NOCTTY),  N(O_TRUNC),     N(O_APPEND),   N(O_NONBLOCK), N(O_SYNC),
	N(O_DSYNC), N(O_DIRECT), N(O_TMPFILE), N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME),  N(O_CLOEXEC),
	N(O_PATH),  N(FASYNC),   END,
};
static const struct name prot_names[] = {
	N(PROT_NONE), N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), END,
};
static const struct name map_flags_names[] = {
	N(MAP_SHARED_VALIDATE),
	N(MAP_SHARED),
	N(MAP_PRIVATE),
	N(MAP_FIXED),
	N(MAP_ANONYMOUS),
	N(MAP_GROWSDOWN),
	N(MAP_DENYWRITE),
	N(MAP_NORESERVE),
	N(MAP_POPULATE),
	N(MAP_STACK),
	N(MAP_HUGETLB),
	N(MAP_FIXED_NOREPLACE),
	END,
};
static const struct name madvise_names[] = {
	N(MADV_NORMAL),
	N(MADV_RANDOM),
	N(MADV_SEQUENTIAL),
	N(MADV_WILLNEED),
	N(MADV_DONTNEED),
	N(MADV_FREE),
	N(MADV_HUGEPAGE),
	N(MADV_NOHUGEPAGE),
	N(MADV_DONTDUMP),
	N(MADV_DODUMP),
	N(MADV_POPULATE_READ),
	N(MADV_POPULATE_WRITE),
	END,
};
static const struct name whence_names[] = {
	N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE), END,
};
static const struct name r_ok_names[] = {
	N(F_OK), N(R_OK), N(W_OK), N(X_OK), END,
};
static const struct name at_flags_names[] = {
	N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR),        N(AT_SYMLINK_FOLLOW),  N(AT_NO_AUTOMOUNT),
	N(AT_EMPTY_PATH),       N(AT_STATX_FORCE_SYNC), N(AT_STATX_DONT_SYNC), END,
};
static const struct name clone_flags_names[] = {
	N(CLONE_VM),
	N(CLONE_FS),
	N(CLONE_FILES),
	N(CLONE_SIGHAND),
	N(CLONE_VFORK),
	N(CLONE_THREAD),
	N(CLONE_SYSVSEM),
	N(CLONE_SETTLS),
	N(CLONE_PARENT_SETTID),
	N(CLONE_CHILD_CLEARTID),
	N(CLONE_CHILD_SETTID),
	END,
};
static const struct name fcntl_names[] = {
	N(F_DUPFD),
	N(F_GETFD),
	N(F_SETFD),
	N(F_GETFL),
	N(F_SETFL),
	N(F_GETLK),
	N(F_SETLK),
	N(F_SETLKW),
	N(F_DUPFD_CLOEXEC),
	N(F_GETPIPE_SZ),
	N(F_SETPIPE_SZ),
	N(F_ADD_SEALS),
	N(F_GET_SEALS),
	N(F_OFD_GETLK),
	N(F_OFD_SETLK),
	N(F_OFD_SETLKW),
	END,
};
static const struct name futex_names[] = {
	N(FUTEX_WAIT),
	N(FUTEX_WAKE),
	N(FUTEX_REQUEUE),
	N(FUTEX_CMP_REQUEUE),
	N(FUTEX_WAKE_OP),
	N(FUTEX_LOCK_PI),
	N(FUTEX_UNLOCK_PI),
	N(FUTEX_TRYLOCK_PI),
	N(FUTEX_WAIT_BITSET),
	N(FUTEX_WAKE_BITSET),
	N(FUTEX_WAIT_REQUEUE_PI),
	N(FUTEX_CMP_REQUEUE_PI),
	N(FUTEX_LOCK_PI2),
	END,
};
static const struct name signals_names[] = {
	N(SIGHUP),  N(SIGINT),    N(SIGQUIT), N(SIGILL),   N(SIGTRAP), N(SIGABRT), N(SIGBUS),  N(SIGFPE),
	N(SIGKILL), N(SIGUSR1),   N(SIGSEGV), N(SIGUSR2),  N(SIGPIPE), N(SIGALRM), N(SIGTERM), N(SIGSTKFLT),
	N(SIGCHLD), N(SIGCONT),   N(SIGSTOP), N(SIGTSTP),  N(SIGTTIN), N(SIGTTOU), N(SIGURG),  N(SIGXCPU),
	N(SIGXFSZ), N(SIGVTALRM), N(SIGPROF), N(SIGWINCH), N(SIGIO),   N(SIGPWR),  N(SIGSYS),  END,
};
static const struct name sig_how_names[] = {
	N(SIG_BLOCK),
	N(SIG_UNBLOCK),
	N(SIG_SETMASK),
	END,
};
static const struct name sa_flags_names[] = {
	N(SA_NOCLDSTOP), N(SA_NOCLDWAIT), N(SA_SIGINFO),  N(SA_ONSTACK), N(SA_RESTART),
	N(SA_NODEFER),   N(SA_RESETHAND), N(SA_RESTORER), END,
};
static const struct name clocks_names[] = {
	N(CLOCK_REALTIME),          N(CLOCK_MONOTONIC),     N(CLOCK_PROCESS_CPUTIME_ID),
	N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE),
	N(CLOCK_MONOTONIC_COARSE),  N(CLOCK_BOOTTIME),      END,
};
static const struct name rlimits_names[] = {
	N(RLIMIT_CPU),
	N(RLIMIT_FSIZE),
	N(RLIMIT_DATA),
	N(RLIMIT_STACK),
	N(RLIMIT_CORE),
	N(RLIMIT_RSS),
	N(RLIMIT_NPROC),
	N(RLIMIT_NOFILE),
	N(RLIMIT_MEMLOCK),
	N(RLIMIT_AS),
	N(RLIMIT_LOCKS),
	N(RLIMIT_SIGPENDING),
	N(RLIMIT_MSGQUEUE),
	N(RLIMIT_NICE),
	N(RLIMIT_RTPRIO),
	N(RLIMIT_RTTIME),
	END,
};
static const struct name ioctls_names[] = {
	N(TCGETS),    N(TCSETS),   N(TCSETSW), N(TCSETSF), N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCGPGRP),
	N(TIOCSPGRP), N(FIONREAD), N(FIONBIO), N(FIOCLEX), N(FIONCLEX),   N(TCFLSH),     END,
};
static const struct name file_types_names[] = {
	N(S_IFREG), N(S_IFDIR), N(S_IFCHR), N(S_IFBLK), N(S_IFIFO), N(S_IFLNK), N(S_IFSOCK), END,
};

static const struct name *const sets[STRACE_NAMES_NR] = {
	[STRACE_ACCESS_MODES] = access_modes_names,
	[STRACE_OPEN_FLAGS] = open_flags_names,
	[STRACE_PROT] = prot_names,
	[STRACE_MAP_FLAGS] = map_flags_names,
	[STRACE_MADVISE] = madvise_names,
	[STRACE_WHENCE] = whence_names,
	[STRACE_R_OK] = r_ok_names,
	[STRACE_AT_FLAGS] = at_flags_names,
	[STRACE_CLONE_FLAGS] = clone_flags_names,
	[STRACE_FCNTL] = fcntl_names,
	[STRACE_FUTEX] = futex_names,
	[STRACE_SIGNALS] = signals_names,
	[STRACE_SIG_HOW] = sig_how_names,
	[STRACE_SA_FLAGS] = sa_flags_names,
	[STRACE_CLOCKS] = clocks_names,
	[STRACE_RLIMITS] = rlimits_names,
	[STRACE_IOCTLS] = ioctls_names,
	[STRACE_FILE_TYPES] = file_types_names,
};

const char *strace_lookup(enum strace_names set, uint64_t value)
{
	for (const struct name *n = sets[set]; n->name != NULL; n++)
		if (n->value == value)
			return n->name;
	return NULL;
}

void strace_put_flags(struct strace_line *l, enum strace_names set, uint64_t value)
{
	bool first = true;

	if (value == 0) {
		strace_put(l, "%s", strace_lookup(set, 0) != NULL ? strace_lookup(set, 0) : "0");
		return;
	}
	for (const struct name *n = sets[set]; n->name != NULL && value != 0; n++) {
		if (n->value == 0 || (value & n->value) != n->value)
			continue;
		strace_put(l, first ? "%s" : "|%s", n->name);
		value &= ~n->value;
		first = false;
	}
	if (value != 0)
		strace_put(l, first ? "%#lx" : "|%#lx", (unsigned long)value);
}
