/* SPDX-License-Identifier: MIT */
/* map.c - the map's entries of public structures. */
#include "kernel/plat/cay/map.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/file.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/net/tcp_sock.h"
#include "kernel/net/unix_priv.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"

MAP_ADDRESS(PROCESSES, process_all);
MAP_FIELD(PROCESS_LINK, struct process, link);
MAP_FIELD(PROCESS_PID, struct process, pid);
MAP_FIELD(PROCESS_PPID, struct process, ppid);
MAP_FIELD(PROCESS_UID, struct process, cred.euid);
MAP_FIELD(PROCESS_ZOMBIE, struct process, zombie);
MAP_FIELD(PROCESS_THREADS, struct process, threads);
MAP_FIELD(PROCESS_EXE, struct process, exe_path);
MAP_FIELD(PROCESS_COMM, struct process, comm);
MAP_FIELD(THREAD_LINK, struct thread, proc_link);
MAP_FIELD(THREAD_TID, struct thread, tid);
MAP_FIELD(THREAD_STATE, struct thread, state);
MAP_VALUE(STATE_RUNNABLE, THREAD_RUNNABLE);
MAP_VALUE(STATE_WOKEN, THREAD_WOKEN);
MAP_VALUE(STATE_BLOCKED, THREAD_BLOCKED);
MAP_FIELD(THREAD_FDS, struct thread, fds);
MAP_FIELD(THREAD_COMM, struct thread, comm);
MAP_FIELD(THREAD_CPU, struct thread, cpu);
MAP_FIELD(THREAD_CPU_NS, struct thread, cpu_ns);
MAP_FIELD(THREAD_STACK_TOP, struct thread, kstack_top);
MAP_VALUE(FRAME_CALL, offsetof(struct trapframe, orig_rax) - FRAME_BYTES);
MAP_VALUE(CPU_CURRENT, CAY_VCPU_OFF_GUEST + offsetof(struct cpu, current));

MAP_FIELD(FILE_OPS, struct file, ops);
MAP_FIELD(FILE_FLAGS, struct file, flags);
MAP_FIELD(FILE_MODE, struct file, mode);
MAP_FIELD(FILE_POS, struct file, pos);
MAP_FIELD(FILE_PRIV, struct file, priv);
MAP_FIELD(FILE_INODE, struct file, inode);
MAP_FIELD(FILE_DENTRY, struct file, dentry);
MAP_FIELD(FILE_MOUNT, struct file, mount);
MAP_FIELD(INODE_MODE, struct inode, mode);
MAP_FIELD(INODE_INO, struct inode, ino);
MAP_FIELD(DENTRY_PARENT, struct dentry, parent);
MAP_FIELD(DENTRY_NAME, struct dentry, name);
MAP_FIELD(DENTRY_NAME_LEN, struct dentry, name_len);
MAP_FIELD(MOUNT_ROOT, struct mount, root);
MAP_FIELD(MOUNT_PARENT, struct mount, parent);
MAP_FIELD(MOUNT_POINT, struct mount, mountpoint);

MAP_FIELD(SOCKET_FAMILY, struct socket, family);
MAP_FIELD(SOCKET_TYPE, struct socket, type);
MAP_FIELD(SOCKET_PROTOCOL, struct socket, protocol);
MAP_FIELD(SOCKET_INO, struct socket, ino);
MAP_FIELD(INET_SOCKET, struct inet_sock, sock);
MAP_FIELD(INET_CHANNEL, struct inet_sock, ch);
MAP_FIELD(CHANNEL_OPS, struct channel, ops);
MAP_FIELD(CHANNEL_PROTO, struct channel, key.proto);
MAP_FIELD(CHANNEL_LOCAL, struct channel, key.local);
MAP_FIELD(CHANNEL_REMOTE, struct channel, key.remote);
MAP_FIELD(CHANNEL_LPORT, struct channel, key.lport);
MAP_FIELD(CHANNEL_RPORT, struct channel, key.rport);
MAP_FIELD(CHANNEL_V4ONLY, struct channel, v4only);
MAP_FIELD(CHANNEL_DROPS, struct channel, drops);
MAP_FIELD(CHANNEL_INBOX_BYTES, struct channel, inbox_bytes);
MAP_FIELD(CHANNEL_EXACT_NEXT, struct channel, exact_next);
MAP_FIELD(CHANNEL_BOUND_NEXT, struct channel, bound_next);
MAP_ADDRESS(TCP_CHANNELS, tcp_channel_ops);
MAP_FIELD(TCP_INET, struct tcp_sock, in);
MAP_FIELD(TCP_STATE, struct tcp_sock, c.state);
MAP_FIELD(TCP_LISTENER, struct tcp_sock, listener);
MAP_FIELD(TCP_BACKLOG, struct tcp_sock, backlog);
MAP_FIELD(TCP_WAITING, struct tcp_sock, nr_accept);
MAP_FIELD(TCP_SEND_BYTES, struct tcp_sock, c.sndq.bytes);
MAP_FIELD(TCP_RECEIVE_BYTES, struct tcp_sock, c.rcvq.bytes);
MAP_FIELD(TCP_CWND, struct tcp_sock, c.cwnd);
MAP_FIELD(TCP_SRTT_NS, struct tcp_sock, c.srtt_ns);
MAP_FIELD(TCP_RETRANS, struct tcp_sock, c.total_retrans);
MAP_FIELD(TCP_BYTES_ACKED, struct tcp_sock, c.bytes_acked);
MAP_FIELD(TCP_BYTES_RECEIVED, struct tcp_sock, c.bytes_received);
MAP_FIELD(UNIX_SOCKET, struct unix_sock, sock);
MAP_FIELD(UNIX_LISTENING, struct unix_sock, listening);
MAP_FIELD(UNIX_PEER, struct unix_sock, peer);
MAP_FIELD(UNIX_QUEUED, struct unix_sock, queued);
MAP_FIELD(UNIX_NAME_LEN, struct unix_sock, addr.len);
MAP_FIELD(UNIX_NAME, struct unix_sock, addr.bytes);

extern const struct cay_map_entry map_start[] __asm__("__cay_map_start"), map_end[] __asm__("__cay_map_end");

void map_publish(void)
{
	stats->map_gva = (uint64_t)map_start;
	stats->map_nr = (uint32_t)(map_end - map_start);
}
