/* SPDX-License-Identifier: MIT */
/* stress.h - for the stress tests: threads of the host that use a part of the kernel, under ThreadSanitizer. */
#ifndef CAY_TESTS_STRESS_H
#define CAY_TESTS_STRESS_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);                       \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

/* What kernel code calls when it finds itself wrong. */
__attribute__((noreturn, weak)) void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	exit(1);
}

#endif
