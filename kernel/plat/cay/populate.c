/* SPDX-License-Identifier: MIT */
/*
 * populate.c - below small_end_gpa RAM is small host pages, and touching one that the host has not made yet costs 10-20
 * us, seven times what a page costs in a piece of PIECE_BYTES, gate call included. Behind it the host makes 2 MiB at
 * each first touch by itself. And RAM that a small program never needs is not even the guest's before it is asked for,
 * because KVM's records of it cost time by its size.
 */
#include "kernel/plat/cay/populate.h"

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/page.h"
#include "kernel/plat/cay/boot.h"

#define PIECE_BYTES (256ull << 10)
#define PIECES_MAX  64u /* 16 MiB */

static uint64_t attached; /* RAM below is ours */
static uint64_t done;     /* bit n: piece n of RAM has its pages */

static void announce(pa_t pa, size_t bytes)
{
	uint64_t first = pa.v / PIECE_BYTES, last = (pa.v + bytes - 1) / PIECE_BYTES;

	if (pa.v >= boot_info->small_end_gpa || last >= PIECES_MAX)
		return;
	for (uint64_t n = first; n <= last; n++) {
		if (__atomic_fetch_or(&done, 1ull << n, __ATOMIC_RELAXED) >> n & 1)
			continue;
		gate_call(CAY_GATE_POPULATE, n * PIECE_BYTES, PIECE_BYTES, 0, 0, 0);
	}
}

static bool attach(pa_t end)
{
	int64_t border;

	if (end.v <= attached)
		return true;
	border = gate_call(CAY_GATE_ATTACH, end.v, 0, 0, 0, 0);
	if (border < (int64_t)end.v)
		return false;
	attached = (uint64_t)border;
	return true;
}

void populate_init(void)
{
	attached = boot_info->attached_gpa;
	page_set_attach(attach);
	page_set_announce(announce);
}
