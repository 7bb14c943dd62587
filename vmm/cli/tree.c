/* SPDX-License-Identifier: MIT */
/* tree.c - building the list of mounts. */
#include "vmm/cli/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cli/etc_list.h"
#include "vmm/cli/hosts_file.h"
#include "vmm/cli/say.h"

/* On a merged-usr host all but the first are symbolic links, and the guest gets the same links. */
static const char *const system_folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};

/* Folders of /etc that are shared only in part. */
static const char *const ssl_list[] = {"certs", "openssl.cnf", "cert.pem", NULL};
static const char *const pki_list[] = {"ca-trust", NULL};

static const char *const private_folders[] = {"/etc", "/proc", "/sys", "/dev", "/run", "/boot"};

char *path_join(struct pool *pool, const char *dir, const char *path)
{
	char *out = path[0] == '/' ? pool_printf(pool, "%s", path) : pool_printf(pool, "%s/%s", dir, path);
	char *to = out;

	/* Each round handles one component; `to` never passes the reader, because what is written is never longer. */
	for (const char *p = out; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (to > out && *--to != '/')
				;
		} else if (len && !(len == 1 && p[0] == '.')) {
			*to++ = '/';
			memmove(to, p, len);
			to += len;
		}
		p += len;
	}
	if (to == out)
		*to++ = '/';
	*to = '\0';
	return out;
}

bool path_is_under(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool tree_is_private(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(private_folders); i++)
		if (path_is_under(path, private_folders[i]))
			return true;
	return false;
}

static struct run_mount *mount_at(struct run_options *opt, const char *guest)
{
	for (unsigned i = 0; i < opt->nr_mounts; i++)
		if (strcmp(opt->mounts[i].guest, guest) == 0)
			return &opt->mounts[i];
	return NULL;
}

/* A later mount at the same place replaces an earlier one. */
static int add_mount(struct run_options *opt, struct run_mount m)
{
	struct run_mount *old = mount_at(opt, m.guest);

	if (old) {
		*old = m;
		return 0;
	}
	if (opt->nr_mounts == RUN_MOUNTS_MAX) {
		say_error("too many mounts: at most %d, the system folders included; share a folder further up instead",
			  RUN_MOUNTS_MAX);
		return RUN_EXIT_OURS;
	}
	opt->mounts[opt->nr_mounts++] = m;
	return 0;
}

/* The mount that a guest path falls into: the deepest. */
static struct run_mount *mount_over(struct run_options *opt, const char *guest)
{
	struct run_mount *best = NULL;

	for (unsigned i = 0; i < opt->nr_mounts; i++) {
		struct run_mount *m = &opt->mounts[i];

		if (path_is_under(guest, m->guest) && (!best || strlen(m->guest) > strlen(best->guest)))
			best = m;
	}
	return best;
}

static bool listed(const char *const *only, const char *rest)
{
	size_t len = strcspn(rest, "/");

	for (; *only; only++)
		if (strlen(*only) == len && memcmp(*only, rest, len) == 0)
			return true;
	return false;
}

const char *tree_to_host(struct run_options *opt, const char *guest)
{
	char *path = path_join(&opt->pool, "/", guest);

	/* A link leads to another place of the tree; there are at most as many links as mounts. */
	for (unsigned hops = 0; hops <= RUN_MOUNTS_MAX; hops++) {
		struct run_mount *m = mount_over(opt, path);

		if (!m)
			return NULL;
		const char *rest = path + (strlen(m->guest) == 1 ? 0 : strlen(m->guest));

		if (m->link) {
			char *dir = path_join(&opt->pool, m->guest, "..");

			path = path_join(&opt->pool, path_join(&opt->pool, dir, m->link),
					 pool_printf(&opt->pool, "./%s", rest));
			path = path_join(&opt->pool, "/", path);
			continue;
		}
		if (m->only && rest[0] && !listed(m->only, rest + 1))
			return NULL;
		return rest[0] ? path_join(&opt->pool, "/", pool_printf(&opt->pool, "%s%s", m->host, rest)) : m->host;
	}
	return NULL;
}

bool tree_shows(struct run_options *opt, const char *path)
{
	const char *host = tree_to_host(opt, path);
	char *folded = path_join(&opt->pool, "/", path);
	bool same;

	if (!host)
		return false;
	if (strcmp(host, folded) == 0)
		return true;
	/* /bin/x shows as /usr/bin/x where /bin is a link: the same file by another name. */
	char *a = realpath(host, NULL), *b = realpath(folded, NULL);

	same = a && b && strcmp(a, b) == 0;
	free(a);
	free(b);
	return same;
}

static int add_system_folder(struct run_options *opt, const char *path)
{
	struct stat st;
	char target[PATH_MAX];

	if (lstat(path, &st) != 0)
		return 0; /* a host without it is a guest without it */
	if (S_ISLNK(st.st_mode)) {
		ssize_t len = readlink(path, target, sizeof(target) - 1);

		if (len <= 0)
			return 0;
		return add_mount(opt, (struct run_mount){.guest = path,
							 .link = pool_strndup(&opt->pool, target, (size_t)len),
							 .flags = CAY_MOUNT_LINK});
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	return add_mount(opt, (struct run_mount){.guest = path, .host = path, .flags = CAY_MOUNT_OVERLAY});
}

static int add_part(struct run_options *opt, const char *path, const char *const *only)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return add_mount(opt,
			 (struct run_mount){.guest = path, .host = path, .flags = CAY_MOUNT_OVERLAY, .only = only});
}

