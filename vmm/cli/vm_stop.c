/* SPDX-License-Identifier: MIT */
/*
 * vm_stop.c - `cay stop` and `cay kill`: signals to the VM's process. SIGTERM reaches the program; SIGKILL ends the VM
 * as it stands, which leaves its entry behind: it is removed here.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/cli/command_flags.h"
#include "vmm/cli/numbers.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/say.h"
#include "vmm/cli/vm_commands.h"
#include "vmm/control/client.h"
#include "vmm/control/registry.h"

#define NAMES_MAX      1024
#define GRACE_NS       10000000000ll
#define KILLED_WAIT_MS 10000
#define NO_GRACE       (-1ll)

static int send_signal(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0 || errno == ESRCH ? 0 : -errno;
}

static bool ended_within(int pidfd, int ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* Its socket refuses connections now; looking is what removes it. */
static void forget(int folder, const char *name)
{
	pid_t pid;
	int fd = registry_connect(folder, name, &pid);

	if (fd >= 0)
		close(fd);
}

static int kill_for_good(int folder, const char *name, int pidfd)
{
	int err = send_signal(pidfd, SIGKILL);

	if (err == 0 && !ended_within(pidfd, KILLED_WAIT_MS))
		err = -ETIMEDOUT;
	if (err == 0)
		forget(folder, name);
	return err;
}

/* A stopped process takes no SIGTERM before it goes on. */
static int stop_gently(int folder, const char *name, int pidfd, long long grace_ns)
{
	int err = send_signal(pidfd, SIGTERM);

	if (err == 0)
		err = send_signal(pidfd, SIGCONT);
	if (err == 0 && !ended_within(pidfd, (int)(grace_ns / 1000000)))
		err = kill_for_good(folder, name, pidfd);
	return err;
}

static int fail(const char *what, const char *name, int err)
{
	if (err == -ENOENT || err == -EPERM || err == -EAGAIN)
		return client_complain(name, err);
	say_error("cannot %s VM '%s': %s", what, name, strerror(-err));
	return RUN_EXIT_OURS;
}

/* With grace, signo is SIGTERM, and SIGKILL follows if it does not help. */
static int end_one(int folder, const char *name, int signo, long long grace_ns)
{
	int pidfd = client_pidfd(folder, name), err;

	if (pidfd < 0)
		return pidfd;
	if (signo == SIGKILL)
		err = kill_for_good(folder, name, pidfd);
	else if (grace_ns != NO_GRACE)
		err = stop_gently(folder, name, pidfd, grace_ns);
	else
		err = send_signal(pidfd, signo);
	close(pidfd);
	return err;
}

/* verb: for messages. names: to the NULL. The command's exit status. */
static int end_each(const char *verb, char **names, int signo, long long grace_ns)
{
	int folder = client_open(), status = 0;

	if (folder < 0)
		return RUN_EXIT_OURS;
	for (; *names != NULL; names++) {
		int err = end_one(folder, *names, signo, grace_ns);

		if (err == 0)
			printf("%s\n", *names);
		else
			status = fail(verb, *names, err);
	}
	close(folder);
	return status;
}

int command_stop(int argc, char **argv, const struct process_start *start)
{
	const char *time = NULL;
	const struct command_flag flags[] = {
		{'t', "time", NULL, &time, "S", "seconds to wait before the VM is killed (default 10)"},
		{0},
	};
	const struct command_usage usage = {
		"stop [-t S] NAME...",
		"Ends VMs: the program gets SIGTERM, and the VM is killed if it has not ended in time.\n"
		"Prints the name of each that has ended.\n",
		flags, 1, NAMES_MAX};
	long long grace_ns = GRACE_NS;
	int status = 0, at;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	if (time != NULL && !command_flags_seconds("-t", time, &grace_ns))
		return RUN_EXIT_OURS;
	return end_each("stop", argv + at, SIGTERM, grace_ns);
}

/* A number, or a name with or without SIG. 0: neither. */
static int signal_number(const char *s)
{
	uint64_t n;

	if (parse_number(s, 64, &n))
		return (int)n;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int signo = 1; signo < 32; signo++)
		if (sigabbrev_np(signo) != NULL && strcasecmp(sigabbrev_np(signo), s) == 0)
			return signo;
	return 0;
}

int command_kill(int argc, char **argv, const struct process_start *start)
{
	const char *which = "KILL";
	const struct command_flag flags[] = {
		{'s', "signal", NULL, &which, "SIG", "another signal: what it does is up to the program"},
		{0},
	};
	const struct command_usage usage = {"kill [-s SIG] NAME...",
					    "Ends VMs at once, whatever their programs do. Prints the name of each.\n",
					    flags, 1, NAMES_MAX};
	int status = 0, at, signo;

	(void)start;
	at = command_flags_parse(&usage, argc, argv, &status);
	if (at < 0)
		return status;
	signo = signal_number(which);
	if (signo == 0) {
		say_error("-s '%s' is not a signal; give a name as TERM or a number", which);
		return RUN_EXIT_OURS;
	}
	return end_each("kill", argv + at, signo, NO_GRACE);
}
