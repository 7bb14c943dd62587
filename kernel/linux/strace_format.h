/* SPDX-License-Identifier: MIT */
/*
 * strace_format.h - arguments of system calls as text. Reads the program's memory with copy_from_user only.
 *
 * Letters of syscalls.def, one an argument:
 *   d signed  u unsigned  x hexadecimal  p pointer  m mode, octal  f descriptor  F descriptor or AT_FDCWD
 *   s string  b bytes of the length in the next argument  v iovec array of the length in the next argument
 *   N string array (argv)  k signal set in  T timespec in  A sigaction in  Q rlimit in
 *   o open flags  P mmap rights  M mmap flags  V madvise  w lseek whence  l access mode  U AT_ flags  n clone flags
 *   c fcntl command  e futex operation  g signal  h sigprocmask how  C clock  L resource limit  i ioctl request
 * Filled in by the call, so shown afterwards:
 *   r bytes of the length returned  q string  S struct stat  t timespec  a sigaction  K signal set  R rlimit  D two
 * descriptors
 */
#ifndef CAY_KERNEL_LINUX_STRACE_FORMAT_H
#define CAY_KERNEL_LINUX_STRACE_FORMAT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct strace_line {
	char text[1024];
	size_t len;
};

void strace_put(struct strace_line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Is the argument known only after the call? */
bool strace_is_out(char letter);

/* Appends argument `i` of args. result: of the call, for what is filled in by it. */
void strace_arg(struct strace_line *l, char letter, const long *args, unsigned i, long result);

/* " = 3", " = -1 ENOENT", " = 0x7f..." */
void strace_result(struct strace_line *l, const char *name, long result);

const char *strace_signal_name(int signo); /* NULL when it has none */

#endif
