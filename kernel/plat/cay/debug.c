/* SPDX-License-Identifier: MIT */
/* debug.c - the kernel's side of --gdb. */
#include "kernel/plat/cay/debug.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "abi/debug.h"
#include "abi/gate.h"
#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/signal.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/plat/cay/gpa.h"
#include "kernel/sched/thread.h"
#include "lib/list.h"

#define RFLAGS_TF 0x100u

bool debug_wanted, debug_stepping;

static struct cay_debug *debug; /* NULL without a debugger */

static int stop(struct thread *t, struct trapframe *f, int signo);

/* A signal from the debugger that has nothing to do with what the program did. */
static void pass_on(int signo)
{
	if (signo > 0 && signo <= 64)
		signal_from_host(signo);
}

/*
 * A program that runs stops on its way out of this upcall (debug_poll). One whose threads all sleep has no way out to
 * stop on: its first thread is shown as it stands in its system call, and changes to its registers are lost.
 */
static void on_event(void *arg)
{
	struct thread *t = thread_current();
	struct trapframe f;

	(void)arg;
	debug_wanted = true;
	if (t != cpu_this()->idle && thread_is_runnable(t))
		return;
	if (t == cpu_this()->idle) {
		if (list_empty(&init_process->threads))
			return;
		t = list_first(&init_process->threads, struct thread, proc_link);
	}
	f = *thread_frame(t);
	pass_on(stop(t, &f, SIGINT));
}

void debug_init(void)
{
	if (!(boot_info->flags & CAY_BOOT_GDB))
		return;
	debug = kmalloc(sizeof(*debug));
	if (debug == NULL)
		panic("no memory for the debugger's record");
	memset(debug, 0, sizeof(*debug));
	event_register(CAY_EVENT_DEBUG, on_event, NULL);
}

static void show_registers(struct cay_debug_regs *regs, const struct trapframe *f, struct thread *t)
{
	const uint64_t gpr[16] = {f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp,
				  f->r8,  f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};

	memcpy(regs->gpr, gpr, sizeof(gpr));
	regs->rip = f->rip;
	regs->rflags = f->rflags;
	regs->fs_base = t == thread_current() ? rdfsbase() : t->fs_base;
}

static void show(const struct trapframe *f, struct thread *t, int signo)
{
	struct process *p = t->proc;
	size_t bytes = MIN(p->auxv_end - p->auxv_start, sizeof(debug->auxv));
	uint32_t nr = 0;

	show_registers(&debug->regs, f, t);
	debug->signo = signo;
	debug->tid = (uint32_t)t->tid;
	list_for_each (it, &p->threads, proc_link, struct thread)
		if (nr < CAY_DEBUG_TIDS)
			debug->tids[nr++] = (uint32_t)it->tid;
	debug->nr_tids = nr;
	debug->auxv_bytes = copy_from_user(debug->auxv, (const void *)p->auxv_start, bytes) == 0 ? (uint32_t)bytes : 0;
}

static int64_t select_thread(struct process *p, uint64_t tid)
{
	list_for_each (it, &p->threads, proc_link, struct thread) {
		if ((uint64_t)it->tid != tid)
			continue;
		show_registers(&debug->other, thread_frame(it), it);
		return 0;
	}
	return -ESRCH;
}

static void take(struct thread *t, struct trapframe *f)
{
	const uint64_t *g = debug->regs.gpr;

	f->rax = g[0];
	f->rbx = g[1];
	f->rcx = g[2];
	f->rdx = g[3];
	f->rsi = g[4];
	f->rdi = g[5];
	f->rbp = g[6];
	f->rsp = g[7];
	f->r8 = g[8];
	f->r9 = g[9];
	f->r10 = g[10];
	f->r11 = g[11];
	f->r12 = g[12];
	f->r13 = g[13];
	f->r14 = g[14];
	f->r15 = g[15];
	f->rip = debug->regs.rip;
	f->rflags = debug->regs.rflags;
	if (debug->regs.fs_base < CAY_USER_END) {
		t->fs_base = debug->regs.fs_base;
		if (t == thread_current())
			wrfsbase(t->fs_base);
	}
}

