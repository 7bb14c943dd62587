/* SPDX-License-Identifier: MIT */
/*
 * uring_priv.h - rings, requests, and who may touch a request.
 *
 * A request is in one state at a time, and whoever moved it out of URING_WAITING or took it off a list owns it alone:
 *   URING_RUNNING   a thread of its process, or a worker, has it
 *   URING_WAITING   armed (poll, timer): the first of event and cancellation claims it
 *   URING_READY     claimed, or never started: on a list of what is to be run
 *   URING_DEFERRED  behind a request with IOSQE_IO_DRAIN
 *   URING_BLOCKING  a worker is in a call that may wait; only interrupting the worker ends that
 * Requests run in thread context of the process that submitted them, because only there are its files and memory:
 * in io_uring_enter, or by a worker, a kernel thread that has adopted the process (task.c). Events come in any context
 * and only move a request from WAITING to READY. So completions are posted in thread context only.
 *
 * What the program can write (ring indices, entries) is read once into a local; sizes and our own positions are kept
 * outside of the shared memory.
 * Lock: the kernel lock; the states and lists here change in stretches that do not block.
 */
#ifndef CAY_KERNEL_URING_URING_PRIV_H
#define CAY_KERNEL_URING_URING_PRIV_H

#include <linux/io_uring.h>
#include <linux/time_types.h>

#include "kernel/fs/file.h"
#include "kernel/net/user_msg.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"

#define URING_SQ_MAX 32768u
#define URING_CQ_MAX (2 * URING_SQ_MAX)

/* The page(s) that IORING_OFF_SQ_RING and IORING_OFF_CQ_RING map: indices, completions, then the array of the SQ. */
struct uring_shared {
	uint32_t sq_head ALIGNED(64); /* we write */
	uint32_t sq_dropped, sq_flags;
	uint32_t sq_tail ALIGNED(64); /* the program writes */
	uint32_t cq_head;             /* the program writes */
	uint32_t cq_flags;            /* the program writes: IORING_CQ_EVENTFD_DISABLED */
	uint32_t cq_tail ALIGNED(64); /* we write */
	uint32_t cq_overflow;
	uint32_t sq_mask, sq_entries, cq_mask, cq_entries; /* for the program; never read here */
	struct io_uring_cqe cqes[] ALIGNED(64);
};

/* A completion for which the ring had no room. */
struct uring_overflow {
	struct list link;
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};
#define URING_OVERFLOW_MAX 65536u

struct uring_fixed_buffer {
	uint64_t addr, bytes; /* bytes 0: an empty slot */
};

/* A buffer that the kernel may choose (IOSQE_BUFFER_SELECT). */
struct uring_buffer {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
};

/* A group of them: given one by one (PROVIDE_BUFFERS), or a ring in the program's memory. */
struct uring_group {
	struct list link;
	uint16_t id;
	struct uring_buffer *stack; /* given one by one; the last is taken first */
	unsigned nr, room;
	uint64_t ring_addr; /* else 0 */
	uint16_t ring_mask, ring_head;
};

/* What processes share of a ring's requests, and a process of all its rings' requests. */
struct uring_task;

struct uring {
	unsigned refs;  /* one of the file, one of each request */
	unsigned flags; /* IORING_SETUP_* */
	bool disabled, closed;
	struct process *owner; /* who made it; compared, not used */
	struct uring_shared *shared;
	uint32_t *sq_array; /* in the shared memory */
	struct io_uring_sqe *sqes;
	unsigned shared_order, sqes_order;
	uint32_t sq_entries, cq_entries; /* powers of two */
	uint32_t sq_head, cq_tail;       /* ours; copies go to the program */
	struct mutex lock;               /* submission and registration: one thread at a time */
	struct waitq wait_wq;            /* threads in io_uring_enter */
	struct waitq poll_wq;            /* who polls the ring */
	unsigned nr_inside;              /* threads of the owner in io_uring_enter: they run what becomes ready */
	struct thread *issuer;           /* IORING_SETUP_SINGLE_ISSUER: who; compared only */
	struct list requests;            /* all that are in flight */
	struct list ready;               /* to be run by a thread in io_uring_enter */
	struct list deferred;            /* behind a drain, in order */
	struct list timeouts;            /* that count completions */
	unsigned nr_running;             /* submitted and not complete, but for those deferred */
	bool draining;                   /* one with IOSQE_IO_DRAIN is under way */
	struct list overflow;
	unsigned nr_overflow;
	struct file **files; /* registered; NULL slots are free */
	unsigned nr_files, alloc_from, alloc_to;
	struct uring_fixed_buffer *buffers;
	unsigned nr_buffers;
	struct file *eventfd;
	bool eventfd_async;
	struct list groups;
};

