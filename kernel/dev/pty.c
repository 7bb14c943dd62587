/* SPDX-License-Identifier: MIT */
/*
 * pty.c - pseudo terminals (pty(7)): /dev/ptmx makes a pair, /dev/pts/N is its slave. The master's side is keyboard and
 * screen; between the two stands a line discipline (ldisc.h), and tty.h knows who may use the slave. A pair lives until
 * the last file of either side is closed; closing the master hangs the slave up.
 * Lock: pty.lock over the line discipline; nothing sleeps with it but copies from and to the program.
 */
#include "kernel/dev/pty.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/kdev_t.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "kernel/dev/ldisc.h"
#include "kernel/dev/pty_priv.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/pseudo.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define CHUNK       256u
#define DECISECOND  100000000ull
#define VTIME_UNSET WAIT_FOREVER

static struct pty *pairs[PTY_MAX];

static struct pty *pty_of(struct file *f)
{
	return f->priv;
}

bool pty_is_master(const struct file *f)
{
	return f->ops == &pty_master_ops;
}

static void pty_put(struct pty *p)
{
	if (p->has_master || p->nr_slaves > 0)
		return;
	tty_hang_up(&p->tty);
	pairs[p->index] = NULL;
	kfree(p);
}

static void send_keys(struct pty *p, unsigned keys)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTSTP};

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		if (keys & 1u << i)
			(void)tty_signal_foreground(&p->tty, signals[i]);
}

void pty_changed(struct pty *p)
{
	waitq_wake(&p->master_wq, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
	waitq_wake(&p->slave_wq, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

static int interrupted(int err)
{
	return err == -EINTR ? -ERESTARTSYS : err;
}

/* ---- the master's side */

static bool master_has_news(const struct pty *p)
{
	return (ldisc_queue_used(&p->ld.out) > 0 && !p->ld.stopped) || (p->nr_slaves == 0 && p->was_opened);
}

static ssize_t master_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct pty *p = pty_of(f);
	uint8_t chunk[CHUNK];
	ssize_t total = 0;

	(void)pos;
	while (uio->resid > 0 && total == 0) {
		size_t lead = p->packet_mode ? 1 : 0, n;
		int err = 0;

		if (!master_has_news(p))
			err = file_nowait(f, uio)
				      ? -EAGAIN
				      : interrupted(wait_event_interruptible(&p->master_wq, master_has_news(p)));
		if (err != 0)
			return err;
		if (ldisc_queue_used(&p->ld.out) == 0)
			return -EIO; /* nobody is on the other side */
		chunk[0] = TIOCPKT_DATA;
		do {
			n = lead + ldisc_show(&p->ld, chunk + lead, MIN(sizeof(chunk), uio->resid) - lead);
			ssize_t moved = n > lead ? uio_move(chunk, n, uio) : 0;

			if (moved < 0)
				return total > 0 ? total : moved;
			total += moved;
			lead = 0;
		} while (n == sizeof(chunk) && uio->resid > 0);
	}
	pty_changed(p);
	return total;
}

static ssize_t master_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct pty *p = pty_of(f);
	uint8_t chunk[CHUNK];
	ssize_t total = 0;

	(void)pos;
	while (uio->resid > 0) {
		ssize_t n = uio_move(chunk, MIN(sizeof(chunk), uio->resid), uio);
		size_t done = 0;

		if (n < 0)
			return total > 0 ? total : n;
		while (done < (size_t)n) {
			unsigned keys = 0;
			size_t took = ldisc_receive(&p->ld, chunk + done, (size_t)n - done, &keys);
			int err = 0;

			send_keys(p, keys);
			done += took;
			total += (ssize_t)took;
			pty_changed(p);
			if (done == (size_t)n)
				break;
			err = file_nowait(f, uio)
				      ? -EAGAIN
				      : interrupted(wait_event_interruptible(&p->master_wq, ldisc_has_room(&p->ld)));
			if (err != 0)
				return total > 0 ? total : err;
		}
	}
	return total;
}

static uint32_t master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = pty_of(f);
	uint32_t events = 0;

	poll_wait(f, &p->master_wq, pt);
	if (ldisc_queue_used(&p->ld.out) > 0 && !p->ld.stopped)
		events |= POLLIN | POLLRDNORM;
	if (ldisc_has_room(&p->ld))
		events |= POLLOUT | POLLWRNORM;
	if (p->nr_slaves == 0 && p->was_opened)
		events |= POLLHUP;
	return events;
}

