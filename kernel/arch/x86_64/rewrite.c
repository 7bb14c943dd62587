/* SPDX-License-Identifier: MIT */
/* rewrite.c - see rewrite.h. While the kernel patches code, no other CPU executes the program. */
#include "kernel/arch/x86_64/rewrite.h"

#include "kernel/arch/x86_64/callsite_table.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"

#define TRAPS_BEFORE_PATCH 4
/* Patching code whose page table is shared costs new first touches of all of its block, about as much as these traps
 * together, however few calls each site has had. */
#define TRAPS_BEFORE_LEAVING 64
/* A patched site that goes on trapping is jumped to directly, or its code was replaced: look now and then. */
#define TRAPS_BEFORE_LOOK 1024
#define ARENA_BYTES       16384u
#define VIEW_EACH_WAY     4096u

extern char syscall_entry[];

/* --- reading the code --- */

/* Copies what can be read of [site - VIEW_EACH_WAY, site + VIEW_EACH_WAY), page by page outwards, since neighbours may
 * be missing. */
static void read_view(struct code_view *v, uint8_t *buf, uint64_t site)
{
	uint64_t start = site & ~(PAGE_SIZE - 1), end = start + PAGE_SIZE, low = start, high = end;
	uint8_t *at = buf + PAGE_SIZE;

	v->size = 0;
	if (copy_from_user(at, (const void *)start, PAGE_SIZE) != 0)
		return;
	if (copy_from_user(buf, (const void *)(start - PAGE_SIZE), PAGE_SIZE) == 0)
		low = start - PAGE_SIZE;
	if (copy_from_user(at + PAGE_SIZE, (const void *)end, PAGE_SIZE) == 0)
		high = end + PAGE_SIZE;
	v->addr = MAX(low, site - VIEW_EACH_WAY);
	v->size = MIN(high, site + VIEW_EACH_WAY) - v->addr;
	v->bytes = at + (int64_t)(v->addr - start);
}

/* --- writing it --- */

static bool write_code(struct vmspace *vs, uint64_t addr, const void *bytes, size_t n)
{
	void *alias;

	vmspace_patch_begin(vs);
	alias = vmspace_patch_alias(vs, addr, n);
	if (alias != NULL)
		memcpy(alias, bytes, n);
	vmspace_patch_end(vs);
	return alias != NULL;
}

/* What is patched is the program's own from here on: that may sleep, and let others run the program meanwhile. */
static bool prepare_patches(struct vmspace *vs, const struct callsite_plan *plan)
{
	for (unsigned i = 0; i < plan->nr_patches; i++)
		if (vmspace_patch_alias(vs, plan->patch[i].addr, plan->patch[i].bytes) == NULL)
			return false;
	return true;
}

/* One patch; nothing happens if the code is not what the plan saw. */
static bool apply_patch(struct vmspace *vs, const struct callsite_patch *p)
{
	uint8_t *alias = vmspace_patch_alias(vs, p->addr, p->bytes);

	if (alias == NULL || memcmp(alias, p->old, p->bytes) != 0)
		return false;
	if (callsite_patch_is_atomic(p)) {
		uint64_t *word = (uint64_t *)((uintptr_t)alias & ~7ul), v = *word;

		memcpy((uint8_t *)&v + ((uintptr_t)alias & 7), p->new, p->bytes);
		WRITE_ONCE(*word, v);
	} else {
		memcpy(alias, p->new, p->bytes);
	}
	return true;
}

static struct callsite_arena *arena_for(struct callsite_table *t, struct vmspace *vs, uint64_t site)
{
	struct callsite_arena *a = callsite_arena_near(t, site, CALLSITE_TRAMP_MAX);
	uint64_t base, entry = (uint64_t)syscall_entry;

	if (a != NULL)
		return a;
	base = vmspace_map_near(vs, site, ARENA_BYTES);
	if (base == 0 || !write_code(vs, base, &entry, sizeof(entry)) || !callsite_arena_add(t, base, ARENA_BYTES))
		return NULL;
	return callsite_arena_near(t, site, CALLSITE_TRAMP_MAX);
}

/*
 * Each thread looks itself, on its way back to the program. Its frame may not tell yet where it stands: a CPU is out of
 * the program as soon as upcalls are masked, which is before the frame is written (for an upcall the VMM masks them).
 */
static void tell_thread(struct thread *t, void *vs)
{
	if (t->proc->vs == vs && t->kfn == NULL && t->state != THREAD_DEAD)
		thread_work_set(t, THREAD_WORK_MOVED);
}

