/* SPDX-License-Identifier: MIT */
/*
 * filter.c - a table of rules, and what turns it into the classic BPF of seccomp(2). libseccomp is not used, because it
 * has no way to say that address + length stays below a bound, or where a call comes from.
 *
 * All comparisons are of 64-bit numbers, also of arguments that the kernel takes as 32-bit: the stub passes clean ones,
 * and so the upper half of a register hides nothing.
 */
#include "vmm/backend/process/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

enum check_kind {
	END,
	MASKED,  /* (argument & a) == b */
	FROM_TO, /* a <= argument <= b; a and b have the same upper half */
	ONE_OF,  /* argument is a value of list */
	RANGE,   /* [argument, argument + argument a) lies in one of the guest's areas */
};

struct check {
	enum check_kind kind;
	unsigned arg;
	uint64_t a, b;
	const uint32_t *list; /* list[0] = how many follow */
};

#define ANY              ((struct check){END, 0, 0, 0, NULL})
#define IS(arg, value)   ((struct check){MASKED, arg, ~0ull, value, NULL})
#define ONLY(arg, bits)  ((struct check){MASKED, arg, ~(uint64_t)(bits), 0, NULL})
#define BELOW(arg, end)  ((struct check){FROM_TO, arg, 0, (uint64_t)(end)-1, NULL})
#define AREA(arg, bytes) ((struct check){RANGE, arg, bytes, 0, NULL})
#define LIST(...)        ((const uint32_t[]){sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), __VA_ARGS__})
#define AMONG(arg, ...)  ((struct check){ONE_OF, arg, 0, 0, LIST(__VA_ARGS__)})
#define CHECKS_MAX       5

struct rule {
	uint32_t nr;
	struct check checks[CHECKS_MAX + 1];
};

/* Code under construction. A jump to FAIL is one to what follows the rule. */
struct builder {
	struct sock_filter *code;
	unsigned nr;
	bool full;
};
#define FAIL 0xff /* no rule is so long that this could be a distance */

static void emit(struct builder *b, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (b->nr == GUEST_FILTER_MAX)
		b->full = true;
	else
		b->code[b->nr++] = (struct sock_filter)BPF_JUMP(op, k, jt, jf);
}

static void load(struct builder *b, size_t offset)
{
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* x86-64 is little-endian: the lower half comes first. */
static size_t low(unsigned arg)
{
	return offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t);
}

static size_t high(unsigned arg)
{
	return low(arg) + sizeof(uint32_t);
}

/* Goes on if the condition holds, else behind the rule. */
static void need_equal(struct builder *b, uint32_t k)
{
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, k, 0, FAIL);
}

static void need_at_least(struct builder *b, uint32_t k)
{
	emit(b, BPF_JMP | BPF_JGE | BPF_K, k, 0, FAIL);
}

static void need_at_most(struct builder *b, uint32_t k)
{
	emit(b, BPF_JMP | BPF_JGT | BPF_K, k, FAIL, 0);
}

static void need_below(struct builder *b, uint32_t k)
{
	emit(b, BPF_JMP | BPF_JGE | BPF_K, k, FAIL, 0);
}

static void masked_half(struct builder *b, size_t offset, uint32_t mask, uint32_t value)
{
	if (mask == 0)
		return;
	load(b, offset);
	if (mask != ~0u)
		emit(b, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	need_equal(b, value);
}

/* A jump over what is emitted from here to land(). */
static unsigned jump(struct builder *b)
{
	emit(b, BPF_JMP | BPF_JA, 0, 0, 0);
	return b->nr - 1;
}

static void land(struct builder *b, unsigned jump)
{
	b->code[jump].k = b->nr - jump - 1;
}

/* A = the sum of the halves at `x` and `y`. */
static void add(struct builder *b, size_t x, size_t y)
{
	load(b, x);
	emit(b, BPF_MISC | BPF_TAX, 0, 0, 0);
	load(b, y);
	emit(b, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
}

/*
 * In [0, map_end): the lower halves are added first, in 32 bits; the sum is less than either of them exactly if there
 * is a carry. The upper halves cannot overflow, because each has been found less than the bound's, which is below 2^16.
 * The kernel rounds the length up to a page: the end stays at or below the bound, which is a multiple of that. Or in
 * the image's area, by the upper halves alone.
 */
static void range(struct builder *b, const struct guest_filter *p, unsigned at, unsigned bytes)
{
	uint32_t bound = (uint32_t)(p->map_end >> 32);
	unsigned to_low_area, to_end, to_no_carry, to_end_too;

	load(b, high(at));
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(p->image >> 32), 1, 0);
	to_low_area = jump(b);
	load(b, high(bytes));
	need_equal(b, 0);
	to_end = jump(b);
	land(b, to_low_area);
	need_below(b, bound);
	load(b, high(bytes));
	need_below(b, bound);
	add(b, low(at), low(bytes));
	emit(b, BPF_JMP | BPF_JGE | BPF_X, 0, 0, 1);
	to_no_carry = jump(b);
	add(b, high(at), high(bytes));
	need_below(b, bound - 1); /* with the carry */
	to_end_too = jump(b);
	land(b, to_no_carry);
	add(b, high(at), high(bytes));
	need_below(b, bound);
	land(b, to_end);
	land(b, to_end_too);
}

static void one_of(struct builder *b, unsigned arg, const uint32_t *list)
{
	load(b, high(arg));
	need_equal(b, 0);
	load(b, low(arg));
	for (uint32_t i = 1; i < list[0]; i++)
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, list[i], (uint8_t)(list[0] - i), 0);
	need_equal(b, list[list[0]]);
}

