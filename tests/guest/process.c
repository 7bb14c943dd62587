/* SPDX-License-Identifier: MIT */
/* Who the process is and what it may: ids, limits, names, random numbers, auxv, what is absent. */
#include "report.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void ids(void)
{
	uid_t r, e, s;

	report_true(getpid() == (pid_t)syscall(SYS_gettid));
	report_true(getuid() == geteuid() && getgid() == getegid());
	report_true(getresuid(&r, &e, &s) == 0 && r == getuid() && e == r && s == r);
	report_true(getpgid(0) == getpgrp() && getpgrp() > 0 && getsid(0) > 0);
	report_true(getgroups(0, NULL) >= 0);
	report_eq(setuid(getuid()), 0);
	report_errno(getpgid(12345678), ESRCH);
	report_errno(kill(12345678, 0), ESRCH);
	report_eq(kill(getpid(), 0), 0);
	report_errno(kill(getpid(), 99), EINVAL);
	report_errno(wait(NULL), ECHILD);
	report_errno(waitpid(12345678, NULL, WNOHANG), ECHILD);
}

/* In a child: they do not come back without CAP_SETGID. */
static int set_groups(void)
{
	static gid_t many[65536], back[65536];
	gid_t few[] = {30, 10, 20};
	int failed = 0;

	for (int i = 0; i < 65536; i++)
		many[i] = (gid_t)(1000000 - i);
	failed |= setgroups(3, few) != 0 || getgroups(3, back) != 3 || back[0] != 10 || back[1] != 20 || back[2] != 30;
	failed |= (getgroups(2, back) != -1 || errno != EINVAL) << 1;
	failed |= (setgroups(65536, many) != 0 || getgroups(0, NULL) != 65536 || getgroups(65536, back) != 65536) << 2;
	failed |= (back[0] != many[65535] || back[65535] != many[0]) << 3;
	failed |= (setgroups(65537, many) != -1 || errno != EINVAL) << 4;
	failed |= (setgroups(2, (gid_t *)8) != -1 || errno != EFAULT || getgroups(0, NULL) != 65536) << 5;
	failed |= (setgroups(0, NULL) != 0 || getgroups(0, NULL) != 0) << 6;
	return failed;
}

static void groups(void)
{
	int status;
	pid_t pid;

	report_eq(sysconf(_SC_NGROUPS_MAX), 65536);
	if (geteuid() != 0) {
		report_skip("setgroups", "not root");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(set_groups());
	waitpid(pid, &status, 0);
	if (!report(status == 0, "setgroups sorts, shares and takes 65536"))
		fprintf(stderr, "setgroups: status %x\n", status);
}

static void limits(void)
{
	struct rlimit r, low;
	cpu_set_t set;

	for (int i = 0; i < 16; i++)
		if (getrlimit((enum __rlimit_resource)i, &r) != 0 || r.rlim_cur > r.rlim_max)
			report(false, "limit %d", i);
	report_errno(getrlimit((enum __rlimit_resource)99, &r), EINVAL);
	getrlimit(RLIMIT_CORE, &r);
	low = (struct rlimit){0, r.rlim_max};
	report_eq(setrlimit(RLIMIT_CORE, &low), 0);
	report_true(getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_cur == 0);
	low = (struct rlimit){10, 5};
	report_errno(setrlimit(RLIMIT_CORE, &low), EINVAL);
	report_true(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	report_eq(sched_yield(), 0);
	errno = 0;
	report_true(getpriority(PRIO_PROCESS, 0) >= -20 && errno == 0);
}

static void names(void)
{
	char name[20] = "";

	report_eq(prctl(PR_SET_NAME, "a-very-long-name-indeed"), 0);
	report_true(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a-very-long-nam") == 0);
	report_errno(prctl(987654, 0, 0, 0, 0), EINVAL);
	report_true(prctl(PR_GET_DUMPABLE) >= 0);
}

static void random_numbers(void)
{
	char a[64] = "", b[64] = "";

	report_eq(getrandom(a, 64, 0), 64);
	report_eq(getrandom(b, 64, GRND_NONBLOCK), 64);
	report(memcmp(a, b, 64) != 0, "two draws differ");
	report_errno(getrandom(a, 1, 0x100), EINVAL);
	memcpy(a, (void *)getauxval(AT_RANDOM), 16);
	report(memcmp(a, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) != 0, "AT_RANDOM is random");
}

static void start(void)
{
	report_eq(getauxval(AT_PAGESZ), 4096);
	report_eq(getauxval(AT_CLKTCK), 100);
	report_eq(getauxval(AT_UID), getuid());
	report_true(getauxval(AT_PHDR) != 0 && getauxval(AT_ENTRY) != 0 && getauxval(AT_EXECFN) != 0);
	report_true(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
	report_true(((uintptr_t)__builtin_frame_address(0) & 15) == 0);
	report_true(environ != NULL && getenv("PATH") != NULL);
	report_true(getauxval(AT_SECURE) == 0);
	report_true(access((char *)getauxval(AT_EXECFN), F_OK) == 0);
}

static void memory_files(void)
{
	int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *p;

	report_true(fd >= 0);
	report_eq(ftruncate(fd, 8192), 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	report_true(p != MAP_FAILED);
	p[5000] = 'z';
	char c = 0;
	report_true(pread(fd, &c, 1, 5000) == 1 && c == 'z');
	report_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	report_errno(ftruncate(fd, 100), EPERM);
	report_errno(ftruncate(fd, 100000), EPERM);
	report_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	munmap(p, 8192);
	report_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	report_errno(write(fd, "x", 1), EPERM);
	report_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	report_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	close(fd);
	report_errno(memfd_create("x", 0x8000), EINVAL);
}

int main(void)
{
	ids();
	groups();
	limits();
	names();
	random_numbers();
	start();
	memory_files();
	return report_summary();
}
