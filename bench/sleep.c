/* SPDX-License-Identifier: MIT */
/* Sleeps the given number of seconds. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	sleep(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	return 0;
}
