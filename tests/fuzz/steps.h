/* SPDX-License-Identifier: MIT */
/* steps.h - for fuzz targets whose input is a list of steps: what is left of it. Zeros follow its end. */
#ifndef CAY_TESTS_FUZZ_STEPS_H
#define CAY_TESTS_FUZZ_STEPS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct steps {
	const uint8_t *p;
	size_t left;
};

/* As many of the next bytes as there are, at most `bytes`; the rest is zeroed. Returns how many. */
static inline uint32_t steps_bytes(struct steps *in, void *to, uint32_t bytes)
{
	uint32_t n = bytes < in->left ? bytes : (uint32_t)in->left;

	memcpy(to, in->p, n);
	memset((uint8_t *)to + n, 0, bytes - n);
	in->p += n;
	in->left -= n;
	return n;
}

static inline uint8_t steps_u8(struct steps *in)
{
	uint8_t v;

	steps_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint16_t steps_u16(struct steps *in)
{
	uint16_t v;

	steps_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint32_t steps_u32(struct steps *in)
{
	uint32_t v;

	steps_bytes(in, &v, sizeof(v));
	return v;
}

#endif