enum uring_state { URING_RUNNING, URING_WAITING, URING_READY, URING_DEFERRED, URING_BLOCKING };

struct uring_req;

/* One registration on a wait queue of the request's file. */
struct uring_hook {
	struct waiter waiter;
	struct uring_req *req;
};
#define URING_HOOKS 4

struct uring_op;

struct uring_req {
	struct uring *ring; /* counted */
	struct uring_task *task;
	const struct uring_op *op;
	struct list ring_link;    /* ring.requests */
	struct list task_link;    /* task.requests */
	struct list queue_link;   /* ring.ready, ring.deferred, or a queue of the task */
	struct list timeout_link; /* ring.timeouts */
	struct list event_link;   /* task.events */
	enum uring_state state;
	struct thread *worker; /* while BLOCKING */
	bool started;
	bool canceled;       /* ends with -ECANCELED when it is run next */
	bool expired;        /* its timer fired */
	bool failed;         /* completed, but not as its link wants */
	bool expiry_is_fine; /* -ETIME does not fail the chain */
	int32_t error;       /* found while it was read: it never starts */
	bool arming, fired;  /* an event came while it was being armed */
	bool drains;
	bool no_wait;      /* -EAGAIN is its result: the file or its flags say so */
	bool polled_first; /* IORING_RECVSEND_POLL_FIRST was served; of a timeout: it was armed */
	uint8_t flags;     /* IOSQE_* */
	uint8_t opcode;
	uint16_t ioprio;
	uint64_t user_data;
	uint32_t cqe_flags;
	int fd;
	struct file *file;              /* counted; NULL for operations without */
	struct uring_req *link;         /* next of its chain */
	struct uring_req *link_timeout; /* the IORING_OP_LINK_TIMEOUT that watches it */
	struct uring_req *watched;      /* of a link timeout: whom it watches, NULL when that is over */
	/* a buffer taken from a group */
	bool has_buffer;
	uint16_t group;
	struct uring_buffer buffer;
	/* poll */
	uint32_t poll_events;
	unsigned nr_hooks;
	bool poll_failed;
	struct uring_hook hook[URING_HOOKS];
	struct poll_table poll_table;
	struct ktimer timer;
	bool prepared; /* op.cleanup is due */
	union {
		struct {
			uint64_t addr;
			uint32_t len;
			int64_t pos; /* -1: the file's */
			uint32_t rwf;
			bool vectored;
			struct iovec_copy iov;
		} rw;
		struct {
			uint64_t addr; /* data, or struct msghdr */
			uint32_t len;
			uint32_t flags;
			int32_t file_slot; /* accept: -1 descriptor, else a registered slot + 1, or FILE_INDEX_ALLOC */
			uint64_t addr2;
			size_t done; /* MSG_WAITALL: bytes of earlier attempts */
			struct sock_addr to;
			struct user_msg msg;
		} net;
		struct {
			uint32_t events;
			bool multi, update_events, update_user_data;
			uint64_t old_user_data, new_user_data;
		} poll;
		struct {
			uint64_t deadline_ns;
			uint32_t count; /* completions until it is over; 0: time only */
			uint32_t flags;
			uint64_t old_user_data;
		} timeout;
		struct {
			uint64_t key;
			uint32_t flags;
			int32_t fd;
			uint8_t opcode;
		} cancel;
		struct {
			char *path; /* openat: copied */
			uint64_t a[5];
			int32_t file_slot;
		} fs;
	};
};

/* issue: what request_run (request.c) does with it. */
#define URING_PARKED (-0x10000) /* it waits for something: not ours any more */

