/* SPDX-License-Identifier: MIT */
/* proc_pid.c - the folder of a process, and of one of its threads. */
#include <errno.h>
#include <fcntl.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/proc/proc.h"
#include "lib/fmt.h"
#include "lib/string.h"

int proc_owner(uint64_t id, uint32_t *uid, uint32_t *gid)
{
	struct thread *t = proc_thread(id);

	if (t == NULL)
		return -ESRCH;
	*uid = t->proc->cred.euid;
	*gid = t->proc->cred.egid;
	return 0;
}

static int copy_text(char *buf, size_t size, const char *s)
{
	size_t len = MIN(strlen(s), size);

	memcpy(buf, s, len);
	return (int)len;
}

static int link_exe(uint64_t id, char *buf, size_t size)
{
	struct thread *t = proc_thread(id);

	if (t == NULL || t->proc->exe_path == NULL)
		return -ENOENT;
	return copy_text(buf, size, t->proc->exe_path);
}

static int follow_exe(uint64_t id, struct path *out)
{
	struct thread *t = proc_thread(id);

	if (t == NULL || t->proc->exe_path == NULL)
		return -ENOENT;
	return vfs_lookup(AT_FDCWD, t->proc->exe_path, LOOKUP_FOLLOW, out);
}

static int follow_cwd(uint64_t id, struct path *out)
{
	struct thread *t = proc_thread(id);

	if (t == NULL || t->fs == NULL)
		return -ENOENT;
	*out = path_get(&t->fs->cwd);
	return 0;
}

static int follow_root(uint64_t id, struct path *out)
{
	struct thread *t = proc_thread(id);

	if (t == NULL || t->fs == NULL)
		return -ENOENT;
	*out = path_get(&t->fs->root);
	return 0;
}

/* Where a jump leads, as text. */
static int link_of(int (*follow)(uint64_t, struct path *), uint64_t id, char *buf, size_t size)
{
	struct path p;
	int n = follow(id, &p);

	if (n != 0)
		return n;
	n = path_to_text(&p, buf, size);
	path_put(&p);
	return n;
}

static int link_cwd(uint64_t id, char *buf, size_t size)
{
	return link_of(follow_cwd, id, buf, size);
}

static int link_root(uint64_t id, char *buf, size_t size)
{
	return link_of(follow_root, id, buf, size);
}

static int show_comm(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	text_printf(t, "%s\n", th->comm);
	return 0;
}

static int write_comm(uint64_t id, const char *data, size_t bytes)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	if (bytes > 0 && data[bytes - 1] == '\n')
		bytes--;
	bytes = MIN(bytes, sizeof(th->comm) - 1);
	memset(th->comm, 0, sizeof(th->comm));
	memcpy(th->comm, data, bytes);
	return 0;
}

static int show_oom_score_adj(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	text_printf(t, "%d\n", th->proc->oom_score_adj);
	return 0;
}

static int write_oom_score_adj(uint64_t id, const char *data, size_t bytes)
{
	bool negative = bytes > 0 && data[0] == '-';
	size_t at = negative ? 1 : 0, end = at;
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	while (end < bytes && data[end] >= '0' && data[end] <= '9')
		end++;
	int v = proc_parse_number(data + at, end - at);
	if (v < 0 || v > 1000 || (end < bytes && data[end] != '\n'))
		return -EINVAL;
	v = negative ? -v : v;
	if (v < th->proc->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	th->proc->oom_score_adj = v;
	return 0;
}

static int show_personality(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);

	if (th == NULL)
		return -ESRCH;
	text_printf(t, "%08x\n", th->proc->personality);
	return 0;
}

static int lookup_task(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	int tid = proc_parse_number(name, len);
	struct thread *leader = proc_thread(id), *t = tid > 0 ? proc_thread((uint64_t)tid) : NULL;

	if (t == NULL || leader == NULL || t->proc != leader->proc)
		return -ENOENT;
	*out = (struct pseudo_found){&proc_task_dir, (uint64_t)tid};
	return 0;
}

static bool next_task(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	struct thread *leader = proc_thread(id);
	uint64_t best = UINT64_MAX;

	if (leader == NULL)
		return false;
	list_for_each (t, &leader->proc->threads, proc_link, struct thread)
		if ((uint64_t)t->tid >= *cursor && (uint64_t)t->tid < best)
			best = (uint64_t)t->tid;
	if (best == UINT64_MAX)
		return false;
	*cursor = best;
	fmt_snprintf(name, PSEUDO_NAME_MAX, "%llu", (unsigned long long)best);
	*out = (struct pseudo_found){&proc_task_dir, best};
	return true;
}

