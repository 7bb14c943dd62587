/* SPDX-License-Identifier: MIT */
/* test_callsite.c - plans for every system call in real programs, judged by Zydis; and what must be refused. */
// SOURCES: lib/callsite.c lib/code_bounds.c lib/x86_length.c
// LIBS: -lZydis
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "elf_text.h"
#include "lib/callsite.h"

#define TEXT_AT  0x500000000000ull
#define TRAMP_AT 0x4ffff0000000ull

struct tally {
	unsigned how[CALLSITE_HOW_NR], sites, bad_boundary, bad_trampoline;
};

/* One bit a byte: Zydis, sweeping from the start of the section, sees an instruction begin here. */
static uint8_t *boundaries(const uint8_t *p, size_t n)
{
	uint8_t *is = calloc(1, n);
	ZydisDecoder d;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (size_t i = 0; i < n;) {
		ZydisDecodedInstruction zi;
		ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];

		is[i] = 1;
		i += ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, p + i, n - i, &zi, op)) ? zi.length : 1;
	}
	return is;
}

/* Every byte of the trampoline belongs to a valid instruction (behind the last jump nothing follows). */
static bool decodes(const struct callsite_plan *plan)
{
	ZydisDecoder d;
	unsigned i = 0;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (i < plan->tramp_bytes) {
		ZydisDecodedInstruction zi;
		ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, plan->tramp + i, plan->tramp_bytes - i, &zi, op)))
			return false;
		i += zi.length;
	}
	return true;
}

static uint64_t number_before(const uint8_t *p, size_t i)
{
	uint32_t nr = 39;

	if (i >= 5 && p[i - 5] == 0xb8)
		memcpy(&nr, p + i - 4, 4);
	return nr;
}

static void plan_section(const uint8_t *p, size_t n, struct tally *t)
{
	const struct callsite_target target = {.tramp = TRAMP_AT + 16, .slot = TRAMP_AT};
	uint8_t *is = boundaries(p, n);

	for (size_t i = 0; i + 2 <= n; i++) {
		size_t lo = i > 4096 ? i - 4096 : 0, hi = i + 4096 < n ? i + 4096 : n;
		const struct code_view view = {.bytes = p + lo, .addr = TEXT_AT + lo, .size = hi - lo};
		struct callsite_plan plan = {0};

		if (!is[i] || p[i] != 0x0f || p[i + 1] != 0x05)
			continue;
		t->sites++;
		t->how[callsite_plan(&callsite_syscall, &view, TEXT_AT + i, number_before(p, i), &target, &plan)]++;
		if (plan.how >= CALLSITE_REFUSED)
			continue;
		t->bad_trampoline += !decodes(&plan);
		for (unsigned k = 0; k < plan.nr_patches; k++) {
			size_t at = plan.patch[k].addr - TEXT_AT;

			assert_memory_equal(plan.patch[k].old, p + at, plan.patch[k].bytes);
			t->bad_boundary += !is[at];
		}
	}
	free(is);
}

static void test_real_programs(void **state)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2",
					    "/bin/busybox", "/lib/ld-musl-x86_64.so.1", "/usr/lib/go-1.19/bin/gofmt"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct elf_file f = elf_open(paths[i]);
		struct tally t = {0};
		unsigned nr = 1, refused = 0;

		if (!f.bytes) {
			print_message("%s is not here\n", paths[i]);
			continue;
		}
		for (unsigned s = 0; s < nr; s++) {
			const Elf64_Shdr *sh = elf_text(f, s, &nr);

			if (sh)
				plan_section(f.bytes + sh->sh_offset, sh->sh_size, &t);
		}
		for (unsigned h = CALLSITE_REFUSED; h < CALLSITE_HOW_NR; h++)
			refused += t.how[h];
		print_message("%s: %u sites; number %u before %u padding %u after %u group %u; refused %u\n", paths[i],
			      t.sites, t.how[CALLSITE_NUMBER], t.how[CALLSITE_BEFORE], t.how[CALLSITE_PADDING],
			      t.how[CALLSITE_AFTER], t.how[CALLSITE_GROUP], refused);
		assert_true(t.sites > 0);
		assert_int_equal(t.bad_boundary, 0);
		assert_int_equal(t.bad_trampoline, 0);
		assert_true(refused * 10 <= t.sites);
		elf_close(f);
	}
}

static enum callsite_how plan_bytes(const uint8_t *code, size_t n, size_t site, uint64_t number,
				    struct callsite_plan *plan)
{
	const struct callsite_target target = {.tramp = TRAMP_AT + 16, .slot = TRAMP_AT};
	const struct code_view view = {.bytes = code, .addr = TEXT_AT, .size = n};

