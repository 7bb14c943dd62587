/* SPDX-License-Identifier: MIT */
/* System V shared memory, semaphores and message queues: shmget(2), semop(2), msgsnd(2) and their families. */
#include "report.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static struct shmid_ds shm_stat(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xff, sizeof(ds));
	shmctl(id, IPC_STAT, &ds);
	return ds;
}

static void test_shm_basics(void)
{
	volatile int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
	int key = 0x5ca1e000 + (getpid() & 0xfff);
	char *a, *b, *c;

	report_true(id >= 0);
	report_eq(shm_stat(id).shm_segsz, 5000);
	report_eq(shm_stat(id).shm_nattch, 0);
	report_eq(shm_stat(id).shm_perm.mode, 0600);
	report_eq(shm_stat(id).shm_cpid, getpid());
	a = shmat(id, NULL, 0);
	b = shmat(id, NULL, SHM_RDONLY);
	report_true(a != (void *)-1 && b != (void *)-1 && a != b);
	report_eq(shm_stat(id).shm_nattch, 2);
	strcpy(a + 4097, "here");
	report_true(strcmp(b + 4097, "here") == 0);
	report_true(a[0] == 0 && a[8191] == 0);
	report_catch_faults();
	report_eq(fault_of(*(volatile char *)b = 1), SIGSEGV);
	report_errno(mprotect(b, 4096, PROT_READ | PROT_WRITE), EACCES);
	c = shmat(id, a, SHM_REMAP);
	report_true(c == a && strcmp(c + 4097, "here") == 0);
	report_eq(shm_stat(id).shm_nattch, 2);
	report_errno((long)shmat(id, a, 0), EINVAL);
	report_errno((long)shmat(id, a + 1, 0), EINVAL);
	report_errno((long)shmat(id, NULL, SHM_REMAP), EINVAL);
	report_true(munmap(a, 4096) == 0);
	report_eq(shm_stat(id).shm_nattch, 2);
	report_eq(shmdt(a), 0);
	report_eq(fault_of(a[4097] = 1), SIGSEGV);
	report_eq(shm_stat(id).shm_nattch, 1);
	report_errno(shmdt(a), EINVAL);
	report_errno(shmdt(b + 4096), EINVAL);
	/* Removed: no longer found by key, but alive while attached. */
	report_eq(shmctl(id, IPC_RMID, NULL), 0);
	report_true(shm_stat(id).shm_perm.mode & SHM_DEST);
	c = shmat(id, NULL, 0);
	report_true(c != (void *)-1 && strcmp(c + 4097, "here") == 0);
	report_eq(shmdt(b), 0);
	report_eq(shmdt(c), 0);
	report_errno(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EINVAL);
	report_errno((long)shmat(id, NULL, 0), EINVAL);

	report_errno(shmget(key, 100, 0), ENOENT);
	id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
	report_true(id >= 0);
	report_eq(shmget(key, 0, 0), id);
	report_eq(shmget(key, 100, IPC_CREAT), id);
	report_errno(shmget(key, 100, IPC_CREAT | IPC_EXCL), EEXIST);
	report_errno(shmget(key, 101, 0), EINVAL);
	report_errno(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	report_eq(shmctl(id, IPC_RMID, NULL), 0);
	report_errno(shmctl(id, IPC_RMID, NULL), EINVAL);
	report_errno(shmctl(id, 99, NULL), EINVAL);
	report_errno(shmget(key, 100, 0), ENOENT);
}

static void test_shm_fork(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600), status;
	volatile int *p = shmat(id, NULL, 0);
	pid_t child;

	p[0] = 1;
	child = fork();
	if (child == 0) {
		p[1] = p[0] + 1;
		_exit(shm_stat(id).shm_nattch != 2);
	}
	waitpid(child, &status, 0);
	report(status == 0, "a child of fork counts as attached");
	report(p[1] == 2, "the parent sees what the child wrote");
	report_eq(shm_stat(id).shm_nattch, 1);
	shmctl(id, IPC_RMID, NULL);
	report_eq(p[1], 2);
	report_eq(shmdt((void *)p), 0);
}

/* A child attaches and goes, by munmap or by its end; its id, and the time, must be those of the last detach. */
static bool detach_is_noted(bool by_munmap)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600), status;
	struct shmid_ds ds;
	pid_t child = fork();

	if (child == 0) {
		void *p = shmat(id, NULL, 0);

		if (by_munmap)
			munmap(p, 4096);
		else
			_exit(shm_stat(id).shm_dtime != 0);
		_exit(shm_stat(id).shm_lpid != getpid() || shm_stat(id).shm_dtime == 0);
	}
	waitpid(child, &status, 0);
	ds = shm_stat(id);
	shmctl(id, IPC_RMID, NULL);
	return status == 0 && ds.shm_lpid == child && ds.shm_dtime != 0 && ds.shm_nattch == 0;
}

static int sem(int id, int num, int op, int flags)
{
	struct sembuf b = {(unsigned short)num, (short)op, (short)flags};

	return semop(id, &b, 1);
}

