/* SPDX-License-Identifier: MIT */
#include "vmm/backend/process/process_probe.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/backend/process/namespaces.h"

#define AT_HWCAP2_FSGSBASE 2u /* arch/x86/include/uapi/asm/hwcap2.h */
#define PROBE_BYTES        4096

static void probe_memory(struct process_probe *p)
{
	int fd = memfd_create("cay-probe", MFD_CLOEXEC);
	void *at;

	if (fd < 0 || ftruncate(fd, PROBE_BYTES) != 0) {
		p->memory_error = errno;
	} else {
		at = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
		p->exec_error = at == MAP_FAILED ? errno : 0;
		if (at != MAP_FAILED)
			munmap(at, PROBE_BYTES);
	}
	if (fd >= 0)
		close(fd);
}

static void probe_namespaces(struct process_probe *p)
{
	struct clone_args args = {.flags = GUEST_NAMESPACES, .exit_signal = SIGCHLD};
	long child = syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0)
		_exit(0);
	if (child < 0)
		p->namespaces_error = errno;
	else
		waitpid((pid_t)child, NULL, 0);
}

static void probe_mappings(struct process_probe *p)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f == NULL)
		return;
	if (fscanf(f, "%lu", &p->max_map_count) != 1)
		p->max_map_count = 0;
	fclose(f);
}

void process_probe(struct process_probe *p)
{
	memset(p, 0, sizeof(*p));
	p->fsgsbase = getauxval(AT_HWCAP2) & AT_HWCAP2_FSGSBASE;
	probe_memory(p);
	probe_namespaces(p);
	probe_mappings(p);
}
