/* SPDX-License-Identifier: MIT */
/* /proc, /sys and /dev files that ordinary programs read, and that what they say is true. */
#include "report.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 20];

/* The whole file, through small reads, as a string. */
static const char *slurp(const char *name)
{
	int fd = open(name, O_RDONLY);
	size_t n = 0;
	ssize_t r;

	text[0] = '\0';
	if (fd < 0)
		return NULL;
	while (n < sizeof(text) - 1 && (r = read(fd, text + n, 777)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	close(fd);
	return text;
}

static bool has(const char *name, const char *what)
{
	const char *t = slurp(name);

	if (t == NULL || strstr(t, what) == NULL) {
		fprintf(stderr, "%s has %s: %.300s\n", name, what, t ? t : "(cannot open)");
		return false;
	}
	return true;
}

static void maps(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), want[64], *line;
	uint64_t here = (uint64_t)&maps, lo, hi;
	char perms[8];
	bool code = false, stack = false, ordered = true, vdso = false;
	uint64_t last = 0;

	mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE);
	slurp("/proc/self/maps");
	snprintf(want, sizeof(want), "%lx-%lx rw-p", (uint64_t)p + 4096, (uint64_t)p + 8192);
	report(strstr(text, want) != NULL, "/proc/self/maps shows a page with its rights");
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx %7s", &lo, &hi, perms) != 3)
			continue;
		code = code || (here >= lo && here < hi && perms[2] == 'x' && strstr(line, "/proc") != NULL);
		stack = stack || strstr(line, "[stack]") != NULL;
		vdso = vdso || strstr(line, "[vdso]") != NULL;
		ordered = ordered && lo >= last && hi > lo;
		last = hi;
	}
	report(code, "/proc/self/maps names the program at its code");
	report(stack, "/proc/self/maps names the stack");
	report(vdso, "/proc/self/maps names the vDSO");
	report(ordered, "/proc/self/maps is in order");
	munmap(p, 3 * 4096);
}

/* The number of a line of smaps below the area that starts at p, or of smaps_rollup (p NULL), in bytes; -1: none. */
static long smaps_bytes(const char *p, const char *name)
{
	char key[64];
	const char *at = slurp(p ? "/proc/self/smaps" : "/proc/self/smaps_rollup");

	if (at != NULL && p != NULL) {
		snprintf(key, sizeof(key), "%lx-", (uint64_t)p);
		at = strstr(at, key);
	}
	snprintf(key, sizeof(key), "\n%s:", name);
	at = at != NULL ? strstr(at, key) : NULL;
	return at != NULL ? atol(at + strlen(key)) * 1024 : -1;
}

