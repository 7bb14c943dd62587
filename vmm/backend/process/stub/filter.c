/* SPDX-License-Identifier: MIT */
/* filter.c - closes the wall: the limits and the filter that the VMM made (vmm/backend/process/filter.h). */
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"

/* Private memory that could be written: the stub's own is all there is, and zero pages of shortened files. */
#define DATA_BYTES (64ull << 20)

static int limit(int resource, uint64_t value)
{
	struct rlimit64 r = {value, value};

	return (int)HOST_CALL4(prlimit64, 0, resource, &r, NULL);
}

int filter_load(const struct stub_filter *filter)
{
	struct sock_fprog prog = {.len = (unsigned short)filter->nr, .filter = (struct sock_filter *)filter->code};
	int err = limit(RLIMIT_CORE, 0);

	if (err == 0)
		err = limit(RLIMIT_NOFILE, STUB_FD_END);
	if (err == 0)
		err = limit(RLIMIT_DATA, DATA_BYTES);
	if (err == 0)
		err = (int)HOST_CALL6(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (err == 0)
		err = (int)HOST_CALL3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog);
	return err;
}