struct uring_op {
	bool needs_file;
	bool selects_buffer; /* IOSQE_BUFFER_SELECT is allowed */
	bool may_block;      /* in ways that no poll tells of: a worker's business */
	uint32_t poll_in;    /* what to wait for after -EAGAIN; 0: it cannot */
	/* Reads the entry, which is a private copy. 0, -EINVAL, -EFAULT... May be NULL. */
	int (*prepare)(struct uring_req *r, const struct io_uring_sqe *sqe);
	/* The result, -EAGAIN (only with nowait), or URING_PARKED. */
	int (*issue)(struct uring_req *r, bool nowait);
	void (*cleanup)(struct uring_req *r);
};

/* ops.c; NULL: no such operation. */
const struct uring_op *uring_op(unsigned opcode);

/* ring.c: the shared memory. */
MUST_CHECK int ring_alloc(struct uring *ring);
void ring_free(struct uring *ring);
/* file_ops.map and check_map */
int ring_check_map(struct file *f, uint64_t offset, uint64_t bytes);
int ring_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run);
void ring_offsets(const struct uring *ring, struct io_uring_params *p);
uint32_t ring_cq_ready(const struct uring *ring);
bool ring_sq_full(const struct uring *ring);
/* Takes the next entry; false: there is none, or its index is none. */
MUST_CHECK bool ring_take_sqe(struct uring *ring, struct io_uring_sqe *out);
/* A completion. Wakes who waits. Thread context. */
void ring_post(struct uring *ring, uint64_t user_data, int32_t res, uint32_t flags, bool counts);
bool ring_cq_full(const struct uring *ring);
/* Moves what overflowed to where the program has made room. False: some is left. */
bool ring_flush_overflow(struct uring *ring);

/* setup.c */
extern const struct file_ops uring_file_ops;
struct uring *uring_of(const struct file *f); /* NULL: it is no ring */
void uring_put(struct uring *ring);

/* submit.c: takes up to nr entries; how many, or -errno if none could be. */
int uring_submit(struct uring *ring, unsigned nr);

/* request.c */
struct uring_req *request_alloc(struct uring *ring, struct uring_task *task);
void request_start(struct uring_req *r); /* first time, by its process: may pass it on to a worker */
void request_run(struct uring_req *r);   /* taken off a list of what is READY */
/* A chain is complete: it starts, or waits behind a drain. */
void request_queue_chain(struct uring_req *head);
void request_complete(struct uring_req *r, int32_t res);
/* A chain that never started: each ends with its own error, or with -ECANCELED. */
void request_fail_chain(struct uring_req *head);
/* A completion that is not the last one (multishot). False: there is no room, so make it the last one. */
MUST_CHECK bool request_post_more(struct uring_req *r, int32_t res);
/* WAITING -> RUNNING, the caller's. False: somebody else was first. */
MUST_CHECK bool request_claim(struct uring_req *r);
/* An event: WAITING -> READY, and somebody is told to run it. Any context. */
void request_event(struct uring_req *r);
/* Onto the list of whoever runs it soonest. Any context. */
void request_make_ready(struct uring_req *r);
/* Runs what is ready in the ring and belongs to the caller's process. True if there was anything. */
bool uring_run_ready(struct uring *ring);
/* Whether what was behind a drain may go now. */
void uring_check_drain(struct uring *ring);

/* wait.c: polls and timers of requests. */
/* Waits for events of r's file. True: parked. False: there is an event already, or (poll_failed) no way to wait. */
MUST_CHECK bool request_arm_poll(struct uring_req *r, uint32_t events, uint32_t *now);
/* The same for events beyond `seen`, of which the program has been told. */
MUST_CHECK bool request_arm_change(struct uring_req *r, uint32_t events, uint32_t seen);
/* A file of r's, which is armed, has an event, and the kernel lock is not held: any context. It is told a worker,
 * unless it is forgotten before. */
void task_leave_event(struct uring_req *r);
void task_forget_event(struct uring_req *r);
void request_disarm(struct uring_req *r); /* hooks and timer */
void request_arm_timer(struct uring_req *r, uint64_t deadline_ns);
int timeout_deadline(const void *ts_user, uint32_t flags, uint64_t *deadline_ns);
void uring_count_completion(struct uring *ring); /* for timeouts that count */

