/* SPDX-License-Identifier: MIT */
/* receive.h - messages of the VMM. */
#ifndef CAY_VMM_BACKEND_PROCESS_STUB_RECEIVE_H
#define CAY_VMM_BACKEND_PROCESS_STUB_RECEIVE_H

#include "vmm/backend/process/shared.h"

/* recvmsg(2)'s flags, which are in no header of the kernel's. */
#define MSG_DONTWAIT     0x40
#define MSG_PEEK         0x02
#define MSG_CMSG_CLOEXEC 0x40000000

/* One message, and in *fd the descriptor that came with it, -1 if none. 0, or -errno; -EPIPE: the VMM is gone. */
int receive(struct stub_message *m, int *fd, int flags);

#endif