static void master_release(struct file *f)
{
	struct pty *p = pty_of(f);

	p->has_master = false;
	tty_hang_up(&p->tty);
	pty_changed(p);
	waitq_wake(&p->slave_wq, POLLHUP);
	pty_put(p);
}

const struct file_ops pty_master_ops = {
	.has_async = true,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = pty_ioctl,
	.release = master_release,
};

int ptmx_open(struct file *f)
{
	unsigned i = 0;
	struct pty *p;

	while (i < PTY_MAX && pairs[i] != NULL)
		i++;
	if (i == PTY_MAX)
		return -ENOSPC;
	p = kzalloc(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->index = i;
	p->has_master = true;
	p->locked = true;
	p->uid = process_current()->cred.euid;
	p->tty.open = pty_open_controlling;
	p->time_ns = clock_realtime_ns();
	ldisc_init(&p->ld);
	waitq_init(&p->master_wq);
	waitq_init(&p->slave_wq);
	pairs[i] = p;
	f->ops = &pty_master_ops;
	f->priv = p;
	return 0;
}

/* ---- the slave's side */

/* Raw mode: how many bytes a read waits for, by VMIN and what it has room for. */
static size_t least_bytes(const struct pty *p, size_t want)
{
	return MIN((size_t)p->ld.tio.c_cc[VMIN], want);
}

static bool slave_may_read(const struct pty *p, size_t least)
{
	return !p->has_master ||
	       (p->ld.tio.c_lflag & ICANON ? ldisc_readable(&p->ld) : ldisc_available(&p->ld) >= least);
}

/*
 * Until there is something, by VMIN and VTIME: with VMIN the time runs from byte to byte, else from the start.
 * 0: look; -errno.
 */
static int wait_for_input(struct file *f, struct pty *p, const struct uio *uio)
{
	bool canonical = p->ld.tio.c_lflag & ICANON;
	uint64_t gap_ns = canonical ? 0 : p->ld.tio.c_cc[VTIME] * DECISECOND;
	size_t least = canonical ? 1 : least_bytes(p, uio->resid), had;
	int err;

	if (slave_may_read(p, least) && (canonical || least > 0 || gap_ns == 0))
		return 0;
	if (file_nowait(f, uio))
		return ldisc_available(&p->ld) > 0 ? 0 : -EAGAIN;
	if (gap_ns == 0)
		return interrupted(wait_event_interruptible(&p->slave_wq, slave_may_read(p, least)));
	if (least == 0) {
		err = wait_event_deadline(&p->slave_wq, slave_may_read(p, 1), clock_monotonic_ns() + gap_ns, true);
		return err == -ETIMEDOUT ? 0 : interrupted(err);
	}
	err = interrupted(wait_event_interruptible(&p->slave_wq, slave_may_read(p, 1)));
	while (err == 0 && !slave_may_read(p, least)) {
		had = ldisc_available(&p->ld);
		err = wait_event_deadline(&p->slave_wq, slave_may_read(p, had + 1), clock_monotonic_ns() + gap_ns,
					  true);
		if (err == -ETIMEDOUT)
			return 0;
		err = interrupted(err);
	}
	return err;
}

static ssize_t slave_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct pty *p = pty_of(f);
	uint8_t chunk[CHUNK];
	ssize_t total = 0;
	bool more;

	(void)pos;
	if (uio->resid == 0)
		return 0;
	int err = tty_check_read(&p->tty);

	if (err == 0)
		err = wait_for_input(f, p, uio);
	if (err == 0)
		err = tty_check_read(&p->tty); /* the foreground may have changed meanwhile */
	if (err != 0)
		return err;
	do {
		size_t n = ldisc_read(&p->ld, chunk, MIN(sizeof(chunk), uio->resid));
		bool line_goes_on = n == sizeof(chunk) && (!(p->ld.tio.c_lflag & ICANON) || chunk[n - 1] != '\n');
		ssize_t moved = n > 0 ? uio_move(chunk, n, uio) : 0;

		if (moved < 0)
			return total > 0 ? total : moved;
		total += moved;
		more = line_goes_on && uio->resid > 0 && ldisc_available(&p->ld) > 0;
	} while (more);
	pty_changed(p);
	return total;
}

