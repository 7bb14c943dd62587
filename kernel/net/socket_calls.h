/* SPDX-License-Identifier: MIT */
/* socket_calls.h - the system calls on sockets. */
#ifndef CAY_KERNEL_NET_SOCKET_CALLS_H
#define CAY_KERNEL_NET_SOCKET_CALLS_H

#include <stddef.h>
#include <stdint.h>

long sys_socket(int family, int type, int protocol);
long sys_socketpair(int family, int type, int protocol, int *fds_user);
long sys_bind(int fd, const void *addr_user, int len);
long sys_listen(int fd, int backlog);
long sys_connect(int fd, const void *addr_user, int len);
long sys_accept(int fd, void *addr_user, uint32_t *len_user);
long sys_accept4(int fd, void *addr_user, uint32_t *len_user, int flags);
long sys_getsockname(int fd, void *addr_user, uint32_t *len_user);
long sys_getpeername(int fd, void *addr_user, uint32_t *len_user);
long sys_shutdown(int fd, int how);
long sys_setsockopt(int fd, int level, int name, const void *value_user, int len);
long sys_getsockopt(int fd, int level, int name, void *value_user, uint32_t *len_user);
long sys_sendto(int fd, const void *data_user, size_t bytes, unsigned flags, const void *addr_user, int len);
long sys_recvfrom(int fd, void *data_user, size_t bytes, unsigned flags, void *addr_user, uint32_t *len_user);
long sys_sendmsg(int fd, const void *msg_user, unsigned flags);
long sys_recvmsg(int fd, void *msg_user, unsigned flags);
long sys_sendmmsg(int fd, void *msgs_user, unsigned nr, unsigned flags);
long sys_recvmmsg(int fd, void *msgs_user, unsigned nr, unsigned flags, const void *timeout_user);

struct sock_addr;
struct socket;
/* What socket(2) makes, not yet a file. */
int socket_create(int family, int type, int protocol, struct socket **s);
/* For both files of calls: addresses in and out. 0, -EINVAL, -EFAULT. */
int sock_addr_from_user(struct sock_addr *a, const void *user, int len);
int sock_addr_to_user(const struct sock_addr *a, void *user, uint32_t *len_user);

#endif
