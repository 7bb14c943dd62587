/* SPDX-License-Identifier: MIT */
/* test_x86_length.c - the length decoder against Zydis on the code of real programs, and on what it must refuse. */
// LIBS: -lZydis
#include "unit.h"

#include <stdio.h>

#include <Zydis/Zydis.h>

#include "elf_text.h"
#include "lib/x86_length.h"

struct tally {
	unsigned long decoded, refused, wrong;
};

static bool agrees(const struct x86_insn *in, const ZydisDecodedInstruction *zi, const ZydisDecodedOperand *op)
{
	bool rip = false, rel = zi->raw.imm[0].is_relative;

	for (int i = 0; i < zi->operand_count_visible; i++)
		rip |= op[i].type == ZYDIS_OPERAND_TYPE_MEMORY && op[i].mem.base == ZYDIS_REGISTER_RIP;
	return in->length == zi->length && in->relative_branch == rel && (in->disp_bytes != 0) == (rip || rel) &&
	       (!rel || in->relative == zi->raw.imm[0].value.s);
}

static void compare(const uint8_t *p, size_t n, struct tally *t)
{
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (n > 0) {
		ZydisDecodedInstruction zi;
		ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
		struct x86_insn in;
		size_t step = 1;

		if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, p, n, &zi, op))) {
			step = zi.length;
			t->decoded++;
			if (!x86_decode(p, n, &in))
				t->refused++;
			else if (!agrees(&in, &zi, op))
				t->wrong++;
		}
		p += step;
		n -= step;
	}
}

static void test_real_programs(void **state)
{
	static const char *const paths[] = {"/proc/self/exe",
					    "/lib/x86_64-linux-gnu/libc.so.6",
					    "/lib64/ld-linux-x86-64.so.2",
					    "/usr/bin/python3.11",
					    "/bin/busybox",
					    "/lib/ld-musl-x86_64.so.1",
					    "/usr/lib/go-1.19/bin/gofmt"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct elf_file f = elf_open(paths[i]);
		struct tally t = {0};
		unsigned nr = 1;

		if (!f.bytes) {
			print_message("%s is not here\n", paths[i]);
			continue;
		}
		for (unsigned s = 0; s < nr; s++) {
			const Elf64_Shdr *sh = elf_text(f, s, &nr);

			if (sh)
				compare(f.bytes + sh->sh_offset, sh->sh_size, &t);
		}
		print_message("%s: %lu instructions, %lu refused\n", paths[i], t.decoded, t.refused);
		assert_true(t.decoded > 100);
		assert_int_equal(t.wrong, 0);
		assert_true(t.refused <= t.decoded / 10000);
		elf_close(f);
	}
}

#define CODE(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void test_refuses(void **state)
{
	struct x86_insn in;

	(void)state;
	assert_false(x86_decode(CODE(0x06), &in));                   /* push es: not in 64-bit mode */
	assert_false(x86_decode(CODE(0x66, 0xe9, 0, 0, 0, 0), &in)); /* Intel and AMD disagree */
	assert_false(x86_decode(CODE(0x0f, 0x30), &in));             /* wrmsr */
	assert_false(x86_decode(CODE(0xc7, 0xf8, 0, 0, 0, 0), &in)); /* xbegin */
	assert_false(x86_decode(CODE(0x48, 0x66, 0x90), &in));       /* REX before a prefix */
	assert_false(x86_decode(CODE(0xb8, 0x01, 0x00, 0x00), &in)); /* cut */
	assert_false(x86_decode(
		CODE(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90),
		&in)); /* 16 bytes */
	assert_false(x86_decode(NULL, 0, &in));
}

static void test_flow(void **state)
{
	struct x86_insn in;

	(void)state;
	assert_true(x86_decode(CODE(0x0f, 0x05), &in));
	assert_int_equal(in.flow, X86_FLOW_TRAP);
	assert_true(x86_decode(CODE(0xeb, 0xfe), &in));
	assert_int_equal(in.flow, X86_FLOW_JUMP);
	assert_int_equal(in.relative, -2);
	assert_true(x86_decode(CODE(0x0f, 0x84, 0x00, 0x01, 0x00, 0x00), &in));
	assert_int_equal(in.flow, X86_FLOW_BRANCH);
	assert_int_equal(in.relative, 256);
	assert_true(x86_decode(CODE(0xff, 0xe0), &in));
	assert_int_equal(in.flow, X86_FLOW_END);
	assert_true(x86_decode(CODE(0x48, 0x8d, 0x3d, 1, 0, 0, 0), &in)); /* lea 1(%rip),%rdi */
	assert_int_equal(in.disp_offset, 3);
	assert_int_equal(in.disp_bytes, 4);
	assert_false(in.relative_branch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_programs),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_flow),
	};

	return RUN_TESTS(tests);
}
