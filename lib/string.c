/* SPDX-License-Identifier: MIT */
/*
 * string.c - <string.h> for the kernel; on the host this file is empty and libc's functions are used.
 * Small blocks are moved in general registers with overlapping head and tail, because `rep` costs some 30 cycles to
 * start; larger ones by `rep movsb` and `rep stosb`, which every CPU since 2013 runs at cache-line speed.
 * Invariant: the direction flag is clear, as the ABI demands and the kernel's entry points ensure.
 */
#ifdef CAY_KERNEL

/* Without this the compiler would recognise strlen's loop and replace it by a call of strlen. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* From this size on `rep` wins. */
#define REP_MIN_BYTES 192

typedef uint64_t __attribute__((may_alias, aligned(1))) u64_any;
typedef uint32_t __attribute__((may_alias, aligned(1))) u32_any;
typedef uint16_t __attribute__((may_alias, aligned(1))) u16_any;

static inline uint64_t load64(const void *p)
{
	return *(const u64_any *)p;
}

static inline void store64(void *p, uint64_t v)
{
	*(u64_any *)p = v;
}

/* At most 16 bytes; every load comes before the first store, so the blocks may overlap. */
static inline void move_upto16(uint8_t *d, const uint8_t *s, size_t n)
{
	if (n >= 8) {
		uint64_t head = load64(s), tail = load64(s + n - 8);

		store64(d, head);
		store64(d + n - 8, tail);
	} else if (n >= 4) {
		uint32_t head = *(const u32_any *)s, tail = *(const u32_any *)(s + n - 4);

		*(u32_any *)d = head;
		*(u32_any *)(d + n - 4) = tail;
	} else if (n >= 2) {
		uint16_t head = *(const u16_any *)s, tail = *(const u16_any *)(s + n - 2);

		*(u16_any *)d = head;
		*(u16_any *)(d + n - 2) = tail;
	} else if (n) {
		*d = *s;
	}
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (n <= 16) {
		move_upto16(d, s, n);
	} else if (n < REP_MIN_BYTES) {
		uint64_t tail0 = load64(s + n - 16), tail1 = load64(s + n - 8);

		for (size_t i = 0; i + 16 < n; i += 16) {
			uint64_t a = load64(s + i), b = load64(s + i + 8);

			store64(d + i, a);
			store64(d + i + 8, b);
		}
		store64(d + n - 16, tail0);
		store64(d + n - 8, tail1);
	} else {
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n)::"memory");
	}
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (n <= 16) {
		move_upto16(d, s, n);
	} else if ((uintptr_t)d - (uintptr_t)s >= n) {
		/* dst is below src or beyond its end: ascending order reads each byte before it is overwritten */
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n)::"memory");
	} else {
		uint64_t head0 = load64(s), head1 = load64(s + 8);

		for (; n > 16; n -= 16) {
			uint64_t a = load64(s + n - 16), b = load64(s + n - 8);

			store64(d + n - 16, a);
			store64(d + n - 8, b);
		}
		store64(d, head0);
		store64(d + 8, head1);
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;
	uint64_t v = 0x0101010101010101ull * (uint8_t)c;

	if (n < 8) {
		while (n--)
			*d++ = (uint8_t)c;
	} else if (n < REP_MIN_BYTES) {
		for (size_t i = 0; i + 8 < n; i += 8)
			store64(d + i, v);
		store64(d + n - 8, v);
	} else {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	for (; n >= 8 && load64(p) == load64(q); n -= 8) {
		p += 8;
		q += 8;
	}
	for (; n; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const uint8_t *p = s;

	for (; n; n--, p++) {
		if (*p == (uint8_t)c)
			return (void *)(uintptr_t)p;
	}
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}

#endif
