/* SPDX-License-Identifier: MIT */
#include "vmm/core/io_carry.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/backend/backend.h"
#include "vmm/cli/run_options.h"
#include "vmm/core/io_thread_priv.h"
#include "vmm/core/timing.h"

bool io_carry_prepare(struct io_thread *io)
{
	if (io->vm->opt->nr_cpus != 1 || io->vm->backend->vcpu_wake != NULL)
		return false;
	if (io->carry_wake_fd < 0)
		io->carry_wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return io->carry_wake_fd >= 0;
}

static struct io_source *carried_source(struct io_thread *io)
{
	for (unsigned i = 0; i < io->nr_sources; i++)
		if (io->sources[i].carried != NULL && atomic_load(&io->sources[i].carried->on))
			return &io->sources[i];
	return NULL;
}

bool io_carry_serve(struct io_thread *io)
{
	struct io_source *src = carried_source(io);
	pthread_mutex_t *lock;
	bool any;

	if (src == NULL)
		return false;
	lock = &io->source_lock[src - io->sources];
	pthread_mutex_lock(lock); /* if the I/O thread is at it, waiting costs less than looking whether it still is */
	any = src->poll(src->ctx);
	if (!atomic_load(&src->carried->on) && atomic_load(&io->asleep)) {
		src->arm(src->ctx, true);
		any |= src->poll(src->ctx);
	}
	pthread_mutex_unlock(lock);
	if (any)
		vm_count(&io->vm->counters.io_carried);
	return any;
}

/* Time left until `until`, 0 if it is over. */
static struct timespec time_until(const struct timespec *until)
{
	uint64_t end = (uint64_t)until->tv_sec * 1000000000 + (uint64_t)until->tv_nsec, now = timing_now_ns();
	uint64_t left = end > now ? end - now : 0;

	return (struct timespec){.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
}

int io_carry_sleep(struct io_thread *io, struct vcpu *vcpu, uint32_t seq, const struct timespec *until)
{
	struct io_source *src = carried_source(io);
	struct pollfd fds[2] = {{.fd = io->carry_wake_fd, .events = POLLIN}, {.events = POLLIN}};
	struct timespec left;
	uint64_t count;
	int n = 1;

	if (src == NULL)
		return -ENOENT;
	fds[1].fd = src->carried->fd;
	/* Full barrier before the look at wake_seq: pairs with io_carry_wake. */
	atomic_store(&src->carried->sleeping, true);
	if (atomic_load(&vcpu->wake_seq) == seq) {
		if (until != NULL)
			left = time_until(until);
		n = ppoll(fds, 2, until != NULL ? &left : NULL, NULL);
	}
	atomic_store(&src->carried->sleeping, false);
	if (n > 0 && (fds[0].revents & POLLIN))
		(void)!read(io->carry_wake_fd, &count, sizeof(count));
	src->carried->wakes(src->ctx);
	return n == 0 ? -ETIMEDOUT : 0;
}

void io_carry_wake(struct io_thread *io)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < io->nr_sources; i++)
		if (io->sources[i].carried != NULL && atomic_load(&io->sources[i].carried->sleeping))
			(void)!write(io->carry_wake_fd, &one, sizeof(one));
}
