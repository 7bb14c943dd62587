/* SPDX-License-Identifier: MIT */
/* ops.c - the operations by number. Absent, and so -EINVAL in a completion: extended attributes, URING_CMD, and
 * zero-copy sends. */
#include "kernel/uring/uring_priv.h"

static const struct uring_op *const ops[] = {
	[IORING_OP_NOP] = &uring_op_nop,
	[IORING_OP_READV] = &uring_op_readv,
	[IORING_OP_WRITEV] = &uring_op_writev,
	[IORING_OP_FSYNC] = &uring_op_fsync,
	[IORING_OP_READ_FIXED] = &uring_op_read_fixed,
	[IORING_OP_WRITE_FIXED] = &uring_op_write_fixed,
	[IORING_OP_POLL_ADD] = &uring_op_poll_add,
	[IORING_OP_POLL_REMOVE] = &uring_op_poll_remove,
	[IORING_OP_SYNC_FILE_RANGE] = &uring_op_sync_file_range,
	[IORING_OP_SENDMSG] = &uring_op_sendmsg,
	[IORING_OP_RECVMSG] = &uring_op_recvmsg,
	[IORING_OP_TIMEOUT] = &uring_op_timeout,
	[IORING_OP_TIMEOUT_REMOVE] = &uring_op_timeout_remove,
	[IORING_OP_ACCEPT] = &uring_op_accept,
	[IORING_OP_ASYNC_CANCEL] = &uring_op_cancel,
	[IORING_OP_LINK_TIMEOUT] = &uring_op_link_timeout,
	[IORING_OP_CONNECT] = &uring_op_connect,
	[IORING_OP_FALLOCATE] = &uring_op_fallocate,
	[IORING_OP_OPENAT] = &uring_op_openat,
	[IORING_OP_CLOSE] = &uring_op_close,
	[IORING_OP_FILES_UPDATE] = &uring_op_files_update,
	[IORING_OP_STATX] = &uring_op_statx,
	[IORING_OP_READ] = &uring_op_read,
	[IORING_OP_WRITE] = &uring_op_write,
	[IORING_OP_FADVISE] = &uring_op_fadvise,
	[IORING_OP_MADVISE] = &uring_op_madvise,
	[IORING_OP_SEND] = &uring_op_send,
	[IORING_OP_RECV] = &uring_op_recv,
	[IORING_OP_OPENAT2] = &uring_op_openat2,
	[IORING_OP_EPOLL_CTL] = &uring_op_epoll_ctl,
	[IORING_OP_SPLICE] = &uring_op_splice,
	[IORING_OP_PROVIDE_BUFFERS] = &uring_op_provide_buffers,
	[IORING_OP_REMOVE_BUFFERS] = &uring_op_remove_buffers,
	[IORING_OP_TEE] = &uring_op_tee,
	[IORING_OP_SHUTDOWN] = &uring_op_shutdown,
	[IORING_OP_RENAMEAT] = &uring_op_renameat,
	[IORING_OP_UNLINKAT] = &uring_op_unlinkat,
	[IORING_OP_MKDIRAT] = &uring_op_mkdirat,
	[IORING_OP_SYMLINKAT] = &uring_op_symlinkat,
	[IORING_OP_LINKAT] = &uring_op_linkat,
	[IORING_OP_MSG_RING] = &uring_op_msg_ring,
	[IORING_OP_SOCKET] = &uring_op_socket,
};

const struct uring_op *uring_op(unsigned opcode)
{
	return opcode < ARRAY_SIZE(ops) ? ops[opcode] : NULL;
}
