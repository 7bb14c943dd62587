/* SPDX-License-Identifier: MIT */
/* seccomp.c - see seccomp.h. seccomp(2), linux/seccomp.h; no listeners (SECCOMP_RET_USER_NOTIF) and no tracers. */
#include "kernel/linux/seccomp.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "kernel/arch/x86_64/trap.h"
#include "kernel/fs/cred.h"
#include "kernel/linux/process_calls.h"
#include "kernel/linux/signal_priv.h"
#include "kernel/linux/sys.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/refs.h"
#include "kernel/sched/thread.h"
#include "lib/cbpf.h"
#include "lib/string.h"

/* Of a whole chain, each filter counting for four more, as on Linux. */
#define MAX_PATH_INSNS 32768
#define PATH_PENALTY   4
#define MAX_ERRNO      4095
/* si_code of SIGSYS: asm-generic/siginfo.h has it, which the C library's signal.h excludes. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

/* Never changes once it is in a chain, and lives as long as any thread has it in its own. */
struct seccomp_filter {
	unsigned refs; /* of threads, and of filters that came later */
	unsigned path_insns;
	struct seccomp_filter *prev;
	bool log;
	unsigned nr;
	struct sock_filter insn[];
};

/* ---- running */

struct call {
	struct cbpf_data data;
	struct seccomp_data what;
};

static bool load(const struct cbpf_data *d, uint32_t at, unsigned bytes, uint32_t *v)
{
	const struct call *c = container_of(d, const struct call, data);

	ASSERT(bytes == sizeof(*v) && at % sizeof(*v) == 0 && at < sizeof(c->what)); /* is_for_calls */
	memcpy(v, (const uint8_t *)&c->what + at, sizeof(*v));
	return true;
}

/* The strictest answer of all; of equal ones the newest filter's. *by: whose. */
static uint32_t run_chain(const struct thread *t, const struct call *c, const struct seccomp_filter **by)
{
	uint32_t strictest = SECCOMP_RET_ALLOW;

	for (const struct seccomp_filter *f = t->seccomp; f != NULL; f = f->prev) {
		uint32_t answer = cbpf_run(f->insn, &c->data);

		/* Actions are ordered as signed numbers: killing the process is the least. */
		if ((int32_t)(answer & SECCOMP_RET_ACTION_FULL) < (int32_t)(strictest & SECCOMP_RET_ACTION_FULL)) {
			strictest = answer;
			*by = f;
		}
	}
	return strictest;
}

static void send_sigsys(const struct call *c, uint32_t data)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSYS;
	info.si_errno = (int)data;
	info.si_code = SYS_SECCOMP;
	info.si_call_addr = (void *)c->what.instruction_pointer;
	info.si_syscall = c->what.nr;
	info.si_arch = c->what.arch;
	signal_force(thread_current(), &info);
}

/* The last thread takes its process with it. */
static NORETURN void end_thread(int signo)
{
	if (process_current()->nr_threads == 1)
		process_exit(signo);
	thread_exit(signo);
}

static void tell(const struct call *c, const char *what)
{
	const char *name = syscall_name((unsigned)c->what.nr);

	kverbose("a seccomp filter of the program %s its system call %s (%d)", what, name != NULL ? name : "unknown",
		 c->what.nr);
}

/* Not allowed, or to be told. Under the kernel lock. */
static bool act(const struct call *c, uint32_t answer, const struct seccomp_filter *by, long *result)
{
	uint32_t data = answer & SECCOMP_RET_DATA;

	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_LOG:
		tell(c, "lets pass");
		return true;
	case SECCOMP_RET_ERRNO:
		if (by->log)
			tell(c, "refuses");
		*result = -(long)(data < MAX_ERRNO ? data : MAX_ERRNO);
		return false;
	case SECCOMP_RET_TRAP:
		if (by->log)
			tell(c, "traps");
		/* The registers are as they were at the call, but for what a handler makes of them. */
		*result = (long)(uint32_t)c->what.nr;
		send_sigsys(c, data);
		return false;
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF: /* nobody listens */
		*result = -ENOSYS;
		return false;
	case SECCOMP_RET_KILL_THREAD:
		tell(c, "ends a thread for");
		end_thread(SIGSYS);
	default: /* KILL_PROCESS, and what no version knows */
		tell(c, "ends the process for");
		process_exit(SIGSYS);
	}
}

