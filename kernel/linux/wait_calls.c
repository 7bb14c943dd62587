/* SPDX-License-Identifier: MIT */
/* wait_calls.c - wait4(2) and waitid(2). */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "kernel/linux/family.h"
#include "kernel/linux/pidfd.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

struct wait_request {
	idtype_t idtype;
	int id;
	int options;
	/* what was found */
	int pid, uid;
	int code;   /* CLD_* */
	int status; /* as waitid says it: exit status or signal */
	int wait_status;
	struct process_usage usage;
};

static bool matches(const struct process *c, const struct wait_request *rq)
{
	if (c->orphan)
		return false;
	if (rq->idtype == P_PID && c->pid != rq->id)
		return false;
	if (rq->idtype == P_PGID && c->pgid != rq->id)
		return false;
	if (rq->options & (int)__WALL)
		return true;
	return (c->exit_signal != SIGCHLD) == ((rq->options & (int)__WCLONE) != 0);
}

static void found(struct wait_request *rq, struct process *c, int code, int status, int wait_status)
{
	rq->pid = c->pid;
	rq->uid = (int)c->cred.uid;
	rq->code = code;
	rq->status = status;
	rq->wait_status = wait_status;
	rq->usage = usage_of_family(c);
}

static bool take_zombie(struct wait_request *rq, struct process *c)
{
	int sig = c->wait_status & 0x7f;

	if (!c->zombie || !(rq->options & WEXITED))
		return false;
	found(rq, c, sig != 0 ? CLD_KILLED : CLD_EXITED, sig != 0 ? sig : c->wait_status >> 8, c->wait_status);
	if (!(rq->options & WNOWAIT)) {
		usage_add(&process_current()->children_usage, &rq->usage);
		process_reap(c);
	}
	return true;
}

static bool take_report(struct wait_request *rq, struct process *c)
{
	if (c->report == REPORT_STOPPED && (rq->options & WSTOPPED))
		found(rq, c, CLD_STOPPED, c->stop_signal, c->stop_signal << 8 | 0x7f);
	else if (c->report == REPORT_CONTINUED && (rq->options & WCONTINUED))
		found(rq, c, CLD_CONTINUED, SIGCONT, 0xffff);
	else
		return false;
	if (!(rq->options & WNOWAIT))
		c->report = REPORT_NONE;
	return true;
}

/* 1: something was found; 0: nothing yet; -ECHILD: there never will be. Does not block. */
static int look(struct wait_request *rq)
{
	int result = -ECHILD;

	list_for_each_safe (c, &process_current()->children, sibling, struct process) {
		if (!matches(c, rq))
			continue;
		if (take_zombie(rq, c) || (!c->zombie && take_report(rq, c)))
			return 1;
		result = 0;
	}
	return result;
}

/* The child's id, 0 with WNOHANG, or an error. */
static long wait_for_child(struct wait_request *rq)
{
	int r = look(rq);

	if (r == 0 && !(rq->options & WNOHANG) &&
	    wait_event_interruptible(&process_current()->child_wq, (r = look(rq)) != 0) != 0)
		return -ERESTARTSYS;
	return r > 0 ? rq->pid : r;
}

static int put_usage(void *urusage, const struct wait_request *rq)
{
	struct rusage ru;

	usage_to_rusage(&rq->usage, &ru);
	return copy_to_user(urusage, &ru, sizeof(ru));
}

long sys_wait4(int pid, void *ustatus, int options, void *urusage)
{
	struct wait_request rq = {.idtype = P_ALL, .options = options | WEXITED};
	long r;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | (int)__WALL | (int)__WCLONE))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid > 0) {
		rq.idtype = P_PID;
		rq.id = pid;
	} else if (pid != -1) {
		rq.idtype = P_PGID;
		rq.id = pid == 0 ? process_current()->pgid : -pid;
	}
	r = wait_for_child(&rq);
	if (r <= 0)
		return r;
	if (ustatus != NULL && put_user_u32(ustatus, (uint32_t)rq.wait_status) != 0)
		return -EFAULT;
	return urusage != NULL && put_usage(urusage, &rq) != 0 ? -EFAULT : r;
}

/* P_PIDFD becomes P_PID of the process behind it, which is there as long as it is a child. */
static int by_descriptor(struct wait_request *rq, bool *nonblock)
{
	struct process *p = pidfd_process(rq->id, nonblock);

	if (p == NULL)
		return rq->id < 0 ? -EINVAL : -EBADF;
	rq->idtype = P_PID;
	rq->id = p->parent == process_current() && !list_empty(&p->link) ? p->pid : -1; /* nobody: ECHILD */
	process_put(p);
	if (*nonblock)
		rq->options |= WNOHANG;
	return 0;
}

long sys_waitid(int idtype, int id, void *uinfo, int options, void *urusage)
{
	struct wait_request rq = {.idtype = (idtype_t)idtype, .id = id, .options = options};
	bool nonblock = false;
	siginfo_t info;
	long r;

	if ((options &
	     ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | (int)__WALL | (int)__WCLONE)) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch ((int)rq.idtype) {
	case P_ALL:
		break;
	case P_PIDFD:
		r = by_descriptor(&rq, &nonblock);
		if (r != 0)
			return r;
		break;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		break;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		if (id == 0)
			rq.id = process_current()->pgid;
		break;
	default:
		return -EINVAL;
	}
	r = wait_for_child(&rq);
	if (r == 0 && nonblock && !(options & WNOHANG))
		return -EAGAIN;
	if (r < 0)
		return r;
	memset(&info, 0, sizeof(info));
	if (r > 0) {
		info.si_signo = SIGCHLD;
		info.si_code = rq.code;
		info.si_pid = rq.pid;
		info.si_uid = (unsigned)rq.uid;
		info.si_status = rq.status;
		if (urusage != NULL && put_usage(urusage, &rq) != 0)
			return -EFAULT;
	}
	return uinfo != NULL && copy_to_user(uinfo, &info, sizeof(info)) != 0 ? -EFAULT : 0;
}
