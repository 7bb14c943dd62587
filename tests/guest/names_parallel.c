/* SPDX-License-Identifier: MIT */
/*
 * names_parallel.c - one thread changes names while another looks them up: what is there all the time is always found,
 * what is found is never a mixture, and names that exchange their places are both there. Files, too, are read by both.
 * In a folder of the disk and in one in memory. With one CPU the same must hold.
 */
#include "cpu_places.h"
#include "report.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static _Atomic int stop, wrong;
static const char *where;

/* What went wrong first, for the one who reads the log. */
static void complain(const char *what)
{
	if (wrong++ == 0)
		fprintf(stderr, "%s: %s (errno %d)\n", where, what, errno);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		complain(what);
}

static bool put_file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
}

static int exchange(const char *a, const char *b)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* Looks until the other one has changed `rounds` times. */
static void race(const char *name, void *(*look)(void *), void (*change)(int round), int rounds)
{
	pthread_t t;

	stop = wrong = 0;
	pthread_create(&t, NULL, look, NULL);
	go_to(0);
	if (where[0] == 'd') /* Linux' disks are slow at it */
		rounds /= 4;
	for (int i = 0; i < rounds; i++)
		change(i);
	stop = 1;
	pthread_join(t, NULL);
	report(wrong == 0, "%s: %s", where, name);
}

/* --- files that exchange their names --- */

static void change_files(int round)
{
	(void)round;
	must(exchange("x", "a long name that does not fit into a name cache's entry") == 0, "exchange");
}

static void *look_at_files(void *arg)
{
	struct stat st;

	go_to(1);
	while (!stop) {
		must(stat("x", &st) == 0 && (st.st_size == 1 || st.st_size == 2) && st.st_nlink == 1, "stat x");
		must(access("a long name that does not fit into a name cache's entry", R_OK) == 0, "access");
		must(stat("x/", &st) == -1 && errno == ENOTDIR, "x/ is no folder");
	}
	return arg;
}

/* --- folders that exchange their names, and paths through them --- */

static void change_folders(int round)
{
	(void)round;
	must(exchange("p", "r") == 0, "exchange of folders");
}

static void *look_through_folders(void *arg)
{
	go_to(1);
	while (!stop) {
		off_t down = size_of("p/q/f"), up = size_of("p/q/../q/../../r/q/f"), link = size_of("p/link");
		char text[64];
		ssize_t n = readlink("p/link", text, sizeof(text));

		must(down == 1 || down == 2, "p/q/f");
		must(up == 1 || up == 2, "p/q/../q/../../r/q/f");
		must(n == 3 && memcmp(text, "q/f", 3) == 0, "readlink p/link");
		must(link == 1 || link == 2, "p/link");
		must(size_of("p/q/none") == -1 && errno == ENOENT, "p/q/none");
	}
	return arg;
}

/* --- a file that is replaced again and again --- */

static void replace_file(int round)
{
	must(link(round % 2 == 0 ? "aaa" : "bbb", "fresh") == 0 && rename("fresh", "target") == 0, "replace");
}

static void *read_target(void *arg)
{
	go_to(1);
	while (!stop) {
		char text[32];
		struct stat st;
		int fd = open("target", O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

		must(n == 15, "read target");
		for (ssize_t i = 1; i < n; i++)
			must(text[i] == text[0], "a mixture");
		must(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 15, "fstat");
		close(fd);
	}
	return arg;
}

/* --- names that come and go --- */

static void make_and_remove(int round)
{
	char name[32];

	snprintf(name, sizeof(name), "come/n%d", round % 40);
	must(mkdir("come", 0755) == 0, "mkdir");
	must(put_file(name, "1") && size_of(name) == 1, "a new name");
	must(unlink(name) == 0 && access(name, F_OK) == -1 && errno == ENOENT, "unlink");
	must(rmdir("come") == 0 && access("come", F_OK) == -1 && errno == ENOENT, "rmdir");
}

static void *look_for_names(void *arg)
{
	int round = 0;

	go_to(1);
	while (!stop) {
		char name[32];
		off_t size;

		snprintf(name, sizeof(name), "come/n%d", round++ % 40);
		size = size_of(name);
		must(size == 0 || size == 1 || (size == -1 && errno == ENOENT), "come/n");
	}
	return arg;
}

/* --- a symbolic link that points here and there --- */

static void turn_link(int round)
{
	must(symlink(round % 2 == 0 ? "p/q" : "r/q", "turning") == 0 && rename("turning", "turns") == 0, "symlink");
}

static void *follow_link(void *arg)
{
	go_to(1);
	while (!stop) {
		off_t size = size_of("turns/f");
		char text[8];

		must(size == 1 || size == 2, "turns/f");
		must(readlink("turns", text, sizeof(text)) == 3 && memcmp(text + 1, "/q", 2) == 0, "readlink turns");
	}
	return arg;
}

/* --- a current folder that changes, and a descriptor of one --- */

static int here_fd;

static void change_cwd(int round)
{
	must(fchdir(here_fd) == 0 && chdir(round % 2 == 0 ? "p" : "r") == 0, "chdir");
}

static void *look_from_cwd(void *arg)
{
	go_to(1);
	while (!stop) {
		struct stat st;
		off_t size = size_of("../p/q/f"), there = size_of("q/f");

		/* It may be the folder above for a moment: then both are elsewhere. */
		must(size == 1 || size == 2 || (size == -1 && errno == ENOENT), "../p/q/f");
		must(there == 1 || there == 2 || (there == -1 && errno == ENOENT), "q/f");
		must(fstatat(here_fd, "p/q/f", &st, 0) == 0, "from a descriptor");
	}
	return arg;
}

/* --- two threads that rename and make names in the same two folders --- */

static void *rename_back(void *arg)
{
	go_to(1);
	while (!stop) {
		if (rename("r/ball", "p/ball") != 0)
			must(errno == ENOENT, "rename back");
		(void)put_file("r/other", "22");
		(void)rename("r/other", "p/other");
	}
	return arg;
}

static void rename_there(int round)
{
	(void)round;
	if (rename("p/ball", "r/ball") != 0)
		must(errno == ENOENT, "rename there");
	(void)unlink("p/other");
}

/* --- one open file, read by both, written behind what they read --- */

#define DATA_BYTES 300000

static int data_fd;

static unsigned char byte_at(size_t at)
{
	return (unsigned char)(at * 7 + at / 4096);
}

static void check_piece(int fd, size_t at, size_t bytes)
{
	static __thread unsigned char buf[40000];
	ssize_t n = pread(fd, buf, bytes, (off_t)at);

	must(n == (ssize_t)bytes, "pread");
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] != byte_at(at + (size_t)i)) {
			complain("a wrong byte");
			break;
		}
}

