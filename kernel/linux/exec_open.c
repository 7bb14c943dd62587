/* SPDX-License-Identifier: MIT */
/* exec_open.c - what is this file: an ELF program, a script, or neither. Nothing of the process changes here. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/linux/exec_priv.h"
#include "kernel/mm/kmalloc.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define HEAD_BYTES       4096 /* read at once; program headers are nearly always inside */
#define SCRIPT_LINE_MAX  255
#define SCRIPT_DEPTH_MAX ARRAY_SIZE(((struct exec *)0)->script_lines)

int exec_fail(struct exec *x, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(x->why, sizeof(x->why), fmt, ap);
	va_end(ap);
	return err;
}

/* Opens a file to be executed. `what`: "" for the program, else "interpreter NAME: ". */
static int open_executable(struct exec *x, int dirfd, const char *path, const char *what, struct file **out,
			   uint64_t *bytes)
{
	struct kstat st;
	int err = vfs_open(dirfd, path, O_RDONLY | O_NONBLOCK, 0, out);

	if (err == -ENOENT || err == -ENOTDIR)
		return exec_fail(x, err, "%s%s", what, what[0] ? "not found" : "no such file");
	if (err == -EACCES)
		return exec_fail(x, err, "%sno permission to read it", what);
	if (err == -ELOOP)
		return exec_fail(x, err, "%stoo many symbolic links", what);
	if (err == -ENXIO) /* a socket, a device without a driver */
		return exec_fail(x, -EACCES, "%snot a regular file", what);
	if (err != 0)
		return exec_fail(x, err, "%scannot be opened (error %d)", what, -err);
	err = vfs_getattr(file_inode(*out), &st);
	if (err != 0)
		err = exec_fail(x, err, "%sits attributes cannot be read (error %d)", what, -err);
	else if (S_ISDIR(st.mode))
		err = exec_fail(x, -EACCES, "%sis a directory", what);
	else if (!S_ISREG(st.mode))
		err = exec_fail(x, -EACCES, "%snot a regular file", what);
	else if (inode_permission(file_inode(*out), MAY_EXEC) != 0)
		err = exec_fail(x, -EACCES, "%snot executable (chmod +x gives permission)", what);
	*bytes = st.size;
	if (err != 0) {
		file_put(*out);
		*out = NULL;
	}
	return err;
}

static int read_failed(struct exec *x, ssize_t n, const char *what)
{
	return exec_fail(x, n < 0 ? (int)n : -ENOEXEC, "%s%s", what, n < 0 ? "cannot be read" : "truncated");
}

static int elf_failed(struct exec *x, enum elf_result r, const char *what)
{
	return exec_fail(x, -ENOEXEC, "%s%s", what, elf_result_text(r));
}

/* head: the first head_bytes of the file. */
static int parse_elf(struct exec *x, struct exec_elf *e, const char *head, size_t head_bytes, uint64_t file_bytes,
		     const char *what)
{
	enum elf_result r = elf_parse_header(&e->image, head, head_bytes, file_bytes);
	size_t table = (size_t)e->image.nr_phdrs * ELF_PHDR_BYTES;
	char *far = NULL;

	if (r != ELF_OK)
		return elf_failed(x, r, what);
	if (e->image.phdr_offset > head_bytes || table > head_bytes - e->image.phdr_offset) {
		ssize_t n;

		far = kmalloc(table);
		if (far == NULL)
			return exec_fail(x, -ENOMEM, "no memory");
		n = vfs_read_kernel(e->file, far, table, (int64_t)e->image.phdr_offset);
		if (n != (ssize_t)table) {
			kfree(far);
			return read_failed(x, n, what);
		}
	}
	r = elf_parse_segments(&e->image, far ? far : head + e->image.phdr_offset, file_bytes, CAY_USER_END);
	kfree(far);
	return r == ELF_OK ? 0 : elf_failed(x, r, what);
}

