/* SPDX-License-Identifier: MIT */
/*
 * seccomp_filter.c - writes the VMM's system call filter as C source, at build time: libseccomp needs longer to work it
 * out than a small VM needs to boot, and the VMM then does not load the library at all. Prints an array body of struct
 * sock_filter.
 *
 * What is not in the tables below is answered by a trap (the VMM reports the call and ends, vmm/sandbox/violation.c),
 * except the calls by which code escapes or attacks others: those kill the process at once. The one number not known at
 * build time is our process id: SANDBOX_PID_MARK stands for it and is replaced at load.
 *
 * Two filters: "writable" for a VM with a writable share, "readonly" for one without, which needs none of the calls
 * that change files by their names. Landlock knows nothing of modes, owners, times and extended attributes: with those
 * calls a VMM that was taken over could change them of every file of its user's.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/stdio.h"
#include "vmm/sandbox/filter.h"

static scmp_filter_ctx ctx;

static void check(int err, const char *what, long which)
{
	if (err == 0)
		return;
	fprintf(stderr, "seccomp_filter: %s %ld: %s\n", what, which, strerror(-err));
	exit(1);
}

#define ALLOW(nr, ...)                                                                                                 \
	check(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr,                                                                \
			       sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp),             \
			       ##__VA_ARGS__),                                                                         \
	      "rule", nr)

/* Arguments are compared as 64-bit numbers, but the kernel takes many of them as 32-bit: mask, or the upper half evades
 * us. */
#define LOW32_IS(arg, value) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(value))
#define CLEAR(arg, bits)     SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (bits), 0)
/* A descriptor, not AT_FDCWD: paths are looked up from the shared folders. */
#define IS_FD(arg) CLEAR(arg, 0x80000000u)

/* Harmless whatever the arguments: they touch our own memory, time, or descriptors that we hold. */
static const int plain[] = {
	/* I/O on what is open */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(getdents64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fstatfs),
	SCMP_SYS(dup3),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(copy_file_range),
	/* waiting */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(futex),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	/* time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(timer_settime),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timer_delete),
	/* our memory; mmap and mprotect are below */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	/* signals */
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* the beginnings and ends of threads; sigaltstack is what a sanitized build needs at exit */
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	/* who we are */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
};

/* File calls relative to a folder: argument 0 must be a descriptor. What they reach is limited by the file server and
 * by Landlock. unlinkat is for the VM's own entry. */
static const int relative[] = {
	SCMP_SYS(openat2),    SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(readlinkat), SCMP_SYS(unlinkat),   SCMP_SYS(faccessat2),
};
static const int relative_changes[] = {
	SCMP_SYS(mkdirat),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchmodat),
	SCMP_SYS(utimensat),
};

/* Extended attributes go by the path /proc/self/fd/N: there are no calls relative to a descriptor before Linux 6.13. */
static const int by_path[] = {SCMP_SYS(getxattr), SCMP_SYS(listxattr), SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr)};
static const int by_path_changes[] = {
	SCMP_SYS(setxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(fremovexattr),
};

/* What a running VM asks of KVM. Creating VMs and vCPUs is over by then. */
static const unsigned long kvm_ioctls[] = {
	KVM_RUN,
	KVM_GET_REGS,
	KVM_GET_VCPU_EVENTS,
	KVM_SET_REGS,
	KVM_GET_SREGS,
	KVM_SET_SREGS,
	KVM_GET_FPU,
	KVM_SET_FPU,
	KVM_GET_XSAVE,
	KVM_GET_MSRS,
	KVM_TRANSLATE,
	KVM_SET_GUEST_DEBUG,
	KVM_GET_DEBUGREGS,
	KVM_SET_USER_MEMORY_REGION,
	KVM_IOEVENTFD,
};

/* On descriptors 0, 1 and 2 only; never TIOCSTI, which types into the user's shell. */
static const unsigned long tty_ioctls[] = {
#define ROW(nr, bytes_in, bytes_out) nr,
	CAY_STDIO_IOCTLS(ROW)
#undef ROW
		TCGETS,
	TCSETS,
	TCSETSW,
	TCSETSF,
	TIOCGWINSZ,
	TIOCOUTQ,
	FIONREAD,
	TIOCGPGRP,
};

static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC};

/* Ways out, or ways to harm others: no report, no second chance. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(setuid),
	SCMP_SYS(setresuid),
};

static void allow_changes(void)
{
	for (size_t i = 0; i < sizeof(relative_changes) / sizeof(relative_changes[0]); i++)
		ALLOW(relative_changes[i], IS_FD(0));
	for (size_t i = 0; i < sizeof(by_path_changes) / sizeof(by_path_changes[0]); i++)
		ALLOW(by_path_changes[i]);
	ALLOW(SCMP_SYS(symlinkat), IS_FD(1));
	ALLOW(SCMP_SYS(linkat), IS_FD(0), IS_FD(2));
	ALLOW(SCMP_SYS(renameat2), IS_FD(0), IS_FD(2));
	/* A file type of 0 means a regular file too; the other types are device nodes, fifos and sockets. */
	ALLOW(SCMP_SYS(mknodat), IS_FD(0), SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, S_IFMT, S_IFREG));
	ALLOW(SCMP_SYS(mknodat), IS_FD(0), SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, S_IFMT, 0));
}

