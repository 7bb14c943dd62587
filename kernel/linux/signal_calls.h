/* SPDX-License-Identifier: MIT */
/* signal_calls.h - the system calls of signals, as functions (sys.h). */
#ifndef CAY_KERNEL_LINUX_SIGNAL_CALLS_H
#define CAY_KERNEL_LINUX_SIGNAL_CALLS_H

#include <stddef.h>
#include <stdint.h>

long sys_rt_sigaction(int sig, const void *uact, void *uold, size_t size);
long sys_rt_sigprocmask(int how, const void *uset, void *uold, size_t size);
long sys_rt_sigpending(void *uset, size_t size);
long sys_rt_sigsuspend(const void *uset, size_t size);
long sys_rt_sigtimedwait(const void *uset, void *uinfo, const void *utimeout, size_t size);
long sys_rt_sigqueueinfo(int pid, int sig, const void *uinfo);
long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, const void *uinfo);
long sys_rt_sigreturn(void);
long sys_restart_syscall(void);
long sys_sigaltstack(const void *unew, void *uold);
long sys_pause(void);
long sys_kill(int pid, int sig);
long sys_tkill(int tid, int sig);
long sys_tgkill(int tgid, int tid, int sig);

#endif
