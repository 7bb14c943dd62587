/* SPDX-License-Identifier: MIT */
/*
 * vm.h - one virtual machine; everything hangs off struct vm.
 * Threads: the main thread sets up and then runs vCPU 0, each other vCPU has its own; one I/O thread serves devices and
 * signals.
 */
#ifndef CAY_VMM_CORE_VM_H
#define CAY_VMM_CORE_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "abi/boot_info.h"
#include "abi/stats.h"
#include "abi/vcpu_page.h"
#include "lib/compiler.h"
#include "vmm/core/gmem.h"

struct run_options; /* vmm/cli/run_options.h */
struct io_thread;
struct backend_ops;
struct window_mirror;
struct fs_device;
struct control;
struct gdb;
struct net_device;
struct signals;
struct stdio_device;

/* What --stats prints of the host side. Counted by vm_count. */
struct vm_counters {
	uint64_t exits_gate; /* gate calls */
	uint64_t exits_kick; /* signals that made the vCPU leave the guest */
	uint64_t exits_other;
	uint64_t upcalls;
	uint64_t waits;      /* the vCPU slept */
	uint64_t io_wakeups; /* the I/O thread slept and was woken */
	uint64_t io_holes;   /* it was preempted while polling */
	uint64_t io_carried; /* rounds of I/O by the vCPU's own thread: io_carry.h */
	uint64_t doorbells;
	uint64_t events_raised;
	uint64_t kicks;
};

/* Timeline of --timing: CLOCK_MONOTONIC ns; 0 = did not happen. */
enum vm_timing_point {
	VM_T_EXEC, /* the process began: exec of cay */
	VM_T_MAIN,
	VM_T_OPTIONS,
	VM_T_CREATED, /* backend has a VM and a vCPU */
	VM_T_MEMORY,
	VM_T_LOADED, /* kernel, boot info, page tables are in guest memory */
	VM_T_DEVICES,
	VM_T_SANDBOX,
	VM_T_FIRST_RUN, /* first entry into the guest */
	VM_T_EXITED,    /* the guest's exit gate call */
	VM_T_TORN_DOWN,
	VM_T_NR
};

struct vcpu {
	struct vm *vm;
	unsigned id;
	struct cay_vcpu_page *page; /* guest memory: hostile */
	void *backend_priv;
	pthread_t thread;
	timer_t timer;             /* signals the vCPU thread */
	_Atomic uint32_t wake_seq; /* futex word of the wait gate call */
	/* vCPUs other than 0: vcpu_start.h */
	_Atomic uint32_t phase; /* enum vcpu_phase, a futex word */
	int setup_error;
	uint64_t start_rip, start_rsp, start_arg;
};

/* The guest's clock as last published: private copy, since the page is the guest's to scribble on. */
struct vm_clock_base {
	uint64_t tsc, mono_ns;
	uint32_t mult;
};

/* vmm/core/clock.h */
struct clock_sample {
	uint64_t tsc, mono_ns, real_ns;
};

struct vm {
	const struct run_options *opt;
	struct gmem mem;
	uint8_t *window_hva; /* CAY_WINDOW_BYTES of address space for host files, PROT_NONE where free */
	const struct backend_ops *backend;
	void *backend_priv;
	void *backend_cpu;
	struct vcpu vcpu[CAY_VCPU_MAX];
	unsigned nr_vcpus;
	pthread_mutex_t window_lock;               /* mapping files: any vCPU's thread */
	const struct window_mirror *window_mirror; /* vmm/core/window.h; of the backend, NULL = none */
	struct io_thread *io;
	struct cay_boot_info *boot_info; /* in guest memory; written only before start */
	struct cay_stats *stats;         /* in guest memory */
	uint64_t alloc_gpa;              /* bump allocator for boot-time guest memory: [alloc_gpa, alloc_end_gpa) */
	uint64_t alloc_end_gpa;
	unsigned next_event;    /* next free event bit */
	unsigned next_doorbell; /* next free doorbell */
	_Atomic uint32_t doorbell_exits[CAY_DEVICES_MAX * CAY_DEV_QUEUES_MAX];
	uint32_t strings_used;
	uint64_t tsc_khz;      /* set by the backend */
	bool tsc_is_estimated; /* since first_sample: better later */
	struct clock_sample first_sample;
	uint32_t clock_seq;
	struct vm_clock_base clock_base;
	struct fs_device *fs;
	struct stdio_device *stdio;
	struct net_device *net; /* NULL with --net none */
	struct signals *signals;
	struct gdb *gdb;         /* NULL without --gdb */
	struct control *control; /* vmm/control/control.h; NULL: others cannot see this VM */
	_Atomic bool ending;     /* the guest is gone or must go: no more entries */
	int wait_status;         /* of the program, when it ended by itself */
	_Atomic int failed;      /* ended by us: exit status 125 */
	uint64_t guest_log_lines;
	struct vm_counters counters;
	uint64_t timing[VM_T_NR];
};

/* Runs one VM from options to teardown. timing_exec_ns, timing_main_ns: see VM_T_*. Returns the exit status of `cay`
 * (0-255). */
int vm_run(const struct run_options *opt, uint64_t timing_exec_ns, uint64_t timing_main_ns);

static inline void vm_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Sets bit `event` of a vCPU and wakes or kicks it as vcpu_page.h says: a device's event of the vCPU that can take it
 * most cheaply, any other of vCPU 0. Any thread. */
void vm_raise_event(struct vm *vm, unsigned event);

/* The same for an event that may wait a little: a vCPU that runs the program is kicked, which costs it 24 us, only if
 * it has not looked at its events by itself meanwhile. For devices whose users poll. */
void vm_raise_event_soon(struct vm *vm, unsigned event);

/* The same for one vCPU. */
void vm_raise_event_on(struct vcpu *vcpu, unsigned event);

/* The vCPU, which is about to enter the guest, is kicked after so long, should it have events then. */
void vm_look_again(struct vcpu *vcpu, uint64_t ns);

/* Forwards host signal signo (1..64) to the program. Any thread; async-signal-safe. */
void vm_signal(struct vm *vm, int signo);

/* Ends the VM from any thread: prints `cay: <text>` on stderr (first failure only); vm_run returns 125. */
void vm_fail(struct vm *vm, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Boot-time guest memory for queues and the like: zeroed, aligned to `align` (power of two). Returns GPA, 0 if out. */
uint64_t vm_boot_alloc(struct vm *vm, uint64_t bytes, uint64_t align);

/*
 * Adds a device with nr_queues queues of `nr` entries to the boot info; queue memory, event bits and doorbells are
 * assigned. Its doorbells wake the I/O thread. Returns the device's record, or NULL (no room). Before start only.
 */
struct cay_device_info *vm_add_device(struct vm *vm, uint32_t kind, unsigned nr_queues, uint32_t nr);

#endif
