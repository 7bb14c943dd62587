/* SPDX-License-Identifier: MIT */
/* Filters that a program puts on its own system calls: seccomp(2). Each test has a process of its own, for no filter
 * goes again. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define OP(c, k)          ((struct sock_filter)BPF_STMT(c, k))
#define IF(c, k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (c) | BPF_K, k, yes, no))
#define LOAD(field)       OP(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(answer)    OP(BPF_RET | BPF_K, answer)

static long set(struct sock_filter *insn, unsigned nr, unsigned flags)
{
	struct sock_fprog prog = {.len = (unsigned short)nr, .filter = insn};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

#define SET_WITH(flags, ...)                                                                                           \
	({                                                                                                             \
		struct sock_filter p_[] = {__VA_ARGS__};                                                               \
		set(p_, sizeof(p_) / sizeof(p_[0]), flags);                                                            \
	})
#define SET(...) SET_WITH(0, __VA_ARGS__)
/* The call `nr_` gets this answer, all others pass. */
#define ANSWER(nr_, answer) SET(LOAD(nr), IF(BPF_JEQ, nr_, 0, 1), RETURN(answer), RETURN(SECCOMP_RET_ALLOW))

/* The wait status of a child that does this. */
static int in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn();
		syscall(SYS_exit_group, report_failures != 0);
	}
	waitpid(pid, &status, 0);
	return status;
}

#define CHILD(fn, what)                                                                                                \
	do {                                                                                                           \
		int s_ = in_child(fn);                                                                                 \
		report(WIFEXITED(s_) && WEXITSTATUS(s_) == 0, "%s: its process ends as it should", what);              \
	} while (0)
#define CHILD_DIES(fn, signo, what)                                                                                    \
	do {                                                                                                           \
		int s_ = in_child(fn);                                                                                 \
		report(WIFSIGNALED(s_) && WTERMSIG(s_) == (signo), "%s: its process dies of " #signo, what);           \
	} while (0)

static long call_uname(void)
{
	struct utsname u;

	return syscall(SYS_uname, &u);
}

static void refused(void)
{
	static struct sock_filter longest[BPF_MAXINSNS];
	uint32_t action = SECCOMP_RET_ERRNO;
	struct sock_filter allow = RETURN(SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {.len = 1, .filter = &allow};

	report_eq(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
	action = 0x00130000;
	report_errno(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
	report_errno(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
	report_errno(syscall(SYS_seccomp, 77, 0, NULL), EINVAL);
	report_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	report_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, &prog), EINVAL);
	report_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
	report_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
	if (geteuid() == 0)
		report_eq(setresuid(65534, 65534, 65534), 0);
	else
		report(true, "setresuid(65534, 65534, 65534) == 0");
	report_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), EACCES);
	report_errno(SET(OP(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(SECCOMP_RET_ALLOW)), EINVAL);
	report_errno(SET(OP(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)), RETURN(SECCOMP_RET_ALLOW)), EINVAL);
	report_errno(SET(OP(BPF_LD | BPF_H | BPF_ABS, 0), RETURN(SECCOMP_RET_ALLOW)), EINVAL);
	report_errno(SET(OP(BPF_ALU | BPF_MOD | BPF_K, 2), RETURN(SECCOMP_RET_ALLOW)), EINVAL);
	report_errno(SET(LOAD(nr)), EINVAL);
	report_eq(prctl(PR_GET_SECCOMP), 0);
	for (unsigned i = 0; i < BPF_MAXINSNS; i++)
		longest[i] = allow;
	report_eq(set(longest, BPF_MAXINSNS, 0), 0);
	/* Linux counts what it has made of them, which may be twice as much. */
	for (unsigned i = 0; i < 8 && set(longest, BPF_MAXINSNS, 0) == 0; i++)
		;
	report(errno == ENOMEM, "a chain has an end");
	report_eq(prctl(PR_GET_SECCOMP), 2);
}

static void numbers(void)
{
	report_eq(call_uname(), 0);
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_ERRNO | EXDEV), 0);
	report_errno(call_uname(), EXDEV);
	report_eq(ANSWER(SYS_getpgrp, SECCOMP_RET_ERRNO | 5000), 0);
	report(syscall(SYS_getpgrp) == -1 && errno == 4095, "an errno is 4095 at most");
	report_eq(ANSWER(SYS_getppid, SECCOMP_RET_TRACE), 0);
	report_errno(syscall(SYS_getppid), ENOSYS);
	report_eq(ANSWER(SYS_getuid, SECCOMP_RET_LOG), 0);
	report(syscall(SYS_getuid) == (long)getuid(), "a call that is only logged is made");
}

