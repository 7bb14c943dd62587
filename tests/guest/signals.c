/* SPDX-License-Identifier: MIT */
/* Signals within one process: actions, masks, queues, waiting, and what happens to the call they interrupt. */
#include "handlers.h"
#include "report.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

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

/* Goes on with the registers of a signal's frame, vector registers excepted, and without sigreturn. */
static void __attribute__((noreturn)) go_on(const greg_t *regs)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The order is that of REG_R8 and so on; rax last but for the jump, whose target waits below the red zone. */
	__asm__ volatile(
		"pushq 136(%0); popfq; mov 120(%0), %%rsp; mov 128(%0), %%rcx; mov %%rcx, -256(%%rsp);"
		"mov 0(%0), %%r8; mov 8(%0), %%r9; mov 16(%0), %%r10; mov 24(%0), %%r11; mov 32(%0), %%r12;"
		"mov 40(%0), %%r13; mov 48(%0), %%r14; mov 56(%0), %%r15; mov 64(%0), %%rdi; mov 72(%0), %%rsi;"
		"mov 80(%0), %%rbp; mov 88(%0), %%rbx; mov 96(%0), %%rdx; mov 112(%0), %%rcx;"
		"mov 104(%0), %%rax; jmp *-256(%%rsp)" ::"a"(regs)
		: "memory");
	__builtin_unreachable();
}

static void feed_and_go_on(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	feed_pipe(sig);
	go_on(((ucontext_t *)uc)->uc_mcontext.gregs);
}

/* The frame of a handler shows the interrupted call as Linux would make it again: whoever jumps there does. */
static void test_going_on_without_sigreturn(void)
{
	struct sigaction sa = {.sa_sigaction = feed_and_go_on, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	static char stack[65536]; /* else the jump's target would lie in the frame that is being read */
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, off = {.ss_flags = SS_DISABLE};
	int fed = 0, interrupted = 0;
	char c;

	report_eq(pipe(pipe_fds), 0);
	sigaltstack(&ss, NULL);
	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < 8; i++) { /* the call site is patched on the way */
		alarms(5);
		fed += read(pipe_fds[0], &c, 1) == 1;
		alarms(0);
	}
	report_eq(fed, 8);
	sa.sa_flags &= ~SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	for (struct pollfd pfd = {.fd = pipe_fds[0], .events = POLLIN}; poll(&pfd, 1, 0) == 1;)
		(void)!read(pipe_fds[0], &c, 1);
	alarms(20);
	interrupted = read(pipe_fds[0], &c, 1) == -1 && errno == EINTR;
	alarms(0);
	report_eq(interrupted, 1);
	handle(SIGALRM, count, 0);
	sigaltstack(&off, NULL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
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
	test_going_on_without_sigreturn();
	test_signalfd();
	test_directed_at_threads();
	test_changing_masks(false);
	test_changing_masks(true);
	return report_summary();
}
