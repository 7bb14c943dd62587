/* SPDX-License-Identifier: MIT */
/*
 * A kernel that attacks the host under the process backend: it runs natively there, so it can try every system call,
 * from its own code and from the stub's, and everything in the stub's memory is its to read. What the host's kernel
 * must do is kill the process or refuse; a call that worked and must not have ends in accepted().
 */
#include "hostile.h"

#include <asm/unistd_64.h>
#include <linux/futex.h>
#include <linux/mman.h>

#define STUB_TEXT    ((const volatile uint8_t *)CAY_STUB_GVA)
#define CONTROL      ((volatile uint32_t *)(CAY_STUB_GVA + CAY_STUB_BYTES)) /* vmm/backend/process/shared.h */
#define SOCKET_FD    3
#define RAM_FD       4
#define DOORBELL_FD  0
#define MAP_VA       0x10000000ull
#define FAR          0x300000000000ull /* where nothing of ours is */
#define CONTROL_WAKE 16                /* index of a word */
#define REQUEST_HERE 4                 /* STUB_REQ_HERE */

/* Goes to rip with these registers (rsp 0: as it is); the next exception brings us back, with rax. */
struct registers {
	uint64_t rip, rax, rdi, rsi, rdx, r10, r8, r9, rsp;
};
uint64_t jump_to(const struct registers *r);
void back_from_jump(void);
/* Pieces of code to jump to. */
void code_int80(void), code_store(void), code_far_return(void);
__asm__(".text\n"
	"jump_to:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, saved_rsp(%rip)\n"
	"	mov 8(%rdi), %rax; mov 24(%rdi), %rsi; mov 32(%rdi), %rdx; mov 40(%rdi), %r10\n"
	"	mov 48(%rdi), %r8; mov 56(%rdi), %r9; mov 64(%rdi), %rbp; mov (%rdi), %rbx; mov 16(%rdi), %rdi\n"
	"	test %rbp, %rbp; jz 1f; mov %rbp, %rsp\n"
	"1:	jmp *%rbx\n"
	"back_from_jump:\n"
	"	mov saved_rsp(%rip), %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"code_int80:	int $0x80; ud2\n"
	"code_store:	movb %sil, (%rdi); ud2\n"
	"code_far_return: lretq\n"
	".bss; .balign 8; saved_rsp: .skip 8; .text\n");

static uint64_t site; /* of the stub's `syscall; ud2` */

static void find_site(void)
{
	VCPU->iret.rip = (uint64_t)back_from_jump;
	for (unsigned i = 0; i + 4 <= CAY_STUB_TEXT_BYTES; i++)
		if (STUB_TEXT[i] == 0x0f && STUB_TEXT[i + 1] == 0x05 && STUB_TEXT[i + 2] == 0x0f &&
		    STUB_TEXT[i + 3] == 0x0b) {
			site = CAY_STUB_GVA + i;
			return;
		}
	end(98); /* the test must be brought up to date */
}

static int64_t stub_call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const struct registers r = {site, nr, a, b, c, d, e, f, 0};

	return (int64_t)jump_to(&r);
}

static uint64_t random_next(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 16;
}

static uint64_t wild(void)
{
	static const uint64_t values[] = {
		0, 1, 3, 4, 6, 7, 0x1000, 0xffffffff, ~0ull, (uint64_t)scratch, CAY_STUB_GVA, CAY_DIRECT_GVA};

	return random_next() % 3 ? values[random_next() % (sizeof(values) / sizeof(values[0]))] : random_next();
}

