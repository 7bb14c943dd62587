/* SPDX-License-Identifier: MIT */
/*
 * usernet_filter.c - writes the system call filter of the user network's process as C source, at build time, as
 * seccomp_filter.c does for the VMM. A call that is not in the list fails with EPERM: libslirp copes with calls that
 * fail, and what it does not need it does not get.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLEAR(arg, bits) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (bits), 0)
#define IS(arg, value)   SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (unsigned)(value))

static const int plain[] = {
	/* sockets; socket itself is below */
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	/* I/O on what is open; files are opened under Landlock only */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(openat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(stat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* time, memory, ends */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* None that would have signals sent to somebody (F_SETOWN, FIOSETOWN), and no device's. */
static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD};
static const unsigned ioctls[] = {FIONREAD, FIONBIO};

int main(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	static struct sock_filter prog[4096];
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd = memfd_create("filter", 0), err = ctx == NULL;
	ssize_t bytes;

	if (err == 0)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) |
		      seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, plain[i], 0);
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, IS(1, fcntls[i]));
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, IS(1, ioctls[i]));
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, IS(0, families[i]));
	err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, CLEAR(2, PROT_EXEC));
	err |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, CLEAR(2, PROT_EXEC));
	err |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
	err |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat), 0);
	if (err != 0 || seccomp_export_bpf(ctx, fd) != 0)
		return 1;
	bytes = pread(fd, prog, sizeof(prog), 0);
	printf("/* Made by tools/usernet_filter.c at build time. */\n");
	for (size_t i = 0; i < (size_t)bytes / sizeof(prog[0]); i++)
		printf("{0x%02x, %u, %u, 0x%08x},\n", prog[i].code, prog[i].jt, prog[i].jf, prog[i].k);
	return 0;
}