static void arguments(void)
{
	const unsigned low = offsetof(struct seccomp_data, args[1]);

	/* dup2(7, 0x100000002) and no other. */
	report_eq(SET(LOAD(nr), IF(BPF_JEQ, SYS_dup2, 0, 7), LOAD(args[0]), IF(BPF_JEQ, 7, 0, 5),
		      OP(BPF_LD | BPF_W | BPF_ABS, low), IF(BPF_JEQ, 2, 0, 3), OP(BPF_LD | BPF_W | BPF_ABS, low + 4),
		      IF(BPF_JEQ, 1, 0, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW)),
		  0);
	report_errno(syscall(SYS_dup2, 7, 0x100000002), EXDEV);
	report_errno(syscall(SYS_dup2, 7, 2), EBADF);
	report_errno(syscall(SYS_dup2, 8, 0x100000002), EBADF);
	/* The architecture, and that the instruction behind the call is in the program. */
	report_eq(SET(LOAD(arch), IF(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 4), LOAD(nr), IF(BPF_JEQ, SYS_uname, 0, 2),
		      LOAD(instruction_pointer), IF(BPF_JGT, 4096, 1, 0), RETURN(SECCOMP_RET_ALLOW),
		      RETURN(SECCOMP_RET_ERRNO | ENOTTY)),
		  0);
	report_errno(call_uname(), ENOTTY);
}

static void chain(void)
{
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_ERRNO | 11), 0);
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_ERRNO | 12), 0);
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_LOG), 0);
	report(call_uname() == -1 && errno == 12, "of equally strict answers the newest filter's counts");
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_KILL_PROCESS), 0);
	call_uname();
}

static volatile siginfo_t trapped;
static volatile uint64_t trapped_rip, trapped_rax;

static void on_sigsys(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	memcpy((void *)&trapped, info, sizeof(*info));
	trapped_rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	trapped_rax = (uint64_t)uc->uc_mcontext.gregs[REG_RAX];
	uc->uc_mcontext.gregs[REG_RAX] = 777;
}

static void trap(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &sa, NULL);
	report_eq(ANSWER(SYS_uname, SECCOMP_RET_TRAP | 1234), 0);
	report(call_uname() == 777, "the handler of SIGSYS gives the result");
	report_eq(trapped.si_signo, SIGSYS);
	report_eq(trapped.si_code, 1);
	report_eq(trapped.si_errno, 1234);
	report_eq(trapped.si_syscall, SYS_uname);
	report_eq(trapped.si_arch, AUDIT_ARCH_X86_64);
	report((uint64_t)trapped.si_call_addr == trapped_rip, "si_call_addr is where the program goes on");
	report(trapped_rax == SYS_uname, "the registers are those of the call");
	signal(SIGSYS, SIG_IGN); /* forced: being ignored does not help */
	call_uname();
}

static void kill_process(void)
{
	ANSWER(SYS_uname, SECCOMP_RET_KILL_PROCESS);
	call_uname();
}

static void unknown_action(void)
{
	ANSWER(SYS_uname, 0x00130000);
	call_uname();
}

static void kill_single(void)
{
	ANSWER(SYS_uname, SECCOMP_RET_KILL_THREAD);
	call_uname();
}

static void *call_and_die(void *arg)
{
	ANSWER(SYS_uname, SECCOMP_RET_KILL_THREAD);
	call_uname();
	*(bool *)arg = true;
	return NULL;
}

