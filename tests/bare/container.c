/* SPDX-License-Identifier: MIT */
/*
 * container.c - runs a command under about what container engines forbid by default (Docker's default seccomp profile
 * without capabilities: everything about namespaces, mounts, tracing, kernel modules, BPF, key rings; clone3 is
 * answered with ENOSYS so that libraries fall back to clone, whose flags can be looked at). usage: container COMMAND
 * [ARG...]
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const int forbidden[] = {
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(chroot),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(quotactl),
	SCMP_SYS(acct),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(reboot),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(ioperm),
	SCMP_SYS(iopl),
	SCMP_SYS(syslog),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(move_pages),
	SCMP_SYS(mbind),
	SCMP_SYS(set_mempolicy),
	SCMP_SYS(nfsservctl),
	SCMP_SYS(uselib),
	SCMP_SYS(ustat),
	SCMP_SYS(sysfs),
	SCMP_SYS(vm86),
	SCMP_SYS(vhangup),
};

#define NAMESPACES                                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	/* 32-bit calls are filtered like the others, not killed. */
	int err = ctx == NULL || argc < 2 || seccomp_arch_add(ctx, SCMP_ARCH_X86) != 0 ||
		  seccomp_arch_add(ctx, SCMP_ARCH_X32) != 0;

	for (size_t i = 0; !err && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		err = forbidden[i] >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0) != 0;
	for (int bit = 0; !err && bit < 32; bit++)
		if (1u << bit & NAMESPACES)
			err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					       SCMP_A0(SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ||
		      seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_VSOCK)) ||
		      seccomp_load(ctx);
	if (err) {
		fprintf(stderr, "container: no filter\n");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
