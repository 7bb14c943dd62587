/* SPDX-License-Identifier: MIT */
/* counters.c - the names of all counters, and where each is kept. */
#include "vmm/core/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/syscall_names.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net.h"

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

unsigned counters_host(const struct vm *vm, struct counter rows[COUNTERS_MAX])
{
	const struct vm_counters *c = &vm->counters;
	const struct counter r[] = {
		{"exits_gate", "exits: gate calls", c->exits_gate},
		{"exits_kick", "exits: kicked", c->exits_kick},
		{"exits_other", "exits: other", c->exits_other},
		{"upcalls", "upcalls made", c->upcalls},
		{"waits", "vCPU slept", c->waits},
		{"io_wakeups", "I/O thread slept", c->io_wakeups},
		{"io_holes", "I/O thread lost its CPU while polling", c->io_holes},
		{"io_carried", "I/O by the vCPU's own thread", c->io_carried},
		{"doorbells", "doorbells heard", c->doorbells},
		{"events_raised", "events raised", c->events_raised},
		{"kicks", "kicks sent", c->kicks},
	};

	_Static_assert(ARRAY_SIZE(r) <= COUNTERS_MAX, "room");
	memcpy(rows, r, sizeof(r));
	return ARRAY_SIZE(r);
}

unsigned counters_net(const struct vm *vm, struct counter rows[COUNTERS_MAX])
{
	struct net_counters c;

	if (vm->net == NULL)
		return 0;
	net_count(vm->net, &c);
	const struct counter r[] = {
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

	_Static_assert(ARRAY_SIZE(r) <= COUNTERS_MAX, "room");
	memcpy(rows, r, sizeof(r));
	return ARRAY_SIZE(r);
}

void counters_copy_guest(const struct vm *vm, struct cay_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (vm->stats != NULL)
		memcpy(out, vm->stats, sizeof(*out));
	for (unsigned cpu = 0; cpu < vm->nr_vcpus; cpu++)
		if (vm->vcpu[cpu].page != NULL)
			for (unsigned i = 0; i < COUNTED_CALLS; i++)
				out->syscall_count[i] += READ_ONCE(vm->vcpu[cpu].page->syscall_count[i]);
	/* The kernel counts by number only, to keep a system call short. */
	out->counter[CAY_C_SYSCALLS] = 0;
	for (unsigned i = 0; i < COUNTED_CALLS; i++)
		out->counter[CAY_C_SYSCALLS] += out->syscall_count[i];
}

unsigned counters_guest(const struct cay_stats *s, struct counter rows[COUNTERS_MAX])
{
	_Static_assert(CAY_C_NR <= COUNTERS_MAX, "room");
	for (unsigned i = 0; i < CAY_C_NR; i++)
		rows[i] = (struct counter){guest_counters[i].key, guest_counters[i].text, s->counter[i]};
	return CAY_C_NR;
}

static int by_count(const void *a, const void *b)
{
	const struct counted_call *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (int)x->nr - (int)y->nr;
}

unsigned counters_calls(const struct cay_stats *s, struct counted_call calls[COUNTED_CALLS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < COUNTED_CALLS; i++)
		if (s->syscall_count[i])
			calls[n++] = (struct counted_call){i, s->syscall_count[i]};
	qsort(calls, n, sizeof(*calls), by_count);
	return n;
}

bool counters_call_is_absent(const struct cay_stats *s, unsigned nr)
{
	return s->syscall_absent[nr / 32] >> (nr % 32) & 1;
}

const char *counters_call_name(unsigned nr, char buf[16])
{
	if (syscall_name(nr))
		return syscall_name(nr);
	snprintf(buf, 16, "call_%u", nr);
	return buf;
}
