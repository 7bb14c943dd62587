/* SPDX-License-Identifier: MIT */
/*
 * page.c - kernel/mm/page.h on the host: 64 MiB of "RAM" mapped where the kernel has its direct map, so that
 * pa_to_virt and virt_to_pa hold. Blocks are handed out first-fit from a byte map; plain, because tests are small.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/log.h"
#include "kernel/mm/page.h"
#include "shim.h"

#define NR_PAGES 16384u
static uint8_t used[NR_PAGES];
static unsigned refs[NR_PAGES];
static char *ram;
static long left = -1, in_use;

static void init(void)
{
	if (ram != NULL)
		return;
	ram = mmap((void *)CAY_DIRECT_GVA, NR_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (ram != (char *)CAY_DIRECT_GVA)
		abort();
	used[0] = 1; /* a null physical address is never valid */
}

void shim_page_fail_after(long n)
{
	left = n;
}

long shim_pages_in_use(void)
{
	return in_use;
}

void *page_alloc(unsigned order, unsigned flags)
{
	unsigned step = 1u << order;

	init();
	if (left == 0)
		return NULL;
	if (left > 0)
		left--;
	for (unsigned i = 0; i + step <= NR_PAGES; i += step) {
		if (memchr(&used[i], 1, step) != NULL)
			continue;
		memset(&used[i], 1, step);
		refs[i] = 1;
		in_use += step;
		memset(ram + i * PAGE_SIZE, flags & PAGE_ZERO ? 0 : 0xa5, step * PAGE_SIZE);
		return ram + i * PAGE_SIZE;
	}
	return NULL;
}

void page_free(void *va, unsigned order)
{
	uint64_t i = virt_to_pa(va).v >> PAGE_SHIFT;

	ASSERT(i < NR_PAGES && used[i]);
	memset(&used[i], 0, 1u << order);
	memset(va, 0x5a, PAGE_SIZE << order);
	in_use -= 1l << order;
}

void page_ref(pa_t pa)
{
	refs[pa.v >> PAGE_SHIFT]++;
}

void page_unref(pa_t pa, unsigned order)
{
	if (--refs[pa.v >> PAGE_SHIFT] == 0)
		page_free(pa_to_virt(pa), order);
}

unsigned page_refcount(pa_t pa)
{
	return refs[pa.v >> PAGE_SHIFT];
}

void page_split(pa_t pa, unsigned order)
{
	ASSERT(refs[pa.v >> PAGE_SHIFT] == 1);
	for (unsigned i = 0; i < 1u << order; i++)
		refs[(pa.v >> PAGE_SHIFT) + i] = 1;
}

bool pa_is_ram(pa_t pa)
{
	return pa.v < NR_PAGES * PAGE_SIZE;
}

size_t page_nr_free(void)
{
	return NR_PAGES - 1 - (size_t)in_use;
}

size_t page_nr_total(void)
{
	return NR_PAGES;
}
