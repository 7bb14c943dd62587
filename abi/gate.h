/* SPDX-License-Identifier: MIT */
/*
 * gate.h - gate calls: how the guest asks the VMM for something. Rare by design: one costs an exit
 * (1-2 us with VT-x, 20 us without). The guest writes arguments in its vcpu_page.gate, then stores 32 bits
 * at CAY_GATE_GVA + 4 * number; the result is in gate.ret when the store returns. Where boot_info.stub_gate is set,
 * calling it with the offset does the same without a trap.
 * Each call fails with -EINVAL for a bad argument; a number not listed ends the VM (it cannot be an accident).
 */
#ifndef CAY_ABI_GATE_H
#define CAY_ABI_GATE_H

enum cay_gate_nr {
	/* The program ended. arg0 = wait status as of wait(2) (exit code << 8, or signal). Does not return. */
	CAY_GATE_EXIT = 1,
	/* The kernel panicked. arg0, arg1 = GPA and length of a text (at most 8 KiB). Does not return. */
	CAY_GATE_CRASH = 2,
	/* Sleep until pending != 0 or the deadline in vcpu_page.timer_deadline_ns. Returns 0. */
	CAY_GATE_WAIT = 3,
	/* A new earlier deadline in vcpu_page.timer_deadline_ns while running: the VMM arms its timer. */
	CAY_GATE_TIMER = 4,
	/* Text for the log (stderr, prefixed). arg0, arg1 = GPA, length (at most 8 KiB). */
	CAY_GATE_LOG = 5,
	/* Map a file into the window: arg0 = device, arg1 = FUSE file handle, arg2 = file offset (page multiple),
	 * arg3 = bytes, arg4 = 1 for writable sharing. Returns the offset in the window, or -errno. */
	CAY_GATE_MAP_FILE = 6,
	/* Undo: arg0 = window offset, arg1 = bytes, both as mapped. */
	CAY_GATE_UNMAP_FILE = 7,
	/* Give RAM back: arg0 = GPA, arg1 = bytes, page multiples. Contents become zero. */
	CAY_GATE_FREE = 8,
	/* Start a vCPU: arg0 = its number (not 0, below boot_info.nr_cpus, not started before), arg1 = rip, arg2 = rsp,
	 * arg3 = rdi. Its GS base is its vCPU page, its page tables are boot_info.cr3_gpa. Returns at once. */
	CAY_GATE_START_CPU = 9,
	/* Set CAY_EVENT_IPI for the vCPUs in the bit mask arg0 and wake or kick them as vcpu_page.h says. The guest may
	 * set the bit itself, without an exit, where it sees that the other CPU is polling. */
	CAY_GATE_IPI = 10,
	/* The program stopped under the debugger. arg0 = GPA of a struct cay_debug (abi/debug.h). Returns 0; only with
	   --gdb. */
	CAY_GATE_DEBUG = 11,
	/* RAM that will be touched soon: arg0 = GPA, arg1 = bytes (page multiples, at most 2 MiB). The host makes its
	 * pages at once, which costs a tenth of making them one by one at first touch. */
	CAY_GATE_POPULATE = 12,
	/* Sleep for arg0 ns, at most a millisecond, whatever is pending: the caller waits for another vCPU, which may
	 * have lost its host CPU. */
	CAY_GATE_PAUSE = 13,
	/* RAM below arg0 (GPA, at most boot_info.ram_bytes) will be used, that above boot_info.attached_gpa for the
	 * first time: it is not the guest's before. Returns the new border, arg0 or more, or -errno of the host. */
	CAY_GATE_ATTACH = 14,
	CAY_GATE_NR
};

/* Doorbells are in the same page, above the calls: see cay_queue_info.doorbell. */
#define CAY_DOORBELL_OFFSET 0x800

#endif
