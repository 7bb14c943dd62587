/* SPDX-License-Identifier: MIT */
/*
 * process.c - the process backend: a vCPU is a host process of its own (guest_process.h), its mappings are the guest's
 * TLB (stub/mmu.c), and its exits are requests in a page shared with it (shared.h). Needs no privilege and no device.
 * The VMM's thread of a vCPU only waits for requests: what the guest asks most often (to sleep, a timer, a doorbell)
 * never comes here.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/backend/native_cpu.h"
#include "vmm/backend/process/filter.h"
#include "vmm/backend/process/process_priv.h"
#include "vmm/core/clock.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/vm.h"

#define AT_HWCAP2_FSGSBASE 2u /* arch/x86/include/uapi/asm/hwcap2.h */

/* The CPU's own answers, which the program sees too: nothing is asked ahead. */
static int process_cpu_probe(struct vm *vm)
{
	(void)vm;
	return 0;
}

static void destroy_vcpu(struct vcpu *vcpu)
{
	struct process_vcpu *pc = vcpu->backend_priv;

	if (pc == NULL)
		return;
	guest_process_destroy(&pc->guest);
	if (pc->control != NULL)
		munmap(pc->control, CAY_PAGE_BYTES);
	free(pc);
	vcpu->backend_priv = NULL;
}

static void process_vm_destroy(struct vm *vm)
{
	struct process_vm *pv = vm->backend_priv;

	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		destroy_vcpu(&vm->vcpu[i]);
	if (pv == NULL)
		return;
	mirror_fini(pv);
	if (pv->control_fd >= 0)
		close(pv->control_fd);
	free(pv);
	vm->backend_priv = NULL;
}

static int create_control(struct process_vm *pv)
{
	pv->control_fd = memfd_create("cay-control", MFD_CLOEXEC);
	if (pv->control_fd < 0 || ftruncate(pv->control_fd, STUB_CONTROL_FILE_BYTES) != 0)
		return -errno;
	return 0;
}

/* Behind the control pages: how many instructions, then the instructions. */
static int write_filter(const struct process_vm *pv)
{
	static const struct guest_filter walls = {
		.text = CAY_STUB_GVA,
		.text_bytes = CAY_STUB_TEXT_BYTES,
		.map_end = CAY_SYS_GVA,
		.image = CAY_KERNEL_GVA,
		.shared = STUB_CONTROLS_GVA,
		.shared_bytes = STUB_CONTROLS_BYTES,
		.doorbell = STUB_FD_DOORBELL,
		.socket = STUB_FD_SOCKET,
		.fd_end = STUB_FD_END,
	};
	struct stub_filter filter = {0};
	int nr = guest_filter_build(&walls, filter.code);

	if (nr < 0)
		return nr;
	filter.nr = (uint64_t)nr;
	return pwrite(pv->control_fd, &filter, sizeof(filter), STUB_FILTER_OFFSET) == (ssize_t)sizeof(filter) ? 0
													      : -errno;
}

static int process_vcpu_create(struct vcpu *vcpu)
{
	struct process_vm *pv = vcpu->vm->backend_priv;
	struct process_vcpu *pc = calloc(1, sizeof(*pc));
	void *control;
	int err;

	if (pc == NULL)
		return -ENOMEM;
	pc->guest.pidfd = pc->guest.socket = -1;
	vcpu->backend_priv = pc;
	control = mmap(NULL, CAY_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, pv->control_fd,
		       (off_t)(vcpu->id * CAY_PAGE_BYTES));
	if (control == MAP_FAILED)
		return -errno;
	pc->control = control;
	err = guest_process_create(&pc->guest, vcpu->vm->mem.fd, pv->control_fd);
	return err == 0 ? mirror_catch_up(vcpu) : err;
}

static int process_vm_create(struct vm *vm)
{
	struct process_vm *pv = calloc(1, sizeof(*pv));
	int err;

	if (pv == NULL)
		return -ENOMEM;
	vm->backend_priv = pv;
	pv->control_fd = -1;
	mirror_init(&pv->mirror, vm);
	vm->window_mirror = &pv->mirror;
	err = getauxval(AT_HWCAP2) & AT_HWCAP2_FSGSBASE ? 0 : -EOPNOTSUPP;
	if (err == 0)
		err = create_control(pv);
	if (err == 0)
		err = write_filter(pv);
	if (err == 0)
		err = process_vcpu_create(&vm->vcpu[0]);
	if (err != 0)
		process_vm_destroy(vm);
	return err;
}

