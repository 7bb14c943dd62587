/* SPDX-License-Identifier: MIT */
/*
 * exec_map.c - a program's segments, its interpreter, and where things go.
 *
 * All that is placed freely lies in the last 512 GiB of the program's half, so that it shares one table of the second
 * level: linking in a table costs 20 us under a KVM without VT-x. From below, with page granularity unless noted:
 *   position-independent program   2^26 places (2^17 if its page tables can be shared); its heap above it, moved by
 * 0..32 MiB, aligned to a huge page mappings, downwards from       2^25 places (libraries whose page tables can be
 * shared: 2^16) stack, downwards from          2^22 places
 */
#include <errno.h>
#include <sys/mman.h>

#include "kernel/dev/random.h"
#include "kernel/linux/exec_priv.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace.h"

#define ARENA               (CAY_USER_END - (512ull << 30))
#define PROGRAM_PLACES      (1ull << 26)
#define MMAP_PLACES         (1ull << 25)
#define STACK_PLACES        (1ull << 22)
#define STACK_ROOM          (8ull << 30) /* for stacks up to this limit mappings stay clear of it */
#define BRK_SPREAD          (32ull << 20)
#define PREFAULT_BYTES      (256u << 10) /* data that small is filled in at once: a fault costs more */
#define PREFAULT_BSS_BYTES  (64u << 10)
#define PREFAULT_TEXT_BYTES (4u << 20)

static uint64_t random_below(uint64_t n)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return r % n; /* n is a power of two */
}

static int map_failed(struct exec *x, int64_t err)
{
	if (err == -ENOMEM)
		return exec_fail(x, -ENOMEM, "it does not fit in memory (cay run -m SIZE gives more)");
	if (err == -ENODEV)
		return exec_fail(x, -EACCES, "it lies on a file system that cannot run programs");
	if (err == -EPERM || err == -EEXIST)
		return exec_fail(x, -ENOEXEC, "it wants to be loaded at an address that is not free");
	return exec_fail(x, (int)err, "it cannot be mapped (error %d)", (int)-err);
}

