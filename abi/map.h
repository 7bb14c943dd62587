/* SPDX-License-Identifier: MIT */
/*
 * map.h - a map of the kernel's structures, by which the VMM lists threads, files and sockets of a VM without its help
 * (`cay inspect`). The kernel describes itself: each entry says where a member lies in its structure and how long it
 * is, or where a variable is. So the kernel may change its structures at will, and a stored VM carries its own map.
 *
 * cay_stats.map_gva and map_nr lead to the entries. All of it, and everything it leads to, is in the guest's memory and
 * therefore hostile: the VMM takes no address, length or list for granted.
 * Addresses are those of the direct map or of the kernel image (abi/layout.h).
 */
#ifndef CAY_ABI_MAP_H
#define CAY_ABI_MAP_H

#include <stdint.h>

enum cay_map_id {
	CAY_MAP_NONE,
	/* Variables: value = address */
	CAY_MAP_PROCESSES,    /* struct list of struct process */
	CAY_MAP_EXACT_TABLE,  /* pointer to an array of CAY_MAP_NR_EXACT chains of channels */
	CAY_MAP_BOUND_TABLE,  /* the same */
	CAY_MAP_SOCKET_FILES, /* file.ops of sockets */
	CAY_MAP_TCP_CHANNELS, /* channel.ops of TCP */
	/* Constants: value */
	CAY_MAP_NR_EXACT,
	CAY_MAP_NR_BOUND,
	/* Members: value = offset, bytes = size. A list is its links: next, previous. */
	CAY_MAP_PROCESS_LINK,
	CAY_MAP_PROCESS_PID,
	CAY_MAP_PROCESS_PPID,
	CAY_MAP_PROCESS_UID,
	CAY_MAP_PROCESS_ZOMBIE,
	CAY_MAP_PROCESS_THREADS, /* list of struct thread */
	CAY_MAP_PROCESS_EXE,     /* pointer to text */
	CAY_MAP_PROCESS_COMM,    /* text */
	CAY_MAP_THREAD_LINK,
	CAY_MAP_THREAD_TID,
	CAY_MAP_THREAD_STATE,
	CAY_MAP_STATE_RUNNABLE, /* values of it; all others: not started, or dead */
	CAY_MAP_STATE_WOKEN,
	CAY_MAP_STATE_BLOCKED,
	CAY_MAP_THREAD_FDS, /* struct fdtable; as a rule one for all threads of a process */
	CAY_MAP_THREAD_COMM,
	CAY_MAP_THREAD_CPU,
	CAY_MAP_THREAD_CPU_NS,
	CAY_MAP_THREAD_STACK_TOP, /* its trap frame ends there */
	CAY_MAP_FRAME_CALL,  /* value: offset from the stack's top, negative: number of the system call, -1: none */
	CAY_MAP_CPU_CURRENT, /* in a vCPU page: the thread that runs */
	CAY_MAP_FDTABLE_SIZE,
	CAY_MAP_FDTABLE_FILES, /* pointer to an array of pointers */
	CAY_MAP_FILE_OPS,
	CAY_MAP_FILE_FLAGS,
	CAY_MAP_FILE_MODE,
	CAY_MAP_FILE_POS,
	CAY_MAP_FILE_PRIV, /* sockets: struct socket */
	CAY_MAP_FILE_INODE,
	CAY_MAP_FILE_DENTRY,
	CAY_MAP_FILE_MOUNT,
	CAY_MAP_INODE_MODE,
	CAY_MAP_INODE_INO,
	CAY_MAP_DENTRY_PARENT,
	CAY_MAP_DENTRY_NAME,
	CAY_MAP_DENTRY_NAME_LEN,
	CAY_MAP_MOUNT_ROOT,
	CAY_MAP_MOUNT_PARENT,
	CAY_MAP_MOUNT_POINT,
	CAY_MAP_SOCKET_FAMILY,
	CAY_MAP_SOCKET_TYPE,
	CAY_MAP_SOCKET_PROTOCOL,
	CAY_MAP_SOCKET_INO,
	CAY_MAP_INET_SOCKET, /* struct socket in struct inet_sock */
	CAY_MAP_INET_CHANNEL,
	CAY_MAP_CHANNEL_OPS,
	CAY_MAP_CHANNEL_PROTO,
	CAY_MAP_CHANNEL_LOCAL, /* 16 bytes, IPv4 as ::ffff:a.b.c.d */
	CAY_MAP_CHANNEL_REMOTE,
	CAY_MAP_CHANNEL_LPORT, /* network order */
	CAY_MAP_CHANNEL_RPORT,
	CAY_MAP_CHANNEL_V4ONLY,
	CAY_MAP_CHANNEL_DROPS,
	CAY_MAP_CHANNEL_INBOX_BYTES,
	CAY_MAP_CHANNEL_EXACT_NEXT,
	CAY_MAP_CHANNEL_BOUND_NEXT,
	CAY_MAP_TCP_INET, /* struct inet_sock in struct tcp_sock */
	CAY_MAP_TCP_STATE,
	CAY_MAP_TCP_LISTENER, /* not 0: listening */
	CAY_MAP_TCP_BACKLOG,
	CAY_MAP_TCP_WAITING, /* connections nobody has accepted */
	CAY_MAP_TCP_SEND_BYTES,
	CAY_MAP_TCP_RECEIVE_BYTES,
	CAY_MAP_TCP_CWND, /* bytes */
	CAY_MAP_TCP_SRTT_NS,
	CAY_MAP_TCP_RETRANS,
	CAY_MAP_TCP_BYTES_ACKED,
	CAY_MAP_TCP_BYTES_RECEIVED,
	CAY_MAP_UNIX_SOCKET, /* struct socket in struct unix_sock */
	CAY_MAP_UNIX_LISTENING,
	CAY_MAP_UNIX_PEER, /* struct unix_sock */
	CAY_MAP_UNIX_QUEUED,
	CAY_MAP_UNIX_NAME_LEN, /* of the address, family included */
	CAY_MAP_UNIX_NAME,     /* the address */
	CAY_MAP_NR
};

struct cay_map_entry {
	uint32_t id;    /* enum cay_map_id; unknown ones are skipped */
	uint32_t bytes; /* of a member */
	uint64_t value;
};

_Static_assert(sizeof(struct cay_map_entry) == 16, "no padding");

#endif
