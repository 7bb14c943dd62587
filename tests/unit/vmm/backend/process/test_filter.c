/* SPDX-License-Identifier: MIT */
/*
 * test_filter.c - the guest process's filter against a second, plain wording of its rules, for every system call
 * number and for arguments around every border; then a few calls under the real thing.
 */
#include "unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf.h"
#include "vmm/backend/process/filter.h"

static const struct guest_filter params = {
	.text = 0x780000200000,
	.text_bytes = 0x10000,
	.map_end = 0x780000000000,
	.image = 0x7f0000000000,
	.shared = 0x780000240040,
	.shared_bytes = 16,
	.doorbell = 6,
	.socket = 3,
	.fd_end = 64,
};

static struct sock_filter code[GUEST_FILTER_MAX];
static unsigned nr_code;

static int setup(void **state)
{
	int nr = guest_filter_build(&params, code);

	(void)state;
	nr_code = nr > 0 ? (unsigned)nr : 0;
	return nr <= 0;
}

/* The rules once more, in other words. */
static bool in_area(uint64_t at, uint64_t bytes)
{
	return (unsigned __int128)at + bytes < params.map_end ||
	       (at >= params.image && at < params.image + 0x100000000 && bytes < 0x100000000);
}

static bool may_map(const uint64_t *arg)
{
	if (!in_area(arg[0], arg[1]))
		return false;
	if (arg[3] == (MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE))
		return arg[2] <= 1;
	return arg[2] <= 7 && arg[4] < params.fd_end &&
	       (arg[3] == (MAP_SHARED | MAP_FIXED) || arg[3] == (MAP_SHARED | MAP_FIXED | MAP_POPULATE));
}

static bool allowed(uint64_t nr, const uint64_t *arg)
{
	switch (nr) {
	case SYS_rt_sigreturn:
	case SYS_exit_group:
	case SYS_restart_syscall:
		return true;
	case SYS_mmap:
		return may_map(arg);
	case SYS_munmap:
		return in_area(arg[0], arg[1]);
	case SYS_mprotect:
		return in_area(arg[0], arg[1]) && arg[2] <= 7;
	case SYS_mremap:
		return in_area(arg[0], 0) && arg[1] == 0 && in_area(arg[4], arg[2]) && arg[3] == 3;
	case SYS_madvise:
		return in_area(arg[0], arg[1]) && (arg[2] == 22 || arg[2] == 23);
	case SYS_futex:
		return arg[0] >= params.shared && arg[0] <= params.shared + params.shared_bytes - 4 &&
		       (arg[1] == 0 || arg[1] == 1 || arg[1] == 9);
	case SYS_write:
		return arg[0] == 6 && arg[2] == 8;
	case SYS_recvmsg:
		return arg[0] == 3 && (arg[2] & ~(uint64_t)(MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) == 0;
	case SYS_timer_settime:
		return arg[1] == 1;
	case SYS_close:
		return arg[0] < 64;
	default:
		return false;
	}
}

static void expect(uint32_t arch, uint32_t nr, uint64_t ip, const uint64_t *arg, uint32_t verdict)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = arch, .instruction_pointer = ip};
	uint32_t got;

	memcpy(data.args, arg, sizeof(data.args));
	got = bpf_run(code, nr_code, &data);
	if (got != verdict)
		fail_msg("arch %#x call %#x from %#llx (%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): %#x, not %#x", arch,
			 nr, (unsigned long long)ip, (unsigned long long)arg[0], (unsigned long long)arg[1],
			 (unsigned long long)arg[2], (unsigned long long)arg[3], (unsigned long long)arg[4],
			 (unsigned long long)arg[5], got, verdict);
}

