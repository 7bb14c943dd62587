/* SPDX-License-Identifier: MIT */
/*
 * exec_stack.c - a new program's stack (System V ABI, x86-64 supplement, 3.4.1). From the top down: 8 zero bytes, the
 * program's path, environment strings, argument strings, random bytes, platform; then aligned to 16 the vectors, argc
 * first.
 */
#include <elf.h>
#include <errno.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/dev/random.h"
#include "kernel/linux/exec_priv.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"

#define STACK_SPARE        (128u << 10) /* mapped below what is filled: most programs need no growth */
#define CLOCK_TICKS        100
#define SIGNAL_FRAME_BYTES 1024 /* without the FPU's area, rounded up */
#define AUX_MAX            24
#define PLATFORM           "x86_64"

/* A copy of the top of the stack is built here, then written at once. */
struct builder {
	char *buf;
	size_t bytes; /* of buf */
	uint64_t top; /* program address of buf + bytes */
	size_t used;  /* from the top */
};

static uint64_t push(struct builder *b, const void *data, size_t bytes)
{
	b->used += bytes;
	memcpy(b->buf + b->bytes - b->used, data, bytes);
	return b->top - b->used;
}

struct strings {
	unsigned nr;
	size_t bytes;
};

static int measure(const char *const *v, struct strings *s)
{
	*s = (struct strings){0};
	for (; v[s->nr] != NULL; s->nr++) {
		size_t n = strlen(v[s->nr]) + 1;

		if (n > EXEC_STRING_MAX || s->bytes + n > EXEC_STRINGS_MAX)
			return -E2BIG;
		s->bytes += n;
	}
	return 0;
}

/* Pushes strings so that the first is lowest; *start is its address. */
static void push_strings(struct builder *b, const char *const *v, const struct strings *s, uint64_t *start,
			 uint64_t *end)
{
	*end = b->top - b->used;
	for (unsigned i = s->nr; i > 0; i--)
		push(b, v[i - 1], strlen(v[i - 1]) + 1);
	*start = b->top - b->used;
}

static uint64_t *put_pointers(uint64_t *out, const char *const *v, unsigned nr, uint64_t at)
{
	for (unsigned i = 0; i < nr; i++) {
		*out++ = at;
		at += strlen(v[i]) + 1;
	}
	*out++ = 0;
	return out;
}

static uint64_t *aux(uint64_t *out, uint64_t type, uint64_t value)
{
	*out++ = type;
	*out++ = value;
	return out;
}

static uint64_t *put_auxv(uint64_t *out, const struct exec *x, uint64_t execfn, uint64_t random, uint64_t platform)
{
	const struct cred *c = &process_current()->cred;
	const struct elf_image *e = &x->program.image;

	if (x->vdso != 0)
		out = aux(out, AT_SYSINFO_EHDR, x->vdso);
	out = aux(out, AT_MINSIGSTKSZ, SIGNAL_FRAME_BYTES + fpu_area_bytes());
	out = aux(out, AT_HWCAP, boot_info->hwcap);
	out = aux(out, AT_PAGESZ, PAGE_SIZE);
	out = aux(out, AT_CLKTCK, CLOCK_TICKS);
	out = aux(out, AT_PHDR, e->phdr_vaddr ? e->phdr_vaddr + x->program.bias : 0);
	out = aux(out, AT_PHENT, ELF_PHDR_BYTES);
	out = aux(out, AT_PHNUM, e->nr_phdrs);
	out = aux(out, AT_BASE, x->interp.file ? x->interp.bias : 0);
	out = aux(out, AT_FLAGS, 0);
	out = aux(out, AT_ENTRY, e->entry + x->program.bias);
	out = aux(out, AT_UID, c->uid);
	out = aux(out, AT_EUID, c->euid);
	out = aux(out, AT_GID, c->gid);
	out = aux(out, AT_EGID, c->egid);
	out = aux(out, AT_SECURE, 0);
	out = aux(out, AT_RANDOM, random);
	/* Not HWCAP2_FSGSBASE: GS base is the kernel's, a program must ask arch_prctl. */
	out = aux(out, AT_HWCAP2, 0);
	out = aux(out, AT_EXECFN, execfn);
	out = aux(out, AT_PLATFORM, platform);
	return aux(out, AT_NULL, 0);
}

static size_t vector_bytes(const struct strings *args, const struct strings *env)
{
	return (1 + args->nr + 1 + env->nr + 1 + 2 * AUX_MAX) * sizeof(uint64_t);
}

int exec_stack(struct exec *x, struct vmspace *vs)
{
	struct strings args, env;
	struct builder b = {0};
	uint64_t execfn, random, platform, *vector, *out;
	uint8_t seed[16];
	uint64_t limit = process_current()->rlimit[RLIMIT_STACK].cur / 4;
	int err;

	if (measure(x->argv, &args) != 0 || measure(x->envp, &env) != 0)
		return exec_fail(x, -E2BIG, "its arguments and environment are too long");
	b.bytes = 8 + strlen(x->path) + 1 + args.bytes + env.bytes + sizeof(seed) + sizeof(PLATFORM) + 32 +
		  vector_bytes(&args, &env);
	if (b.bytes > EXEC_STRINGS_MAX || b.bytes > MAX(limit, 128u << 10))
		return exec_fail(x, -E2BIG, "its arguments and environment are too long");
	b.bytes = ALIGN_UP(b.bytes, 16);
	b.top = exec_random_stack_top();
	b.buf = kzalloc(b.bytes);
	if (b.buf == NULL)
		return exec_fail(x, -ENOMEM, "no memory for its arguments");

	b.used = 8;
	execfn = push(&b, x->path, strlen(x->path) + 1);
	push_strings(&b, x->envp, &env, &x->at.env_start, &x->at.env_end);
	push_strings(&b, x->argv, &args, &x->at.arg_start, &x->at.arg_end);
	platform = push(&b, PLATFORM, sizeof(PLATFORM));
	random_bytes(seed, sizeof(seed));
	random = push(&b, seed, sizeof(seed));
	/* top is page-aligned, so that offsets from it and addresses agree modulo 16 */
	b.used = ALIGN_UP(b.used + vector_bytes(&args, &env), 16);
	vector = out = (uint64_t *)(void *)(b.buf + b.bytes - b.used);
	x->stack_pointer = b.top - b.used;
	*out++ = args.nr;
	out = put_pointers(out, x->argv, args.nr, x->at.arg_start);
	out = put_pointers(out, x->envp, env.nr, x->at.env_start);
	x->at.auxv_start = x->stack_pointer + (uint64_t)(out - vector) * sizeof(*out);
	out = put_auxv(out, x, execfn, random, platform);
	x->at.auxv_end = x->stack_pointer + (uint64_t)(out - vector) * sizeof(*out);
	x->at.start_stack = x->stack_pointer;

	err = vmspace_map_stack(vs, b.top, ALIGN_UP(b.used + STACK_SPARE, PAGE_SIZE), x->program.image.exec_stack);
	if (err == 0)
		err = vmspace_write(vs, x->stack_pointer, b.buf + b.bytes - b.used, b.used);
	kfree(b.buf);
	return err == 0 ? 0 : exec_fail(x, err, "no memory for its stack");
}
