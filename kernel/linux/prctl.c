/* SPDX-License-Identifier: MIT */
/* prctl.c - prctl, arch_prctl, personality. Options whose effect cannot be had fail with EINVAL, as on a kernel built
 * without. */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/prctl.h>
#include <signal.h>
#include <string.h>

#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/seccomp.h"
#include "kernel/linux/sigqueue.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

#define LAST_CAP            CAP_LAST_CAP
#define SECBITS_ALL         0xffu
#define SECBIT_KEEPS        (1u << 4)
#define SECBIT_KEEPS_LOCKED (1u << 5)
#define DEFAULT_SLACK_NS    50000ul

static long set_name(const void *uname)
{
	struct thread *t = thread_current();
	char name[THREAD_COMM_LEN];
	ssize_t n = strncpy_from_user(name, uname, sizeof(name));

	if (n == -EFAULT)
		return n;
	name[sizeof(name) - 1] = 0; /* longer names are cut */
	memcpy(t->comm, name, sizeof(name));
	return 0;
}

static long drop_bounding(unsigned long cap)
{
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > LAST_CAP)
		return -EINVAL;
	process_current()->cred.cap_bounding &= ~(1ull << cap);
	return 0;
}

static long set_keep_caps(unsigned long on)
{
	struct cred *c = &process_current()->cred;

	if (on > 1)
		return -EINVAL;
	if (c->securebits & SECBIT_KEEPS_LOCKED)
		return -EPERM;
	c->securebits = on ? c->securebits | SECBIT_KEEPS : c->securebits & ~SECBIT_KEEPS;
	return 0;
}

static long ambient(unsigned long what, unsigned long cap)
{
	struct cred *c = &process_current()->cred;
	uint64_t bit;

	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		c->cap_ambient = 0;
		return 0;
	}
	if (cap > LAST_CAP)
		return -EINVAL;
	bit = 1ull << cap;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return (c->cap_ambient & bit) != 0;
	case PR_CAP_AMBIENT_LOWER:
		c->cap_ambient &= ~bit;
		return 0;
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & bit))
			return -EPERM;
		c->cap_ambient |= bit;
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct thread *t = thread_current();
	struct process *p = t->proc;

	switch (option) {
	case PR_SET_NAME:
		return set_name((const void *)a2);
	case PR_GET_NAME:
		return copy_to_user((void *)a2, t->comm, THREAD_COMM_LEN);
	case PR_SET_PDEATHSIG:
		if (a2 > NR_SIGNALS)
			return -EINVAL;
		t->pdeath_signal = (int)a2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user_u32((void *)a2, (uint32_t)t->pdeath_signal);
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		p->dumpable = a2 != 0;
		return 0;
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_NO_NEW_PRIVS:
		if (a2 != 1 || a3 != 0 || a4 != 0 || a5 != 0)
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a2 | a3 | a4 | a5 ? -EINVAL : p->no_new_privs;
	case PR_CAPBSET_READ:
		return a2 > LAST_CAP ? -EINVAL : (long)(p->cred.cap_bounding >> a2 & 1);
	case PR_CAPBSET_DROP:
		return drop_bounding(a2);
	case PR_GET_KEEPCAPS:
		return (p->cred.securebits & SECBIT_KEEPS) != 0;
	case PR_SET_KEEPCAPS:
		return set_keep_caps(a2);
	case PR_GET_SECUREBITS:
		return p->cred.securebits;
	case PR_SET_SECUREBITS:
		if (!capable(CAP_SETPCAP) || (a2 & ~(unsigned long)SECBITS_ALL))
			return -EPERM;
		p->cred.securebits = (uint32_t)a2;
		return 0;
	case PR_CAP_AMBIENT:
		return ambient(a2, a3);
	case PR_SET_TIMERSLACK:
		t->timer_slack_ns = a2 != 0 ? a2 : DEFAULT_SLACK_NS;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack_ns;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_THP_DISABLE:
		return p->thp_disabled;
	case PR_SET_THP_DISABLE:
		p->thp_disabled = a2 != 0;
		return 0;
	case PR_SET_CHILD_SUBREAPER:
		p->subreaper = a2 != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32((void *)a2, p->subreaper);
	case PR_GET_TID_ADDRESS:
		return put_user_u64((void *)a2, t->clear_child_tid);
	case PR_GET_SECCOMP:
		return t->seccomp_mode;
	case PR_SET_SECCOMP:
		return seccomp_prctl(a2, (const void *)a3);
	case PR_SET_VMA: /* a name for /proc/self/maps: accepted, not shown */
		return a2 == PR_SET_VMA_ANON_NAME ? 0 : -EINVAL;
	case PR_SET_PTRACER:
		return 0; /* nobody can trace */
	default:
		return -EINVAL;
	}
}

long sys_arch_prctl(int code, unsigned long addr)
{
	struct thread *t = thread_current();

	switch (code) {
	case ARCH_SET_FS:
		if (addr >= CAY_USER_END)
			return -EPERM;
		t->fs_base = addr;
		wrfsbase(addr);
		return 0;
	case ARCH_GET_FS:
		return put_user_u64((void *)addr, rdfsbase());
	case ARCH_GET_GS: /* the kernel keeps its own data there: a program has none (docs/caveats.md) */
		return put_user_u64((void *)addr, 0);
	case ARCH_SET_GS:
		return addr == 0 ? 0 : -EPERM;
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV; /* no faulting of cpuid */
	default:
		return -EINVAL;
	}
}

#define PERSONALITY_QUERY 0xffffffffu

long sys_personality(unsigned persona)
{
	struct process *p = process_current();
	uint32_t old = p->personality;

	if (persona != PERSONALITY_QUERY)
		p->personality = persona;
	return old;
}
