/* SPDX-License-Identifier: MIT */
/* Signals within one process: actions, masks, queues, frames, alternate stacks, faults, and what happens to the call
 * they interrupt. */
#include "report.h"

#include <fenv.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t hits, last_sig, last_value, order[16], nr_order;
static siginfo_t last_si;

static void count(int sig)
{
	hits++;
	last_sig = sig;
	if (nr_order < 16)
		order[nr_order++] = sig;
}

static void count_info(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	last_si = *si;
	last_value = si->si_value.sival_int;
	count(sig);
}

static void reset(void)
{
	hits = nr_order = last_sig = 0;
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	sigaction(sig, &sa, NULL);
}

static void handle_info(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = count_info, .sa_flags = flags | SA_SIGINFO};

	sigaction(sig, &sa, NULL);
}

static void mask(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(how, &s, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Again and again until the next alarms(0): one that came before the call that it is to interrupt does not count. */
static void alarms(int ms)
{
	struct itimerval v = {.it_value = {0, ms * 1000}, .it_interval = {0, ms * 1000}};

	setitimer(ITIMER_REAL, &v, NULL);
}

static void test_actions(void)
{
	struct sigaction sa, old;

	report_eq(sigaction(SIGUSR1, NULL, &old), 0);
	report_true(old.sa_handler == SIG_DFL);
	report_errno(sigaction(SIGKILL, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), EINVAL);
	report_errno(sigaction(SIGSTOP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), EINVAL);
	report_errno(sigaction(65, NULL, &old), EINVAL);
	reset();
	handle(SIGUSR1, count, 0);
	raise(SIGUSR1);
	report_true(hits == 1 && last_sig == SIGUSR1);
	handle(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	report_true(sa.sa_handler == SIG_DFL);
	handle(SIGUSR1, SIG_IGN, 0);
	raise(SIGUSR1);
	report_eq(hits, 2);
	report_errno(kill(getpid(), 65), EINVAL);
	report_eq(kill(getpid(), 0), 0);
	report_errno(kill(999999999, 0), ESRCH);
	report_errno(syscall(SYS_tgkill, getpid(), 999999999, SIGUSR1), ESRCH);
	report_errno(syscall(SYS_tgkill, getpid(), -1, SIGUSR1), EINVAL);
}

static void nested(int sig)
{
	sigset_t s;

	sigprocmask(SIG_SETMASK, NULL, &s);
	last_value = sigismember(&s, sig);
	if (++hits == 1)
		raise(sig);
}

static void test_masks(void)
{
	sigset_t s;

	reset();
	handle(SIGUSR1, count, 0);
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	report_eq(hits, 0);
	sigpending(&s);
	report_true(sigismember(&s, SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);
	report_eq(hits, 1);
	reset();
	handle(SIGUSR1, nested, 0);
	raise(SIGUSR1);
	report_true(hits == 2 && last_value == 1);
	reset();
	handle(SIGUSR1, nested, SA_NODEFER);
	raise(SIGUSR1);
	report_true(hits == 2 && last_value == 0);
	sigfillset(&s);
	sigprocmask(SIG_SETMASK, &s, NULL);
	sigprocmask(SIG_SETMASK, NULL, &s);
	report_true(!sigismember(&s, SIGKILL) && !sigismember(&s, SIGSTOP) && sigismember(&s, SIGUSR2));
	sigemptyset(&s);
	sigprocmask(SIG_SETMASK, &s, NULL);
	mask(SIG_BLOCK, SIGUSR1);
	handle(SIGUSR1, count, 0);
	raise(SIGUSR1);
	handle(SIGUSR1, SIG_IGN, 0);
	sigpending(&s);
	report(!sigismember(&s, SIGUSR1), "ignoring discards what is pending");
	mask(SIG_UNBLOCK, SIGUSR1);
}

static void test_queues(void)
{
	union sigval v;
	bool in_order = true;

	reset();
	handle_info(SIGRTMIN, 0);
	handle_info(SIGRTMIN + 1, 0);
	handle_info(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGRTMIN);
	mask(SIG_BLOCK, SIGRTMIN + 1);
	v.sival_int = 77;
	report_eq(sigqueue(getpid(), SIGRTMIN + 1, v), 0);
	for (int i = 0; i < 5; i++) {
		v.sival_int = i;
		sigqueue(getpid(), SIGRTMIN, v);
	}
	for (int i = 0; i < 5; i++) {
		siginfo_t si;
		sigset_t s;

		sigemptyset(&s);
		sigaddset(&s, SIGRTMIN);
		in_order &= sigwaitinfo(&s, &si) == SIGRTMIN && si.si_value.sival_int == i && si.si_code == SI_QUEUE;
	}
	report(in_order, "real-time signals queue in order, with values");
	mask(SIG_UNBLOCK, SIGRTMIN);
	report_eq(hits, 0);
	mask(SIG_UNBLOCK, SIGRTMIN + 1);
	report_true(hits == 1 && last_value == 77 && last_si.si_pid == getpid() && last_si.si_uid == getuid());
	raise(SIGUSR1);
	report_true(last_si.si_code == SI_TKILL && last_si.si_pid == getpid());
	kill(getpid(), SIGUSR1);
	report_true(last_si.si_code == SI_USER && last_si.si_signo == SIGUSR1);
}

static long queued_signals(void)
{
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "SigQ: %ld/", &n) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return n;
}

/* Of a user that nobody else is, so that what others have queued does not count. */
static void queue_to_the_limit(void)
{
	struct rlimit two = {2, 2};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	union sigval v = {.sival_int = 1};
	timer_t timer;
	siginfo_t si;
	sigset_t set;

	report_true(setresuid(54321, 54321, 54321) == 0 && setrlimit(RLIMIT_SIGPENDING, &two) == 0);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	report_eq(queued_signals(), 0);
	report_eq(sigqueue(getpid(), SIGRTMIN, v), 0);
	report_eq(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
	report_eq(queued_signals(), 2);
	report_errno(sigqueue(getpid(), SIGRTMIN, v), EAGAIN);
	report_errno(timer_create(CLOCK_MONOTONIC, &ev, &timer), EAGAIN);
	report(sigqueue(getpid(), SIGUSR1, v) == 0 && sigtimedwait(&set, &si, &(struct timespec){0}) == SIGUSR1 &&
		       si.si_value.sival_int == 0,
	       "a standard signal beyond the limit loses its value only");
	report(kill(getpid(), SIGUSR2) == 0 && sigtimedwait(&set, &si, &(struct timespec){0}) == SIGUSR2 &&
		       si.si_pid == getpid(),
	       "one of kill(2) has no limit");
	report_eq(timer_delete(timer), 0);
	report_eq(queued_signals(), 1);
	report_eq(sigqueue(getpid(), SIGRTMIN, v), 0);
	report_errno(sigqueue(getpid(), SIGRTMIN, v), EAGAIN);
	report_eq(sigtimedwait(&set, &si, &(struct timespec){0}), SIGRTMIN);
	report_eq(sigqueue(getpid(), SIGRTMIN, v), 0);
	exit(report_failures != 0);
}

static void test_limit(void)
{
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		report_skip("RLIMIT_SIGPENDING", "not root");
		return;
	}
	pid = fork();
	if (pid == 0)
		queue_to_the_limit();
	waitpid(pid, &status, 0);
	report_eq(status, 0);
}

static void test_waiting(void)
{
	struct timespec ts = {0, 20000000}, zero = {0, 0};
	siginfo_t si;
	sigset_t s, empty;
	uint64_t t0;

	sigemptyset(&empty);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	mask(SIG_BLOCK, SIGUSR1);
	report_errno(sigtimedwait(&s, &si, &zero), EAGAIN);
	t0 = now_ms();
	report_errno(sigtimedwait(&s, &si, &ts), EAGAIN);
	report_true(now_ms() - t0 >= 19);
	report_errno(sigtimedwait(&s, &si, &(struct timespec){0, -1}), EINVAL);
	raise(SIGUSR1);
	report_eq(sigtimedwait(&s, &si, &ts), SIGUSR1);
	handle(SIGALRM, count, SA_RESTART);
	reset();
	alarms(20);
	report_errno(sigtimedwait(&s, &si, NULL), EINTR);
	alarms(0);
	report_true(hits >= 1);
	handle(SIGUSR1, count, 0);
	raise(SIGUSR1);
	reset();
	report_errno(sigsuspend(&empty), EINTR);
	report_true(hits == 1 && last_sig == SIGUSR1);
	sigprocmask(SIG_SETMASK, NULL, &s);
	report(sigismember(&s, SIGUSR1), "sigsuspend puts the mask back");
	alarms(20);
	report_errno(pause(), EINTR);
	alarms(0);
	raise(SIGUSR1);
	report_errno(ppoll(NULL, 0, NULL, &empty), EINTR);
	sigprocmask(SIG_SETMASK, NULL, &s);
	report(sigismember(&s, SIGUSR1), "ppoll puts the mask back");
	mask(SIG_UNBLOCK, SIGUSR1);
}

static int pipe_fds[2];

static void feed_pipe(int sig)
{
	(void)!write(pipe_fds[1], "x", 1);
	count(sig);
}

static void test_interrupted_calls(void)
{
	struct timespec rem, req = {100, 0};
	struct pollfd pfd;
	char c = 0;

	report_eq(pipe(pipe_fds), 0);
	pfd = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
	handle(SIGALRM, count, 0);
	alarms(20);
	report_errno(read(pipe_fds[0], &c, 1), EINTR);
	alarms(0);
	handle(SIGALRM, feed_pipe, SA_RESTART);
	alarms(20);
	report_eq(read(pipe_fds[0], &c, 1), 1);
	alarms(0);
	report_true(c == 'x');
	/* No handler: the call just goes on. */
	handle(SIGWINCH, SIG_DFL, 0);
	handle(SIGALRM, count, SA_RESTART);
	alarms(20);
	report_errno(nanosleep(&req, &rem), EINTR);
	report_true(rem.tv_sec > 0 && rem.tv_sec < 100);
	while (poll(&pfd, 1, 0) == 1) /* it may have been fed more than once */
		(void)!read(pipe_fds[0], &c, 1);
	report_errno(poll(&pfd, 1, 100000), EINTR);
	report_true(sleep(100) > 0);
	alarms(0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static volatile double fp_result;

static void clobber_fpu(int sig)
{
	volatile double a = 1.5, b = 2.25;

	__asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm8, %%xmm8\n pxor %%xmm15, %%xmm15\n" ::
				 : "xmm0", "xmm8", "xmm15");
	fesetround(FE_TOWARDZERO);
	fp_result = a * b;
	count(sig);
}

/* Named from assembly. */
__attribute__((used)) static uint64_t regs_after[7], xmm_before[2] = {0x1122334455667788, 0x99aabbccddeeff00},
						     xmm_after[2];

static void test_registers_survive(void)
{
	const uint64_t *r = regs_after;

	reset();
	handle(SIGUSR1, clobber_fpu, 0);
	__asm__ volatile(
		"movdqu xmm_before(%%rip), %%xmm8\n"
		"mov $0x1111, %%rbx\n mov $0x1212, %%r12\n mov $0x1313, %%r13\n mov $0x1414, %%r14\n mov $0x1515, "
		"%%r15\n"
		"mov $0x1818, %%r8\n mov $0x1919, %%r9\n"
		"mov %[nr], %%eax\n syscall\n"
		"mov %%rbx, regs_after(%%rip)\n mov %%r12, regs_after+8(%%rip)\n mov %%r13, regs_after+16(%%rip)\n"
		"mov %%r14, regs_after+24(%%rip)\n mov %%r15, regs_after+32(%%rip)\n"
		"mov %%r8, regs_after+40(%%rip)\n mov %%r9, regs_after+48(%%rip)\n"
		"movdqu %%xmm8, xmm_after(%%rip)\n"
		:
		: [nr] "i"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
		: "rax", "rbx", "rcx", "r8", "r9", "r11", "r12", "r13", "r14", "r15", "xmm8", "memory", "cc");
	report_eq(hits, 1);
	report_true(r[0] == 0x1111 && r[1] == 0x1212 && r[2] == 0x1313 && r[3] == 0x1414 && r[4] == 0x1515);
	report_true(r[5] == 0x1818 && r[6] == 0x1919);
	report(xmm_after[0] == xmm_before[0] && xmm_after[1] == xmm_before[1],
	       "xmm8 survives a handler that clears it");
	report(fegetround() == FE_TONEAREST, "the rounding mode survives a handler that changes it");
	report_true(fp_result == 3.375);
}

static char *sp_seen;

static void see_sp(int sig)
{
	char here;

	sp_seen = &here;
	count(sig);
}

static void test_altstack(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;

	report_errno(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = 100}, NULL), ENOMEM);
	report_errno(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = 1 << 20}, NULL),
		     EINVAL);
	report_eq(sigaltstack(&ss, &old), 0);
	report_true(old.ss_flags == SS_DISABLE);
	handle(SIGUSR1, see_sp, SA_ONSTACK);
	raise(SIGUSR1);
	report_true(sp_seen > stack && sp_seen < stack + sizeof(stack));
	handle(SIGUSR1, see_sp, 0);
	raise(SIGUSR1);
	report_true(!(sp_seen > stack && sp_seen < stack + sizeof(stack)));
	ss.ss_flags = SS_DISABLE;
	report_eq(sigaltstack(&ss, &old), 0);
	report_true(old.ss_sp == stack && old.ss_size == sizeof(stack) && old.ss_flags == 0);
}

