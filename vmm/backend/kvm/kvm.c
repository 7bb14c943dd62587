/* SPDX-License-Identifier: MIT */
/*
 * kvm.c - the KVM backend: the only file with KVM ioctls. Works on any /dev/kvm; costs are those of a KVM without VT-x.
 * The guest starts and stays at CPL 3 but for the stub (stub.S). No irqchip, no firmware, no devices: memory,
 * registers, one page of gate.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/backend/kvm/stub.h"
#include "vmm/backend/native_cpu.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/vm.h"
#include "x86/cr.h"
#include "x86/desc.h"

struct kvm_vm {
	int kvm_fd, vm_fd;
	uint64_t xcr0;
	uint64_t ram_bytes, window_bytes; /* covered by memslots so far */
	unsigned next_slot;
};

struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_bytes;
	unsigned breakpoint_tries; /* left to find out whether an int3 waits; 0: that was not in doubt */
	bool mmio_unfinished;      /* the last exit was a store that KVM completes at the next entry */
};

#define CPUID_MAX_ENTRIES 128

/* Interrupted entries after which a vCPU is taken to have no int3 waiting, and how long each may take. */
#define BREAKPOINT_TRIES 5
#define BREAKPOINT_NS    1000000u

/* KVM asks the CPU for each leaf, and on a virtual host each answer costs an exit there: 400 us in all. */
static int kvm_cpu_probe(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_MAX_ENTRIES * sizeof(cpuid->entries[0]));
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), err = 0;

	vm->backend_cpu = cpuid;
	if (cpuid == NULL)
		err = -ENOMEM;
	else if (fd < 0)
		err = -errno;
	if (err == 0) {
		cpuid->nent = CPUID_MAX_ENTRIES;
		err = ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid) == 0 ? 0 : -errno;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static const struct kvm_cpuid_entry2 *find_cpuid(const struct vm *vm, uint32_t function, uint32_t index)
{
	const struct kvm_cpuid2 *cpuid = vm->backend_cpu;

	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	return NULL;
}

static void vcpu_close(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;

	if (kc == NULL)
		return;
	if (kc->run != NULL)
		munmap(kc->run, kc->run_bytes);
	if (kc->fd >= 0)
		close(kc->fd);
	free(kc);
	vcpu->backend_priv = NULL;
}

static void kvm_vm_destroy(struct vm *vm)
{
	struct kvm_vm *kv = vm->backend_priv;

	if (kv == NULL)
		return;
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		vcpu_close(&vm->vcpu[i]);
	if (kv->vm_fd >= 0)
		close(kv->vm_fd);
	if (kv->kvm_fd >= 0)
		close(kv->kvm_fd);
	free(kv);
	vm->backend_priv = NULL;
}