static void allow_files(void)
{
	for (size_t i = 0; i < sizeof(relative) / sizeof(relative[0]); i++)
		ALLOW(relative[i], IS_FD(0));
	for (size_t i = 0; i < sizeof(by_path) / sizeof(by_path[0]); i++)
		ALLOW(by_path[i]);
	/* openat is for what is open already (/proc/self/fd/N, "."): it creates nothing. */
	ALLOW(SCMP_SYS(openat), IS_FD(0), CLEAR(2, O_CREAT | (O_TMPFILE & ~O_DIRECTORY)));
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		ALLOW(SCMP_SYS(fcntl), LOW32_IS(1, fcntls[i]));
}

/* With argument 0 a descriptor above 2: 3, or any higher bit below 2^16, more than we ever have open. "Greater than 2"
 * of all 64 bits would let 0 pass with a bit in the upper half. Each bit makes the filter's loading take 1.5 us longer.
 */
#define ALLOW_ABOVE_2(nr, ...)                                                                                         \
	do {                                                                                                           \
		ALLOW(nr, LOW32_IS(0, 3), ##__VA_ARGS__);                                                              \
		for (unsigned bit = 2; bit < 16; bit++)                                                                \
			ALLOW(nr, SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit), ##__VA_ARGS__);             \
	} while (0)

static void allow_rest(void)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		ALLOW(plain[i]);
	for (size_t i = 0; i < sizeof(kvm_ioctls) / sizeof(kvm_ioctls[0]); i++)
		ALLOW(SCMP_SYS(ioctl), LOW32_IS(1, kvm_ioctls[i]));
	for (size_t i = 0; i < sizeof(tty_ioctls) / sizeof(tty_ioctls[0]); i++)
		check(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2, SCMP_CMP64(0, SCMP_CMP_LE, 2),
				       LOW32_IS(1, tty_ioctls[i])),
		      "tty ioctl", (long)tty_ioctls[i]);
	/* The user's descriptors may be sockets: no address, no ancillary data, so no descriptor comes in or goes out
	 * this way. */
	ALLOW(SCMP_SYS(recvfrom), SCMP_CMP64(0, SCMP_CMP_LE, 2), SCMP_CMP64(4, SCMP_CMP_EQ, 0));
	ALLOW(SCMP_SYS(sendto), SCMP_CMP64(0, SCMP_CMP_LE, 2), SCMP_CMP64(4, SCMP_CMP_EQ, 0));
	/* Whoever connects to the control socket. accept4 works on a socket that listens only, of which there is no
	 * other, unless the user gave one as descriptor 0, 1 or 2. */
	ALLOW_ABOVE_2(SCMP_SYS(accept4), SCMP_CMP64(1, SCMP_CMP_EQ, 0));
	ALLOW(SCMP_SYS(getsockopt), LOW32_IS(1, SOL_SOCKET), LOW32_IS(2, SO_PEERCRED));
	/* No memory of ours ever becomes executable again. */
	ALLOW(SCMP_SYS(mmap), CLEAR(2, PROT_EXEC));
	ALLOW(SCMP_SYS(mprotect), CLEAR(2, PROT_EXEC));
	/* Signals only to ourselves: the I/O thread kicks the vCPU; and to the guest's processes: theirs are the only
	   pidfds we have, and no more can be had. To one process: a flag would make it its group's. */
	ALLOW(SCMP_SYS(tgkill), LOW32_IS(0, SANDBOX_PID_MARK));
	ALLOW(SCMP_SYS(pidfd_send_signal), IS_FD(0), LOW32_IS(3, 0));
	ALLOW(SCMP_SYS(waitid), LOW32_IS(0, P_PIDFD));
	/* Files that the guest's process maps are sent there; on the user's descriptors nothing is. */
	ALLOW_ABOVE_2(SCMP_SYS(sendmsg));
}

static int print_filter(void)
{
	static struct sock_filter prog[4096];
	int fd = memfd_create("filter", 0);
	ssize_t bytes;

	check(seccomp_export_bpf(ctx, fd), "export", 0);
	bytes = pread(fd, prog, sizeof(prog), 0);
	if (bytes <= 0 || bytes == (ssize_t)sizeof(prog))
		return 1;
	printf("/* Made by tools/seccomp_filter.c at build time. */\n");
	for (size_t i = 0; i < (size_t)bytes / sizeof(prog[0]); i++)
		printf("{0x%02x, %u, %u, 0x%08x},\n", prog[i].code, prog[i].jt, prog[i].jf, prog[i].k);
	return 0;
}

int main(int argc, char **argv)
{
	bool writable = argc == 2 && strcmp(argv[1], "writable") == 0;

	if (!writable && (argc != 2 || strcmp(argv[1], "readonly") != 0))
		return 2;
	ctx = seccomp_init(SCMP_ACT_TRAP);
	if (ctx == NULL)
		return 1;
	/* A binary search over the numbers instead of a long list of comparisons. */
	check(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize", 2);
	check(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad architecture", 0);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		check(seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0), "rule", deadly[i]);
	allow_files();
	if (writable)
		allow_changes();
	allow_rest();
	return print_filter();
}
