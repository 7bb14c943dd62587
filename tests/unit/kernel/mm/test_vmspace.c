/* SPDX-License-Identifier: MIT */
/*
 * test_vmspace.c - a whole address space, with real page tables walked in software, against a model with one record per
 * page. A model of the TLB remembers each translation that was used until it is flushed: one that is left over with
 * more rights than the tables give, or another page, is a forgotten flush.
 */
// SOURCES: @memory
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "abi/boot_info.h"
#include "abi/stats.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/vfs.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/mm/kmalloc.c" /* each test boots anew */
#include "kernel/mm/oom.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/plat/cay/boot.h"
#include "shim.h"

static struct cay_stats stats_page;
struct cay_stats *const stats = &stats_page;
static struct process process;
static struct thread thread = {.proc = &process};

struct thread *thread_current(void)
{
	return &thread;
}

void adaptive_lock(struct adaptive_mutex *m)
{
	assert_null(m->owner);
	m->owner = &thread;
}

void adaptive_unlock(struct adaptive_mutex *m)
{
	assert_ptr_equal(m->owner, &thread);
	m->owner = NULL;
}

#define BASE  0x6f0000000000ull
#define PAGES 3000u /* 12 MiB: several blocks that may be huge pages */
static struct vmspace *vs;
static uint64_t tlb[PAGES]; /* entry as last used, for 4 KiB */

unsigned cpu_count(void)
{
	return 1;
}

void cpu_wait_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	(void)done, (void)arg, (void)spin_ns;
}

void tlb_flush_page(uint64_t va)
{
	uint64_t i = (va - BASE) / PAGE_SIZE;

	if (va < BASE || i >= PAGES)
		return;
	/* invlpg of a huge page drops all of it; the model drops the block */
	for (uint64_t p = i & ~511ull; p < (i | 511) + 1 && p < PAGES; p++)
		if (p == i || (tlb[p] & PTE_PS))
			tlb[p] = 0;
}

void tlb_flush_all(void)
{
	memset(tlb, 0, sizeof(tlb));
}

void tlb_batch_flush(struct tlb_batch *b)
{
	if (b->nr > TLB_BATCH_PAGES)
		tlb_flush_all();
	else
		for (unsigned i = 0; i < b->nr; i++)
			tlb_flush_page(b->va[i]);
	b->nr = 0;
}

/* Of another address space, which no CPU has loaded. */
void tlb_batch_flush_in(uint64_t cr3, struct tlb_batch *b)
{
	if (cr3 == vs->root.v)
		tlb_batch_flush(b);
	b->nr = 0;
}

/* The one process there is has to go. */
bool oom_kill_greediest(void)
{
	klog("out of memory");
	return false;
}

void oom_wait(void)
{
}

/* A file of 256 pages in RAM, each page filled with its number. */
#define FILE_PAGES 256
static pa_t file_page[FILE_PAGES];
static int file_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	(void)f;
	(void)nr;
	if (pgoff >= FILE_PAGES)
		return -ENXIO;
	run->pa = file_page[pgoff];
	run->nr = 1;
	run->counted = true;
	run->writable = write;
	return 0;
}
/* The same bytes by reading: private data of the program comes this way. */
static ssize_t file_read(struct file *f, struct uio *uio, int64_t pos)
{
	size_t got = 0;

	(void)f;
	for (uint64_t p = (uint64_t)pos / PAGE_SIZE; got < uio->resid && p < FILE_PAGES; p++, got += PAGE_SIZE)
		memcpy((char *)uio->segs[0].base + got, pa_to_virt(file_page[p]), PAGE_SIZE);
	return (ssize_t)got;
}

static const struct file_ops file_ops = {.map = file_map, .read = file_read, .map_is_costly = true};
static struct inode inode;
static struct file file = {.ops = &file_ops, .refs = 1, .mode = FILE_READ | FILE_WRITE, .inode = &inode};

