/* SPDX-License-Identifier: MIT */
/*
 * fuzz_syscalls.c - calls every system call with arguments that make no sense: fuzz_syscalls SECONDS SEED [THREADS].
 * For a VM only: on Linux itself it could do harm. Children make the calls, each with several threads that share memory
 * and descriptors and so pull them from under each other; a child that makes no progress is killed, and must then be
 * gone soon: anything else is a hang of the kernel. A panic of the kernel ends the VM. What no program can be given by
 * chance is left out: calls that end or signal others, or make processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_PER_CHILD 400
#define NR_CALLS        452
#define STUCK_MS        100
#define GONE_MS         60000
#define MAX_THREADS     4

/* Shared with the parent: what the child is doing. */
static volatile struct shared {
	struct progress {
		uint64_t made;
		long nr, arg[6];
	} of[MAX_THREADS];
	uint64_t ok[NR_CALLS]; /* times that a call succeeded, roughly when several threads count */
} * shared;
static unsigned nr_threads = 1;

static uint8_t *buffers; /* 64 KiB that may be written, then a page that may not, then nothing */
#define BUFFER_BYTES 65536ul
#define PAGE         4096ul
static __thread uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static bool is_left_out(long nr)
{
	switch (nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_pidfd_send_signal:
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone:
	case SYS_clone3:
	case SYS_prlimit64: /* of the parent */
	case SYS_reboot:
		return true;
	default:
		return false;
	}
}

static uint64_t wild_address(void)
{
	static const uint64_t wild[] = {0,
					1,
					0x1000,
					0x10000,
					0x500000000000ull,
					0x700000000000ull - 4,
					0x700000000000ull,
					0x700000010000ull,
					0x780000000000ull,
					0x780000100000ull,
					0x7f0000000000ull,
					0x7f0000000000ull - 1,
					0x7ffffffff000ull,
					0x800000000000ull,
					0x8000000000000000ull,
					0xffff800000000000ull,
					0xffffffff80000000ull,
					0xffffffffffffff00ull,
					0xffffffffffffffffull};

	return wild[rnd() % (sizeof(wild) / sizeof(wild[0]))];
}

static uint64_t pointer(void)
{
	switch (rnd() % 8) {
	case 0:
		return wild_address();
	case 1: /* just before memory ends */
		return (uint64_t)buffers + BUFFER_BYTES + PAGE - rnd() % 64;
	case 2: /* just before memory ends that may be written */
		return (uint64_t)buffers + BUFFER_BYTES - rnd() % 64;
	case 3:
		return (uint64_t)buffers + rnd() % BUFFER_BYTES;
	default:
		return (uint64_t)buffers + rnd() % 16 * PAGE;
	}
}

static uint64_t number(void)
{
	switch (rnd() % 8) {
	case 0:
		return 1ull << rnd() % 64;
	case 1:
		return (1ull << rnd() % 64) - 1;
	case 2:
		return -(rnd() % 300);
	case 3:
		return rnd();
	case 4:
		return rnd() & 0xffff;
	case 5:
		return (rnd() & 15) * PAGE;
	default:
		return rnd() % 40;
	}
}

static uint64_t argument(void)
{
	return rnd() % 5 < 2 ? pointer() : number();
}

/* Buffers hold what calls look for: paths, and structures full of pointers, lengths and numbers. */
static void fill_buffers(void)
{
	static const char *const paths[] = {
		"/tmp/fuzz", "/tmp",      "/proc/self/maps", "",          ".",     "/dev/null", "/tmp/fuzz-dir",
		"/dev/ptmx", "/dev/shm/", "/tmp/fuzz-link",  "user.test", "tmpfs", "/proc",     "/sys/kernel"};

	for (unsigned page = 0; page < BUFFER_BYTES / PAGE; page++) {
		uint8_t *p = buffers + page * PAGE;

		if (page % 4 == 0)
			strcpy((char *)p, paths[rnd() % (sizeof(paths) / sizeof(paths[0]))]);
		else if (page % 4 == 1)
			for (unsigned i = 0; i < 64; i++)
				((uint32_t *)(void *)p)[i] = (uint32_t)number();
		else
			for (unsigned i = 0; i < 64; i++)
				((uint64_t *)(void *)p)[i] = argument();
	}
}

