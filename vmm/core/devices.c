/* SPDX-License-Identifier: MIT */
#include "vmm/core/devices.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/log.h"
#include "vmm/dev/fs.h"
#include "vmm/dev/net.h"
#include "vmm/dev/stdio.h"
#include "vmm/load/boot.h"

/*
 * The host's own system folders do not change while a program runs (an upgrade is the exception: docs/caveats.md), so
 * the kernel may keep what it knows of them. Other folders are the user's and may change at any time.
 */
static bool is_system(const char *host)
{
	static const char *const stable[] = {"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc"};

	for (unsigned i = 0; i < ARRAY_SIZE(stable); i++) {
		size_t n = strlen(stable[i]);

		if (strncmp(host, stable[i], n) == 0 && (host[n] == '\0' || host[n] == '/'))
			return true;
	}
	return false;
}

/* The kernel itself looks for the places of its mounts, and for the files that it makes. */
static void tell_missed(struct vm *vm, const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (unsigned i = 0; i < vm->opt->nr_mounts; i++)
		if (strcmp(vm->opt->mounts[i].guest, path) == 0)
			return;
	if (strcmp(path, "/etc/hostname") != 0 && strcmp(path, "/etc/hosts") != 0)
		log_error("the program looked for %s, which the VM does not get; -v %s:%s:ro shares it", path, path,
			  path);
}

/* Tells the kernel about each mount and link, and the file server about each share. */
static int describe_mounts(struct vm *vm, struct fs_share *shares, unsigned *nr_shares)
{
	struct cay_boot_info *bi = vm->boot_info;

	for (unsigned i = 0; i < vm->opt->nr_mounts; i++) {
		const struct run_mount *m = &vm->opt->mounts[i];
		struct cay_mount_info *out = &bi->mounts[i];

		out->guest_path = boot_string_add(vm, m->guest);
		if (out->guest_path == 0)
			return -ENAMETOOLONG;
		if (m->host == NULL) {
			out->flags = CAY_MOUNT_LINK;
			out->share = boot_string_add(vm, m->link);
			continue;
		}
		out->flags = m->flags;
		out->share = *nr_shares;
		shares[(*nr_shares)++] = (struct fs_share){
			.host_path = m->host,
			.only = m->only,
			.missed = vm->opt->verbosity > 0 ? tell_missed : NULL,
			.flags = (m->flags != 0 ? FS_SHARE_RDONLY : 0) |
				 (m->flags != 0 && is_system(m->host) ? FS_SHARE_STABLE : 0),
		};
	}
	bi->nr_mounts = vm->opt->nr_mounts;
	return 0;
}

static int create_fs(struct vm *vm)
{
	struct fs_share shares[CAY_MOUNTS_MAX];
	unsigned nr = 0, bad;
	int err = describe_mounts(vm, shares, &nr);

	if (err != 0 || nr == 0)
		return err;
	err = fs_device_create(shares, nr, &vm->fs, &bad);
	if (err != 0) {
		log_error("cannot share %s: %s", bad < nr ? shares[bad].host_path : "host folders", strerror(-err));
		return err;
	}
	return fs_attach(vm->fs, vm);
}

int devices_create(struct vm *vm)
{
	int err = create_fs(vm);

	if (err == 0)
		err = stdio_create(vm);
	if (err == 0 && vm->net != NULL)
		err = net_attach(vm->net, vm);
	return err;
}

void devices_destroy(struct vm *vm)
{
	if (vm->stdio != NULL)
		stdio_destroy(vm);
	if (vm->fs != NULL)
		fs_device_destroy(vm->fs);
}