/* What is resident in one area, as its own and as what a child has in common with it. */
static void resident(void)
{
	enum { PAGES = 96 };
	char *p = mmap(NULL, (PAGES + 2) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
	char *shm = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd[2];
	pid_t pid;

	mprotect(p, PAGES * 4096, PROT_READ | PROT_WRITE); /* guards around it: an area of its own */
	report_eq(smaps_bytes(p, "Size"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Rss"), 0);
	memset(p, 1, PAGES * 4096);
	memset(shm, 1, PAGES * 4096);
	report_eq(smaps_bytes(p, "Rss"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Pss"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Private_Dirty"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Anonymous"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Shared_Dirty"), 0);
	report_eq(smaps_bytes(p, "Locked"), 0);
	report_eq(smaps_bytes(shm, "Rss"), PAGES * 4096);
	report_eq(smaps_bytes(shm, "Anonymous"), 0);
	report_true(smaps_bytes(NULL, "Rss") >= 2 * PAGES * 4096 &&
		    smaps_bytes(NULL, "Pss") <= smaps_bytes(NULL, "Rss"));
	report_true(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	pid = fork();
	if (pid == 0) {
		close(fd[1]);
		memset(shm, 2, PAGES * 4096);
		_exit(write(fd[0], p, 1) == 1 && read(fd[0], p, 1) == 0 ? 0 : 1);
	}
	close(fd[0]);
	report_true(read(fd[1], p, 1) == 1);
	report_eq(smaps_bytes(shm, "Shared_Dirty"), PAGES * 4096);
	report_eq(smaps_bytes(shm, "Pss"), PAGES * 4096 / 2);
	report_eq(smaps_bytes(p, "Rss"), PAGES * 4096);
	close(fd[1]);
	waitpid(pid, NULL, 0);
	report_eq(smaps_bytes(shm, "Private_Dirty"), PAGES * 4096);
	report_eq(smaps_bytes(p, "Private_Dirty"), PAGES * 4096);
	munmap(p - 4096, (PAGES + 2) * 4096);
	munmap(shm, PAGES * 4096);
	report_eq(smaps_bytes(p, "Size"), -1);
}

static void self(void)
{
	char buf[PATH_MAX], buf2[PATH_MAX], want[64];
	ssize_t n;
	int fd;

	n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	report(n > 5 && strcmp(buf + (buf[n] = '\0', n - 5), "/proc") == 0, "/proc/self/exe is this program");
	n = readlink("/proc/self/cwd", buf, sizeof(buf) - 1);
	report(n > 0 && (buf[n] = '\0', strcmp(buf, getcwd(buf2, sizeof(buf2))) == 0),
	       "/proc/self/cwd is the current folder");
	fd = open("/dev/null", O_RDONLY);
	snprintf(want, sizeof(want), "/proc/self/fd/%d", fd);
	n = readlink(want, buf, sizeof(buf) - 1);
	report(n > 0 && (buf[n] = '\0', strcmp(buf, "/dev/null") == 0), "/proc/self/fd links to what is open");
	snprintf(want, sizeof(want), "/proc/self/fdinfo/%d", fd);
	report_true(has(want, "flags:"));
	close(fd);
	snprintf(want, sizeof(want), "Pid:\t%d\n", getpid());
	report_true(has("/proc/self/status", want));
	report_true(has("/proc/self/status", "VmRSS:"));
	report_true(has("/proc/self/status", "Threads:\t1\n"));
	report_true(has("/proc/self/status", "SigCgt:"));
	snprintf(want, sizeof(want), "%d (proc) R ", getpid());
	report_true(has("/proc/self/stat", want));
	prctl(PR_SET_NAME, "renamed");
	report_true(has("/proc/self/comm", "renamed\n"));
	prctl(PR_SET_NAME, "proc");
	fd = open("/proc/self/cmdline", O_RDONLY);
	n = read(fd, buf, sizeof(buf));
	report(n > 5 && buf[n - 1] == '\0' && strstr(buf, "proc") != NULL, "/proc/self/cmdline ends in a zero byte");
	close(fd);
	fd = open("/proc/self/auxv", O_RDONLY);
	uint64_t aux[2];
	bool same = true;
	while (read(fd, aux, 16) == 16 && aux[0] != AT_NULL)
		if (aux[0] == AT_PHDR || aux[0] == AT_ENTRY || aux[0] == AT_RANDOM || aux[0] == AT_EXECFN ||
		    aux[0] == AT_PAGESZ || aux[0] == AT_SYSINFO_EHDR)
			same = same && getauxval(aux[0]) == aux[1];
	close(fd);
	report(same, "/proc/self/auxv is the program's own");
	report_true(has("/proc/self/limits", "Max open files"));
	report_true(has("/proc/self/statm", " "));
	report_true(slurp("/proc/self/environ") != NULL);
	report_true(has("/proc/self/mountinfo", " / "));
	report_true(has("/proc/self/oom_score_adj", "\n"));
	report_true(access("/proc/self/task", F_OK) == 0);
	report_true(access("/proc/thread-self/comm", F_OK) == 0);
	report_errno(open("/proc/12345678/stat", O_RDONLY), ENOENT);
	report_errno(open("/proc/self/nothing", O_RDONLY), ENOENT);
	report_errno(open("/proc/self/maps", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
}

static long io_count(const char *name)
{
	const char *at = strstr(slurp("/proc/self/io"), name);

	return at != NULL ? atol(at + strlen(name)) : -1;
}

static void *write_some(void *arg)
{
	char buf[1000] = {0};

	(void)!write(*(int *)arg, buf, sizeof(buf));
	return NULL;
}

/* Looking reads, too: so what is read is "at least". */
static void io_counts(void)
{
	long written = io_count("wchar: "), writes = io_count("syscw: "), got = io_count("rchar: "),
	     reads = io_count("syscr: ");
	char buf[100000] = {0};
	int null = open("/dev/null", O_WRONLY), zero = open("/dev/zero", O_RDONLY);
	pthread_t th;

	(void)!write(null, buf, sizeof(buf));
	(void)!write(null, buf, 1);
	(void)!read(zero, buf, sizeof(buf));
	pthread_create(&th, NULL, write_some, &null);
	pthread_join(th, NULL);
	report(io_count("wchar: ") - written == 101001 && io_count("syscw: ") - writes == 3,
	       "/proc/self/io counts what was written, by threads that ended, too");
	report(io_count("rchar: ") - got >= 100000 && io_count("syscr: ") - reads >= 2, "and what was read");
	close(null);
	close(zero);
}

static void machine(void)
{
	struct utsname u;
	struct sysinfo si;
	unsigned long total = 0;
	char *at;

	uname(&u);
	report(strcmp(u.sysname, "Linux") == 0 && strcmp(u.machine, "x86_64") == 0 && u.release[0] >= '5',
	       "uname says Linux, x86_64, 5 or later");
	report_true(has("/proc/version", "Linux version"));
	report_true(has("/proc/sys/kernel/osrelease", u.release));
	report_true(has("/proc/sys/kernel/hostname", u.nodename));
	report_true(has("/proc/cpuinfo", "processor\t: 0"));
	report_true(has("/proc/cpuinfo", "flags"));
	report_true(has("/proc/stat", "cpu  "));
	report_true(has("/proc/uptime", "."));
	report_true(has("/proc/loadavg", "."));
	report_true(has("/proc/meminfo", "MemAvailable:"));
	at = strstr(text, "MemTotal:");
	report(at != NULL && sscanf(at, "MemTotal: %lu kB", &total) == 1 && sysinfo(&si) == 0 &&
		       labs((long)(si.totalram * si.mem_unit / 1024) - (long)total) < 1024,
	       "/proc/meminfo and sysinfo agree");
	report_true(has("/proc/filesystems", "tmpfs"));
	report_true(has("/proc/mounts", " / "));
	report_true(has("/proc/sys/vm/overcommit_memory", "\n"));
	report_true(has("/proc/sys/kernel/pid_max", "\n"));
	report_true(has("/proc/sys/kernel/random/uuid", "-"));
	report_true(has("/proc/sys/kernel/random/boot_id", "-"));
	report_true(has("/sys/devices/system/cpu/online", "0"));
	report_true(has("/sys/devices/system/cpu/possible", "0"));
	report_true(has("/sys/kernel/mm/transparent_hugepage/enabled", "["));
	report_true(access("/sys/fs/cgroup", F_OK) == 0);
	report_true(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_PHYS_PAGES) > 100);
}

static void devices(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} dev[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		   {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
	struct stat st;
	char buf[16] = "xxxxxxxxxxxxxxx";
	int fd;

	for (size_t i = 0; i < sizeof(dev) / sizeof(dev[0]); i++)
		report(stat(dev[i].name, &st) == 0 && S_ISCHR(st.st_mode) &&
			       st.st_rdev == (dev[i].major << 8 | dev[i].minor),
		       "%s is a character device with Linux's number", dev[i].name);
	fd = open("/dev/full", O_RDWR);
	report_errno(write(fd, "x", 1), ENOSPC);
	report_true(read(fd, buf, 4) == 4 && buf[0] == 0);
	close(fd);
	fd = open("/dev/null", O_RDWR);
	report_eq(read(fd, buf, 4), 0);
	report_eq(write(fd, buf, 4), 4);
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	report(p != MAP_FAILED && p[0] == 0, "/dev/zero maps as zeros");
	close(fd);
	report_eq(access("/dev/shm", W_OK), 0);
	report_eq(access("/tmp", W_OK), 0);
	report_true((fd = open("/dev/shm/cay-x", O_CREAT | O_RDWR, 0600)) >= 0);
	close(fd);
	unlink("/dev/shm/cay-x");
}

static void listing(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool me = false, self_link = false;

	while ((e = readdir(d)) != NULL) {
		me = me || atoi(e->d_name) == getpid();
		self_link = self_link || strcmp(e->d_name, "self") == 0;
	}
	closedir(d);
	report(me && self_link, "/proc lists this process and self");
	d = opendir("/proc/self/fd");
	int n = 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	report(n >= 4, "/proc/self/fd lists what is open");
	closedir(d);
}

int main(void)
{
	self();
	io_counts();
	maps();
	resident();
	machine();
	devices();
	listing();
	return report_summary();
}
