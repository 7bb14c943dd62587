/* SPDX-License-Identifier: MIT */
/* Prints ns per getppid() through libc: median of ten loops. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	enum { N = 1000000, RUNS = 11 };
	double ns[RUNS];

	for (int r = 0; r < RUNS; r++) {
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < N; i++)
			getppid();
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns[r] = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / N;
	}
	qsort(ns, RUNS, sizeof(ns[0]), compare);
	printf("%.2f\n", ns[RUNS / 2]);
	return 0;
}