static int value(int id, int num)
{
	return semctl(id, num, GETVAL);
}

static void test_sem_basics(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600);
	unsigned short values[3] = {1, 2, 3};
	struct sembuf both[2] = {{0, -1, 0}, {1, -3, IPC_NOWAIT}};
	struct semid_ds ds;

	report_true(id >= 0);
	report_eq(semctl(id, 0, SETALL, (union semun){.array = values}), 0);
	memset(values, 0, sizeof(values));
	report_eq(semctl(id, 0, GETALL, (union semun){.array = values}), 0);
	report_true(values[0] == 1 && values[1] == 2 && values[2] == 3);
	report_errno(semop(id, both, 2), EAGAIN);
	report(value(id, 0) == 1 && value(id, 1) == 2, "all operations or none");
	both[1].sem_op = -2;
	report_eq(semop(id, both, 2), 0);
	report(value(id, 0) == 0 && value(id, 1) == 0, "both were done");
	report_eq(sem(id, 0, 0, IPC_NOWAIT), 0);
	report_errno(sem(id, 2, 0, IPC_NOWAIT), EAGAIN);
	report_errno(sem(id, 3, 1, 0), EFBIG);
	report_errno(sem(id, 2, 32767, 0), ERANGE);
	report_errno(semop(id, both, 0), EINVAL);
	report_errno(semop(id, both, 501), E2BIG);
	report_errno(semctl(id, 0, SETVAL, (union semun){.val = 32768}), ERANGE);
	report_errno(semctl(id, 0, SETVAL, (union semun){.val = -1}), ERANGE);
	report_errno(semctl(id, 3, GETVAL), EINVAL);
	report_eq(semctl(id, 0, GETPID), getpid());
	report_eq(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}), 0);
	report_true(ds.sem_nsems == 3 && ds.sem_otime != 0 && (ds.sem_perm.mode & 0777) == 0600);
	report_errno(semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &(struct timespec){0, 20000000}), EAGAIN);
	report_errno(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	report_eq(semctl(id, 0, IPC_RMID), 0);
	report_errno(sem(id, 0, 1, 0), EINVAL);
}

static int shared_id;
static int waiter_errno;

static void *wait_for_sem(void *arg)
{
	waiter_errno = sem(shared_id, (int)(long)arg, -1, 0) == 0 ? 0 : errno;
	return NULL;
}

static void await_sleepers(int id, int num, int n)
{
	while (semctl(id, num, GETNCNT) != n)
		sched_yield();
}

static void test_sem_waiting(void)
{
	pthread_t t;

	shared_id = semget(IPC_PRIVATE, 1, 0600);
	pthread_create(&t, NULL, wait_for_sem, (void *)0);
	await_sleepers(shared_id, 0, 1);
	report_eq(semctl(shared_id, 0, GETZCNT), 0);
	sem(shared_id, 0, 1, 0);
	pthread_join(t, NULL);
	report(waiter_errno == 0 && value(shared_id, 0) == 0, "a sleeper gets what another puts there");
	pthread_create(&t, NULL, wait_for_sem, (void *)0);
	await_sleepers(shared_id, 0, 1);
	semctl(shared_id, 0, IPC_RMID);
	pthread_join(t, NULL);
	report(waiter_errno == EIDRM, "a sleeper learns that the set was removed");
}

static void test_sem_undo(void)
{
	int id = semget(IPC_PRIVATE, 2, 0600), status, fds[2];
	pid_t child;

	semctl(id, 0, SETVAL, (union semun){.val = 5});
	child = fork();
	if (child == 0) {
		sem(id, 0, -3, SEM_UNDO);
		sem(id, 0, 1, SEM_UNDO);
		sem(id, 1, 4, 0);
		_exit(value(id, 0));
	}
	waitpid(child, &status, 0);
	report_eq(WEXITSTATUS(status), 3);
	report(value(id, 0) == 5 && value(id, 1) == 4, "what was to be undone was, the rest was not");
	/* A holder that is killed lets the next one go on. */
	semctl(id, 0, SETVAL, (union semun){.val = 1});
	report_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		char c = 'x';

		sem(id, 0, -1, SEM_UNDO);
		(void)!write(fds[1], &c, 1);
		pause();
		_exit(0);
	}
	(void)!read(fds[0], &(char){0}, 1);
	report_errno(sem(id, 0, -1, IPC_NOWAIT), EAGAIN);
	kill(child, SIGKILL);
	report_eq(sem(id, 0, -1, 0), 0);
	waitpid(child, &status, 0);
	report_true(WIFSIGNALED(status));
	semctl(id, 0, IPC_RMID);
}

struct msg {
	long type;
	char text[64];
};

static int put(int q, long type, const char *text, int flags)
{
	struct msg m = {.type = type};

	strcpy(m.text, text);
	return msgsnd(q, &m, strlen(text) + 1, flags);
}

static bool got(int q, long type, int flags, const char *want)
{
	struct msg m = {0};

	return msgrcv(q, &m, sizeof(m.text), type, flags | IPC_NOWAIT) == (ssize_t)strlen(want) + 1 &&
	       strcmp(m.text, want) == 0;
}

