/* SPDX-License-Identifier: MIT */
/* sandbox.c - the steps of confinement, in order. */
#include "vmm/sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/sandbox/landlock.h"
#include "vmm/sandbox/seccomp.h"
#include "vmm/sandbox/violation.h"

#define CAP(name) (1u << CAP_##name)

/*
 * What root keeps, so that files of others stay as reachable as they were for the invoking user: reading and searching;
 * with a writable share also what changing files in it needs. All are below 32, in the first word.
 */
#define CAPS_READ  CAP(DAC_READ_SEARCH)
#define CAPS_WRITE (CAP(DAC_OVERRIDE) | CAP(CHOWN) | CAP(FOWNER) | CAP(FSETID))

static int drop_capabilities(bool writable)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	unsigned keep = CAPS_READ | (writable ? CAPS_WRITE : 0);

	if (syscall(SYS_capget, &head, data) != 0)
		return -errno;
	if (!(data[0].permitted | data[1].permitted | data[0].inheritable | data[1].inheritable))
		return 0;
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	return syscall(SYS_capset, &head, data) == 0 ? 0 : -errno;
}

int sandbox_prepare(const struct sandbox_path *paths, unsigned nr_paths, bool may_signal, struct sandbox_plan *plan,
		    const char **what)
{
	plan->writable = false;
	for (unsigned i = 0; i < nr_paths; i++)
		plan->writable |= paths[i].writable;
	*what = "Landlock rules";
	return landlock_rules(paths, nr_paths, may_signal, &plan->rules);
}

int sandbox_confine(const struct sandbox_plan *plan, const char **what)
{
	/* A core dump would put the guest's memory into a file. */
	const struct rlimit none = {0, 0};
	int err;

	*what = "no new privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	*what = "resource limits";
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	*what = "Landlock";
	err = landlock_restrict(plan->rules);
	if (err != 0)
		return err;
	*what = "capabilities";
	return drop_capabilities(plan->writable);
}

int sandbox_seal(const struct sandbox_plan *plan, void (*last_words)(void *ctx), void *ctx, const char **what)
{
	int err;

	*what = "handler of forbidden calls";
	err = violation_catch(last_words, ctx);
	if (err != 0)
		return err;
	*what = "system call filter";
	return seccomp_load(plan->writable);
}
