/* SPDX-License-Identifier: MIT */
/* exec.c - execve(2): see exec.h. The old program stays untouched until nothing can fail any more. */
#include "kernel/linux/exec.h"

#include <errno.h>
#include <linux/fcntl.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/fdtable.h"
#include "kernel/linux/exec_priv.h"
#include "kernel/linux/futex.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "kernel/time/vdso.h"
#include "kernel/uring/uring.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* Builds the new program in an address space of its own. NULL: *err, and x->why says why. */
static struct vmspace *build(struct exec *x, int *err)
{
	struct vmspace *vs;

	*err = exec_open(x);
	if (*err != 0)
		return NULL;
	vs = vmspace_create();
	if (vs == NULL) {
		*err = exec_fail(x, -ENOMEM, "no memory");
		return NULL;
	}
	*err = exec_map(x, vs);
	if (*err == 0 && vdso_map(vs, &x->vdso) != 0)
		x->vdso = 0; /* slower clocks, nothing worse */
	if (x->vdso != 0)
		vmspace_prefault(vs, x->vdso, PAGE_SIZE, false); /* each libc looks at it */
	if (*err == 0)
		*err = exec_stack(x, vs);
	if (*err != 0) {
		vmspace_put(vs);
		return NULL;
	}
	return vs;
}

static void set_comm(struct process *p, struct thread *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	path = slash ? slash + 1 : path;
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, path, strnlen(path, sizeof(p->comm) - 1));
	memcpy(t->comm, p->comm, sizeof(t->comm));
}

/* For /proc/self/exe: the program's own absolute path. NULL without memory. */
static char *text_of(struct file *f)
{
	char *buf = kmalloc(EXEC_PATH_MAX), *text = NULL;
	struct path p;

	if (buf == NULL || file_path(f, &p) != 0) {
		kfree(buf);
		return NULL;
	}
	if (path_to_text(&p, buf, EXEC_PATH_MAX) >= 0)
		text = kstrdup(buf);
	path_put(&p);
	kfree(buf);
	return text;
}

/* What /proc and prctl show of the program. */
static void describe(struct process *p, const struct exec *x, struct vmspace *vs, char *exe_path)
{
	const struct elf_image *e = &x->program.image;

	kfree(p->exe_path);
	p->exe_path = exe_path;
	p->arg_start = x->at.arg_start;
	p->arg_end = x->at.arg_end;
	p->env_start = x->at.env_start;
	p->env_end = x->at.env_end;
	p->auxv_start = x->at.auxv_start;
	p->auxv_end = x->at.auxv_end;
	p->start_stack = x->at.start_stack;
	p->start_brk = vmspace_brk(vs, 0);
	p->start_code = p->end_code = p->start_data = p->end_data = 0;
	for (unsigned i = 0; i < e->nr_segments; i++) {
		uint64_t start = e->segment[i].vaddr + x->program.bias;

		if (e->segment[i].exec && p->start_code == 0) {
			p->start_code = start;
			p->end_code = start + e->segment[i].file_bytes;
		} else if (e->segment[i].write) {
			p->start_data = p->start_data ? p->start_data : start;
			p->end_data = start + e->segment[i].file_bytes;
		}
	}
}

/* The frame with which the thread enters the program: all registers zero but these (System V ABI, 3.4.1). */
static void set_frame(struct thread *t, const struct exec *x)
{
	struct trapframe *f = thread_frame(t);

	memset(f, 0, sizeof(*f));
	f->orig_rax = (uint64_t)-1;
	f->rip = x->entry;
	f->rsp = x->stack_pointer;
	f->cs = SEL_USER_CS;
	f->ss = SEL_USER_SS;
	f->rflags = 0x202;
	f->kind = FRAME_INTERRUPT;
}

int exec_init(const char *path, const char *const *argv, const char *const *envp, const char **why)
{
	static struct exec x; /* too big for the boot stack, and the reason in it outlives the call */
	struct thread *t = thread_current();
	struct vmspace *vs;
	int err;

	memset(&x, 0, sizeof(x));
	x.dirfd = AT_FDCWD;
	x.path = path;
	x.argv = argv;
	x.envp = envp;
	vs = build(&x, &err);
	*why = x.why;
	if (vs != NULL) {
		t->proc->vs = vs;
		t->proc->vdso = x.vdso;
		vmspace_activate(vs);
		describe(t->proc, &x, vs, text_of(x.program.file));
		set_comm(t->proc, t, path);
		set_frame(t, &x);
	}
	exec_close(&x);
	return err;
}

/* Strings of argv and envp, copied from the program. */
struct copied {
	char *buf;
	size_t used, room;
	size_t *offset; /* of each string */
	unsigned nr, room_nr;
};

static int copy_one(struct copied *c, const char *user)
{
	for (;;) {
		ssize_t n = -ENAMETOOLONG;

		if (c->used < c->room)
			n = strncpy_from_user(c->buf + c->used, user, MIN(c->room - c->used, (size_t)EXEC_STRING_MAX));
		if (n >= 0) {
			c->offset[c->nr++] = c->used;
			c->used += (size_t)n + 1;
			return 0;
		}
		if (n != -ENAMETOOLONG)
			return (int)n;
		if (c->room - c->used >= EXEC_STRING_MAX || c->room >= EXEC_STRINGS_MAX)
			return -E2BIG;
		char *bigger = krealloc(c->buf, c->room * 2);

		if (bigger == NULL)
			return -ENOMEM;
		c->buf = bigger;
		c->room *= 2;
	}
}

