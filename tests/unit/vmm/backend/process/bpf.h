/* SPDX-License-Identifier: MIT */
/* bpf.h - an interpreter of the classic BPF that seccomp(2) accepts, for tests of filters. */
#ifndef CAY_TESTS_BPF_H
#define CAY_TESTS_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Returns the verdict; 0 (SECCOMP_RET_KILL_THREAD, which none of our filters gives) when the code is wrong: an
 * instruction that seccomp does not accept or that is not needed here, a load beyond the data, a jump beyond the end.
 */
static uint32_t bpf_run(const struct sock_filter *code, unsigned nr, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0;

	for (unsigned pc = 0; pc < nr; pc++) {
		const struct sock_filter *f = &code[pc];
		bool jump = false;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k % 4 != 0 || f->k > sizeof(*data) - 4)
				return 0;
			memcpy(&a, (const char *)data + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_ALU | BPF_ADD | BPF_X:
			a += x;
			continue;
		case BPF_MISC | BPF_TAX:
			x = a;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			if (f->k >= nr - pc)
				return 0;
			pc += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= f->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_X:
			jump = a >= x;
			break;
		default:
			return 0;
		}
		pc += jump ? f->jt : f->jf;
	}
	return 0;
}

#endif