static void skip_fault(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	last_si = *si;
	last_value = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RBX];
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	count(sig);
}

static void test_context_can_be_edited(void)
{
	struct sigaction sa = {.sa_sigaction = skip_fault, .sa_flags = SA_SIGINFO};
	long got = 0;

	reset();
	sigaction(SIGSEGV, &sa, NULL);
	__asm__ volatile("lea 1f(%%rip), %%rbx\n mov $0x8560, %%eax\n movl $1, (%%rax)\n ud2\n 1: mov %%rax, %0"
			 : "=r"(got)::"rax", "rbx", "memory");
	report_eq(got, 4711);
	report_true(hits == 1 && last_si.si_code == SEGV_MAPERR && last_si.si_addr == (void *)0x8560);
	report_eq(last_value, 14);
}

static void divide_by_zero(void)
{
	int quotient = 1, rest = 0; /* in assembly: a compiler may compute 1 / x without dividing */

	__asm__ volatile("idivl %2" : "+a"(quotient), "+d"(rest) : "r"(0));
}

static void test_faults(void)
{
	static _Alignas(64) char vectors[128];
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	report_catch_faults();
	report_eq(fault_of(*(volatile char *)page = 1), SIGSEGV);
	report_true(report_si.si_code == SEGV_ACCERR && report_si.si_addr == page);
	report_eq(fault_of(__asm__ volatile("ud2")), SIGILL);
	report_eq(fault_of(divide_by_zero()), SIGFPE);
	report_true(report_si.si_code == FPE_INTDIV);
	report_eq(fault_of(__asm__ volatile("int3")), SIGTRAP);
	report_eq(fault_of(*(volatile char *)0x8000000000000000ull = 1), SIGSEGV);
	report_true(report_si.si_code == SI_KERNEL);
	/* Instructions of other kinds: a host that interprets some must not take the others for invalid. */
	report_eq(fault_of(__asm__ volatile("movq %%xmm0, (%0)" ::"r"(0x8000000000000000))), SIGSEGV);
	report_true(report_si.si_code == SI_KERNEL && report_si.si_addr == NULL);
	report_eq(fault_of(__asm__ volatile("paddb 16(%0), %%xmm0" ::"r"(0x8000000000000000))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("fldl (%0, %1, 8)" ::"r"(0ul), "r"(0x0100000000000000))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("popcnt (%0), %%rax" ::"r"(0x8000000000000000) : "rax")), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("int $0x21")), SIGSEGV);
	/* Operands that are not aligned. */
	report_eq(fault_of(__asm__ volatile("movaps (%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("pxor 16(%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("pshufb (%0), %%xmm0" ::"r"(vectors + 8))), SIGSEGV);
	if (__builtin_cpu_supports("avx"))
		report_eq(fault_of(__asm__ volatile("vmovaps %%ymm0, (%0)" ::"r"(vectors + 16))), SIGSEGV);
	else
		report_skip("vmovaps", "no AVX");
	report_eq(fault_of(__asm__ volatile("movups (%0), %%xmm0" ::"r"(vectors + 8))), 0);
	report_eq(fault_of(__asm__ volatile("ud1 (%0), %%rax" ::"r"(0x8000000000000000))), SIGILL);
	report_eq(fault_of(raise(SIGSEGV)), SIGSEGV);
	munmap(page, 4096);
}

static int bad_field;

static void spoil_frame(int sig, siginfo_t *si, void *ctx)
{
	greg_t *r = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)sig;
	(void)si;
	switch (bad_field) {
	case 0:
		r[REG_RIP] = (greg_t)0x8000000000000000;
		break;
	case 1:
		r[REG_RIP] = 16;
		break;
	case 2:
		((ucontext_t *)ctx)->uc_mcontext.fpregs = (void *)16;
		break;
	case 3:
		((ucontext_t *)ctx)->uc_mcontext.fpregs = (void *)0x8000000000000000;
		break;
	}
}

