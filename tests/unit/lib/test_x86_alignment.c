/* SPDX-License-Identifier: MIT */
/* The encodings are the assembler's; which of them fault was tried on a CPU (tests/guest/faults.c tries some again). */
// SOURCES: lib/x86_alignment.c lib/x86_length.c
#include "unit.h"

#include "lib/x86_alignment.h"

/* The least power of two that may be the operand's address: nothing smaller may. */
static unsigned alignment_of(const char *bytes, size_t n)
{
	struct x86_insn in;
	unsigned a = 1;

	assert_true(x86_decode((const uint8_t *)bytes, n, &in));
	assert_int_equal(in.length, n);
	while (x86_is_misaligned((const uint8_t *)bytes, &in, 0x1000 + a))
		a *= 2;
	return a;
}
#define ALIGNMENT(bytes) alignment_of(bytes, sizeof(bytes) - 1)

static void test_sse(void **state)
{
	(void)state;
	assert_int_equal(ALIGNMENT("\x0f\x28\x07"), 16);                 /* movaps (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x44\x0f\x29\x3f"), 16);             /* movaps %xmm15,(%rdi) */
	assert_int_equal(ALIGNMENT("\x0f\x10\x07"), 1);                  /* movups (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x6f\x07"), 16);             /* movdqa (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\xf3\x0f\x6f\x07"), 1);              /* movdqu (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x0f\x6f\x07"), 1);                  /* movq (%rdi),%mm0 */
	assert_int_equal(ALIGNMENT("\x0f\x58\x07"), 16);                 /* addps (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\xf3\x0f\x58\x07"), 1);              /* addss (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x41\x0f\xef\x07"), 16);         /* pxor (%r15),%xmm0 */
	assert_int_equal(ALIGNMENT("\x0f\xef\x07"), 1);                  /* pxor (%rdi),%mm0 */
	assert_int_equal(ALIGNMENT("\xf2\x0f\x70\x07\x01"), 16);         /* pshuflw $1,(%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\xf2\x0f\xf0\x07"), 1);              /* lddqu (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x38\x00\x07"), 16);         /* pshufb (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x0f\x38\x00\x07"), 1);              /* pshufb (%rdi),%mm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x38\x20\x07"), 1);          /* pmovsxbw (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x38\xdc\x07"), 16);         /* aesenc (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x3a\x0f\x07\x04"), 16);     /* palignr $4,(%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x66\x0f\x3a\x63\x07\x04"), 1);      /* pcmpistri $4,(%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\x64\x66\x0f\xfe\x44\x24\x08"), 16); /* paddd %fs:8(%rsp),%xmm0 */
}

static void test_avx(void **state)
{
	(void)state;
	assert_int_equal(ALIGNMENT("\xc5\xf8\x28\x07"), 16);         /* vmovaps (%rdi),%xmm0 */
	assert_int_equal(ALIGNMENT("\xc5\xfc\x28\x07"), 32);         /* vmovaps (%rdi),%ymm0 */
	assert_int_equal(ALIGNMENT("\xc4\xc1\x7d\x7f\x07"), 32);     /* vmovdqa %ymm0,(%r15) */
	assert_int_equal(ALIGNMENT("\xc5\xfe\x6f\x07"), 1);          /* vmovdqu (%rdi),%ymm0 */
	assert_int_equal(ALIGNMENT("\xc5\xfc\x58\x07"), 1);          /* vaddps (%rdi),%ymm0,%ymm0 */
	assert_int_equal(ALIGNMENT("\xc4\xe2\x7d\x2a\x07"), 32);     /* vmovntdqa (%rdi),%ymm0 */
	assert_int_equal(ALIGNMENT("\x62\xf1\x7c\x48\x28\x07"), 64); /* vmovaps (%rdi),%zmm0 */
	assert_int_equal(ALIGNMENT("\x62\xf1\xfd\x28\x6f\x07"), 32); /* vmovdqa64 (%rdi),%ymm0 */
	assert_int_equal(ALIGNMENT("\x62\xf1\xfe\x48\x6f\x07"), 1);  /* vmovdqu64 (%rdi),%zmm0 */
}

/* 64 bytes are meant, where x86_memory_operand adds 1. */
static void test_short_displacements_of_avx512(void **state)
{
	static const uint8_t code[] = {0x62, 0xf1, 0x7c, 0x48, 0x28, 0x47, 0x01}; /* vmovaps 64(%rdi),%zmm0 */
	struct x86_insn in;

	(void)state;
	assert_true(x86_decode(code, sizeof(code), &in));
	assert_false(x86_is_misaligned(code, &in, 0x1001));
	assert_true(x86_is_misaligned(code, &in, 0x1000));
}

static void test_others(void **state)
{
	(void)state;
	assert_int_equal(ALIGNMENT("\x48\x8b\x07"), 1); /* mov (%rdi),%rax */
	assert_int_equal(ALIGNMENT("\xdd\x07"), 1);     /* fldl (%rdi) */
	assert_int_equal(ALIGNMENT("\x0f\x28\xc1"), 1); /* movaps %xmm1,%xmm0 */
	assert_int_equal(ALIGNMENT("\x90"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sse),
		cmocka_unit_test(test_avx),
		cmocka_unit_test(test_short_displacements_of_avx512),
		cmocka_unit_test(test_others),
	};

	return RUN_TESTS(tests);
}