static void from_to(struct builder *b, size_t low_offset, uint64_t from, uint64_t to)
{
	load(b, low_offset + sizeof(uint32_t));
	need_equal(b, (uint32_t)(from >> 32));
	load(b, low_offset);
	need_at_least(b, (uint32_t)from);
	need_at_most(b, (uint32_t)to);
}

static void check(struct builder *b, const struct guest_filter *p, const struct check *c)
{
	switch (c->kind) {
	case MASKED:
		masked_half(b, high(c->arg), (uint32_t)(c->a >> 32), (uint32_t)(c->b >> 32));
		masked_half(b, low(c->arg), (uint32_t)c->a, (uint32_t)c->b);
		break;
	case FROM_TO:
		from_to(b, low(c->arg), c->a, c->b);
		break;
	case RANGE:
		range(b, p, c->arg, (unsigned)c->a);
		break;
	case ONE_OF:
		one_of(b, c->arg, c->list);
		break;
	case END:
		break;
	}
}

/* From instruction `start` on, failing jumps lead to the instruction that comes next. */
static void bind_fail(struct builder *b, unsigned start)
{
	for (unsigned i = start; i < b->nr; i++) {
		struct sock_filter *f = &b->code[i];

		if (BPF_CLASS(f->code) != BPF_JMP || BPF_OP(f->code) == BPF_JA)
			continue;
		if (f->jt == FAIL)
			f->jt = (uint8_t)(b->nr - i - 1);
		if (f->jf == FAIL)
			f->jf = (uint8_t)(b->nr - i - 1);
	}
}

static void verdict(struct builder *b, uint32_t action)
{
	emit(b, BPF_RET | BPF_K, action, 0, 0);
}

/* Not from x86-64's table of calls, or not from the text: trap. */
static void origin(struct builder *b, const struct guest_filter *p)
{
	unsigned start = b->nr;

	load(b, offsetof(struct seccomp_data, arch));
	need_equal(b, AUDIT_ARCH_X86_64);
	/* It points behind the instruction, which has two bytes. */
	from_to(b, offsetof(struct seccomp_data, instruction_pointer), p->text + 2, p->text + p->text_bytes);
	emit(b, BPF_JMP | BPF_JA, 1, 0, 0);
	bind_fail(b, start);
	verdict(b, SECCOMP_RET_TRAP);
}

/* A call that fails a check goes on to the next rule: there may be another for its number. */
static void rule(struct builder *b, const struct guest_filter *p, const struct rule *r)
{
	unsigned start = b->nr;

	load(b, offsetof(struct seccomp_data, nr));
	need_equal(b, r->nr);
	for (const struct check *c = r->checks; c->kind != END; c++)
		check(b, p, c);
	verdict(b, SECCOMP_RET_ALLOW);
	bind_fail(b, start);
}

static bool in_one_4gib(uint64_t at, uint64_t bytes)
{
	return bytes != 0 && bytes < (1ull << 32) && at >> 32 == (at + bytes) >> 32;
}

static bool is_outside_areas(const struct guest_filter *p, uint64_t at)
{
	return at >= p->map_end && (at < p->image || at - p->image >= 2ull << 32);
}

static bool is_sane(const struct guest_filter *p)
{
	const uint64_t unit = 1ull << 32, top = 1ull << 47;

	return in_one_4gib(p->text, p->text_bytes) && in_one_4gib(p->shared, p->shared_bytes) && p->map_end != 0 &&
	       p->map_end % unit == 0 && p->map_end <= top && p->image % unit == 0 && p->image >= p->map_end &&
	       p->image < top && is_outside_areas(p, p->text) && is_outside_areas(p, p->shared) && p->fd_end != 0;
}

int guest_filter_build(const struct guest_filter *p, struct sock_filter code[GUEST_FILTER_MAX])
{
	const uint64_t prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	/* Often used ones first. */
	const struct rule rules[] = {
		{SYS_rt_sigreturn, {ANY}},
		{SYS_mmap,
		 {AREA(0, 1), ONLY(2, prot), AMONG(3, MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED | MAP_POPULATE),
		  BELOW(4, p->fd_end)}},
		{SYS_mmap,
		 {AREA(0, 1), ONLY(2, PROT_READ), IS(3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE)}},
		{SYS_munmap, {AREA(0, 1)}},
		{SYS_futex,
		 {{FROM_TO, 0, p->shared, p->shared + p->shared_bytes - 4, NULL},
		  AMONG(1, FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET)}},
		{SYS_write, {IS(0, p->doorbell), IS(2, 8)}},
		{SYS_mprotect, {AREA(0, 1), ONLY(2, prot)}},
		/* Another view of a shared mapping (old length 0), never the mapping itself. */
		{SYS_mremap, {AREA(0, 1), IS(1, 0), AREA(4, 2), IS(3, MREMAP_MAYMOVE | MREMAP_FIXED)}},
		{SYS_madvise, {AREA(0, 1), AMONG(2, MADV_POPULATE_READ, MADV_POPULATE_WRITE)}},
		{SYS_timer_settime, {IS(1, TIMER_ABSTIME)}},
		{SYS_recvmsg, {IS(0, p->socket), ONLY(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}},
		{SYS_close, {BELOW(0, p->fd_end)}},
		{SYS_exit_group, {ANY}},
		/* How the kernel goes on with a wait that a stop signal or a debugger interrupted. */
		{SYS_restart_syscall, {ANY}},
	};
	struct builder b = {.code = code};

	if (!is_sane(p))
		return -EINVAL;
	origin(&b, p);
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		rule(&b, p, &rules[i]);
	verdict(&b, SECCOMP_RET_KILL_PROCESS);
	return b.full ? -EINVAL : (int)b.nr;
}
