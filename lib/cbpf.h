/* SPDX-License-Identifier: MIT */
/*
 * cbpf.h - classic BPF: the machine that filters of packets and of system calls are written for. An accumulator, an
 * index register, sixteen words of memory; jumps go forward only, so a program ends after at most as many steps as it
 * has instructions. McCanne and Jacobson, "The BSD Packet Filter", 1993; linux/filter.h. Programs come from whoever may
 * attach one: nothing runs that cbpf_is_valid has not seen. No state, no locks, any context.
 */
#ifndef CAY_LIB_CBPF_H
#define CAY_LIB_CBPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef BPF_MAXINSNS
#define BPF_MAXINSNS 4096
#endif

/* What a program looks at. */
struct cbpf_data {
	/*
	 * The `bytes` (1, 2 or 4) at offset `at` as a number; false: there is nothing, and the program ends with 0.
	 * Offsets from SKF_AD_OFF on name what is beside the data; they come from BPF_ABS only.
	 */
	bool (*load)(const struct cbpf_data *d, uint32_t at, unsigned bytes, uint32_t *v);
	uint32_t len; /* what BPF_LEN gives */
};

/*
 * Known instructions, jumps inside, no memory word read before it is written, a return at the end. nr: any; more than
 * BPF_MAXINSNS or none is not valid. written: nr words for the check's own use.
 */
bool cbpf_is_valid(const struct sock_filter *insn, unsigned nr, uint16_t *written);

/* What a valid program returns: the value of its BPF_RET, or 0 when it loads or divides by what is not there. */
uint32_t cbpf_run(const struct sock_filter *insn, const struct cbpf_data *d);

#endif
