/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c - /sys: CPUs, memory nodes, huge pages: what glibc, Python, the JVM, Go and Node look at when they start.
 * There is one socket and one memory node; a CPU is a core. No control groups are mounted.
 */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/fs/pseudo.h"
#include "kernel/mm/page.h"
#include "kernel/plat/cay/boot.h"
#include "lib/fmt.h"
#include "lib/string.h"

static int show_cpu_list(uint64_t id, struct text *t)
{
	(void)id;
	if (boot_info->nr_cpus > 1)
		text_printf(t, "0-%u\n", boot_info->nr_cpus - 1);
	else
		text_puts(t, "0\n");
	return 0;
}

static uint32_t cpu_mask(void)
{
	return boot_info->nr_cpus >= 32 ? UINT32_MAX : (1u << boot_info->nr_cpus) - 1;
}

static int show_cpu_mask(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "%x\n", cpu_mask());
	return 0;
}

static int show_kernel_max(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "%u\n", CAY_VCPU_MAX - 1);
	return 0;
}

/* The id of an entry under cpuN is N + 1, because 0 is every static entry's. */
static int show_core_id(uint64_t id, struct text *t)
{
	text_printf(t, "%u\n", (unsigned)id - 1);
	return 0;
}

static int show_own_mask(uint64_t id, struct text *t)
{
	text_printf(t, "%x\n", 1u << ((unsigned)id - 1));
	return 0;
}

static int show_own_list(uint64_t id, struct text *t)
{
	return show_core_id(id, t);
}

static const struct pseudo_node topology_nodes[] = {
	PSEUDO_FILE("core_id", show_core_id),
	PSEUDO_TEXT("physical_package_id", "0\n"),
	PSEUDO_TEXT("die_id", "0\n"),
	PSEUDO_FILE("thread_siblings", show_own_mask),
	PSEUDO_FILE("thread_siblings_list", show_own_list),
	PSEUDO_FILE("core_cpus", show_own_mask),
	PSEUDO_FILE("core_cpus_list", show_own_list),
	PSEUDO_FILE("core_siblings", show_cpu_mask),
	PSEUDO_FILE("core_siblings_list", show_cpu_list),
	PSEUDO_FILE("package_cpus", show_cpu_mask),
	PSEUDO_FILE("package_cpus_list", show_cpu_list),
	PSEUDO_END,
};

static const struct pseudo_node cpu_nodes[] = {
	PSEUDO_DIR("topology", topology_nodes),
	PSEUDO_TEXT("online", "1\n"),
	PSEUDO_END,
};

static const struct pseudo_node cpu_dir = PSEUDO_DIR("", cpu_nodes);

static int lookup_cpu(uint64_t id, const char *name, size_t len, struct pseudo_found *out)
{
	(void)id;
	for (uint32_t n = 0; n < boot_info->nr_cpus; n++) {
		char want[PSEUDO_NAME_MAX];
		size_t want_len = fmt_snprintf(want, sizeof(want), "cpu%u", n);
		if (want_len == len && memcmp(name, want, len) == 0) {
			*out = (struct pseudo_found){&cpu_dir, n + 1};
			return 0;
		}
	}
	return -ENOENT;
}

static bool next_cpu(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out)
{
	(void)id;
	if (*cursor >= boot_info->nr_cpus)
		return false;
	fmt_snprintf(name, PSEUDO_NAME_MAX, "cpu%u", (unsigned)*cursor);
	*out = (struct pseudo_found){&cpu_dir, *cursor + 1};
	return true;
}

static const struct pseudo_node cpus_nodes[] = {
	PSEUDO_FILE("online", show_cpu_list),
	PSEUDO_FILE("possible", show_cpu_list),
	PSEUDO_FILE("present", show_cpu_list),
	PSEUDO_TEXT("offline", "\n"),
	PSEUDO_TEXT("isolated", "\n"),
	PSEUDO_FILE("kernel_max", show_kernel_max),
	PSEUDO_END,
};

static int show_node_meminfo(uint64_t id, struct text *t)
{
	unsigned long long total = page_nr_total() * 4, available = page_nr_free() * 4;

	(void)id;
	text_printf(t,
		    "Node 0 MemTotal:       %llu kB\nNode 0 MemFree:        %llu kB\nNode 0 MemUsed:        %llu kB\n",
		    total, available, total - available);
	return 0;
}

static const struct pseudo_node node0_nodes[] = {
	PSEUDO_FILE("cpulist", show_cpu_list),
	PSEUDO_FILE("cpumap", show_cpu_mask),
	PSEUDO_FILE("meminfo", show_node_meminfo),
	PSEUDO_TEXT("distance", "10\n"),
	PSEUDO_END,
};

static const struct pseudo_node nodes_nodes[] = {
	PSEUDO_TEXT("online", "0\n"),
	PSEUDO_TEXT("possible", "0\n"),
	PSEUDO_TEXT("has_cpu", "0\n"),
	PSEUDO_TEXT("has_memory", "0\n"),
	PSEUDO_TEXT("has_normal_memory", "0\n"),
	PSEUDO_DIR("node0", node0_nodes),
	PSEUDO_END,
};

static const struct pseudo_node system_nodes[] = {
	{.name = "cpu", .mode = S_IFDIR | 0555, .children = cpus_nodes, .lookup = lookup_cpu, .next = next_cpu},
	PSEUDO_DIR("node", nodes_nodes),
	PSEUDO_END,
};

static const struct pseudo_node devices_nodes[] = {
	PSEUDO_DIR("system", system_nodes),
	PSEUDO_END,
};

static const struct pseudo_node thp_nodes[] = {
	PSEUDO_TEXT("enabled", "[always] madvise never\n"),
	PSEUDO_TEXT("defrag", "always defer defer+madvise [madvise] never\n"),
	PSEUDO_TEXT("shmem_enabled", "always within_size advise [never] deny force\n"),
	PSEUDO_TEXT("hpage_pmd_size", "2097152\n"),
	PSEUDO_TEXT("use_zero_page", "0\n"),
	PSEUDO_END,
};

static const struct pseudo_node empty[] = {PSEUDO_END};

static const struct pseudo_node mm_nodes[] = {
	PSEUDO_DIR("transparent_hugepage", thp_nodes),
	PSEUDO_DIR("hugepages", empty),
	PSEUDO_END,
};

static const struct pseudo_node kernel_nodes[] = {
	PSEUDO_DIR("mm", mm_nodes),
	PSEUDO_END,
};

static const struct pseudo_node fs_nodes[] = {
	PSEUDO_DIR("cgroup", empty),
	PSEUDO_END,
};

static const struct pseudo_node root_nodes[] = {
	PSEUDO_DIR("devices", devices_nodes),
	PSEUDO_DIR("kernel", kernel_nodes),
	PSEUDO_DIR("fs", fs_nodes),
	PSEUDO_END,
};

static const struct pseudo_node root = PSEUDO_DIR("", root_nodes);

struct superblock *sysfs_create(void)
{
	return pseudo_create("sysfs", 0x14, &root, true);
}
