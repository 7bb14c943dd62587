/* SPDX-License-Identifier: MIT */
/* sysinfo.c - what the machine says about itself: uname, sysinfo, host name; and two calls that nobody may make. */
#include <errno.h>
#include <linux/sysinfo.h>
#include <string.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/loadavg.h"
#include "kernel/sched/thread.h"
#include "kernel/linux/uts.h"
#include "kernel/time/clock.h"

/* New enough for what glibc asks for (3.2), and a version whose calls we have. */
#define LINUX_RELEASE "6.1.0-cay"
#define LINUX_VERSION "#1 SMP Cay unikernel"

static struct uts_names uts = {
	.sysname = "Linux",
	.release = LINUX_RELEASE,
	.version = LINUX_VERSION,
	.machine = "x86_64",
	.domainname = "(none)",
};

const struct uts_names *uts_current(void)
{
	if (uts.nodename[0] == 0) {
		const char *name = boot_string(boot_info->hostname);

		memcpy(uts.nodename, name, MIN(strlen(name), sizeof(uts.nodename) - 1));
	}
	return &uts;
}

long sys_uname(void *ubuf)
{
	return copy_to_user(ubuf, uts_current(), sizeof(uts));
}

static long set_uts_field(char field[UTS_FIELD_BYTES], const void *uname, size_t len)
{
	char name[UTS_FIELD_BYTES] = {0};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len >= UTS_FIELD_BYTES)
		return -EINVAL;
	if (copy_from_user(name, uname, len) != 0)
		return -EFAULT;
	memcpy(field, name, sizeof(name));
	return 0;
}

long sys_sethostname(const void *uname, size_t len)
{
	return set_uts_field(uts.nodename, uname, len);
}

long sys_setdomainname(const void *uname, size_t len)
{
	return set_uts_field(uts.domainname, uname, len);
}

long sys_sysinfo(void *uinfo)
{
	struct loadavg load = loadavg_now();
	struct sysinfo si;

	memset(&si, 0, sizeof(si));
	si.uptime = (long)(clock_boot_ns() / NSEC_PER_SEC);
	si.totalram = page_nr_total() * PAGE_SIZE;
	si.freeram = page_nr_free() * PAGE_SIZE;
	si.procs = (uint16_t)process_current()->nr_threads;
	si.mem_unit = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(si.loads); i++)
		si.loads[i] = (unsigned long)load.avg[i] << (SI_LOAD_SHIFT - LOADAVG_SHIFT);
	return copy_to_user(uinfo, &si, sizeof(si));
}

/* There is no kernel log for the program to read. */
long sys_syslog(int type, void *ubuf, int len)
{
	(void)type, (void)ubuf, (void)len;
	return -EPERM;
}

/* Nothing to trace: one program, no children. */
long sys_ptrace(long request, long pid, void *addr, void *data)
{
	(void)request, (void)pid, (void)addr, (void)data;
	return -EPERM;
}
