/* SPDX-License-Identifier: MIT */
/*
 * doctor.c - a list of checks, each with a verdict, what was found, and the exact repair; some are about every backend,
 * some about one. Nothing is changed, and all checks are made even after one failed, so that one run tells everything.
 */
#include "vmm/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "vmm/backend/kvm/kvm_probe.h"
#include "vmm/backend/process/process_probe.h"
#include "vmm/cli/json.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/version.h"

enum verdict { GOOD, POOR, BAD }; /* works; works less well; does not work */

/* What a check is about: every backend, or one. */
enum part { PART_ALL, PART_KVM, PART_PROCESS };

struct check {
	enum part part;
	const char *name;
	enum verdict verdict;
	char found[256];
	char fix[256]; /* empty = nothing to do */
};

#define CHECKS_MAX 24
struct report {
	struct check checks[CHECKS_MAX];
	unsigned nr;
	enum part part; /* of the checks being made */
	struct kvm_probe kvm;
	struct process_probe process;
};

static struct check *found(struct report *r, const char *name, enum verdict verdict, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static struct check *found(struct report *r, const char *name, enum verdict verdict, const char *fmt, ...)
{
	struct check *c = &r->checks[r->nr++];
	va_list ap;

	*c = (struct check){.part = r->part, .name = name, .verdict = verdict};
	va_start(ap, fmt);
	vsnprintf(c->found, sizeof(c->found), fmt, ap);
	va_end(ap);
	return c;
}

static void fix(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void fix(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->fix, sizeof(c->fix), fmt, ap);
	va_end(ap);
}

/* First bytes of a small file, without the newline; empty if there is none. */
static void read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[len > 0 ? len : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static bool in_file(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[4096];
	bool hit = false;

	while (f && !hit && fgets(line, sizeof(line), f))
		hit = strstr(line, word) != NULL;
	if (f)
		fclose(f);
	return hit;
}

static void check_kernel(struct report *r)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return;
	if (strcmp(u.machine, "x86_64") != 0)
		fix(found(r, "host", BAD, "Linux %s on %s", u.release, u.machine), "use an x86-64 machine");
	else if (major < 5 || (major == 5 && minor < 11))
		fix(found(r, "host", BAD, "Linux %s", u.release), "use Linux 5.11 or later");
	else
		found(r, "host", GOOD, "Linux %s, %ld CPUs", u.release, sysconf(_SC_NPROCESSORS_ONLN));
}

static void check_kvm_missing(struct report *r)
{
	bool vmx = in_file("/proc/cpuinfo", " vmx"), svm = in_file("/proc/cpuinfo", " svm");
	struct check *c = found(r, "/dev/kvm", BAD, "is not there; the processor %s",
				vmx   ? "has VT-x"
				: svm ? "has AMD-V"
				      : "shows no VT-x or AMD-V");

	if (vmx || svm)
		fix(c, "sudo modprobe %s", vmx ? "kvm_intel" : "kvm_amd");
	else
		fix(c, "enable virtualization in the firmware, or nested virtualization for this VM; in a container "
		       "add --device /dev/kvm");
}

static void check_kvm(struct report *r)
{
	static const char *const kinds[] = {[KVM_KIND_VTX] = "VT-x",
					    [KVM_KIND_AMDV] = "AMD-V",
					    [KVM_KIND_SOFTWARE] = "no VT-x or AMD-V: a KVM in software, such as PVM"};
	struct kvm_probe *k = &r->kvm;

	kvm_probe(k);
	if (k->open_error == ENOENT || k->open_error == ENODEV || k->open_error == ENXIO) {
		check_kvm_missing(r);
		return;
	}
	if (k->open_error == EACCES || k->open_error == EPERM) {
		fix(found(r, "/dev/kvm", BAD, "is there, but user %u may not open it", getuid()),
		    "sudo usermod -aG kvm $USER, then log in again (or for now: sudo setfacl -m u:$USER:rw /dev/kvm)");
		return;
	}
	if (k->open_error) {
		found(r, "/dev/kvm", BAD, "cannot be opened: %s", strerror(k->open_error));
		return;
	}
	found(r, "/dev/kvm", k->create_error ? BAD : GOOD, "%s%s",
	      k->create_error ? "opens, but makes no VM: " : "opens and makes a VM",
	      k->create_error ? strerror(k->create_error) : "");
	found(r, "kind of KVM", GOOD, "%s%s", kinds[k->kind],
	      k->kind == KVM_KIND_SOFTWARE ? "; an exit costs about 20 us there (1-2 us with VT-x)" : "");
	if (k->api_version == 12)
		found(r, "KVM API", GOOD, "version 12");
	else
		fix(found(r, "KVM API", BAD, "version %d, not 12", k->api_version),
		    "see that /dev/kvm is the device: ls -l /dev/kvm");
	for (unsigned i = 0; k->api_version == 12 && i < KVM_PROBE_CAPS; i++)
		if (!k->caps[i].present)
			fix(found(r, "KVM capability", BAD, "%s is missing", k->caps[i].name), "use a newer Linux");
}

static void check_memory(struct report *r)
{
	char line[256];
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	if (kib < 64 * 1024)
		fix(found(r, "memory", POOR, "%lu MiB available", kib / 1024), "give VMs little memory: -m 32M");
	else
		found(r, "memory", GOOD, "%lu MiB available", kib / 1024);
}

static void check_huge_pages(struct report *r)
{
	char line[128];

	read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line));
	if (strstr(line, "[never]") || !line[0])
		fix(found(r, "huge pages", POOR, "transparent huge pages are off: guest memory is slower to touch"),
		    "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
	else
		found(r, "huge pages", GOOD, "transparent huge pages: %s", line);
}

