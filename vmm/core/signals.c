/* SPDX-License-Identifier: MIT */
/* signals.c - a signalfd on the I/O thread. */
#include "vmm/core/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/backend/backend.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/timing.h"
#include "vmm/core/vm.h"
#include "vmm/dev/stdio.h"

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH};

struct signals {
	struct io_watch watch;
	uint64_t untaken_since_ns; /* when a signal was first given to a guest that had not taken it since; 0 = none */
};

/*
 * SIGSTOP to ourselves stops all threads at once, the guest with them, unless it has processes of its own. Signals of
 * the terminal are blocked, so restoring the program's settings from the background cannot stop us again.
 */
static void stop_ourselves(struct vm *vm)
{
	struct termios programs;
	bool terminal = tcgetattr(STDIN_FILENO, &programs) == 0;

	if (vm->stdio)
		stdio_restore_terminal(vm);
	if (vm->backend->vm_pause != NULL)
		vm->backend->vm_pause(vm, true);
	raise(SIGSTOP);
	if (vm->backend->vm_pause != NULL)
		vm->backend->vm_pause(vm, false);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &programs);
	/* The SIGCONT that woke us is read like any other; the window may have changed unseen. */
	vm_signal(vm, SIGWINCH);
}

/* Whether the guest's kernel has let signals lie for too long. Its word is a hint only: a hostile kernel merely
 * survives Ctrl-C. */
static bool guest_is_stuck(struct vm *vm, struct signals *s, uint64_t now_ns)
{
	if (__atomic_load_n(&vm->vcpu[0].page->signals, __ATOMIC_RELAXED) == 0) {
		s->untaken_since_ns = 0;
		return false;
	}
	if (s->untaken_since_ns == 0)
		s->untaken_since_ns = now_ns;
	return now_ns - s->untaken_since_ns > SIGNALS_STUCK_NS;
}

static void forward(struct vm *vm, struct signals *s, int signo)
{
	uint64_t now_ns = timing_now_ns();
	bool stuck = guest_is_stuck(vm, s, now_ns);

	if (stuck && (signo == SIGINT || signo == SIGTERM || signo == SIGQUIT)) {
		vm_fail(vm, "the virtual machine has not taken signals for %llu s; ended",
			SIGNALS_STUCK_NS / 1000000000);
		return;
	}
	vm_signal(vm, signo);
	if (s->untaken_since_ns == 0)
		s->untaken_since_ns = now_ns;
}

/* The guest's word is a hint only: if it is wrong, Ctrl-Z does nothing, as in a program that ignores it. */
static bool guest_has_jobs(struct vm *vm)
{
	return __atomic_load_n(&vm->vcpu[0].page->job_control, __ATOMIC_RELAXED) != 0;
}

static void on_signal(struct io_watch *w, uint32_t events)
{
	struct vm *vm = w->ctx;
	struct signals *s = (struct signals *)w; /* its first member */
	struct signalfd_siginfo si;

	(void)events;
	while (read(w->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGTSTP && !guest_has_jobs(vm))
			stop_ourselves(vm);
		else
			forward(vm, s, (int)si.ssi_signo);
	}
}

/* By nohup, or by a shell for what it puts in the background. Blocking would make the kernel keep such a signal for us.
 */
static bool is_ignored(int signo)
{
	struct sigaction sa;

	return sigaction(signo, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

int signals_create(struct vm *vm, struct signals **out)
{
	struct signals *s = calloc(1, sizeof(*s));
	sigset_t set;
	int err;

	if (!s)
		return -ENOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTTOU); /* not read, only kept from stopping us: see stop_ourselves */
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		if (!is_ignored(forwarded[i]))
			sigaddset(&set, forwarded[i]);
	err = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (err != 0)
		goto err_free;
	sigdelset(&set, SIGTTOU);
	s->watch.ready = on_signal;
	s->watch.ctx = vm;
	s->watch.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->watch.fd < 0) {
		err = -errno;
		goto err_free;
	}
	err = io_watch(vm->io, &s->watch, EPOLLIN);
	if (err != 0)
		goto err_close;
	*out = s;
	return 0;

err_close:
	close(s->watch.fd);
err_free:
	free(s);
	return err;
}

void signals_destroy(struct signals *s)
{
	if (!s)
		return;
	close(s->watch.fd);
	free(s);
}
