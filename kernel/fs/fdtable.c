/* SPDX-License-Identifier: MIT */
/*
 * fdtable.c - see fdtable.h. An array that doubles, and two bitmaps: open and close-on-exec.
 * Changes are made under the table's lock. A lookup takes none and writes nothing but the file's reference, so that
 * threads that use different descriptors do not meet: files and outgrown arrays are freed when no lookup has them in
 * hand any more (rcu.h), and a file whose last reference has gone meanwhile is not there.
 */
#include <errno.h>
#include <asm/resource.h>

#include "abi/layout.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/plat/cay/map.h"
#include "kernel/sched/rcu.h"
#include "lib/string.h"

#define FD_INITIAL 64

struct fdtable {
	unsigned refs;
	int size; /* multiple of 64 */
	struct file **files;
	char apart[64];       /* what lookups read from what each open and close writes */
	struct spinlock lock; /* all but refs */
	int next;             /* no number below is free */
	uint64_t *open, *cloexec;
};
MAP_FIELD(FDTABLE_SIZE, struct fdtable, size);
MAP_FIELD(FDTABLE_FILES, struct fdtable, files);

static bool bit_get(const uint64_t *map, int n)
{
	return (map[n / 64] >> (n % 64) & 1) != 0;
}

static void bit_set(uint64_t *map, int n, bool on)
{
	if (on)
		map[n / 64] |= 1ull << (n % 64);
	else
		map[n / 64] &= ~(1ull << (n % 64));
}

/* Behind the arrays, in the same memory. */
struct arrays_tail {
	struct rcu_head rcu;
	struct file **files;
};

static void free_arrays(struct rcu_head *h)
{
	kfree(container_of(h, struct arrays_tail, rcu)->files);
}

/* At least that size. Called and returns without the lock. */
static bool resize(struct fdtable *t, int size)
{
	size_t words = (size_t)size / 64;
	struct file **files =
		kzalloc((size_t)size * sizeof(*files) + 2 * words * sizeof(uint64_t) + sizeof(struct arrays_tail));
	struct arrays_tail *old = NULL;
	uint64_t *open, *cloexec;

	if (files == NULL)
		return false;
	open = (uint64_t *)(files + size);
	cloexec = open + words;
	spin_lock(&t->lock);
	if (t->size >= size) { /* another thread did it meanwhile */
		spin_unlock(&t->lock);
		kfree(files);
		return true;
	}
	if (t->size > 0) {
		memcpy(files, t->files, (size_t)t->size * sizeof(*files));
		memcpy(open, t->open, (size_t)t->size / 8);
		memcpy(cloexec, t->cloexec, (size_t)t->size / 8);
		old = (struct arrays_tail *)(t->cloexec + t->size / 64);
		old->files = t->files;
	}
	__atomic_store_n(&t->files, files, __ATOMIC_RELEASE); /* before the size: pairs with fdtable_lookup */
	t->open = open;
	t->cloexec = cloexec;
	__atomic_store_n(&t->size, size, __ATOMIC_RELEASE);
	spin_unlock(&t->lock);
	if (old != NULL)
		rcu_free_later(&old->rcu, free_arrays);
	return true;
}

struct fdtable *fdtable_create(void)
{
	struct fdtable *t = kzalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->refs = 1;
	spin_init(&t->lock, "fdtable");
	if (!resize(t, FD_INITIAL)) {
		kfree(t);
		return NULL;
	}
	return t;
}

struct fdtable *fdtable_get(struct fdtable *t)
{
	t->refs++;
	return t;
}

static int next_open(const struct fdtable *t, int from);

