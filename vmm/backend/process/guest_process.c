/* SPDX-License-Identifier: MIT */
/*
 * guest_process.c - clone and exec of the stub. Between the two the child shares our memory, so it does nothing but
 * arrange its descriptors and give up files (Landlock); all signals are blocked meanwhile, and stay blocked in the stub
 * until it wants some.
 */
#include "vmm/backend/process/guest_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "vmm/backend/process/namespaces.h"
#include "vmm/sandbox/landlock.h"

extern const char stub_blob[], stub_blob_end[];

#define CHILD_STACK_BYTES 16384

struct child {
	int socket, ram, control, program;
	int rules; /* landlock.h: no file at all */
	int error; /* errno of the exec, or of what comes before */
};

/* A new file may be opened no more; the stub's program is a memfd, which Landlock leaves alone. */
static bool give_up_files(struct child *c)
{
	int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? -errno : landlock_restrict(c->rules);

	errno = -err;
	return err == 0;
}

/* In the child, with our memory. Descriptors are moved out of the way first: a wanted number may be another's. */
static int child_main(void *arg)
{
	struct child *c = arg;
	static char *const argv[] = {(char *)"cay-vcpu", NULL}, *const envp[] = {NULL};
	int fds[] = {c->socket, c->ram, c->control, c->program};
	static const int numbers[] = {STUB_FD_SOCKET, STUB_FD_RAM, STUB_FD_CONTROL, STUB_FD_PROGRAM};
	bool ok = give_up_files(c);

	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = fcntl(fds[i], F_DUPFD, STUB_FD_PROGRAM + 1);
		ok = ok && fds[i] >= 0;
	}
	for (unsigned i = 0; ok && i < ARRAY_SIZE(fds); i++)
		ok = dup3(fds[i], numbers[i], numbers[i] == STUB_FD_PROGRAM ? O_CLOEXEC : 0) >= 0;
	if (ok && close_range(STUB_FD_PROGRAM + 1, ~0u, 0) == 0 && close_range(0, STUB_FD_SOCKET - 1, 0) == 0)
		(void)syscall(SYS_execveat, STUB_FD_PROGRAM, "", argv, envp, AT_EMPTY_PATH);
	c->error = errno;
	_exit(STUB_STEP_EXEC);
}

static int create_program(void)
{
	size_t bytes = (size_t)(stub_blob_end - stub_blob);
	int fd = memfd_create("cay-vcpu", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, stub_blob, bytes) != (ssize_t)bytes) {
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

static int start_child(struct guest_process *gp, struct child *c)
{
	_Alignas(16) char stack[CHILD_STACK_BYTES]; /* used while we wait: CLONE_VFORK */
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
	sigset_t all, old;
	int pid, err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(child_main, stack + sizeof(stack), flags | GUEST_NAMESPACES, c, &gp->pidfd);
	/* Not permitted, or no more of them: then without. */
	if (pid < 0)
		pid = clone(child_main, stack + sizeof(stack), flags, c, &gp->pidfd);
	err = pid < 0 ? -errno : -c->error;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		gp->pidfd = -1;
	gp->pid = pid;
	return err;
}

int guest_process_create(struct guest_process *gp, int ram_fd, int control_fd)
{
	struct child c = {.ram = ram_fd, .control = control_fd, .rules = LANDLOCK_NONE};
	int pair[2], err;

	gp->pid = -1;
	gp->pidfd = gp->socket = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	gp->socket = pair[0];
	c.socket = pair[1];
	c.program = create_program();
	err = c.program < 0 ? c.program : landlock_rules(NULL, 0, false, &c.rules);
	if (err == 0)
		err = start_child(gp, &c);
	if (c.rules >= 0)
		close(c.rules);
	close(pair[1]);
	if (c.program >= 0)
		close(c.program);
	if (err != 0)
		guest_process_destroy(gp);
	return err;
}

int guest_process_send(struct guest_process *gp, const struct stub_message *m, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
	}
	return sendmsg(gp->socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? 0 : -errno;
}

void guest_process_signal(const struct guest_process *gp, int signo)
{
	(void)syscall(SYS_pidfd_send_signal, gp->pidfd, signo, NULL, 0);
}

void guest_process_epitaph(const struct guest_process *gp, char *text, size_t size)
{
	static const char *const steps[] = {
		[STUB_STEP_EXEC] = "exec of the stub",     [STUB_STEP_PARENT] = "first message",
		[STUB_STEP_MEMORY] = "mapping of memory",  [STUB_STEP_SIGNALS] = "signal handlers",
		[STUB_STEP_FILTER] = "system call filter",
	};
	siginfo_t si = {0};
	unsigned code;

	if (waitid(P_PIDFD, (id_t)gp->pidfd, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || si.si_pid == 0) {
		snprintf(text, size, "it ended");
		return;
	}
	code = (unsigned)si.si_status;
	if (si.si_code != CLD_EXITED)
		snprintf(text, size, "killed by signal %u%s", code,
			 code == SIGSYS ? " (a system call that its filter forbids)" : "");
	else if (code < ARRAY_SIZE(steps) && steps[code] != NULL)
		snprintf(text, size, "its start failed: %s", steps[code]);
	else
		snprintf(text, size, "it ended by itself, with status %u", code);
}

void guest_process_destroy(struct guest_process *gp)
{
	siginfo_t si;

	if (gp->socket >= 0)
		close(gp->socket);
	if (gp->pidfd >= 0) {
		guest_process_signal(gp, SIGKILL);
		while (waitid(P_PIDFD, (id_t)gp->pidfd, &si, WEXITED | __WALL) != 0 && errno == EINTR)
			;
		close(gp->pidfd);
	}
	gp->pid = -1;
	gp->pidfd = gp->socket = -1;
}
