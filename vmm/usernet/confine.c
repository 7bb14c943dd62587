/* SPDX-License-Identifier: MIT */
/* confine.c - see confine.h. Published ports below 1024 are open by now, so no capability is needed any more. */
#include "vmm/usernet/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "vmm/sandbox/landlock.h"

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	return (int)syscall(SYS_capset, &head, none);
}

/* libslirp reads the list of name servers anew when it changes. */
static int limit_files(void)
{
	static const struct sandbox_path names[] = {{.path = "/etc/resolv.conf"}};
	unsigned nr = access(names[0].path, R_OK) == 0 ? 1 : 0;
	int rules, err = landlock_rules_files(names, nr, &rules);

	if (err == 0)
		err = landlock_restrict(rules);
	errno = -err;
	return err == 0 ? 0 : -1;
}

static int load_filter(void)
{
	static struct sock_filter code[] = {
#include "vmm/usernet/filter.inc"
	};
	const struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

int confine(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return -1;
	if (limit_files() != 0 || drop_capabilities() != 0)
		return -1;
	return load_filter();
}