static int vcpu_open(struct kvm_vm *kv, struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = calloc(1, sizeof(*kc));
	int bytes = ioctl(kv->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (kc == NULL)
		return -ENOMEM;
	vcpu->backend_priv = kc;
	if (bytes <= 0)
		return -errno;
	kc->run_bytes = (size_t)bytes;
	kc->fd = ioctl(kv->vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu->id);
	if (kc->fd < 0)
		return -errno;
	kc->run = mmap(NULL, kc->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, kc->fd, 0);
	if (kc->run == MAP_FAILED) {
		kc->run = NULL;
		return -errno;
	}
	return 0;
}

static int get_tsc_khz(struct vm *vm)
{
	struct kvm_vcpu *kc = vm->vcpu[0].backend_priv;
	int khz = ioctl(kc->fd, KVM_GET_TSC_KHZ, 0);

	if (khz <= 0)
		return -EIO;
	vm->tsc_khz = (uint64_t)khz;
	return 0;
}

static int kvm_vm_create(struct vm *vm)
{
	struct kvm_vm *kv = calloc(1, sizeof(*kv));
	int err;

	if (kv == NULL)
		return -ENOMEM;
	kv->kvm_fd = kv->vm_fd = -1;
	vm->backend_priv = kv;
	kv->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kv->kvm_fd < 0)
		goto err_errno;
	if (ioctl(kv->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		err = -EPROTO;
		goto err_destroy;
	}
	kv->vm_fd = ioctl(kv->kvm_fd, KVM_CREATE_VM, 0);
	if (kv->vm_fd < 0)
		goto err_errno;
	err = vcpu_open(kv, &vm->vcpu[0]);
	if (err == 0)
		err = get_tsc_khz(vm);
	if (err == 0)
		return 0;
	goto err_destroy;

err_errno:
	err = -errno;
err_destroy:
	kvm_vm_destroy(vm);
	return err;
}

/*
 * A memslot costs kernel memory by its size, because shadow paging keeps 8 bytes a page: 0.5 us per MiB to make. So RAM
 * and window are attached in pieces, the first before the guest's first instruction, because a slot added while the
 * vCPU runs takes up to 1 ms; RAM in ever larger ones, the window as files are mapped.
 */
#define FIRST_CHUNK  (64ULL << 20)
#define WINDOW_CHUNK (256ULL << 20)
#define RAM_FACTOR   4

static int add_slot(struct kvm_vm *kv, uint64_t gpa, uint8_t *hva, uint64_t bytes)
{
	struct kvm_userspace_memory_region slot = {
		.slot = kv->next_slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(kv->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) != 0)
		return -errno;
	kv->next_slot++;
	return 0;
}

static int kvm_window_grow(struct vm *vm, uint64_t bytes)
{
	struct kvm_vm *kv = vm->backend_priv;

	while (kv->window_bytes < bytes) {
		uint64_t chunk = kv->window_bytes == 0 ? FIRST_CHUNK : WINDOW_CHUNK;
		int err = add_slot(kv, CAY_WINDOW_GPA + kv->window_bytes, vm->window_hva + kv->window_bytes,
				   MIN(chunk, CAY_WINDOW_BYTES - kv->window_bytes));

		if (err != 0)
			return err;
		kv->window_bytes += chunk;
	}
	return 0;
}

static int kvm_ram_grow(struct vm *vm, uint64_t bytes, uint64_t *attached)
{
	struct kvm_vm *kv = vm->backend_priv;
	uint64_t end = MIN(MAX(bytes, kv->ram_bytes * RAM_FACTOR), vm->mem.bytes);
	int err = 0;

	if (bytes > kv->ram_bytes) {
		err = add_slot(kv, kv->ram_bytes, vm->mem.hva + kv->ram_bytes, end - kv->ram_bytes);
		if (err == 0)
			kv->ram_bytes = end;
	}
	*attached = kv->ram_bytes;
	return err;
}

static int kvm_vm_attach(struct vm *vm)
{
	uint64_t attached;
	int err = kvm_ram_grow(vm, MIN(vm->mem.bytes, FIRST_CHUNK), &attached);

	return err == 0 ? kvm_window_grow(vm, FIRST_CHUNK) : err;
}

static void kvm_cpu_describe(struct vm *vm)
{
	struct kvm_vm *kv = vm->backend_priv;
	struct cay_boot_info *bi = vm->boot_info;
	const struct kvm_cpuid_entry2 *e;
	uint32_t features = 0;

	e = find_cpuid(vm, 1, 0);
	if (e != NULL) {
		bi->hwcap = e->edx;
		features |= e->ecx & bit_XSAVE ? CAY_CPU_XSAVE : 0;
		features |= e->ecx & bit_RDRND ? CAY_CPU_RDRAND : 0;
	}
	e = find_cpuid(vm, 7, 0);
	if (e != NULL) {
		features |= e->ebx & bit_FSGSBASE ? CAY_CPU_FSGSBASE : 0;
		features |= e->ebx & (1u << 9) ? CAY_CPU_ERMS : 0;
	}
	e = find_cpuid(vm, 0xd, 1);
	if (e != NULL) {
		features |= e->eax & bit_XSAVEOPT ? CAY_CPU_XSAVEOPT : 0;
		features |= e->eax & bit_XSAVEC ? CAY_CPU_XSAVEC : 0;
		features |= e->eax & (1u << 2) ? CAY_CPU_XINUSE : 0;
	}
	e = find_cpuid(vm, 0xd, 0);
	kv->xcr0 = e != NULL ? ((uint64_t)e->edx << 32 | e->eax) & 0xe7 : 3; /* x87, SSE, AVX, AVX-512 */
	bi->xsave_bytes = e != NULL ? e->ecx : 512 + 64;
	bi->xcr0 = kv->xcr0;
	if (!(features & CAY_CPU_XSAVE))
		features |= native_xsave(&bi->xcr0, &bi->xsave_bytes);
	bi->cpu_features = features;
	bi->attached_gpa = kv->ram_bytes;
}

static int kvm_doorbell_fd(struct vm *vm, uint32_t gate_offset, int eventfd)
{
	struct kvm_vm *kv = vm->backend_priv;
	struct kvm_ioeventfd io = {
		.addr = CAY_GATE_GPA + gate_offset,
		.len = 4,
		.fd = eventfd,
	};

	return ioctl(kv->vm_fd, KVM_IOEVENTFD, &io) == 0 ? 0 : -errno;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.dpl = 3,
		.db = !code,
		.s = 1,
		.l = code,
		.g = 1,
	};
}