static int process_vm_attach(struct vm *vm)
{
	(void)vm; /* the guest's process has the memory's descriptor */
	return 0;
}

static int process_window_grow(struct vm *vm, uint64_t bytes)
{
	(void)vm;
	(void)bytes;
	return 0;
}

static void process_cpu_describe(struct vm *vm)
{
	struct cay_boot_info *bi = vm->boot_info;

	native_cpu_describe(bi);
	vm->tsc_khz = clock_estimate_khz(vm);
	vm->tsc_is_estimated = true;
	bi->stub_gate = CAY_STUB_GVA;
	bi->stub_flush = CAY_STUB_GVA + 16;
	bi->stub_fill = CAY_STUB_GVA + 32;
	bi->small_end_gpa = 0; /* nothing to ask for: the host makes no huge pages of shared memory */
}

/* Doorbells never come to the VMM as exits. */
static int process_doorbell_fd(struct vm *vm, uint32_t gate_offset, int eventfd)
{
	(void)vm;
	(void)gate_offset;
	(void)eventfd;
	return 0;
}

/* The guest's process ended, and nobody told it to. I/O thread. */
static void on_death(struct io_watch *w, uint32_t events)
{
	struct vcpu *vcpu = w->ctx;
	struct process_vcpu *pc = vcpu->backend_priv;
	char why[160];

	(void)events;
	io_unwatch(vcpu->vm->io, w);
	if (atomic_load(&vcpu->vm->ending))
		return; /* it went with its thread here */
	guest_process_epitaph(&pc->guest, why, sizeof(why));
	vm_fail(vcpu->vm, "the virtual machine crashed: the process of its virtual CPU is gone: %s", why);
}

/* In the control page, where the stub finds it when it is let go. */
static int process_vcpu_set_entry(struct vcpu *vcpu, uint64_t rip, uint64_t rsp, uint64_t arg)
{
	struct process_vcpu *pc = vcpu->backend_priv;

	pc->control->regs = (struct stub_registers){.rip = rip, .rsp = rsp, .rdi = arg};
	return 0;
}

/* The process makes itself ready; vcpu_run lets it go. */
static int process_vcpu_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
	struct vm *vm = vcpu->vm;
	struct process_vcpu *pc = vcpu->backend_priv;
	struct stub_message m = {
		.kind = STUB_MSG_START,
		.ram_bytes = vm->mem.bytes,
		.vcpu_id = vcpu->id,
		.cr3_gpa = start->cr3_gpa,
		.lstar = start->lstar,
		.gs_base = start->gs_base,
		.nr_doorbells = vm->next_doorbell,
		.nr_vcpus = vm->nr_vcpus,
	};
	int err;

	(void)!process_vcpu_set_entry(vcpu, start->rip, start->rsp, start->arg);
	pc->death = (struct io_watch){.fd = pc->guest.pidfd, .ready = on_death, .ctx = vcpu};
	err = io_watch(vm->io, &pc->death, EPOLLIN);
	return err == 0 ? guest_process_send(&pc->guest, &m, vm->io->doorbell.fd) : err;
}

