/* SPDX-License-Identifier: MIT */
/*
 * main.c - the stub's start, in order: die with the VMM, leave nothing mapped but the stub, be ready for signals, wait
 * for the VMM's start message, map the guest's memory, close the wall, enter the guest. Nothing of the VMM was ever
 * mapped here: the process began with exec.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/receive.h"
#include "vmm/backend/process/stub/stub.h"

struct stub stub;

#define HOST_END 0x7ffffffff000ull /* of the address space of a process with 4-level paging */

_Noreturn void enter_guest(uint64_t rip, uint64_t rsp, uint64_t arg, uint64_t gs_base);
_Noreturn void stub_main(void);

/* Each step's number is the exit code if it fails: the VMM knows the words (guest_process.c). */
static void must(enum stub_step step, long err)
{
	if (is_error(err))
		host_exit((int)step);
}

static void unmap_all_else(void)
{
	must(STUB_STEP_MEMORY, host_munmap(0, CAY_STUB_GVA));
	must(STUB_STEP_MEMORY, host_munmap(CAY_STUB_GVA + CAY_STUB_BYTES, HOST_END - CAY_STUB_GVA - CAY_STUB_BYTES));
}

static void create_timer(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

	must(STUB_STEP_SIGNALS, HOST_CALL3(timer_create, CLOCK_MONOTONIC, &ev, &stub.timer));
}

/* Of CPU time, so that a guest that waits is left alone. */
static void create_ticks(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = STUB_SIGNAL_HERE};
	struct __kernel_itimerspec second = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1};
	int timer = 0;

	must(STUB_STEP_SIGNALS, HOST_CALL3(timer_create, CLOCK_PROCESS_CPUTIME_ID, &ev, &timer));
	must(STUB_STEP_SIGNALS, HOST_CALL4(timer_settime, timer, 0, &second, NULL));
}

/* The VMM was alive after we asked to die with it: if it had died before, its end of the socket would be closed. */
static void check_parent(void)
{
	char byte;

	/* Not receive(): looking at a message must not give us its descriptor. 0: the end of the stream. */
	if (HOST_CALL6(recvfrom, STUB_FD_SOCKET, &byte, sizeof(byte), MSG_DONTWAIT | MSG_PEEK, NULL, NULL) == 0)
		host_exit(STUB_STEP_PARENT);
}

static void *map_control(uint64_t at, uint64_t bytes, int prot, uint64_t offset)
{
	long va = host_mmap(STUB_CONTROLS_GVA + at, bytes, prot, MAP_SHARED | MAP_FIXED, STUB_FD_CONTROL, offset);

	must(STUB_STEP_MEMORY, va);
	return (void *)va;
}

static void map_memory(const struct stub_message *m)
{
	map_control(0, STUB_CONTROLS_BYTES, PROT_READ | PROT_WRITE, 0);
	stub.control = stub_control_of(m->vcpu_id);
	stub.nr_vcpus = m->nr_vcpus;
	must(STUB_STEP_MEMORY,
	     host_mmap(CAY_DIRECT_GVA, m->ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, STUB_FD_RAM, 0));
	stub.page = stub_page_of(m->vcpu_id);
	stub.ram_bytes = m->ram_bytes;
	stub.root_gpa = m->cr3_gpa;
	stub.lstar = m->lstar;
	stub.nr_doorbells = m->nr_doorbells;
}

static void close_wall(void)
{
	uint64_t bytes = STUB_CONTROL_FILE_BYTES - STUB_FILTER_OFFSET;
	struct stub_filter *filter = map_control(STUB_CONTROLS_BYTES, bytes, PROT_READ, STUB_FILTER_OFFSET);

	HOST_CALL1(close, STUB_FD_CONTROL);
	must(STUB_STEP_FILTER, wall_close(filter));
	/* The mapping stays: only the guest's own areas can be unmapped from now on. It is the VMM's to write. */
}

/* The VMM's own sandbox is closed before the first instruction of the guest. */
static void wait_for_go(void)
{
	while (__atomic_load_n(&stub.control->go, __ATOMIC_ACQUIRE) == 0)
		HOST_CALL4(futex, &stub.control->go, FUTEX_WAIT, 0, NULL);
}

_Noreturn void stub_main(void)
{
	struct stub_message m;
	int fd;

	must(STUB_STEP_PARENT, HOST_CALL2(prctl, PR_SET_PDEATHSIG, SIGKILL));
	HOST_CALL2(prctl, PR_SET_NAME, "cay-vcpu");
	unmap_all_else();
	must(STUB_STEP_SIGNALS, signals_init());
	create_timer();
	create_ticks();
	for (;;) {
		must(STUB_STEP_PARENT, receive(&m, &fd, 0));
		if (m.kind == STUB_MSG_START)
			break;
		window_apply(&m, fd);
	}
	check_parent();
	if (fd != STUB_FD_DOORBELL)
		host_exit(STUB_STEP_PARENT);
	map_memory(&m);
	must(STUB_STEP_SIGNALS, signals_unblock());
	close_wall();
	wait_for_go();
	enter_guest(stub.control->regs.rip, stub.control->regs.rsp, stub.control->regs.rdi, m.gs_base);
}
