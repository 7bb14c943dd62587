/* SPDX-License-Identifier: MIT */
/* Pseudo terminals: pty(7), the line discipline of termios(3), job control through them. */
#include "report.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;

static void open_pair(void)
{
	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		report(false, "openpty");
}

static void close_pair(void)
{
	close(slave);
	close(master);
}

static void type(const char *keys)
{
	(void)!write(master, keys, strlen(keys));
}

/* What a read gives, non-blocking: "" for nothing, "EOF" for an end of file. */
static const char *got(int fd)
{
	static char text[2][8192];
	static int which;
	char *t = text[which ^= 1];
	int flags = fcntl(fd, F_GETFL);
	ssize_t n;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	n = read(fd, t, sizeof(text[0]) - 1);
	fcntl(fd, F_SETFL, flags);
	if (n == 0)
		return "EOF";
	t[n > 0 ? n : 0] = '\0';
	return t;
}

/* What a read gives once as much is there as wanted: Linux moves bytes from side to side in the background. */
static const char *got_all(int fd, const char *want)
{
	static char text[8192];
	size_t n = 0;

	if (want[0] == '\0' || strcmp(want, "EOF") == 0) {
		if (want[0] != '\0')
			poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20000);
		return got(fd);
	}
	while (n < strlen(want) && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20000) == 1) {
		const char *part = got(fd);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", part);
	}
	text[n] = '\0';
	return text;
}