/* Trampoline first, then the code that leads there, then whoever stands on what was moved. */
static bool apply(struct callsite_table *t, struct vmspace *vs, const struct callsite_target *target,
		  const struct callsite_plan *plan)
{
	bool ok;

	if (!callsite_add_moves(t, plan) || !write_code(vs, target->tramp, plan->tramp, plan->tramp_bytes))
		return false;
	vmspace_patch_begin(vs);
	ok = prepare_patches(vs, plan);
	if (!ok)
		goto out;
	smp_hold_others(cpu_this()->cr3);
	for (unsigned i = 0; i < plan->nr_patches && ok; i++)
		ok = apply_patch(vs,
				 &plan->patch[i]); /* if not, the jump to a trampoline is one that nothing leads to */
	if (ok && plan->nr_moved != 0)
		thread_for_each(tell_thread, vs);
	t->patched++;
	cpu_serialize();
	smp_release_others();
out:
	vmspace_patch_end(vs);
	return ok;
}

/* Returns the new state of the site. */
static enum site_state rewrite(struct callsite_table *t, struct vmspace *vs, uint64_t site, uint64_t number)
{
	struct callsite_arena *a = arena_for(t, vs, site);
	struct callsite_target target;
	struct callsite_plan *plan;
	struct code_view view;
	uint8_t *buf;
	enum site_state state = SITE_REFUSED;

	if (a == NULL)
		return SITE_REFUSED;
	buf = kmalloc(3 * PAGE_SIZE + sizeof(*plan));
	if (buf == NULL)
		return SITE_REFUSED;
	plan = (struct callsite_plan *)(void *)(buf + 3 * PAGE_SIZE);
	read_view(&view, buf, site);
	a->used = ALIGN_UP(a->used, 16u);
	target = (struct callsite_target){.tramp = a->base + a->used, .slot = a->base};
	if (view.size != 0 && callsite_plan(&callsite_syscall, &view, site, number, &target, plan) < CALLSITE_REFUSED &&
	    apply(t, vs, &target, plan)) {
		a->used += plan->tramp_bytes;
		state = SITE_PATCHED;
	}
	kfree(buf);
	stat_count(state == SITE_PATCHED ? CAY_C_SITES_REWRITTEN : CAY_C_SITES_REFUSED);
	return state;
}

void callsite_trapped(struct trapframe *f)
{
	struct vmspace *vs = vmspace_current();
	struct callsite_table *t = vmspace_callsites(vs);
	uint64_t site = f->rip - 2;
	bool own, shared;
	struct callsite *s;

	if (callsite_in_arena(t, site))
		return;
	own = vmspace_page_is_own(vs, site); /* these may sleep: before the look at the site */
	shared = !own && vmspace_shares_table(vs, site);
	s = callsite_find(t, site);
	if (s == NULL)
		return;
	s->traps++;
	if (s->state == SITE_NEW) {
		enum site_state state;

		if (s->traps < TRAPS_BEFORE_PATCH && !own)
			return;
		if (shared && ++t->shared_traps < TRAPS_BEFORE_LEAVING)
			return;
		if (t->rewriting)
			return; /* at another trap */
		t->rewriting = true;
		state = rewrite(t, vs, site, (uint32_t)f->orig_rax);
		t->rewriting = false;
		s = callsite_find(t, site); /* rewriting may have slept, and others have added sites */
		if (s != NULL)
			s->state = (uint8_t)state;
	} else if (s->state == SITE_PATCHED && s->traps % TRAPS_BEFORE_LOOK == 0) {
		s->state = SITE_NEW;
	}
}

bool callsite_may_have_changed(uint32_t *seen)
{
	struct vmspace *vs = process_current()->vs;
	uint32_t patched = vs == NULL ? *seen : vmspace_callsites(vs)->patched;
	bool changed = patched != *seen;

	*seen = patched;
	return changed;
}

uint64_t callsite_moved(uint64_t rip)
{
	struct callsite_table *t = vmspace_callsites(vmspace_current());

	for (uint32_t i = 0; i < t->nr_moves; i++) {
		const struct callsite_move m = t->moves[i];
		uint8_t now[5];

		if (m.from == rip && copy_from_user(now, (const void *)m.patch, m.patch_bytes) == 0 &&
		    memcmp(now, m.now, m.patch_bytes) == 0)
			return m.to;
	}
	return rip;
}
