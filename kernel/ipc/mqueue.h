/* SPDX-License-Identifier: MIT */
/* mqueue.h - POSIX message queues: the raw system calls, which differ from mq_open(3) and its family in that names have
 * no leading slash. Errors are those of the man pages. */
#ifndef CAY_KERNEL_IPC_MQUEUE_H
#define CAY_KERNEL_IPC_MQUEUE_H

#include <stddef.h>
#include <stdint.h>

/* Linux's defaults: /proc/sys/fs/mqueue/msg_max, msgsize_max, queues_max; and what CAP_SYS_RESOURCE may use. */
#define MQ_MESSAGES       10
#define MQ_MESSAGE_BYTES  8192
#define MQ_QUEUES_MAX     256
#define MQ_HARD_MESSAGES  65536
#define MQ_HARD_BYTES     (1 << 20) /* Linux: 16 MiB; one block of kmalloc holds 2 */
#define MQ_OVERHEAD_BYTES 96 /* what Linux counts for each message that may come: struct msg_msg and a tree's node */
#define MQ_PRIORITIES     32768u

struct mq_attr;

long sys_mq_open(const char *uname, int flags, uint32_t mode, const struct mq_attr *uattr);
long sys_mq_unlink(const char *uname);
long sys_mq_timedsend(int fd, const char *udata, size_t bytes, unsigned priority, const void *utimeout);
long sys_mq_timedreceive(int fd, char *udata, size_t bytes, unsigned *upriority, const void *utimeout);
long sys_mq_notify(int fd, const void *uevent);
long sys_mq_getsetattr(int fd, const struct mq_attr *unew, struct mq_attr *uold);

#endif