/* Up to the first page that is not there. */
static int64_t read_memory(uint64_t addr, uint32_t bytes)
{
	uint32_t done = 0;

	while (done < bytes) {
		uint32_t chunk =
			(uint32_t)MIN((uint64_t)(bytes - done), CAY_PAGE_BYTES - (addr + done) % CAY_PAGE_BYTES);

		if (copy_from_user(debug->data + done, (const void *)(addr + done), chunk) != 0)
			break;
		done += chunk;
	}
	return done;
}

/* The program's own protection does not count: breakpoints go into code. Shared pages are left alone. */
static int64_t write_memory(struct vmspace *vs, uint64_t addr, uint32_t bytes)
{
	if (addr >= CAY_USER_END || bytes > CAY_USER_END - addr)
		return -EFAULT;
	return vmspace_write(vs, addr, debug->data, bytes);
}

/* A breakpoint of our own behind a system call that is being stepped over. */
static struct {
	struct vmspace *vs;
	uint64_t addr; /* 0 = none */
	uint8_t insn;
} step_over;

static void begin_step_over(uint64_t addr)
{
	static const uint8_t int3 = 0xcc;
	struct vmspace *vs = vmspace_current();

	if (copy_from_user(&step_over.insn, (const void *)addr, 1) != 0 || vmspace_write(vs, addr, &int3, 1) != 0)
		return;
	step_over.vs = vs;
	step_over.addr = addr;
}

static void end_step_over(void)
{
	if (step_over.addr != 0 && vmspace_write(step_over.vs, step_over.addr, &step_over.insn, 1) != 0)
		klog("cannot take back a breakpoint at %#lx", step_over.addr);
	step_over.addr = 0;
}

static int stop(struct thread *t, struct trapframe *f, int signo)
{
	debug_wanted = debug_stepping = false;
	end_step_over();
	show(f, t, signo);
	for (;;) {
		uint32_t bytes;

		gate_call(CAY_GATE_DEBUG, kernel_gpa(debug), 0, 0, 0, 0);
		bytes = MIN(debug->bytes, (uint32_t)CAY_DEBUG_DATA_BYTES);
		switch (debug->request) {
		case CAY_DEBUG_READ:
			debug->result = read_memory(debug->addr, bytes);
			break;
		case CAY_DEBUG_WRITE:
			debug->result = write_memory(t->proc->vs, debug->addr, bytes);
			break;
		case CAY_DEBUG_SELECT:
			debug->result = select_thread(t->proc, debug->addr);
			break;
		default:
			take(t, f);
			debug_stepping = (f->rflags & RFLAGS_TF) != 0;
			/* Its time was up long ago. */
			if (!debug_stepping)
				thread_work_set(thread_current(), THREAD_WORK_RESCHED);
			return debug->deliver;
		}
	}
}

int debug_stop(struct trapframe *f, int signo)
{
	return debug != NULL ? stop(thread_current(), f, signo) : signo;
}

void debug_break(struct trapframe *f)
{
	debug_wanted = false;
	pass_on(debug_stop(f, SIGINT));
}

bool debug_exception(struct trapframe *f, bool breakpoint)
{
	if (debug == NULL)
		return false;
	if (breakpoint && f->rip - 1 == step_over.addr) {
		f->rip--;
	} else if (!breakpoint && f->rip >= CAY_USER_END) {
		/* The step went into a system call: it ends behind the call. rcx is where that returns to. */
		f->rflags &= ~(uint64_t)RFLAGS_TF;
		begin_step_over(f->rcx);
		return true;
	}
	f->rflags &= ~(uint64_t)RFLAGS_TF;
	pass_on(debug_stop(f, SIGTRAP));
	return true;
}
