/* SPDX-License-Identifier: MIT */
/* Process groups, sessions, signals to groups, stopping and continuing; without a terminal. */
#include "report.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(pid_t pid)
{
	int st;

	return waitpid(pid, &st, 0) == pid && WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static int signal_of(pid_t pid)
{
	int st;

	return waitpid(pid, &st, 0) == pid && WIFSIGNALED(st) ? WTERMSIG(st) : -1;
}

/* A child that waits to be killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(1);
	}
	return pid;
}

static void groups(void)
{
	pid_t a = sleeper(), b = sleeper(), c;

	report_true(getpgid(a) == getpgrp() && getsid(a) == getsid(0));
	report_eq(setpgid(a, 0), 0);
	report_true(getpgid(a) == a && getpgid(b) == getpgrp());
	report_eq(setpgid(b, a), 0);
	report_eq(getpgid(b), a);
	report_errno(setpgid(b, -1), EINVAL);
	report_errno(setpgid(b, 999999), EPERM);
	report_errno(setpgid(999999, 0), ESRCH);
	report_eq(kill(-a, 0), 0);
	report_errno(kill(-999999, SIGTERM), ESRCH);
	report_eq(kill(-a, SIGUSR1), 0);
	report_true(signal_of(a) == SIGUSR1 && signal_of(b) == SIGUSR1);
	report_errno(kill(-a, 0), ESRCH);
	report_errno(waitpid(-a, NULL, 0), ECHILD);
	/* By group: only its children count. */
	a = sleeper();
	b = sleeper();
	setpgid(a, a);
	kill(b, SIGTERM);
	report_eq(waitpid(-a, NULL, WNOHANG), 0);
	kill(a, SIGTERM);
	report_true(waitpid(-a, NULL, 0) == a && waitpid(0, NULL, 0) == b);
	/* Not after exec. */
	int fd[2];
	char x;
	if (pipe2(fd, O_CLOEXEC) != 0)
		return;
	c = fork();
	if (c == 0) {
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(1);
	}
	close(fd[1]);
	report_eq(read(fd[0], &x, 1), 0); /* closed by exec */
	report_errno(setpgid(c, c), EACCES);
	kill(c, SIGKILL);
	report_eq(signal_of(c), SIGKILL);
	close(fd[0]);
}

static void sessions(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pid_t me = getpid();
		if (setsid() != me || getsid(0) != me || getpgrp() != me)
			_exit(1);
		if (setsid() != -1 || errno != EPERM)
			_exit(2);
		if (setpgid(0, 0) != -1 || errno != EPERM)
			_exit(3);
		if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
			_exit(4);
		pid_t child = sleeper();
		bool inherits = getsid(child) == me && getpgid(child) == me;
		kill(child, SIGKILL);
		_exit(inherits && signal_of(child) == SIGKILL ? 0 : 5);
	}
	report_eq(status_of(pid), 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(setsid() == -1 && errno == EPERM ? 0 : 1);
	}
	report_eq(status_of(pid), 0);
}

/* Stopped and continued, as the parent sees it. */
static void stops(void)
{
	static const int stoppers[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	int st;

	for (unsigned i = 0; i < sizeof(stoppers) / sizeof(stoppers[0]); i++) {
		pid_t pid = sleeper();

		setpgid(pid, pid); /* not orphaned: we are its parent, in its session, not in its group */
		kill(pid, stoppers[i]);
		report(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) && WSTOPSIG(st) == stoppers[i], "stop %u",
		       i);
		kill(pid, SIGTERM); /* waits for SIGCONT */
		report(waitpid(pid, &st, WNOHANG) == 0, "a stopped process does not end, %u", i);
		kill(pid, SIGCONT);
		report(signal_of(pid) == SIGTERM, "ends when it goes on, %u", i);
		pid = sleeper();
		kill(pid, SIGSTOP);
		waitpid(pid, &st, WUNTRACED);
		kill(pid, SIGKILL);
		report(signal_of(pid) == SIGKILL, "a stopped process can be killed, %u", i);
	}
	/* An orphaned group does not stop for the terminal's signals, and is hung up when it has stopped. */
	int fd[2];
	if (pipe(fd) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t middle = fork();
		if (middle == 0) {
			pid_t job = fork();
			if (job == 0) {
				sigset_t hup;
				int sig = 0;
				sigemptyset(&hup);
				sigaddset(&hup, SIGHUP);
				sigprocmask(SIG_BLOCK, &hup, NULL);
				setpgid(0, 0);
				raise(SIGSTOP);
				sigwait(&hup, &sig);
				raise(SIGTSTP); /* nothing happens now */
				_exit(write(fd[1], &sig, sizeof(sig)) != sizeof(sig));
			}
			waitpid(job, &st, WUNTRACED);
			_exit(0); /* the only parent outside the job's group */
		}
		_exit(status_of(middle));
	}
	int sig = 0;
	report_true(read(fd[0], &sig, sizeof(sig)) == sizeof(sig) && sig == SIGHUP);
	report_eq(status_of(pid), 0);
}

static void signals_to_all(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* In a world of its own as far as that goes: only permission is looked at. */
		_exit(kill(1, 0) == 0 || errno == EPERM || errno == ESRCH ? 0 : 1);
	}
	report_eq(status_of(pid), 0);
	report_eq(kill(0, 0), 0);
}

int main(void)
{
	groups();
	sessions();
	stops();
	signals_to_all();
	return report_summary();
}
