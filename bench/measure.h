/* SPDX-License-Identifier: MIT */
/* measure.h - for the programs of benchmarks that time themselves. */
#ifndef CAY_BENCH_MEASURE_H
#define CAY_BENCH_MEASURE_H

#include <sched.h>
#include <stdlib.h>
#include <time.h>

/* Time since some moment in the past, in ns, that no clock setting moves. */
static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What threads took together, each of which told when it began and ended: who started them may get to run late. */
static inline double span_ns(const double *begin, const double *end, unsigned nr)
{
	double first = begin[0], last = end[0];

	for (unsigned i = 1; i < nr; i++) {
		first = begin[i] < first ? begin[i] : first;
		last = end[i] > last ? end[i] : last;
	}
	return last - first;
}

/* The calling thread runs on this CPU only. Ends the program with status 77 where there is no such CPU. */
static inline void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		exit(77);
}

#endif
