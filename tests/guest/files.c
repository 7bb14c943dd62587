/* SPDX-License-Identifier: MIT */
/* Files and folders in /tmp: O_* flags, links, renames, permissions, times, sparse files, reading folders, *at calls.
 */
#include "report.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

static char base[] = "/tmp/cay-files-XXXXXX";

static int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return -1;
	return close(fd);
}

static const char *get(const char *name)
{
	static char buf[256];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? "(cannot read)" : buf;
}

static void open_flags(void)
{
	int fd, fd2;
	struct stat st;
	char c;

	report_errno(open("none", O_RDONLY), ENOENT);
	report_true((fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640)) >= 0);
	report_errno(open("a", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
	report_true(fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0640) && st.st_size == 0 && st.st_nlink == 1);
	report_eq(write(fd, "0123456789", 10), 10);
	report_eq(lseek(fd, 0, SEEK_CUR), 10);
	report_eq(lseek(fd, -3, SEEK_END), 7);
	report_eq(read(fd, &c, 1), 1);
	report_eq(c, '7');
	report_errno(lseek(fd, -1, SEEK_SET), EINVAL);
	report_errno(lseek(fd, 0, 99), EINVAL);
	report_eq(pwrite(fd, "X", 1, 2), 1);
	report_eq(lseek(fd, 0, SEEK_CUR), 8);
	fd2 = open("a", O_WRONLY | O_APPEND);
	report_eq(write(fd2, "", 0), 0);
	report(lseek(fd2, 0, SEEK_CUR) == 0, "a write of nothing moves nothing, with O_APPEND too");
	report_errno(write(fd2, (void *)8, 4), EFAULT);
	report(lseek(fd2, 0, SEEK_CUR) == 0, "nor does one that fails");
	report_eq(write(fd2, "end", 3), 3);
	report_eq(lseek(fd2, 0, SEEK_CUR), 13);
	report_errno(read(fd2, &c, 1), EBADF);
	report(strcmp(get("a"), "01X3456789end") == 0, "O_APPEND writes at the end");
	report_eq(fcntl(fd2, F_SETFL, 0), 0);
	lseek(fd2, 0, SEEK_SET);
	write(fd2, "#", 1);
	report(get("a")[0] == '#', "O_APPEND can be taken off");
	close(fd2);
	close(open("a", O_WRONLY | O_TRUNC));
	report_true(fstat(fd, &st) == 0 && st.st_size == 0);
	close(fd);
	report_errno(open("a/b", O_RDONLY), ENOTDIR);
	report_errno(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
	report_errno(open(".", O_WRONLY), EISDIR);
	report_errno(open("", O_RDONLY), ENOENT);
	report_true((fd = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	report_errno(read(fd, &c, 1), EISDIR);
	close(fd);
	symlink("a", "link");
	report_errno(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	report_true((fd = open("link", O_PATH | O_NOFOLLOW)) >= 0);
	report_true(fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
	report_errno(read(fd, &c, 1), EBADF);
	close(fd);
	symlink("self", "self");
	report_errno(open("self", O_RDONLY), ELOOP);
	report_true((fd = open(".", O_TMPFILE | O_RDWR, 0600)) >= 0);
	report_eq(write(fd, "t", 1), 1);
	report_true(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 1);
	close(fd);
	char long_name[300];
	memset(long_name, 'x', 299);
	long_name[299] = '\0';
	report_errno(open(long_name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
	long_name[255] = '\0';
	report_eq(close(open(long_name, O_CREAT | O_RDWR, 0600)), 0);
	unlink(long_name);
	unlink("a");
	unlink("link");
	unlink("self");
}

static void names(void)
{
	struct stat st, st2;
	char buf[100];

	put("f", "one");
	report_eq(link("f", "g"), 0);
	report_true(stat("f", &st) == 0 && stat("g", &st2) == 0 && st.st_ino == st2.st_ino && st.st_nlink == 2);
	report_errno(link("f", "g"), EEXIST);
	report_errno(link("none", "h"), ENOENT);
	report_errno(link(".", "h"), EPERM);
	report_eq(rename("f", "g"), 0);
	report(access("f", F_OK) == 0, "rename of two links of one file does nothing");
	unlink("g");
	put("g", "two");
	report_eq(rename("f", "g"), 0);
	report(strcmp(get("g"), "one") == 0 && access("f", F_OK) != 0, "rename replaces the target");
	report_eq(renameat2(AT_FDCWD, "g", AT_FDCWD, "h", RENAME_NOREPLACE), 0);
	put("g", "new");
	report_errno(renameat2(AT_FDCWD, "g", AT_FDCWD, "h", RENAME_NOREPLACE), EEXIST);
	report_eq(renameat2(AT_FDCWD, "g", AT_FDCWD, "h", RENAME_EXCHANGE), 0);
	report(strcmp(get("g"), "one") == 0 && strcmp(get("h"), "new") == 0, "RENAME_EXCHANGE swaps");
	report_eq(mkdir("d", 0755), 0);
	report_errno(mkdir("d", 0755), EEXIST);
	report_errno(rename("g", "d"), EISDIR);
	report_errno(rename("d", "g"), ENOTDIR);
	report_eq(mkdir("d/e", 0755), 0);
	report_errno(rename("d", "d/e/f"), EINVAL);
	report_errno(rmdir("d"), ENOTEMPTY);
	report_errno(unlink("d"), EISDIR);
	report_errno(rmdir("g"), ENOTDIR);
	report_errno(rmdir("."), EINVAL);
	report_true(stat("d", &st) == 0 && st.st_nlink == 3);
	report_eq(rename("d/e", "e"), 0);
	report_true(stat("d", &st) == 0 && st.st_nlink == 2);
	report_eq(rename("e", "d"), 0);
	report_eq(rmdir("d"), 0);
	report_eq(symlink("target/that/does/not/exist", "s"), 0);
	report_errno(symlink("x", "s"), EEXIST);
	report_eq(readlink("s", buf, sizeof(buf)), 26);
	report_eq(readlink("s", buf, 5), 5);
	report_errno(readlink("g", buf, 5), EINVAL);
	report_true(lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 26);
	report_errno(stat("s", &st), ENOENT);
	report_errno(unlink("none"), ENOENT);
	unlink("s");
	unlink("g");
	unlink("h");
}

static void unlinked_but_open(void)
{
	int fd;
	char buf[10];

	put("u", "still here");
	fd = open("u", O_RDWR);
	unlink("u");
	report_eq(read(fd, buf, 10), 10);
	report_eq(pwrite(fd, "more", 4, 10), 4);
	put("u", "another");
	report_true(pread(fd, buf, 4, 10) == 4 && memcmp(buf, "more", 4) == 0);
	close(fd);
	unlink("u");
}

static void sparse_and_truncate(void)
{
	int fd = open("sp", O_RDWR | O_CREAT, 0600);
	char buf[16];
	struct stat st;

	report_eq(pwrite(fd, "tail", 4, 1l << 32), 4);
	report_true(fstat(fd, &st) == 0 && st.st_size == (1l << 32) + 4);
	report(st.st_blocks < 1000, "a hole takes no room");
	report_true(pread(fd, buf, 8, 12345) == 8 && memcmp(buf, "\0\0\0\0\0\0\0", 8) == 0);
	report_eq(pread(fd, buf, 16, 1l << 32), 4);
	report_eq(pread(fd, buf, 16, 1l << 40), 0);
	report_eq(ftruncate(fd, 3), 0);
	report_eq(ftruncate(fd, 100), 0);
	report_true(pread(fd, buf, 16, 50) == 16 && buf[0] == 0);
	pwrite(fd, "abcdefgh", 8, 0);
	ftruncate(fd, 4);
	ftruncate(fd, 8);
	report_true(pread(fd, buf, 8, 0) == 8 && memcmp(buf, "abcd\0\0\0\0", 8) == 0);
	report_errno(ftruncate(fd, -1), EINVAL);
	report_errno(truncate("none", 0), ENOENT);
	report_eq(fallocate(fd, 0, 0, 10000), 0);
	report_true(fstat(fd, &st) == 0 && st.st_size == 10000);
	report_eq(fsync(fd), 0);
	report_eq(fdatasync(fd), 0);
	close(fd);
	unlink("sp");
}

static void modes_and_times(void)
{
	struct stat st;
	struct timespec ts[2] = {{1000, 5}, {2000, 7}};
	mode_t old = umask(027);

	close(open("m", O_CREAT | O_RDWR, 0666));
	report_true(stat("m", &st) == 0 && (st.st_mode & 07777) == 0640);
	report_eq(umask(old), 027);
	report_eq(chmod("m", 04711), 0);
	report_true(stat("m", &st) == 0 && (st.st_mode & 07777) == 04711);
	report_eq(utimensat(AT_FDCWD, "m", ts, 0), 0);
	report_true(stat("m", &st) == 0 && st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 &&
		    st.st_mtim.tv_nsec == 7);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	report_eq(utimensat(AT_FDCWD, "m", ts, 0), 0);
	report_true(stat("m", &st) == 0 && st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec > 1000000);
	report_eq(access("m", R_OK | W_OK | X_OK), 0);
	report_errno(access("none", F_OK), ENOENT);
	if (geteuid() == 0) {
		report_eq(chown("m", 12, 34), 0);
		report_true(stat("m", &st) == 0 && st.st_uid == 12 && st.st_gid == 34);
	}
	unlink("m");
}

static void folders(void)
{
	DIR *d;
	struct dirent *e;
	int n = 0, fd;
	long pos = 0;
	char name[32], cwd[PATH_MAX];

	mkdir("dir", 0755);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "dir/entry-%d", i);
		put(name, "");
	}
	d = opendir("dir");
	while ((e = readdir(d)) != NULL) {
		n++;
		if (n == 250)
			pos = telldir(d);
	}
	report_eq(n, 502);
	seekdir(d, pos);
	for (n = 0; readdir(d) != NULL; n++)
		;
	report_eq(n, 252);
	rewinddir(d);
	/* Removing while reading loses nothing that stays. */
	for (n = 0; (e = readdir(d)) != NULL;)
		if (e->d_name[0] == 'e' && unlinkat(dirfd(d), e->d_name, 0) == 0)
			n++;
	report_eq(n, 500);
	closedir(d);
	fd = open("dir", O_RDONLY | O_DIRECTORY);
	report_true((n = openat(fd, "in", O_CREAT | O_RDWR, 0600)) >= 0);
	close(n);
	report_eq(faccessat(fd, "in", F_OK, 0), 0);
	report_eq(mkdirat(fd, "sub", 0700), 0);
	report_eq(unlinkat(fd, "sub", AT_REMOVEDIR), 0);
	report_errno(unlinkat(fd, "in", AT_REMOVEDIR), ENOTDIR);
	report_errno(openat(9999, "x", O_RDONLY), EBADF);
	report_eq(fchdir(fd), 0);
	report_true(getcwd(cwd, sizeof(cwd)) != NULL && strcmp(strrchr(cwd, '/'), "/dir") == 0);
	report_errno((long)getcwd(cwd, 2) - 1, ERANGE);
	unlink("in");
	chdir("..");
	close(fd);
	report_eq(rmdir("dir"), 0);
	report_errno(chdir("dir"), ENOENT);
}

static void paths(void)
{
	struct stat a, b;

	put("p", "x");
	report_true(stat("./../.././../.././tmp/.", &a) == 0 && stat("/tmp", &b) == 0 && a.st_ino == b.st_ino);
	report_errno(stat("p/", &a), ENOTDIR);
	report_errno(stat("p/.", &a), ENOTDIR);
	report_eq(stat(".//.//p", &a), 0);
	report_true(stat("/..", &a) == 0 && stat("/", &b) == 0 && a.st_ino == b.st_ino);
	symlink(".", "here");
	report_eq(stat("here/here/here/p", &a), 0);
	report_eq(stat("here/", &a), 0);
	unlink("here");
	unlink("p");
}

int main(void)
{
	mkdtemp(base);
	chdir(base);
	umask(022);
	open_flags();
	names();
	unlinked_but_open();
	sparse_and_truncate();
	modes_and_times();
	folders();
	paths();
	chdir("/");
	report_eq(rmdir(base), 0);
	return report_summary();
}
