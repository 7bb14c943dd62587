/* SPDX-License-Identifier: MIT */
/* unit.h - what a CMocka program needs before <cmocka.h>, in the order that it wants. */
#ifndef CAY_TESTS_UNIT_H
#define CAY_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
