/* SPDX-License-Identifier: MIT */
/*
 * test_confine.c - what the user network's process can still do, as the kernel enforces it: tried in a child that has
 * confined itself and ends by the bare call, because what the sanitizers do before _exit needs more.
 */
// SOURCES: vmm/usernet/confine.c vmm/sandbox/landlock.c
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/usernet/confine.h"

static bool has_landlock;

static bool is_refused(long result)
{
	return result == -1 && (errno == EPERM || errno == EACCES);
}

/* 0, or which step was not as it should be. */
static int network_works(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), waiting = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(fd, 1) != 0)
		return 1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return 2;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	return fd >= 0 && ioctl(fd, FIONREAD, &waiting) == 0 && ioctl(fd, FIONBIO, &waiting) == 0 ? 0 : 3;
}

static int nothing_else_does(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pid = getppid();

	if (!is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) || !is_refused(socket(AF_NETLINK, SOCK_RAW, 0)))
		return 10;
	if (has_landlock && (!is_refused(open("/etc/passwd", O_RDONLY)) || !is_refused(open("/dev/null", O_RDWR))))
		return 11;
	if (!is_refused(kill(pid, 0)) || !is_refused(fcntl(fd, F_SETOWN, pid)) ||
	    !is_refused(fcntl(fd, F_SETSIG, SIGKILL)) || !is_refused(ioctl(fd, FIOSETOWN, &pid)))
		return 12;
	if (!is_refused((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
		return 13;
	if (!is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) || !is_refused(syscall(SYS_ptrace, 0, 0, 0, 0)))
		return 14;
	return 0;
}

static void test_confine(void **state)
{
	pid_t child;
	int status;

	(void)state;
	has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* the version */) >= 1;
	child = fork();
	if (child == 0) {
		int step = confine() == 0 ? network_works() : 99;

		syscall(SYS_exit_group, step != 0 ? step : nothing_else_does());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_confine)};

	return RUN_TESTS(tests);
}