/* The guest's TSC is the host's: rdtsc at CPL 3 cannot be offset without VT-x, so with it we ask for no offset either.
 */
static void set_tsc(struct kvm_vcpu *kc)
{
	int64_t zero = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&zero,
	};

	(void)ioctl(kc->fd, KVM_SET_DEVICE_ATTR, &attr);
}

static int set_msr(struct kvm_vcpu *kc, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = {.head.nmsrs = 1, .entry = {.index = index, .data = value}};

	return ioctl(kc->fd, KVM_SET_MSRS, &m) == 1 ? 0 : -EIO;
}

static int kvm_vcpu_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
	struct kvm_vm *kv = vcpu->vm->backend_priv;
	struct kvm_vcpu *kc = vcpu->backend_priv;
	uint64_t page_gva = CAY_DIRECT_GVA + CAY_VCPU_GPA + vcpu->id * CAY_PAGE_BYTES;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = kv->xcr0}};
	struct kvm_regs regs = {.rip = start->rip, .rsp = start->rsp, .rdi = start->arg, .rflags = 2};

	if (ioctl(kc->fd, KVM_SET_CPUID2, vcpu->vm->backend_cpu) != 0)
		return -errno;
	if (ioctl(kc->fd, KVM_GET_SREGS, &sregs) != 0)
		return -errno;
	if (vcpu->id == 0)
		stub_fill_system_page(vcpu->vm->mem.hva + CAY_SYS_GPA);
	stub_fill_tss(vcpu->page->tss, page_gva + CAY_VCPU_OFF_EXC_TOP);
	sregs.cs = segment(SEL_CPL3_CS, 0xb, true);
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = segment(SEL_CPL3_SS, 0x3, false);
	sregs.gs.base = start->gs_base;
	sregs.tr = (struct kvm_segment){
		.base = page_gva + CAY_VCPU_OFF_TSS,
		.limit = TSS_BYTES - 1,
		.selector = SEL_TSS,
		.type = 0xb,
		.present = 1,
	};
	sregs.ldt = (struct kvm_segment){.type = 2, .unusable = 1};
	sregs.gdt = (struct kvm_dtable){.base = CAY_SYS_GVA + SYS_OFF_GDT, .limit = 0x3f};
	sregs.idt = (struct kvm_dtable){.base = CAY_SYS_GVA + SYS_OFF_IDT, .limit = NR_VECTORS * 16 - 1};
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs.cr3 = start->cr3_gpa;
	sregs.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
	sregs.efer = EFER_LME | EFER_LMA | EFER_NX;
	if (ioctl(kc->fd, KVM_SET_SREGS, &sregs) != 0)
		return -errno;
	if (ioctl(kc->fd, KVM_SET_XCRS, &xcrs) != 0)
		return -errno;
	if (set_msr(kc, MSR_LSTAR, start->lstar) != 0)
		return -EIO;
	set_tsc(kc);
	return ioctl(kc->fd, KVM_SET_REGS, &regs) == 0 ? 0 : -errno;
}

static int kvm_vcpu_create(struct vcpu *vcpu)
{
	return vcpu_open(vcpu->vm->backend_priv, vcpu);
}

static int kvm_vcpu_set_entry(struct vcpu *vcpu, uint64_t rip, uint64_t rsp, uint64_t arg)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct kvm_regs regs = {.rip = rip, .rsp = rsp, .rdi = arg, .rflags = 2};

	return ioctl(kc->fd, KVM_SET_REGS, &regs) == 0 ? 0 : -errno;
}

static void kvm_vcpu_kick(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;

	WRITE_ONCE(kc->run->immediate_exit, 1);
	pthread_kill(vcpu->thread, VCPU_KICK_SIGNAL);
}

static void kvm_vcpu_set_kick(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;

	WRITE_ONCE(kc->run->immediate_exit, 1);
}

static void kvm_vcpu_clear_kick(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;

	WRITE_ONCE(kc->run->immediate_exit, 0);
	atomic_thread_fence(memory_order_seq_cst);
}

static enum vcpu_exit crashed(struct vcpu_exit_info *exit, const char *what, uint64_t detail)
{
	snprintf(exit->text, sizeof(exit->text), "%s (0x%llx)", what, (unsigned long long)detail);
	return VCPU_EXIT_CRASH;
}

