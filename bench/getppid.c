/* SPDX-License-Identifier: MIT */
/*
 * Prints one line per loop: ns per getppid() through libc, and ns per round of a probe that ran before and after it.
 * The probe is indirect jumps and nothing else. Where they take longer than they can, somebody else uses the core: on a
 * cloud the hyperthread beside ours may be another customer's. bench.py leaves such loops out.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

static double probe_ns(void)
{
	enum { N = 100000 };
	double a = now_ns();

	for (int i = 0; i < N; i++)
		__asm__ volatile("lea 1f(%%rip), %%rax; jmp *%%rax; 1: lea 2f(%%rip), %%rax; jmp *%%rax;"
				 "2: lea 3f(%%rip), %%rax; jmp *%%rax; 3: lea 4f(%%rip), %%rax; jmp *%%rax; 4:" ::
					 : "rax");
	return (now_ns() - a) / N;
}

int main(void)
{
	enum { N = 500000, RUNS = 20 };

	for (int r = 0; r < RUNS; r++) {
		double before = probe_ns(), a = now_ns(), ns, after;

		for (int i = 0; i < N; i++)
			getppid();
		ns = (now_ns() - a) / N;
		after = probe_ns();
		printf("%.2f %.3f\n", ns, before > after ? before : after);
	}
	return 0;
}
