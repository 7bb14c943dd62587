/* SPDX-License-Identifier: MIT */
/*
 * socket.h - sockets as files, between the system calls (socket_calls.c) and the families (unix.h).
 * A family fills socket_ops; blocking, options that are the same for all, and files are here.
 * System calls on sockets begin without the kernel lock; socket_begin takes it for families that have no locks.
 */
#ifndef CAY_KERNEL_NET_SOCKET_H
#define CAY_KERNEL_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "kernel/fs/file.h"
#include "kernel/time/timespec.h"

struct socket;

struct sock_addr {
	unsigned len; /* 0: none */
	union {
		uint16_t family;
		uint8_t bytes[128];
	};
};

/* Files on their way (SCM_RIGHTS); each a reference. */
struct scm_files {
	unsigned nr;
	struct file *file[];
};
#define SCM_FILES_MAX 253
void scm_files_put(struct scm_files *files); /* NULL is allowed */

struct sock_cred {
	int32_t pid;
	uint32_t uid, gid;
};

/* Ancillary data of the protocols (levels other than SOL_SOCKET), as cmsg(3) lays it out. */
#define SOCK_CONTROL_BYTES 512
struct sock_control {
	unsigned used;
	bool cut; /* a record did not fit */
	_Alignas(8) uint8_t bytes[SOCK_CONTROL_BYTES];
};

/* One send or receive. */
struct sock_msg {
	struct uio *uio;
	unsigned flags;          /* MSG_*; MSG_DONTWAIT is set for non-blocking files, too */
	struct sock_addr addr;   /* send: destination if len > 0. receive: the sender */
	struct scm_files *files; /* send: taken over on success. receive: the caller's from then on; NULL for none */
	struct sock_cred cred;
	bool has_cred;
	unsigned out_flags; /* receive: MSG_TRUNC, MSG_EOR, MSG_CTRUNC */
	/* send: all records the program gave, in kernel memory, lengths checked; receive: NULL */
	const uint8_t *control;
	size_t control_bytes;
	struct sock_control *control_out; /* receive: where records go; NULL: the caller has no use for any */
};

/* Adds a record to what a receive returns; cut when there is no room. */
void sock_control_put(struct sock_msg *m, int level, int type, const void *data, unsigned bytes);

/* Errors as in the man page of the call. nonblock: -EAGAIN (connect: as the family says) instead of waiting. NULL:
 * -EOPNOTSUPP. */
struct socket_ops {
	/* Its sockets have locks of their own: no operation but those of ioctl needs the kernel lock. */
	bool own_locks;
	int (*bind)(struct socket *s, const struct sock_addr *addr);
	int (*listen)(struct socket *s, int backlog);
	int (*connect)(struct socket *s, const struct sock_addr *addr, bool nonblock);
	int (*accept)(struct socket *s, bool nonblock, struct socket **out);
	int (*name)(struct socket *s, bool peer, struct sock_addr *out);
	int (*shutdown)(struct socket *s, int how);
	ssize_t (*send)(struct socket *s, struct sock_msg *m);
	ssize_t (*recv)(struct socket *s, struct sock_msg *m);
	uint32_t (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	size_t (*readable)(struct socket *s); /* FIONREAD */
	int (*take_error)(struct socket *s);  /* SO_ERROR: positive errno, forgotten afterwards */
	bool (*peer_cred)(struct socket *s, struct sock_cred *out);
	bool (*is_listening)(struct socket *s);
	/* Levels other than SOL_SOCKET, and at SOL_SOCKET whatever socket_options.c does not know; also told of the
	 * options it keeps (after it kept them; the result is ignored). value: kernel memory, len <=
	 * SOCK_OPTION_BYTES_MAX. get: value holds what the program has there, which is a part of some questions; *len
	 * is the room in, the size out. -ENOPROTOOPT, -EINVAL. */
	int (*set_option)(struct socket *s, int level, int name, const void *value, unsigned len);
	int (*get_option)(struct socket *s, int level, int name, void *value, unsigned *len);
	int64_t (*ioctl)(struct socket *s, unsigned cmd, uint64_t arg); /* -ENOTTY */
	/* Memory to be mapped, as the file_ops of these names. NULL: -ENODEV. */
	int (*check_map)(struct socket *s, uint64_t offset, uint64_t bytes);
	int (*map)(struct socket *s, uint64_t pgoff, size_t nr, struct page_run *run);
	void (*release)(struct socket *s); /* the file is gone: frees s */
};

#define SOCK_OPTION_BYTES     512  /* values up to here lie on the stack */
#define SOCK_OPTION_BYTES_MAX 2048 /* longest value of an option */
#define SOCK_OPTIONS          64
struct socket {
	const struct socket_ops *ops;
	int family, type, protocol;
	uint64_t rcv_timeout_ns, snd_timeout_ns; /* 0: for ever */
	int option[SOCK_OPTIONS];                /* SOL_SOCKET options that are only kept, by number */
	void *priv;
	uint64_t ino; /* of its file, once there is one; and whose it is: for /proc/net */
	uint32_t uid;
};

#define SOCK_BUFFER_BYTES 212992 /* what Linux gives by default; send and receive */

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol);
/* s as a file, which owns it from here on, even when this fails (NULL: no memory). flags: SOCK_NONBLOCK. */
MUST_CHECK struct file *socket_file(struct socket *s, int flags);
/* A descriptor for s, which the file owns from here on, even when this fails. flags: SOCK_NONBLOCK, SOCK_CLOEXEC. */
MUST_CHECK int socket_install(struct socket *s, int flags);
struct socket *socket_of_file(const struct file *f); /* NULL: it is none */

/* A system call on a socket: its file is counted, and the kernel lock held if the family needs it. */
struct socket_call {
	struct socket *s;
	struct file *f;
	bool entered;
};
/* -EBADF, -ENOTSOCK: nothing to end. */
MUST_CHECK int socket_begin(struct socket_call *c, int fd);
void socket_end(struct socket_call *c);

static inline uint64_t socket_deadline(uint64_t timeout_ns)
{
	return timeout_ns == 0 ? WAIT_FOREVER : deadline_after(timeout_ns);
}

/* socket_options.c */
int socket_set_option(struct socket *s, int level, int name, const void *user, unsigned len);
int socket_get_option(struct socket *s, int level, int name, void *user, uint32_t *len_user);

#endif
