/* SPDX-License-Identifier: MIT */
/* rseq.c - registration of restartable sequences, and aborting the one that was interrupted. */
#include <errno.h>
#include <linux/rseq.h>
#include <signal.h>
#include <stddef.h>

#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/rseq.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/thread.h"

#define AREA_MIN_BYTES 32 /* the first version of struct rseq */

static int publish_cpu(uint64_t area, uint32_t cpu_id_start, uint32_t cpu_id)
{
	if (put_user_u32((void *)(area + offsetof(struct rseq, cpu_id_start)), cpu_id_start) != 0)
		return -EFAULT;
	return put_user_u32((void *)(area + offsetof(struct rseq, cpu_id)), cpu_id);
}

long sys_rseq(void *urseq, uint32_t len, int flags, uint32_t sig)
{
	struct thread *t = thread_current();
	uint64_t area = (uint64_t)urseq;

	if (flags & RSEQ_FLAG_UNREGISTER) {
		if ((flags & ~RSEQ_FLAG_UNREGISTER) || t->rseq == 0 || t->rseq != area || t->rseq_len != len)
			return -EINVAL;
		if (t->rseq_sig != sig)
			return -EPERM;
		t->rseq = 0;
		return publish_cpu(area, 0, (uint32_t)RSEQ_CPU_ID_UNINITIALIZED);
	}
	if (flags != 0)
		return -EINVAL;
	if (t->rseq != 0) {
		if (t->rseq != area || t->rseq_len != len)
			return -EINVAL;
		return t->rseq_sig != sig ? -EPERM : -EBUSY;
	}
	if (len < AREA_MIN_BYTES || area % AREA_MIN_BYTES != 0)
		return -EINVAL;
	if (area < CAY_USER_MIN || area >= CAY_USER_END - len ||
	    publish_cpu(area, (uint32_t)cpu_this()->id, (uint32_t)cpu_this()->id) != 0)
		return -EFAULT;
	t->rseq = area;
	t->rseq_len = len;
	t->rseq_sig = sig;
	return 0;
}

void rseq_migrated(struct thread *t)
{
	uint32_t cpu = (uint32_t)cpu_this()->id;

	thread_work_clear(t, THREAD_WORK_RSEQ);
	if (t->rseq == 0)
		return;
	if (publish_cpu(t->rseq, cpu, cpu) == 0) {
		rseq_interrupted(t);
		return;
	}
	t->rseq = 0;
	signal_fault(SIGSEGV, SEGV_MAPERR, t->rseq);
}

/* Sends f to the abort handler if it is inside the section that cs describes. 0, or an error in what the program wrote.
 */
static int abort_section(const struct thread *t, struct trapframe *f, const struct rseq_cs *cs)
{
	uint32_t sig;

	if (cs->version != 0 || cs->abort_ip >= CAY_USER_END)
		return -EINVAL;
	if (f->rip - cs->start_ip >= cs->post_commit_offset)
		return 0;
	if (cs->abort_ip - cs->start_ip < cs->post_commit_offset)
		return -EINVAL;
	if (get_user_u32(&sig, (const void *)(cs->abort_ip - sizeof(sig))) != 0 || sig != t->rseq_sig)
		return -EINVAL;
	f->rip = cs->abort_ip;
	return 0;
}

void rseq_interrupted(struct thread *t)
{
	void *slot = (void *)(t->rseq + offsetof(struct rseq, rseq_cs));
	uint64_t section;
	struct rseq_cs cs;
	bool entered;

	if (get_user_u64(&section, slot) == 0) {
		if (section == 0)
			return;
		if (copy_from_user(&cs, (const void *)section, sizeof(cs)) == 0 &&
		    abort_section(t, thread_frame(t), &cs) == 0 && put_user_u64(slot, 0) == 0)
			return;
	}
	t->rseq = 0; /* the program's own fault; do not come back for it at each switch */
	entered = kernel_enter();
	signal_fault(SIGSEGV, SEGV_MAPERR, (uint64_t)slot);
	if (entered)
		kernel_leave();
}
