/* SPDX-License-Identifier: MIT */
/* tty.c - see tty.h. */
#include "kernel/dev/tty.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/file.h"
#include "kernel/linux/job.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

static int send_to_group(int pgrp, int signo)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signo;
	info.si_code = SI_KERNEL;
	return pgrp != 0 ? job_signal_group(pgrp, &info) : -ESRCH;
}

bool tty_signal_foreground(struct tty *t, int signo)
{
	return send_to_group(t->pgrp, signo) == 0;
}

static bool is_session_leader(const struct process *p)
{
	return p->sid == p->pid;
}

static void take(struct tty *t, struct process *p)
{
	t->sid = p->sid;
	t->pgrp = p->pgid;
	p->ctty = t;
}

/* No process has it any more. */
static void forget(struct tty *t)
{
	list_for_each (p, &process_all, link, struct process) {
		if (p->ctty == t)
			p->ctty = NULL;
	}
	t->sid = t->pgrp = 0;
}

void tty_opened(struct tty *t, bool noctty)
{
	struct process *p = process_current();

	if (!noctty && is_session_leader(p) && p->ctty == NULL && t->sid == 0)
		take(t, p);
}

int tty_open_controlling(struct file *f)
{
	struct tty *t = process_current()->ctty;

	return t != NULL ? t->open(t, f) : -ENXIO;
}

bool tty_in_background(const struct tty *t)
{
	const struct process *p = process_current();

	return p->ctty == t && t->pgrp != 0 && p->pgid != t->pgrp;
}

/* A signal that the caller would not notice. */
static bool is_muted(int signo)
{
	const struct thread *self = thread_current();

	return (self->sigmask & SIGMASK(signo)) || self->proc->sighand->action[signo - 1].handler == (uint64_t)SIG_IGN;
}

static int stop_caller(int signo)
{
	struct process *p = process_current();

	if (job_group_is_orphaned(p->pgid, NULL))
		return -EIO;
	(void)send_to_group(p->pgid, signo);
	return -ERESTARTSYS;
}

int tty_check_read(struct tty *t)
{
	if (!tty_in_background(t))
		return 0;
	return is_muted(SIGTTIN) ? -EIO : stop_caller(SIGTTIN);
}

int tty_check_change(struct tty *t)
{
	if (!tty_in_background(t) || is_muted(SIGTTOU))
		return 0;
	return stop_caller(SIGTTOU);
}

static long set_foreground(struct tty *t, unsigned long arg)
{
	struct process *p = process_current();
	uint32_t pgrp;
	int err;

	if (p->ctty != t || t->sid != p->sid)
		return -ENOTTY;
	err = tty_check_change(t);
	if (err != 0)
		return err;
	if (get_user_u32(&pgrp, (void *)arg) != 0)
		return -EFAULT;
	if ((int)pgrp < 0)
		return -EINVAL;
	if (!job_group_is_in_session((int)pgrp, p->sid))
		return -EPERM;
	t->pgrp = (int)pgrp;
	return 0;
}

static long set_controlling(struct tty *t, unsigned long steal)
{
	struct process *p = process_current();

	if (p->ctty == t && is_session_leader(p))
		return 0;
	if (!is_session_leader(p) || p->ctty != NULL)
		return -EPERM;
	if (t->sid != 0) {
		if (steal != 1 || !capable(CAP_SYS_ADMIN))
			return -EPERM;
		forget(t);
	}
	take(t, p);
	return 0;
}

/* The leader's terminal leaves the whole session. */
static void give_up(struct tty *t)
{
	int pgrp = t->pgrp;

	forget(t);
	(void)send_to_group(pgrp, SIGHUP);
	(void)send_to_group(pgrp, SIGCONT);
}

static long disown(struct tty *t)
{
	struct process *p = process_current();

	if (p->ctty != t)
		return -ENOTTY;
	if (is_session_leader(p))
		give_up(t);
	p->ctty = NULL;
	return 0;
}

long tty_job_ioctl(struct tty *t, unsigned cmd, unsigned long arg)
{
	bool mine = process_current()->ctty == t;

	switch (cmd) {
	case TIOCGPGRP:
		return mine ? put_user_u32((void *)arg, (uint32_t)t->pgrp) : -ENOTTY;
	case TIOCGSID:
		return mine ? put_user_u32((void *)arg, (uint32_t)t->sid) : -ENOTTY;
	case TIOCSPGRP:
		return set_foreground(t, arg);
	case TIOCSCTTY:
		return set_controlling(t, arg);
	case TIOCNOTTY:
		return disown(t);
	}
	return -ENOTTY;
}

void tty_hang_up(struct tty *t)
{
	struct process *leader = t->sid != 0 ? process_find(t->sid) : NULL;
	siginfo_t info;

	if (t->sid == 0)
		return;
	if (leader != NULL) {
		memset(&info, 0, sizeof(info));
		info.si_signo = SIGHUP;
		info.si_code = SI_KERNEL;
		(void)signal_send_process(leader, &info);
		info.si_signo = SIGCONT;
		(void)signal_send_process(leader, &info);
	}
	give_up(t);
}

void tty_leader_ended(struct process *p)
{
	if (p->ctty != NULL && is_session_leader(p))
		give_up(p->ctty);
}