static int map_segment(struct vmspace *vs, const struct exec_elf *e, const struct elf_segment *s)
{
	uint64_t vaddr = s->vaddr + e->bias, start = ALIGN_DOWN(vaddr, PAGE_SIZE);
	uint64_t file_end = ALIGN_UP(vaddr + s->file_bytes, PAGE_SIZE),
		 mem_end = ALIGN_UP(vaddr + s->mem_bytes, PAGE_SIZE);
	uint64_t tail = vaddr + s->file_bytes;
	int prot = (s->read ? PROT_READ : 0) | (s->write ? PROT_WRITE : 0) | (s->exec ? PROT_EXEC : 0);
	int64_t r;

	if (s->file_bytes == 0) {
		file_end = tail = start;
	} else {
		r = vmspace_map(vs, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED, e->file,
				ALIGN_DOWN(s->offset, PAGE_SIZE));
		if (r < 0)
			return (int)r;
	}
	if (s->mem_bytes > s->file_bytes && tail % PAGE_SIZE != 0) {
		/* The rest of the file's last page is zero, even beyond the segment: ld.so takes its first memory
		 * there. */
		int err = vmspace_write(vs, tail, NULL, ALIGN_UP(tail, PAGE_SIZE) - tail);

		if (err != 0)
			return err;
	}
	if (mem_end > file_end) {
		r = vmspace_map(vs, file_end, mem_end - file_end, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
				0);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

static void prefault_segment(struct vmspace *vs, const struct exec_elf *e, const struct elf_segment *s)
{
	uint64_t vaddr = s->vaddr + e->bias, start = ALIGN_DOWN(vaddr, PAGE_SIZE);
	uint64_t file_end = s->file_bytes ? ALIGN_UP(vaddr + s->file_bytes, PAGE_SIZE) : start,
		 mem_end = ALIGN_UP(vaddr + s->mem_bytes, PAGE_SIZE);

	if (mem_end > file_end)
		vmspace_prefault(vs, file_end, MIN(mem_end - file_end, (uint64_t)PREFAULT_BSS_BYTES), true);
	if (s->write && file_end - start <= PREFAULT_BYTES)
		vmspace_prefault(vs, start, file_end - start, true);
	else if (!s->write)
		vmspace_prefault(vs, start, MIN(file_end - start, (uint64_t)PREFAULT_TEXT_BYTES), false);
}

static int map_elf(struct vmspace *vs, const struct exec_elf *e)
{
	for (unsigned i = 0; i < e->image.nr_segments; i++) {
		int err = map_segment(vs, e, &e->image.segment[i]);

		if (err != 0)
			return err;
	}
	/* When all is in its place, so that tables can be shared. */
	for (unsigned i = 0; i < e->image.nr_segments; i++)
		prefault_segment(vs, e, &e->image.segment[i]);
	return 0;
}

/* How far the image is never written; 0: not so from its start. */
static uint64_t ro_bytes(const struct elf_image *image)
{
	for (unsigned i = 0; i < image->nr_segments; i++)
		if (image->segment[i].write)
			return ALIGN_DOWN(image->segment[i].vaddr, PAGE_SIZE) - image->low;
	return image->high - image->low;
}

static int map_interp(struct vmspace *vs, struct exec_elf *e)
{
	uint64_t bytes = e->image.high - e->image.low;
	/* The whole span is reserved first, so that its parts end up together. */
	int64_t at = vmspace_map(
		vs,
		e->image.position_independent ? vmspace_find_image_place(vs, bytes, ro_bytes(&e->image)) : e->image.low,
		bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (e->image.position_independent ? 0 : MAP_FIXED_NOREPLACE),
		NULL, 0);

	if (at < 0)
		return (int)at;
	e->bias = (uint64_t)at - e->image.low;
	return map_elf(vs, e);
}

/* What is never written ends with a block of 2 MiB, whose page table can be shared then, if that is worth it. */
static uint64_t program_bias(const struct elf_image *image)
{
	uint64_t ro = ro_bytes(image), at = ARENA + random_below(PROGRAM_PLACES) * PAGE_SIZE;

	if (ro >= SHARED_MIN_BYTES && image->align == PAGE_SIZE)
		return ALIGN_UP(at + ro, HUGE_SIZE) - ro - image->low;
	return ALIGN_UP(at, image->align) - ALIGN_DOWN(image->low, image->align);
}

int exec_map(struct exec *x, struct vmspace *vs)
{
	struct exec_elf *p = &x->program;
	uint64_t span = p->image.high - p->image.low, brk;
	int err;

	p->bias = 0;
	if (p->image.position_independent) {
		if (span > (128ull << 30))
			return exec_fail(x, -ENOMEM, "it is too big");
		p->bias = program_bias(&p->image);
	}
	vmspace_set_mmap_top(vs, CAY_USER_END - STACK_PLACES * PAGE_SIZE - STACK_ROOM -
					 random_below(MMAP_PLACES) * PAGE_SIZE);
	err = map_elf(vs, p);
	if (err != 0)
		return map_failed(x, err);
	brk = p->image.high + p->bias + random_below(BRK_SPREAD);
	vmspace_set_brk(vs, ALIGN_UP(brk, HUGE_SIZE));
	x->entry = p->image.entry + p->bias;
	if (x->interp.file != NULL) {
		err = map_interp(vs, &x->interp);
		if (err != 0)
			return map_failed(x, err);
		x->entry = x->interp.image.entry + x->interp.bias;
	}
	if (x->entry >= CAY_USER_END)
		return exec_fail(x, -ENOEXEC, "damaged: its entry point cannot be");
	return 0;
}

uint64_t exec_random_stack_top(void)
{
	return CAY_USER_END - PAGE_SIZE - random_below(STACK_PLACES) * PAGE_SIZE;
}
