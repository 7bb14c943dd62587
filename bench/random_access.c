/* SPDX-License-Identifier: MIT */
/*
 * Prints ns per dependent load at random over 1 GiB, after each page was touched; the figure the address translation
 * decides. The chain visits one word in each cache line in a random cycle.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define BYTES (1ul << 30)
#define STEP  64ul

int main(void)
{
	size_t nr = BYTES / STEP, i;
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 88172645463325252ull;
	struct timespec a, b;

	if (p == MAP_FAILED)
		return 1;
	madvise(p, BYTES, MADV_HUGEPAGE);
	for (i = 0; i < nr; i++)
		*(uint64_t *)(p + i * STEP) = i;
	/* Sattolo's shuffle: a single cycle through all lines. */
	for (i = nr - 1; i > 0; i--) {
		uint64_t *u = (uint64_t *)(p + i * STEP), *v, t;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		v = (uint64_t *)(p + x % i * STEP);
		t = *u, *u = *v, *v = t;
	}
	i = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned n = 0; n < 10000000; n++)
		i = *(volatile uint64_t *)(p + i * STEP);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.2f\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 10000000);
	return i > nr;
}
