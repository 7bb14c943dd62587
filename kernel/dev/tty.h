/* SPDX-License-Identifier: MIT */
/*
 * tty.h - a terminal as the controlling terminal of a session (POSIX 11.1): which session, which group is in the
 * foreground, and what happens to others that use it. Whatever moves bytes (the stdio device, pseudo terminals) has one
 * struct tty per terminal and asks here first.
 * Invariant: process.ctty == t only for processes of session t->sid.
 */
#ifndef CAY_KERNEL_DEV_TTY_H
#define CAY_KERNEL_DEV_TTY_H

#include <stdbool.h>

#include "lib/compiler.h"

struct file;
struct process;

struct tty {
	int sid;  /* session it controls; 0 = none */
	int pgrp; /* foreground group; 0 = none */
	/* /dev/tty: sets f's operations to this terminal's. 0 or -errno. */
	int (*open)(struct tty *t, struct file *f);
};

/* Opening a terminal by a session leader without one makes it his, unless O_NOCTTY says no. */
void tty_opened(struct tty *t, bool noctty);
/* device_open of /dev/tty. -ENXIO without a controlling terminal. */
MUST_CHECK int tty_open_controlling(struct file *f);

/*
 * Before a read, and again after each sleep in it. 0: go on. A caller in the background gets -ERESTARTSYS, after his
 * group was sent SIGTTIN, or -EIO when nobody could continue it or he does not want to know.
 */
MUST_CHECK int tty_check_read(struct tty *t);
/* Before changing settings; SIGTTOU. A caller that ignores or blocks it may. */
MUST_CHECK int tty_check_change(struct tty *t);

/* The caller's terminal is this one, and others are in front: with TOSTOP it may not write (tty_check_change). */
bool tty_in_background(const struct tty *t);

/* TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY. -ENOTTY: it is none of them. */
long tty_job_ioctl(struct tty *t, unsigned cmd, unsigned long arg);

/* To the foreground group, as when a key is pressed. Any context. False: there is nobody. */
bool tty_signal_foreground(struct tty *t, int signo);

/* The terminal is gone (t is about to be freed), or its line was cut: SIGHUP to the session's leader and the
 * foreground, and no session has it any more. */
void tty_hang_up(struct tty *t);
/* p, a session leader, has ended: the same, as far as it was his. */
void tty_leader_ended(struct process *p);

#endif
