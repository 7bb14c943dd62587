/* SPDX-License-Identifier: MIT */
/*
 * mqueue_notify.h - who is told that a message came to an empty queue, and how: mq_notify(2). By a signal, or by a
 * datagram to a netlink socket, on which the C library builds SIGEV_THREAD. Lock: the kernel lock.
 */
#ifndef CAY_KERNEL_IPC_MQUEUE_NOTIFY_H
#define CAY_KERNEL_IPC_MQUEUE_NOTIFY_H

#include <signal.h>
#include <stdint.h>

#include "lib/compiler.h"

struct file;

#define MQ_COOKIE_BYTES 32 /* Linux: NOTIFY_COOKIE_LEN; the last byte says what happened */

struct mq_notice {
	int pid;    /* of the process that asked; 0: nobody */
	int how;    /* SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD */
	int signal; /* SIGEV_SIGNAL */
	uint64_t value;
	struct file *socket; /* SIGEV_THREAD: a reference */
	uint8_t cookie[MQ_COOKIE_BYTES];
};

/* What the caller asks for. -EINVAL: not a way, a signal or a netlink socket; -EFAULT; -EBADF, -ENOTSOCK: the socket.
 */
MUST_CHECK int mq_notice_from_user(struct mq_notice *n, const void *uevent);
/* A message came: tells whoever asked, once. */
void mq_notice_send(struct mq_notice *n);
/* Nobody is to be told any more; a thread that waits for it is told that. */
void mq_notice_drop(struct mq_notice *n);

#endif