static void boot(uint64_t ram)
{
	struct cay_boot_info info = {.ram_bytes = ram,
				     .first_free_gpa = 2 << 20,
				     .pt_pool_gpa = 1 << 20,
				     .pt_pool_bytes = 256 << 10,
				     .cr3_gpa = 0xff000};

	shim_ram(ram);
	page_init(&info);
	memset(classes, 0, sizeof(classes));
	memset(heaps, 0, sizeof(heaps));
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		process.rlimit[i].cur = process.rlimit[i].max = RLIM_INFINITY;
	process.rlimit[RLIMIT_STACK].cur = 8 << 20;
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		uint32_t *p = page_alloc(0, PAGE_ZERO);

		*p = 0x1000000 + i;
		file_page[i] = virt_to_pa(p);
	}
	memset(tlb, 0, sizeof(tlb));
	vs = vmspace_create();
	process.vs = vs;
}

static uint64_t entry_at(uint64_t va)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, va, &level);

	if (e == NULL || *e == 0)
		return 0;
	return level == 1 ? *e + (va & (HUGE_SIZE - 1) & PAGE_MASK) : *e;
}

/* The program touches va: returns a pointer to the word there, or NULL when a signal would have come. */
static uint32_t *touch(uint64_t va, bool write, int *signo)
{
	uint64_t i = (va - BASE) / PAGE_SIZE, e;

	*signo = 0;
	for (int attempt = 0; attempt < 2; attempt++) {
		e = entry_at(va);
		if ((e & PTE_P) && (!write || (e & PTE_W))) {
			if (i < PAGES)
				tlb[i] = e;
			return pa_to_virt(PA(e & PTE_ADDR));
		}
		if (vmspace_fault(vs, va, write, false, e & PTE_P, signo) != 0)
			return NULL;
	}
	fail_msg("a fault was served, but the page is not there");
	return NULL;
}

static struct {
	bool mapped, shared;
	int prot;
	int file; /* page of the file, or -1 */
	bool own; /* private: was written */
	uint32_t value;
} model[PAGES];
static uint32_t file_value[FILE_PAGES];

static uint32_t expected(unsigned p)
{
	if (model[p].file >= 0 && !model[p].own)
		return file_value[model[p].file];
	return model[p].value;
}

static void check_tlb(void)
{
	for (unsigned p = 0; p < PAGES; p++) {
		uint64_t e = entry_at(BASE + p * PAGE_SIZE);

		if (tlb[p] == 0)
			continue;
		assert_true(e & PTE_P);
		assert_int_equal(e & PTE_ADDR, tlb[p] & PTE_ADDR);
		assert_false((tlb[p] & ~e & PTE_W) || (e & ~tlb[p] & PTE_NX));
	}
}

static void access_page(unsigned p, bool write, uint32_t value)
{
	int signo;
	uint32_t *w = touch(BASE + p * PAGE_SIZE, write, &signo);
	bool allowed = model[p].mapped && (write ? model[p].prot & PROT_WRITE : model[p].prot != PROT_NONE);
	bool beyond = model[p].mapped && model[p].file >= FILE_PAGES && !model[p].own;

	if (!allowed) {
		assert_null(w);
		assert_int_equal(signo, SIGSEGV);
		return;
	}
	if (beyond) {
		assert_null(w);
		assert_int_equal(signo, SIGBUS);
		return;
	}
	assert_non_null(w);
	if (model[p].file >= 0 && !model[p].own && !model[p].shared)
		/* when a private mapping stops following the file is unspecified: mmap(2) */
		assert_true(*w == 0x1000000u + (unsigned)model[p].file || *w < 0x1000000);
	else
		assert_int_equal(*w, expected(p));
	if (!write)
		return;
	*w = value;
	if (model[p].file >= 0 && model[p].shared) {
		file_value[model[p].file] = value;
	} else {
		model[p].value = value;
		model[p].own = true;
	}
}

static void unmapped(unsigned from, unsigned to)
{
	for (unsigned p = from; p < to; p++)
		model[p].mapped = false;
}

