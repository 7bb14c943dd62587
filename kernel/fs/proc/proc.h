/* SPDX-License-Identifier: MIT */
/*
 * proc.h - procfs, inside: which file makes which entries. The id of an entry under /proc/PID is the thread number, and
 * for entries of fd and fdinfo also the descriptor (PROC_FD_ID). A thread may end between lookup and reading: every
 * function finds it anew and says -ESRCH.
 */
#ifndef CAY_KERNEL_FS_PROC_H
#define CAY_KERNEL_FS_PROC_H

#include <sys/stat.h>

#include "kernel/fs/pseudo.h"
#include "kernel/sched/thread.h"

#define PROC_FD_ID(tid, fd) ((uint64_t)(tid) | (uint64_t)((fd) + 1) << 32)
#define PROC_ID_TID(id)     ((int)(id))
#define PROC_ID_FD(id)      ((int)((id) >> 32) - 1)

/* A thread of a program, or NULL: kernel threads are not shown. */
struct thread *proc_thread(uint64_t id);

/* proc_pid.c: what is in /proc/PID and /proc/PID/task/TID. */
extern const struct pseudo_node proc_pid_dir, proc_task_dir;
int proc_owner(uint64_t id, uint32_t *uid, uint32_t *gid);

/* proc_fd.c: the folders fd and fdinfo, as callbacks of pseudo_node */
int proc_lookup_fd(uint64_t id, const char *name, size_t len, struct pseudo_found *out);
int proc_lookup_fdinfo(uint64_t id, const char *name, size_t len, struct pseudo_found *out);
bool proc_next_fd(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out);
bool proc_next_fdinfo(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out);

/* proc_status.c */
int proc_show_status(uint64_t id, struct text *t);
int proc_show_stat(uint64_t id, struct text *t);
int proc_show_statm(uint64_t id, struct text *t);
int proc_show_limits(uint64_t id, struct text *t);
char proc_state(const struct thread *t);

/* proc_io.c */
int proc_show_io(uint64_t id, struct text *t);

/* proc_memory.c */
int proc_show_maps(uint64_t id, struct text *t);
int proc_show_smaps(uint64_t id, struct text *t);
int proc_show_smaps_rollup(uint64_t id, struct text *t);
int proc_show_cmdline(uint64_t id, struct text *t);
int proc_show_environ(uint64_t id, struct text *t);
int proc_show_auxv(uint64_t id, struct text *t);

/* proc_mounts.c */
int proc_show_mounts(uint64_t id, struct text *t);
int proc_show_mountinfo(uint64_t id, struct text *t);

/* proc_system.c */
int proc_show_meminfo(uint64_t id, struct text *t);
int proc_show_system_stat(uint64_t id, struct text *t);
int proc_show_uptime(uint64_t id, struct text *t);
int proc_show_loadavg(uint64_t id, struct text *t);
int proc_show_vmstat(uint64_t id, struct text *t);
int proc_show_version(uint64_t id, struct text *t);

/* proc_cpuinfo.c */
int proc_show_cpuinfo(uint64_t id, struct text *t);

/* proc_net.c: /proc/net; its sockets are proc_net_sockets.c's */
extern const struct pseudo_node proc_net_nodes[];
int proc_show_tcp(uint64_t id, struct text *t);
int proc_show_tcp6(uint64_t id, struct text *t);
int proc_show_udp(uint64_t id, struct text *t);
int proc_show_udp6(uint64_t id, struct text *t);
int proc_show_udplite(uint64_t id, struct text *t);
int proc_show_udplite6(uint64_t id, struct text *t);
int proc_show_raw(uint64_t id, struct text *t);
int proc_show_raw6(uint64_t id, struct text *t);
int proc_show_packet(uint64_t id, struct text *t);
int proc_show_sockstat(uint64_t id, struct text *t);
int proc_show_unix(uint64_t id, struct text *t); /* proc_net_unix.c */

/* proc_sys.c: /proc/sys */
extern const struct pseudo_node proc_sys_nodes[];

/* Decimal number of at most 9 digits without leading zeros, as names are; -1 if it is none. */
int proc_parse_number(const char *name, size_t len);

#endif
