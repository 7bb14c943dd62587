/* SPDX-License-Identifier: MIT */
/* Record locks (process and open-file), flock. Another process is not at hand, so open-file locks play the other owner.
 */
#include "report.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int lock(int fd, int cmd, int type, off_t start, off_t len, struct flock *out)
{
	struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	int r = fcntl(fd, cmd, &l);

	if (out != NULL)
		*out = l;
	return r;
}

int main(void)
{
	char name[] = "/tmp/cay-locks-XXXXXX";
	int a = mkstemp(name), b = open(name, O_RDWR), c = open(name, O_RDONLY);
	struct flock l;

	report_eq(lock(a, F_OFD_SETLK, F_WRLCK, 10, 10, NULL), 0);
	report_eq(lock(a, F_OFD_SETLK, F_WRLCK, 15, 20, NULL), 0);
	report_errno(lock(b, F_OFD_SETLK, F_RDLCK, 12, 1, NULL), EAGAIN);
	report_eq(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10, NULL), 0);
	report_eq(lock(b, F_OFD_SETLK, F_WRLCK, 35, 0, NULL), 0);
	report_true(lock(b, F_OFD_GETLK, F_WRLCK, 0, 0, &l) == 0 && l.l_type == F_WRLCK && l.l_start == 10 &&
		    l.l_len == 25 && l.l_pid == -1);
	report_eq(lock(a, F_OFD_SETLK, F_UNLCK, 12, 3, NULL), 0);
	report_eq(lock(b, F_OFD_SETLK, F_RDLCK, 12, 3, NULL), 0);
	report_errno(lock(b, F_OFD_SETLK, F_RDLCK, 11, 3, NULL), EAGAIN);
	report_true(lock(b, F_OFD_GETLK, F_RDLCK, 10, 2, &l) == 0 && l.l_start == 10 && l.l_len == 2);
	report_eq(lock(a, F_OFD_SETLK, F_RDLCK, 12, 3, NULL), 0);
	report_errno(lock(a, F_OFD_SETLK, F_WRLCK, 12, 3, NULL), EAGAIN);
	report_errno(lock(c, F_OFD_SETLK, F_WRLCK, 100, 1, NULL), EBADF);
	/* A process's own record locks never conflict with one another, but do with open-file locks. */
	report_errno(lock(c, F_SETLK, F_RDLCK, 10, 1, NULL), EAGAIN);
	report_true(lock(c, F_GETLK, F_RDLCK, 10, 1, &l) == 0 && l.l_type == F_WRLCK);
	close(b);
	report_eq(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0, NULL), 0);
	report_eq(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0, NULL), 0);
	b = open(name, O_RDWR);
	report_eq(lock(a, F_SETLK, F_WRLCK, 0, 100, NULL), 0);
	report_eq(lock(b, F_SETLK, F_WRLCK, 50, 100, NULL), 0);
	report_true(lock(b, F_GETLK, F_WRLCK, 0, 0, &l) == 0 && l.l_type == F_UNLCK);
	report_errno(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1, NULL), EAGAIN);
	close(c); /* closing any descriptor of the file drops the process's locks */
	report_eq(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0, NULL), 0);
	report_errno(lock(a, F_SETLK, 77, 0, 1, NULL), EINVAL);
	report_errno(lock(a, F_SETLK, F_WRLCK, -5, 1, NULL), EINVAL);
	report_errno(lock(9999, F_SETLK, F_WRLCK, 0, 1, NULL), EBADF);
	report_eq(flock(a, LOCK_EX | LOCK_NB), 0);
	report_errno(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	report_errno(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	report_eq(flock(a, LOCK_SH), 0);
	report_eq(flock(b, LOCK_SH | LOCK_NB), 0);
	report_errno(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	report_eq(flock(b, LOCK_UN), 0);
	report_eq(flock(a, LOCK_EX | LOCK_NB), 0);
	report_errno(flock(a, 16), EINVAL);
	close(a);
	report_eq(flock(b, LOCK_EX | LOCK_NB), 0);
	close(b);
	unlink(name);
	return report_summary();
}
