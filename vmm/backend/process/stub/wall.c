/* SPDX-License-Identifier: MIT */
/*
 * wall.c - closes the wall around this process, for ever: no capabilities, limits, no new privileges, and last the
 * filter that the VMM made (vmm/backend/process/filter.h). Namespaces and Landlock came before the exec
 * (guest_process.c).
 */
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#include "lib/compiler.h"
#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"

/* Private memory that could be written: the stub's own is all there is, and zero pages of shortened files. */
#define DATA_BYTES (64ull << 20)

static long drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	return HOST_CALL2(capset, &head, none);
}

/* Down to `value`, never up: that may be forbidden. */
static long lower_limit(int resource, uint64_t value)
{
	struct rlimit64 r = {0};
	long err = HOST_CALL4(prlimit64, 0, resource, NULL, &r);

	r.rlim_max = MIN(r.rlim_max, value);
	r.rlim_cur = MIN(r.rlim_cur, value);
	return err ? err : HOST_CALL4(prlimit64, 0, resource, &r, NULL);
}

static long set_limits(void)
{
	/*
	 * Address space is no memory, but each 2 MiB of it that are touched cost the host a page of page tables: this
	 * keeps those below a 512th of what it says. It is enough for the whole window, and for RAM in several places.
	 */
	const struct {
		int resource;
		uint64_t value;
	} limits[] = {
		{RLIMIT_AS, 2 * CAY_WINDOW_BYTES + 4 * stub.ram_bytes},
		{RLIMIT_DATA, DATA_BYTES},
		{RLIMIT_NOFILE, STUB_FD_END},
		{RLIMIT_NPROC, 0},
		{RLIMIT_FSIZE, 0},
		{RLIMIT_CORE, 0},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_MSGQUEUE, 0},
	};
	long err = 0;

	for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(limits); i++)
		err = lower_limit(limits[i].resource, limits[i].value);
	return err;
}

int wall_close(const struct stub_filter *filter)
{
	struct sock_fprog prog = {.len = (unsigned short)filter->nr, .filter = (struct sock_filter *)filter->code};
	long err = set_limits();

	if (err == 0)
		err = drop_capabilities();
	if (err == 0)
		err = HOST_CALL6(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (err == 0)
		err = HOST_CALL3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog);
	return (int)err;
}