static enum vcpu_exit kvm_vcpu_run(struct vcpu *vcpu, struct vcpu_exit_info *exit)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct kvm_run *run = kc->run;

	kc->mmio_unfinished = false;
	if (ioctl(kc->fd, KVM_RUN, 0) != 0) {
		if (errno == EINTR || errno == EAGAIN)
			return VCPU_EXIT_KICK;
		if (errno == EFAULT) {
			(void)crashed(exit, "the guest touched memory that the host cannot give it", run->exit_reason);
			return VCPU_EXIT_NO_PAGE;
		}
		exit->error = errno;
		snprintf(exit->text, sizeof(exit->text), "KVM_RUN");
		return VCPU_EXIT_HOST_ERROR;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		if (run->mmio.phys_addr - CAY_GATE_GPA >= CAY_PAGE_BYTES)
			return crashed(exit, "access to a physical address that does not exist", run->mmio.phys_addr);
		if (!run->mmio.is_write || run->mmio.len != 4)
			return crashed(exit, "bad access to the gate page", run->mmio.phys_addr - CAY_GATE_GPA);
		kc->mmio_unfinished = true;
		exit->offset = (uint32_t)(run->mmio.phys_addr - CAY_GATE_GPA);
		return VCPU_EXIT_GATE;
	case KVM_EXIT_INTR:
		return VCPU_EXIT_KICK;
	case KVM_EXIT_SHUTDOWN:
		return crashed(exit, "triple fault", 0);
	case KVM_EXIT_INTERNAL_ERROR:
		return crashed(exit, "an instruction that KVM cannot emulate", run->internal.suberror);
	case KVM_EXIT_FAIL_ENTRY:
		return crashed(exit, "KVM refuses the register state", run->fail_entry.hardware_entry_failure_reason);
	default:
		return crashed(exit, "unexpected exit", run->exit_reason);
	}
}

/* Is the byte before rip no int3? Not known of a file's pages, which may vanish under a reader. */
static bool is_behind_other(const struct vcpu *vcpu, uint64_t rip)
{
	const struct kvm_vcpu *kc = vcpu->backend_priv;
	struct kvm_translation tr = {.linear_address = rip - 1};
	const uint8_t *code;

	if (ioctl(kc->fd, KVM_TRANSLATE, &tr) != 0 || !tr.valid)
		return false;
	code = gmem_ptr(&vcpu->vm->mem, tr.physical_address, 1);
	return code != NULL && READ_ONCE(*code) != 0xcc;
}

/*
 * May an int3 wait for delivery? KVM does not show it, and forgets it when registers are set (its interface has no
 * length of the instruction, to execute it anew). It only says that int3 was the last exception of all. So nothing is
 * set then, and the vCPU enters as it is: what waits is delivered first, and shows in the record of exceptions, whose
 * code segment the CPU writes and which is never 0. Without that there was no int3, or the entry was interrupted
 * itself: so there are several, and each has long enough. Kicks every 60 us kept it from happening.
 */
static bool breakpoint_may_be_due(struct vcpu *vcpu, uint64_t rip)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct cay_vcpu_page *page = vcpu->page;

	if (kc->breakpoint_tries == 0 || READ_ONCE(page->exc.cs) != 0) {
		WRITE_ONCE(page->exc.cs, 0);
		kc->breakpoint_tries = BREAKPOINT_TRIES;
	}
	if (--kc->breakpoint_tries == 0 || is_behind_other(vcpu, rip)) {
		kc->breakpoint_tries = 0;
		return false;
	}
	vm_look_again(vcpu, BREAKPOINT_NS);
	return true;
}

/*
 * Is an exception on its way to the guest, begun and interrupted by the kick? Its frame is yet to be made, with the
 * registers as they are then: not those of an upcall.
 */
static bool exception_is_due(struct vcpu *vcpu, uint64_t rip)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct kvm_vcpu_events ev;

	if (ioctl(kc->fd, KVM_GET_VCPU_EVENTS, &ev) != 0)
		return false;
	if (ev.exception.injected || ev.exception.pending)
		return true;
	return ev.exception.nr == VEC_BP && breakpoint_may_be_due(vcpu, rip);
}

