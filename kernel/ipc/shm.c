/* SPDX-License-Identifier: MIT */
/*
 * shm.c - System V shared memory. A segment is a file in memory without a name; attaching maps it. Each area of an
 * address space holds one reference on its file, the segment itself one more, so the files' reference counts *are* the
 * number of attaches, after fork and exit, too. Readers and writers map two files of the same inode, because what
 * mprotect may allow is the file's property. Invariant: a removed segment holds no reference and goes with its last
 * area.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/shm.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <asm/shmbuf.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/memfd.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "lib/fmt.h"

/* Bits of the mode that shmctl(2) shows; the UAPI headers leave them to the C library. */
#define SHM_DEST   01000u
#define SHM_LOCKED 02000u

enum { FILE_RW, FILE_RO, NR_FILES };

struct shm {
	struct ipc_object o;
	uint64_t bytes; /* as asked for */
	struct inode *inode;
	struct file *file[NR_FILES]; /* NULL until needed */
	bool removed;
	int cpid, lpid;
	int64_t atime, dtime, ctime;
};

static struct ipc_table table = {.max = SHM_OBJECTS_MAX};
static struct file_ops shm_ops; /* a memfd's, and release */

static struct shm *shm_of(struct ipc_object *o)
{
	return (struct shm *)(void *)o;
}

static uint64_t nr_attached(const struct shm *s)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < NR_FILES; k++)
		if (s->file[k] != NULL)
			n += s->file[k]->refs - !s->removed;
	return n;
}

static void released(struct file *f)
{
	struct shm *s = f->priv;

	for (unsigned k = 0; k < NR_FILES; k++)
		if (s->file[k] == f)
			s->file[k] = NULL;
	if (s->file[FILE_RW] == NULL && s->file[FILE_RO] == NULL) {
		ipc_remove(&table, &s->o);
		kfree(s);
	}
}

/* A detach, by shmdt, munmap, exec or the end of a process. */
static void unmapped(struct file *f)
{
	struct shm *s = f->priv;

	s->dtime = ipc_now();
	s->lpid = process_current()->pid;
}

static void adopt(struct shm *s, unsigned which, struct file *f)
{
	if (shm_ops.map == NULL) {
		shm_ops = *f->ops;
		shm_ops.release = released;
		shm_ops.unmapped = unmapped;
	}
	f->ops = &shm_ops;
	f->priv = s;
	s->file[which] = f;
}

static void name_of(const struct shm *s, char *buf, size_t size)
{
	fmt_snprintf(buf, size, "/SYSV%08x (deleted)", (unsigned)s->o.key);
}

/* A reference for the caller. 0 or -ENOMEM. */
static int get_file(struct shm *s, unsigned which, struct file **out)
{
	char name[32];
	int err;

	if (s->file[which] != NULL) {
		*out = file_get(s->file[which]);
		return 0;
	}
	name_of(s, name, sizeof(name));
	err = vfs_open_inode(s->inode, which == FILE_RO ? O_RDONLY : O_RDWR, name, out);
	if (err != 0)
		return err;
	adopt(s, which, *out);
	if (!s->removed)
		file_get(*out);
	return 0;
}

struct request {
	uint64_t bytes;
	int32_t key;
	int flags;
};

static int create(void *arg, struct ipc_object **out)
{
	const struct request *rq = arg;
	struct shm *s;
	struct file *f;
	char name[32];

	if (rq->bytes == 0)
		return -EINVAL;
	if (rq->bytes > page_nr_total() * PAGE_SIZE || (rq->flags & SHM_HUGETLB))
		return -ENOMEM; /* the pool of huge pages is empty, as by default on Linux */
	s = kzalloc(sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->o.key = rq->key;
	name_of(s, name, sizeof(name));
	f = memfd_shared_memory(ALIGN_UP(rq->bytes, PAGE_SIZE), name);
	if (f == NULL) {
		kfree(s);
		return -ENOMEM;
	}
	s->bytes = rq->bytes;
	s->inode = f->inode;
	s->cpid = process_current()->pid;
	s->ctime = ipc_now();
	adopt(s, FILE_RW, f);
	*out = &s->o;
	return 0;
}

static int check(const struct ipc_object *o, void *arg)
{
	const struct request *rq = arg;

	return rq->bytes > ((const struct shm *)(const void *)o)->bytes ? -EINVAL : 0;
}

long sys_shmget(int key, uint64_t bytes, int flags)
{
	struct request rq = {bytes, key, flags};

	return ipc_get(&table, key, flags, &(struct ipc_get){create, check, &rq});
}

static int64_t attach(struct shm *s, uint64_t addr, int flags)
{
	int prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	int map_flags = MAP_SHARED;
	struct file *f;
	int64_t at;
	int err = get_file(s, flags & SHM_RDONLY ? FILE_RO : FILE_RW, &f);

	if (err != 0)
		return err;
	if (addr != 0)
		map_flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	at = vmspace_map(vmspace_current(), addr, s->bytes, prot, map_flags, f, 0);
	if (at >= 0) { /* the segment cannot be gone: the area has it */
		s->atime = ipc_now();
		s->lpid = process_current()->pid;
	}
	file_put(f);
	return at == -EEXIST || at == -EPERM ? -EINVAL : at;
}

long sys_shmat(int id, uint64_t addr, int flags)
{
	struct ipc_object *o = ipc_find(&table, id);
	uint32_t wanted = flags & SHM_RDONLY ? IPC_READ : IPC_READ | IPC_WRITE;
	int err;

	if (o == NULL)
		return -EINVAL;
	if (addr % PAGE_SIZE != 0) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr -= addr % PAGE_SIZE;
		if (addr == 0 && (flags & SHM_REMAP))
			return -EINVAL;
	}
	if (addr == 0 && (flags & SHM_REMAP))
		return -EINVAL;
	err = ipc_permission(o, wanted | (flags & SHM_EXEC ? 0111 : 0));
	return err != 0 ? err : attach(shm_of(o), addr, flags);
}

