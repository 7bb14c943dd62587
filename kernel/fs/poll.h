/* SPDX-License-Identifier: MIT */
/*
 * poll.h - waiting for several files at once: what poll(2) and select(2) share.
 *
 *   poll_wait_init(&w);
 *   for (;;) {
 *           nr = scan, calling poll_wait_file(&w, f, events) for each file;
 *           if (nr > 0 || poll_wait_sleep(&w, deadline_ns) != 0) break;
 *   }
 *   poll_wait_done(&w);
 * The first scan registers on the files' wait queues, later ones only look. An event between scan and sleep is not
 * lost.
 */
#ifndef CAY_KERNEL_FS_POLL_H
#define CAY_KERNEL_FS_POLL_H

#include "kernel/fs/file.h"

struct poll_waiter; /* poll.c */

struct poll_entry {
	struct waiter waiter;
	struct poll_waiter *owner;
	struct file *file; /* counted: a file closed meanwhile must not take its wait queue along */
	uint32_t events;
};

#define POLL_ENTRIES_INLINE 6
#define POLL_ENTRIES_CHUNK  30
struct poll_chunk {
	struct poll_chunk *next;
	unsigned used;
	struct poll_entry entries[POLL_ENTRIES_CHUNK];
};

struct poll_waiter {
	struct poll_table table; /* first: files see only this */
	struct thread *thread;
	uint32_t events; /* of the file being registered */
	bool registering;
	bool triggered;
	int error; /* -ENOMEM while registering */
	unsigned used;
	struct poll_entry entries[POLL_ENTRIES_INLINE];
	struct poll_chunk *chunks;
};

void poll_wait_init(struct poll_waiter *w);
/* Which of `events`, POLLERR and POLLHUP hold for f. */
uint32_t poll_wait_file(struct poll_waiter *w, struct file *f, uint32_t events);
/* Until something registered has an event. 0: scan again; -ETIMEDOUT, -EINTR, -ENOMEM. */
MUST_CHECK int poll_wait_sleep(struct poll_waiter *w, uint64_t deadline_ns);
void poll_wait_done(struct poll_waiter *w);

struct pollfd;
long sys_poll(struct pollfd *fds_user, unsigned nr, int timeout_ms);
long sys_ppoll(struct pollfd *fds_user, unsigned nr, void *timeout_user, const void *sigmask_user, size_t sigset_bytes);
long sys_select(int nr, void *in_user, void *out_user, void *ex_user, void *timeval_user);
long sys_pselect6(int nr, void *in_user, void *out_user, void *ex_user, void *timespec_user, const void *sigmask_user);

#endif