static bool kvm_vcpu_upcall(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct cay_vcpu_page *page = vcpu->page;
	struct kvm_regs regs;

	/* Registers may be changed only after KVM has completed the store to the gate page (KVM API, 5: KVM_EXIT_MMIO).
	 */
	if (kc->mmio_unfinished) {
		WRITE_ONCE(kc->run->immediate_exit, 1);
		(void)ioctl(kc->fd, KVM_RUN, 0);
		kc->mmio_unfinished = false;
		kvm_vcpu_clear_kick(vcpu);
	}
	if (ioctl(kc->fd, KVM_GET_REGS, &regs) != 0)
		return false;
	if (regs.rip - CAY_SYS_GVA < CAY_PAGE_BYTES || regs.rip == READ_ONCE(page->iret.rip) ||
	    exception_is_due(vcpu, regs.rip))
		return false; /* the kernel looks for events on its way back */
	page->up_rip = regs.rip;
	page->up_rsp = regs.rsp;
	page->up_rflags = regs.rflags;
	WRITE_ONCE(page->masked, 1);
	regs.rip = READ_ONCE(page->upcall_entry);
	regs.rsp = READ_ONCE(page->upcall_stack);
	regs.rflags = 2;
	return ioctl(kc->fd, KVM_SET_REGS, &regs) == 0;
}

static bool kvm_vcpu_no_page(struct vcpu *vcpu)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct cay_vcpu_page *page = vcpu->page;
	struct kvm_regs regs;

	if (READ_ONCE(page->zeros_wanted) != 0) {
		WRITE_ONCE(page->zeros_wanted, 0);
		return false;
	}
	if (ioctl(kc->fd, KVM_GET_REGS, &regs) != 0 || regs.rip - CAY_SYS_GVA < CAY_PAGE_BYTES ||
	    regs.rip == READ_ONCE(page->iret.rip) || exception_is_due(vcpu, regs.rip))
		return false;
	page->exc = (struct cay_exc_record){
		.vector = VEC_MC,
		.rip = regs.rip,
		.cs = SEL_CPL3_CS,
		.rflags = regs.rflags,
		.rsp = regs.rsp,
		.ss = SEL_CPL3_SS,
	};
	WRITE_ONCE(page->masked, 1);
	regs.rip = READ_ONCE(page->iret.rip);
	regs.rsp = READ_ONCE(page->iret.rsp);
	regs.rflags = 2;
	return ioctl(kc->fd, KVM_SET_REGS, &regs) == 0;
}

static void kvm_vcpu_dump(struct vcpu *vcpu, char *buf, unsigned size)
{
	struct kvm_vcpu *kc = vcpu->backend_priv;
	struct kvm_regs r;
	struct kvm_sregs s;

	buf[0] = '\0';
	if (ioctl(kc->fd, KVM_GET_REGS, &r) != 0 || ioctl(kc->fd, KVM_GET_SREGS, &s) != 0)
		return;
	snprintf(buf, size,
		 "rip %016llx rsp %016llx rflags %llx cs %x\n"
		 "rax %016llx rbx %016llx rcx %016llx rdx %016llx\n"
		 "rsi %016llx rdi %016llx rbp %016llx r8  %016llx\n"
		 "r9  %016llx r10 %016llx r11 %016llx r12 %016llx\n"
		 "r13 %016llx r14 %016llx r15 %016llx cr2 %016llx cr3 %llx\n",
		 r.rip, r.rsp, r.rflags, s.cs.selector, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9,
		 r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, s.cr2, s.cr3);
}

const struct backend_ops backend_kvm = {
	.name = "kvm",
	.cannot_create = "cannot create a virtual machine on /dev/kvm",
	.cpu_probe = kvm_cpu_probe,
	.vm_create = kvm_vm_create,
	.vm_attach = kvm_vm_attach,
	.vm_destroy = kvm_vm_destroy,
	.window_grow = kvm_window_grow,
	.ram_grow = kvm_ram_grow,
	.cpu_describe = kvm_cpu_describe,
	.doorbell_fd = kvm_doorbell_fd,
	.vcpu_create = kvm_vcpu_create,
	.vcpu_start = kvm_vcpu_start,
	.vcpu_set_entry = kvm_vcpu_set_entry,
	.vcpu_run = kvm_vcpu_run,
	.vcpu_kick = kvm_vcpu_kick,
	.vcpu_leave = kvm_vcpu_kick,
	.vcpu_set_kick = kvm_vcpu_set_kick,
	.vcpu_clear_kick = kvm_vcpu_clear_kick,
	.vcpu_upcall = kvm_vcpu_upcall,
	.vcpu_no_page = kvm_vcpu_no_page,
	.vcpu_dump = kvm_vcpu_dump,
};
