/* SPDX-License-Identifier: MIT */
/*
 * policy.c - scheduling policies as a program sets and reads them: sched_setscheduler, sched_setattr, what children
 * inherit, and what a user without CAP_SYS_NICE may not do.
 */
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

/* glibc's <sched.h> and the kernel's <linux/sched/types.h> both define struct sched_param. */
static int set_scheduler(int policy, int priority)
{
	return (int)syscall(SYS_sched_setscheduler, 0, policy, &priority);
}

static int get_scheduler(void)
{
	return (int)syscall(SYS_sched_getscheduler, 0);
}

static int get_priority(void)
{
	int priority = -1;

	return syscall(SYS_sched_getparam, 0, &priority) == 0 ? priority : -1;
}

static int set_attr(const struct sched_attr *a)
{
	return (int)syscall(SYS_sched_setattr, 0, a, 0);
}

static struct sched_attr get_attr(void)
{
	struct sched_attr a = {0};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0)
		a.sched_policy = (uint32_t)-1;
	return a;
}

static int nice_level(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

/* fn in a child, after `enter` if given; its result is 0..100. */
static int in_child(int (*fn)(void), void (*enter)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter != NULL)
			enter();
		_exit(fn());
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void become_nobody(void)
{
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		_exit(101);
}

static int child_state(void)
{
	return (get_scheduler() & SCHED_RESET_ON_FORK ? 64 : 0) + get_scheduler() * 8 + (nice_level() == 0);
}

static void test_attr(void)
{
	struct sched_attr a = {.size = sizeof(a), .sched_policy = SCHED_BATCH, .sched_nice = 3};
	struct {
		struct sched_attr known;
		uint64_t future;
	} longer = {.known = {.size = sizeof(longer), .sched_policy = SCHED_NORMAL, .sched_nice = 5}};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	report_true(set_attr(&a) == 0);
	report_true(get_attr().sched_policy == SCHED_BATCH);
	report_true(get_attr().sched_nice == 3 && nice_level() == 3);
	report_true(get_attr().sched_flags == 0);
	report_true(set_attr(&longer.known) == 0);
	report_true(nice_level() == 5);
	longer.future = 1;
	longer.known.sched_nice = 7;
	report_errno(set_attr(&longer.known), E2BIG);
	report_true(longer.known.size > sizeof(a) - 8 && longer.known.size != sizeof(longer));
	report_true(nice_level() == 5);
	a = (struct sched_attr){.size = 8, .sched_nice = 9};
	report_errno(set_attr(&a), E2BIG);
	a = (struct sched_attr){.size = 0, .sched_nice = 6}; /* means the first version */
	report_true(set_attr(&a) == 0 && nice_level() == 6);
	a = (struct sched_attr){.size = sizeof(a), .sched_policy = 77};
	report_errno(set_attr(&a), EINVAL);
	a = (struct sched_attr){.size = sizeof(a), .sched_priority = 1};
	report_errno(set_attr(&a), EINVAL);
	a = (struct sched_attr){.size = sizeof(a), .sched_flags = 1ull << 40};
	report_errno(set_attr(&a), EINVAL);
	a = (struct sched_attr){.size = sizeof(a), .sched_flags = SCHED_FLAG_KEEP_PARAMS, .sched_policy = SCHED_BATCH};
	report_true(set_attr(&a) == 0 && get_attr().sched_policy == SCHED_NORMAL && nice_level() == 6);
	a = (struct sched_attr){.size = sizeof(a), .sched_flags = SCHED_FLAG_KEEP_POLICY, .sched_nice = 8};
	report_true(set_attr(&a) == 0 && get_attr().sched_policy == SCHED_NORMAL && nice_level() == 8);
	report_errno(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
	report_errno(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	report_errno(syscall(SYS_sched_setattr, -1, &a, 0), EINVAL);
	report_errno(syscall(SYS_sched_setattr, 0x3ffffff, &a, 0), ESRCH);
	report_errno(syscall(SYS_sched_getattr, 0, &a, 8, 0), EINVAL);
	report_errno(syscall(SYS_sched_getattr, 0, &a, 8192, 0), EINVAL);
	report_errno(syscall(SYS_sched_getattr, 0, 16, sizeof(a), 0), EFAULT);
	/* The first version only: what lies behind it stays. */
	munmap(page + 4096, 4096);
	report_true(syscall(SYS_sched_getattr, 0, page + 4096 - SCHED_ATTR_SIZE_VER0, SCHED_ATTR_SIZE_VER0, 0) == 0);
	report_true(((struct sched_attr *)(page + 4096 - SCHED_ATTR_SIZE_VER0))->size == SCHED_ATTR_SIZE_VER0);
	munmap(page, 4096);
	report_true(set_scheduler(SCHED_NORMAL, 0) == 0 && nice_level() == 8);
}

static int without_rights(void)
{
	struct sched_attr fifo = {.size = sizeof(fifo), .sched_policy = SCHED_FIFO, .sched_priority = 1};
	struct sched_attr nicer = {.size = sizeof(nicer), .sched_nice = nice_level() - 1};
	const struct rlimit two = {2, 2};
	int bad = 0;

	bad += !(set_attr(&fifo) == -1 && errno == EPERM);
	bad += !(set_scheduler(SCHED_RR, 1) == -1 && errno == EPERM);
	bad += !(set_attr(&nicer) == -1 && errno == EPERM);
	bad += set_scheduler(SCHED_IDLE, 0) != 0;
	bad += !(set_scheduler(SCHED_NORMAL, 0) == -1 && errno == EPERM); /* only with the limit for nice levels */
	/* A limit cannot be raised, so a parent with rights gives it: with_limits. */
	bad += !(setrlimit(RLIMIT_RTPRIO, &two) == -1 && errno == EPERM);
	bad += set_scheduler(SCHED_IDLE | SCHED_RESET_ON_FORK, 0) != 0;
	bad += !(set_scheduler(SCHED_IDLE, 0) == -1 && errno == EPERM); /* it stays once it is set */
	return bad;
}

static int with_limits(void)
{
	int bad = 0;

	bad += set_scheduler(SCHED_FIFO, 2) != 0;
	bad += !(set_scheduler(SCHED_FIFO, 3) == -1 && errno == EPERM);
	bad += set_scheduler(SCHED_RR, 1) != 0;
	bad += get_priority() != 1;
	bad += set_scheduler(SCHED_NORMAL, 0) != 0;
	bad += setpriority(PRIO_PROCESS, 0, 4) != 0 || setpriority(PRIO_PROCESS, 0, 2) != 0;
	bad += !(setpriority(PRIO_PROCESS, 0, 1) == -1 && errno == EACCES);
	return bad;
}

static void limit_and_become_nobody(void)
{
	const struct rlimit rt = {2, 2}, nice = {18, 18};

	if (setrlimit(RLIMIT_RTPRIO, &rt) != 0 || setrlimit(RLIMIT_NICE, &nice) != 0)
		_exit(102);
	become_nobody();
}

static int nothing(void)
{
	return 0;
}

static int strangers_thread(void)
{
	struct sched_attr a = {.size = sizeof(a), .sched_nice = 10};
	uint64_t cpus = 1;
	int bad = 0;

	bad += !(syscall(SYS_sched_setattr, getppid(), &a, 0) == -1 && errno == EPERM);
	bad += !(syscall(SYS_sched_setaffinity, getppid(), sizeof(cpus), &cpus) == -1 && errno == EPERM);
	bad += syscall(SYS_sched_getattr, getppid(), &a, sizeof(a), 0) != 0;
	return bad;
}

static void test_realtime(void)
{
	struct timespec t = {1, 1};

	if (set_scheduler(SCHED_FIFO, 5) != 0) {
		printf("SKIP real-time policies: not allowed to this user\n");
		return;
	}
	report_true(get_scheduler() == SCHED_FIFO && get_priority() == 5);
	report_true(get_attr().sched_priority == 5 && get_attr().sched_nice == 0);
	report_true(syscall(SYS_sched_rr_get_interval, 0, &t) == 0 && t.tv_sec == 0 && t.tv_nsec == 0);
	report_eq(in_child(child_state, NULL), SCHED_FIFO * 8);
	report_true(set_scheduler(SCHED_FIFO | SCHED_RESET_ON_FORK, 5) == 0);
	report_true(get_scheduler() == (SCHED_FIFO | SCHED_RESET_ON_FORK));
	report_true(get_attr().sched_flags == SCHED_FLAG_RESET_ON_FORK);
	report_eq(in_child(child_state, NULL), SCHED_NORMAL * 8 + 1);
	report_true(set_scheduler(SCHED_NORMAL | SCHED_RESET_ON_FORK, 0) == 0);
	report_true(setpriority(PRIO_PROCESS, 0, -3) == 0);
	report_eq(in_child(child_state, NULL), SCHED_NORMAL * 8 + 1);
	report_true(setpriority(PRIO_PROCESS, 0, 3) == 0);
	report_eq(in_child(child_state, NULL), SCHED_NORMAL * 8);
	report_true(set_scheduler(SCHED_NORMAL, 0) == 0);
	if (in_child(nothing, limit_and_become_nobody) == 0)
		report_eq(in_child(with_limits, limit_and_become_nobody), 0);
	else
		printf("SKIP limits of real-time priorities: may not be raised here\n");
	report_eq(in_child(strangers_thread, become_nobody), 0);
}

int main(void)
{
	test_attr();
	report_eq(in_child(without_rights, become_nobody), 0);
	test_realtime();
	return report_summary();
}
