/* SPDX-License-Identifier: MIT */
/* pty_ioctl.c - ioctl(2) of both sides of a pseudo terminal: settings (ioctl_tty(2)), window size, queues, and the
 * pair. */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/kdev_t.h>
#include <signal.h>

#include "kernel/dev/pty.h"
#include "kernel/dev/pty_priv.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/uaccess.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define NOT_MINE 1 /* no result of an ioctl here */

/* struct termios is what struct ktermios begins with; termios2 is all of it. */
#define TERMIOS_BYTES sizeof(struct termios)

static int wait_until_shown(struct pty *p)
{
	int err = wait_event_interruptible(&p->slave_wq, !p->has_master || ldisc_queue_used(&p->ld.out) == 0);

	return err == -EINTR ? -ERESTARTSYS : err;
}

/* Flags and characters that TIOCSLCKTRMIOS locked stay as they are. */
static void keep_locked(const struct pty *p, struct ktermios *new)
{
	const struct ktermios *old = &p->ld.tio, *lock = &p->lock;

	new->c_iflag = (old->c_iflag & lock->c_iflag) | (new->c_iflag & ~lock->c_iflag);
	new->c_oflag = (old->c_oflag & lock->c_oflag) | (new->c_oflag & ~lock->c_oflag);
	new->c_cflag = (old->c_cflag & lock->c_cflag) | (new->c_cflag & ~lock->c_cflag);
	new->c_lflag = (old->c_lflag & lock->c_lflag) | (new->c_lflag & ~lock->c_lflag);
	for (unsigned i = 0; i < NCCS; i++)
		if (lock->c_cc[i] != 0)
			new->c_cc[i] = old->c_cc[i];
}

/* The old structure has 16 bits for flags and eight characters; the rest stays. */
static int read_termio(struct ktermios *tio, const void *uarg)
{
	struct termio old;

	if (copy_from_user(&old, uarg, sizeof(old)) != 0)
		return -EFAULT;
	tio->c_iflag = (tio->c_iflag & ~0xffffu) | old.c_iflag;
	tio->c_oflag = (tio->c_oflag & ~0xffffu) | old.c_oflag;
	tio->c_cflag = (tio->c_cflag & ~0xffffu) | old.c_cflag;
	tio->c_lflag = (tio->c_lflag & ~0xffffu) | old.c_lflag;
	memcpy(tio->c_cc, old.c_cc, NCC);
	return 0;
}

/* TCSETS and its kind. bytes: of the structure that the call has; 0: struct termio. */
static long set_termios(struct pty *p, const void *uarg, size_t bytes, bool drain, bool flush)
{
	struct ktermios tio = p->ld.tio;
	long err = tty_check_change(&p->tty);

	if (err == 0)
		err = bytes == 0 ? read_termio(&tio, uarg) : copy_from_user(&tio, uarg, bytes);
	keep_locked(p, &tio);
	if (err == 0 && drain)
		err = wait_until_shown(p);
	if (err != 0)
		return err;
	if (flush)
		ldisc_flush_in(&p->ld);
	ldisc_set(&p->ld, &tio);
	pty_changed(p);
	return 0;
}

/* The old structure, whose flags are 16 bits: TCGETA and TCSETA. */
static long get_termio(const struct pty *p, void *uarg)
{
	const struct ktermios *t = &p->ld.tio;
	struct termio old = {(unsigned short)t->c_iflag,
			     (unsigned short)t->c_oflag,
			     (unsigned short)t->c_cflag,
			     (unsigned short)t->c_lflag,
			     t->c_line,
			     {0}};

	memcpy(old.c_cc, t->c_cc, NCC);
	return copy_to_user(uarg, &old, sizeof(old));
}

static long set_window(struct pty *p, const void *uarg)
{
	struct winsize size;

	if (copy_from_user(&size, uarg, sizeof(size)) != 0)
		return -EFAULT;
	if (memcmp(&size, &p->size, sizeof(size)) == 0)
		return 0;
	p->size = size;
	(void)tty_signal_foreground(&p->tty, SIGWINCH);
	return 0;
}

static long flush(struct pty *p, bool master, uint64_t which)
{
	/* Seen from the master, what the slave wrote is input. */
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which == TCIOFLUSH || which == (master ? TCOFLUSH : TCIFLUSH))
		ldisc_flush_in(&p->ld);
	if (which == TCIOFLUSH || which == (master ? TCIFLUSH : TCOFLUSH))
		ldisc_flush_out(&p->ld);
	pty_changed(p);
	return 0;
}

static long flow(struct pty *p, uint64_t what)
{
	switch (what) {
	case TCOOFF:
	case TCOON:
		p->ld.stopped = what == TCOOFF;
		pty_changed(p);
		return 0;
	case TCIOFF:
	case TCION:
		return 0; /* asks the other side to pause, by a character that a pseudo terminal's master does not obey
			   */
	default:
		return -EINVAL;
	}
}

