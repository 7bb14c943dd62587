/* SPDX-License-Identifier: MIT */
/* panic.h - where a panic of the kernel ends in a fuzz target: shim/log.c calls CMocka's function, which is not there.
 */
#ifndef CAY_TESTS_FUZZ_PANIC_H
#define CAY_TESTS_FUZZ_PANIC_H

#include <stdio.h>
#include <stdlib.h>

#include "shim.h"

__attribute__((noreturn)) void _fail(const char *file, int line);
__attribute__((noreturn)) void _fail(const char *file, int line)
{
	fprintf(stderr, "%s:%d: panic: %s\n", file, line, shim_last_log());
	abort();
}

#endif
