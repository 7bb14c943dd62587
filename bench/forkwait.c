/* SPDX-License-Identifier: MIT */
/* Microseconds per fork + exit + wait of a small process, and per vfork + exec + wait of /bin/true. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void once(int spawn)
{
	char *argv[] = {"true", NULL};
	pid_t pid;

	if (spawn) {
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0)
			_exit(1);
	} else {
		pid = fork();
		if (pid == 0)
			_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	int spawn = argc > 1 && strcmp(argv[1], "spawn") == 0, rounds = spawn ? 100 : 400;
	double start;

	for (int i = 0; i < 20; i++)
		once(spawn);
	start = now_us();
	for (int i = 0; i < rounds; i++)
		once(spawn);
	printf("%.2f\n", (now_us() - start) / rounds);
	return 0;
}