/* Needs the alternate stack and handlers of report_catch_faults(). */
static void test_spoiled_frames(void)
{
	struct sigaction sa = {.sa_sigaction = spoil_frame, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	for (bad_field = 0; bad_field < 4; bad_field++)
		report(fault_of(raise(SIGUSR1)) == SIGSEGV, "a frame spoiled in way %d ends in SIGSEGV", bad_field);
	report_eq(fault_of(__asm__ volatile("movabs $0x8000000000000000, %%rsp\n push $0" ::: "memory")), SIGBUS);
	report_eq(fault_of(__asm__ volatile("mov $0x1000, %%rsp\n push $0" ::: "memory")), SIGSEGV);
	report_eq(fault_of(__asm__ volatile("mov $0x1000, %%rsp\n mov %0, %%eax\n syscall" ::"i"(SYS_rt_sigreturn)
					    : "memory")),
		  SIGSEGV);
}

/* As valgrind does: what C libraries bring to return from a handler must do without the vDSO. */
static void test_without_vdso(void)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		reset();
		handle(SIGUSR1, count, 0);
		if (vdso != 0)
			munmap((void *)vdso, (size_t)sysconf(_SC_PAGESIZE));
		raise(SIGUSR1);
		_exit(hits == 1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	report(status == 0, "a handler returns where the vDSO is not mapped any more: status %d", status);
}

static void test_signalfd(void)
{
	struct signalfd_siginfo ssi;
	sigset_t s;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, SFD_NONBLOCK);
	report_true(fd >= 0);
	report_errno(read(fd, &ssi, sizeof(ssi)), EAGAIN);
	raise(SIGUSR2);
	report_eq(read(fd, &ssi, sizeof(ssi)), sizeof(ssi));
	report_true(ssi.ssi_signo == SIGUSR2 && ssi.ssi_pid == (uint32_t)getpid());
	report_errno(read(fd, &ssi, sizeof(ssi)), EAGAIN);
	close(fd);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void *victim(void *arg)
{
	(void)arg;
	while (!hits)
		pause();
	return (void *)(intptr_t)(last_value == gettid());
}

static void note_tid(int sig)
{
	last_value = gettid();
	count(sig);
}

static void test_directed_at_threads(void)
{
	pthread_t th;
	void *ok;

	reset();
	handle(SIGUSR1, note_tid, 0);
	report_eq(pthread_create(&th, NULL, victim, NULL), 0);
	while (!hits) {
		pthread_kill(th, SIGUSR1);
		usleep(1000);
	}
	pthread_join(th, &ok);
	report(ok != NULL, "pthread_kill runs the handler in that thread");
	reset();
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	report_eq(hits, 0);
	mask(SIG_UNBLOCK, SIGUSR1);
	report(hits == 1 && last_value == gettid(), "a directed signal waits for its thread");
}

/* --- masks that change while signals come --- */

#define TOGGLES_MS 150
static atomic_uint came;
static atomic_bool stop_toggling;

static void count_one(int sig)
{
	(void)sig;
	came++;
}

/* Blocks and unblocks, and lets them in during ppoll only, until told to stop; then all that is left comes. */
static void *toggle(void *arg)
{
	const struct timespec none = {0};
	sigset_t empty;

	(void)arg;
	sigemptyset(&empty);
	while (!stop_toggling) {
		mask(SIG_BLOCK, SIGRTMIN + 2);
		ppoll(NULL, 0, &none, &empty);
		mask(SIG_UNBLOCK, SIGRTMIN + 2);
	}
	return NULL;
}

/* Signals to the process or to each thread in turn, while the threads change their masks. None may be lost or stay
 * where nobody takes it. */
static void test_changing_masks(bool to_process)
{
	pthread_t th[3];
	unsigned sent = 0;
	struct timespec begin, now;

	came = 0;
	stop_toggling = false;
	handle(SIGRTMIN + 2, count_one, SA_RESTART);
	for (int i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, toggle, NULL);
	mask(SIG_BLOCK, SIGRTMIN + 2); /* the others', not this thread's */
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		int err = to_process ? sigqueue(getpid(), SIGRTMIN + 2, (union sigval){0})
				     : pthread_kill(th[sent % 3], SIGRTMIN + 2);

		if (err == 0)
			sent++;
		if (sent - came > 1000) /* below any limit of queued signals */
			usleep(100);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < TOGGLES_MS);
	for (int i = 0; i < 5000 && came != sent; i++)
		usleep(1000);
	report(came == sent, "no signal to %s is lost while masks change", to_process ? "the process" : "threads");
	stop_toggling = true;
	for (int i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	mask(SIG_UNBLOCK, SIGRTMIN + 2);
}

int main(void)
{
	test_actions();
	test_masks();
	test_queues();
	test_limit();
	test_waiting();
	test_interrupted_calls();
	test_registers_survive();
	test_altstack();
	test_context_can_be_edited();
	test_faults();
	test_spoiled_frames();
	test_without_vdso();
	test_signalfd();
	test_directed_at_threads();
	test_changing_masks(false);
	test_changing_masks(true);
	return report_summary();
}
