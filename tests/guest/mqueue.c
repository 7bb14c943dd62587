/* SPDX-License-Identifier: MIT */
/* POSIX message queues: mq_overview(7). */
#include "report.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char name[64];
static volatile sig_atomic_t notified, notified_value;

static void on_notify(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	notified += si->si_code == SI_MESGQ;
	notified_value = si->si_value.sival_int;
}

static bool got(mqd_t q, const char *want, unsigned want_priority)
{
	char text[64] = "";
	unsigned priority = 99;

	return mq_receive(q, text, sizeof(text), &priority) == (ssize_t)strlen(want) && strcmp(text, want) == 0 &&
	       priority == want_priority;
}

static void test_basics(void)
{
	struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 64}, seen;
	mqd_t q, again, reader;
	char text[64];

	report_errno(mq_open(name, O_RDWR), ENOENT);
	q = mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &attr);
	report_true(q >= 0);
	report_errno(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr), EEXIST);
	report_true(mq_getattr(q, &seen) == 0 && seen.mq_maxmsg == 3 && seen.mq_msgsize == 64 && seen.mq_curmsgs == 0 &&
		    seen.mq_flags == O_NONBLOCK);
	report_errno(mq_receive(q, text, sizeof(text), NULL), EAGAIN);
	report_errno(mq_receive(q, text, 63, NULL), EMSGSIZE);
	report_eq(mq_send(q, "low", 3, 1), 0);
	report_eq(mq_send(q, "high", 4, 7), 0);
	report_eq(mq_send(q, "low too", 7, 1), 0);
	report_errno(mq_send(q, "full", 4, 9), EAGAIN);
	report_errno(mq_send(q, text, 65, 0), EMSGSIZE);
	report_errno(mq_send(q, text, 1, 32768), EINVAL);
	report_eq(poll(&(struct pollfd){.fd = q, .events = POLLIN | POLLOUT}, 1, 0), 1);
	report(got(q, "high", 7) && got(q, "low", 1) && got(q, "low too", 1), "by priority, then by age");
	reader = mq_open(name, O_RDONLY);
	report_errno(mq_send(reader, "x", 1, 0), EBADF);
	again = mq_open(name, O_WRONLY);
	report_errno(mq_receive(again, text, sizeof(text), NULL), EBADF);
	report_eq(mq_send(again, "", 0, 0), 0);
	report(got(reader, "", 0), "an empty message is one");
	report_eq(mq_unlink(name), 0);
	report_errno(mq_unlink(name), ENOENT);
	report_errno(mq_open(name, O_RDWR), ENOENT);
	report_eq(mq_send(q, "still", 5, 0), 0);
	report(got(reader, "still", 0), "an unlinked queue works on");
	attr.mq_flags = 0;
	report_true(mq_setattr(q, &attr, &seen) == 0 && seen.mq_flags == O_NONBLOCK);
	report_true(mq_getattr(q, &seen) == 0 && seen.mq_flags == 0 && seen.mq_maxmsg == 3);
	mq_close(q);
	mq_close(reader);
	mq_close(again);
	report_errno(mq_send(q, "x", 1, 0), EBADF);
	attr.mq_maxmsg = 0;
	report_errno(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
}

static void *receive_two(void *arg)
{
	char text[64];
	long n = mq_receive((mqd_t)(long)arg, text, sizeof(text), NULL);

	return (void *)(n + mq_receive((mqd_t)(long)arg, text, sizeof(text), NULL));
}

static void test_waiting(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 64};
	mqd_t q = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
	struct timespec soon;
	pthread_t t;
	void *sum;

	pthread_create(&t, NULL, receive_two, (void *)(long)q);
	report_eq(mq_send(q, "12345", 5, 0), 0);
	report_eq(mq_send(q, "678", 3, 0), 0);
	pthread_join(t, &sum);
	report_eq((long)sum, 8);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	report_errno(mq_timedreceive(q, (char[64]){0}, 64, NULL, &soon), ETIMEDOUT);
	report_eq(mq_send(q, "x", 1, 0), 0);
	report_errno(mq_timedsend(q, "x", 1, 0, &soon), ETIMEDOUT);
	report_errno(mq_timedsend(q, "x", 1, 0, &(struct timespec){0, -1}), EINVAL);
	mq_close(q);
	mq_unlink(name);
}

