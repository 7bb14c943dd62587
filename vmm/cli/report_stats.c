/* SPDX-License-Identifier: MIT */
/* report_stats.c - the counters of --stats, as a table or as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/report.h"
#include "vmm/cli/syscall_names.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net.h"

struct row {
	const char *key, *text;
	uint64_t value;
};

static const struct {
	const char *key, *text;
} guest_counters[CAY_C_NR] = {
	[CAY_C_PAGE_FAULTS] = {"page_faults", "page faults"},
	[CAY_C_EXCEPTIONS] = {"exceptions", "other exceptions"},
	[CAY_C_UPCALLS] = {"upcalls", "upcalls taken"},
	[CAY_C_TLB_FLUSHES] = {"tlb_flushes", "TLB flushes and address space switches"},
	[CAY_C_SYSCALLS] = {"syscalls", "system calls"},
	[CAY_C_SYSCALL_TRAPS] = {"syscall_traps", "system calls that trapped"},
	[CAY_C_SITES_REWRITTEN] = {"sites_rewritten", "call sites rewritten"},
	[CAY_C_SITES_REFUSED] = {"sites_refused", "call sites left to trap"},
	[CAY_C_CONTEXT_SWITCHES] = {"context_switches", "context switches"},
	[CAY_C_FS_REQUESTS] = {"fs_requests", "requests to the file server"},
	[CAY_C_GATE_WAITS] = {"gate_waits", "waits for events"},
	[CAY_C_DOORBELLS] = {"doorbells", "doorbells rung"},
	[CAY_C_PAGES_4K] = {"pages_4k", "4 KiB pages mapped"},
	[CAY_C_PAGES_2M] = {"pages_2m", "2 MiB pages mapped"},
	[CAY_C_COW] = {"cow", "pages copied on write"},
	[CAY_C_NET_SENT] = {"net_sent", "frames sent"},
	[CAY_C_NET_RECEIVED] = {"net_received", "frames received"},
	[CAY_C_NET_POLLS_HIT] = {"net_polls_hit", "looks at the network card that found a frame"},
	[CAY_C_NET_POLLS_MISSED] = {"net_polls_missed", "looks at the network card in vain"},
	[CAY_C_IPIS] = {"ipis", "interruptions between CPUs"},
	[CAY_C_MIGRATED] = {"migrated", "threads moved to another CPU"},
};

#define HOST_ROWS 10
/* Of the network card: printed if there is one. */
#define NET_ROWS 11
static unsigned net_rows(const struct vm *vm, struct row rows[NET_ROWS])
{
	struct net_counters c;

	if (vm->net == NULL)
		return 0;
	net_count(vm->net, &c);
	const struct row r[NET_ROWS] = {
		{"tx_frames", "network: frames sent", c.tx_frames},
		{"tx_bytes", "network: bytes sent", c.tx_bytes},
		{"rx_frames", "network: frames received", c.rx_frames},
		{"rx_bytes", "network: bytes received", c.rx_bytes},
		{"tx_refused", "network: malformed frames refused", c.tx_refused},
		{"tx_dropped", "network: sent frames lost", c.tx_dropped},
		{"rx_dropped", "network: received frames lost", c.rx_dropped},
		{"rx_starved", "network: the guest had no buffers", c.rx_starved},
		{"polls_hit", "network: polls that found a frame", c.polls_hit},
		{"polls_missed", "network: polls in vain", c.polls_missed},
		{"events", "network: events to the guest", c.events},
	};

	memcpy(rows, r, sizeof(r));
	return NET_ROWS;
}

static void host_rows(const struct vm_counters *c, struct row rows[HOST_ROWS])
{
	const struct row r[HOST_ROWS] = {
		{"exits_gate", "exits: gate calls", c->exits_gate},
		{"exits_kick", "exits: kicked", c->exits_kick},
		{"exits_other", "exits: other", c->exits_other},
		{"upcalls", "upcalls made", c->upcalls},
		{"waits", "vCPU slept", c->waits},
		{"io_wakeups", "I/O thread slept", c->io_wakeups},
		{"io_holes", "I/O thread lost its CPU while polling", c->io_holes},
		{"doorbells", "doorbells heard", c->doorbells},
		{"events_raised", "events raised", c->events_raised},
		{"kicks", "kicks sent", c->kicks},
	};

	memcpy(rows, r, sizeof(r));
}

#define CALLS_MAX ARRAY_SIZE(((struct cay_stats *)0)->syscall_count)
struct call {
	unsigned nr;
	uint32_t count;
};

static int by_count(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (int)x->nr - (int)y->nr;
}

/* Calls that were made, most frequent first. */
static unsigned sorted_calls(const struct cay_stats *s, struct call calls[CALLS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < CALLS_MAX; i++)
		if (s->syscall_count[i])
			calls[n++] = (struct call){i, s->syscall_count[i]};
	qsort(calls, n, sizeof(*calls), by_count);
	return n;
}

