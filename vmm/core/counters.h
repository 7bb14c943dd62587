/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what is counted of a VM, by name: for --stats at its end and `cay stats` while it runs.
 * Numbers that the guest's kernel kept are copied once and only shown: a hostile kernel can lie about itself, nothing
 * more. Values may be read while others count: each is right at some moment, not all at the same.
 */
#ifndef CAY_VMM_CORE_COUNTERS_H
#define CAY_VMM_CORE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/stats.h"
#include "lib/compiler.h"

struct vm;

struct counter {
	const char *key, *text; /* for JSON, for people; static */
	uint64_t value;
};
#define COUNTERS_MAX 64

/* Each fills in rows and returns how many. */
unsigned counters_host(const struct vm *vm, struct counter rows[COUNTERS_MAX]);
unsigned counters_net(const struct vm *vm, struct counter rows[COUNTERS_MAX]); /* 0 without a card */
unsigned counters_guest(const struct cay_stats *s, struct counter rows[COUNTERS_MAX]);

/* A copy of the kernel's counters, the vCPUs' added up. Zero before there is a kernel. */
void counters_copy_guest(const struct vm *vm, struct cay_stats *out);

#define COUNTED_CALLS ARRAY_SIZE(((struct cay_stats *)0)->syscall_count)
struct counted_call {
	unsigned nr;
	uint32_t count;
};
/* System calls that were made, most frequent first. */
unsigned counters_calls(const struct cay_stats *s, struct counted_call calls[COUNTED_CALLS]);
/* Was made and is not implemented. */
bool counters_call_is_absent(const struct cay_stats *s, unsigned nr);
/* Its name, or one made up in buf. */
const char *counters_call_name(unsigned nr, char buf[16]);

#endif
