/* SPDX-License-Identifier: MIT */
/* Signals when a file can be read or written: O_ASYNC, F_SETOWN, F_SETSIG on pipes, sockets, terminals (fcntl(2)). */
#include "report.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pty.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef SIOCSPGRP
#define SIOCSPGRP 0x8902
#define SIOCGPGRP 0x8904
#endif

static sigset_t both;
static int rt;

/* The next of the two signals; 0 after `ms` without. */
static int next(siginfo_t *si, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	int sig = sigtimedwait(&both, si, &ts);

	return sig > 0 ? sig : 0;
}

static void forget(void)
{
	siginfo_t si;

	while (next(&si, 0) != 0)
		;
}

/* A signal with this code comes, with the file's number; what else comes before it does not matter. */
static bool comes(int code, int fd)
{
	siginfo_t si;
	int sig;

	while ((sig = next(&si, 10000)) != 0)
		if (sig == rt && si.si_code == code && si.si_fd == fd)
			return true;
	return false;
}

static void watch(int fd, int signo)
{
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, signo);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK);
}

static void watch_no_more(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC);
	forget();
}

static void test_settings(void)
{
	struct f_owner_ex ex = {F_OWNER_PGRP, getpgrp()}, got;
	int fds[2], file = open("/proc/self/exe", O_RDONLY), owner = getpid();

	report_eq(pipe(fds), 0);
	report_eq(fcntl(fds[0], F_GETOWN), 0);
	report_eq(fcntl(fds[0], F_GETSIG), 0);
	report_eq(fcntl(fds[0], F_SETOWN, getpid()), 0);
	report_true(fcntl(fds[0], F_GETOWN) == getpid());
	report_errno(fcntl(fds[0], F_SETOWN, 12345678), ESRCH);
	report_true(fcntl(fds[0], F_GETOWN) == getpid());
	report_eq(fcntl(fds[0], F_SETOWN, -getpgrp()), 0);
	report_true(fcntl(fds[0], F_GETOWN_EX, &got) == 0 && got.type == F_OWNER_PGRP && got.pid == getpgrp());
	ex.type = 77;
	report_errno(fcntl(fds[0], F_SETOWN_EX, &ex), EINVAL);
	ex = (struct f_owner_ex){F_OWNER_TID, gettid()};
	report_eq(fcntl(fds[0], F_SETOWN_EX, &ex), 0);
	report_true(fcntl(fds[0], F_GETOWN_EX, &got) == 0 && got.type == F_OWNER_TID && got.pid == gettid());
	report_errno(fcntl(fds[0], F_SETSIG, 65), EINVAL);
	report_eq(fcntl(fds[0], F_SETSIG, SIGUSR1), 0);
	report_eq(fcntl(fds[0], F_GETSIG), SIGUSR1);
	report_eq(fcntl(fds[0], F_SETOWN, 0), 0);
	report_eq(fcntl(fds[0], F_GETOWN), 0);
	report(fcntl(fds[0], F_SETFL, O_ASYNC) == 0 && (fcntl(fds[0], F_GETFL) & O_ASYNC), "a pipe takes O_ASYNC");
	report(fcntl(file, F_SETFL, O_ASYNC) == 0 && !(fcntl(file, F_GETFL) & O_ASYNC), "a regular file does not");
	report_errno(ioctl(file, FIOASYNC, &owner), ENOTTY);
	close(file);
	close(fds[0]);
	close(fds[1]);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	report_eq(ioctl(s, SIOCSPGRP, &owner), 0);
	owner = 0;
	report_true(ioctl(s, SIOCGPGRP, &owner) == 0 && owner == getpid());
	close(s);
}

static void test_pipe(void)
{
	char buf[65536] = {0};
	siginfo_t si;
	int fds[2];

	report_eq(pipe(fds), 0);
	watch(fds[0], 0);
	(void)!write(fds[1], "x", 1);
	report(next(&si, 10000) == SIGIO && si.si_code == SI_KERNEL, "SIGIO when something is written");
	watch(fds[0], rt);
	(void)!write(fds[1], "x", 1);
	report(next(&si, 10000) == rt && si.si_code == POLL_IN && si.si_fd == fds[0] &&
		       si.si_band == (POLLIN | POLLRDNORM),
	       "F_SETSIG's signal says which file and why");
	watch_no_more(fds[0]);
	(void)!write(fds[1], "x", 1);
	report(next(&si, 0) == 0, "none without O_ASYNC");
	watch(fds[1], rt);
	while (write(fds[1], buf, sizeof(buf)) > 0)
		;
	report(errno == EAGAIN && next(&si, 0) == 0, "a pipe gets full without a signal");
	while (read(fds[0], buf, sizeof(buf)) == sizeof(buf))
		;
	report(comes(POLL_OUT, fds[1]), "room in a pipe");
	watch_no_more(fds[1]);
	watch(fds[0], rt);
	close(fds[1]);
	report(comes(POLL_IN, fds[0]), "the last writer leaves");
	close(fds[0]);
	forget();
}

