/* SPDX-License-Identifier: MIT */
/* seccomp.c - puts our process id into a filter and hands it to the kernel. */
#include "vmm/sandbox/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/sandbox/filter.h"

static struct sock_filter writable_filter[] = {
#include "vmm/sandbox/filter_writable.inc"
};

static struct sock_filter readonly_filter[] = {
#include "vmm/sandbox/filter_readonly.inc"
};

int seccomp_load(bool writable)
{
	struct sock_fprog prog = {.len = ARRAY_SIZE(readonly_filter), .filter = readonly_filter};
	long err;

	if (writable)
		prog = (struct sock_fprog){.len = ARRAY_SIZE(writable_filter), .filter = writable_filter};
	for (unsigned i = 0; i < prog.len; i++)
		if (prog.filter[i].k == SANDBOX_PID_MARK)
			prog.filter[i].k = (uint32_t)getpid();
	err = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (err > 0)
		return -ESRCH; /* the id of a thread that has a filter of its own: nobody gave it one */
	return err == 0 ? 0 : -errno;
}
