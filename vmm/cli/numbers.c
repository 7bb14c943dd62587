/* SPDX-License-Identifier: MIT */
/* numbers.c - strict decimal numbers and sizes. */
#include "vmm/cli/numbers.h"

#include <string.h>

/* Reads digits up to *end; false when there are none or the value exceeds max. */
static bool digits(const char *s, const char **end, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v) || v > max)
			return false;
	*end = p;
	*value = v;
	return p != s;
}

bool parse_number(const char *s, uint64_t max, uint64_t *value)
{
	const char *end;

	return digits(s, &end, max, value) && *end == '\0';
}

bool parse_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *end;
	uint64_t v;

	if (!digits(s, &end, UINT64_MAX, &v))
		return false;
	if (*end) {
		const char *unit = strchr(units, *end & ~0x20);

		if (!unit || !*unit || end[1])
			return false;
		if (__builtin_mul_overflow(v, 1ULL << (10 * (unit - units + 1)), &v))
			return false;
	}
	*bytes = v;
	return true;
}
