/* SPDX-License-Identifier: MIT */
/*
 * mirror.c - the file window in the guest's processes: each change is a message to each of them, with the file's
 * descriptor (stub/window.c). A process that does not read is kicked and waited for a little; the change fails then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "vmm/backend/process/process_priv.h"
#include "vmm/core/vm.h"

/* A guest that does not read its messages for so long cannot have more files. */
#define WINDOW_PATIENCE_MS 200

/*
 * To one vCPU's process. Sent first, then counted: the stub reads as many as are counted. One that has not looked for a
 * while has no room left: a kick makes it look.
 */
static int send_window_to(struct vcpu *vcpu, const struct stub_message *m, int fd)
{
	struct process_vcpu *pc = vcpu->backend_priv;
	struct pollfd room = {.fd = pc->guest.socket, .events = POLLOUT};
	int err = guest_process_send(&pc->guest, m, fd);

	if (err == -EAGAIN) {
		guest_process_signal(&pc->guest, STUB_SIGNAL_KICK);
		if (poll(&room, 1, WINDOW_PATIENCE_MS) == 1)
			err = guest_process_send(&pc->guest, m, fd);
	}
	if (err == 0)
		__atomic_fetch_add(&pc->control->window_changes, 1, __ATOMIC_RELEASE);
	return err;
}

/* Any vCPU's thread, with the window's lock held: all processes get the same messages in the same order. */
static int send_window(struct vm *vm, const struct stub_message *m, int fd)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < vm->nr_vcpus; i++)
		if (vm->vcpu[i].backend_priv != NULL)
			err = send_window_to(&vm->vcpu[i], m, fd);
	return err;
}

/* While devices are made there is the first vCPU's process only. */
static int keep_for_others(struct vm *vm, const struct stub_message *m, int fd)
{
	struct process_vm *pv = vm->backend_priv;
	int own;

	if (vm->vcpu[vm->nr_vcpus - 1].backend_priv != NULL)
		return 0;
	if (pv->nr_early == EARLY_MAPS_MAX)
		return -ENOSPC;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	pv->early[pv->nr_early++] = (struct early_map){*m, own};
	return 0;
}

int mirror_catch_up(struct vcpu *vcpu)
{
	const struct process_vm *pv = vcpu->vm->backend_priv;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < pv->nr_early; i++)
		err = send_window_to(vcpu, &pv->early[i].message, pv->early[i].fd);
	return err;
}

void mirror_fini(struct process_vm *pv)
{
	while (pv->nr_early > 0)
		close(pv->early[--pv->nr_early].fd);
}

static int mirror_map(void *ctx, uint64_t at, uint64_t bytes, int fd, uint64_t offset, bool writable)
{
	struct stub_message m = {
		.kind = STUB_MSG_MAP, .at = at, .bytes = bytes, .offset = offset, .writable = writable};

	int err = keep_for_others(ctx, &m, fd);

	return err == 0 ? send_window(ctx, &m, fd) : err;
}

static int mirror_unmap(void *ctx, uint64_t at, uint64_t bytes)
{
	struct stub_message m = {.kind = STUB_MSG_UNMAP, .at = at, .bytes = bytes};

	return send_window(ctx, &m, -1);
}

static int mirror_zero(void *ctx, uint64_t at, uint64_t bytes, bool writable)
{
	struct stub_message m = {.kind = STUB_MSG_ZERO, .at = at, .bytes = bytes, .writable = writable};

	return send_window(ctx, &m, -1);
}

void mirror_init(struct window_mirror *mirror, struct vm *vm)
{
	*mirror = (struct window_mirror){mirror_map, mirror_unmap, mirror_zero, vm};
}
