/* SPDX-License-Identifier: MIT */
/* kill.c - the system calls that send signals: to processes, groups, everybody, threads; and who may. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "kernel/fs/cred.h"
#include "kernel/linux/kill.h"
#include "kernel/linux/signal.h"
#include "kernel/linux/signal_calls.h"
#include "kernel/mm/uaccess.h"

static void fill_info(siginfo_t *info, int sig, int code)
{
	struct process *p = process_current();

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = p->pid;
	info->si_uid = p->cred.uid;
}

/* May the caller send sig to p? kill(2). */
static bool may_signal(const struct process *p, int sig)
{
	const struct process *self = process_current();
	const struct cred *c = &self->cred, *t = &p->cred;

	if (p == self || capable(CAP_KILL) || c->euid == t->suid || c->euid == t->uid || c->uid == t->suid ||
	    c->uid == t->uid)
		return true;
	return sig == SIGCONT && p->sid == self->sid;
}

static int send_to_process(struct process *p, int sig, const siginfo_t *info)
{
	if (p == &kernel_process || list_empty(&p->link)) /* the latter by pidfd: waited for already */
		return -ESRCH;
	if (!may_signal(p, sig))
		return -EPERM;
	return sig == 0 ? 0 : signal_send_process(p, info);
}

/* To all of a group, or (pgid 0) to all but the first process and the caller. */
static int send_to_many(int pgid, int sig, const siginfo_t *info)
{
	int result = -ESRCH;

	list_for_each (p, &process_all, link, struct process) {
		int err;

		if (pgid != 0 ? p->pgid != pgid : p == init_process || p == process_current())
			continue;
		err = send_to_process(p, sig, info);
		if (err == 0 || result == -ESRCH)
			result = err;
	}
	return result;
}

/* A thread id names its process, as on Linux. */
static struct process *find_process(int pid)
{
	struct thread *t = pid > 0 ? thread_find(pid) : NULL;

	return t != NULL ? t->proc : NULL;
}

long sys_kill(int pid, int sig)
{
	struct process *p = find_process(pid);
	siginfo_t info;

	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	fill_info(&info, sig, SI_USER);
	if (pid > 0)
		return p != NULL ? send_to_process(p, sig, &info) : -ESRCH;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1)
		return send_to_many(0, sig, &info);
	return send_to_many(pid == 0 ? process_current()->pgid : -pid, sig, &info);
}

static long send_to_thread(int tgid, int tid, int sig, const siginfo_t *info)
{
	struct thread *t;

	if (tid <= 0 || tgid == 0 || sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	t = thread_find(tid);
	if (t == NULL || (tgid > 0 && t->proc->pid != tgid))
		return -ESRCH;
	if (!may_signal(t->proc, sig))
		return -EPERM;
	return sig == 0 ? 0 : signal_send_thread(t, info);
}

long sys_tkill(int tid, int sig)
{
	siginfo_t info;

	fill_info(&info, sig, SI_TKILL);
	return send_to_thread(-1, tid, sig, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
	siginfo_t info;

	if (tgid <= 0)
		return -EINVAL;
	fill_info(&info, sig, SI_TKILL);
	return send_to_thread(tgid, tid, sig, &info);
}

/* A siginfo made by the program (sig -1: which signal, too): it may not pretend to be the kernel or kill(2) towards
 * others. */
static int queued_info(siginfo_t *info, int target_pid, int sig, const void *uinfo)
{
	if (copy_from_user(info, uinfo, sizeof(*info)) != 0)
		return -EFAULT;
	if (sig >= 0)
		info->si_signo = sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && target_pid != process_current()->pid)
		return -EPERM;
	return 0;
}

long kill_process(struct process *p, int sig, const void *uinfo)
{
	siginfo_t info;

	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	if (uinfo != NULL) {
		int err = queued_info(&info, p->pid, -1, uinfo);

		if (err != 0)
			return err;
		if (info.si_signo != sig)
			return -EINVAL;
	} else {
		fill_info(&info, sig, SI_USER);
	}
	return send_to_process(p, sig, &info);
}

long sys_rt_sigqueueinfo(int pid, int sig, const void *uinfo)
{
	struct process *p;
	siginfo_t info;
	int err = queued_info(&info, pid, sig, uinfo); /* may sleep: the process is looked up afterwards */

	if (err != 0)
		return err;
	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	p = find_process(pid);
	return p != NULL ? send_to_process(p, sig, &info) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, const void *uinfo)
{
	siginfo_t info;
	int err;

	if (tgid <= 0)
		return -EINVAL;
	err = queued_info(&info, tgid, sig, uinfo);
	return err != 0 ? err : send_to_thread(tgid, tid, sig, &info);
}
