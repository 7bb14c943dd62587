/* SPDX-License-Identifier: MIT */
/* proc_sys.c - /proc/sys: the settings that programs read. They are facts of this kernel, so nothing here can be
 * changed. */
#include <errno.h>

#include "kernel/dev/random.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/linux/uts.h"
#include "kernel/mm/page.h"
#include "kernel/net/port.h"
#include "kernel/net/tcp_mem.h"

#define UTS_FILE(field)                                                                                                \
	static int show_##field(uint64_t id, struct text *t)                                                           \
	{                                                                                                              \
		(void)id;                                                                                              \
		text_printf(t, "%s\n", uts_current()->field);                                                          \
		return 0;                                                                                              \
	}
UTS_FILE(sysname)
UTS_FILE(nodename)
UTS_FILE(release)
UTS_FILE(version)
UTS_FILE(domainname)

/* A random UUID, version 4 (RFC 4122 section 4.4). */
static void print_uuid(struct text *t, const uint8_t random[16])
{
	for (unsigned i = 0; i < 16; i++) {
		uint8_t b = random[i];
		if (i == 6)
			b = (uint8_t)(0x40 | (b & 0x0f));
		if (i == 8)
			b = (uint8_t)(0x80 | (b & 0x3f));
		text_printf(t, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b);
	}
	text_puts(t, "\n");
}

static int show_uuid(uint64_t id, struct text *t)
{
	uint8_t random[16];

	(void)id;
	random_bytes(random, sizeof(random));
	print_uuid(t, random);
	return 0;
}

static int show_boot_id(uint64_t id, struct text *t)
{
	static uint8_t boot_id[16];
	static bool made;

	(void)id;
	if (!made)
		random_bytes(boot_id, sizeof(boot_id));
	made = true;
	print_uuid(t, boot_id);
	return 0;
}

static int show_threads_max(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "%zu\n", page_nr_total() / 8); /* each takes a kernel stack and as much again around it */
	return 0;
}

static const struct pseudo_node random_nodes[] = {
	PSEUDO_FILE("uuid", show_uuid),
	PSEUDO_FILE("boot_id", show_boot_id),
	PSEUDO_TEXT("entropy_avail", "256\n"),
	PSEUDO_TEXT("poolsize", "256\n"),
	PSEUDO_END,
};

static const struct pseudo_node kernel_nodes[] = {
	PSEUDO_FILE("ostype", show_sysname),
	PSEUDO_FILE("osrelease", show_release),
	PSEUDO_FILE("version", show_version),
	PSEUDO_FILE("hostname", show_nodename),
	PSEUDO_FILE("domainname", show_domainname),
	PSEUDO_TEXT("pid_max", "4194304\n"),
	/* kernel/ipc/sysv.h */
	PSEUDO_TEXT("shmmax", "18446744073692774399\n"),
	PSEUDO_TEXT("shmall", "18446744073692774399\n"),
	PSEUDO_TEXT("shmmni", "4096\n"),
	PSEUDO_TEXT("sem", "32000\t1024000000\t500\t32000\n"),
	PSEUDO_TEXT("msgmax", "8192\n"),
	PSEUDO_TEXT("msgmnb", "16384\n"),
	PSEUDO_TEXT("msgmni", "32000\n"),
	PSEUDO_FILE("threads-max", show_threads_max),
	PSEUDO_TEXT("ngroups_max", "65536\n"),
	PSEUDO_TEXT("cap_last_cap", "40\n"),
	PSEUDO_TEXT("randomize_va_space", "2\n"),
	PSEUDO_TEXT("core_pattern", "core\n"),
	PSEUDO_TEXT("core_uses_pid", "0\n"),
	PSEUDO_TEXT("perf_event_paranoid", "4\n"),
	PSEUDO_TEXT("overflowuid", "65534\n"),
	PSEUDO_TEXT("overflowgid", "65534\n"),
	PSEUDO_DIR("random", random_nodes),
	PSEUDO_END,
};

static const struct pseudo_node vm_nodes[] = {
	PSEUDO_TEXT("overcommit_memory", "1\n"),
	PSEUDO_TEXT("overcommit_ratio", "50\n"),
	PSEUDO_TEXT("max_map_count", "1048576\n"),
	PSEUDO_TEXT("mmap_min_addr", "65536\n"),
	PSEUDO_TEXT("swappiness", "0\n"),
	PSEUDO_TEXT("nr_hugepages", "0\n"),
	PSEUDO_END,
};

/* kernel/fs/inotify.c */
static const struct pseudo_node inotify_nodes[] = {
	PSEUDO_TEXT("max_queued_events", "16384\n"),
	PSEUDO_TEXT("max_user_instances", "1048576\n"),
	PSEUDO_TEXT("max_user_watches", "65536\n"),
	PSEUDO_END,
};

/* kernel/ipc/mqueue.h */
static const struct pseudo_node mqueue_nodes[] = {
	PSEUDO_TEXT("msg_default", "10\n"),       PSEUDO_TEXT("msg_max", "10\n"),
	PSEUDO_TEXT("msgsize_default", "8192\n"), PSEUDO_TEXT("msgsize_max", "8192\n"),
	PSEUDO_TEXT("queues_max", "256\n"),       PSEUDO_END,
};

