/* SPDX-License-Identifier: MIT */
/* vm.c - the life of one VM, from options to teardown, in order. */
#include "vmm/core/vm.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/gate.h"
#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/backend/choose.h"
#include "vmm/cli/detach.h"
#include "vmm/cli/report.h"
#include "vmm/cli/run_options.h"
#include "vmm/control/control.h"
#include "vmm/core/clock.h"
#include "vmm/core/devices.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/log.h"
#include "vmm/core/lost_memory.h"
#include "vmm/core/prepare.h"
#include "vmm/core/signals.h"
#include "vmm/core/timing.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/vcpu_start.h"
#include "vmm/debug/gdb.h"
#include "vmm/dev/net.h"
#include "vmm/dev/stdio.h"
#include "vmm/load/boot.h"
#include "vmm/sandbox/sandbox.h"

void vm_fail(struct vm *vm, const char *fmt, ...)
{
	char text[9216];
	va_list ap;

	if (atomic_exchange(&vm->failed, 1) == 0) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		log_error("%s", text);
	}
	atomic_store(&vm->ending, true);
	vcpus_stop(vm);
}

void vm_raise_event_on(struct vcpu *vcpu, unsigned event)
{
	struct vm *vm = vcpu->vm;

	__atomic_fetch_or(&vcpu->page->pending, 1ULL << event, __ATOMIC_SEQ_CST);
	vm_count(&vm->counters.events_raised);
	/* On its own thread the vCPU is outside the guest: it looks before it enters. */
	if (!pthread_equal(pthread_self(), vcpu->thread) && vcpu_notify(vcpu))
		io_note_masked(vm->io, vcpu->id);
}

void vm_look_again(struct vcpu *vcpu, uint64_t ns)
{
	io_note_later(vcpu->vm->io, vcpu->id, ns);
}

/* A guess by what the guest says of its CPUs; each choice is right, some are cheaper. */
static struct vcpu *cheapest_vcpu(struct vm *vm)
{
	struct vcpu *best = &vm->vcpu[0];

	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];
		uint32_t state = READ_ONCE(vcpu->page->state);

		if (!vcpu_is_started(vcpu))
			continue;
		if (pthread_equal(pthread_self(),
				  vcpu->thread)) /* outside the guest just now: it looks before it enters */
			return vcpu;
		if (state == CAY_VCPU_POLLING)
			return vcpu;
		if (state == CAY_VCPU_WAITING && READ_ONCE(best->page->state) != CAY_VCPU_WAITING)
			best = vcpu;
	}
	return best;
}

void vm_raise_event(struct vm *vm, unsigned event)
{
	vm_raise_event_on(event >= CAY_EVENT_QUEUE ? cheapest_vcpu(vm) : &vm->vcpu[0], event);
}

void vm_raise_event_soon(struct vm *vm, unsigned event)
{
	struct vcpu *vcpu = cheapest_vcpu(vm);

	if (READ_ONCE(vcpu->page->state) != CAY_VCPU_RUNNING || !io_is_this_thread(vm->io)) {
		vm_raise_event_on(vcpu, event);
		return;
	}
	__atomic_fetch_or(&vcpu->page->pending, 1ULL << event, __ATOMIC_SEQ_CST);
	vm_count(&vm->counters.events_raised);
	/* It may have gone to sleep just now, without having seen the event. */
	if (__atomic_load_n(&vcpu->page->state, __ATOMIC_SEQ_CST) != CAY_VCPU_RUNNING)
		(void)!vcpu_notify(vcpu);
	else
		io_note_soon(vm->io, vcpu->id);
}

void vm_signal(struct vm *vm, int signo)
{
	__atomic_fetch_or(&vm->vcpu[0].page->signals, 1ULL << (signo - 1), __ATOMIC_SEQ_CST);
	vm_raise_event(vm, CAY_EVENT_SIGNAL);
}

uint64_t vm_boot_alloc(struct vm *vm, uint64_t bytes, uint64_t align)
{
	uint64_t gpa = ALIGN_UP(vm->alloc_gpa, align);

	if (gpa > vm->alloc_end_gpa || bytes > vm->alloc_end_gpa - gpa)
		return 0;
	vm->alloc_gpa = gpa + bytes;
	return gpa;
}

