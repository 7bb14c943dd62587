/* SPDX-License-Identifier: MIT */
/* inotify(7): which events come, in which order, with which names. */
#include "report.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int in;
static char top[64];

static const char *path(const char *name)
{
	static char buf[4][128];
	static unsigned which;
	char *p = buf[which++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", top, name);
	return p;
}

static const char *event_name(uint32_t mask)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{IN_ACCESS, "access"},
		     {IN_MODIFY, "modify"},
		     {IN_ATTRIB, "attrib"},
		     {IN_CLOSE_WRITE, "close_write"},
		     {IN_CLOSE_NOWRITE, "close_nowrite"},
		     {IN_OPEN, "open"},
		     {IN_MOVED_FROM, "moved_from"},
		     {IN_MOVED_TO, "moved_to"},
		     {IN_CREATE, "create"},
		     {IN_DELETE, "delete"},
		     {IN_DELETE_SELF, "delete_self"},
		     {IN_MOVE_SELF, "move_self"},
		     {IN_IGNORED, "ignored"},
		     {IN_Q_OVERFLOW, "overflow"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mask & names[i].bit)
			return names[i].name;
	return "?";
}

static uint32_t cookies[2];

/* All that is queued, as "wd:event[/][:name] ". */
static const char *events(void)
{
	static char text[4096];
	static _Alignas(8) char buf[8192];
	ssize_t n = read(in, buf, sizeof(buf));
	size_t used = 0;

	text[0] = '\0';
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%d:%s%s%s%s ", e->wd, event_name(e->mask),
					 e->mask & IN_ISDIR ? "/" : "", e->len ? ":" : "", e->len ? e->name : "");
		if (e->cookie) {
			cookies[0] = cookies[1];
			cookies[1] = e->cookie;
		}
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return text;
}

#define report_events(want)                                                                                            \
	({                                                                                                             \
		const char *g_ = events();                                                                             \
		if (strcmp(g_, want) != 0)                                                                             \
			fprintf(stderr, "line %d: got \"%s\", wanted \"%s\"\n", __LINE__, g_, want);                   \
		report(strcmp(g_, want) == 0, "events: %s", want);                                                     \
	})

static void test_errors(void)
{
	report_errno(inotify_init1(1), EINVAL);
	report_errno(inotify_add_watch(in, path("none"), IN_OPEN), ENOENT);
	report_errno(inotify_add_watch(in, top, 0), EINVAL);
	report_errno(inotify_add_watch(0x7fff, top, IN_OPEN), EBADF);
	report_errno(inotify_add_watch(0, top, IN_OPEN), EINVAL);
	report_errno(inotify_add_watch(in, NULL, IN_OPEN), EFAULT);
	report_errno(inotify_rm_watch(in, 99), EINVAL);
	report_errno(read(in, &(char[64]){0}, 64), EAGAIN);
	report_eq(poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1, 0), 0);
}

static void test_folder(void)
{
	int wd = inotify_add_watch(in, top, IN_ALL_EVENTS), fd, n = 0;
	struct stat st;

	report_eq(wd, 1);
	fd = open(path("a"), O_CREAT | O_RDWR, 0644);
	report_events("1:create:a 1:open:a ");
	(void)!write(fd, "x", 1);
	(void)!write(fd, "y", 1);
	report_events("1:modify:a ");
	(void)!pread(fd, &n, 1, 0);
	report_events("1:access:a ");
	report_eq(ftruncate(fd, 0), 0);
	report_events("1:modify:a ");
	report_eq(fchmod(fd, 0600), 0);
	report_events("1:attrib:a ");
	stat(path("a"), &st);
	close(fd);
	report_events("1:close_write:a ");
	close(open(path("a"), O_RDONLY));
	report_events("1:open:a 1:close_nowrite:a ");
	(void)!write(fd = open(path("a"), O_WRONLY), "old", 3);
	close(fd);
	events();
	close(open(path("a"), O_WRONLY | O_TRUNC));
	report_events("1:open:a 1:modify:a 1:close_write:a ");
	report_eq(rename(path("a"), path("longer-name-than-before")), 0);
	report_events("1:moved_from:a 1:moved_to:longer-name-than-before ");
	report(cookies[0] == cookies[1] && cookies[0] != 0, "both halves of a rename have one cookie");
	report_eq(link(path("longer-name-than-before"), path("b")), 0);
	report_events("1:create:b ");
	report_eq(unlink(path("longer-name-than-before")), 0);
	report_events("1:delete:longer-name-than-before ");
	report_eq(mkdir(path("d"), 0755), 0);
	report_events("1:create/:d ");
	report_eq(symlink("b", path("l")), 0);
	report_events("1:create:l ");
	report_eq(rmdir(path("d")), 0);
	report_events("1:delete/:d ");
	unlink(path("l"));
	events();
	close(open(path("b"), O_RDONLY));
	report_true(ioctl(in, FIONREAD, &n) == 0 && n == 2 * (16 + 16));
	report_errno(read(in, &(char[20]){0}, 20), EINVAL);
	report_eq((long)read(in, &(char[40]){0}, 40), 32);
	events();
	report_eq(inotify_rm_watch(in, wd), 0);
	report_events("1:ignored ");
}

static void test_file(void)
{
	int fd, wd = inotify_add_watch(in, path("b"), IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);

	report_eq(wd, 2);
	report_eq(inotify_add_watch(in, path("b"), IN_OPEN | IN_MASK_ADD), 2);
	report_errno(inotify_add_watch(in, path("b"), IN_OPEN | IN_MASK_CREATE), EEXIST);
	report_errno(inotify_add_watch(in, path("b"), IN_OPEN | IN_ONLYDIR), ENOTDIR);
	fd = open(path("b"), O_WRONLY);
	(void)!write(fd, "z", 1);
	close(fd);
	report_events("2:open 2:modify ");
	report_eq(rename(path("b"), path("c")), 0);
	report_events("2:move_self ");
	report_eq(unlink(path("c")), 0);
	report_events("2:attrib 2:delete_self 2:ignored ");
	report_errno(inotify_rm_watch(in, 2), EINVAL);
	close(open(path("e"), O_CREAT | O_WRONLY, 0644));
	wd = inotify_add_watch(in, path("e"), IN_OPEN | IN_ONESHOT);
	close(open(path("e"), O_RDONLY));
	close(open(path("e"), O_RDONLY));
	report_events("3:open 3:ignored ");
	/* A file that takes the place of a watched one. */
	close(open(path("f"), O_CREAT | O_WRONLY, 0644));
	wd = inotify_add_watch(in, path("f"), IN_DELETE_SELF);
	report_eq(rename(path("e"), path("f")), 0);
	report_events("4:delete_self 4:ignored ");
	unlink(path("f"));
}

int main(void)
{
	snprintf(top, sizeof(top), "/tmp/cay-inotify-%d", getpid());
	mkdir(top, 0755);
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	test_errors();
	test_folder();
	test_file();
	close(in);
	rmdir(top);
	return report_summary();
}
