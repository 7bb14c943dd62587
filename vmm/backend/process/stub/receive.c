/* SPDX-License-Identifier: MIT */
/* receive.c - recvmsg(2) with one descriptor; the kernel's own structures, since there is no C library. */
#include "vmm/backend/process/stub/receive.h"

#include <errno.h>

#include "vmm/backend/process/stub/host.h"

struct iovec64 {
	void *base;
	uint64_t bytes;
};

/* struct user_msghdr and struct cmsghdr of linux/socket.h */
struct msghdr64 {
	void *name;
	int32_t name_bytes;
	struct iovec64 *iov;
	uint64_t nr_iov;
	void *control;
	uint64_t control_bytes;
	uint32_t flags;
};

struct fd_control {
	uint64_t bytes;
	int32_t level, type;
	int32_t fd;
	int32_t pad;
};

#define LEVEL_SOCKET 1 /* SOL_SOCKET */
#define TYPE_RIGHTS  1 /* SCM_RIGHTS */

int receive(struct stub_message *m, int *fd, int flags)
{
	struct fd_control control = {0};
	struct iovec64 iov = {.base = m, .bytes = sizeof(*m)};
	struct msghdr64 msg = {.iov = &iov, .nr_iov = 1, .control = &control, .control_bytes = sizeof(control)};
	long n;

	*fd = -1;
	do
		n = HOST_CALL3(recvmsg, STUB_FD_SOCKET, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	if (n != (long)sizeof(*m))
		return -EPIPE;
	if (msg.control_bytes >= sizeof(control) - sizeof(control.pad) && control.level == LEVEL_SOCKET &&
	    control.type == TYPE_RIGHTS)
		*fd = control.fd;
	return 0;
}