static void pair_is_told(int a, int b, const char *what)
{
	char buf[4096] = {0};
	siginfo_t si;

	watch(a, rt);
	forget();
	(void)!write(b, "x", 1);
	report(comes(POLL_IN, a), "%s: data", what);
	(void)!read(a, buf, 1);
	fcntl(b, F_SETFL, O_NONBLOCK);
	while (write(a, buf, sizeof(buf)) > 0)
		;
	forget();
	while (read(b, buf, sizeof(buf)) > 0)
		;
	report(comes(POLL_OUT, a), "%s: room", what);
	forget();
	close(b);
	report(next(&si, 10000) == rt && (si.si_code == POLL_HUP || si.si_code == POLL_IN), "%s: the other end is gone",
	       what);
	close(a);
	forget();
}

static void test_sockets(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int s[2], l = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pair_is_told(s[0], s[1], "Unix stream");
	bind(l, (struct sockaddr *)&addr, sizeof(addr));
	listen(l, 5);
	getsockname(l, (struct sockaddr *)&addr, &len);
	watch(l, rt);
	s[0] = socket(AF_INET, SOCK_STREAM, 0);
	report_eq(connect(s[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
	report(comes(POLL_IN, l), "a connection to accept");
	s[1] = accept(l, NULL, NULL);
	watch_no_more(l);
	close(l);
	pair_is_told(s[0], s[1], "TCP");
	addr.sin_port = 0;
	bind(u, (struct sockaddr *)&addr, sizeof(addr));
	getsockname(u, (struct sockaddr *)&addr, &len);
	watch(u, rt);
	sendto(u, "x", 1, 0, (struct sockaddr *)&addr, sizeof(addr));
	report(comes(POLL_IN, u), "a datagram");
	close(u);
	forget();
}

static void test_terminal(void)
{
	struct termios raw;
	siginfo_t si;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		return;
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	watch(slave, rt);
	forget();
	(void)!write(master, "k", 1);
	report(comes(POLL_IN, slave), "a key at a terminal");
	watch_no_more(slave);
	fcntl(slave, F_SETOWN, getpid());
	fcntl(slave, F_SETSIG, 0);
	fcntl(slave, F_SETFL, O_ASYNC | O_RDWR);
	(void)!write(master, "k", 1);
	report(next(&si, 10000) == SIGIO, "SIGIO from a terminal");
	close(slave);
	close(master);
	forget();
}

static void *other_thread(void *arg)
{
	siginfo_t si;

	*(_Atomic pid_t *)arg = gettid();
	return (void *)(intptr_t)(next(&si, 10000) == rt);
}

/* A child waits for the signal that its parent's file causes; it tells by its status whether that came. */
static bool child_is_told(bool as_group)
{
	int fds[2], ready[2], status;
	pid_t pid;
	char c;

	if (pipe(fds) != 0 || pipe(ready) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		siginfo_t si;

		setpgid(0, 0);
		(void)!write(ready[1], "x", 1);
		_exit(next(&si, 10000) == rt ? 0 : 1);
	}
	(void)!read(ready[0], &c, 1);
	watch(fds[0], rt);
	fcntl(fds[0], F_SETOWN, as_group ? -pid : pid);
	(void)!write(fds[1], "x", 1);
	waitpid(pid, &status, 0);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(ready[i]);
	}
	return status == 0;
}

static void test_owners(void)
{
	_Atomic pid_t tid = 0;
	siginfo_t si;
	pthread_t th;
	void *told;
	int fds[2];

	report(child_is_told(false), "another process");
	report(child_is_told(true), "a group");
	pthread_create(&th, NULL, other_thread, (void *)&tid);
	while (tid == 0)
		usleep(500);
	report_eq(pipe(fds), 0);
	watch(fds[0], rt);
	struct f_owner_ex ex = {F_OWNER_TID, tid};

	report_eq(fcntl(fds[0], F_SETOWN_EX, &ex), 0);
	(void)!write(fds[1], "x", 1);
	pthread_join(th, &told);
	report(told != NULL, "a thread");
	fcntl(fds[0], F_SETOWN, 0);
	(void)!write(fds[1], "x", 1);
	report(next(&si, 0) == 0, "nobody");
	/* Where the queue is full, SIGIO says that there was something. */
	struct rlimit old, none = {0, 0};

	getrlimit(RLIMIT_SIGPENDING, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_SIGPENDING, &none);
	fcntl(fds[0], F_SETOWN, getpid());
	(void)!write(fds[1], "x", 1);
	report(next(&si, 10000) == SIGIO, "SIGIO when no more signals may be queued");
	setrlimit(RLIMIT_SIGPENDING, &old);
	close(fds[0]);
	close(fds[1]);
	forget();
}

/* A program that is told while it does something else. */
static volatile sig_atomic_t told;

static int connect_tcp(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	bind(l, (struct sockaddr *)&a, len);
	listen(l, 1);
	getsockname(l, (struct sockaddr *)&a, &len);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[0], (struct sockaddr *)&a, len) != 0)
		return -1;
	fd[1] = accept(l, NULL, NULL);
	close(l);
	return 0;
}

