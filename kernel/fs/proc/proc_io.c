/* SPDX-License-Identifier: MIT */
/* proc_io.c - /proc/PID/io: what a process, or one of its threads, has read and written by read(2) and write(2) and
 * their kin. What of it reached a disk only the host knows: 0. */
#include <errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/sched/thread.h"

static void add(struct io_counts *sum, const struct io_counts *c)
{
	sum->read_bytes += c->read_bytes;
	sum->written_bytes += c->written_bytes;
	sum->reads += c->reads;
	sum->writes += c->writes;
}

int proc_show_io(uint64_t id, struct text *t)
{
	struct thread *th = proc_thread(id);
	struct io_counts sum;

	if (th == NULL)
		return -ESRCH;
	sum = th->io;
	if (th->tid == th->proc->pid) {
		sum = th->proc->io_dead;
		list_for_each (each, &th->proc->threads, proc_link, struct thread)
			add(&sum, &each->io);
	}
	text_printf(t, "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\n", (unsigned long long)sum.read_bytes,
		    (unsigned long long)sum.written_bytes, (unsigned long long)sum.reads,
		    (unsigned long long)sum.writes);
	text_puts(t, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
	return 0;
}
