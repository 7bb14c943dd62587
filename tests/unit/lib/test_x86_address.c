/* SPDX-License-Identifier: MIT */
// SOURCES: lib/x86_address.c lib/x86_length.c
#include "unit.h"

#include "lib/x86_address.h"

#define NONE 1ull /* no memory operand */

/* Register n holds n << 32, so a sum tells which were added. */
static uint64_t operand_of(const char *bytes, size_t n)
{
	uint64_t gpr[X86_NR_GPR], address;
	struct x86_insn in;

	for (unsigned i = 0; i < X86_NR_GPR; i++)
		gpr[i] = (uint64_t)i << 32;
	assert_true(x86_decode((const uint8_t *)bytes, n, &in));
	assert_int_equal(in.length, n);
	return x86_memory_operand((const uint8_t *)bytes, &in, gpr, 0x1000, 0x5000, &address) ? address : NONE;
}
#define OPERAND(bytes) operand_of(bytes, sizeof(bytes) - 1)
#define R(n)           ((uint64_t)(n) << 32)

static void test_addressing(void **state)
{
	(void)state;
	assert_int_equal(OPERAND("\x88\x07"), R(7));                              /* mov %al,(%rdi) */
	assert_int_equal(OPERAND("\x41\x88\x07"), R(15));                         /* mov %al,(%r15) */
	assert_int_equal(OPERAND("\x88\x47\xf0"), R(7) - 16);                     /* mov %al,-16(%rdi) */
	assert_int_equal(OPERAND("\x88\x87\x00\x01\x00\x00"), R(7) + 256);        /* mov %al,256(%rdi) */
	assert_int_equal(OPERAND("\x88\x05\x10\x00\x00\x00"), 0x1000 + 6 + 16);   /* mov %al,16(%rip) */
	assert_int_equal(OPERAND("\x88\x04\x24"), R(4));                          /* mov %al,(%rsp) */
	assert_int_equal(OPERAND("\x88\x04\x8f"), R(7) + 4 * R(1));               /* mov %al,(%rdi,%rcx,4) */
	assert_int_equal(OPERAND("\x42\x88\x04\xe7"), R(7) + 8 * R(12));          /* mov %al,(%rdi,%r12,8) */
	assert_int_equal(OPERAND("\x88\x04\x8d\x20\x00\x00\x00"), 4 * R(1) + 32); /* mov %al,32(,%rcx,4) */
	assert_int_equal(OPERAND("\x64\x88\x04\x25\x08\x00\x00\x00"), 0x5008);    /* mov %al,%fs:8 */
	assert_int_equal(OPERAND("\x67\x88\x47\x08"), 8);                         /* mov %al,8(%edi) */
	assert_int_equal(OPERAND("\x49\x89\x44\x24\x08"), R(12) + 8);             /* mov %rax,8(%r12) */
	assert_int_equal(OPERAND("\x41\x88\x45\x00"), R(13));                     /* mov %al,(%r13) */
	assert_int_equal(OPERAND("\x66\x0f\xd6\x07"), R(7));                      /* movq %xmm0,(%rdi) */
	assert_int_equal(OPERAND("\xc5\xfe\x7f\x07"), R(7));                      /* vmovdqu %ymm0,(%rdi) */
	assert_int_equal(OPERAND("\xc4\xc1\x7e\x7f\x07"), R(15));                 /* vmovdqu %ymm0,(%r15) */
	assert_int_equal(OPERAND("\xc4\xa1\x7e\x7f\x04\x3f"), R(7) + R(15));      /* vmovdqu %ymm0,(%rdi,%r15) */
	assert_int_equal(OPERAND("\x62\xc1\xfe\x28\x7f\x07"), R(15));             /* vmovdqu64 %ymm16,(%r15) */
	assert_int_equal(OPERAND("\x88\xc7"), NONE);                              /* mov %al,%bh */
	assert_int_equal(OPERAND("\x90"), NONE);
}

static void test_canonical(void **state)
{
	(void)state;
	assert_true(x86_is_canonical(0));
	assert_true(x86_is_canonical(0x7fffffffffff));
	assert_false(x86_is_canonical(0x800000000000));
	assert_false(x86_is_canonical(0x8000000000000000));
	assert_true(x86_is_canonical(0xffff800000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_addressing), cmocka_unit_test(test_canonical)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
