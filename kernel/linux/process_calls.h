/* SPDX-License-Identifier: MIT */
/* process_calls.h - system calls about threads, processes and their identity, as functions (sys.h). */
#ifndef CAY_KERNEL_LINUX_PROCESS_CALLS_H
#define CAY_KERNEL_LINUX_PROCESS_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* clone.c */
long sys_clone(unsigned long flags, void *stack, void *parent_tid, void *child_tid, unsigned long tls);
long sys_clone3(const void *uargs, size_t size);
long sys_fork(void);
long sys_vfork(void);
long sys_unshare(unsigned long flags);
long sys_set_tid_address(void *tidptr);
long sys_exit(int code);
long sys_exit_group(int code);

/* wait_calls.c */
long sys_wait4(int pid, void *ustatus, int options, void *urusage);
long sys_waitid(int idtype, int id, void *uinfo, int options, void *urusage);

/* pidfd.c */
long sys_pidfd_open(int pid, unsigned flags);
long sys_pidfd_send_signal(int fd, int sig, const void *uinfo, unsigned flags);
long sys_pidfd_getfd(int fd, int target_fd, unsigned flags);

/* identity.c */
long sys_getpid(void);
long sys_gettid(void);
long sys_getppid(void);
long sys_getpgrp(void);
long sys_getpgid(int pid);
long sys_setpgid(int pid, int pgid);
long sys_getsid(int pid);
long sys_setsid(void);

/* cred.c */
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_setuid(uint32_t uid);
long sys_setgid(uint32_t gid);
long sys_setreuid(uint32_t ruid, uint32_t euid);
long sys_setregid(uint32_t rgid, uint32_t egid);
long sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid);
long sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid);
long sys_getresuid(void *ruid, void *euid, void *suid);
long sys_getresgid(void *rgid, void *egid, void *sgid);
long sys_setfsuid(uint32_t uid);
long sys_setfsgid(uint32_t gid);
long sys_getgroups(int size, void *ulist);
long sys_setgroups(int size, const void *ulist);

/* capability.c */
long sys_capget(void *uheader, void *udata);
long sys_capset(void *uheader, const void *udata);

/* prctl.c */
long sys_seccomp(unsigned op, unsigned flags, void *uargs);
long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5);
long sys_arch_prctl(int code, unsigned long addr);
long sys_personality(unsigned persona);

/* sysinfo.c */
long sys_uname(void *ubuf);
long sys_sysinfo(void *uinfo);
long sys_sethostname(const void *uname, size_t len);
long sys_setdomainname(const void *uname, size_t len);
long sys_syslog(int type, void *ubuf, int len);
long sys_ptrace(long request, long pid, void *addr, void *data);

/* rlimit.c */
long sys_getrlimit(unsigned resource, void *urlim);
long sys_setrlimit(unsigned resource, const void *urlim);
long sys_prlimit64(int pid, unsigned resource, const void *unew, void *uold);
long sys_getrusage(int who, void *urusage);
long sys_times(void *ubuf);

/* priority.c */
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);

/* sched_policy.c */
long sys_sched_getparam(int pid, void *uparam);
long sys_sched_setparam(int pid, const void *uparam);
long sys_sched_getscheduler(int pid);
long sys_sched_setscheduler(int pid, int policy, const void *uparam);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(int pid, void *uinterval);
long sys_sched_setattr(int pid, const void *uattr, unsigned flags);
long sys_sched_getattr(int pid, void *uattr, unsigned size, unsigned flags);

/* sched_calls.c */
long sys_sched_yield(void);
long sys_sched_getaffinity(int pid, size_t len, void *umask);
long sys_sched_setaffinity(int pid, size_t len, const void *umask);
long sys_getcpu(void *ucpu, void *unode, void *unused);
long sys_membarrier(int cmd, unsigned flags, int cpu);
long sys_rseq(void *urseq, uint32_t len, int flags, uint32_t sig);

#endif