static bool slave_may_write(const struct pty *p)
{
	return !p->has_master || (!p->ld.stopped && ldisc_queue_used(&p->ld.out) < LDISC_QUEUE / 2);
}

static ssize_t slave_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct pty *p = pty_of(f);
	uint8_t chunk[CHUNK];
	ssize_t total = 0;
	int err = p->ld.tio.c_lflag & TOSTOP ? tty_check_change(&p->tty) : 0;

	(void)pos;
	while (err == 0 && uio->resid > 0) {
		ssize_t n = uio_move(chunk, MIN(sizeof(chunk), uio->resid), uio);
		size_t done = 0;

		if (n < 0)
			return total > 0 ? total : n;
		while (err == 0 && done < (size_t)n) {
			size_t took = p->has_master ? ldisc_write(&p->ld, chunk + done, (size_t)n - done) : 0;

			done += took;
			total += (ssize_t)took;
			if (took > 0)
				pty_changed(p);
			if (!p->has_master)
				err = -EIO;
			else if (done < (size_t)n)
				err = file_nowait(f, uio)
					      ? -EAGAIN
					      : interrupted(wait_event_interruptible(&p->slave_wq, slave_may_write(p)));
		}
	}
	return total > 0 ? total : err;
}

static uint32_t slave_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = pty_of(f);
	size_t least = p->ld.tio.c_lflag & ICANON || p->ld.tio.c_cc[VTIME] != 0 ? 1 : MAX(p->ld.tio.c_cc[VMIN], 1u);
	uint32_t events = 0;

	poll_wait(f, &p->slave_wq, pt);
	if (!p->has_master)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	if (slave_may_read(p, least))
		events |= POLLIN | POLLRDNORM;
	if (slave_may_write(p))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void slave_release(struct file *f)
{
	struct pty *p = pty_of(f);

	p->nr_slaves--;
	waitq_wake(&p->master_wq, POLLHUP | POLLIN);
	pty_put(p);
}

const struct file_ops pty_slave_ops = {
	.has_async = true,
	.read = slave_read,
	.write = slave_write,
	.poll = slave_poll,
	.ioctl = pty_ioctl,
	.release = slave_release,
};

static int open_slave(struct pty *p, struct file *f)
{
	if (p == NULL || !p->has_master || p->locked)
		return -EIO;
	if (p->exclusive && p->nr_slaves > 0 && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	p->nr_slaves++;
	p->was_opened = true;
	f->ops = &pty_slave_ops;
	f->priv = p;
	tty_opened(&p->tty, f->flags & O_NOCTTY);
	return 0;
}

int pty_open_controlling(struct tty *t, struct file *f)
{
	return open_slave(container_of(t, struct pty, tty), f);
}

int pty_slave_open(struct file *f)
{
	unsigned i = MINOR(f->inode->rdev);

	return open_slave(i < PTY_MAX ? pairs[i] : NULL, f);
}

struct pty *pty_at(unsigned index)
{
	return index < PTY_MAX ? pairs[index] : NULL;
}
