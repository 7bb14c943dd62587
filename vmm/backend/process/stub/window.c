/* SPDX-License-Identifier: MIT */
/*
 * window.c - the file window in this process: each file is mapped at its place in the direct map, and the program's
 * views of it are further mappings of the same pages. The VMM says what is where, in order, by messages with the file's
 * descriptor; how many it has sent is in the control page, so reading them costs nothing when there are none.
 */
#include <linux/mman.h>
#include <linux/socket.h>

#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/receive.h"
#include "vmm/backend/process/stub/stub.h"

void window_apply(const struct stub_message *m, int fd)
{
	uint64_t va = CAY_DIRECT_GVA + CAY_WINDOW_GPA + m->at;
	int prot = PROT_READ | (m->writable ? PROT_WRITE : 0);
	long err;

	switch (m->kind) {
	case STUB_MSG_MAP:
		err = host_mmap(va, m->bytes, prot, MAP_SHARED | MAP_FIXED, fd, m->offset);
		break;
	case STUB_MSG_ZERO:
		/* Views of what was there are in the program's range: they are made anew. */
		stub.window_has_zeros = true;
		mmu_forget_all();
		err = host_map_private(va, m->bytes, prot);
		break;
	default:
		err = host_munmap(va, m->bytes);
		break;
	}
	if (is_error(err))
		gate_crash(STUB_CRASH_MEMORY, (uint64_t)-err);
	if (fd >= 0)
		HOST_CALL1(close, fd);
	stub.window_read++;
}

bool window_update(void)
{
	uint32_t before = stub.window_read;

	while (__atomic_load_n(&stub.control->window_changes, __ATOMIC_ACQUIRE) != stub.window_read) {
		struct stub_message m;
		int fd = -1;

		if (receive(&m, &fd, MSG_DONTWAIT) != 0)
			break;
		window_apply(&m, fd);
	}
	return stub.window_read != before;
}
