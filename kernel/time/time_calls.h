/* SPDX-License-Identifier: MIT */
/* time_calls.h - system calls about time, as functions (sys.h). */
#ifndef CAY_KERNEL_TIME_CALLS_H
#define CAY_KERNEL_TIME_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* clock_calls.c */
long sys_clock_gettime(int clockid, void *uts);
long sys_clock_getres(int clockid, void *uts);
long sys_clock_settime(int clockid, const void *uts);
long sys_gettimeofday(void *utv, void *utz);
long sys_settimeofday(const void *utv, const void *utz);
long sys_time(void *ut);
long sys_clock_adjtime(int clockid, void *utx);
long sys_adjtimex(void *utx);

/* sleep.c */
long sys_nanosleep(const void *ureq, void *urem);
long sys_clock_nanosleep(int clockid, int flags, const void *ureq, void *urem);

/* itimer.c */
long sys_getitimer(int which, void *ucurr);
long sys_setitimer(int which, const void *unew, void *uold);
long sys_alarm(unsigned seconds);

/* posix_timer.c */
long sys_timer_create(int clockid, const void *uevent, void *uid);
long sys_timer_settime(int id, int flags, const void *unew, void *uold);
long sys_timer_gettime(int id, void *ucurr);
long sys_timer_getoverrun(int id);
long sys_timer_delete(int id);

#endif