static bool urgent_comes(const sigset_t *urg, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	siginfo_t si;

	return sigtimedwait(urg, &si, &ts) == SIGURG && si.si_code == SI_KERNEL;
}

/* Urgent data tells a socket's owner, whether it is asynchronous or not (socket(7), tcp(7)). */
static void test_urgent(void)
{
	sigset_t urg;
	int fd[2] = {-1, -1};
	char c;

	sigemptyset(&urg);
	sigaddset(&urg, SIGURG);
	sigprocmask(SIG_BLOCK, &urg, NULL);
	report_eq(connect_tcp(fd), 0);
	report_eq(send(fd[0], "a", 1, MSG_OOB), 1);
	report(!urgent_comes(&urg, 50), "nobody is told without an owner");
	report_eq(recv(fd[1], &c, 1, MSG_OOB), 1);
	report_eq(fcntl(fd[1], F_SETOWN, getpid()), 0);
	report_eq(send(fd[0], "b", 1, 0), 1);
	report(!urgent_comes(&urg, 50), "nor of other data");
	report_eq(send(fd[0], "cd", 2, MSG_OOB), 2);
	report(urgent_comes(&urg, 5000), "an owner is told");
	report_true(recv(fd[1], &c, 1, MSG_OOB) == 1 && c == 'd');
	forget();
	fcntl(fd[1], F_SETSIG, rt);
	fcntl(fd[1], F_SETFL, O_ASYNC);
	report_eq(send(fd[0], "e", 1, MSG_OOB), 1);
	report(urgent_comes(&urg, 5000), "with another signal for the rest, too");
	report(comes(POLL_PRI, fd[1]), "which comes as well");
	watch_no_more(fd[1]);
	report_eq(send(fd[0], "f", 1, MSG_OOB), 1);
	report(urgent_comes(&urg, 5000), "and without it again");
	fcntl(fd[1], F_SETOWN, 0);
	report_eq(send(fd[0], "g", 1, MSG_OOB), 1);
	report(!urgent_comes(&urg, 50), "and no longer without an owner");
	close(fd[0]);
	close(fd[1]);
}

static void on_signal(int sig)
{
	(void)sig;
	told = 1;
}

static void test_handler(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	int fds[2];
	pid_t pid;

	report_eq(pipe(fds), 0);
	sigaction(SIGIO, &sa, NULL);
	sigprocmask(SIG_UNBLOCK, &both, NULL);
	watch(fds[0], 0);
	pid = fork();
	if (pid == 0)
		_exit(write(fds[1], "x", 1) == 1 ? 0 : 1);
	while (!told)
		;
	report(told, "a program that computes is interrupted");
	waitpid(pid, NULL, 0);
	sigprocmask(SIG_BLOCK, &both, NULL);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	rt = SIGRTMIN + 3;
	sigemptyset(&both);
	sigaddset(&both, SIGIO);
	sigaddset(&both, rt);
	sigprocmask(SIG_BLOCK, &both, NULL);
	test_settings();
	test_pipe();
	test_sockets();
	test_terminal();
	test_owners();
	test_urgent();
	test_handler();
	return report_summary();
}
