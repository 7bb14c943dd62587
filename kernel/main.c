/* SPDX-License-Identifier: MIT */
/* main.c - from the first instruction to the program's: in order, each step needs those before it. */
#include <errno.h>
#include <linux/fcntl.h>
#include <signal.h>

#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/dev/random.h"
#include "kernel/dev/stdio.h"
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/exec.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmspace.h"
#include "kernel/net/net.h"
#include "kernel/net/netconf.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/debug.h"
#include "kernel/plat/cay/events.h"
#include "kernel/plat/cay/giveback.h"
#include "kernel/plat/cay/map.h"
#include "kernel/plat/cay/populate.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

NORETURN void kernel_main(void);

static void mark(enum cay_timing_point point)
{
	stats->timing_tsc[point] = rdtsc();
}

static void forward_signals(void *arg)
{
	uint64_t signals = __atomic_exchange_n(&cpu_this()->vcpu->signals, 0, __ATOMIC_SEQ_CST);

	(void)arg;
	while (signals != 0) {
		int signo = __builtin_ctzll(signals) + 1;

		signals &= signals - 1;
		if (signo == SIGBUS) /* abi/vcpu_page.h: not from outside */
			signal_lost_page();
		else
			signal_from_host(signo);
	}
}

/* argv and envp from the module: `n` strings, one after another. Returns the place after them. */
static const char *take_strings(const char *at, const char *end, const char **v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		v[i] = at;
		while (at < end && *at != '\0')
			at++;
		at++;
	}
	v[n] = NULL;
	return at;
}

/*
 * The program's name as the user typed it, if that leads to the same file: an interpreter of a script sees it, as on
 * Linux. Else the path that the VMM found.
 */
static const char *program_name(const char *argv0)
{
	const char *path = boot_string(boot_info->program);
	struct path typed, found;
	bool same = false;

	if (argv0 == NULL || strchr(argv0, '/') == NULL || vfs_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &found) != 0)
		return path;
	if (vfs_lookup(AT_FDCWD, argv0, LOOKUP_FOLLOW, &typed) == 0) {
		same = path_inode(&typed) == path_inode(&found);
		path_put(&typed);
	}
	path_put(&found);
	return same ? argv0 : path;
}

static void load_program(void)
{
	const char *module = pa_to_virt(PA(boot_info->module_gpa));
	const char *end = module + boot_info->module_bytes;
	const char **v = kmalloc((boot_info->argc + boot_info->envc + 2) * sizeof(*v));
	const char **envp;
	const char *why = NULL;
	int err;

	if (v == NULL)
		panic("no memory for the arguments: raise -m");
	envp = v + boot_info->argc + 1;
	module = take_strings(module, end, v, boot_info->argc);
	take_strings(module, end, envp, boot_info->envc);
	err = exec_init(program_name(v[0]), v, envp, &why);
	kfree(v);
	if (err != 0) {
		klog("cannot run %s: %s", boot_string(boot_info->program), why);
		plat_exit((err == -ENOENT ? 127 : 126) << 8);
	}
}

void kernel_main(void)
{
	cpu_init(0);
	fpu_init();
	mark(CAY_T_KERNEL_ENTRY);
	if (boot_info->magic != CAY_BOOT_MAGIC || boot_info->abi_version != CAY_ABI_VERSION)
		panic("boot info of another version");
	page_init(boot_info);
	populate_init();
	paging_init(boot_info);
	random_init(boot_info->seed);
	syscalls_init();
	smp_init();
	sched_init();
	giveback_init();
	event_register(CAY_EVENT_SIGNAL, forward_signals, NULL);
	debug_init();
	map_publish();
	mark(CAY_T_MM_READY);
	thread_current()->fds = fdtable_create();
	if (thread_current()->fds == NULL)
		panic("no memory for the first process");
	fs_init();
	if (stdio_init() != 0)
		panic("no stdio device");
	if (!net_init())
		panic("no memory for the network: raise -m");
	mark(CAY_T_FS_READY);
	netconf_wait();
	sched_yield_to_others(); /* kernel threads go to sleep, or they would compete with the program */
	mark(CAY_T_EXEC_START);
	load_program();
	mark(CAY_T_PROGRAM_ENTRY);
	if (boot_info->flags & CAY_BOOT_GDB)
		(void)debug_stop(thread_frame(thread_current()), SIGTRAP);
	sched_first_program();
	fpu_restore(thread_current());
	kernel_leave();
	frame_return();
}