/* The dynamic linker that a program names. */
static int open_interp(struct exec *x, char *head)
{
	char what[128], *name = kmalloc(ELF_INTERP_MAX);
	uint64_t bytes = x->program.image.interp_bytes, file_bytes = 0;
	int err;
	ssize_t n;

	if (name == NULL)
		return exec_fail(x, -ENOMEM, "no memory");
	n = vfs_read_kernel(x->program.file, name, bytes, (int64_t)x->program.image.interp_offset);
	if (n != (ssize_t)bytes) {
		err = read_failed(x, n, "");
		goto out;
	}
	if (name[bytes - 1] != '\0') {
		err = elf_failed(x, ELF_BAD_INTERP, "");
		goto out;
	}
	fmt_snprintf(what, sizeof(what), "interpreter %s: ", name);
	err = open_executable(x, AT_FDCWD, name, what, &x->interp.file, &file_bytes);
	if (err == -ENOENT)
		exec_fail(x, err, "its interpreter %s was not found", name);
	if (err != 0)
		goto out;
	n = vfs_read_kernel(x->interp.file, head, HEAD_BYTES, 0);
	err = n < 0 ? read_failed(x, n, what) : parse_elf(x, &x->interp, head, (size_t)n, file_bytes, what);
out:
	kfree(name);
	return err;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * "#! interpreter [one argument]": argv becomes interpreter, argument, path, and the old argv without its first. The
 * interpreter's name is returned in *interp. Linux's rules: one argument, blanks stripped, a line of at most 255 bytes.
 */
static int apply_script(struct exec *x, const char *path, const char *head, size_t bytes, const char **interp)
{
	size_t n = MIN(bytes, (size_t)SCRIPT_LINE_MAX), argc = 0, out = 0;
	char *line, *at, *end, *arg;
	const char **argv;

	if (x->nr_script_lines == SCRIPT_DEPTH_MAX)
		return exec_fail(x, -ELOOP, "scripts run by scripts, more than %d deep", (int)SCRIPT_DEPTH_MAX);
	line = kmalloc(SCRIPT_LINE_MAX + 1);
	if (line == NULL)
		return exec_fail(x, -ENOMEM, "no memory");
	x->script_lines[x->nr_script_lines++] = line;
	memcpy(line, head, n);
	line[n] = '\0';
	end = strchr(line, '\n');
	if (end == NULL)
		end = line + strlen(line);
	while (end > line + 2 && is_blank(end[-1]))
		end--;
	*end = '\0';
	for (at = line + 2; is_blank(*at); at++)
		;
	if (*at == '\0')
		return exec_fail(x, -ENOEXEC, "a script whose #! line names no interpreter");
	*interp = at;
	while (*at != '\0' && !is_blank(*at))
		at++;
	arg = at;
	while (is_blank(*arg))
		arg++;
	*at = '\0';

	while (x->argv[argc] != NULL)
		argc++;
	argv = kmalloc((argc + 4) * sizeof(*argv));
	if (argv == NULL)
		return exec_fail(x, -ENOMEM, "no memory");
	argv[out++] = *interp;
	if (*arg != '\0')
		argv[out++] = arg;
	argv[out++] = path;
	for (size_t i = 1; i < argc; i++)
		argv[out++] = x->argv[i];
	argv[out] = NULL;
	kfree(x->script_argv);
	x->argv = x->script_argv = argv;
	return 0;
}

int exec_open(struct exec *x)
{
	const char *path = x->path;
	int dirfd = x->dirfd, err;
	char *head = kmalloc(HEAD_BYTES), what[128] = "";
	uint64_t file_bytes = 0;

	if (head == NULL)
		return exec_fail(x, -ENOMEM, "no memory");
	for (;;) {
		const char *interp = NULL;
		ssize_t n;

		err = open_executable(x, dirfd, path, what, &x->program.file, &file_bytes);
		if (err == -ENOENT && what[0] != '\0')
			exec_fail(x, err, "the interpreter in its #! line, %s, was not found", path);
		if (err != 0)
			goto out;
		n = vfs_read_kernel(x->program.file, head, HEAD_BYTES, 0);
		if (n < 0) {
			err = read_failed(x, n, what);
			goto out;
		}
		if (n == 0) {
			err = exec_fail(x, -ENOEXEC, "%sempty", what);
			goto out;
		}
		if (n < 2 || head[0] != '#' || head[1] != '!') {
			err = parse_elf(x, &x->program, head, (size_t)n, file_bytes, what);
			break;
		}
		err = apply_script(x, path, head, (size_t)n, &interp);
		if (err != 0)
			goto out;
		file_put(x->program.file);
		x->program.file = NULL;
		path = interp;
		dirfd = AT_FDCWD;
		fmt_snprintf(what, sizeof(what), "interpreter %s: ", path);
	}
	if (err == 0 && x->program.image.interp_bytes != 0)
		err = open_interp(x, head);
out:
	kfree(head);
	return err;
}

void exec_close(struct exec *x)
{
	if (x->program.file != NULL)
		file_put(x->program.file);
	if (x->interp.file != NULL)
		file_put(x->interp.file);
	for (unsigned i = 0; i < x->nr_script_lines; i++)
		kfree(x->script_lines[i]);
	kfree(x->script_argv);
}
