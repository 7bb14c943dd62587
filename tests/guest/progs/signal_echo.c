// SPDX-License-Identifier: MIT
// Answers each SIGTERM from its handler while it sits in read(2): a signal that comes at any moment must get through.
// Ends when standard input does. (An interpreter cannot be this strict: Python runs handlers between its instructions,
// and one that comes just before it enters read waits until read returns.)
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static void answer(int sig)
{
	(void)sig;
	if (write(STDOUT_FILENO, "got\n", 4) != 4)
		_exit(2);
}

int main(void)
{
	struct sigaction sa = {.sa_handler = answer};
	char buf[64];
	ssize_t n;

	if (sigaction(SIGTERM, &sa, NULL) != 0 || write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 3;
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) != 0)
		if (n < 0 && errno != EINTR)
			return 4;
	return 0;
}