/* argv_user may be NULL, as on Linux: no strings. Returns a NULL-terminated array into c->buf. */
static int copy_strings(struct copied *c, const void *vector_user, const char ***out)
{
	int err = 0;

	*c = (struct copied){.room = 4096, .room_nr = 64};
	c->buf = kmalloc(c->room);
	c->offset = kmalloc(c->room_nr * sizeof(*c->offset));
	if (c->buf == NULL || c->offset == NULL)
		return -ENOMEM;
	for (const char *at = vector_user; err == 0 && at != NULL; at += sizeof(uint64_t)) {
		uint64_t p;

		if (get_user_u64(&p, at) != 0)
			return -EFAULT;
		if (p == 0)
			break;
		if (c->nr == c->room_nr) {
			size_t *bigger = krealloc(c->offset, c->room_nr * 2 * sizeof(*bigger));

			if (bigger == NULL)
				return -E2BIG;
			c->offset = bigger;
			c->room_nr *= 2;
		}
		err = copy_one(c, (const char *)p);
	}
	if (err != 0)
		return err;
	*out = kmalloc((c->nr + 1) * sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < c->nr; i++)
		(*out)[i] = c->buf + c->offset[i];
	(*out)[c->nr] = NULL;
	return 0;
}

static void copied_free(struct copied *c, const char **v)
{
	kfree(c->buf);
	kfree(c->offset);
	kfree(v);
}

/* What other processes may share and the new program may not. 0, -ENOMEM. */
static int unshare(struct process *p)
{
	int err = sighand_unshare(p->sighand);

	return err == 0 ? fdtable_unshare(&thread_current()->fds) : err;
}

/* From here on there is no way back: the thread is the new program's only one. */
static void commit(struct exec *x, struct vmspace *vs, char *exe_path)
{
	struct thread *t = thread_current();
	struct process *p = t->proc;
	struct vmspace *old = p->vs;

	futex_exec(t); /* of the old memory, which a vfork's parent still has */
	p->vs = vs;
	p->vdso = x->vdso;
	vmspace_activate(vs);
	vmspace_put(old);
	process_release_vfork(p);
	p->has_execed = true;
	p->exit_signal = SIGCHLD;
	fdtable_close_on_exec(t->fds);
	signal_exec(p);
	t->clear_child_tid = t->set_child_tid = 0;
	t->robust_list = 0;
	t->rseq = 0;
	t->fs_base = 0;
	wrfsbase(0);
	fpu_init_state(t->fpu);
	fpu_restore(t);
	describe(p, x, vs, exe_path);
	set_comm(p, t, x->path);
	set_frame(t, x);
}

static long do_execve(int dirfd, const char *path, const void *argv_user, const void *envp_user)
{
	struct copied args = {0}, env = {0};
	const char **argv = NULL, **envp = NULL, *no_args[] = {"", NULL};
	struct exec *x = kzalloc(sizeof(*x));
	struct vmspace *vs = NULL;
	char *exe_path;
	int err = x ? copy_strings(&args, argv_user, &argv) : -ENOMEM;

	if (err == 0)
		err = copy_strings(&env, envp_user, &envp);
	if (err != 0)
		goto out;
	x->dirfd = dirfd;
	x->path = path;
	x->argv = argv[0] ? argv : no_args; /* as Linux since 5.18: a program always has argv[0] */
	x->envp = envp;
	vs = build(x, &err);
	if (vs == NULL)
		goto out;
	err = process_end_other_threads();
	if (err == 0) {
		uring_process_end(process_current());
		process_take_leadership(thread_current());
		err = unshare(process_current());
	}
	if (err != 0) {
		vmspace_put(vs);
		goto out;
	}
	exe_path = text_of(x->program.file);
	commit(x, vs, exe_path);
out:
	if (x != NULL)
		exec_close(x);
	kfree(x);
	copied_free(&args, argv);
	copied_free(&env, envp);
	return err;
}

long sys_execveat(int dirfd, const char *path_user, const void *argv_user, const void *envp_user, int flags)
{
	uint64_t began_ns = system_time_begin();
	char *path;
	long ret;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	path = kmalloc(EXEC_PATH_MAX);
	if (path == NULL)
		return -ENOMEM;
	ret = strncpy_from_user(path, path_user, EXEC_PATH_MAX);
	if (ret == 0 && (flags & AT_EMPTY_PATH))
		ret = fmt_snprintf(path, EXEC_PATH_MAX, "/dev/fd/%d", dirfd); /* what the program sees on Linux, too */
	if (ret >= 0)
		ret = ret == 0 ? -ENOENT : do_execve(dirfd, path, argv_user, envp_user);
	kfree(path);
	system_time_end(began_ns);
	return ret;
}

long sys_execve(const char *path_user, const void *argv_user, const void *envp_user)
{
	return sys_execveat(AT_FDCWD, path_user, argv_user, envp_user, 0);
}
