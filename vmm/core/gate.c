/* SPDX-License-Identifier: MIT */
#include "vmm/core/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/gate.h"
#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/log.h"
#include "vmm/core/timing.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/vcpu_start.h"
#include "vmm/debug/gdb.h"
#include "vmm/dev/fs.h"

#define TEXT_MAX 8192

/* Copies guest text, making it safe for a terminal: the guest must not send escape sequences in our name. */
static size_t copy_text(struct vm *vm, uint64_t gpa, uint64_t bytes, char *out)
{
	const char *src = gmem_ptr(&vm->mem, gpa, bytes);
	size_t n = 0;

	if (src == NULL || bytes >= TEXT_MAX)
		return 0;
	for (; n < bytes; n++) {
		char c = ((const volatile char *)src)[n];

		out[n] = (c >= ' ' && c != 0x7f) || c == '\n' || c == '\t' ? c : '?';
	}
	out[n] = '\0';
	return n;
}

static int64_t gate_exit(struct vm *vm, uint64_t status)
{
	vm->wait_status = (int)(status & 0xffff);
	gdb_ended(vm, vm->wait_status);
	timing_mark(vm, VM_T_EXITED);
	atomic_store(&vm->ending, true);
	vcpus_stop(vm);
	return 0;
}

static int64_t gate_free(struct vm *vm, uint64_t gpa, uint64_t bytes)
{
	if ((gpa | bytes) % CAY_PAGE_BYTES != 0 || gmem_ptr(&vm->mem, gpa, bytes) == NULL)
		return -EINVAL;
	return gmem_free_range(&vm->mem, gpa, bytes);
}

static int64_t gate_populate(struct vm *vm, uint64_t gpa, uint64_t bytes)
{
	if ((gpa | bytes) % CAY_PAGE_BYTES != 0 || bytes > CAY_HUGE_BYTES || gmem_ptr(&vm->mem, gpa, bytes) == NULL)
		return -EINVAL;
	gmem_populate(&vm->mem, gpa, bytes);
	return 0;
}

static int64_t gate_attach(struct vm *vm, uint64_t end)
{
	uint64_t attached = vm->mem.bytes;
	int err = 0;

	if (end > vm->mem.bytes || end % CAY_PAGE_BYTES != 0)
		return -EINVAL;
	pthread_mutex_lock(&vm->window_lock); /* of KVM's slots, which the window has, too */
	if (vm->backend->ram_grow != NULL)
		err = vm->backend->ram_grow(vm, end, &attached);
	pthread_mutex_unlock(&vm->window_lock);
	return err != 0 ? err : (int64_t)attached;
}

/* arg[0], the device, is always the one there is. */
static int64_t gate_map_file(struct vm *vm, const uint64_t *arg)
{
	int64_t at;
	int err;

	if (arg[0] != 0 || arg[4] > 1)
		return -EINVAL;
	pthread_mutex_lock(&vm->window_lock);
	at = fs_map_file(vm->fs, arg[1], arg[2], arg[3], arg[4] != 0);
	err = at < 0 ? 0 : vm->backend->window_grow(vm, (uint64_t)at + arg[3]);
	if (err != 0) {
		(void)fs_unmap_file(vm->fs, (uint64_t)at, arg[3]);
		at = err;
	}
	pthread_mutex_unlock(&vm->window_lock);
	return at;
}

static int64_t gate_unmap_file(struct vm *vm, uint64_t offset, uint64_t bytes)
{
	int64_t ret;

	pthread_mutex_lock(&vm->window_lock);
	ret = fs_unmap_file(vm->fs, offset, bytes);
	pthread_mutex_unlock(&vm->window_lock);
	return ret;
}

static int64_t gate_ipi(struct vm *vm, uint64_t mask)
{
	if (mask >> vm->nr_vcpus != 0)
		return -EINVAL;
	for (; mask != 0; mask &= mask - 1)
		vm_raise_event_on(&vm->vcpu[__builtin_ctzll(mask)], CAY_EVENT_IPI);
	return 0;
}

/*
 * A doorbell that only the I/O thread serves comes here by an exit until it has rung often. Then an ioeventfd takes it,
 * which costs half as much, but makes KVM wait for 15 ms when the VM is taken down: a short program must not pay for
 * that.
 */
#define DOORBELL_EXITS_MAX 256

static void ring_doorbell(struct vm *vm, uint32_t offset)
{
	unsigned nr = (offset - CAY_DOORBELL_OFFSET) / 4;

	if (offset % 4 != 0 || nr >= vm->next_doorbell) {
		vm_fail(vm, "the guest's kernel rang a doorbell that does not exist (0x%x)", offset);
		return;
	}
	vm_count(&vm->counters.doorbells);
	if (io_doorbell(vm->io, offset))
		return;
	io_thread_wake(vm->io);
	/* Should the backend refuse, exits go on: slower, not wrong. */
	if (atomic_fetch_add(&vm->doorbell_exits[nr], 1) + 1 == DOORBELL_EXITS_MAX)
		(void)!vm->backend->doorbell_fd(vm, offset, vm->io->doorbell.fd);
}

void gate_dispatch(struct vcpu *vcpu, uint32_t offset)
{
	struct vm *vm = vcpu->vm;
	char text[TEXT_MAX];
	uint64_t arg[6];
	int64_t ret = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(arg); i++)
		arg[i] = READ_ONCE(vcpu->page->gate.arg[i]);
	if (offset >= CAY_DOORBELL_OFFSET) {
		ring_doorbell(vm, offset);
		return;
	}
	switch (offset / 4) {
	case CAY_GATE_EXIT:
		ret = gate_exit(vm, arg[0]);
		break;
	case CAY_GATE_CRASH:
		if (copy_text(vm, arg[0], arg[1], text) == 0)
			strcpy(text, "(it gave no reason)");
		vm_fail(vm, "the guest's kernel panicked: %s", text);
		break;
	case CAY_GATE_WAIT:
		vcpu_wait(vcpu);
		break;
	case CAY_GATE_TIMER:
		vcpu_arm_timer(vcpu);
		break;
	case CAY_GATE_LOG:
		if (copy_text(vm, arg[0], arg[1], text) == 0)
			ret = -EINVAL;
		else
			log_guest(vm, text);
		break;
	case CAY_GATE_MAP_FILE:
		ret = gate_map_file(vm, arg);
		break;
	case CAY_GATE_UNMAP_FILE:
		ret = gate_unmap_file(vm, arg[0], arg[1]);
		break;
	case CAY_GATE_START_CPU:
		ret = vcpu_start_other(vm, arg[0], arg[1], arg[2], arg[3]);
		break;
	case CAY_GATE_IPI:
		ret = gate_ipi(vm, arg[0]);
		break;
	case CAY_GATE_FREE:
		ret = gate_free(vm, arg[0], arg[1]);
		break;
	case CAY_GATE_DEBUG:
		ret = gdb_gate(vm, arg[0]);
		break;
	case CAY_GATE_POPULATE:
		ret = gate_populate(vm, arg[0], arg[1]);
		break;
	case CAY_GATE_ATTACH:
		ret = gate_attach(vm, arg[0]);
		break;
	case CAY_GATE_PAUSE:
		ret = vcpu_pause(arg[0]);
		break;
	default:
		vm_fail(vm, "the guest's kernel made a gate call that does not exist (%u)", offset / 4);
		return;
	}
	WRITE_ONCE(vcpu->page->gate.ret, ret);
}