static const struct pseudo_node fs_nodes[] = {
	PSEUDO_TEXT("file-max", "9223372036854775807\n"),
	PSEUDO_TEXT("nr_open", "1048576\n"),
	PSEUDO_TEXT("pipe-max-size", "1048576\n"),
	PSEUDO_DIR("inotify", inotify_nodes),
	PSEUDO_DIR("mqueue", mqueue_nodes),
	PSEUDO_END,
};

static const struct pseudo_node net_core_nodes[] = {
	PSEUDO_TEXT("somaxconn", "4096\n"),  PSEUDO_TEXT("rmem_default", "212992\n"),
	PSEUDO_TEXT("rmem_max", "212992\n"), PSEUDO_TEXT("wmem_default", "212992\n"),
	PSEUDO_TEXT("wmem_max", "212992\n"), PSEUDO_END,
};

static int show_port_range(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "%u\t%u\n", port_range_first, port_range_last);
	return 0;
}

/* "first last", both in [1, 65535] and at least 512 ports: with fewer, connect would soon find none. */
static int write_port_range(uint64_t id, const char *data, size_t bytes)
{
	unsigned v[2] = {0, 0}, n = 0;

	(void)id;
	for (size_t i = 0; i < bytes && n < 2; i++) {
		if (data[i] >= '0' && data[i] <= '9' && v[n] < 65536)
			v[n] = v[n] * 10 + (unsigned)(data[i] - '0');
		else if (v[n] != 0)
			n++;
	}
	if (v[0] == 0 || v[1] > 65535 || v[0] + 512 > v[1])
		return -EINVAL;
	port_range_first = (uint16_t)v[0];
	port_range_last = (uint16_t)v[1];
	return 0;
}

static int show_tcp_mem(uint64_t id, struct text *t)
{
	const struct tcp_mem_limits *m = &tcp_mem_limits;

	(void)id;
	text_printf(t, "%lu\t%lu\t%lu\n", m->low / PAGE_SIZE, m->pressure / PAGE_SIZE, m->full / PAGE_SIZE);
	return 0;
}

static int show_unprivileged(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "%u\n", port_unprivileged_start);
	return 0;
}

static int write_unprivileged(uint64_t id, const char *data, size_t bytes)
{
	int v = proc_parse_number(data, bytes > 0 && data[bytes - 1] == '\n' ? bytes - 1 : bytes);

	(void)id;
	if (v < 0 || v > UINT16_MAX)
		return -EINVAL;
	port_unprivileged_start = (uint16_t)v;
	return 0;
}

static const struct pseudo_node net_ipv4_nodes[] = {
	{.name = "ip_local_port_range", .mode = S_IFREG | 0644, .show = show_port_range, .write = write_port_range},
	{.name = "ip_unprivileged_port_start",
	 .mode = S_IFREG | 0644,
	 .show = show_unprivileged,
	 .write = write_unprivileged},
	PSEUDO_FILE("tcp_mem", show_tcp_mem),
	PSEUDO_TEXT("ip_forward", "0\n"),
	PSEUDO_TEXT("ip_default_ttl", "64\n"),
	PSEUDO_TEXT("tcp_max_syn_backlog", "4096\n"),
	PSEUDO_TEXT("tcp_syncookies", "1\n"),
	PSEUDO_TEXT("tcp_ecn", "2\n"),
	PSEUDO_TEXT("tcp_fastopen", "1\n"),
	PSEUDO_TEXT("tcp_sack", "1\n"),
	PSEUDO_TEXT("tcp_timestamps", "1\n"),
	PSEUDO_TEXT("tcp_window_scaling", "1\n"),
	PSEUDO_TEXT("tcp_congestion_control", "cubic\n"),
	PSEUDO_TEXT("tcp_available_congestion_control", "reno cubic\n"),
	PSEUDO_END,
};

static const struct pseudo_node net_ipv6_all_nodes[] = {
	PSEUDO_TEXT("disable_ipv6", "0\n"),
	PSEUDO_TEXT("forwarding", "0\n"),
	PSEUDO_END,
};

static const struct pseudo_node net_ipv6_conf_nodes[] = {
	PSEUDO_DIR("all", net_ipv6_all_nodes),
	PSEUDO_DIR("default", net_ipv6_all_nodes),
	PSEUDO_DIR("lo", net_ipv6_all_nodes),
	PSEUDO_END,
};

static const struct pseudo_node net_ipv6_nodes[] = {
	PSEUDO_TEXT("bindv6only", "0\n"),
	PSEUDO_DIR("conf", net_ipv6_conf_nodes),
	PSEUDO_END,
};

static const struct pseudo_node net_nodes[] = {
	PSEUDO_DIR("core", net_core_nodes),
	PSEUDO_DIR("ipv4", net_ipv4_nodes),
	PSEUDO_DIR("ipv6", net_ipv6_nodes),
	PSEUDO_END,
};

const struct pseudo_node proc_sys_nodes[] = {
	PSEUDO_DIR("kernel", kernel_nodes),
	PSEUDO_DIR("vm", vm_nodes),
	PSEUDO_DIR("fs", fs_nodes),
	PSEUDO_DIR("net", net_nodes),
	PSEUDO_END,
};
