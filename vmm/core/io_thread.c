/* SPDX-License-Identifier: MIT */
#include "vmm/core/io_thread.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/clock.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/timing.h"
#include "vmm/core/vcpu.h"

/*
 * Quiet time after which the thread sleeps. Waking it costs the guest a doorbell (8-10 us) and a wake-up across CPUs
 * (19 us up to 100 us on a busy host), so it follows the traffic: a sleep that was short was a mistake, a long one was
 * not.
 */
#define IO_POLL_MIN_NS   20000
#define IO_POLL_SHORT_NS 200000
#define IO_POLL_START_NS 4000000
#define IO_POLL_MAX_NS   4000000
/*
 * A polling thread that finds a hole in its own time was preempted: others want this CPU. Then polling is the worst to
 * do, since the scheduler takes the CPU away just when a request comes, for milliseconds, while a sleeper is woken at
 * once.
 */
#define IO_HOLE_NS 300000
/* For how long it then does not poll: twice as long each time it happens again soon. */
#define IO_CROWDED_MIN_NS 2000000
#define IO_CROWDED_MAX_NS 100000000
/* Requests that the vCPU's thread serves before it wakes the I/O thread: from then on polling pays. */
#define IO_INLINE_MAX 2
/* How long to look for the guest's answer to what it was given: IO_LINGER_SHORT. */
#define IO_POLL_ANSWER_NS 60000
/* How often watched descriptors are looked at while polling. */
#define IO_EPOLL_EVERY_NS 20000
/* When masked was set, the guest's return path may not have seen the event: look again after its store is visible. */
#define IO_RECHECK_NS 5000
/* How long an event may wait that a busy vCPU will probably find by itself: about what a kick costs it. */
#define IO_SOON_NS 30000

static uint64_t now_ns(void)
{
	return timing_now_ns();
}

int io_thread_create(struct vm *vm)
{
	struct io_thread *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	io->vm = vm;
	io->carry_wake_fd = -1;
	io->doorbell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	vm->io = io;
	if (io->doorbell.fd < 0 || io->epoll_fd < 0)
		return -errno;
	return io_watch(io, &io->doorbell, EPOLLIN);
}

int io_add_source(struct io_thread *io, const struct io_source *src)
{
	if (io->nr_sources == IO_SOURCES_MAX)
		return -ENOSPC;
	pthread_mutex_init(&io->source_lock[io->nr_sources], NULL);
	io->sources[io->nr_sources++] = *src;
	return 0;
}

int io_watch(struct io_thread *io, struct io_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) == 0 ? 0 : -errno;
}

int io_rewatch(struct io_thread *io, struct io_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(io->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) == 0 ? 0 : -errno;
}