/* TIOCGPTPEER: opens the slave without its name. */
static long open_peer(const struct pty *p, int flags)
{
	char path[24];
	struct file *f;
	int err, fd;

	fmt_snprintf(path, sizeof(path), "/dev/pts/%u", p->index);
	err = vfs_open(AT_FDCWD, path, flags, 0, &f);
	if (err != 0)
		return err;
	fd = fd_install(f, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long master_ioctl(struct pty *p, unsigned cmd, uint64_t arg)
{
	uint32_t v;

	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32((void *)arg, p->index);
	case TIOCSPTLCK:
		if (get_user_u32(&v, (void *)arg) != 0)
			return -EFAULT;
		p->locked = v != 0;
		return 0;
	case TIOCGPTLCK:
		return put_user_u32((void *)arg, p->locked);
	case TIOCGPTPEER:
		return open_peer(p, (int)arg);
	case TIOCPKT:
		if (get_user_u32(&v, (void *)arg) != 0)
			return -EFAULT;
		p->packet_mode = v != 0;
		return 0;
	case TIOCGPKT:
		return put_user_u32((void *)arg, p->packet_mode);
	case TIOCSIG:
		if (arg < 1 || arg > 64)
			return -EINVAL;
		(void)tty_signal_foreground(&p->tty, (int)arg);
		return 0;
	case TIOCGPGRP: /* whoever holds the master may ask about the slave */
		return put_user_u32((void *)arg, (uint32_t)p->tty.pgrp);
	case TIOCGSID:
		return p->tty.sid != 0 ? put_user_u32((void *)arg, (uint32_t)p->tty.sid) : -ENOTTY;
	case FIONREAD:
		return put_user_u32((void *)arg, (uint32_t)ldisc_queue_used(&p->ld.out));
	case TIOCOUTQ:
		return put_user_u32((void *)arg, (uint32_t)ldisc_queue_used(&p->ld.in));
	default:
		return NOT_MINE;
	}
}

static long slave_ioctl(struct pty *p, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case FIONREAD:
		return put_user_u32((void *)arg, (uint32_t)ldisc_available(&p->ld));
	case TIOCOUTQ:
		return put_user_u32((void *)arg, (uint32_t)ldisc_queue_used(&p->ld.out));
	case TCSBRK:
	case TCSBRKP: /* there is no line that a break could be sent on */
		return wait_until_shown(p);
	default:
		return NOT_MINE;
	}
}

static long common_ioctl(struct pty *p, bool master, unsigned cmd, uint64_t arg)
{
	void *uarg = (void *)arg;

	switch (cmd) {
	case TCGETS:
		return copy_to_user(uarg, &p->ld.tio, TERMIOS_BYTES);
	case TCGETS2:
		return copy_to_user(uarg, &p->ld.tio, sizeof(struct termios2));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(p, uarg, TERMIOS_BYTES, cmd != TCSETS && !master, cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(p, uarg, sizeof(struct termios2), cmd != TCSETS2 && !master, cmd == TCSETSF2);
	case TCGETA:
		return get_termio(p, uarg);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_termios(p, uarg, 0, cmd != TCSETA && !master, cmd == TCSETAF);
	case TIOCGLCKTRMIOS:
		return copy_to_user(uarg, &p->lock, TERMIOS_BYTES);
	case TIOCSLCKTRMIOS:
		return capable(CAP_SYS_ADMIN) ? copy_from_user(&p->lock, uarg, TERMIOS_BYTES) : -EPERM;
	case TIOCGSOFTCAR:
		return put_user_u32(uarg, (p->ld.tio.c_cflag & CLOCAL) != 0);
	case TIOCGETD:
		return put_user_u32(uarg, 0); /* N_TTY, the only discipline there is */
	case TIOCGDEV:
		return put_user_u32(uarg, (uint32_t)MKDEV(master ? PTY_MASTER_MAJOR : PTY_SLAVE_MAJOR, p->index));
	case TIOCEXCL:
	case TIOCNXCL:
		p->exclusive = cmd == TIOCEXCL;
		return 0;
	case TIOCGEXCL:
		return put_user_u32(uarg, p->exclusive);
	case TIOCGWINSZ:
		return copy_to_user(uarg, &p->size, sizeof(p->size));
	case TIOCSWINSZ:
		return set_window(p, uarg);
	case TCFLSH:
		return flush(p, master, arg);
	case TCXONC:
		return flow(p, arg);
	default:
		return tty_job_ioctl(&p->tty, cmd, arg);
	}
}

int64_t pty_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pty *p = f->priv;
	bool master = pty_is_master(f);
	long ret = master ? master_ioctl(p, cmd, arg) : slave_ioctl(p, cmd, arg);

	if (ret != NOT_MINE)
		return ret;
	if (!master && !p->has_master)
		return -EIO;
	return common_ioctl(p, master, cmd, arg);
}
