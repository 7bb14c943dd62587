/* SPDX-License-Identifier: MIT */
/* pty_priv.h - a pair, shared by pty.c (bytes), pty_ioctl.c and devpts.c. */
#ifndef CAY_KERNEL_DEV_PTY_PRIV_H
#define CAY_KERNEL_DEV_PTY_PRIV_H

#include <asm/termios.h>

#include "kernel/dev/ldisc.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/file.h"
#include "kernel/sched/wait.h"

#define PTY_MAX 256u

struct pty {
	struct tty tty; /* of the slave */
	struct ldisc ld;
	unsigned index;
	bool has_master;
	bool locked;     /* the slave cannot be opened yet: unlockpt(3) */
	bool was_opened; /* the slave, at least once: until then the master waits instead of seeing it closed */
	bool packet_mode;
	bool exclusive;     /* TIOCEXCL: no more opens, but for CAP_SYS_ADMIN */
	unsigned nr_slaves; /* open files */
	struct winsize size;
	struct ktermios lock; /* bits and characters that cannot be changed */
	uint32_t uid;         /* who made it */
	uint64_t time_ns;
	struct waitq master_wq, slave_wq;
};

extern const struct file_ops pty_master_ops, pty_slave_ops;

struct pty *pty_at(unsigned index); /* NULL: no such pair */
bool pty_is_master(const struct file *f);
void pty_changed(struct pty *p); /* both sides look again */
int pty_open_controlling(struct tty *t, struct file *f);
int64_t pty_ioctl(struct file *f, unsigned cmd, uint64_t arg);

#endif