static int add_default_root(struct run_options *opt)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < ARRAY_SIZE(system_folders); i++)
		status = add_system_folder(opt, system_folders[i]);
	if (status == 0)
		status = add_part(opt, "/etc", etc_list);
	if (status == 0)
		status = add_part(opt, "/etc/ssl", ssl_list);
	if (status == 0)
		status = add_part(opt, "/etc/pki", pki_list);
	return status;
}

static int add_root(struct run_options *opt)
{
	struct stat st;
	char *host = realpath(opt->root, NULL);

	if (!host || stat(host, &st) != 0) {
		say_error("--root %s: %s", opt->root, strerror(errno));
		free(host);
		return RUN_EXIT_OURS;
	}
	opt->root = pool_strdup(&opt->pool, host);
	free(host);
	if (!S_ISDIR(st.st_mode)) {
		say_error("--root %s is not a folder", opt->root);
		return RUN_EXIT_OURS;
	}
	return add_mount(opt, (struct run_mount){.guest = "/", .host = opt->root, .flags = CAY_MOUNT_OVERLAY});
}

/* What the default root has below guest goes with what it has there: /etc/ssl with /etc. */
static void drop_parts(struct run_options *opt, const char *guest)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < opt->nr_mounts; i++) {
		const struct run_mount *m = &opt->mounts[i];

		if (!(m->flags & CAY_MOUNT_OVERLAY) || strcmp(m->guest, "/") == 0 || !path_is_under(m->guest, guest))
			opt->mounts[nr++] = *m;
	}
	opt->nr_mounts = nr;
}

/* HOST:GUEST[:ro]; HOST may be relative to the current folder. */
static int add_volume(struct run_options *opt, const char *spec)
{
	size_t host_len = strcspn(spec, ":");
	const char *guest = spec + host_len + 1; /* the colon is there: run_options_parse looked */
	size_t guest_len = strcspn(guest, ":");
	const char *mode = guest[guest_len] ? guest + guest_len + 1 : "rw";
	char *host = pool_strndup(&opt->pool, spec, host_len), *real;
	struct run_mount m = {.flags = strcmp(mode, "ro") == 0 ? CAY_MOUNT_RDONLY : 0};

	if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0) {
		say_error("-v %s: '%s' is neither ro nor rw", spec, mode);
		return RUN_EXIT_OURS;
	}
	if (guest_len == 0 || guest[0] != '/') {
		say_error("-v %s: the place in the guest must be an absolute path", spec);
		return RUN_EXIT_OURS;
	}
	m.guest = path_join(&opt->pool, "/", pool_strndup(&opt->pool, guest, guest_len));
	if (strcmp(m.guest, "/") == 0) {
		say_error("-v %s: to replace the whole root use --root %s", spec, host_len ? host : "DIR");
		return RUN_EXIT_OURS;
	}
	real = realpath(host_len ? host : "?", NULL);
	if (!real) {
		say_error("-v %s: host path '%s': %s", spec, host, host_len ? strerror(errno) : "is empty");
		return RUN_EXIT_OURS;
	}
	m.host = pool_strdup(&opt->pool, real);
	free(real);
	drop_parts(opt, m.guest);
	return add_mount(opt, m);
}

int tree_share(struct run_options *opt, const char *host)
{
	char *real = realpath(host, NULL);
	struct run_mount m = {.guest = path_join(&opt->pool, "/", host), .flags = CAY_MOUNT_OVERLAY};

	if (!real) {
		say_error("cannot share %s: %s", host, strerror(errno));
		return RUN_EXIT_OURS;
	}
	m.host = pool_strdup(&opt->pool, real);
	free(real);
	return add_mount(opt, m);
}

/* The folder the user stands in, shown unless it is private or a mount has it already. */
static int add_current_folder(struct run_options *opt)
{
	char *here = getcwd(NULL, 0);
	int status = 0;

	if (!here) {
		say_error("the current folder: %s; cd to a folder that exists", strerror(errno));
		return RUN_EXIT_OURS;
	}
	char *cwd = pool_strdup(&opt->pool, here);

	free(here);
	opt->cwd = opt->root ? path_join(&opt->pool, "/", opt->req.workdir ? opt->req.workdir : "/")
			     : path_join(&opt->pool, cwd, opt->req.workdir ? opt->req.workdir : ".");
	if (!opt->root && !tree_is_private(cwd) && !mount_over(opt, cwd))
		status = tree_share(opt, cwd);
	return status;
}

/* Where /etc is the host's, in a layer of memory, its hosts file becomes one with the VM's name. The host's is hidden,
 * so that the kernel, which makes it, need not ask for what it replaces. */
static void add_hosts(struct run_options *opt)
{
	struct run_mount *etc = opt->root ? NULL : mount_over(opt, "/etc/hosts");

	opt->hosts = "";
	if (etc == NULL || strcmp(etc->guest, "/etc") != 0 || !(etc->flags & CAY_MOUNT_OVERLAY))
		return;
	opt->hosts = hosts_file_text(&opt->pool, opt->hostname);
	if (opt->hosts[0] != '\0')
		etc->only = ETC_LIST_WITHOUT_HOSTS;
}

int tree_build(struct run_options *opt)
{
	int status = opt->root ? add_root(opt) : add_default_root(opt);

	for (unsigned i = 0; status == 0 && i < opt->req.nr_volumes; i++)
		status = add_volume(opt, opt->req.volumes[i]);
	add_hosts(opt);
	return status ? status : add_current_folder(opt);
}

static int by_guest_path(const void *a, const void *b)
{
	const struct run_mount *x = a, *y = b;

	return strcmp(x->guest, y->guest); /* a folder's path is a prefix of its content's, so it sorts first */
}

void tree_sort(struct run_options *opt)
{
	qsort(opt->mounts, opt->nr_mounts, sizeof(opt->mounts[0]), by_guest_path);
}