#define report_got(fd, want)                                                                                           \
	({                                                                                                             \
		const char *g_ = got_all(fd, want);                                                                    \
		if (strcmp(g_, want) != 0)                                                                             \
			fprintf(stderr, "%s: got \"%s\", wanted \"%s\"\n", #fd, g_, want);                             \
		report(strcmp(g_, want) == 0, "%s gives %s", #fd, #want);                                              \
	})

static void test_pair(void)
{
	char name[64];
	struct stat st;
	struct winsize ws = {24, 80, 0, 0}, seen = {0};
	int m = posix_openpt(O_RDWR | O_NOCTTY), s;

	report_true(m >= 0);
	report_eq(ptsname_r(m, name, sizeof(name)), 0);
	report_true(strncmp(name, "/dev/pts/", 9) == 0);
	report_errno(open(name, O_RDWR | O_NOCTTY), EIO);
	report_true(grantpt(m) == 0 && unlockpt(m) == 0);
	s = open(name, O_RDWR | O_NOCTTY);
	report_true(s >= 0 && isatty(s) && isatty(m));
	report_true(fstat(s, &st) == 0 && S_ISCHR(st.st_mode) && (st.st_rdev >> 8) == 136);
	report_true(ttyname(s) != NULL && strcmp(ttyname(s), name) == 0);
	report_true(ioctl(m, TIOCSWINSZ, &ws) == 0 && ioctl(s, TIOCGWINSZ, &seen) == 0 && seen.ws_col == 80);
	report_eq((long)write(s, "out\n", 4), 4);
	report_got(m, "out\r\n");
	close(s);
	report_errno(read(m, name, 1), EIO);
	close(m);
	report_errno(open(name, O_RDWR | O_NOCTTY), ENOENT);
}

static void test_canonical(void)
{
	int n = 0;

	open_pair();
	type("hel");
	report_got(slave, "");
	report_got(master, "hel");
	type("lo\rmore\n");
	poll(&(struct pollfd){.fd = slave, .events = POLLIN}, 1, 20000);
	report_true(ioctl(slave, FIONREAD, &n) == 0 && n == 11);
	report_got(slave, "hello\n");
	report_got(slave, "more\n");
	report_got(slave, "");
	report_got(master, "lo\r\nmore\r\n");
	type("ab\177c\n");
	report_got(slave, "ac\n");
	report_got(master, "ab\b \bc\r\n");
	type("one two\027three\n");
	report_got(slave, "one three\n");
	report_got(master, "one two\b \b\b \b\b \bthree\r\n");
	type("gone\025here\n");
	report_got(slave, "here\n");
	report_got(master, "gone\b \b\b \b\b \b\b \bhere\r\n");
	type("\001\177x\026\003\n");
	report_got(slave, "x\003\n");
	report_got(master, "^A\b \b\b \bx^\b^C\r\n");
	type("part\004");
	report_got(slave, "part");
	type("\004");
	report_got(slave, "EOF");
	report_got(slave, "");
	close_pair();
}

static void test_old_structure(void)
{
	struct {
		unsigned short iflag, oflag, cflag, lflag;
		unsigned char line, cc[8];
	} old;
	struct termios t, lock = {.c_lflag = ECHO};

	report_eq(ioctl(slave, TCGETA, &old), 0);
	old.lflag |= ICANON;
	report_eq(ioctl(slave, TCSETA, &old), 0);
	report_true(tcgetattr(slave, &t) == 0 && (t.c_lflag & ICANON) && !(t.c_lflag & ECHO));
	report_eq(ioctl(slave, TIOCSLCKTRMIOS, &lock), 0);
	t.c_lflag |= ECHO | ECHOE;
	report_eq(tcsetattr(slave, TCSANOW, &t), 0);
	report_true(tcgetattr(slave, &t) == 0 && (t.c_lflag & ECHOE) && !(t.c_lflag & ECHO));
	report_true(ioctl(slave, TIOCGLCKTRMIOS, &lock) == 0 && lock.c_lflag == ECHO);
}

static void test_settings(void)
{
	struct termios t, u;

	open_pair();
	report_eq(tcgetattr(slave, &t), 0);
	report_true((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG) && (t.c_oflag & ONLCR));
	report_true(t.c_cc[VINTR] == 3 && t.c_cc[VEOF] == 4 && t.c_cc[VERASE] == 127);
	u = t;
	u.c_lflag &= ~(unsigned)ECHO;
	report_eq(tcsetattr(slave, TCSANOW, &u), 0);
	type("secret\n");
	report_got(master, "");
	report_got(slave, "secret\n");
	cfmakeraw(&u);
	report_eq(tcsetattr(slave, TCSAFLUSH, &u), 0);
	report_true(tcgetattr(master, &t) == 0 && !(t.c_lflag & ICANON));
	type("a\r\003");
	report_got(slave, "a\r\003");
	report_eq((long)write(slave, "x\ny", 3), 3);
	report_got(master, "x\ny");
	u.c_cc[VMIN] = 0;
	u.c_cc[VTIME] = 0;
	tcsetattr(slave, TCSANOW, &u);
	report_eq((long)read(slave, &t, 1), 0);
	u.c_cc[VTIME] = 1;
	tcsetattr(slave, TCSANOW, &u);
	report_eq((long)read(slave, &t, 1), 0);
	u.c_cc[VMIN] = 3;
	u.c_cc[VTIME] = 0;
	tcsetattr(slave, TCSANOW, &u);
	type("12");
	report_eq(poll(&(struct pollfd){.fd = slave, .events = POLLIN}, 1, 0), 0);
	type("3");
	report_eq(poll(&(struct pollfd){.fd = slave, .events = POLLIN}, 1, 20000), 1);
	report_got(slave, "123");
	type("lost");
	poll(&(struct pollfd){.fd = slave, .events = POLLIN}, 1, 20000);
	report_true(tcflush(slave, TCIFLUSH) == 0);
	report_got(slave, "");
	report_errno(ioctl(slave, TIOCGPGRP, &(int){0}), ENOTTY);
	test_old_structure();
	close_pair();
}

static void test_flow(void)
{
	open_pair();
	report_eq(tcflow(slave, TCOOFF), 0);
	fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
	report_errno(write(slave, "stopped", 7), EAGAIN);
	report_eq(tcflow(slave, TCOON), 0);
	report_eq((long)write(slave, "goes", 4), 4);
	report_got(master, "goes");
	close_pair();
}

/* More than the queues hold, both ways, through a child. */
static void test_bulk(void)
{
	static char data[40000], back[40000];
	struct termios t;
	size_t in = 0;
	int status;
	pid_t pid;

	open_pair();
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	pid = fork();
	if (pid == 0) {
		size_t out = 0;

		close(master);
		while (out < sizeof(data)) {
			ssize_t n = write(slave, data + out, sizeof(data) - out);

			if (n <= 0)
				_exit(1);
			out += (size_t)n;
		}
		for (out = 0; out < sizeof(back);) {
			ssize_t n = read(slave, back + out, sizeof(back) - out);

			if (n <= 0)
				_exit(2);
			out += (size_t)n;
		}
		_exit(memcmp(data, back, sizeof(data)) != 0);
	}
	close(slave);
	while (in < sizeof(back)) {
		ssize_t n = read(master, back + in, sizeof(back) - in);

		if (n <= 0)
			break;
		in += (size_t)n;
	}
	report(in == sizeof(data) && memcmp(data, back, in) == 0, "40,000 bytes arrive from the slave");
	report_eq((long)write(master, data, sizeof(data)), (long)sizeof(data));
	waitpid(pid, &status, 0);
	report(status == 0, "and at the slave");
	close(master);
}

/* A session of its own: keys become signals, a hang-up ends it. */
static void test_session(void)
{
	struct winsize ws = {50, 132, 0, 0};
	int status;
	pid_t pid;

	pid = forkpty(&master, NULL, NULL, NULL);
	if (pid == 0) {
		int tty = open("/dev/tty", O_RDWR), first, second, third;
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGQUIT);
		sigaddset(&set, SIGWINCH);
		sigprocmask(SIG_BLOCK, &set, NULL);
		dprintf(tty, "ready %d\n", tcgetpgrp(tty) == getpid() && getsid(0) == getpid());
		sigwait(&set, &first);
		dprintf(tty, "1");
		sigwait(&set, &second);
		dprintf(tty, "2");
		sigwait(&set, &third);
		dprintf(tty, "%d\n", first == SIGINT && second == SIGQUIT && third == SIGWINCH);
		signal(SIGHUP, SIG_DFL);
		while (1)
			pause();
	}
	report_got(master, "ready 1\r\n");
	type("\003");
	report_got(master, "^C1");
	type("\034");
	report_got(master, "^\\2");
	report_eq(ioctl(master, TIOCSWINSZ, &ws), 0);
	report_got(master, "1\r\n");
	close(master);
	waitpid(pid, &status, 0);
	report(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP, "closing the master hangs up");
}

/* --- TOSTOP: what a job in the background gets when it writes --- */

enum mood { PLAIN, IGNORES, BLOCKS, HANDLES };

static void nothing(int sig)
{
	(void)sig;
}

static void put_in(enum mood mood)
{
	struct sigaction sa = {.sa_handler = mood == IGNORES ? SIG_IGN : nothing};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	if (mood == BLOCKS)
		sigprocmask(SIG_BLOCK, &set, NULL);
	else if (mood != PLAIN)
		sigaction(SIGTTOU, &sa, NULL);
}

/* 'S' stopped, 'w' written, or a letter for the error. */
static char background_writer(enum mood mood)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setpgid(0, 0);
		put_in(mood);
		if (write(STDOUT_FILENO, "x", 1) == 1)
			_exit('w');
		_exit(errno == EINTR ? 'i' : errno == EIO ? 'e' : '?');
	}
	waitpid(pid, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		return (char)WEXITSTATUS(status);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return WSTOPSIG(status) == SIGTTOU ? 'S' : '?';
}