static void expect_as_worded(uint32_t nr, const uint64_t *arg)
{
	expect(AUDIT_ARCH_X86_64, nr, params.text + 0x100, arg,
	       allowed(nr, arg) ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
}

/* Values that lie on either side of what some rule compares with. */
static const uint64_t corners[] = {
	0,
	1,
	2,
	3,
	4,
	6,
	7,
	8,
	9,
	10,
	21,
	22,
	23,
	24,
	63,
	64,
	0x1000,
	MAP_SHARED | MAP_FIXED,
	MAP_SHARED | MAP_FIXED | MAP_POPULATE,
	MAP_PRIVATE | MAP_FIXED,
	MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS,
	MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE,
	MAP_SHARED_VALIDATE | MAP_FIXED,
	MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
	FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
	FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x100000003,
	0x100000008,
	0x700000000000,
	0x77ff00000000,
	0x77fffffff000,
	0x77ffffffffff,
	0x780000000000,
	0x780000200000,
	0x78000024003f,
	0x780000240040,
	0x78000024004c,
	0x78000024004d,
	0x780100240040,
	0x7effffffffff,
	0x7f0000000000,
	0x7f00ffffffff,
	0x7f0100000000,
	0x7fffffffffff,
	0x800000000000,
	0xffff800000000000,
	0xfffffffffffff000,
	0xffffffffffffffff,
};

static void test_every_number(void **state)
{
	uint64_t arg[6] = {0};

	(void)state;
	for (uint32_t nr = 0; nr < 0x1000; nr++)
		for (unsigned i = 0; i < ARRAY_SIZE(corners); i++) {
			for (unsigned j = 0; j < 6; j++)
				arg[j] = corners[i];
			expect_as_worded(nr, arg);
			/* The table of x32 and negative numbers: nothing of it. */
			expect_as_worded(nr | 0x40000000, arg);
			expect_as_worded(nr | 0x80000000, arg);
			expect_as_worded(~nr, arg);
		}
}

/* Each argument of each known call takes each corner, the others being right. */
static void test_each_argument(void **state)
{
	static const struct {
		uint32_t nr;
		uint64_t arg[6];
	} good[] = {
		{SYS_mmap, {0x10000, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, 4, 0}},
		{SYS_mmap, {0x7f0000000000, 0x100000, 7, MAP_SHARED | MAP_FIXED | MAP_POPULATE, 63, 0x200000}},
		{SYS_mmap, {0, 0x1000, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, ~0ull, 0}},
		{SYS_munmap, {0x10000, 0x77ffffff0000 - 1}},
		{SYS_mprotect, {0x777000000000, 0x1000, PROT_READ | PROT_WRITE}},
		{SYS_mremap, {0x774000000000, 0, 0x1000, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000}},
		{SYS_madvise, {0x10000, 0x1000, MADV_POPULATE_WRITE}},
		{SYS_futex, {0x780000240040, FUTEX_WAIT, 1, 0}},
		{SYS_futex, {0x78000024004c, FUTEX_WAKE, 1, 0}},
		{SYS_futex, {0x780000240044, FUTEX_WAIT_BITSET, 1, 0}},
		{SYS_write, {6, 0x1234, 8}},
		{SYS_recvmsg, {3, 0x1234, MSG_DONTWAIT | MSG_CMSG_CLOEXEC}},
		{SYS_timer_settime, {0, 1}},
		{SYS_close, {0}},
		{SYS_close, {63}},
		{SYS_exit_group, {0}},
		{SYS_rt_sigreturn, {0}},
		{SYS_restart_syscall, {0}},
	};

	(void)state;
	for (unsigned g = 0; g < ARRAY_SIZE(good); g++) {
		assert_true(allowed(good[g].nr, good[g].arg));
		for (unsigned j = 0; j < 6; j++)
			for (unsigned i = 0; i < ARRAY_SIZE(corners); i++) {
				uint64_t arg[6];

				memcpy(arg, good[g].arg, sizeof(arg));
				arg[j] = corners[i];
				expect_as_worded(good[g].nr, arg);
				arg[j] =
					good[g].arg[j] + corners[i]; /* also: the right value with a wrong upper half */
				expect_as_worded(good[g].nr, arg);
			}
	}
}

/* The sum of address and length, where it is hard: carries, borders, wraparound. */
static void test_ranges(void **state)
{
	static const uint32_t calls[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise};
	uint64_t seed = 1;

	(void)state;
	for (unsigned c = 0; c < ARRAY_SIZE(calls); c++) {
		uint64_t prot = calls[c] == SYS_madvise ? MADV_POPULATE_READ : PROT_READ;

		for (unsigned i = 0; i < ARRAY_SIZE(corners); i++)
			for (unsigned j = 0; j < ARRAY_SIZE(corners); j++) {
				uint64_t arg[6] = {corners[i], corners[j], prot, MAP_SHARED | MAP_FIXED, 3, 0};

				expect_as_worded(calls[c], arg);
			}
		for (unsigned i = 0; i < 200000; i++) {
			uint64_t arg[6] = {0, 0, prot, MAP_SHARED | MAP_FIXED, 3, 0};

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			arg[0] = seed >> (seed & 63);
			/* The end falls on or near the border. */
			arg[1] = params.map_end - arg[0] + (seed >> 60) - 8;
			if (i % 2)
				arg[1] ^= 1ull << (seed >> 50) % 64;
			expect_as_worded(calls[c], arg);
		}
	}
}

static void test_origin(void **state)
{
	static const struct {
		uint64_t ip;
		bool inside;
	} places[] = {
		{0, false},
		{0x401002, false},
		{0x780000200000, false}, /* an instruction in front of the text */
		{0x780000200001, false},
		{0x780000200002, true},
		{0x780000210000, true}, /* the text's last instruction */
		{0x780000210001, false},
		{0x780100201002, false},
		{0x201002, false},
		{0xffffffffff600009, false}, /* vsyscall */
	};
	static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, ~0u};
	const uint64_t arg[6] = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(arches); j++)
			for (uint32_t nr = 0; nr < 600; nr++) {
				bool ours = places[i].inside && j == 0;

				expect(arches[j], nr, places[i].ip, arg,
				       !ours              ? SECCOMP_RET_TRAP
				       : allowed(nr, arg) ? SECCOMP_RET_ALLOW
							  : SECCOMP_RET_KILL_PROCESS);
			}
}