/* cancel.c */
struct uring_match {
	uint64_t user_data;
	struct file *file;
	uint8_t opcode;
	uint32_t flags; /* IORING_ASYNC_CANCEL_* */
	struct uring_req *except;
};
/* 0 or the number with _ALL; -ENOENT, -EALREADY. task NULL: of all processes. */
int uring_cancel(struct uring *ring, struct uring_task *task, const struct uring_match *m);
/* 0, -EALREADY (it is being run), -ENOENT. */
int request_cancel(struct uring_req *r);
void uring_cancel_all(struct uring *ring);

/* task.c: a process's side; workers. */
struct uring_task *uring_task_current(void); /* made on first use; NULL without memory */
void task_add(struct uring_task *task, struct uring_req *r);
void task_remove(struct uring_req *r);
bool task_is_ending(const struct uring_task *task);
bool task_is_current(const struct uring_task *task);
/* There is a worker from now on. -ENOMEM. Thread context. */
MUST_CHECK int task_need_worker(struct uring_task *task);
/* For a worker to run; slow: in a way that may block. */
void task_queue(struct uring_req *r, bool slow);
bool task_owns_ring(const struct uring_task *task, const struct uring *ring);

/* buffers.c: groups. */
int group_take(struct uring_req *r, uint32_t *len); /* -ENOBUFS; r->buffer */
void group_give_back(struct uring_req *r);
void groups_free(struct uring *ring);
int group_provide(struct uring *ring, uint16_t id, uint64_t addr, uint32_t len, unsigned nr, unsigned first_id);
int group_remove(struct uring *ring, uint16_t id, unsigned nr);
int group_register_ring(struct uring *ring, const void *arg_user);
int group_unregister_ring(struct uring *ring, const void *arg_user);

/* fixed.c: registered files and buffers. */
struct file *fixed_file(struct uring *ring, unsigned slot); /* counted; NULL: none */
/* f (reference taken over) into slot - 1, or any with IORING_FILE_INDEX_ALLOC: then its number. -errno. */
int fixed_install(struct uring *ring, struct file *f, uint32_t slot);
int fixed_close(struct uring *ring, uint32_t slot);
int fixed_register_files(struct uring *ring, const void *fds_user, unsigned nr);
int fixed_unregister_files(struct uring *ring);
int fixed_update_files(struct uring *ring, unsigned from, const void *fds_user, unsigned nr);
int fixed_set_alloc_range(struct uring *ring, const void *arg_user);
int fixed_register_buffers(struct uring *ring, const void *iov_user, unsigned nr);
int fixed_unregister_buffers(struct uring *ring);
int fixed_update_buffers(struct uring *ring, unsigned from, const void *iov_user, unsigned nr);
bool fixed_buffer_covers(const struct uring *ring, unsigned index, uint64_t addr, uint64_t bytes);

/* The operations, by subject. */
extern const struct uring_op uring_op_nop, uring_op_readv, uring_op_writev, uring_op_read, uring_op_write,
	uring_op_read_fixed, uring_op_write_fixed;
extern const struct uring_op uring_op_send, uring_op_recv, uring_op_sendmsg, uring_op_recvmsg, uring_op_accept,
	uring_op_connect, uring_op_shutdown, uring_op_socket;
extern const struct uring_op uring_op_poll_add, uring_op_poll_remove, uring_op_timeout, uring_op_timeout_remove,
	uring_op_link_timeout, uring_op_cancel;
extern const struct uring_op uring_op_fsync, uring_op_sync_file_range, uring_op_fallocate, uring_op_fadvise,
	uring_op_madvise, uring_op_openat, uring_op_openat2, uring_op_close, uring_op_statx, uring_op_renameat,
	uring_op_unlinkat, uring_op_mkdirat, uring_op_symlinkat, uring_op_linkat, uring_op_splice, uring_op_tee,
	uring_op_epoll_ctl;
extern const struct uring_op uring_op_files_update, uring_op_provide_buffers, uring_op_remove_buffers,
	uring_op_msg_ring;

#endif
