/* SPDX-License-Identifier: MIT */
/* ksyms.c - see ksyms.h. Bounded by the table's size whatever its contents: it runs when something is already wrong. */
#include "lib/ksyms.h"

#include "lib/string.h"

const char *ksyms_find(const uint8_t *table, size_t bytes, uint64_t offset, uint64_t *distance)
{
	const uint8_t *p = table, *end = table + bytes;
	const char *found = NULL;
	uint64_t addr = 0;

	while (p < end) {
		uint64_t delta = 0;
		unsigned shift = 0;
		const uint8_t *nul;

		for (; p < end && (*p & 0x80) && shift < 56; shift += 7)
			delta |= (uint64_t)(*p++ & 0x7f) << shift;
		if (p == end)
			break;
		delta |= (uint64_t)(*p++ & 0x7f) << shift;
		nul = memchr(p, 0, (size_t)(end - p));
		if (!nul || addr + delta > offset)
			break;
		addr += delta;
		found = (const char *)p;
		p = nul + 1;
	}
	if (found)
		*distance = offset - addr;
	return found;
}