static void test_parameters(void **state)
{
	struct guest_filter p;

	(void)state;
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		p = params;                                                                                            \
		change;                                                                                                \
		assert_int_equal(guest_filter_build(&p, code), -EINVAL);                                               \
	} while (0)
	REFUSED(p.text_bytes = 0);
	REFUSED(p.text_bytes = 0x100000000);
	REFUSED(p.text = 0x7800ffff8000);
	REFUSED(p.text = p.map_end - 0x2000);
	REFUSED(p.shared = p.map_end - 0x2000);
	REFUSED(p.shared_bytes = 0);
	REFUSED(p.map_end = 0);
	REFUSED(p.map_end = 0x770000001000);
	REFUSED(p.map_end = 1ull << 48);
	REFUSED(p.image = p.map_end - 0x100000000);
	REFUSED(p.image = 0x7f0000001000);
	REFUSED(p.image = 0x780000000000);
	REFUSED(p.image = 0x77ff00000000);
	REFUSED(p.fd_end = 0);
}

/*
 * Under the real thing: a child makes one call from a page of code of its own, which is the text, or from here. Returns
 * its wait status. Its exit status is 0 if the call returned.
 */
static int under_filter(bool from_text, long nr, const uint64_t *arg)
{
	static const uint8_t call[] = {0x48,           0x89, 0xf8, /* mov rax, rdi */
				       0x48,           0x89, 0xf7, /* mov rdi, rsi */
				       0x48,           0x89, 0xd6, /* mov rsi, rdx */
				       0x48,           0x89, 0xca, /* mov rdx, rcx */
				       0x4d,           0x89, 0xc2, /* mov r10, r8 */
				       0x4d,           0x89, 0xc8, /* mov r8, r9 */
				       0x0f,           0x05,       /* syscall */
				       0xbf,           0x00, 0x00, 0x00, 0x00, 0xb8,
				       SYS_exit_group, 0x00, 0x00, 0x00, 0x0f, 0x05};
	pid_t child = fork();
	int status;

	if (child == 0) {
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, prot = PROT_READ | PROT_WRITE | PROT_EXEC;
		void *text = mmap((void *)params.text, params.text_bytes, prot, flags, -1, 0);
		void *elsewhere = mmap((void *)(params.text + 0x10000), 0x1000, prot, flags, -1, 0);
		struct sock_fprog prog = {.len = (unsigned short)nr_code, .filter = code};

		if (text == MAP_FAILED || elsewhere == MAP_FAILED || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(99);
		memcpy(text, call, sizeof(call));
		memcpy(elsewhere, call, sizeof(call));
		/* SIGSYS has its default action here: the end. */
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) != 0)
			_exit(98);
		((void (*)(long, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(from_text ? text : elsewhere))(
			nr, arg[0], arg[1], arg[2], arg[3], arg[4]);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_real(void **state)
{
	static const uint64_t none[6] = {0}, map[6] = {0x10000, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, 3, 0},
			      anonymous[6] = {
				      0x10000, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS,
				      3,       0};
	int status;

	(void)state;
	assert_int_equal(under_filter(true, SYS_mmap, map), 0);
	assert_int_equal(under_filter(true, SYS_munmap, map), 0);
	status = under_filter(false, SYS_munmap, map);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = under_filter(true, SYS_mmap, anonymous);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = under_filter(true, SYS_getpid, none);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_number, setup), cmocka_unit_test_setup(test_each_argument, setup),
		cmocka_unit_test_setup(test_ranges, setup),       cmocka_unit_test_setup(test_origin, setup),
		cmocka_unit_test_setup(test_parameters, setup),   cmocka_unit_test_setup(test_real, setup),
	};
	return RUN_TESTS(tests);
}