static void read_all(void)
{
	int fd = open("data", O_RDONLY);
	size_t at = 0;
	char buf[5000];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		at += (size_t)n;
	must(fd >= 0 && n == 0 && at >= DATA_BYTES, "read to the end");
	close(fd);
}

static void *read_data(void *arg)
{
	unsigned random = 1;

	go_to(1);
	while (!stop) {
		random = random * 1664525 + 1013904223;
		check_piece(data_fd, random % (DATA_BYTES - 40000), 1 + (random >> 8) % 39999);
		read_all();
	}
	return arg;
}

static void read_and_write_data(int round)
{
	check_piece(data_fd, (size_t)round * 911 % (DATA_BYTES - 40000), 1 + (size_t)round * 31 % 39999);
	must(pwrite(data_fd, "tail", 4, DATA_BYTES + round % 1000) == 4, "pwrite");
	read_all();
}

static bool make_data(void)
{
	static unsigned char text[DATA_BYTES];

	for (size_t i = 0; i < DATA_BYTES; i++)
		text[i] = byte_at(i);
	data_fd = open("data", O_CREAT | O_RDWR, 0644);
	return write(data_fd, text, DATA_BYTES) == DATA_BYTES;
}

static void folder_tests(void)
{
	must(put_file("x", "1") && put_file("a long name that does not fit into a name cache's entry", "22"), "files");
	must(mkdir("p", 0755) == 0 && mkdir("r", 0755) == 0 && mkdir("p/q", 0755) == 0 && mkdir("r/q", 0755) == 0,
	     "folders");
	must(put_file("p/q/f", "1") && put_file("r/q/f", "22") && put_file("p/ball", ""), "files");
	must(put_file("aaa", "aaaaaaaaaaaaaaa") && put_file("bbb", "bbbbbbbbbbbbbbb"), "files");
	must(symlink("q/f", "p/link") == 0 && symlink("q/f", "r/link") == 0, "links");
	report(wrong == 0, "%s: what is needed", where);
	race("files that exchange their names", look_at_files, change_files, 4000);
	race("folders that exchange their names", look_through_folders, change_folders, 4000);
	replace_file(1);
	race("a file that is replaced", read_target, replace_file, 1500);
	race("names that come and go", look_for_names, make_and_remove, 500);
	turn_link(0);
	race("a link that turns", follow_link, turn_link, 1500);
	here_fd = open(".", O_RDONLY | O_DIRECTORY);
	race("a current folder that changes", look_from_cwd, change_cwd, 3000);
	report(fchdir(here_fd) == 0 && make_data(), "%s: back", where);
	race("one file, read by both", read_data, read_and_write_data, 800);
	close(data_fd);
	close(here_fd);
	race("two that rename", rename_back, rename_there, 1500);
	report(access("p/ball", F_OK) + access("r/ball", F_OK) == -1, "%s: the ball is in one place", where);
}

static void in_folder(const char *parent)
{
	char dir[64];

	where = parent[0] == '.' ? "disk" : "memory";
	snprintf(dir, sizeof(dir), "%s/names-XXXXXX", parent);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0) {
		report(false, "%s: a folder", where);
		return;
	}
	folder_tests();
	(void)!system("rm -rf p r x a* bbb data target turns");
	report(chdir(parent[0] == '.' ? ".." : "/") == 0 && rmdir(dir + (parent[0] == '.' ? 2 : 0)) == 0,
	       "%s: nothing is left", where);
}

int main(void)
{
	count_cpus();
	in_folder(".");
	in_folder("/dev/shm");
	return report_summary();
}
