/* SPDX-License-Identifier: MIT */
/*
 * events.c - kernel/plat/cay/events.h on the host: records what the kernel would tell the VMM. And what goes with
 * events: one CPU, so no kernel lock, and nobody to wait for.
 */
#include <sched.h>
#include <stddef.h>

#include "abi/vcpu_page.h"
#include "kernel/plat/cay/events.h"
#include "shim.h"

static void (*timer_handler)(void *arg);
static void *timer_arg;
static uint64_t armed_ns;
static unsigned nr_arms;

void event_register(unsigned bit, void (*fn)(void *arg), void *arg)
{
	if (bit == CAY_EVENT_TIMER) {
		timer_handler = fn;
		timer_arg = arg;
	}
}

void event_register_unlocked(unsigned bit, void (*fn)(void *arg), void *arg)
{
	event_register(bit, fn, arg);
}

void events_arm_timer(uint64_t deadline_ns)
{
	armed_ns = deadline_ns;
	nr_arms++;
}

unsigned shim_timer_arms(uint64_t *last_ns)
{
	if (last_ns != NULL)
		*last_ns = armed_ns;
	return nr_arms;
}

void shim_timer_event(void)
{
	timer_handler(timer_arg);
}