/* False: t has grown beyond n meanwhile. */
static bool copy_entries(struct fdtable *n, struct fdtable *t)
{
	bool fits;

	spin_lock(&t->lock);
	fits = n->size >= t->size;
	if (fits) {
		memcpy(n->open, t->open, (size_t)t->size / 8);
		memcpy(n->cloexec, t->cloexec, (size_t)t->size / 8);
		for (int fd = next_open(t, 0); fd >= 0; fd = next_open(t, fd + 1))
			n->files[fd] = file_get(t->files[fd]);
		n->next = t->next;
	}
	spin_unlock(&t->lock);
	return fits;
}

struct fdtable *fdtable_copy(struct fdtable *t)
{
	struct fdtable *n = kzalloc(sizeof(*n));

	if (n == NULL)
		return NULL;
	n->refs = 1;
	spin_init(&n->lock, "fdtable");
	do {
		if (!resize(n, READ_ONCE(t->size))) {
			kfree(n->files);
			kfree(n);
			return NULL;
		}
	} while (!copy_entries(n, t));
	return n;
}

int fdtable_unshare(struct fdtable **t)
{
	struct fdtable *old = *t, *own;

	if (old->refs == 1)
		return 0;
	own = fdtable_copy(old);
	if (own == NULL)
		return -ENOMEM;
	*t = own;
	fdtable_put(old);
	return 0;
}

/* What close(2) does beyond dropping a reference. */
static void close_file(struct fdtable *t, struct file *f)
{
	struct inode *i = file_inode(f);
	bool flushes = f->ops != NULL && f->ops->flush != NULL, locks = i != NULL && !list_empty(&i->locks);

	if (unlikely(flushes || locks)) {
		bool entered = kernel_enter();

		if (flushes)
			f->ops->flush(f);
		if (locks)
			lock_release_owner(i, t);
		file_leave(entered);
	}
	file_put(f);
}

void fdtable_put(struct fdtable *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	t->refs = 1; /* closing may block: nobody else may think the table dead already */
	for (int fd = fdtable_next(t, 0); fd >= 0; fd = fdtable_next(t, fd + 1))
		fdtable_close(t, fd);
	kfree(t->files);
	kfree(t);
}

static int next_open(const struct fdtable *t, int from)
{
	for (int fd = MAX(from, 0); fd < t->size; fd = (fd | 63) + 1) {
		uint64_t rest = t->open[fd / 64] >> (fd % 64);
		if (rest != 0)
			return fd + __builtin_ctzll(rest);
	}
	return -1;
}

int fdtable_next(struct fdtable *t, int from)
{
	int fd;

	spin_lock(&t->lock);
	fd = next_open(t, from);
	spin_unlock(&t->lock);
	return fd;
}

void fdtable_close_on_exec(struct fdtable *t)
{
	for (int fd = fdtable_next(t, 0); fd >= 0; fd = fdtable_next(t, fd + 1))
		if (fdtable_get_cloexec(t, fd))
			fdtable_close(t, fd);
}

/* Lock: t's. */
static struct file *peek(struct fdtable *t, int fd)
{
	return fd >= 0 && fd < t->size ? t->files[fd] : NULL;
}

/* For an RCU reader. */
static struct file *read_slot(struct fdtable *t, int fd)
{
	if (fd < 0 || fd >= __atomic_load_n(&t->size, __ATOMIC_ACQUIRE))
		return NULL;
	return __atomic_load_n(&__atomic_load_n(&t->files, __ATOMIC_ACQUIRE)[fd], __ATOMIC_ACQUIRE);
}

struct file *fdtable_lookup(struct fdtable *t, int fd)
{
	struct file *f = read_slot(t, fd);

	return f != NULL && file_try_get(f) ? f : NULL;
}

/* A file whose last reference has gone lets go of its place (file.c), which may be in other hands then. */
struct file *fd_peek(int fd)
{
	struct file *f = read_slot(thread_current()->fds, fd);

	return f != NULL && READ_ONCE(f->refs) > 0 ? f : NULL;
}

bool fdtable_get_cloexec(struct fdtable *t, int fd)
{
	bool on;

	spin_lock(&t->lock);
	on = peek(t, fd) != NULL && bit_get(t->cloexec, fd);
	spin_unlock(&t->lock);
	return on;
}

