/* SPDX-License-Identifier: MIT */
/* The filter machine: what it refuses to run, and what programs compute. */
// SOURCES: lib/cbpf.c
#include "unit.h"

#include "lib/cbpf.h"
#include "lib/compiler.h"

#define OP(c, k)            ((struct sock_filter)BPF_STMT(c, k))
#define JUMP(c, k, yes, no) ((struct sock_filter)BPF_JUMP(c, k, yes, no))

static const uint8_t bytes[] = {0x45, 1, 2, 3, 4, 5, 6, 7};

static bool load(const struct cbpf_data *d, uint32_t at, unsigned n, uint32_t *v)
{
	(void)d;
	if (at == (uint32_t)SKF_AD_OFF) {
		*v = 99;
		return true;
	}
	if (at > sizeof(bytes) || n > sizeof(bytes) - at)
		return false;
	*v = 0;
	for (unsigned i = 0; i < n; i++)
		*v = *v << 8 | bytes[at + i];
	return true;
}

static const struct cbpf_data data = {.load = load, .len = sizeof(bytes)};

static bool is_valid(const struct sock_filter *insn, unsigned nr)
{
	uint16_t written[16];

	assert_in_range(nr, 0, 16);
	return cbpf_is_valid(insn, nr, written);
}

#define VALID(...)                                                                                                     \
	({                                                                                                             \
		const struct sock_filter p_[] = {__VA_ARGS__};                                                         \
		is_valid(p_, ARRAY_SIZE(p_));                                                                          \
	})
#define RUN(...)                                                                                                       \
	({                                                                                                             \
		const struct sock_filter p_[] = {__VA_ARGS__};                                                         \
		assert_true(is_valid(p_, ARRAY_SIZE(p_)));                                                             \
		cbpf_run(p_, &data);                                                                                   \
	})
#define RET_A OP(BPF_RET | BPF_A, 0)

static void test_refuses(void **state)
{
	(void)state;
	assert_false(is_valid(NULL, 0));
	assert_false(VALID(OP(BPF_LD | BPF_IMM, 1)));                  /* no return */
	assert_false(VALID(OP(0xffff, 0), RET_A));                     /* unknown */
	assert_false(VALID(OP(BPF_ALU | BPF_DIV | BPF_K, 0), RET_A));  /* by zero */
	assert_false(VALID(OP(BPF_ALU | BPF_LSH | BPF_K, 32), RET_A)); /* beyond the word */
	assert_false(VALID(OP(BPF_JMP | BPF_JA, 1), RET_A));           /* behind the end */
	assert_false(VALID(OP(BPF_JMP | BPF_JA, UINT32_MAX), RET_A));  /* back */
	assert_false(VALID(OP(BPF_JMP | BPF_JA | BPF_X, 9), RET_A));   /* no such jump: its target is not checked */
	assert_false(VALID(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET_A));       /* one branch behind the end */
	assert_false(VALID(OP(BPF_ST, BPF_MEMWORDS), RET_A));                       /* no such word */
	assert_false(VALID(OP(BPF_LD | BPF_MEM, 0), RET_A));                        /* read before written */
	assert_false(VALID(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), OP(BPF_ST, 3), /* written on one way only */
			   OP(BPF_LD | BPF_MEM, 3), RET_A));
	assert_true(VALID(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), OP(BPF_ST, 3), OP(BPF_ST, 3),
			  OP(BPF_LD | BPF_MEM, 3), RET_A));
}

static void test_loads(void **state)
{
	(void)state;
	assert_int_equal(RUN(OP(BPF_LD | BPF_W | BPF_ABS, 1), RET_A), 0x01020304);
	assert_int_equal(RUN(OP(BPF_LD | BPF_H | BPF_ABS, 6), RET_A), 0x0607);
	assert_int_equal(RUN(OP(BPF_LD | BPF_H | BPF_ABS, 7), OP(BPF_RET | BPF_K, 1)), 0); /* beyond the end */
	assert_int_equal(RUN(OP(BPF_LDX | BPF_IMM, 2), OP(BPF_LD | BPF_B | BPF_IND, 3), RET_A), 5);
	assert_int_equal(RUN(OP(BPF_LDX | BPF_B | BPF_MSH, 0), OP(BPF_MISC | BPF_TXA, 0), RET_A), 20);
	assert_int_equal(RUN(OP(BPF_LD | BPF_W | BPF_LEN, 0), RET_A), sizeof(bytes));
	assert_int_equal(RUN(OP(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_AD_OFF), RET_A), 99);
	/* What is beside the data has absolute offsets only. */
	assert_int_equal(RUN(OP(BPF_LDX | BPF_IMM, (uint32_t)SKF_AD_OFF), OP(BPF_LD | BPF_B | BPF_IND, 0),
			     OP(BPF_RET | BPF_K, 1)),
			 0);
}

static void test_computes(void **state)
{
	(void)state;
	assert_int_equal(RUN(OP(BPF_LD | BPF_IMM, 7), OP(BPF_ALU | BPF_MUL | BPF_K, 6), RET_A), 42);
	assert_int_equal(RUN(OP(BPF_LD | BPF_IMM, 7), OP(BPF_ALU | BPF_SUB | BPF_K, 8), RET_A), UINT32_MAX);
	assert_int_equal(RUN(OP(BPF_LD | BPF_IMM, 5), OP(BPF_ALU | BPF_NEG, 0), RET_A), (uint32_t)-5);
	assert_int_equal(RUN(OP(BPF_LD | BPF_IMM, 7), OP(BPF_LDX | BPF_IMM, 0), OP(BPF_ALU | BPF_DIV | BPF_X, 0),
			     OP(BPF_RET | BPF_K, 1)),
			 0); /* by an index that is zero */
	assert_int_equal(
		RUN(OP(BPF_LD | BPF_IMM, 1), OP(BPF_LDX | BPF_IMM, 33), OP(BPF_ALU | BPF_LSH | BPF_X, 0), RET_A), 2);
	assert_int_equal(RUN(OP(BPF_LD | BPF_IMM, 9), OP(BPF_ST, 15), OP(BPF_LD | BPF_IMM, 0),
			     OP(BPF_LDX | BPF_MEM, 15), OP(BPF_MISC | BPF_TXA, 0), RET_A),
			 9);
}

static void test_branches(void **state)
{
	(void)state;
	for (uint32_t v = 3; v <= 5; v++) {
		const uint32_t got = RUN(OP(BPF_LD | BPF_IMM, v), JUMP(BPF_JMP | BPF_JGT | BPF_K, 4, 2, 0),
					 JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 2, 0), OP(BPF_RET | BPF_K, 1),
					 OP(BPF_RET | BPF_K, 3), OP(BPF_RET | BPF_K, 2));

		assert_int_equal(got, v - 2);
	}
	assert_int_equal(
		RUN(OP(BPF_LD | BPF_IMM, 6), JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0), OP(BPF_RET | BPF_K, 7), RET_A),
		7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_computes),
		cmocka_unit_test(test_branches),
	};
	return RUN_TESTS(tests);
}