static int add_queue(struct vm *vm, struct cay_queue_info *q, uint32_t nr)
{
	q->nr = nr;
	q->desc_gpa = vm_boot_alloc(vm, nr * 16ULL, 64);
	q->avail_gpa = vm_boot_alloc(vm, 8 + nr * 2ULL, 64); /* with used_event */
	q->used_gpa = vm_boot_alloc(vm, 8 + nr * 8ULL, 64);  /* with avail_event */
	if (q->desc_gpa == 0 || q->avail_gpa == 0 || q->used_gpa == 0 || vm->next_event == 64)
		return -ENOSPC;
	q->event = vm->next_event++;
	q->doorbell = CAY_DOORBELL_OFFSET + 4 * vm->next_doorbell++;
	return 0;
}

struct cay_device_info *vm_add_device(struct vm *vm, uint32_t kind, unsigned nr_queues, uint32_t nr)
{
	struct cay_boot_info *bi = vm->boot_info;
	struct cay_device_info *d;

	if (bi->nr_devices == CAY_DEVICES_MAX || nr_queues > CAY_DEV_QUEUES_MAX)
		return NULL;
	d = &bi->devices[bi->nr_devices];
	d->kind = kind;
	d->nr_queues = nr_queues;
	for (unsigned i = 0; i < nr_queues; i++)
		if (add_queue(vm, &d->queue[i], nr) != 0)
			return NULL;
	bi->nr_devices++;
	return d;
}

static int fail_start(const char *what, int err, const char *advice)
{
	log_error("%s: %s%s%s", what, strerror(-err), advice[0] != '\0' ? "; " : "", advice);
	return err;
}

static int create_memory(struct vm *vm)
{
	int err = gmem_create(&vm->mem, vm->opt->ram_bytes, vm->backend->needs_shared_memory);

	if (err != 0)
		return fail_start("cannot get memory for the virtual machine", err, "try a smaller -m");
	vm->window_hva = mmap(NULL, CAY_WINDOW_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->window_hva == MAP_FAILED)
		return fail_start("cannot reserve address space", -errno, "");
	return 0;
}

static int create_machine(struct vm *vm)
{
	int err = vm->backend->vm_create(vm);

	if (err != 0)
		return fail_start(vm->backend->cannot_create, err, "`cay doctor` says what is missing");
	timing_mark(vm, VM_T_CREATED);
	err = vm->backend->vm_attach(vm);
	if (err != 0)
		return fail_start("cannot give memory to the virtual machine", err, "try a smaller -m");
	timing_mark(vm, VM_T_MEMORY);
	return 0;
}

static int load(struct vm *vm, const struct preparation *p)
{
	struct vcpu_start start;
	int err = boot_begin(vm, &p->image);

	if (err != 0)
		return fail_start("cannot prepare the kernel", err, "");
	timing_mark(vm, VM_T_LOADED);
	err = devices_create(vm);
	if (err != 0)
		return fail_start("cannot set up a device", err, "");
	timing_mark(vm, VM_T_DEVICES);
	err = boot_finish(vm, &p->image, &start);
	if (err == -E2BIG)
		return fail_start("arguments and environment are too long for this memory size", err, "raise -m");
	if (err == 0)
		err = vm->backend->vcpu_start(&vm->vcpu[0], &start);
	if (err != 0)
		return fail_start("cannot start the virtual CPU", err, "`cay doctor` says what is missing");
	return 0;
}

static int wait_for_gdb(struct vm *vm)
{
	int err = vm->opt->gdb_port != 0 ? gdb_create(vm, vm->opt->gdb_port, &vm->gdb) : 0;

	return err == 0 ? 0 : fail_start("--gdb: cannot listen on that port", err, "choose another");
}

static int wait_for_net(struct vm *vm)
{
	return vm->net != NULL ? net_wait_ready(vm->net) : 0;
}

/* Everything is open: from now on only the shared folders can be. The threads to come inherit it. */
static int confine(const struct preparation *p)
{
	const char *what;
	int err = sandbox_confine(&p->sandbox, &what);

	return err == 0 ? 0 : fail_start(what, err, "the sandbox is needed; `cay doctor` says what is missing");
}

/* Of a process that ends in a signal handler: it leaves nothing behind. */
static void last_words(void *ctx)
{
	struct vm *vm = ctx;

	stdio_restore_terminal(vm);
	if (vm->control != NULL)
		control_leave(vm->control);
}

/* All threads run: no system calls from now on but those a running VM needs. */
static int seal(struct vm *vm, const struct preparation *p)
{
	const char *what;
	int err = sandbox_seal(&p->sandbox, last_words, vm, &what);

	if (err != 0)
		return fail_start(what, err, "the sandbox is needed; `cay doctor` says what is missing");
	timing_mark(vm, VM_T_SANDBOX);
	return 0;
}