void fdtable_set_cloexec(struct fdtable *t, int fd, bool cloexec)
{
	spin_lock(&t->lock);
	if (peek(t, fd) != NULL)
		bit_set(t->cloexec, fd, cloexec);
	spin_unlock(&t->lock);
}

static int fd_limit(void)
{
	struct process *p = process_current();
	uint64_t cur = p != NULL ? p->rlimit[RLIMIT_NOFILE].cur : 1024;

	return cur < FDTABLE_HARD_MAX ? (int)cur : FDTABLE_HARD_MAX;
}

/* Makes number fd exist in the arrays. */
static int reserve(struct fdtable *t, int fd)
{
	int size = READ_ONCE(t->size);

	if (fd < size)
		return 0;
	while (size <= fd)
		size *= 2;
	return resize(t, size) ? 0 : -ENOMEM;
}

/* Lock: t's; fd is in the arrays. */
static void put_at(struct fdtable *t, struct file *f, int fd, bool cloexec)
{
	__atomic_store_n(&t->files[fd], f, __ATOMIC_RELEASE); /* what f is, first: pairs with fdtable_lookup */
	bit_set(t->open, fd, true);
	bit_set(t->cloexec, fd, cloexec);
}

static int lowest_free(const struct fdtable *t, int min)
{
	for (int fd = min; fd < t->size; fd = (fd | 63) + 1) {
		uint64_t free_bits = ~t->open[fd / 64] >> (fd % 64);
		if (free_bits != 0)
			return fd + __builtin_ctzll(free_bits);
	}
	return MAX(min, t->size);
}

int fd_install_in(struct fdtable *t, struct file *f, int min, bool cloexec)
{
	for (;;) {
		int fd, err;

		spin_lock(&t->lock);
		fd = lowest_free(t, MAX(min, t->next));
		if (fd < t->size && fd < fd_limit()) {
			if (min <= t->next)
				t->next = fd + 1;
			put_at(t, f, fd, cloexec);
			spin_unlock(&t->lock);
			return fd;
		}
		spin_unlock(&t->lock);
		if (fd >= fd_limit())
			return -EMFILE;
		err = reserve(t, fd);
		if (err != 0)
			return err;
	}
}

int fdtable_replace(struct fdtable *t, struct file *f, int fd, bool cloexec)
{
	struct file *old;
	int err;

	if (fd < 0 || fd >= fd_limit())
		return -EBADF;
	err = reserve(t, fd);
	if (err != 0)
		return err;
	spin_lock(&t->lock);
	old = t->files[fd];
	put_at(t, f, fd, cloexec);
	spin_unlock(&t->lock);
	if (old != NULL)
		close_file(t, old);
	return fd;
}

int fdtable_close(struct fdtable *t, int fd)
{
	struct file *f;

	spin_lock(&t->lock);
	f = peek(t, fd);
	if (f == NULL) {
		spin_unlock(&t->lock);
		return -EBADF;
	}
	WRITE_ONCE(t->files[fd], NULL);
	bit_set(t->open, fd, false);
	bit_set(t->cloexec, fd, false);
	if (fd < t->next)
		t->next = fd;
	spin_unlock(&t->lock);
	close_file(t, f);
	return 0;
}

struct file *fd_get_any(int fd)
{
	return fdtable_lookup(thread_current()->fds, fd);
}

struct file *fd_get(int fd)
{
	struct file *f = fd_get_any(fd);

	if (f == NULL || likely(!(f->mode & FILE_PATH_ONLY)))
		return f;
	file_put(f);
	return NULL;
}

int fd_install(struct file *f, int min, bool cloexec)
{
	return fd_install_in(thread_current()->fds, f, min, cloexec);
}

int fd_close(int fd)
{
	return fdtable_close(thread_current()->fds, fd);
}