static void test_notify(void)
{
	struct sigaction sa = {.sa_sigaction = on_notify, .sa_flags = SA_SIGINFO};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	mqd_t q = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
	char text[8192];
	int status;
	pid_t pid;

	sigaction(SIGUSR1, &sa, NULL);
	report_eq(mq_notify(q, &ev), 0);
	report_errno(mq_notify(q, &ev), EBUSY);
	pid = fork();
	if (pid == 0)
		_exit(mq_notify(q, &ev) == -1 && errno == EBUSY && mq_send(q, "a", 1, 0) == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	report(status == 0, "another process sends");
	report(notified == 1 && notified_value == 42, "and this one is told, once");
	mq_send(q, "b", 1, 0);
	report_eq(notified, 1);
	report_eq(mq_notify(q, &ev), 0);
	mq_send(q, "c", 1, 0);
	report(notified == 1, "only when the queue was empty");
	while (mq_receive(q, text, sizeof(text), NULL) > 0)
		;
	mq_send(q, "d", 1, 0);
	report_eq(notified, 2);
	report_eq(mq_notify(q, &ev), 0);
	report_eq(mq_notify(q, NULL), 0);
	report_eq(mq_notify(q, &ev), 0);
	mq_close(q);
	mq_unlink(name);
}

static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told_changed = PTHREAD_COND_INITIALIZER;
static int told;
static pthread_t told_by;

static void on_thread(union sigval v)
{
	pthread_mutex_lock(&told_lock);
	told += v.sival_int;
	told_by = pthread_self();
	pthread_cond_signal(&told_changed);
	pthread_mutex_unlock(&told_lock);
}

static void test_notify_by_thread(void)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 7};
	struct sigevent raw = {.sigev_notify = SIGEV_THREAD, .sigev_signo = 0, .sigev_value.sival_ptr = &raw};
	mqd_t q = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
	char cookie[32] = "a cookie of thirty-two bytes..";
	char text[8192];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), file = open("/dev/null", O_RDONLY);

	report_eq(mq_notify(q, &ev), 0);
	report_errno(mq_notify(q, &ev), EBUSY);
	report_eq(mq_send(q, "a", 1, 0), 0);
	pthread_mutex_lock(&told_lock);
	while (told == 0)
		pthread_cond_wait(&told_changed, &told_lock);
	pthread_mutex_unlock(&told_lock);
	report(told == 7 && !pthread_equal(told_by, pthread_self()), "a thread is told");
	mq_receive(q, text, sizeof(text), NULL);

	/* What lies below: the kernel sends the cookie to a netlink socket. */
	raw.sigev_value.sival_ptr = cookie;
	raw.sigev_signo = file;
	report_errno(syscall(SYS_mq_notify, q, &raw), ENOTSOCK);
	raw.sigev_signo = 999;
	report_errno(syscall(SYS_mq_notify, q, &raw), EBADF);
	raw.sigev_signo = fd;
	raw.sigev_value.sival_ptr = NULL;
	report_errno(syscall(SYS_mq_notify, q, &raw), EFAULT);
	raw.sigev_value.sival_ptr = cookie;
	report_eq(syscall(SYS_mq_notify, q, &raw), 0);
	report_eq(mq_send(q, "b", 1, 0), 0);
	report(recv(fd, text, sizeof(text), MSG_DONTWAIT) == 32 && memcmp(text, cookie, 31) == 0 && text[31] == 1,
	       "its socket gets the cookie: a message");
	report_eq(syscall(SYS_mq_notify, q, &raw), 0);
	report_eq(mq_notify(q, NULL), 0);
	report(recv(fd, text, sizeof(text), MSG_DONTWAIT) == 32 && memcmp(text, cookie, 31) == 0 && text[31] == 2,
	       "its socket gets the cookie: no more");
	report_eq(syscall(SYS_mq_notify, q, &raw), 0);
	close(fd); /* the queue has a reference */
	mq_close(q);
	mq_unlink(name);
	close(file);
}

static void test_limit(void)
{
	const struct rlimit none = {1000, 819200}, enough = {819200, 819200};
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 100};
	mqd_t q;

	setrlimit(RLIMIT_MSGQUEUE, &none);
	report_errno(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EMFILE);
	setrlimit(RLIMIT_MSGQUEUE, &enough);
	for (int i = 0; i < 1000; i++) { /* what is gone is not counted */
		q = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
		if (q < 0 || mq_unlink(name) != 0 || mq_close(q) != 0)
			break;
		attr.mq_maxmsg = 10 - i % 2;
	}
	report_true(q >= 0);
}

int main(void)
{
	snprintf(name, sizeof(name), "/cay-test-%d", getpid());
	test_basics();
	test_waiting();
	test_notify();
	test_notify_by_thread();
	test_limit();
	return report_summary();
}