static void test_msg_basics(void)
{
	int q = msgget(IPC_PRIVATE, 0600);
	struct msqid_ds ds;
	struct msg m;

	report_true(q >= 0);
	report_eq(put(q, 3, "three", 0), 0);
	report_eq(put(q, 1, "one", 0), 0);
	report_eq(put(q, 2, "two", 0), 0);
	report_eq(put(q, 3, "three again", 0), 0);
	report_eq(msgctl(q, IPC_STAT, &ds), 0);
	report_true(ds.msg_qnum == 4 && ds.msg_qbytes == 16384 && ds.msg_lspid == getpid() && ds.msg_stime != 0);
	report(got(q, 2, 0, "two"), "by type");
	report(got(q, -2, 0, "one"), "the lowest type up to a limit");
	report_errno(msgrcv(q, &m, sizeof(m.text), 7, IPC_NOWAIT), ENOMSG);
	report_errno(msgrcv(q, &m, 2, 0, IPC_NOWAIT), E2BIG);
	report_eq(msgrcv(q, &m, 2, 0, IPC_NOWAIT | MSG_NOERROR), 2);
	report(m.type == 3 && m.text[0] == 't' && m.text[1] == 'h', "cut, and the rest is gone");
	report(!got(q, 3, MSG_EXCEPT, "three again") && got(q, 9, MSG_EXCEPT, "three again"), "all but a type");
	report_errno(put(q, 0, "", 0), EINVAL);
	report_errno(msgsnd(q, &m, 8193, 0), EINVAL);
	report_errno(msgsnd(q, NULL, 1, 0), EFAULT);
	report_eq(msgctl(q, IPC_RMID, NULL), 0);
	report_errno(put(q, 1, "x", 0), EINVAL);
}

static void *drain(void *arg)
{
	static struct {
		long type;
		char data[8192];
	} big;
	long bytes = 0;

	for (int i = 0; i < 20; i++)
		bytes += msgrcv((int)(long)arg, &big, sizeof(big.data), 0, 0);
	return (void *)bytes;
}

static void test_msg_waiting(void)
{
	static struct {
		long type;
		char data[8192];
	} big = {.type = 1};
	int q = msgget(IPC_PRIVATE, 0600), sent = 0;
	void *bytes;
	pthread_t t;

	while (msgsnd(q, &big, sizeof(big.data), IPC_NOWAIT) == 0)
		sent++;
	report(sent == 2 && errno == EAGAIN, "a queue holds 16 KiB");
	pthread_create(&t, NULL, drain, (void *)(long)q);
	while (sent < 20 && msgsnd(q, &big, sizeof(big.data), 0) == 0)
		sent++;
	pthread_join(t, &bytes);
	report(sent == 20 && (long)bytes == 20 * 8192, "sender and receiver wait for each other");
	msgctl(q, IPC_RMID, NULL);
}

static bool listed(const char *path, int id)
{
	char text[16384], number[32];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(number, sizeof(number), " %10d ", id);
	return strstr(text, number) != NULL;
}

static void test_lists(void)
{
	int shm = shmget(IPC_PRIVATE, 1, 0600), set = semget(IPC_PRIVATE, 1, 0600), q = msgget(IPC_PRIVATE, 0600);
	struct shminfo limits;

	report_true(listed("/proc/sysvipc/shm", shm));
	report_true(listed("/proc/sysvipc/sem", set));
	report_true(listed("/proc/sysvipc/msg", q));
	report_true(shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&limits) >= 0 && limits.shmmni == 4096);
	shmctl(shm, IPC_RMID, NULL);
	semctl(set, 0, IPC_RMID);
	msgctl(q, IPC_RMID, NULL);
	report_true(!listed("/proc/sysvipc/shm", shm) && !listed("/proc/sysvipc/sem", set));
}

/* POSIX shared memory and semaphores are files of /dev/shm. */
static void test_posix_shm(void)
{
	char name[32];
	int fd, status;
	volatile int *p;
	pid_t child;

	snprintf(name, sizeof(name), "/cay-test-%d", getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	report_true(fd >= 0 && ftruncate(fd, 8192) == 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	child = fork();
	if (child == 0) {
		int again = shm_open(name, O_RDWR, 0);
		volatile int *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);

		q[1024] = 77;
		_exit(0);
	}
	waitpid(child, &status, 0);
	report(p[1024] == 77, "shm_open in two processes is one memory");
	report_eq(shm_unlink(name), 0);
	report_errno(shm_open(name, O_RDWR, 0), ENOENT);
}

int main(void)
{
	test_shm_basics();
	test_shm_fork();
	report(detach_is_noted(true), "munmap is a detach");
	report(detach_is_noted(false), "so is the end of a process");
	test_sem_basics();
	test_sem_waiting();
	test_sem_undo();
	test_msg_basics();
	test_msg_waiting();
	test_lists();
	test_posix_shm();
	return report_summary();
}