static void kill_thread(void)
{
	bool went_on = false;
	pthread_t t;

	pthread_create(&t, NULL, call_and_die, &went_on);
	pthread_join(t, NULL);
	report(!went_on, "a thread dies of its filter");
	report(call_uname() == 0, "another one goes on, without filter");
}

static sem_t ready, go;

static void *filtered_later(void *arg)
{
	*(pid_t *)arg = gettid();
	sem_post(&ready);
	sem_wait(&go);
	return (void *)(call_uname() == -1 && errno == EXDEV ? 1l : 0l);
}

static void *filters_itself(void *arg)
{
	*(pid_t *)arg = gettid();
	ANSWER(SYS_getpgrp, SECCOMP_RET_ERRNO | EXDEV);
	sem_post(&ready);
	sem_wait(&go);
	return NULL;
}

static void all_threads(void)
{
	pthread_t one, two;
	pid_t tid, stranger;
	void *had_it;

	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	pthread_create(&one, NULL, filtered_later, &tid);
	sem_wait(&ready);
	pthread_create(&two, NULL, filters_itself, &stranger);
	sem_wait(&ready);
#define UNAME_FAILS LOAD(nr), IF(BPF_JEQ, SYS_uname, 0, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW)
	report(SET_WITH(SECCOMP_FILTER_FLAG_TSYNC, UNAME_FAILS) == stranger,
	       "the thread with a filter of its own is named");
	report_errno(SET_WITH(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, UNAME_FAILS), ESRCH);
	report_eq(prctl(PR_GET_SECCOMP), 0);
	sem_post(&go);
	sem_post(&go); /* either may take the first: so both end here */
	pthread_join(two, NULL);
	pthread_join(one, NULL);
	pthread_create(&one, NULL, filtered_later, &tid);
	sem_wait(&ready);
	report_eq(SET_WITH(SECCOMP_FILTER_FLAG_TSYNC, UNAME_FAILS), 0);
	sem_post(&go);
	pthread_join(one, &had_it);
	report(had_it != NULL, "the other thread has the filter, too");
	report_errno(call_uname(), EXDEV);
}

static const char *self;

static void inherit(void)
{
	char line[128];
	unsigned mode = 9, filters = 9;
	int status;
	FILE *f;

	ANSWER(SYS_uname, SECCOMP_RET_ERRNO | EXDEV);
	ANSWER(SYS_getpgrp, SECCOMP_RET_ERRNO | EXDEV);
	f = fopen("/proc/self/status", "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "Seccomp: %u", &mode);
		sscanf(line, "Seccomp_filters: %u", &filters);
	}
	report(mode == 2 && filters == 2, "/proc/self/status tells of two filters");
	fflush(stdout);
	if (fork() == 0) {
		if (call_uname() == -1 && errno == EXDEV)
			execl(self, self, "after-exec", NULL);
		_exit(1);
	}
	wait(&status);
	report_eq(status, 0);
}

static void strict(void)
{
	char c;
	int fd[2];

	report_eq(pipe(fd), 0);
	report_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
	if (write(fd[1], "x", 1) != 1 || read(fd[0], &c, 1) != 1 || c != 'x')
		syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
}

static void strict_then_other(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_getpid);
	syscall(SYS_exit, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "after-exec") == 0)
		return !(call_uname() == -1 && errno == EXDEV);
	self = "/proc/self/exe";
	CHILD(refused, "what is refused");
	CHILD(numbers, "calls by number");
	CHILD(arguments, "calls by argument");
	CHILD_DIES(chain, SIGSYS, "several filters");
	CHILD_DIES(trap, SIGSYS, "a trap");
	CHILD_DIES(kill_process, SIGSYS, "a call that kills");
	CHILD_DIES(unknown_action, SIGSYS, "an unknown action");
	CHILD_DIES(kill_single, SIGSYS, "a call that kills the only thread");
	CHILD(kill_thread, "a call that kills one thread");
	CHILD(all_threads, "filters of all threads");
	CHILD(inherit, "what children have");
	CHILD(strict, "the strict mode");
	CHILD_DIES(strict_then_other, SIGKILL, "another call in the strict mode");
	return report_failures != 0;
}