static void open_files(void)
{
	int fds[2];

	(void)!open("/tmp/fuzz", O_RDWR | O_CREAT, 0666);
	(void)!open("/tmp", O_RDONLY | O_DIRECTORY);
	(void)!open("/proc/self/status", O_RDONLY);
	(void)!pipe(fds);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	(void)!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
	(void)!socket(AF_INET, SOCK_STREAM, 0);
	(void)!socket(AF_INET, SOCK_DGRAM, 0);
	(void)!eventfd(0, 0);
	(void)!epoll_create1(0);
	(void)!timerfd_create(CLOCK_MONOTONIC, 0);
	(void)!memfd_create("fuzz", 0);
	(void)!syscall(SYS_inotify_init1, 0);
	(void)!open("/dev/ptmx", O_RDWR | O_NOCTTY);
	(void)!open("/dev/zero", O_RDWR);
	(void)!open("/usr/bin/env", O_RDONLY);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void make_calls(unsigned thread, uint64_t seed)
{
	volatile struct progress *progress = &shared->of[thread];

	state = (seed + thread * 0xd1342543de82ef95ull) | 1;
	for (int i = 0; i < 10; i++)
		rnd();
	for (unsigned i = 0; i < CALLS_PER_CHILD; i++) {
		long nr = (long)(rnd() % NR_CALLS), r;

		if (i % 16 == 0)
			fill_buffers();
		if (is_left_out(nr))
			continue;
		progress->nr = nr;
		for (unsigned k = 0; k < 6; k++)
			progress->arg[k] = (long)argument();
		if (rnd() % 2)
			progress->arg[0] = (long)(rnd() % 24); /* a descriptor */
		progress->made++;
		r = syscall(nr, progress->arg[0], progress->arg[1], progress->arg[2], progress->arg[3],
			    progress->arg[4], progress->arg[5]);
		if (r != -1)
			shared->ok[nr]++;
	}
}

static struct start {
	unsigned thread;
	uint64_t seed;
} starts[MAX_THREADS];

static void *another_thread(void *arg)
{
	struct start *s = arg;

	make_calls(s->thread, s->seed);
	return NULL;
}

static void child(uint64_t seed)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval every = {{0, 5000}, {0, 5000}}; /* whatever sleeps is woken */
	pthread_t th;

	for (int fd = 0; fd < 3; fd++) /* what is written there should not fill the parent's output */
		dup2(open("/dev/null", O_RDWR), fd);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	open_files();
	for (unsigned i = 1; i < nr_threads; i++) {
		starts[i] = (struct start){i, seed};
		pthread_create(&th, NULL, another_thread, &starts[i]);
	}
	make_calls(0, seed);
	_exit(0); /* the others may be anywhere */
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void say_hang(uint64_t seed)
{
	printf("HANG seed %llu:", (unsigned long long)seed);
	for (unsigned i = 0; i < nr_threads; i++) {
		printf(" call %ld(", shared->of[i].nr);
		for (unsigned k = 0; k < 6; k++)
			printf("%s%#lx", k ? ", " : "", shared->of[i].arg[k]);
		printf(")");
	}
	printf("\n");
	fflush(stdout);
}

static uint64_t calls_made(void)
{
	uint64_t made = 0;

	for (unsigned i = 0; i < nr_threads; i++)
		made += shared->of[i].made;
	return made;
}

/* Waits for the child, kills it when it makes no progress. False when it then stays. */
static bool watch(pid_t pid, uint64_t seed)
{
	uint64_t made = calls_made(), since = now_ms();
	bool killed = false;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		struct timespec pause = {0, 1000000};

		nanosleep(&pause, NULL);
		if (calls_made() != made && !killed) {
			made = calls_made();
			since = now_ms();
		} else if (!killed && now_ms() - since > STUCK_MS) {
			kill(pid, SIGKILL);
			killed = true;
			since = now_ms();
		} else if (killed && now_ms() - since > GONE_MS) {
			say_hang(seed);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t end = now_ms() + 1000ull * (argc > 1 ? strtoull(argv[1], NULL, 0) : 5);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, children = 0, distinct = 0;

	if (getpid() != 1) {
		fprintf(stderr, "for a VM only\n");
		return 2;
	}
	if (argc > 3)
		nr_threads = (unsigned)atoi(argv[3]);
	if (nr_threads < 1 || nr_threads > MAX_THREADS)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	buffers = mmap(NULL, BUFFER_BYTES + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(buffers + BUFFER_BYTES, PAGE, PROT_READ);
	munmap(buffers + BUFFER_BYTES + PAGE, PAGE);
	mkdir("/tmp/fuzz-dir", 0777);
	do {
		pid_t pid = fork();

		if (pid == 0)
			child(seed * 0x9e3779b97f4a7c15ull + children);
		if (pid < 0) {
			printf("fork failed: errno %d\n", errno);
			return 1;
		}
		if (!watch(pid, seed * 0x9e3779b97f4a7c15ull + children))
			return 1;
		children++;
	} while (now_ms() < end);
	for (unsigned i = 0; i < NR_CALLS; i++)
		distinct += shared->ok[i] != 0;
	printf("%llu calls by %llu children; %llu different ones succeeded at least once\n",
	       (unsigned long long)calls_made(), (unsigned long long)children, (unsigned long long)distinct);
	return 0;
}
