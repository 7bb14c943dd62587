/* SPDX-License-Identifier: MIT */
/*
 * sem.c - System V semaphores: sets, operations that all happen or none, and SEM_UNDO (sem_undo.c). A caller that must
 * wait sleeps on the set's queue and tries again whenever the set changed: the operations of one call are few, and
 * sleepers are few as well. Invariant: 0 <= value <= SEM_VALUE_MAX for each semaphore, also between the attempts.
 */
#include <errno.h>
#include <linux/sem.h>

#include <asm/sembuf.h>

#include "kernel/ipc/sem_priv.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/timespec.h"
#include "lib/string.h"

#define OPS_ON_STACK 8u

struct ipc_table sem_table = {.max = SEM_OBJECTS_MAX};

/* One that sleeps: for GETNCNT and GETZCNT. On its own stack. */
struct sem_sleeper {
	struct list link;
	unsigned num;
	bool for_zero;
};

static struct sem_set *set_of(struct ipc_object *o)
{
	return (struct sem_set *)(void *)o;
}

static struct sem_set *find_set(int id)
{
	return set_of(ipc_find(&sem_table, id));
}

static int create(void *arg, struct ipc_object **out)
{
	int nr = *(const int *)arg;
	struct sem_set *s;

	if (nr <= 0)
		return -EINVAL;
	s = kzalloc(sizeof(*s) + (unsigned)nr * sizeof(s->sem[0]));
	if (s == NULL)
		return -ENOMEM;
	s->nr = (unsigned)nr;
	s->refs = 1;
	s->ctime = ipc_now();
	waitq_init(&s->wq);
	list_init(&s->sleepers);
	list_init(&s->undos);
	*out = &s->o;
	return 0;
}

static int check(const struct ipc_object *o, void *arg)
{
	return *(const int *)arg > (int)((const struct sem_set *)(const void *)o)->nr ? -EINVAL : 0;
}

long sys_semget(int key, int nr, int flags)
{
	if (nr < 0 || nr > SEM_PER_SET_MAX)
		return -EINVAL;
	return ipc_get(&sem_table, key, flags, &(struct ipc_get){create, check, &nr});
}

static void set_put(struct sem_set *s)
{
	if (--s->refs == 0)
		kfree(s);
}

void sem_changed(struct sem_set *s)
{
	waitq_wake(&s->wq, 0);
}

static void take_back(struct sem_set *s, const struct sembuf *ops, unsigned nr, struct sem_undo *u)
{
	while (nr-- > 0) {
		s->sem[ops[nr].sem_num].value -= ops[nr].sem_op;
		if ((ops[nr].sem_flg & SEM_UNDO) && u != NULL)
			u->adjust[ops[nr].sem_num] += ops[nr].sem_op;
	}
}

/* All operations, or none. Returns 0; 1 and *blocked when one must wait; -ERANGE, -EAGAIN. */
static int attempt(struct sem_set *s, const struct sembuf *ops, unsigned nr, struct sem_undo *u, unsigned *blocked)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < nr && err == 0; i++) {
		const struct sembuf *op = &ops[i];
		int value = s->sem[op->sem_num].value;

		if ((op->sem_op == 0 && value != 0) || value + op->sem_op < 0) {
			*blocked = i;
			err = op->sem_flg & IPC_NOWAIT ? -EAGAIN : 1;
		} else if (value + op->sem_op > SEM_VALUE_MAX) {
			err = -ERANGE;
		} else if ((op->sem_flg & SEM_UNDO) && (u->adjust[op->sem_num] - op->sem_op > SEM_VALUE_MAX ||
							u->adjust[op->sem_num] - op->sem_op < -SEM_VALUE_MAX - 1)) {
			err = -ERANGE;
		} else {
			s->sem[op->sem_num].value += op->sem_op;
			if (op->sem_flg & SEM_UNDO)
				u->adjust[op->sem_num] -= op->sem_op;
			continue;
		}
		break;
	}
	if (err != 0) {
		take_back(s, ops, i, u);
		return err;
	}
	for (i = 0; i < nr; i++)
		s->sem[ops[i].sem_num].pid = process_current()->pid;
	s->otime = ipc_now();
	return 0;
}

/* The caller has a reference on s. */
static long operate(struct sem_set *s, const struct sembuf *ops, unsigned nr, struct sem_undo *u, uint64_t deadline_ns)
{
	struct sem_sleeper me;
	unsigned blocked = 0;
	int err, slept;
	bool alters = false;

	for (unsigned i = 0; i < nr; i++)
		alters |= ops[i].sem_op != 0;
	err = attempt(s, ops, nr, u, &blocked);
	while (err == 1) {
		me.num = ops[blocked].sem_num;
		me.for_zero = ops[blocked].sem_op == 0;
		list_push_back(&s->sleepers, &me.link);
		slept = wait_event_deadline(&s->wq, s->removed || (err = attempt(s, ops, nr, u, &blocked)) != 1,
					    deadline_ns, true);
		list_remove(&me.link);
		if (s->removed)
			return -EIDRM;
		if (slept != 0 && err == 1)
			return slept == -ETIMEDOUT ? -EAGAIN : -EINTR; /* never restarted: signal(7) */
	}
	if (err == 0 && alters)
		sem_changed(s);
	return err;
}

