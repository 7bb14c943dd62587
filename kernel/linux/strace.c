/* SPDX-License-Identifier: MIT */
/* strace.c - see strace.h. What a call is given is read before it, what it gives back after. */
#include "kernel/linux/strace.h"

#include <linux/fcntl.h>

#include "kernel/linux/strace_format.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"

#define O_TMPFILE_BIT   020000000 /* without O_DIRECTORY, which O_TMPFILE includes */
#define NR_RT_SIGRETURN 15
#define NR_EXIT         60
#define NR_EXIT_GROUP   231

#define SYSCALL(nr, name, args) [nr] = args,
#define SYSCALL_FULL            SYSCALL
static const char *const letters[SYSCALL_MAX] = {
#include "kernel/linux/syscalls.def"
};
#undef SYSCALL
#undef SYSCALL_FULL

static bool all;
static uint32_t wanted[SYSCALL_MAX / 32];

/* strace(1)'s classes, as far as they can be told from the arguments: a call with a path, or with a descriptor first.
 */
static bool in_class(const char *class, size_t n, const char *args)
{
	if (n == 5 && memcmp(class, "%file", n) == 0)
		return args[0] == 's' || (args[0] == 'F' && args[1] == 's');
	if (n == 5 && memcmp(class, "%desc", n) == 0)
		return args[0] == 'f' || args[0] == 'F';
	if (n == 7 && memcmp(class, "%memory", n) == 0)
		return strchr(args, 'P') != NULL || (args[0] == 'x' && args[1] == 'u');
	if (n == 7 && memcmp(class, "%signal", n) == 0)
		for (; *args != '\0'; args++)
			if (strchr("gkKAa", *args) != NULL)
				return true;
	return false;
}

static void want(const char *item, size_t n)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		const char *name = syscall_name(nr);

		if (name != NULL &&
		    ((strlen(name) == n && memcmp(name, item, n) == 0) || in_class(item, n, letters[nr])))
			wanted[nr / 32] |= 1u << nr % 32;
	}
}

bool strace_init(void)
{
	const char *set = boot_string(boot_info->strace_set);

	if (!(boot_info->flags & CAY_BOOT_STRACE))
		return false;
	all = set[0] == '\0';
	while (*set != '\0') {
		size_t n = 0;

		while (set[n] != '\0' && set[n] != ',')
			n++;
		want(set, n);
		set += n + (set[n] == ',');
	}
	return true;
}

static void print(const struct strace_line *l)
{
	struct thread *t = thread_current();

	if (thread_count() > 1 || t->proc != init_process)
		klog("[pid %d] %s", t->tid, l->text);
	else
		klog("%s", l->text);
}

static unsigned put_args(struct strace_line *l, const char *args, const long *v, unsigned from, bool after, long result)
{
	unsigned i;

	for (i = from; i < 6 && args[i] != '\0'; i++) {
		if (!after && strace_is_out(args[i]))
			break;
		/* the mode of a file that is not made means nothing */
		if (args[i] == 'm' && i > 0 && args[i - 1] == 'o' && !(v[i - 1] & (O_CREAT | O_TMPFILE_BIT)))
			return 6;
		strace_put(l, i == 0 ? "" : ", ");
		strace_arg(l, args[i], v, i, result);
	}
	return i;
}

static bool never_returns(unsigned nr)
{
	return nr == NR_EXIT || nr == NR_EXIT_GROUP || nr == NR_RT_SIGRETURN;
}

static long absent(unsigned nr)
{
	stats->syscall_absent[nr / 32] |= 1u << nr % 32;
	return -38; /* ENOSYS */
}

long strace_dispatch(long a, long b, long c, long d, long e, long f)
{
	unsigned nr = (uint32_t)thread_frame(thread_current())->orig_rax;
	const long v[6] = {a, b, c, d, e, f};
	const char *args = letters[nr], *name = syscall_name(nr);
	syscall_fn fn = syscall_table[nr];
	struct strace_line *l = NULL;
	unsigned shown;
	long result;

	if (name != NULL && (all || (wanted[nr / 32] >> nr % 32 & 1)))
		l = kzalloc(sizeof(*l));
	if (l == NULL)
		return fn != NULL ? fn(a, b, c, d, e, f) : absent(nr);
	strace_put(l, "%s(", name);
	shown = put_args(l, args, v, 0, never_returns(nr), 0);
	if (never_returns(nr)) {
		strace_put(l, ") = ?");
		print(l);
		kfree(l);
		return fn != NULL ? fn(a, b, c, d, e, f) : absent(nr);
	}
	result = fn != NULL ? fn(a, b, c, d, e, f) : absent(nr);
	put_args(l, args, v, shown, true, result);
	strace_put(l, ")");
	strace_result(l, name, result);
	if (fn == NULL)
		strace_put(l, " (not implemented)");
	print(l);
	kfree(l);
	return result;
}

void strace_signal(const siginfo_t *info)
{
	const char *name = strace_signal_name(info->si_signo);
	struct strace_line *l;

	if (!(boot_info->flags & CAY_BOOT_STRACE))
		return;
	l = kzalloc(sizeof(*l));
	if (l == NULL)
		return;
	strace_put(l, "--- ");
	strace_put(l, name != NULL ? "%s" : "SIGRT", name);
	strace_put(l, " {si_signo=%d, si_code=%d", info->si_signo, info->si_code);
	if (info->si_code > 0 && (info->si_signo == SIGSEGV || info->si_signo == SIGBUS || info->si_signo == SIGILL ||
				  info->si_signo == SIGFPE || info->si_signo == SIGTRAP))
		strace_put(l, ", si_addr=0x%lx", (unsigned long)info->si_addr);
	strace_put(l, "} ---");
	print(l);
	kfree(l);
}
