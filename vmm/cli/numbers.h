/* SPDX-License-Identifier: MIT */
/* numbers.h - numbers on the command line: whole string or refused, no sign, no overflow. */
#ifndef CAY_VMM_CLI_NUMBERS_H
#define CAY_VMM_CLI_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only, at most max. */
bool parse_number(const char *s, uint64_t max, uint64_t *value);

/* A number with an optional K, M, G or T (powers of 1024), upper or lower case, in bytes. */
bool parse_size(const char *s, uint64_t *bytes);

#endif