static bool is_absent(const struct cay_stats *s, unsigned nr)
{
	return s->syscall_absent[nr / 32] >> (nr % 32) & 1;
}

static const char *call_name(unsigned nr, char buf[16])
{
	if (syscall_name(nr))
		return syscall_name(nr);
	snprintf(buf, 16, "call_%u", nr);
	return buf;
}

static void print_table(FILE *to, const struct vm *vm, const struct row host[HOST_ROWS], const struct cay_stats *s)
{
	uint64_t syscalls = s->counter[CAY_C_SYSCALLS], exits = host[0].value + host[1].value + host[2].value;
	struct row net[NET_ROWS];
	unsigned nr_net = net_rows(vm, net);
	struct call calls[CALLS_MAX];
	unsigned n = sorted_calls(s, calls);
	char buf[16];

	for (unsigned i = 0; i < HOST_ROWS; i++)
		fprintf(to, "cay: %-40s %12" PRIu64 "\n", host[i].text, host[i].value);
	for (unsigned i = 0; i < nr_net; i++)
		fprintf(to, "cay: %-40s %12" PRIu64 "\n", net[i].text, net[i].value);
	for (unsigned i = 0; i < CAY_C_NR; i++)
		fprintf(to, "cay: %-40s %12" PRIu64 "\n", guest_counters[i].text, s->counter[i]);
	if (syscalls) {
		fprintf(to, "cay: %-40s %12.3f\n", "system calls made as function calls, %",
			100.0 - 100.0 * (double)s->counter[CAY_C_SYSCALL_TRAPS] / (double)syscalls);
		fprintf(to, "cay: %-40s %12.3f\n", "exits per system call", (double)exits / (double)syscalls);
	}
	if (s->counter[CAY_C_NET_SENT] + s->counter[CAY_C_NET_RECEIVED])
		fprintf(to, "cay: %-40s %12.3f\n", "exits per frame",
			(double)exits / (double)(s->counter[CAY_C_NET_SENT] + s->counter[CAY_C_NET_RECEIVED]));
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "cay:   %-38s %12" PRIu32 "%s\n", call_name(calls[i].nr, buf), calls[i].count,
			is_absent(s, calls[i].nr) ? "  not available in cay" : "");
}

static void print_json(FILE *to, const struct vm *vm, const struct row host[HOST_ROWS], const struct cay_stats *s)
{
	struct row net[NET_ROWS];
	unsigned nr_net = net_rows(vm, net);
	struct call calls[CALLS_MAX];
	unsigned n = sorted_calls(s, calls);
	const char *comma = "";
	char buf[16];

	fprintf(to, "{\"host\": {");
	for (unsigned i = 0; i < HOST_ROWS; i++)
		fprintf(to, "%s\"%s\": %" PRIu64, i ? ", " : "", host[i].key, host[i].value);
	fprintf(to, "},\n \"net\": {");
	for (unsigned i = 0; i < nr_net; i++)
		fprintf(to, "%s\"%s\": %" PRIu64, i ? ", " : "", net[i].key, net[i].value);
	fprintf(to, "},\n \"guest\": {");
	for (unsigned i = 0; i < CAY_C_NR; i++)
		fprintf(to, "%s\"%s\": %" PRIu64, i ? ", " : "", guest_counters[i].key, s->counter[i]);
	fprintf(to, "},\n \"calls\": {");
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "%s\"%s\": %" PRIu32, i ? ", " : "", call_name(calls[i].nr, buf), calls[i].count);
	fprintf(to, "},\n \"absent_calls\": [");
	for (unsigned i = 0; i < CALLS_MAX; i++)
		if (is_absent(s, i)) {
			fprintf(to, "%s\"%s\"", comma, call_name(i, buf));
			comma = ", ";
		}
	fprintf(to, "],\n \"timing_us\": {");
	report_timing_json(to, vm);
	fprintf(to, "}}\n");
}

void report_stats(FILE *to, const struct vm *vm, bool json)
{
	struct cay_stats guest = {0};
	struct row host[HOST_ROWS];

	if (vm->stats)
		memcpy(&guest, vm->stats, sizeof(guest));
	for (unsigned cpu = 0; cpu < vm->nr_vcpus; cpu++)
		if (vm->vcpu[cpu].page)
			for (unsigned i = 0; i < CALLS_MAX; i++)
				guest.syscall_count[i] += READ_ONCE(vm->vcpu[cpu].page->syscall_count[i]);
	/* The kernel counts by number only, to keep a system call short. */
	guest.counter[CAY_C_SYSCALLS] = 0;
	for (unsigned i = 0; i < CALLS_MAX; i++)
		guest.counter[CAY_C_SYSCALLS] += guest.syscall_count[i];
	host_rows(&vm->counters, host);
	if (json)
		print_json(to, vm, host, &guest);
	else
		print_table(to, vm, host, &guest);
}
