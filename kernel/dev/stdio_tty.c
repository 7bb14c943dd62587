/* SPDX-License-Identifier: MIT */
/*
 * stdio_tty.c - ioctl(2) of the terminals among the user's descriptors. Settings, window size and queues are the host
 * terminal's; session and foreground group are the guest's own affair (tty.h), because the host's mean nothing here.
 */
#include "kernel/dev/stdio.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <stdint.h>

#include "abi/vcpu_page.h"
#include "kernel/dev/stdio_queue.h"
#include "kernel/dev/tty.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/clock.h"

struct pass {
	unsigned cmd;
	uint8_t in, out;
};

static const struct pass *find_pass(unsigned cmd)
{
	static const struct pass table[] = {
#define ROW(nr, bytes_in, bytes_out) {nr, bytes_in, bytes_out},
		CAY_STDIO_IOCTLS(ROW)
#undef ROW
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/* The device never waits for output to drain; we ask again after this. A serial line sends about ten bytes in it. */
#define DRAIN_RETRY_NS 1000000

static int sleep_for_drain(void)
{
	struct waitq never = WAITQ_INIT(never);
	int err = wait_event_deadline(&never, false, clock_monotonic_ns() + DRAIN_RETRY_NS, true);

	return err == -EINTR ? -EINTR : 0;
}

static long pass_through(unsigned fd, const struct pass *p, unsigned long arg)
{
	uint8_t payload[CAY_STDIO_PAYLOAD_MAX];
	bool no_payload = p->in + p->out == 0;
	long result;

	if (p->in > 0 && copy_from_user(payload, (void *)arg, p->in) != 0)
		return -EFAULT;
	do {
		result = stdio_call(fd, CAY_STDIO_IOCTL, p->cmd, no_payload ? (int64_t)arg : 0, payload,
				    (uint32_t)(p->in + p->out), p->out > 0);
		if (result == -EAGAIN && sleep_for_drain() != 0)
			return -EINTR;
	} while (result == -EAGAIN);
	if (result >= 0 && p->out > 0 && copy_to_user((void *)arg, payload, p->out) != 0)
		return -EFAULT;
	return result;
}

/* tcdrain(3). */
static long drain_output(unsigned fd)
{
	for (;;) {
		int queued = 0;
		long err = stdio_call(fd, CAY_STDIO_IOCTL, TIOCOUTQ, 0, &queued, sizeof(queued), true);
		if (err < 0 || queued <= 0)
			return err < 0 ? err : 0;
		if (sleep_for_drain() != 0)
			return -EINTR;
	}
}

/* From a key on: a shell with job control wants Ctrl-Z for its jobs, which it says by choosing who is in front. */
static long set_foreground(unsigned long arg)
{
	long err = tty_job_ioctl(&stdio_tty, TIOCSPGRP, arg);
	struct cay_vcpu_page *page = pa_to_virt(PA(CAY_VCPU_GPA));

	if (err == 0)
		WRITE_ONCE(page->job_control, 1);
	return err;
}

int stdio_tty_check_write(unsigned fd)
{
	/* The kernel's struct termios begins with four words of flags, the local ones last. */
	uint32_t settings[36 / sizeof(uint32_t)];
	int64_t err;

	if (!tty_in_background(&stdio_tty))
		return 0;
	err = stdio_call(fd, CAY_STDIO_IOCTL, TCGETS, 0, settings, sizeof(settings), true);
	return err >= 0 && (settings[3] & TOSTOP) ? tty_check_change(&stdio_tty) : 0;
}

long stdio_tty_ioctl(unsigned fd, unsigned cmd, unsigned long arg)
{
	const struct pass *p = find_pass(cmd);

	if (p != NULL) {
		long err = p->in > 0 ? tty_check_change(&stdio_tty) : 0;

		return err != 0 ? err : pass_through(fd, p, arg);
	}
	switch (cmd) {
	case TIOCSPGRP:
		return set_foreground(arg);
	case TCSBRK:
		return drain_output(fd); /* arg 0 would also send a break, which no terminal of today knows */
	}
	return tty_job_ioctl(&stdio_tty, cmd, arg);
}