static int check_ops(const struct sem_set *s, const struct sembuf *ops, unsigned nr, bool *undo)
{
	bool alters = false;

	*undo = false;
	for (unsigned i = 0; i < nr; i++) {
		if (ops[i].sem_num >= s->nr)
			return -EFBIG;
		alters |= ops[i].sem_op != 0;
		*undo |= (ops[i].sem_flg & SEM_UNDO) != 0;
	}
	return ipc_permission(&s->o, alters ? IPC_WRITE : IPC_READ);
}

static long do_semop(int id, const struct sembuf *ops, unsigned nr, uint64_t deadline_ns)
{
	struct sem_set *s = find_set(id);
	struct sem_undo *u = NULL;
	bool undo;
	long err;

	if (s == NULL)
		return -EINVAL;
	err = check_ops(s, ops, nr, &undo);
	if (err == 0 && undo) {
		u = sem_undo_get(s, process_current());
		if (u == NULL)
			err = -ENOMEM;
	}
	if (err != 0)
		return err;
	s->refs++;
	err = operate(s, ops, nr, u, deadline_ns);
	set_put(s);
	return err;
}

long sys_semtimedop(int id, struct sembuf *uops, unsigned nr, const void *utimeout)
{
	struct sembuf on_stack[OPS_ON_STACK], *ops = on_stack;
	uint64_t deadline_ns = WAIT_FOREVER, timeout_ns = 0;
	long err = 0;

	if (nr == 0 || id < 0)
		return -EINVAL;
	if (nr > SEM_OPS_MAX)
		return -E2BIG;
	if (utimeout != NULL)
		err = timespec_from_user(utimeout, &timeout_ns);
	if (err != 0)
		return err;
	if (utimeout != NULL)
		deadline_ns = deadline_after(timeout_ns);
	if (nr > OPS_ON_STACK)
		ops = kmalloc(nr * sizeof(*ops));
	if (ops == NULL)
		return -ENOMEM;
	err = copy_from_user(ops, uops, nr * sizeof(*ops));
	if (err == 0)
		err = do_semop(id, ops, nr, deadline_ns);
	if (ops != on_stack)
		kfree(ops);
	return err;
}

long sys_semop(int id, struct sembuf *uops, unsigned nr)
{
	return sys_semtimedop(id, uops, nr, NULL);
}

static unsigned count_sleepers(const struct sem_set *s, unsigned num, bool for_zero)
{
	unsigned n = 0;

	list_for_each (w, &s->sleepers, link, struct sem_sleeper)
		n += w->num == num && w->for_zero == for_zero;
	return n;
}

static long set_all(struct sem_set *s, const void *uvalues)
{
	uint16_t *values = kmalloc(s->nr * sizeof(*values));
	int err;

	if (values == NULL)
		return -ENOMEM;
	s->refs++; /* the copy may sleep */
	err = copy_from_user(values, uvalues, s->nr * sizeof(*values));
	if (err == 0 && s->removed)
		err = -EIDRM;
	for (unsigned i = 0; err == 0 && i < s->nr; i++)
		if (values[i] > SEM_VALUE_MAX)
			err = -ERANGE;
	for (unsigned i = 0; err == 0 && i < s->nr; i++) {
		s->sem[i].value = values[i];
		s->sem[i].pid = process_current()->pid;
		sem_undo_forget(s, i);
	}
	if (err == 0) {
		s->ctime = ipc_now();
		sem_changed(s);
	}
	set_put(s);
	kfree(values);
	return err;
}

static long get_all(struct sem_set *s, void *uvalues)
{
	uint16_t *values = kmalloc(s->nr * sizeof(*values));
	int err;

	if (values == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < s->nr; i++)
		values[i] = (uint16_t)s->sem[i].value;
	err = copy_to_user(uvalues, values, s->nr * sizeof(*values));
	kfree(values);
	return err;
}

static long set_value(struct sem_set *s, unsigned num, int value)
{
	if (value < 0 || value > SEM_VALUE_MAX)
		return -ERANGE;
	s->sem[num].value = value;
	s->sem[num].pid = process_current()->pid;
	sem_undo_forget(s, num);
	s->ctime = ipc_now();
	sem_changed(s);
	return 0;
}