/* Programs learn from the link count how many threads they have: Chromium, before it may fork. */
static unsigned count_tasks(uint64_t id)
{
	const struct thread *leader = proc_thread(id);

	return leader != NULL ? leader->proc->nr_threads : 0;
}

#define OWNED .owner = proc_owner
#define FILE_ENTRY(entry_name, perm, fn)                                                                               \
	{                                                                                                              \
		.name = (entry_name), .mode = S_IFREG | (perm), .show = (fn), OWNED                                    \
	}

#define COMMON_ENTRIES                                                                                                 \
	{.name = "exe", .mode = S_IFLNK | 0777, .link = link_exe, .follow = follow_exe, OWNED},                        \
		{.name = "cwd", .mode = S_IFLNK | 0777, .link = link_cwd, .follow = follow_cwd, OWNED},                \
		{.name = "root", .mode = S_IFLNK | 0777, .link = link_root, .follow = follow_root, OWNED},             \
		FILE_ENTRY("maps", 0444, proc_show_maps), FILE_ENTRY("smaps", 0444, proc_show_smaps),                  \
		FILE_ENTRY("smaps_rollup", 0444, proc_show_smaps_rollup),                                              \
		FILE_ENTRY("status", 0444, proc_show_status), FILE_ENTRY("stat", 0444, proc_show_stat),                \
		FILE_ENTRY("statm", 0444, proc_show_statm), FILE_ENTRY("cmdline", 0444, proc_show_cmdline),            \
		FILE_ENTRY("environ", 0400, proc_show_environ), FILE_ENTRY("auxv", 0400, proc_show_auxv),              \
		FILE_ENTRY("limits", 0444, proc_show_limits), FILE_ENTRY("io", 0400, proc_show_io),                    \
		FILE_ENTRY("mounts", 0444, proc_show_mounts), FILE_ENTRY("mountinfo", 0444, proc_show_mountinfo),      \
		FILE_ENTRY("personality", 0400, show_personality),                                                     \
		{.name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .write = write_comm, OWNED},               \
		{.name = "oom_score_adj",                                                                              \
		 .mode = S_IFREG | 0644,                                                                               \
		 .show = show_oom_score_adj,                                                                           \
		 .write = write_oom_score_adj,                                                                         \
		 OWNED},                                                                                               \
		{.name = "cgroup", .mode = S_IFREG | 0444, .text = "0::/\n", OWNED},                                   \
		{.name = "oom_score", .mode = S_IFREG | 0444, .text = "0\n", OWNED},                                   \
	{                                                                                                              \
		.name = "loginuid", .mode = S_IFREG | 0444, .text = "4294967295", OWNED                                \
	}

#define NET_ENTRY                                                                                                      \
	{                                                                                                              \
		.name = "net", .mode = S_IFDIR | 0555, .children = proc_net_nodes                                      \
	}

#define FD_ENTRIES                                                                                                     \
	{.name = "fd", .mode = S_IFDIR | 0500, .lookup = proc_lookup_fd, .next = proc_next_fd, OWNED},                 \
	{                                                                                                              \
		.name = "fdinfo", .mode = S_IFDIR | 0555, .lookup = proc_lookup_fdinfo, .next = proc_next_fdinfo,      \
		OWNED                                                                                                  \
	}

static const struct pseudo_node task_nodes[] = {
	COMMON_ENTRIES,
	FD_ENTRIES,
	NET_ENTRY,
	PSEUDO_END,
};

static const struct pseudo_node pid_nodes[] = {
	COMMON_ENTRIES,
	FD_ENTRIES,
	NET_ENTRY,
	{.name = "task",
	 .mode = S_IFDIR | 0555,
	 .lookup = lookup_task,
	 .next = next_task,
	 .nr_folders = count_tasks,
	 OWNED},
	PSEUDO_END,
};

const struct pseudo_node proc_pid_dir = {.name = "", .mode = S_IFDIR | 0555, .children = pid_nodes, OWNED};
const struct pseudo_node proc_task_dir = {.name = "", .mode = S_IFDIR | 0555, .children = task_nodes, OWNED};
