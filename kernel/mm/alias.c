/* SPDX-License-Identifier: MIT */
/* alias.c - the kernel writes a program's memory behind its back, by the direct map: exec fills new memory, call sites
 * are patched. */
#include <errno.h>
#include <sys/mman.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/string.h"

#define NEAR_BYTES ((1ull << 31) - (1ull << 20)) /* what a 32-bit displacement reaches, less slack */

/* The kernel's address of an own page. */
static char *own_alias(struct vmspace *vs, uint64_t addr)
{
	unsigned level;
	const uint64_t *e = paging_find(vs->root, addr, &level);
	uint64_t mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;

	return (char *)pa_to_virt(PA((*e & PTE_ADDR & ~mask) + (addr & mask)));
}

/* The private area at addr with its page made own, or NULL and *err. */
static struct area *own_page(struct vmspace *vs, uint64_t addr, int *err)
{
	struct area *a = area_find(&vs->areas, addr);

	*err = a == NULL || (a->flags & AREA_SHARED) ? -EFAULT : fault_own(vs, a, addr);
	return *err == 0 ? a : NULL;
}

int vmspace_write(struct vmspace *vs, uint64_t addr, const void *src, size_t bytes)
{
	int err = 0;

	vmspace_lock(vs);
	while (bytes > 0 && err == 0) {
		size_t n = MIN(bytes, PAGE_SIZE - (addr & (PAGE_SIZE - 1)));

		if (own_page(vs, addr, &err) == NULL)
			break;
		if (src != NULL) {
			memcpy(own_alias(vs, addr), src, n);
			src = (const char *)src + n;
		} else {
			memset(own_alias(vs, addr), 0, n);
		}
		addr += n;
		bytes -= n;
	}
	vmspace_unlock(vs);
	return err;
}

size_t vmspace_read(struct vmspace *vs, uint64_t addr, void *dst, size_t bytes)
{
	size_t done = 0;
	int signo;

	vmspace_lock(vs);
	while (done < bytes) {
		uint64_t at = addr + done, mask;
		size_t n = MIN(bytes - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
		struct area *a = area_find(&vs->areas, at);
		const uint64_t *e;
		const char *page;
		unsigned level;
		pa_t pa;

		if (a == NULL || a->prot == PROT_NONE || fault_in(vs, a, at, false, &signo) != 0)
			break;
		e = paging_find(vs->root, at, &level);
		mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;
		pa = PA((*e & PTE_ADDR & ~mask) + (page_down(at) & mask));
		page = pa_is_ram(pa) ? pa_to_virt(pa) : paging_window_va(pa);
		if (page == NULL)
			break;
		memcpy((char *)dst + done, page + (at & (PAGE_SIZE - 1)), n);
		done += n;
	}
	vmspace_unlock(vs);
	return done;
}

/* Moves two neighbouring own pages to frames that are neighbours too, so that an instruction across them has one alias.
 */
static bool join_frames(struct vmspace *vs, uint64_t first)
{
	char *lower = own_alias(vs, first), *upper = own_alias(vs, first + PAGE_SIZE), *pair;

	if (upper == lower + PAGE_SIZE)
		return true;
	pair = page_alloc(1, 0);
	if (pair == NULL)
		return false;
	page_split(virt_to_pa(pair), 1);
	memcpy(pair, lower, PAGE_SIZE);
	memcpy(pair + PAGE_SIZE, upper, PAGE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t *e = paging_make(vs->root, first + i * PAGE_SIZE, 0), old;

		if (e == NULL)
			return false; /* the pages moved so far are right; the rest of the pair is lost, with the
					 machine's memory */
		old = *e;
		*e = (old & ~PTE_ADDR) | virt_to_pa(pair + i * PAGE_SIZE).v;
		if (old & PTE_P)
			tlb_flush_page(first + i * PAGE_SIZE);
		page_unref(PA(old & PTE_ADDR), 0);
	}
	return true;
}

void vmspace_patch_begin(struct vmspace *vs)
{
	vmspace_lock(vs);
}

void vmspace_patch_end(struct vmspace *vs)
{
	vmspace_unlock(vs);
}

void *vmspace_patch_alias(struct vmspace *vs, uint64_t addr, size_t bytes)
{
	uint64_t last = page_down(addr + bytes - 1);
	int err;

	ASSERT(bytes > 0 && bytes <= PAGE_SIZE);
	if (own_page(vs, addr, &err) == NULL)
		return NULL;
	if (last != page_down(addr) && (own_page(vs, last, &err) == NULL || !join_frames(vs, page_down(addr))))
		return NULL;
	return own_alias(vs, addr);
}

bool vmspace_page_is_own(struct vmspace *vs, uint64_t addr)
{
	unsigned level;
	const uint64_t *e;
	bool own;

	vmspace_lock(vs);
	e = paging_find(vs->root, addr, &level);
	own = e != NULL && (*e & PTE_P) && entry_is_own(*e);
	vmspace_unlock(vs);
	return own;
}

bool vmspace_shares_table(struct vmspace *vs, uint64_t addr)
{
	bool shares;

	vmspace_lock(vs);
	shares = shared_tables_has(vs, addr);
	vmspace_unlock(vs);
	return shares;
}

uint64_t vmspace_map_near(struct vmspace *vs, uint64_t addr, size_t bytes)
{
	uint64_t low = addr > NEAR_BYTES ? addr - NEAR_BYTES : CAY_USER_MIN;
	uint64_t high = MIN(addr + NEAR_BYTES, CAY_USER_END), at;
	int64_t mapped;

	bytes = page_up(bytes);
	vmspace_lock(vs);
	/* Below first: above a program is its heap, which wants to grow. */
	at = area_find_gap(&vs->areas, bytes, low, addr, PAGE_SIZE);
	if (at == 0)
		at = area_find_gap(&vs->areas, bytes, addr, high, PAGE_SIZE);
	vmspace_unlock(vs);
	if (at == 0)
		return 0;
	mapped = vmspace_map(vs, at, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     NULL, 0);
	return mapped > 0 ? (uint64_t)mapped : 0;
}
