/* SPDX-License-Identifier: MIT */
/* proc_system.c - the machine in figures: memory, time, load. */
#include "kernel/fs/proc/proc.h"
#include "kernel/linux/uts.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/loadavg.h"
#include "kernel/time/clock.h"

#define TICK_NS 10000000ull /* of USER_HZ, 100 */

int proc_show_meminfo(uint64_t id, struct text *t)
{
	uint64_t total = page_nr_total() * 4, available = page_nr_free() * 4, slab = kmalloc_bytes_used() / 1024;
	const struct {
		const char *name;
		uint64_t kib;
	} row[] = {
		{"MemTotal:", total},
		{"MemFree:", available},
		{"MemAvailable:", available},
		{"Buffers:", 0},
		{"Cached:", 0},
		{"SwapCached:", 0},
		{"Active:", total - available},
		{"Inactive:", 0},
		{"SwapTotal:", 0},
		{"SwapFree:", 0},
		{"Dirty:", 0},
		{"Writeback:", 0},
		{"AnonPages:", 0},
		{"Mapped:", 0},
		{"Shmem:", 0},
		{"Slab:", slab},
		{"CommitLimit:", total},
		{"Committed_AS:", total - available},
		{"VmallocTotal:", 0},
		{"Hugepagesize:", 2048},
	};

	(void)id;
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
		text_printf(t, "%-15s %8llu kB\n", row[i].name, (unsigned long long)row[i].kib);
	return 0;
}

struct census {
	uint64_t cpu_ns, system_ns;
	unsigned threads, running, last_tid;
};

static void count_thread(struct thread *th, void *arg)
{
	struct census *c = arg;

	if (th->proc == &kernel_process)
		return;
	c->cpu_ns += thread_cpu_ns(th);
	c->system_ns += th->system_time.exact_ns + th->system_time.sampled_ns;
	c->threads++;
	c->running += thread_is_runnable(th);
	c->last_tid = MAX(c->last_tid, (unsigned)th->tid);
}

static struct census take_census(void)
{
	struct census c = {.cpu_ns = init_process->cpu_dead_ns, .system_ns = init_process->system_dead_ns};

	thread_for_each(count_thread, &c);
	return c;
}

int proc_show_system_stat(uint64_t id, struct text *t)
{
	struct census c = take_census();
	uint64_t up_ns = clock_boot_ns(), idle_ns = up_ns > c.cpu_ns ? up_ns - c.cpu_ns : 0;
	unsigned long long system = MIN(c.system_ns, c.cpu_ns) / TICK_NS, user = c.cpu_ns / TICK_NS - system,
			   idle = idle_ns / TICK_NS;

	(void)id;
	text_printf(t, "cpu  %llu 0 %llu %llu 0 0 0 0 0 0\ncpu0 %llu 0 %llu %llu 0 0 0 0 0 0\n", user, system, idle,
		    user, system, idle);
	for (uint32_t i = 1; i < boot_info->nr_cpus; i++)
		text_printf(t, "cpu%u 0 0 0 %llu 0 0 0 0 0 0\n", i, (unsigned long long)(up_ns / TICK_NS));
	text_printf(t, "intr %llu\nctxt %llu\nbtime %llu\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n",
		    (unsigned long long)STAT(UPCALLS), (unsigned long long)STAT(CONTEXT_SWITCHES),
		    (unsigned long long)((clock_realtime_ns() - up_ns) / NSEC_PER_SEC), c.last_tid, c.running);
	return 0;
}

static void show_seconds(struct text *t, uint64_t ns)
{
	text_printf(t, "%llu.%02llu", (unsigned long long)(ns / NSEC_PER_SEC),
		    (unsigned long long)(ns % NSEC_PER_SEC / TICK_NS));
}

int proc_show_uptime(uint64_t id, struct text *t)
{
	struct census c = take_census();
	uint64_t up_ns = clock_boot_ns();

	(void)id;
	show_seconds(t, up_ns);
	text_puts(t, " ");
	show_seconds(t, up_ns > c.cpu_ns ? up_ns - c.cpu_ns : 0);
	text_puts(t, "\n");
	return 0;
}

/* Nobody samples the load, which would need a periodic timer: the averages are 0. */
int proc_show_loadavg(uint64_t id, struct text *t)
{
	struct census c = take_census();
	struct loadavg l = loadavg_now();

	(void)id;
	for (unsigned i = 0; i < ARRAY_SIZE(l.avg); i++) {
		unsigned hundredths = (l.avg[i] * 100 + (1u << LOADAVG_SHIFT) / 2) >> LOADAVG_SHIFT;

		text_printf(t, "%u.%02u ", hundredths / 100, hundredths % 100);
	}
	text_printf(t, "%u/%u %u\n", c.running, c.threads, c.last_tid);
	return 0;
}

/* What vmstat(8) insists on; there is no swap, and nothing counts pages in and out. */
int proc_show_vmstat(uint64_t id, struct text *t)
{
	(void)id;
	text_printf(t, "nr_free_pages %llu\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %llu\npgmajfault 0\n",
		    (unsigned long long)page_nr_free(), (unsigned long long)STAT(PAGE_FAULTS));
	return 0;
}

int proc_show_version(uint64_t id, struct text *t)
{
	const struct uts_names *u = uts_current();

	(void)id;
	text_printf(t, "%s version %s (cay) %s\n", u->sysname, u->release, u->version);
	return 0;
}
