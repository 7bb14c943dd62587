/* SPDX-License-Identifier: MIT */
/* seccomp.c - puts our process id into the filter and hands it to the kernel. */
#include "vmm/sandbox/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/sandbox/filter.h"

int seccomp_load(void)
{
	struct sock_filter code[] = {
#include "vmm/sandbox/filter.inc"
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};
	long err;

	for (unsigned i = 0; i < ARRAY_SIZE(code); i++)
		if (code[i].k == SANDBOX_PID_MARK)
			code[i].k = (uint32_t)getpid();
	err = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (err > 0)
		return -ESRCH; /* the id of a thread that has a filter of its own: nobody gave it one */
	return err == 0 ? 0 : -errno;
}