static bool is_strict_call(int nr)
{
	return nr == __NR_read || nr == __NR_write || nr == __NR_exit || nr == __NR_rt_sigreturn;
}

bool seccomp_allows(const long arg[6], long *result)
{
	struct thread *t = thread_current();
	const struct trapframe *f = thread_frame(t);
	const struct seccomp_filter *by = NULL;
	struct call c;
	uint32_t answer;
	bool entered, allowed;

	if (t->seccomp_mode == SECCOMP_MODE_DISABLED)
		return true;
	c.data = (struct cbpf_data){.load = load, .len = sizeof(c.what)};
	c.what =
		(struct seccomp_data){.nr = (int)f->orig_rax, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = f->rip};
	memcpy(c.what.args, arg, sizeof(c.what.args));
	if (t->seccomp_mode == SECCOMP_MODE_STRICT) {
		if (is_strict_call(c.what.nr))
			return true;
		kernel_enter();
		end_thread(SIGKILL);
	}
	answer = run_chain(t, &c, &by);
	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW)
		return true;
	entered = kernel_enter();
	allowed = act(&c, answer, by, result);
	if (entered)
		kernel_leave();
	return allowed;
}

/* ---- chains */

static void put_chain(struct seccomp_filter *f)
{
	while (f != NULL && refs_put(&f->refs)) {
		struct seccomp_filter *prev = f->prev;

		kfree(f);
		f = prev;
	}
}

static void set_chain(struct thread *t, struct seccomp_filter *f, int mode)
{
	struct seccomp_filter *old = t->seccomp;

	if (f != NULL)
		refs_get(&f->refs);
	/* It may be running on another CPU: what it runs now is in the new chain, too, so the filters stay. */
	__atomic_store_n(&t->seccomp, f, __ATOMIC_RELEASE);
	__atomic_store_n(&t->seccomp_mode, mode, __ATOMIC_RELEASE);
	put_chain(old);
}

void seccomp_inherit(struct thread *t, const struct thread *from)
{
	if (from->seccomp_mode != SECCOMP_MODE_DISABLED)
		set_chain(t, from->seccomp, from->seccomp_mode);
}

void seccomp_release(struct thread *t)
{
	put_chain(t->seccomp);
	t->seccomp = NULL;
}

unsigned seccomp_count(const struct thread *t)
{
	unsigned n = 0;

	for (const struct seccomp_filter *f = t->seccomp; f != NULL; f = f->prev)
		n++;
	return n;
}

/* ---- making filters */

/* What filters of calls may have of the machine: words of struct seccomp_data, no division by the rest. */
static bool is_for_calls(const struct sock_filter *insn, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		switch (insn[i].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insn[i].k >= sizeof(struct seccomp_data) || insn[i].k % 4 != 0)
				return false;
			break;
		case BPF_LD | BPF_H | BPF_ABS:
		case BPF_LD | BPF_B | BPF_ABS:
		case BPF_LD | BPF_W | BPF_IND:
		case BPF_LD | BPF_H | BPF_IND:
		case BPF_LD | BPF_B | BPF_IND:
		case BPF_LDX | BPF_B | BPF_MSH:
		case BPF_ALU | BPF_MOD | BPF_K:
		case BPF_ALU | BPF_MOD | BPF_X:
			return false;
		}
	}
	return true;
}

static bool is_valid(const struct seccomp_filter *f)
{
	uint16_t *written = kmalloc(f->nr * sizeof(*written));
	bool ok;

	if (written == NULL)
		return false;
	ok = cbpf_is_valid(f->insn, f->nr, written) && is_for_calls(f->insn, f->nr);
	kfree(written);
	return ok;
}