	return callsite_plan(&callsite_syscall, &view, TEXT_AT + site, number, &target, plan);
}

static void test_number_way(void **state)
{
	uint8_t code[256];
	struct callsite_plan plan;

	(void)state;
	memset(code, 0x90, sizeof(code));
	memcpy(code + 128, "\xb8\x27\0\0\0\x0f\x05\xc3", 8);
	assert_int_equal(plan_bytes(code, sizeof(code), 133, 39, &plan), CALLSITE_NUMBER);
	assert_int_equal(plan.nr_patches, 1);
	assert_int_equal(plan.patch[0].addr, TEXT_AT + 128);
	assert_int_equal(plan.patch[0].bytes, 5);
	assert_int_equal(plan.nr_moved, 0); /* the syscall itself stays where it was */
	/* mov $39,%eax ; lea 133+2(%rip),%rcx ; jmp *slot */
	assert_memory_equal(plan.tramp, "\xb8\x27\0\0\0\x48\x8d\x0d", 8);
}

/* glibc's end of a thread: mov $60,%edx; xchg %ax,%ax; 1: xor %edi,%edi; mov %edx,%eax; syscall; jmp 1b */
static void test_number_by_another_register(void **state)
{
	uint8_t code[128];
	struct callsite_plan plan;

	(void)state;
	memset(code, 0xc3, sizeof(code));
	memcpy(code + 64, "\xba\x3c\0\0\0\x66\x90\x31\xff\x89\xd0\x0f\x05\xeb\xf8", 15);
	assert_int_equal(plan_bytes(code, sizeof(code), 75, 60, &plan), CALLSITE_NUMBER);
	assert_int_equal(plan.nr_moved, 0);
	code[74] = 0xc8; /* mov %ecx,%eax: the number came from elsewhere */
	assert_int_not_equal(plan_bytes(code, sizeof(code), 75, 60, &plan), CALLSITE_NUMBER);
}

static void test_refuses(void **state)
{
	uint8_t code[64];
	struct callsite_plan plan;

	(void)state;
	memset(code, 0xc3, sizeof(code)); /* rets all around: nothing to replace, no padding */
	memcpy(code + 32, "\x0f\x05", 2);
	assert_int_equal(plan_bytes(code, sizeof(code), 32, 39, &plan), CALLSITE_NO_WAY);
	memcpy(code + 27, "\xb8\x0f\0\0\0", 5);
	assert_int_equal(plan_bytes(code, sizeof(code), 32, 15, &plan), CALLSITE_SIGRETURN);
	memcpy(code + 32, "\x0f\x0b", 2);
	assert_int_equal(plan_bytes(code, sizeof(code), 32, 39, &plan), CALLSITE_NOT_THE_INSN);
	assert_int_equal(plan_bytes(code, 33, 32, 39, &plan), CALLSITE_NOT_THE_INSN); /* cut in the middle */
}

/* A branch to the instruction behind the site: those bytes must stay. */
static void test_branch_target_behind(void **state)
{
	uint8_t code[128];
	struct callsite_plan plan;

	(void)state;
	memset(code, 0xc3, sizeof(code));
	memcpy(code + 64, "\x0f\x05\x48\x89\xc7\x48\x89\xf8\xc3", 9); /* syscall; mov %rax,%rdi; mov %rdi,%rax; ret */
	assert_int_equal(plan_bytes(code, sizeof(code), 64, 39, &plan), CALLSITE_AFTER);
	assert_int_equal(plan.nr_moved, 1);
	memcpy(code + 16, "\xeb\x30", 2); /* jmp to 66 */
	assert_int_equal(plan_bytes(code, sizeof(code), 64, 39, &plan), CALLSITE_NO_WAY);
}

static void test_any_bytes(void **state)
{
	uint8_t code[512];
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct callsite_plan plan;
		size_t site = round % 510;

		for (size_t i = 0; i < sizeof(code); i++) {
			seed = seed * 1664525 + 1013904223;
			code[i] = (uint8_t)(seed >> 24);
		}
		memcpy(code + site, "\x0f\x05", 2);
		if (plan_bytes(code, sizeof(code), site, seed % 400, &plan) < CALLSITE_REFUSED)
			assert_true(plan.tramp_bytes <= CALLSITE_TRAMP_MAX && plan.nr_patches >= 1 &&
				    plan.nr_patches <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_programs),
		cmocka_unit_test(test_number_way),
		cmocka_unit_test(test_number_by_another_register),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_branch_target_behind),
		cmocka_unit_test(test_any_bytes),
	};

	return RUN_TESTS(tests);
}
