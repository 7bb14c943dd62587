/* SPDX-License-Identifier: MIT */
/* inspect_files.c - open descriptors and the names of their files. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/inspect/inspect.h"

#define DESCRIPTORS_MAX 1048576u
#define DEPTH_MAX       128

struct walk {
	void (*fn)(struct guest_map *m, const struct inspect_file *f, void *ctx);
	void *ctx;
	unsigned nr_files;
	uint64_t process;
	uint64_t table; /* of its thread before this one; 0 = none yet */
};

/* Threads share one table but for a few, which are listed too. */
static bool walk_thread(struct guest_map *m, uint64_t thread, void *ctx)
{
	uint64_t table = guest_number(m, thread, CAY_MAP_THREAD_FDS);
	uint64_t files = guest_number(m, table, CAY_MAP_FDTABLE_FILES);
	uint64_t size = MIN(guest_number(m, table, CAY_MAP_FDTABLE_SIZE), (uint64_t)DESCRIPTORS_MAX);
	struct walk *w = ctx;
	struct inspect_file f = {.pid = (int)guest_number(m, w->process, CAY_MAP_PROCESS_PID)};

	if (table == w->table)
		return true;
	w->table = table;
	guest_text(m, guest_at(m, w->process, CAY_MAP_PROCESS_COMM), 16, f.process, sizeof(f.process));
	for (uint64_t fd = 0; files != 0 && fd < size && m->budget > 0; fd++) {
		f.at = guest_pointer(m, files + fd * 8);
		f.fd = (int)fd;
		if (f.at == 0)
			continue;
		if (++w->nr_files > INSPECT_FILES_MAX)
			return false;
		w->fn(m, &f, w->ctx);
	}
	return true;
}

static bool walk_process(struct guest_map *m, uint64_t process, void *ctx)
{
	struct walk *w = ctx;

	w->process = process;
	w->table = 0;
	guest_list(m, guest_at(m, process, CAY_MAP_PROCESS_THREADS), CAY_MAP_THREAD_LINK, INSPECT_THREADS_MAX,
		   walk_thread, w);
	return w->nr_files <= INSPECT_FILES_MAX;
}

void inspect_each_file(struct guest_map *m, void (*fn)(struct guest_map *m, const struct inspect_file *f, void *ctx),
		       void *ctx)
{
	struct walk w = {.fn = fn, .ctx = ctx};

	guest_list(m, guest_value(m, CAY_MAP_PROCESSES), CAY_MAP_PROCESS_LINK, INSPECT_PROCESSES_MAX, walk_process, &w);
}

/* Text that grows towards its start. */
struct backwards {
	char text[1024];
	size_t at;
};

static void prepend(struct backwards *b, const char *s)
{
	size_t len = strlen(s);

	if (len > b->at)
		return;
	b->at -= len;
	memcpy(b->text + b->at, s, len);
}

/* From a name up to the root, through the mounts on the way. */
static const char *path_of(struct guest_map *m, uint64_t file, struct backwards *b)
{
	uint64_t dentry = guest_number(m, file, CAY_MAP_FILE_DENTRY), mount = guest_number(m, file, CAY_MAP_FILE_MOUNT);

	b->at = sizeof(b->text) - 1;
	b->text[b->at] = '\0';
	for (unsigned depth = 0; dentry != 0 && depth < DEPTH_MAX; depth++) {
		uint64_t parent = guest_number(m, dentry, CAY_MAP_DENTRY_PARENT);
		bool top = dentry == guest_number(m, mount, CAY_MAP_MOUNT_ROOT);
		char name[256];

		if (top) {
			dentry = guest_number(m, mount, CAY_MAP_MOUNT_POINT);
			mount = guest_number(m, mount, CAY_MAP_MOUNT_PARENT);
			if (mount == 0)
				break;
			continue;
		}
		guest_text(m, guest_number(m, dentry, CAY_MAP_DENTRY_NAME),
			   guest_number(m, dentry, CAY_MAP_DENTRY_NAME_LEN), name, sizeof(name));
		prepend(b, name);
		if (parent == 0) /* in no tree: the name is all of it ("pipe:[12]") */
			return b->text + b->at;
		prepend(b, "/");
		dentry = parent;
	}
	if (b->text[b->at] == '\0')
		prepend(b, "/");
	return b->text + b->at;
}

static const char *type_of(uint64_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "folder";
	case S_IFCHR:
		return "device";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	default:
		return "other";
	}
}

static void add_file(struct guest_map *m, const struct inspect_file *f, void *ctx)
{
	static const char *const access[] = {"-", "r", "w", "rw"};
	uint64_t inode = guest_number(m, f->at, CAY_MAP_FILE_INODE);
	uint64_t mode = guest_number(m, f->at, CAY_MAP_FILE_MODE);
	const char *type = type_of(guest_number(m, inode, CAY_MAP_INODE_MODE)), *path;
	struct backwards b;
	char made[40];

	/* Sockets and pipes get a name when somebody looks at it. */
	if (guest_number(m, f->at, CAY_MAP_FILE_DENTRY) != 0) {
		path = path_of(m, f->at, &b);
	} else {
		snprintf(made, sizeof(made), "%s:[%llu]", type,
			 (unsigned long long)guest_number(m, inode, CAY_MAP_INODE_INO));
		path = made;
	}
	json_array_append_new(ctx,
			      json_pack("{s:i, s:s, s:i, s:s, s:s, s:I, s:s}", "pid", f->pid, "process", f->process,
					"fd", f->fd, "type", type, "access", access[mode >> 1 & 3], "position",
					(long long)guest_number(m, f->at, CAY_MAP_FILE_POS), "path", path));
}

json_t *inspect_files(struct guest_map *m)
{
	json_t *files = json_array();

	inspect_each_file(m, add_file, files);
	return files;
}