void io_unwatch(struct io_thread *io, struct io_watch *w)
{
	(void)epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

/* Work that was done: a bit for each enum io_linger that it asks for; 0 = none. */
#define WORK(linger) (1u << (linger))

static unsigned wait_fds(struct io_thread *io, int timeout_ms)
{
	struct epoll_event ev[16];
	unsigned work = 0;
	int n = epoll_wait(io->epoll_fd, ev, 16, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct io_watch *w = ev[i].data.ptr;

		work |= WORK(w->linger);
		if (w == &io->doorbell) {
			uint64_t count;

			if (read(w->fd, &count, sizeof(count)) == sizeof(count))
				__atomic_fetch_add(&io->vm->counters.doorbells, count, __ATOMIC_RELAXED);
		} else {
			w->ready(w, ev[i].events);
		}
	}
	return work;
}

static enum io_linger linger_of(const struct io_source *src)
{
	return src->linger != NULL ? *src->linger : IO_LINGER_FULL;
}

static unsigned poll_sources(struct io_thread *io)
{
	unsigned work = 0;

	for (unsigned i = 0; i < io->nr_sources; i++) {
		/* Held by the vCPU's thread: it is being served. */
		if (pthread_mutex_trylock(&io->source_lock[i]) != 0)
			continue;
		if (io->sources[i].poll(io->sources[i].ctx))
			work |= WORK(linger_of(&io->sources[i]));
		pthread_mutex_unlock(&io->source_lock[i]);
	}
	return work;
}

static void arm_sources(struct io_thread *io, bool sleep)
{
	for (unsigned i = 0; i < io->nr_sources; i++) {
		if (io->sources[i].arm == NULL)
			continue;
		pthread_mutex_lock(&io->source_lock[i]);
		io->sources[i].arm(io->sources[i].ctx, sleep);
		pthread_mutex_unlock(&io->source_lock[i]);
	}
}

/* Serves source i until nothing is left, and leaves it armed, unless the I/O thread has woken meanwhile and does both.
 */
static void serve_inline(struct io_thread *io, unsigned i)
{
	struct io_source *src = &io->sources[i];

	pthread_mutex_lock(&io->source_lock[i]);
	do {
		while (src->poll(src->ctx))
			io->nr_inline++;
		if (atomic_load(&io->asleep))
			src->arm(src->ctx, true);
	} while (src->poll(src->ctx));
	pthread_mutex_unlock(&io->source_lock[i]);
}

bool io_doorbell(struct io_thread *io, uint32_t doorbell)
{
	for (unsigned i = 0; i < io->nr_sources; i++) {
		if (io->sources[i].doorbell != doorbell)
			continue;
		if (!atomic_load(&io->asleep)) {
			io_thread_wake(io);
			return true;
		}
		serve_inline(io, i);
		if (io->nr_inline >= IO_INLINE_MAX && io->poll_ns != 0 &&
		    linger_of(&io->sources[i]) == IO_LINGER_FULL) {
			io->nr_inline = 0;
			io_thread_wake(io);
		}
		return true;
	}
	return false;
}

void io_note_masked(struct io_thread *io, unsigned vcpu_id)
{
	atomic_fetch_or(&io->recheck_vcpus, 1u << vcpu_id);
	atomic_store(&io->recheck_at_ns, now_ns() + IO_RECHECK_NS);
	if (atomic_load(&io->asleep)) /* the note came from a vCPU's thread */
		io_thread_wake(io);
}

void io_note_later(struct io_thread *io, unsigned vcpu_id, uint64_t ns)
{
	/* First this, then the look: recheck() clears the time first, then takes the bits. */
	atomic_fetch_or(&io->recheck_vcpus, 1u << vcpu_id);
	/* Not later than for another one: the kick is early then, which costs time and nothing else. */
	if (atomic_load(&io->recheck_at_ns) == 0)
		atomic_store(&io->recheck_at_ns, now_ns() + ns);
	if (atomic_load(&io->asleep))
		io_thread_wake(io);
}

void io_note_soon(struct io_thread *io, unsigned vcpu_id)
{
	io_note_later(io, vcpu_id, IO_SOON_NS);
}

bool io_is_this_thread(const struct io_thread *io)
{
	return io->started && pthread_equal(pthread_self(), io->thread);
}

/* Has each vCPU that was to be looked at again seen its events, or will it look before it does anything else? */
static bool have_seen(const struct io_thread *io)
{
	for (uint32_t vcpus = atomic_load(&io->recheck_vcpus); vcpus != 0; vcpus &= vcpus - 1) {
		const struct cay_vcpu_page *page = io->vm->vcpu[__builtin_ctz(vcpus)].page;

		if (READ_ONCE(page->pending) != 0 && READ_ONCE(page->state) == CAY_VCPU_RUNNING)
			return false;
	}
	return true;
}

/* Not later than it has to be, because this thread does not sleep before. */
static void recheck(struct io_thread *io, uint64_t now)
{
	uint64_t at = atomic_load(&io->recheck_at_ns);
	uint32_t vcpus;

	if (at == 0 || (now < at && !have_seen(io)))
		return;
	atomic_store(&io->recheck_at_ns, 0);
	vcpus = atomic_exchange(&io->recheck_vcpus, 0);
	for (; vcpus != 0; vcpus &= vcpus - 1) {
		struct vcpu *vcpu = &io->vm->vcpu[__builtin_ctz(vcpus)];

		/* Still masked: the kernel will see the event when it unmasks, since that store is yet to come. */
		if (__atomic_load_n(&vcpu->page->pending, __ATOMIC_SEQ_CST) != 0)
			(void)vcpu_notify(vcpu);
	}
}

static void adapt_polling(struct io_thread *io, uint64_t slept_ns)
{
	uint64_t poll_ns = io->poll_ns;

	if (poll_ns == 0)
		return; /* one CPU */
	if (now_ns() < io->crowded_until_ns)
		return;
	if (slept_ns < IO_POLL_MAX_NS)
		io->poll_ns = MAX(MIN(poll_ns * 2, (uint64_t)IO_POLL_MAX_NS), (uint64_t)IO_POLL_SHORT_NS);
	else
		io->poll_ns = MAX(poll_ns / 2, (uint64_t)IO_POLL_MIN_NS);
}

/* Returns the work that ended the sleep. */
static unsigned sleep_until_woken(struct io_thread *io)
{
	unsigned work;

	arm_sources(io, true);
	atomic_store(&io->asleep, true);
	work = poll_sources(io);
	if (work == 0 && !atomic_load(&io->vm->ending)) {
		uint64_t before = now_ns();

		vm_count(&io->vm->counters.io_wakeups);
		work = wait_fds(io, -1);
		if (work & WORK(IO_LINGER_FULL))
			adapt_polling(io, now_ns() - before);
	}
	atomic_store(&io->asleep, false);
	arm_sources(io, false);
	return work;
}

/* Until when to poll: for either reason. */
struct patience {
	uint64_t full_ns, short_ns;
};

static void note_work(const struct io_thread *io, struct patience *until, unsigned work, uint64_t now)
{
	uint64_t poll_ns = io->poll_ns;

	if (work & WORK(IO_LINGER_FULL))
		until->full_ns = now + poll_ns;
	if (work & WORK(IO_LINGER_SHORT))
		until->short_ns = now + MIN(poll_ns, (uint64_t)IO_POLL_ANSWER_NS);
	else if (work & WORK(IO_LINGER_NONE))
		until->short_ns = now;
}

/* now: the end of the hole. */
static void note_hole(struct io_thread *io, uint64_t now)
{
	if (now > io->crowded_until_ns + IO_CROWDED_MAX_NS)
		io->crowded_ns = IO_CROWDED_MIN_NS;
	else
		io->crowded_ns = MIN(io->crowded_ns * 2, (uint64_t)IO_CROWDED_MAX_NS);
	io->crowded_until_ns = now + io->crowded_ns;
	io->poll_ns = IO_POLL_MIN_NS;
	vm_count(&io->vm->counters.io_holes);
}

static void *io_thread_main(void *arg)
{
	struct io_thread *io = arg;
	uint64_t now = now_ns();
	uint64_t last, epoll_ns = now;
	struct patience until = {.full_ns = now + io->poll_ns};
	unsigned spins = 0;

	arm_sources(io, false); /* queues are made for a sleeper; we begin by polling */
	while (!atomic_load(&io->vm->ending)) {
		unsigned work = poll_sources(io);

		/* Reading the clock costs as much as a poll: do it now and then. */
		if (work == 0 && ++spins % 16 != 0) {
			__builtin_ia32_pause();
			continue;
		}
		last = now;
		now = now_ns();
		if (work == 0 && now - last > IO_HOLE_NS && io->poll_ns != 0) {
			note_hole(io, now);
			until.full_ns = MIN(until.full_ns, now + io->poll_ns);
		}
		note_work(io, &until, work, now);
		recheck(io, now);
		if (now - epoll_ns >= IO_EPOLL_EVERY_NS) {
			epoll_ns = now;
			clock_refresh(io->vm);
			wait_fds(io, 0);
		}
		if (now >= until.full_ns && now >= until.short_ns && atomic_load(&io->recheck_at_ns) == 0) {
			work = sleep_until_woken(io);
			now = epoll_ns = now_ns();
			note_work(io, &until, work, now);
			clock_refresh(io->vm);
		}
	}
	return NULL;
}

bool io_may_poll(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/*
 * Where the thread may run, set before it does because the sandbox forbids it afterwards: --io-core, or any CPU but the
 * one that the vCPU's thread starts on. Left to itself it often starts there, and each then waits for the other's time
 * slice.
 */
static int choose_cpus(pthread_attr_t *attr, int core)
{
	cpu_set_t set;
	int here = sched_getcpu();

	if (core >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)core, &set);
	} else {
		if (here < 0 || sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 2)
			return 0;
		CPU_CLR((unsigned)here, &set);
	}
	return -pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

int io_thread_start(struct io_thread *io)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	pthread_attr_init(&attr);
	err = choose_cpus(&attr, io->vm->opt->io_core);
	if (err != 0)
		return err;
	io->poll_ns = io_may_poll() ? IO_POLL_START_NS : 0;
	/* Signals are for the main thread: it forwards them, or dies of them. */
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* a call that the sandbox forbids is reported, not just deadly */
	sigdelset(&all, SIGBUS); /* likewise: lost_memory.h */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&io->thread, &attr, io_thread_main, io);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	io->started = err == 0;
	return err;
}

void io_thread_wake(struct io_thread *io)
{
	uint64_t one = 1;

	(void)!write(io->doorbell.fd, &one, sizeof(one));
}

void io_thread_destroy(struct io_thread *io)
{
	if (io == NULL)
		return;
	if (io->started) {
		io_thread_wake(io);
		pthread_join(io->thread, NULL);
	}
	if (io->carry_wake_fd >= 0)
		close(io->carry_wake_fd);
	if (io->epoll_fd >= 0)
		close(io->epoll_fd);
	if (io->doorbell.fd >= 0)
		close(io->doorbell.fd);
	free(io);
}