static int start_threads(struct vm *vm)
{
	int err = vcpu_init_thread(&vm->vcpu[0]);

	if (err == 0)
		err = signals_create(vm, &vm->signals);
	if (err == 0 && vm->control != NULL)
		err = control_serve(vm->control);
	if (err == 0)
		err = vcpus_create(vm);
	if (err == 0)
		err = io_thread_start(vm->io);
	if (err == 0)
		err = vcpus_wait_ready(vm);
	if (err != 0)
		return fail_start("cannot start a thread", err, "");
	return 0;
}

static int exit_status(const struct vm *vm)
{
	if (vm->failed)
		return RUN_EXIT_OURS;
	if (WIFSIGNALED(vm->wait_status))
		return 128 + WTERMSIG(vm->wait_status);
	return WEXITSTATUS(vm->wait_status);
}

/* The VM gets its name, by which others see it. */
static int enter(struct vm *vm)
{
	int err = vm->control != NULL ? control_enter(vm->control) : 0;

	if (err != 0 || vm->opt->detached == NULL)
		return err;
	if (vm->control == NULL || control_name(vm->control)[0] == '\0')
		return fail_start("-d: there is no place where this VM could be found", -ENOENT, "set XDG_RUNTIME_DIR");
	return detach_named(vm->opt->detached, control_name(vm->control));
}

/* All that comes before the first instruction. */
static int start(struct vm *vm)
{
	struct preparation prep;
	int err = create_memory(vm);

	if (err != 0)
		return err;
	vm->control = control_open(vm);
	prepare_start(&prep, vm);
	err = create_machine(vm);
	if (err == 0)
		err = net_open(&vm->opt->net, vm->opt->nr_cpus, &vm->net);
	/* Here and not there, because this side is done first. */
	if (err == 0)
		err = enter(vm);
	if (err == 0)
		err = prepare_sandbox(&prep);
	if (prepare_finish(&prep) != 0 && err == 0 && prep.cpu_err != 0)
		err = fail_start("cannot find out what the CPU offers", prep.cpu_err,
				 "`cay doctor` says what is missing");
	if (prep.err != 0 || err != 0)
		return -1;
	if (io_thread_create(vm) == 0 && load(vm, &prep) == 0 && wait_for_gdb(vm) == 0 && wait_for_net(vm) == 0 &&
	    confine(&prep) == 0 && start_threads(vm) == 0)
		return seal(vm, &prep);
	return -1;
}

int vm_run(const struct run_options *opt, uint64_t timing_exec_ns, uint64_t timing_main_ns)
{
	char why[96];
	struct vm vm = {
		.opt = opt,
		.backend = backend_choose(opt, why, sizeof(why)),
		.window_hva = MAP_FAILED,
		.timing[VM_T_EXEC] = timing_exec_ns,
		.timing[VM_T_MAIN] = timing_main_ns,
		.failed = 1,
	};

	/* One heap for both threads: a second arena costs address space, memory and time, and nothing here allocates
	 * much. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the user's is an error of what is written, the guest's memory too */
	if (opt->verbosity > 0)
		log_error("backend %s: %s", vm.backend->name, why);
	vm.nr_vcpus = opt->nr_cpus;
	for (unsigned i = 0; i < vm.nr_vcpus; i++) {
		vm.vcpu[i].vm = &vm;
		vm.vcpu[i].id = i;
	}
	vm.vcpu[0].thread = pthread_self();
	pthread_mutex_init(&vm.window_lock, NULL);
	timing_mark(&vm, VM_T_OPTIONS);
	vm.first_sample = clock_sample_take();
	if (lost_memory_catch(last_words, &vm) == 0 && start(&vm) == 0) {
		vm.failed = 0;
		detach_started(opt->detached);
		vcpu_loop(&vm.vcpu[0]);
	}
	atomic_store(&vm.ending, true);
	vcpus_join(&vm);
	io_thread_destroy(vm.io);
	gdb_destroy(vm.gdb);
	signals_destroy(vm.signals);
	devices_destroy(&vm);
	vm.backend->vm_destroy(&vm);
	free(vm.backend_cpu);
	timing_mark(&vm, VM_T_TORN_DOWN);
	report_print(&vm);
	net_destroy(vm.net);
	detach_ended(opt->detached, exit_status(&vm));
	control_close(vm.control); /* last: until then the name is ours */
	return exit_status(&vm);
}
