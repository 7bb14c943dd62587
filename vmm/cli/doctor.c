/* SPDX-License-Identifier: MIT */
/*
 * doctor.c - a list of checks, each with a verdict, what was found, and the exact repair. Nothing is changed, and all
 * checks are made even after one failed, so that one run tells everything.
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
#include "vmm/cli/json.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/version.h"

enum verdict { GOOD, POOR, BAD }; /* works; works less well; does not work */

struct check {
	const char *name;
	enum verdict verdict;
	char found[256];
	char fix[256]; /* empty = nothing to do */
};

#define CHECKS_MAX 16
struct report {
	struct check checks[CHECKS_MAX];
	unsigned nr;
	struct kvm_probe kvm;
};

static struct check *found(struct report *r, const char *name, enum verdict verdict, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static struct check *found(struct report *r, const char *name, enum verdict verdict, const char *fmt, ...)
{
	struct check *c = &r->checks[r->nr++];
	va_list ap;

	*c = (struct check){.name = name, .verdict = verdict};
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

static enum verdict worst(const struct report *r)
{
	enum verdict v = GOOD;

	for (unsigned i = 0; i < r->nr; i++)
		v = MAX(v, r->checks[i].verdict);
	return v;
}

static const char *conclusion(const struct report *r)
{
	if (worst(r) == BAD)
		return "KVM does not work: repair what is marked above, or use --backend process, which needs no KVM";
	return "backend kvm works here";
}

static void print_text(const struct report *r)
{
	static const char *const marks[] = {[GOOD] = "ok", [POOR] = "poor", [BAD] = "BAD"};

	for (unsigned i = 0; i < r->nr; i++) {
		const struct check *c = &r->checks[i];

		printf("%-4s  %-14s  %s\n", marks[c->verdict], c->name, c->found);
		if (c->fix[0])
			printf("      %-14s  to do: %s\n", "", c->fix);
	}
	printf("%s\n", conclusion(r));
}

static void print_json(const struct report *r)
{
	static const char *const words[] = {[GOOD] = "ok", [POOR] = "poor", [BAD] = "bad"};

	printf("{\"usable\": %s, \"backend\": %s, \"checks\": [", worst(r) == BAD ? "false" : "true",
	       worst(r) == BAD ? "null" : "\"kvm\"");
	for (unsigned i = 0; i < r->nr; i++) {
		const struct check *c = &r->checks[i];

		printf("%s\n  {\"name\": ", i ? "," : "");
		json_string(stdout, c->name);
		printf(", \"verdict\": \"%s\", \"found\": ", words[c->verdict]);
		json_string(stdout, c->found);
		printf(", \"fix\": ");
		json_string(stdout, c->fix);
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
	check_kvm(&r);
	check_memory(&r);
	check_huge_pages(&r);
	check_sandbox(&r);
	if (json)
		print_json(&r);
	else
		print_text(&r);
	return worst(&r) == BAD;
}