long sys_shmdt(uint64_t addr)
{
	struct file *f = addr % PAGE_SIZE == 0 ? vmspace_unmap_file(vmspace_current(), addr, &shm_ops) : NULL;

	if (f == NULL)
		return -EINVAL;
	file_put(f); /* may free the segment */
	return 0;
}

static void remove_segment(struct shm *s)
{
	struct file *held[NR_FILES];

	s->removed = true;
	s->o.mode |= SHM_DEST;
	ipc_forget_key(&s->o);
	for (unsigned k = 0; k < NR_FILES; k++)
		held[k] = s->file[k];
	for (unsigned k = 0; k < NR_FILES; k++)
		if (held[k] != NULL)
			file_put(held[k]); /* the last one frees s */
}

static long stat_segment(const struct shm *s, void *ubuf, long result)
{
	struct shmid64_ds ds = {
		.shm_segsz = s->bytes,
		.shm_atime = s->atime,
		.shm_dtime = s->dtime,
		.shm_ctime = s->ctime,
		.shm_cpid = s->cpid,
		.shm_lpid = s->lpid,
		.shm_nattch = nr_attached(s),
	};

	ipc_fill_perm(&s->o, &ds.shm_perm);
	return copy_to_user(ubuf, &ds, sizeof(ds)) != 0 ? -EFAULT : result;
}

static long set_segment(int id, const void *ubuf)
{
	struct shmid64_ds ds;
	int err = copy_from_user(&ds, ubuf, sizeof(ds)); /* may sleep: the segment is looked up afterwards */
	struct ipc_object *o = ipc_find(&table, id);

	if (err != 0)
		return err;
	if (o == NULL)
		return -EINVAL;
	err = ipc_owner_permission(o);
	if (err == 0)
		err = ipc_set_perm(o, &ds.shm_perm);
	if (err == 0)
		shm_of(o)->ctime = ipc_now();
	return err;
}

static long show_limits(void *ubuf)
{
	struct shminfo64 info = {.shmmax = SHM_BYTES_MAX,
				 .shmmin = 1,
				 .shmmni = SHM_OBJECTS_MAX,
				 .shmseg = SHM_OBJECTS_MAX,
				 .shmall = SHM_PAGES_MAX};

	return copy_to_user(ubuf, &info, sizeof(info)) != 0 ? -EFAULT : ipc_highest(&table);
}

static long show_usage(void *ubuf)
{
	struct shm_info info = {.used_ids = (int)table.nr_used};

	for (unsigned i = 0; i < table.nr_slots; i++) {
		const struct shm *s = shm_of(table.slot[i]);
		struct kstat st;

		if (s == NULL)
			continue;
		info.shm_tot += ALIGN_UP(s->bytes, PAGE_SIZE) / PAGE_SIZE;
		if (vfs_getattr(s->inode, &st) == 0)
			info.shm_rss += st.blocks / (PAGE_SIZE / 512);
	}
	return copy_to_user(ubuf, &info, sizeof(info)) != 0 ? -EFAULT : ipc_highest(&table);
}

static long lock_segment(struct shm *s, bool lock)
{
	int err = capable(CAP_IPC_LOCK) ? 0 : ipc_owner_permission(&s->o);

	/* Nothing is ever paged out: it is only remembered. */
	if (err == 0)
		s->o.mode = lock ? s->o.mode | SHM_LOCKED : s->o.mode & ~(uint32_t)SHM_LOCKED;
	return err;
}

long sys_shmctl(int id, int cmd, void *ubuf)
{
	struct ipc_object *o;
	int err;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	if (cmd == IPC_INFO)
		return show_limits(ubuf);
	if (cmd == SHM_INFO)
		return show_usage(ubuf);
	o = cmd == SHM_STAT || cmd == SHM_STAT_ANY ? ipc_at(&table, (unsigned)id) : ipc_find(&table, id);
	switch (cmd) {
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		if (o == NULL)
			return -EINVAL;
		err = cmd == SHM_STAT_ANY ? 0 : ipc_permission(o, IPC_READ);
		return err != 0 ? err : stat_segment(shm_of(o), ubuf, cmd == IPC_STAT ? 0 : o->id);
	case IPC_SET:
		return set_segment(id, ubuf);
	case IPC_RMID:
		err = o == NULL ? -EINVAL : ipc_owner_permission(o);
		if (err == 0 && !shm_of(o)->removed)
			remove_segment(shm_of(o));
		return err;
	case SHM_LOCK:
	case SHM_UNLOCK:
		return o == NULL ? -EINVAL : lock_segment(shm_of(o), cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}

int ipc_show_shm(uint64_t unused, struct text *t)
{
	(void)unused;
	text_puts(t,
		  "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      "
		  "atime      dtime      ctime                   rss                  swap\n");
	for (unsigned i = 0; i < table.nr_slots; i++) {
		const struct shm *s = shm_of(table.slot[i]);
		struct kstat st = {0};

		if (s == NULL)
			continue;
		(void)vfs_getattr(s->inode, &st);
		text_printf(t,
			    "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u %10lld %10lld %10lld %21llu %21u\n",
			    s->o.key, s->o.id, s->o.mode, (unsigned long long)s->bytes, s->cpid, s->lpid,
			    (unsigned long long)nr_attached(s), s->o.uid, s->o.gid, s->o.cuid, s->o.cgid,
			    (long long)s->atime, (long long)s->dtime, (long long)s->ctime,
			    (unsigned long long)st.blocks * 512, 0u);
	}
	return 0;
}
