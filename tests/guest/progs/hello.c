/* SPDX-License-Identifier: MIT */
/* The smallest program worth timing. */
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
