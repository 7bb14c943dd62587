/* SPDX-License-Identifier: MIT */
/* io_thread_priv.h - the I/O thread as vm.c sees it. */
#ifndef CAY_VMM_CORE_IO_THREAD_PRIV_H
#define CAY_VMM_CORE_IO_THREAD_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/core/io_thread.h"
#include "vmm/core/vm.h"

#define IO_SOURCES_MAX 8

struct io_thread {
	struct vm *vm;
	pthread_t thread;
	bool started;
	int epoll_fd;
	struct io_watch doorbell; /* eventfd: all doorbells of the guest, and io_thread_wake */
	struct io_source sources[IO_SOURCES_MAX];
	pthread_mutex_t source_lock[IO_SOURCES_MAX]; /* held while a callback runs */
	_Atomic bool asleep;                         /* sources are armed; set and cleared by the thread itself */
	_Atomic unsigned nr_inline;                  /* requests served for it since it fell asleep: vCPU threads */
	unsigned nr_sources;
	int carry_wake_fd;        /* eventfd: ends io_carry_sleep; -1: none was made */
	_Atomic uint64_t poll_ns; /* 0: never poll. Written by the thread itself */
	uint64_t crowded_until_ns, crowded_ns;
	_Atomic uint64_t recheck_at_ns; /* 0 = nothing to look at again */
	_Atomic uint32_t recheck_vcpus; /* bit mask of those to look at */
};

MUST_CHECK int io_thread_create(struct vm *vm); /* sets vm->io */
MUST_CHECK int io_thread_start(struct io_thread *io);
void io_thread_destroy(struct io_thread *io); /* joins; vm->ending must be set */
void io_thread_wake(struct io_thread *io);    /* any thread, async-signal-safe */
/* A doorbell rang, on the vCPU's thread: serves its source if the I/O thread sleeps, else wakes it. False: not one of
 * those. */
bool io_doorbell(struct io_thread *io, uint32_t doorbell);
/* Whether there is a CPU for each side: polling on the vCPU's only CPU would be absurd. Not sysconf(3), which reads
 * files that the sandbox may hide. */
bool io_may_poll(void);
void io_note_masked(struct io_thread *io, unsigned vcpu_id); /* vcpu_notify returned true */
void io_note_later(struct io_thread *io, unsigned vcpu_id, uint64_t ns);
void io_note_soon(struct io_thread *io, unsigned vcpu_id); /* look at it a little later; on the I/O thread */
bool io_is_this_thread(const struct io_thread *io);

#endif