static void do_mmap(unsigned from, unsigned to)
{
	int kind = rand() % 4, prot = rand() % 4 ? PROT_READ | PROT_WRITE : rand() % 2 ? PROT_READ : PROT_NONE;
	unsigned pgoff = (unsigned)rand() % FILE_PAGES;
	int flags = MAP_FIXED | (kind == 2 ? MAP_SHARED : MAP_PRIVATE) | (rand() % 10 == 0 ? MAP_POPULATE : 0);
	int64_t r = vmspace_map(vs, BASE + from * PAGE_SIZE, (to - from) * PAGE_SIZE, prot, flags,
				kind >= 2 ? &file : NULL, pgoff * PAGE_SIZE);

	if (r == -ENOMEM)
		return; /* refused before anything was removed */
	assert_int_equal(r, BASE + from * PAGE_SIZE);
	for (unsigned p = from; p < to; p++) {
		model[p].mapped = true;
		model[p].shared = kind == 2;
		model[p].prot = prot;
		model[p].file = kind >= 2 ? (int)(pgoff + p - from) : -1;
		model[p].own = false;
		model[p].value = 0;
	}
}

static void do_mprotect(unsigned from, unsigned to)
{
	int prot = rand() % 3 ? PROT_READ | PROT_WRITE : rand() % 2 ? PROT_READ : PROT_NONE;
	int r = vmspace_protect(vs, BASE + from * PAGE_SIZE, (to - from) * PAGE_SIZE, prot);
	unsigned p = from;

	while (p < to && model[p].mapped)
		model[p++].prot = prot;
	assert_int_equal(r, p < to ? -ENOMEM : 0);
}

static void do_mremap(unsigned from, unsigned to)
{
	unsigned n = to - from, dest = (unsigned)rand() % (PAGES - n);
	unsigned old_n = (unsigned)rand() % n + 1, p;
	int64_t r;

	if (dest < from + n && from < dest + n)
		return;
	r = vmspace_remap(vs, BASE + from * PAGE_SIZE, old_n * PAGE_SIZE, n * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			  BASE + dest * PAGE_SIZE);
	for (p = from; p < from + old_n; p++)
		if (!model[p].mapped || model[p].prot != model[from].prot || model[p].shared != model[from].shared ||
		    (model[p].file < 0) != (model[from].file < 0) ||
		    (model[p].file >= 0 && model[p].file - (int)p != model[from].file - (int)from))
			break;
	if (p < from + old_n) {
		assert_int_equal(r, -EFAULT);
		return;
	}
	assert_int_equal(r, BASE + dest * PAGE_SIZE);
	for (unsigned i = 0; i < n; i++) {
		model[dest + i] = model[from];
		if (i < old_n) {
			model[dest + i] = model[from + i];
		} else {
			model[dest + i].own = false;
			model[dest + i].value = 0;
			model[dest + i].file = model[from].file < 0 ? -1 : model[from].file + (int)i;
		}
	}
	unmapped(from, from + old_n);
}

static void do_dontneed(unsigned from, unsigned to)
{
	bool hole = false;

	for (unsigned p = from; p < to; p++) {
		hole |= !model[p].mapped;
		if (model[p].mapped && !(model[p].shared && model[p].file < 0)) {
			model[p].own = false;
			model[p].value = 0;
		}
	}
	assert_int_equal(vmspace_advise(vs, BASE + from * PAGE_SIZE, (to - from) * PAGE_SIZE, MADV_DONTNEED),
			 hole ? -ENOMEM : 0);
}

static void test_random(void **state)
{
	size_t free_before;

	(void)state;
	boot(64 << 20);
	srand(5);
	for (unsigned i = 0; i < FILE_PAGES; i++)
		file_value[i] = 0x1000000 + i;
	free_before = page_nr_free();
	for (uint32_t step = 1; step < 12000; step++) {
		unsigned from = (unsigned)rand() % PAGES;
		unsigned n = rand() % 6 == 0 ? (unsigned)rand() % 1600 + 1 : (unsigned)rand() % 40 + 1;
		unsigned to = from + n > PAGES ? PAGES : from + n;

		switch (rand() % 10) {
		case 0:
		case 1:
			do_mmap(from, to);
			break;
		case 2:
			assert_int_equal(vmspace_unmap(vs, BASE + from * PAGE_SIZE, (to - from) * PAGE_SIZE), 0);
			unmapped(from, to);
			break;
		case 3:
			do_mprotect(from, to);
			break;
		case 4:
			if (to - from > 1)
				do_mremap(from, to);
			break;
		case 5:
			do_dontneed(from, to);
			break;
		default:
			for (unsigned p = from; p < to; p += (unsigned)rand() % 8 + 1)
				access_page(p, rand() & 1, step);
		}
		if (step % 16 == 0)
			check_tlb();
	}
	for (unsigned p = 0; p < PAGES; p++)
		access_page(p, false, 0);
	assert_int_equal(ptes_count(vs, 0, CAY_USER_END), vs->rss);
	assert_true(stats->counter[CAY_C_PAGES_2M] > 0);
	assert_int_equal(vmspace_unmap(vs, CAY_USER_MIN, CAY_USER_END - CAY_USER_MIN), 0);
	assert_int_equal(vs->rss, 0);
	assert_int_equal(vs->pages, 0);
	assert_int_equal(file.refs, 1);
	for (unsigned i = 0; i < FILE_PAGES; i++)
		assert_int_equal(page_refcount(file_page[i]), 1);
	assert_in_range(free_before - page_nr_free(), 0, 40 + 512); /* slabs, and a block of page tables */
	vmspace_put(vs);
}

