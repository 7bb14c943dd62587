/* SPDX-License-Identifier: MIT */
/* vcpu_start.c - see vcpu_start.h. */
#include "vmm/core/vcpu_start.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/core/vcpu.h"

static void set_phase(struct vcpu *vcpu, enum vcpu_phase phase)
{
	atomic_store(&vcpu->phase, phase);
	(void)syscall(SYS_futex, &vcpu->phase, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
}

static void wait_phase_after(struct vcpu *vcpu, enum vcpu_phase phase)
{
	while (atomic_load(&vcpu->phase) == phase)
		(void)syscall(SYS_futex, &vcpu->phase, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, phase, NULL, NULL, 0);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vm *vm = vcpu->vm;
	/* Where it begins is the kernel's to say: vcpu_set_entry. */
	struct vcpu_start start = {
		.cr3_gpa = vm->boot_info->cr3_gpa,
		.lstar = CAY_KERNEL_GVA + CAY_KERNEL_LSTAR_OFFSET,
		.gs_base = CAY_DIRECT_GVA + CAY_VCPU_GPA + vcpu->id * CAY_PAGE_BYTES,
	};
	int err;

	vcpu->page->masked = 1;
	err = vm->backend->vcpu_create(vcpu);
	if (err == 0)
		err = vm->backend->vcpu_start(vcpu, &start);
	if (err == 0)
		err = vcpu_init_thread(vcpu);
	vcpu->setup_error = err;
	set_phase(vcpu, VCPU_READY);
	wait_phase_after(vcpu, VCPU_READY);
	if (err != 0 || atomic_load(&vm->ending))
		return NULL;
	err = vm->backend->vcpu_set_entry(vcpu, vcpu->start_rip, vcpu->start_rsp, vcpu->start_arg);
	if (err != 0)
		vm_fail(vm, "cannot start virtual CPU %u: %s", vcpu->id, strerror(-err));
	else
		vcpu_loop(vcpu);
	return NULL;
}

int vcpus_create(struct vm *vm)
{
	sigset_t others, old;
	int err = 0;

	/* The user's signals are for the main thread and its signalfd. */
	sigfillset(&others);
	sigdelset(&others, VCPU_KICK_SIGNAL);
	sigdelset(&others, SIGSYS);
	sigdelset(&others, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &others, &old);
	for (unsigned i = 1; i < vm->nr_vcpus && err == 0; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		atomic_store(&vcpu->phase, VCPU_SETTING_UP);
		err = -pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);
		if (err != 0)
			atomic_store(&vcpu->phase, VCPU_NONE);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int vcpus_wait_ready(struct vm *vm)
{
	for (unsigned i = 1; i < vm->nr_vcpus; i++) {
		wait_phase_after(&vm->vcpu[i], VCPU_SETTING_UP);
		if (vm->vcpu[i].setup_error != 0)
			return vm->vcpu[i].setup_error;
	}
	return 0;
}

int64_t vcpu_start_other(struct vm *vm, uint64_t id, uint64_t rip, uint64_t rsp, uint64_t arg)
{
	struct vcpu *vcpu;
	uint32_t ready = VCPU_READY;
	bool claimed;

	if (id == 0 || id >= vm->nr_vcpus)
		return -EINVAL;
	vcpu = &vm->vcpu[id];
	/* Two vCPUs may ask at once: only one may write where it starts. */
	pthread_mutex_lock(&vm->window_lock);
	claimed = atomic_load(&vcpu->phase) == ready;
	if (claimed) {
		vcpu->start_rip = rip;
		vcpu->start_rsp = rsp;
		vcpu->start_arg = arg;
		set_phase(vcpu, VCPU_STARTED);
	}
	pthread_mutex_unlock(&vm->window_lock);
	return claimed ? 0 : -EINVAL;
}

void vcpus_stop(struct vm *vm)
{
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		if (pthread_equal(pthread_self(), vcpu->thread) || !vcpu_is_started(vcpu))
			continue;
		vcpu_wake(vcpu);
		vm->backend->vcpu_leave(vcpu);
	}
}

void vcpus_join(struct vm *vm)
{
	for (unsigned i = 1; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		if (atomic_load(&vcpu->phase) == VCPU_NONE)
			continue;
		wait_phase_after(vcpu, VCPU_SETTING_UP);
		/* One that the guest never started is let go by the same word. */
		pthread_mutex_lock(&vm->window_lock);
		if (atomic_load(&vcpu->phase) == VCPU_READY)
			set_phase(vcpu, VCPU_STARTED);
		pthread_mutex_unlock(&vm->window_lock);
		vcpus_stop(vm);
		pthread_join(vcpu->thread, NULL);
		atomic_store(&vcpu->phase, VCPU_NONE); /* no thread to be stopped any more */
	}
}