/* Its parent, the only one that could continue it, is gone. */
static char orphaned_writer(void)
{
	int fds[2];
	char got = '?';

	if (pipe(fds) != 0)
		return '?';
	pid_t middle = fork();

	if (middle == 0) {
		pid_t parent = getpid();

		if (fork() != 0)
			_exit(0);
		setpgid(0, 0);
		while (getppid() == parent)
			usleep(500);
		got = write(STDOUT_FILENO, "x", 1) == 1 ? 'w' : errno == EIO ? 'e' : '?';
		_exit(write(fds[1], &got, 1) == 1 ? 0 : 1);
	}
	close(fds[1]);
	waitpid(middle, NULL, 0);
	if (read(fds[0], &got, 1) != 1)
		got = '?';
	close(fds[0]);
	return got;
}

static void test_background_writers(void)
{
	struct termios tio;
	int fds[2];
	char seen[8] = "";
	pid_t pid;

	if (pipe(fds) != 0)
		return;
	pid = forkpty(&master, NULL, NULL, NULL);
	if (pid == 0) {
		seen[0] = background_writer(PLAIN);
		tcgetattr(STDOUT_FILENO, &tio);
		tio.c_lflag |= TOSTOP;
		tcsetattr(STDOUT_FILENO, TCSANOW, &tio);
		seen[1] = background_writer(PLAIN);
		seen[2] = background_writer(IGNORES);
		seen[3] = background_writer(BLOCKS);
		seen[4] = background_writer(HANDLES);
		seen[5] = orphaned_writer();
		seen[6] = write(STDOUT_FILENO, "x", 1) == 1 ? 'w' : '?';
		_exit(write(fds[1], seen, 7) == 7 ? 0 : 1);
	}
	close(fds[1]);
	report(read(fds[0], seen, 7) == 7, "the session's report");
	report(seen[0] == 'w', "without TOSTOP the background may write");
	report(seen[1] == 'S', "TOSTOP stops a writer in the background");
	report(seen[2] == 'w' && seen[3] == 'w', "but none that ignores or blocks SIGTTOU");
	report(seen[4] == 'i', "one that handles it is interrupted");
	report(seen[5] == 'e', "an orphan gets EIO");
	report(seen[6] == 'w', "the foreground is free to write");
	close(fds[0]);
	close(master);
	waitpid(pid, NULL, 0);
}

static void test_hung_up(void)
{
	char c;

	open_pair();
	close(master);
	report_eq((long)read(slave, &c, 1), 0);
	report_errno(write(slave, "x", 1), EIO);
	report_true(poll(&(struct pollfd){.fd = slave, .events = POLLIN}, 1, 0) == 1);
	close(slave);
}

int main(void)
{
	test_pair();
	test_canonical();
	test_settings();
	test_flow();
	test_bulk();
	test_session();
	test_background_writers();
	test_hung_up();
	return report_summary();
}
