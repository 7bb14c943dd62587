/* SPDX-License-Identifier: MIT */
/* signal_priv.h - between the files that make up signals (and timers, which own their queue items). */
#ifndef CAY_KERNEL_LINUX_SIGNAL_PRIV_H
#define CAY_KERNEL_LINUX_SIGNAL_PRIV_H

#include "kernel/linux/signal.h"

enum signal_default { SIGNAL_IGNORE, SIGNAL_STOP, SIGNAL_TERMINATE };
enum signal_default signal_default_action(int sig);
bool signal_action_ignores(const struct sighand *sh, int sig);

/* As signal_send_*, for an item owned by a timer. t NULL: to the process. False: it is still queued from last time. */
bool signal_send_item(struct process *p, struct thread *t, struct sigitem *item);

/* Delivered whatever the thread says about it; blocked or ignored means the default action, which ends the process. */
void signal_force(struct thread *t, const siginfo_t *info);

void signal_stop_process(struct process *p, int signo);

/* The current thread does not take signals of this mask any more: those pending for the process are offered to others.
 */
void signal_offer_shared(struct process *p, uint64_t mask);

/* After the mask or what is pending changed: THREAD_WORK_SIGNAL as it should be for the current thread. */
void signal_update_work(void);

#endif