static long make_filter(const void *uprog, unsigned long flags, struct seccomp_filter **out)
{
	struct sock_fprog prog;
	struct seccomp_filter *f;
	long err = copy_from_user(&prog, uprog, sizeof(prog));

	if (err != 0)
		return err;
	if (prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!process_current()->no_new_privs && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	f = kmalloc(sizeof(*f) + prog.len * sizeof(f->insn[0]));
	if (f == NULL)
		return -ENOMEM;
	*f = (struct seccomp_filter){.refs = 1, .log = flags & SECCOMP_FILTER_FLAG_LOG, .nr = prog.len};
	err = copy_from_user(f->insn, prog.filter, prog.len * sizeof(f->insn[0]));
	if (err == 0 && !is_valid(f))
		err = -EINVAL;
	if (err != 0)
		kfree(f);
	else
		*out = f;
	return err;
}

static bool is_ancestor(const struct seccomp_filter *f, const struct seccomp_filter *of)
{
	for (; of != NULL; of = of->prev)
		if (of == f)
			return true;
	return f == NULL;
}

/* A thread of the process whose chain is not a part of the caller's; NULL: there is none. */
static const struct thread *find_stranger(const struct thread *self)
{
	list_for_each (t, &self->proc->threads, proc_link, struct thread)
		if (t->seccomp_mode == SECCOMP_MODE_STRICT || !is_ancestor(t->seccomp, self->seccomp))
			return t;
	return NULL;
}

static long attach(struct thread *t, struct seccomp_filter *f, unsigned long flags)
{
	const struct thread *stranger = flags & SECCOMP_FILTER_FLAG_TSYNC ? find_stranger(t) : NULL;

	f->path_insns = f->nr + (t->seccomp != NULL ? t->seccomp->path_insns + PATH_PENALTY : 0);
	if (f->path_insns > MAX_PATH_INSNS)
		return -ENOMEM;
	if (stranger != NULL)
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : stranger->tid;
	f->prev = t->seccomp;
	if (f->prev != NULL)
		refs_get(&f->prev->refs);
	syscalls_watch();
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		list_for_each (other, &t->proc->threads, proc_link, struct thread)
			set_chain(other, f, SECCOMP_MODE_FILTER);
	} else {
		set_chain(t, f, SECCOMP_MODE_FILTER);
	}
	return 0;
}

/* ---- system calls */

#define KNOWN_FLAGS                                                                                                    \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |                        \
	 SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

static long set_filter(unsigned long flags, const void *uprog)
{
	struct thread *t = thread_current();
	struct seccomp_filter *f;
	long err;

	if (flags & ~(unsigned long)KNOWN_FLAGS)
		return -EINVAL;
	err = make_filter(uprog, flags, &f);
	if (err != 0)
		return err;
	err = t->seccomp_mode == SECCOMP_MODE_STRICT ? -EINVAL : attach(t, f, flags);
	put_chain(f); /* the threads have it, or nobody */
	return err;
}

static long set_strict(void)
{
	struct thread *t = thread_current();

	if (t->seccomp_mode == SECCOMP_MODE_FILTER)
		return -EINVAL;
	syscalls_watch();
	t->seccomp_mode = SECCOMP_MODE_STRICT;
	return 0;
}

static long is_available(const void *uaction)
{
	uint32_t action;
	long err = copy_from_user(&action, uaction, sizeof(action));

	if (err != 0)
		return err;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

long sys_seccomp(unsigned op, unsigned flags, void *uargs)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return flags != 0 || uargs != NULL ? -EINVAL : set_strict();
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(flags, uargs);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags != 0 ? -EINVAL : is_available(uargs);
	default:
		return -EINVAL;
	}
}

long seccomp_prctl(unsigned long mode, const void *uprog)
{
	if (mode == SECCOMP_MODE_STRICT)
		return set_strict();
	return mode == SECCOMP_MODE_FILTER ? set_filter(0, uprog) : -EINVAL;
}
