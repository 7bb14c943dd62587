/* SPDX-License-Identifier: MIT */
/*
 * stats.h - counters and timestamps that the kernel keeps where the VMM can read them without an exit
 * (--stats, --timing). The VMM treats every value as a number to print and nothing more.
 */
#ifndef CAY_ABI_STATS_H
#define CAY_ABI_STATS_H

#include <stdint.h>

/* Points of the timeline, TSC values. */
enum cay_timing_point {
	CAY_T_KERNEL_ENTRY,
	CAY_T_MM_READY,
	CAY_T_FS_READY,
	CAY_T_EXEC_START,
	CAY_T_PROGRAM_ENTRY,
	CAY_T_PROGRAM_EXIT,
	CAY_T_NR
};

enum cay_counter {
	CAY_C_PAGE_FAULTS, /* exceptions #PF delivered to the kernel */
	CAY_C_EXCEPTIONS,  /* other exceptions */
	CAY_C_UPCALLS,
	CAY_C_TLB_FLUSHES,     /* entries into the CPL 0 stub for invlpg or CR3 */
	CAY_C_SYSCALLS,        /* all, rewritten or trapped */
	CAY_C_SYSCALL_TRAPS,   /* that came through the trap path */
	CAY_C_SITES_REWRITTEN, /* call sites patched */
	CAY_C_SITES_REFUSED,   /* sites that trap for ever: no safe patch */
	CAY_C_CONTEXT_SWITCHES,
	CAY_C_FS_REQUESTS,
	CAY_C_GATE_WAITS,
	CAY_C_DOORBELLS,
	CAY_C_PAGES_4K, /* program pages mapped */
	CAY_C_PAGES_2M,
	CAY_C_COW,
	CAY_C_NET_SENT,     /* frames */
	CAY_C_NET_RECEIVED, /* frames */
	CAY_C_NET_POLLS_HIT,
	CAY_C_NET_POLLS_MISSED,
	CAY_C_IPIS,     /* interruptions of other CPUs by a gate call */
	CAY_C_MIGRATED, /* threads that went on on another CPU */
	CAY_C_NR
};

struct cay_stats {
	uint64_t timing_tsc[16];
	uint64_t counter[64];
	uint32_t syscall_count[512];       /* by Linux x86-64 number; to be added to those in the vCPU pages */
	uint32_t syscall_absent[512 / 32]; /* bit set: was called and is not implemented */
	uint64_t map_gva;                  /* struct cay_map_entry[map_nr]: abi/map.h */
	uint32_t map_nr;
};

_Static_assert(CAY_T_NR <= 16 && CAY_C_NR <= 64, "room");
_Static_assert(sizeof(struct cay_stats) <= 0x4000, "fits CAY_STATS_BYTES");

#endif