static long one_semaphore(struct sem_set *s, int num, int cmd, uint64_t arg)
{
	int err = ipc_permission(&s->o, cmd == SETVAL ? IPC_WRITE : IPC_READ);

	if (num < 0 || (unsigned)num >= s->nr)
		return -EINVAL;
	if (err != 0)
		return err;
	switch (cmd) {
	case GETVAL:
		return s->sem[num].value;
	case GETPID:
		return s->sem[num].pid;
	case GETNCNT:
		return count_sleepers(s, (unsigned)num, false);
	case GETZCNT:
		return count_sleepers(s, (unsigned)num, true);
	default:
		return set_value(s, (unsigned)num, (int)arg);
	}
}

static long stat_set(const struct sem_set *s, void *ubuf, long result)
{
	struct semid64_ds ds = {.sem_otime = s->otime, .sem_ctime = s->ctime, .sem_nsems = s->nr};

	ipc_fill_perm(&s->o, &ds.sem_perm);
	return copy_to_user(ubuf, &ds, sizeof(ds)) != 0 ? -EFAULT : result;
}

static long change_set(int id, const void *ubuf)
{
	struct semid64_ds ds;
	int err = copy_from_user(&ds, ubuf, sizeof(ds)); /* may sleep: the set is looked up afterwards */
	struct sem_set *s = find_set(id);

	if (err != 0)
		return err;
	if (s == NULL)
		return -EINVAL;
	err = ipc_owner_permission(&s->o);
	if (err == 0)
		err = ipc_set_perm(&s->o, &ds.sem_perm);
	if (err == 0)
		s->ctime = ipc_now();
	return err;
}

static long remove_set(struct sem_set *s)
{
	int err = ipc_owner_permission(&s->o);

	if (err != 0)
		return err;
	s->removed = true;
	ipc_remove(&sem_table, &s->o);
	sem_undo_drop_set(s);
	sem_changed(s);
	set_put(s);
	return 0;
}

static long show_info(void *ubuf, bool usage)
{
	struct seminfo info = {
		.semmap = SEM_PER_SET_MAX * SEM_OBJECTS_MAX,
		.semmni = SEM_OBJECTS_MAX,
		.semmns = SEM_PER_SET_MAX * SEM_OBJECTS_MAX,
		.semmnu = SEM_PER_SET_MAX * SEM_OBJECTS_MAX,
		.semmsl = SEM_PER_SET_MAX,
		.semopm = SEM_OPS_MAX,
		.semume = SEM_OPS_MAX,
		.semusz = 20, /* as Linux says without meaning anything */
		.semvmx = SEM_VALUE_MAX,
		.semaem = SEM_VALUE_MAX,
	};

	if (usage) {
		info.semusz = (int)sem_table.nr_used;
		info.semaem = 0;
		for (unsigned i = 0; i < sem_table.nr_slots; i++)
			info.semaem += sem_table.slot[i] != NULL ? (int)set_of(sem_table.slot[i])->nr : 0;
	}
	return copy_to_user(ubuf, &info, sizeof(info)) != 0 ? -EFAULT : ipc_highest(&sem_table);
}

static long whole_set(struct sem_set *s, int cmd, void *ubuf)
{
	int err = 0;

	switch (cmd) {
	case IPC_STAT:
	case SEM_STAT:
	case GETALL:
		err = ipc_permission(&s->o, IPC_READ);
		break;
	case SETALL:
		err = ipc_permission(&s->o, IPC_WRITE);
		break;
	}
	if (err != 0)
		return err;
	switch (cmd) {
	case GETALL:
		return get_all(s, ubuf);
	case SETALL:
		return set_all(s, ubuf);
	case IPC_RMID:
		return remove_set(s);
	default:
		return stat_set(s, ubuf, cmd == IPC_STAT ? 0 : s->o.id);
	}
}

long sys_semctl(int id, int num, int cmd, uint64_t arg)
{
	struct sem_set *s;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return show_info((void *)arg, cmd == SEM_INFO);
	case SEM_STAT:
	case SEM_STAT_ANY:
		s = set_of(ipc_at(&sem_table, (unsigned)id));
		return s == NULL ? -EINVAL : whole_set(s, cmd, (void *)arg);
	case IPC_SET:
		return change_set(id, (const void *)arg);
	case IPC_STAT:
	case IPC_RMID:
	case GETALL:
	case SETALL:
		s = find_set(id);
		return s == NULL ? -EINVAL : whole_set(s, cmd, (void *)arg);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
	case SETVAL:
		s = find_set(id);
		return s == NULL ? -EINVAL : one_semaphore(s, num, cmd, arg);
	default:
		return -EINVAL;
	}
}

int ipc_show_sem(uint64_t unused, struct text *t)
{
	(void)unused;
	text_puts(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	for (unsigned i = 0; i < sem_table.nr_slots; i++) {
		const struct sem_set *s = set_of(sem_table.slot[i]);

		if (s != NULL)
			text_printf(t, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lld %10lld\n", s->o.key, s->o.id,
				    s->o.mode, s->nr, s->o.uid, s->o.gid, s->o.cuid, s->o.cgid, (long long)s->otime,
				    (long long)s->ctime);
	}
	return 0;
}
