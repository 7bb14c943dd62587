/* SPDX-License-Identifier: MIT */
/* vcpu.c - the loop of a vCPU. Most of a program's life is spent inside one vcpu_run. */
#include "vmm/core/vcpu.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/backend/backend.h"
#include "vmm/core/gate.h"
#include "vmm/core/io_carry.h"
#include "vmm/core/timing.h"
#include "vmm/dev/fs.h"

#define TIMER_SLACK_NS 1000ul

static void on_kick(int signo, siginfo_t *si, void *ctx)
{
	(void)signo;
	(void)ctx;
	if (si->si_code == SI_TIMER) {
		struct vcpu *vcpu = si->si_value.sival_ptr;

		__atomic_fetch_or(&vcpu->page->pending, 1ULL << CAY_EVENT_TIMER, __ATOMIC_SEQ_CST);
		/* This thread: the store is ordered before the next entry. Only a run that has not begun must be told.
		 */
		vcpu->vm->backend->vcpu_set_kick(vcpu);
	}
}

int vcpu_init_thread(struct vcpu *vcpu)
{
	struct sigaction sa = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO};
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = VCPU_KICK_SIGNAL,
		.sigev_value.sival_ptr = vcpu,
		._sigev_un._tid = (pid_t)syscall(SYS_gettid),
	};

	vcpu->thread = pthread_self();
	/* Linux would end our sleeps 50 us late, to save wake-ups. */
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	sigemptyset(&sa.sa_mask);
	if (sigaction(VCPU_KICK_SIGNAL, &sa, NULL) != 0)
		return -errno;
	return timer_create(CLOCK_MONOTONIC, &ev, &vcpu->timer) == 0 ? 0 : -errno;
}

void vcpu_arm_timer(struct vcpu *vcpu)
{
	uint64_t ns = READ_ONCE(vcpu->page->timer_deadline_ns);
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)}};

	/* A deadline absurdly far off is none; the kernel asks again when it changes. */
	if (ns > (uint64_t)INT64_MAX)
		memset(&when, 0, sizeof(when));
	(void)timer_settime(vcpu->timer, TIMER_ABSTIME, &when, NULL);
}

void vcpu_wait(struct vcpu *vcpu)
{
	struct cay_vcpu_page *page = vcpu->page;
	uint64_t ns = READ_ONCE(page->timer_deadline_ns);
	struct timespec until = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	bool forever = ns == 0 || ns > (uint64_t)INT64_MAX;
	int err;

	/* The backend waits itself, and wakes there: here a hostile guest would only keep this thread. */
	if (vcpu->vm->backend->vcpu_wake != NULL)
		return;
	for (;;) {
		uint32_t seq = atomic_load(&vcpu->wake_seq);

		if (__atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) != 0 || atomic_load(&vcpu->vm->ending))
			return;
		if (io_carry_serve(vcpu->vm->io))
			continue;
		vm_count(&vcpu->vm->counters.waits);
		err = io_carry_sleep(vcpu->vm->io, vcpu, seq, forever ? NULL : &until);
		if (err == -ENOENT && syscall(SYS_futex, &vcpu->wake_seq, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seq,
					      forever ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY) != 0)
			err = -errno;
		if (err == -ETIMEDOUT) {
			__atomic_fetch_or(&page->pending, 1ULL << CAY_EVENT_TIMER, __ATOMIC_SEQ_CST);
			return;
		}
	}
}

#define PAUSE_MAX_NS 1000000u

int64_t vcpu_pause(uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};

	if (ns > PAUSE_MAX_NS)
		return -EINVAL;
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL); /* a kick may end it early */
	return 0;
}

void vcpu_wake(struct vcpu *vcpu)
{
	if (vcpu->vm->backend->vcpu_wake != NULL) {
		vcpu->vm->backend->vcpu_wake(vcpu);
		return;
	}
	atomic_fetch_add(&vcpu->wake_seq, 1);
	io_carry_wake(vcpu->vm->io);
	(void)syscall(SYS_futex, &vcpu->wake_seq, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

bool vcpu_notify(struct vcpu *vcpu)
{
	struct cay_vcpu_page *page = vcpu->page;

	switch (__atomic_load_n(&page->state, __ATOMIC_SEQ_CST)) {
	case CAY_VCPU_POLLING:
		return false;
	case CAY_VCPU_WAITING:
		vcpu_wake(vcpu);
		return false;
	default:
		if (__atomic_load_n(&page->masked, __ATOMIC_SEQ_CST) != 0)
			return true;
		vm_count(&vcpu->vm->counters.kicks);
		vcpu->vm->backend->vcpu_kick(vcpu);
		return false;
	}
}

static bool wants_upcall(struct cay_vcpu_page *page)
{
	return __atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) != 0 && READ_ONCE(page->masked) == 0 &&
	       READ_ONCE(page->state) == CAY_VCPU_RUNNING;
}

/* The vCPU runs no more, and soon it is no more: neither its timer nor a late kick may look for it. */
static void end_signals(struct vcpu *vcpu)
{
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, VCPU_KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	(void)timer_delete(vcpu->timer);
}

/*
 * Somebody shortened a mapped file: Linux answers such a touch of the program's with SIGBUS, and the kernel's with
 * EFAULT. Where the kernel is in the middle of something it goes on with zeros, and the program gets its signal on the
 * way out. False: it was not that.
 */
static bool no_page(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	bool done;

	pthread_mutex_lock(&vm->window_lock);
	done = vm->fs != NULL && fs_window_is_short(vm->fs);
	if (done && (vm->backend->vcpu_no_page == NULL || !vm->backend->vcpu_no_page(vcpu))) {
		done = fs_mend_window(vm->fs) > 0;
		__atomic_fetch_or(&vcpu->page->signals, 1ULL << (SIGBUS - 1), __ATOMIC_SEQ_CST);
		vm_raise_event_on(vcpu, CAY_EVENT_SIGNAL);
	}
	pthread_mutex_unlock(&vm->window_lock);
	return done;
}

void vcpu_loop(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct vcpu_exit_info exit;

	if (vcpu->id == 0)
		timing_mark(vm, VM_T_FIRST_RUN);
	for (;;) {
		vm->backend->vcpu_clear_kick(vcpu);
		if (atomic_load(&vm->ending)) {
			end_signals(vcpu);
			return;
		}
		if (wants_upcall(vcpu->page) && vm->backend->vcpu_upcall(vcpu))
			vm_count(&vm->counters.upcalls);
		switch (vm->backend->vcpu_run(vcpu, &exit)) {
		case VCPU_EXIT_KICK:
			vm_count(&vm->counters.exits_kick);
			break;
		case VCPU_EXIT_GATE:
			vm_count(&vm->counters.exits_gate);
			gate_dispatch(vcpu, exit.offset);
			break;
		case VCPU_EXIT_NO_PAGE:
			if (no_page(vcpu))
				break;
			/* fall through */
		case VCPU_EXIT_CRASH: {
			char regs[1024];

			vm_count(&vm->counters.exits_other);
			vm->backend->vcpu_dump(vcpu, regs, sizeof(regs));
			vm_fail(vm, "the virtual machine crashed: %s\n%s", exit.text, regs);
			break;
		}
		case VCPU_EXIT_HOST_ERROR:
			vm_fail(vm, "cannot run the virtual CPU: %s: %s", exit.text, strerror(exit.error));
			break;
		}
	}
}
