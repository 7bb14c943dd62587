/* SPDX-License-Identifier: MIT */
/*
 * waiter.c - a program of a few instructions that sits between the VMM and the user network's process: it waits for the
 * first frame, or for the end of the VM, and becomes the real program only for the former. Without a libc, because what
 * it does before that is paid by every program that uses no network.
 * Descriptors: USERNET_FD is the socket, USERNET_PROGRAM_FD the program. Arguments are the program's.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "vmm/usernet/raw_syscall.h"
#include "vmm/usernet/usernet.h"

__attribute__((noreturn, used)) static void wait_and_become(long *stack)
{
	static char *const no_environment[] = {0};
	char **argv = (char **)(stack + 1);
	struct pollfd first = {.fd = USERNET_FD, .events = POLLIN};

	while (raw_syscall(SYS_poll, (long)&first, 1, -1, 0, 0) < 0)
		;
	if ((first.revents & (POLLIN | POLLHUP)) == POLLIN) { /* the end of the VM is readable, too */
		raw_syscall(SYS_fcntl, USERNET_PROGRAM_FD, F_SETFD, FD_CLOEXEC, 0, 0);
		raw_syscall(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0, 0);
		raw_syscall(SYS_dup, 0, 0, 0, 0, 0);
		raw_syscall(SYS_dup, 0, 0, 0, 0, 0);
		raw_syscall(SYS_execveat, USERNET_PROGRAM_FD, (long)"", (long)argv, (long)no_environment,
			    AT_EMPTY_PATH);
	}
	for (;;)
		raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
}

__asm__(".global _start\n"
	"_start: mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call wait_and_become\n");