static uint64_t own_syscall(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

/* Linux lets uretprobe (6.13) and uprobe (6.18) past every filter; outside a probe's trampoline they only fail. */
static bool is_never_filtered(uint64_t nr)
{
	return (uint32_t)nr == 335 || (uint32_t)nr == 336;
}

/* From our own code none reaches the host: each comes back to us (start.c), with the number still in rax. */
static void own_calls(void)
{
	static const uint64_t tables[] = {0, 0x40000000, 0x80000000, 0xffffffff00000000};

	for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (uint64_t nr = 0; nr < 1024; nr++)
			if (!is_never_filtered(tables[t] + nr) && own_syscall(tables[t] + nr, wild(), wild(), wild(),
									      wild(), wild(), wild()) != tables[t] + nr)
				accepted();
}

/* int $0x80, where numbers mean other calls: 20 is getpid. Or the host has no such table, and that is an exception too.
 */
static void foreign_table(void)
{
	const struct registers r = {.rip = (uint64_t)code_int80, .rax = 20};

	VCPU->iret.rip = (uint64_t)back_from_jump;
	if (jump_to(&r) != 20 || VCPU->exc.rip != r.rip)
		accepted();
}

/* Linux's page of old system calls, at a fixed place in every process: time, which must not answer. */
static void vsyscall(void)
{
	volatile uint64_t *stack = (volatile uint64_t *)(scratch + 8192);
	const struct registers r = {.rip = 0xffffffffff600400, .rsp = (uint64_t)stack};
	uint64_t got;

	VCPU->iret.rip = (uint64_t)back_from_jump;
	stack[0] = (uint64_t)code_int80 + 2; /* its ud2 */
	got = jump_to(&r);
	if (got > 1600000000 && got >> 33 == 0)
		accepted();
}

/* 32-bit mode, below 4 GiB: mov $1, %eax; mov $77, %ebx; int $0x80 (exit); jmp . */
static void compatibility_mode(void)
{
	static const uint8_t code[] = {0xb8, 1, 0, 0, 0, 0xbb, 77, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xfe};
	volatile uint64_t *stack = (volatile uint64_t *)(scratch + 8192);
	const struct registers r = {.rip = (uint64_t)code_far_return, .rsp = (uint64_t)stack};

	if (stub_call(__NR_mmap, MAP_VA, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_FIXED, RAM_FD,
		      gpa_of(scratch)) < 0)
		end(97);
	for (unsigned i = 0; i < sizeof(code); i++)
		((volatile uint8_t *)MAP_VA)[i] = code[i];
	stack[0] = MAP_VA;
	stack[1] = 0x23;
	if (jump_to(&r) != 1)
		accepted();
}

/* "call-N": number N with wild arguments from the stub's own instruction. */
static void stub_number(const char *digits)
{
	uint64_t nr = 0;

	while (*digits != '\0')
		nr = nr * 10 + (uint64_t)(*digits++ - '0');
	for (unsigned i = 0; i < 50; i++)
		(void)stub_call(nr, wild(), wild(), wild(), wild(), wild(), wild());
}

static void must_not_work(int64_t result)
{
	if (result >= 0 || result < -4095)
		accepted();
}

/* Each of these kills the process: it does not come back. */
static void forbidden_call(const char *variant)
{
	const uint64_t rw = PROT_READ | PROT_WRITE, fixed = MAP_SHARED | MAP_FIXED;

	if (same(variant, "map-stub"))
		must_not_work(stub_call(__NR_mmap, CAY_STUB_GVA, 0x1000, rw, fixed, RAM_FD, 0));
	else if (same(variant, "map-across-stub"))
		must_not_work(stub_call(__NR_mmap, 0x77ffffff0000, 0x400000, rw, fixed, RAM_FD, 0));
	else if (same(variant, "map-wraps"))
		must_not_work(stub_call(__NR_mmap, 0x10000, ~0xfffull, rw, fixed, RAM_FD, 0));
	else if (same(variant, "map-anonymous"))
		must_not_work(
			stub_call(__NR_mmap, FAR, 0x1000000000, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0ull, 0));
	else if (same(variant, "map-anonymous-shared"))
		must_not_work(stub_call(__NR_mmap, FAR, 0x1000000000, rw, fixed | MAP_ANONYMOUS, ~0ull, 0));
	else if (same(variant, "map-huge"))
		must_not_work(stub_call(__NR_mmap, FAR, 0x200000, rw, fixed | MAP_HUGETLB, RAM_FD, 0));
	else if (same(variant, "map-anywhere"))
		must_not_work(stub_call(__NR_mmap, 0, 0x1000, rw, MAP_SHARED, RAM_FD, 0));
	else if (same(variant, "unmap-stub"))
		must_not_work(stub_call(__NR_munmap, CAY_STUB_GVA, 0x1000, 0, 0, 0, 0));
	else if (same(variant, "protect-stub"))
		must_not_work(stub_call(__NR_mprotect, CAY_STUB_GVA, 0x1000, 7, 0, 0, 0));
	else if (same(variant, "move-stub"))
		must_not_work(stub_call(__NR_mremap, CAY_STUB_GVA, 0x1000, 0x1000, 3, FAR, 0));
	else if (same(variant, "futex-elsewhere"))
		must_not_work(stub_call(__NR_futex, CAY_DIRECT_GVA, FUTEX_WAKE, 1, 0, 0, 0));
	else if (same(variant, "futex-requeue"))
		must_not_work(stub_call(__NR_futex, (uint64_t)CONTROL, FUTEX_REQUEUE, 1, 1, CAY_DIRECT_GVA, 0));
	else if (same(variant, "write-socket"))
		must_not_work(stub_call(__NR_write, SOCKET_FD, (uint64_t)scratch, 8, 0, 0, 0));
	else if (same(variant, "write-much"))
		must_not_work(stub_call(__NR_write, DOORBELL_FD, (uint64_t)scratch, 16, 0, 0, 0));
	else if (same(variant, "write-ram"))
		must_not_work(stub_call(__NR_write, RAM_FD, (uint64_t)scratch, 8, 0, 0, 0));
	else if (same(variant, "clean-memory"))
		must_not_work(stub_call(__NR_madvise, CAY_DIRECT_GVA, 0x1000, MADV_REMOVE, 0, 0, 0));
	else
		accepted();
	accepted(); /* even a failure is one too much: the filter kills */
}

/* As many mappings as the host gives, none of which can be merged with the next. */
static void map_storm(void)
{
	for (uint64_t i = 0; i < 300000; i++)
		if (stub_call(__NR_mmap, FAR + 0x2000 * i, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, RAM_FD, 0) < 0)
			break;
	(void)stub_call(__NR_munmap, FAR, 0x2000ull * 300000, 0, 0, 0, 0);
}

/* All of RAM again and again, a page touched in every 2 MiB: each costs the host a page of its page tables. */
static void table_storm(void)
{
	for (uint64_t at = FAR; at < FAR + (1ull << 44); at += 1ull << 30) {
		if (stub_call(__NR_mmap, at, BOOT->ram_bytes, PROT_READ, MAP_SHARED | MAP_FIXED, RAM_FD, 0) < 0)
			break;
		for (uint64_t i = 0; i < BOOT->ram_bytes; i += 0x200000)
			(void)*(volatile uint8_t *)(at + i);
	}
}

static void write_stub(void)
{
	uint8_t before = STUB_TEXT[0];
	const struct registers r = {.rip = (uint64_t)code_store, .rdi = CAY_STUB_GVA, .rsi = (uint8_t)~before};

	(void)jump_to(&r);
	if (STUB_TEXT[0] != before || VCPU->exc.rip != r.rip)
		accepted();
}

static void junk_stub(unsigned from, unsigned step)
{
	for (uint64_t i = CAY_STUB_TEXT_BYTES + from; i < CAY_STUB_BYTES + CAY_PAGE_BYTES; i += step)
		*(volatile uint8_t *)(CAY_STUB_GVA + i) = (uint8_t)random_next();
	(void)*(volatile uint64_t *)(FAR + 0x5000);
}

/* Requests that change while the VMM looks at them. Some end the VM. */
static void request_race(void)
{
	static const uint32_t gates[] = {CAY_GATE_LOG,  CAY_GATE_MAP_FILE, CAY_GATE_UNMAP_FILE,
					 CAY_GATE_FREE, CAY_GATE_TIMER,    CAY_GATE_POPULATE};

	for (unsigned i = 0; i < 200000; i++) {
		for (unsigned j = 0; j < 5; j++)
			VCPU->gate.arg[j] = wild();
		CONTROL[1] = i % 1000 ? 4 * gates[random_next() % 6] : (uint32_t)random_next();
		CONTROL[0] = i % 1000 ? 1 : (uint32_t)random_next();
		if (i % 8 == 0)
			(void)stub_call(__NR_futex, (uint64_t)CONTROL, FUTEX_WAKE, 1000, 0, 0, 0);
	}
}

static void junk_control(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned j = 0; j < 128; j++)
			CONTROL[j] = (uint32_t)wild();
		(void)stub_call(__NR_futex, (uint64_t)CONTROL, FUTEX_WAKE, 1, 0, 0, 0);
		(void)stub_call(__NR_futex, (uint64_t)&CONTROL[CONTROL_WAKE], FUTEX_WAKE, 1, 0, 0, 0);
	}
}