static void test_small_machine_runs_out(void **state)
{
	uint64_t va = BASE;
	int signo;

	(void)state;
	boot(4 << 20);
	/* what cannot be had is refused at once */
	assert_int_equal(vmspace_map(vs, 0, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			 -ENOMEM);
	assert_true(vmspace_map(vs, BASE, 8 << 20, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, NULL, 0) > 0);
	while (touch(va, true, &signo) != NULL)
		va += PAGE_SIZE;
	assert_int_equal(signo, SIGKILL);
	assert_non_null(strstr(shim_last_log(), "out of memory"));
	assert_true(va > BASE + (600 << 10)); /* the file took 1 MiB */
	vmspace_put(vs);
}

static void test_heap(void **state)
{
	uint64_t start = BASE + (10 << 20);
	int signo;

	(void)state;
	boot(64 << 20);
	vmspace_set_brk(vs, start);
	assert_int_equal(vmspace_brk(vs, 0), start);
	assert_int_equal(vmspace_brk(vs, start + 5000), start + 5000);
	for (unsigned mib = 1; mib <= 8; mib++) {
		assert_int_equal(vmspace_brk(vs, start + (mib << 20)), start + (mib << 20));
		for (uint64_t va = start; va < start + (mib << 20); va += PAGE_SIZE)
			*touch(va, true, &signo) = 0xdead;
	}
	assert_true(stats->counter[CAY_C_PAGES_2M] > 0);
	/* shrinks and grows by odd amounts: what comes back is zero */
	for (unsigned step = 1; step < 200; step++) {
		uint64_t low = start + (uint64_t)rand() % (8 << 20), high = low + (uint64_t)rand() % (3 << 20);

		assert_int_equal(vmspace_brk(vs, low), low);
		assert_int_equal(vmspace_brk(vs, high), high);
		for (uint64_t va = page_up(low); va < page_up(high); va += PAGE_SIZE) {
			uint32_t *w = touch(va, true, &signo);

			assert_int_equal(*w, 0);
			*w = step;
		}
	}
	assert_int_equal(vmspace_brk(vs, start), start);
	assert_int_equal(vs->pages, 0);
	/* a neighbour in the way */
	assert_true(vmspace_map(vs, start + (1 << 20), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
				0) > 0);
	assert_int_equal(vmspace_brk(vs, start + (2 << 20)), start);
	assert_int_equal(vmspace_brk(vs, start + (512 << 10)), start + (512 << 10));
	/* limits and memory */
	process.rlimit[RLIMIT_DATA].cur = 600 << 10;
	assert_int_equal(vmspace_brk(vs, start + (700 << 10)), start + (512 << 10));
	vmspace_put(vs);
}

static void test_stack(void **state)
{
	uint64_t top = BASE + (200 << 20);
	int signo;

	(void)state;
	boot(64 << 20);
	process.rlimit[RLIMIT_STACK].cur = 1 << 20;
	assert_int_equal(vmspace_map_stack(vs, top, 128 << 10, false), 0);
	assert_non_null(touch(top - 8, true, &signo));
	assert_non_null(touch(top - (1 << 20), true, &signo));
	assert_null(touch(top - (1 << 20) - 1, true, &signo));
	assert_int_equal(signo, SIGSEGV);
	process.rlimit[RLIMIT_STACK].cur = 64 << 20;
	assert_true(vmspace_map(vs, top - (4 << 20), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
				0) > 0);
	assert_non_null(touch(top - (3 << 20) + 4096, true, &signo));
	assert_null(touch(top - (4 << 20) + 8192, true, &signo)); /* inside the guard gap */
	vmspace_put(vs);
}

static void test_kernel_writes(void **state)
{
	int signo;
	char *alias;

	(void)state;
	boot(64 << 20);
	assert_true(vmspace_map(vs, BASE, 64 << 10, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, &file, 0) > 0);
	assert_int_equal(*touch(BASE, false, &signo), 0x1000000);
	assert_int_equal(vmspace_write(vs, BASE + 4, "\1\2\3\4", 4), 0);
	check_tlb();
	assert_int_equal(touch(BASE, false, &signo)[1], 0x04030201);
	assert_int_equal(*touch(BASE, false, &signo), 0x1000000);
	assert_null(touch(BASE, true, &signo)); /* still not the program's to write */
	assert_int_equal(*(uint32_t *)pa_to_virt(file_page[0]), 0x1000000);
	/* across a page border there is one alias */
	touch(BASE + 4096, false, &signo);
	alias = vmspace_patch_alias(vs, BASE + 8190, 4);
	assert_non_null(alias);
	memcpy(alias, "\x9\x8\x7\x6", 4);
	check_tlb();
	assert_int_equal(((uint8_t *)touch(BASE + 4096, false, &signo))[4095], 8);
	assert_int_equal(((uint8_t *)touch(BASE + 8192, false, &signo))[0], 7);
	assert_null(vmspace_patch_alias(vs, BASE + (64 << 10) - 2, 4));
	assert_true(vmspace_map_near(vs, BASE, 4096) != 0);
	vmspace_file_truncated(&inode, 4096);
	assert_int_equal(touch(BASE, false, &signo)[1], 0x04030201);
	check_tlb();
	vmspace_put(vs);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	boot(64 << 20);
	assert_int_equal(vmspace_map(vs, 0, 0, 0, MAP_PRIVATE, NULL, 0), -EINVAL);
	assert_int_equal(vmspace_map(vs, 0, SIZE_MAX, 0, MAP_PRIVATE, NULL, 0), -ENOMEM);
	assert_int_equal(vmspace_map(vs, 0, 1ull << 47, 0, MAP_PRIVATE | MAP_NORESERVE, NULL, 0), -ENOMEM);
	assert_int_equal(vmspace_map(vs, CAY_USER_END - 4096, 8192, 0, MAP_PRIVATE | MAP_FIXED, NULL, 0), -ENOMEM);
	assert_int_equal(vmspace_map(vs, 0x1001, 8192, 0, MAP_PRIVATE | MAP_FIXED, NULL, 0), -EINVAL);
	assert_int_equal(vmspace_map(vs, 0, 4096, 0, MAP_PRIVATE | MAP_FIXED, NULL, 0), -EPERM);
	assert_int_equal(vmspace_map(vs, CAY_KERNEL_GVA, 4096, 0, MAP_PRIVATE | MAP_FIXED, NULL, 0), -ENOMEM);
	assert_int_equal(vmspace_unmap(vs, CAY_USER_END, 4096), -EINVAL);
	assert_int_equal(vmspace_unmap(vs, 0, SIZE_MAX), -EINVAL);
	assert_int_equal(vmspace_unmap(vs, UINT64_MAX - 4095, 4096), -EINVAL);
	assert_int_equal(vmspace_protect(vs, UINT64_MAX - 4095, 4096, 0), -ENOMEM);
	assert_int_equal(vmspace_remap(vs, BASE, 4096, UINT64_MAX, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(vmspace_advise(vs, BASE, UINT64_MAX, MADV_DONTNEED), -EINVAL);
	assert_int_equal(vmspace_advise(vs, BASE, 4096, 12345), -EINVAL);
	assert_true(vmspace_map(vs, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, NULL, 0) < 1ll << 31);
	vmspace_put(vs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),        cmocka_unit_test(test_small_machine_runs_out),
		cmocka_unit_test(test_heap),          cmocka_unit_test(test_stack),
		cmocka_unit_test(test_kernel_writes), cmocka_unit_test(test_bad_arguments),
	};
	return RUN_TESTS(tests);
}
