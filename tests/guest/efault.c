/* SPDX-License-Identifier: MIT */
/* Wild pointers in system calls: EFAULT, never a crash, never a byte of the kernel's memory. */
#include "report.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

/* What a hostile or broken program hands in: null, low, unmapped, and addresses where a kernel that shares the
 * address space lives (on Linux they are merely unmapped or not canonical). */
static const uint64_t wild[] = {0,
				1,
				0x1000,
				0x500000000000ull,
				0x700000000000ull - 4,
				0x700000000000ull,
				0x700000010000ull,
				0x780000000000ull,
				0x780000100000ull,
				0x7f0000000000ull - 1,
				0x800000000000ull,
				0xffff800000000000ull,
				0xffffffff80000000ull,
				0xffffffffffffff00ull};

static int fd_zero, fd_tmp, pipefd[2];

static long call(long nr, long a, long b, long c, long d, long e)
{
	errno = 0;
	return syscall(nr, a, b, c, d, e);
}

#define WILD(name, nr, a, b, c, d, e)                                                                                  \
	do {                                                                                                           \
		bool all_ = true;                                                                                      \
		for (size_t i_ = 0; i_ < sizeof(wild) / sizeof(wild[0]); i_++) {                                       \
			uint64_t P = wild[i_];                                                                         \
			(void)P;                                                                                       \
			long r_ = call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e));                     \
			if (r_ != -1 || errno != EFAULT) {                                                             \
				fprintf(stderr, "%s with %#lx: %ld errno %d\n", name, P, r_, errno);                   \
				all_ = false;                                                                          \
			}                                                                                              \
		}                                                                                                      \
		report(all_, "%s: EFAULT for wild pointers", name);                                                    \
	} while (0)

static void outputs(void)
{
	WILD("read", SYS_read, fd_zero, P, 100, 0, 0);
	WILD("pread64", SYS_pread64, fd_tmp, P, 100, 0, 0);
	WILD("getrandom", SYS_getrandom, P, 32, 0, 0, 0);
	WILD("fstat", SYS_fstat, fd_tmp, P, 0, 0, 0);
	WILD("stat", SYS_stat, "/", P, 0, 0, 0);
	WILD("newfstatat", SYS_newfstatat, AT_FDCWD, "/", P, 0, 0);
	WILD("statfs", SYS_statfs, "/", P, 0, 0, 0);
	WILD("statx", SYS_statx, AT_FDCWD, "/", 0, 0x7ff, P);
	WILD("uname", SYS_uname, P, 0, 0, 0, 0);
	WILD("pipe", SYS_pipe, P, 0, 0, 0, 0);
	WILD("getcwd", SYS_getcwd, P, 100, 0, 0, 0);
	WILD("clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, P, 0, 0, 0);
	WILD("sysinfo", SYS_sysinfo, P, 0, 0, 0, 0);
	WILD("getrusage", SYS_getrusage, 0, P, 0, 0, 0);
	WILD("times", SYS_times, P ? P : 1, 0, 0, 0, 0);
	WILD("readlink", SYS_readlink, "/proc/self/exe", P, 100, 0, 0);
	WILD("rt_sigpending", SYS_rt_sigpending, P, 8, 0, 0, 0);
	WILD("getrlimit", SYS_getrlimit, 3, P, 0, 0, 0);
	WILD("getitimer", SYS_getitimer, ITIMER_REAL, P, 0, 0, 0);
	WILD("getresuid", SYS_getresuid, P, P, P, 0, 0);
}

static void inputs(void)
{
	WILD("write to a file", SYS_write, fd_tmp, P, 100, 0, 0);
	WILD("write to a pipe", SYS_write, pipefd[1], P, 100, 0, 0);
	WILD("open", SYS_open, P, O_RDONLY, 0, 0, 0);
	WILD("openat", SYS_openat, AT_FDCWD, P, O_RDONLY, 0, 0);
	WILD("access", SYS_access, P, 0, 0, 0, 0);
	WILD("chdir", SYS_chdir, P, 0, 0, 0, 0);
	WILD("mkdir", SYS_mkdir, P, 0700, 0, 0, 0);
	WILD("unlink", SYS_unlink, P, 0, 0, 0, 0);
	WILD("rename", SYS_rename, "/tmp/x", P, 0, 0, 0);
	WILD("readv", SYS_readv, fd_zero, P, 2, 0, 0);
	WILD("writev", SYS_writev, fd_tmp, P, 2, 0, 0);
	WILD("nanosleep", SYS_nanosleep, P, 0, 0, 0, 0);
	WILD("poll", SYS_poll, P, 2, 0, 0, 0);
	WILD("rt_sigprocmask", SYS_rt_sigprocmask, 0, P ? P : 1, 0, 8, 0);
	WILD("rt_sigaction", SYS_rt_sigaction, SIGUSR1, P ? P : 1, 0, 8, 0);
	WILD("futex wait", SYS_futex, P & ~3ull, 0, 0, 0, 0);
	WILD("execve", SYS_execve, P, 0, 0, 0, 0);
	WILD("setrlimit", SYS_setrlimit, 3, P, 0, 0, 0);
}

/* A buffer that begins well and ends in a hole: what was moved counts, or nothing was. */
static void edges(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov[2];
	char good[8];

	munmap(p + PAGE, PAGE);
	memset(p, 'x', PAGE);
	report_errno(read(fd_zero, ro, 10), EFAULT);
	report_eq(pwrite(fd_tmp, "0123456789", 10, 0), 10);
	report_errno(pread(fd_tmp, ro, 10, 0), EFAULT);
	memset(p + PAGE - 4, 0, 4);
	report_errno(open(p + PAGE - 4, O_RDONLY), ENOENT);
	memset(p + PAGE - 4, 'x', 4);
	report_errno(open(p + PAGE - 4, O_RDONLY), EFAULT);
	iov[0] = (struct iovec){good, 8};
	iov[1] = (struct iovec){NULL, 8};
	report_eq(readv(fd_zero, iov, 2), 8);
	iov[1].iov_len = (size_t)-1;
	report_errno(readv(fd_zero, iov, 2), EINVAL);
	report_errno(readv(fd_zero, iov, -1), EINVAL);
	report_errno(readv(fd_zero, iov, 1025), EINVAL);
	report_eq(read(fd_zero, NULL, 0), 0);
	report_eq(write(fd_tmp, NULL, 0), 0);
	report(write(pipefd[1], p + PAGE - 10, 10) == 10, "the last bytes before a hole are written");
	report_eq(call(SYS_read, pipefd[0], (long)good, 8, 0, 0), 8);
}

int main(void)
{
	char name[] = "/tmp/cay-efault-XXXXXX";

	report_catch_faults();
	fd_zero = open("/dev/zero", O_RDWR);
	fd_tmp = mkstemp(name);
	report_true(fd_zero >= 0 && fd_tmp >= 0 && pipe(pipefd) == 0);
	report_eq(pwrite(fd_tmp, "0123456789", 10, 0), 10);
	outputs();
	inputs();
	edges();
	unlink(name);
	return report_summary();
}