/* The other vCPUs' pages, those that have not started too: they enter the guest by what stands there. */
static void junk_others(void)
{
	for (unsigned i = 0; i < 1000; i++)
		for (unsigned cpu = 1; cpu < 4; cpu++)
			for (unsigned j = 0; j < 128; j++)
				CONTROL[cpu * 1024 + j] = (uint32_t)wild();
	for (unsigned cpu = 1; cpu < 4; cpu++)
		for (unsigned j = 0; j < 32; j++)
			(void)stub_call(__NR_futex, (uint64_t)&CONTROL[cpu * 1024 + j], FUTEX_WAKE, 10, 0, 0, 0);
	(void)gate(CAY_GATE_START_CPU, 1, 0x1234, 0x5678, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		(void)gate(CAY_GATE_IPI, 0xe, 0, 0, 0, 0);
}

static void bell_storm(void)
{
	volatile uint64_t *value = (volatile uint64_t *)scratch;

	for (unsigned i = 0; i < 20000; i++) {
		*value = i % 2 ? ~0ull - 1 : 1;
		(void)stub_call(__NR_write, DOORBELL_FD, (uint64_t)value, 8, 0, 0, 0);
	}
}

/* "Are you there?", without end: the VMM must not be held up for what else it has to do. */
static void here_storm(void)
{
	for (unsigned i = 0; i < 20000; i++) {
		CONTROL[0] = REQUEST_HERE;
		(void)stub_call(__NR_futex, (uint64_t)CONTROL, FUTEX_WAKE, 1, 0, 0, 0);
	}
}

/* Private memory of the process, of which the guest's RAM is no part: as much of it as can be had for writing. */
static void private_storm(void)
{
	const uint64_t step = 4ull << 20, limit = 80ull << 20;
	uint64_t got = 0;

	for (uint64_t at = FAR; at < FAR + (1ull << 30); at += step) {
		if (stub_call(__NR_mmap, at, step, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			      ~0ull, 0) < 0 ||
		    stub_call(__NR_mprotect, at, step, PROT_READ | PROT_WRITE, 0, 0, 0) < 0)
			break;
		for (uint64_t i = 0; i < step; i += CAY_PAGE_BYTES)
			*(volatile uint8_t *)(at + i) = 1;
		got += step;
	}
	if (got > limit)
		accepted();
}

/* The memory's file, beyond its end: there must be nothing to touch. */
static void beyond_file(void)
{
	if (stub_call(__NR_mmap, FAR, CAY_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, RAM_FD,
		      (BOOT->ram_bytes + CAY_PAGE_BYTES - 1) & ~(CAY_PAGE_BYTES - 1)) < 0)
		return;
	*(volatile uint8_t *)FAR = 1;
	accepted();
}

/* Files mapped and their descriptors never fetched, or fetched and never closed. */
static void descriptor_storm(bool fetch)
{
	volatile struct {
		uint64_t name, name_bytes, iov, nr_iov, control, control_bytes, flags;
	} *message = (void *)scratch;

	for (unsigned i = 0; i < 3000; i++) {
		(void)gate(CAY_GATE_MAP_FILE, 0, i % 64, 0, 4096, 0);
		if (!fetch)
			continue;
		message->name = message->name_bytes = message->iov = message->nr_iov = message->flags = 0;
		message->control = (uint64_t)scratch + 4096;
		message->control_bytes = 4096;
		(void)stub_call(__NR_recvmsg, SOCKET_FD, (uint64_t)scratch, 0x40 /* MSG_DONTWAIT */, 0, 0, 0);
	}
}

/* Signal frames made of junk: whatever they restore is still this process. */
static void frame_storm(void)
{
	for (unsigned i = 0; i < 200; i++) {
		struct registers r = {.rip = site, .rax = __NR_rt_sigreturn, .rsp = (uint64_t)scratch + 65536};

		for (unsigned j = 0; j < 1024; j += 8)
			*(volatile uint64_t *)(scratch + 65536 + j) = wild();
		(void)jump_to(&r);
	}
}

/* interval_ns 1: from then on signals are all it does. */
static void timer_storm(uint64_t interval_ns)
{
	volatile uint64_t *when = (volatile uint64_t *)scratch;

	VCPU->masked = 1;
	for (unsigned i = 0; i < 20000; i++) {
		when[0] = when[2] = 0;
		when[1] = interval_ns;
		when[3] = 1 + i % 2; /* a time long past */
		(void)stub_call(__NR_timer_settime, i % 3, 1, (uint64_t)when, 0, 0, 0);
	}
}

void attack(const char *variant)
{
	if (same(variant, "own-calls")) {
		own_calls();
		return;
	}
	if (same(variant, "foreign-table")) {
		foreign_table();
		return;
	}
	if (same(variant, "vsyscall")) {
		vsyscall();
		return;
	}
	find_site();
	if (variant[0] == 'c' && variant[1] == 'a' && variant[4] == '-')
		stub_number(variant + 5);
	else if (same(variant, "compatibility-mode"))
		compatibility_mode();
	else if (same(variant, "write-stub"))
		write_stub();
	else if (same(variant, "junk-stub"))
		junk_stub(0, 1);
	else if (same(variant, "junk-stub-some"))
		junk_stub(37, 997);
	else if (same(variant, "map-storm"))
		map_storm();
	else if (same(variant, "table-storm"))
		table_storm();
	else if (same(variant, "request-race"))
		request_race();
	else if (same(variant, "junk-control"))
		junk_control();
	else if (same(variant, "junk-others"))
		junk_others();
	else if (same(variant, "here-storm"))
		here_storm();
	else if (same(variant, "private-storm"))
		private_storm();
	else if (same(variant, "beyond-file"))
		beyond_file();
	else if (same(variant, "bell-storm"))
		bell_storm();
	else if (same(variant, "descriptors-left"))
		descriptor_storm(false);
	else if (same(variant, "descriptors-kept"))
		descriptor_storm(true);
	else if (same(variant, "frame-storm"))
		frame_storm();
	else if (same(variant, "timer-storm"))
		timer_storm(0);
	else if (same(variant, "timer-without-end"))
		timer_storm(1);
	else if (same(variant, "unmap-all"))
		(void)stub_call(__NR_munmap, 0, CAY_SYS_GVA - CAY_PAGE_BYTES, 0, 0, 0, 0);
	else if (same(variant, "unmap-kernel"))
		(void)stub_call(__NR_munmap, CAY_KERNEL_GVA, CAY_KERNEL_SPAN, 0, 0, 0, 0);
	else if (same(variant, "close-all"))
		for (unsigned fd = 0; fd < 16; fd++)
			(void)stub_call(__NR_close, fd, 0, 0, 0, 0, 0);
	else if (same(variant, "exit"))
		(void)stub_call(__NR_exit_group, 0, 0, 0, 0, 0, 0);
	else
		forbidden_call(variant);
}