static void check_sandbox(struct report *r)
{
	long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* LANDLOCK_CREATE_RULESET_VERSION */);

	/* EFAULT: the kernel knows filters and looked for one at address 0. */
	if (prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, 0, 0, 0) == -1 && errno == EFAULT)
		found(r, "seccomp", GOOD, "filters are available");
	else
		fix(found(r, "seccomp", BAD, "filters are not available"), "use a kernel with CONFIG_SECCOMP_FILTER");
	if (landlock > 0)
		found(r, "landlock", GOOD, "version %ld", landlock);
	else
		fix(found(r, "landlock", POOR,
			  "is not available: the file server's own checks alone keep it inside the shared folders"),
		    "add landlock to the kernel's lsm= list");
}

static void check_process(struct report *r)
{
	struct process_probe *p = &r->process;

	process_probe(p);
	if (p->memory_error)
		found(r, "shared memory", BAD, "memfd_create: %s", strerror(p->memory_error));
	else if (p->exec_error)
		fix(found(r, "shared memory", BAD, "may not hold code: %s", strerror(p->exec_error)),
		    "sudo sysctl vm.memfd_noexec=0");
	else
		found(r, "shared memory", GOOD, "by descriptor, with code");
	if (!p->fsgsbase)
		fix(found(r, "fsgsbase", BAD, "the kernel does not let programs set their FS and GS base"),
		    "use Linux 5.9 or later on a processor of 2013 or later, without nofsgsbase on its command line");
	if (p->namespaces_error)
		fix(found(r, "namespaces", POOR, "not permitted (%s): the guest's process has one wall less",
			  strerror(p->namespaces_error)),
		    "permit user namespaces, or go without: the system call filter is the wall");
	else
		found(r, "namespaces", GOOD, "the guest's process gets its own");
	if (p->max_map_count && p->max_map_count < 65530)
		fix(found(r, "mappings", POOR, "%lu per process: programs with many mappings run slower",
			  p->max_map_count),
		    "sudo sysctl vm.max_map_count=65530");
}

static enum verdict worst(const struct report *r, enum part part)
{
	enum verdict v = GOOD;

	for (unsigned i = 0; i < r->nr; i++)
		if (r->checks[i].part == part)
			v = MAX(v, r->checks[i].verdict);
	return v;
}

static bool works(const struct report *r, enum part part)
{
	return worst(r, PART_ALL) != BAD && worst(r, part) != BAD;
}

/* NULL: none. As vm_run chooses for --backend auto. */
static const char *chosen(const struct report *r)
{
	return works(r, PART_KVM) ? "kvm" : works(r, PART_PROCESS) ? "process" : NULL;
}

static const char *conclusion(const struct report *r)
{
	if (works(r, PART_KVM))
		return works(r, PART_PROCESS)
			       ? "cay run uses the backend kvm, because it works here; --backend process works too"
			       : "cay run uses the backend kvm, because it works here; --backend process does not";
	if (works(r, PART_PROCESS))
		return "cay run uses the backend process, because /dev/kvm does not work here; for --backend kvm "
		       "do what is said there";
	return "no backend works: do what is said above";
}

static void print_text(const struct report *r)
{
	static const char *const marks[] = {[GOOD] = "ok", [POOR] = "poor", [BAD] = "BAD"};
	static const char *const titles[] = {
		[PART_ALL] = "This machine", [PART_KVM] = "Backend kvm", [PART_PROCESS] = "Backend process"};

	for (unsigned i = 0; i < r->nr; i++) {
		const struct check *c = &r->checks[i];

		if (i == 0 || c->part != r->checks[i - 1].part)
			printf("%s\n", titles[c->part]);
		printf("  %-4s  %-14s  %s\n", marks[c->verdict], c->name, c->found);
		if (c->fix[0])
			printf("        %-14s  to do: %s\n", "", c->fix);
	}
	printf("%s\n", conclusion(r));
}

static void print_json(const struct report *r)
{
	static const char *const words[] = {[GOOD] = "ok", [POOR] = "poor", [BAD] = "bad"};
	static const char *const parts[] = {[PART_ALL] = "all", [PART_KVM] = "kvm", [PART_PROCESS] = "process"};
	const char *backend = chosen(r);

	printf("{\"usable\": %s, \"backend\": ", backend ? "true" : "false");
	if (backend)
		print_json_string(stdout, backend);
	else
		printf("null");
	printf(", \"backends\": {\"kvm\": %s, \"process\": %s}, \"checks\": [", works(r, PART_KVM) ? "true" : "false",
	       works(r, PART_PROCESS) ? "true" : "false");
	for (unsigned i = 0; i < r->nr; i++) {
		const struct check *c = &r->checks[i];

		printf("%s\n  {\"name\": ", i ? "," : "");
		print_json_string(stdout, c->name);
		printf(", \"backend\": \"%s\", \"verdict\": \"%s\", \"found\": ", parts[c->part], words[c->verdict]);
		print_json_string(stdout, c->found);
		printf(", \"fix\": ");
		print_json_string(stdout, c->fix);
		printf("}");
	}
	printf("\n]}\n");
}

int doctor(int argc, char **argv)
{
	struct report r = {0};
	int json = wants_json(argc, argv);

	if (json < 0)
		return RUN_EXIT_OURS;
	check_kernel(&r);
	check_memory(&r);
	check_sandbox(&r);
	r.part = PART_KVM;
	check_kvm(&r);
	check_huge_pages(&r);
	r.part = PART_PROCESS;
	check_process(&r);
	if (json)
		print_json(&r);
	else
		print_text(&r);
	return chosen(&r) == NULL;
}
