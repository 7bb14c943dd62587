/* SPDX-License-Identifier: MIT */
/* proc.c - the root of procfs: system-wide files, processes by number, self. */
#include "kernel/fs/proc/proc.h"

#include <errno.h>

#include "kernel/ipc/sysv.h"
#include "lib/fmt.h"
#include "lib/string.h"

int proc_parse_number(const char *name, size_t len)
{
	int v = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		v = v * 10 + (name[i] - '0');
	}
	return v;
}

struct thread *proc_thread(uint64_t id)
{
	struct thread *t = thread_find(PROC_ID_TID(id));

	return t != NULL && t->proc != &kernel_process ? t : NULL;
}

static int link_self(uint64_t id, char *buf, size_t size)
{
	(void)id;
	return (int)MIN(fmt_snprintf(buf, size, "%d", process_current()->pid), size);
}

static int link_thread_self(uint64_t id, char *buf, size_t size)
{
	(void)id;
	return (int)MIN(fmt_snprintf(buf, size, "%d/task/%d", process_current()->pid, thread_current()->tid), size);
}

/* Any thread's number leads to its process, though only leaders are listed (as on Linux). */
static int lookup_pid(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	int tid = proc_parse_number(name, len);

	(void)id;
	if (tid <= 0 || proc_thread((uint64_t)tid) == NULL)
		return -ENOENT;
	*out = (struct pseudo_found){&proc_pid_dir, (uint64_t)tid};
	return 0;
}

struct next_search {
	uint64_t from, best;
};

static void consider_leader(struct thread *t, void *arg)
{
	struct next_search *s = arg;
	uint64_t tid = (uint64_t)t->tid;

	if (t->proc != &kernel_process && t->tid == t->proc->pid && tid >= s->from && tid < s->best)
		s->best = tid;
}

static bool next_pid(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	struct next_search s = {*cursor, UINT64_MAX};

	(void)id;
	thread_for_each(consider_leader, &s);
	if (s.best == UINT64_MAX)
		return false;
	*cursor = s.best;
	fmt_snprintf(name, PSEUDO_NAME_MAX, "%llu", (unsigned long long)s.best);
	*out = (struct pseudo_found){&proc_pid_dir, s.best};
	return true;
}

static const struct pseudo_node sysvipc_nodes[] = {
	PSEUDO_FILE("shm", ipc_show_shm),
	PSEUDO_FILE("sem", ipc_show_sem),
	PSEUDO_FILE("msg", ipc_show_msg),
	PSEUDO_END,
};

static const struct pseudo_node root_nodes[] = {
	{.name = "self", .mode = S_IFLNK | 0777, .link = link_self},
	{.name = "thread-self", .mode = S_IFLNK | 0777, .link = link_thread_self},
	PSEUDO_LINK("mounts", "self/mounts"),
	PSEUDO_LINK("net", "self/net"),
	PSEUDO_FILE("cpuinfo", proc_show_cpuinfo),
	PSEUDO_FILE("meminfo", proc_show_meminfo),
	PSEUDO_FILE("stat", proc_show_system_stat),
	PSEUDO_FILE("vmstat", proc_show_vmstat),
	PSEUDO_FILE("uptime", proc_show_uptime),
	PSEUDO_FILE("loadavg", proc_show_loadavg),
	PSEUDO_FILE("version", proc_show_version),
	PSEUDO_TEXT("filesystems",
		    "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tvirtiofs\nnodev\toverlay\n"),
	PSEUDO_TEXT("cmdline", "cay\n"),
	PSEUDO_TEXT("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 "
			       "pts\n\nBlock devices:\n"),
	PSEUDO_DIR("sys", proc_sys_nodes),
	PSEUDO_DIR("sysvipc", sysvipc_nodes),
	PSEUDO_END,
};

static const struct pseudo_node root = {
	.name = "", .mode = S_IFDIR | 0555, .children = root_nodes, .lookup = lookup_pid, .next = next_pid};

struct superblock *procfs_create(void)
{
	return pseudo_create("proc", 0x15, &root, false);
}
