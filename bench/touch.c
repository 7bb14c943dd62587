/* SPDX-License-Identifier: MIT */
/*
 * touch.c - what the first touch of a page costs, in ns. "sparse": pages 256 KiB apart, in no order, so that neighbours
 * filled in with a page are of no use; "run": each page of a range after the other.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "measure.h"

#define PAGE   4096ul
#define PAGES  1000ul
#define STRIDE (64 * PAGE)

int main(int argc, char **argv)
{
	unsigned long stride = argc > 1 && strcmp(argv[1], "sparse") == 0 ? STRIDE : PAGE;
	char *p =
		mmap(NULL, PAGES * stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	double begin;

	if (p == MAP_FAILED || madvise(p, PAGES * stride, MADV_NOHUGEPAGE) != 0)
		return 1;
	begin = now_ns();
	for (unsigned long i = 0; i < PAGES; i++)
		p[(stride == PAGE ? i : i * 389 % PAGES) * stride] = 1;
	printf("%.0f\n", (now_ns() - begin) / PAGES);
	return 0;
}