static void futex_wake(uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void process_vcpu_kick(struct vcpu *vcpu)
{
	struct process_vcpu *pc = vcpu->backend_priv;

	guest_process_signal(&pc->guest, STUB_SIGNAL_KICK);
}

static void process_vcpu_wake(struct vcpu *vcpu)
{
	struct process_vcpu *pc = vcpu->backend_priv;

	__atomic_fetch_add(&pc->control->wake, 1, __ATOMIC_SEQ_CST);
	futex_wake(&pc->control->wake);
}

static void process_vcpu_leave(struct vcpu *vcpu)
{
	pthread_kill(vcpu->thread, VCPU_KICK_SIGNAL);
}

static enum vcpu_exit crashed(const struct stub_control *c, struct vcpu_exit_info *exit)
{
	static const char *const texts[] = {
		[STUB_CRASH_NOWHERE] = "access to a physical address that does not exist",
		[STUB_CRASH_GATE_WIDTH] = "bad access to the gate page",
		[STUB_CRASH_EXCEPTION] = "the handler of an exception cannot be entered",
		[STUB_CRASH_DOORBELL] = "a doorbell that does not exist",
		[STUB_CRASH_MEMORY] = "the host refuses a mapping of guest memory",
		[STUB_CRASH_SIGNAL] = "a signal from outside",
	};
	uint32_t reason = READ_ONCE(c->crash);

	snprintf(exit->text, sizeof(exit->text), "%s (0x%llx)",
		 reason < ARRAY_SIZE(texts) ? texts[reason] : "no reason", (unsigned long long)READ_ONCE(c->detail));
	return VCPU_EXIT_CRASH;
}

static void answer(struct stub_control *c)
{
	__atomic_store_n(&c->request, STUB_REQ_NONE, __ATOMIC_SEQ_CST);
	futex_wake(&c->request);
}

/*
 * Waits for one; STUB_REQ_NONE: something else wants this thread. Its signal may come between the look at `ending` and
 * the wait, and the guest can write the word waited on: so no wait is for ever.
 */
static uint32_t next_request(const struct vcpu *vcpu, struct stub_control *c)
{
	static const struct timespec second = {.tv_sec = 1};

	while (!atomic_load(&vcpu->vm->ending)) {
		uint32_t request = __atomic_load_n(&c->request, __ATOMIC_SEQ_CST);

		if (request == STUB_REQ_HERE)
			answer(c);
		else if (request != STUB_REQ_NONE)
			return request;
		else if (syscall(SYS_futex, &c->request, FUTEX_WAIT, STUB_REQ_NONE, &second, NULL, 0) != 0 &&
			 errno == EINTR)
			break;
	}
	return STUB_REQ_NONE;
}

static enum vcpu_exit process_vcpu_run(struct vcpu *vcpu, struct vcpu_exit_info *exit)
{
	struct process_vcpu *pc = vcpu->backend_priv;
	struct stub_control *c = pc->control;
	uint32_t request;

	if (!pc->entered) {
		pc->entered = true;
		__atomic_store_n(&c->go, 1, __ATOMIC_SEQ_CST);
		futex_wake(&c->go);
	}
	if (pc->in_request) {
		pc->in_request = false;
		answer(c);
	}
	request = next_request(vcpu, c);
	if (request == STUB_REQ_NONE)
		return VCPU_EXIT_KICK;
	pc->in_request = true;
	switch (request) {
	case STUB_REQ_GATE:
		exit->offset = READ_ONCE(c->offset);
		return VCPU_EXIT_GATE;
	case STUB_REQ_NO_PAGE:
		snprintf(exit->text, sizeof(exit->text),
			 "the guest touched memory that the host cannot give it (0x%llx)",
			 (unsigned long long)READ_ONCE(c->detail));
		return VCPU_EXIT_NO_PAGE;
	default:
		return crashed(c, exit);
	}
}

static void process_vm_pause(struct vm *vm, bool stop)
{
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		struct process_vcpu *pc = vm->vcpu[i].backend_priv;

		guest_process_signal(&pc->guest, stop ? SIGSTOP : SIGCONT);
	}
}

/* The stub looks at `pending` itself when it is kicked, and after each exit that is not a gate call. */
static bool process_vcpu_upcall(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

static void process_vcpu_dump(struct vcpu *vcpu, char *buf, unsigned size)
{
	const struct process_vcpu *pc = vcpu->backend_priv;
	struct stub_registers r = pc->control->regs;

	snprintf(buf, size,
		 "rip %016lx rsp %016lx rflags %lx\n"
		 "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n"
		 "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n"
		 "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n"
		 "r13 %016lx r14 %016lx r15 %016lx cr2 %016lx cr3 %lx\n",
		 r.rip, r.rsp, r.rflags, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11,
		 r.r12, r.r13, r.r14, r.r15, r.cr2, r.cr3);
}

static void nothing(struct vcpu *vcpu)
{
	(void)vcpu;
}

const struct backend_ops backend_process = {
	.name = "process",
	.cannot_create = "cannot start the process of a virtual CPU",
	.needs_shared_memory = true,
	.cpu_probe = process_cpu_probe,
	.vm_create = process_vm_create,
	.vm_attach = process_vm_attach,
	.vm_destroy = process_vm_destroy,
	.vm_pause = process_vm_pause,
	.window_grow = process_window_grow,
	.cpu_describe = process_cpu_describe,
	.doorbell_fd = process_doorbell_fd,
	.vcpu_create = process_vcpu_create,
	.vcpu_start = process_vcpu_start,
	.vcpu_set_entry = process_vcpu_set_entry,
	.vcpu_run = process_vcpu_run,
	.vcpu_kick = process_vcpu_kick,
	.vcpu_wake = process_vcpu_wake,
	.vcpu_leave = process_vcpu_leave,
	.vcpu_set_kick = nothing,
	.vcpu_clear_kick = nothing,
	.vcpu_upcall = process_vcpu_upcall,
	.vcpu_dump = process_vcpu_dump,
};
