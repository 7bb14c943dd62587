/* SPDX-License-Identifier: MIT */
/* pipe_priv.h - a pipe, for pipe.c, fifo.c and splice.c. */
#ifndef CAY_KERNEL_FS_PIPE_PRIV_H
#define CAY_KERNEL_FS_PIPE_PRIV_H

#include "kernel/fs/pipe.h"
#include "kernel/fs/pipe_ring.h"
#include "kernel/fs/vfs.h"

struct pipe {
	struct mutex lock;
	struct pipe_ring ring;
	unsigned nr_readers, nr_writers;     /* open files, not descriptors */
	unsigned readers_seen, writers_seen; /* how many ever opened it: an open that waits sees one come and go */
	struct waitq rd_wq, wr_wq, open_wq;
	struct list fifo_link; /* fifo.c */
	struct inode *fifo_inode;
	bool anonymous; /* made by pipe(2): opening it by /proc/self/fd/N never waits for the other side */
};

extern const struct file_ops pipe_ops;

MUST_CHECK struct pipe *pipe_create(void);
void pipe_destroy(struct pipe *p);
/* One open file with this FILE_* mode is gone. */
void pipe_leave(struct pipe *p, unsigned mode);
/* NULL if f is no pipe. */
struct pipe *pipe_of(struct file *f);
/* Lets an open of i find p: a FIFO's name, or /proc/self/fd/N of a pipe. */
void fifo_name(struct pipe *p, struct inode *i);
/* Nobody has p open any more: forgets its name and frees it. */
void fifo_forget(struct pipe *p);

#endif
