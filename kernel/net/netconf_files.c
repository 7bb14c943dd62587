/* SPDX-License-Identifier: MIT */
/*
 * netconf_files.c - /etc/resolv.conf as the VM's own configuration says. A file of ours is mounted over whatever the
 * root has there, because the host's name servers need not be reachable from a VM, and the file may be the host's own.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <sys/stat.h>

#include "kernel/fs/dirops.h"
#include "kernel/fs/pseudo.h"
#include "kernel/log.h"
#include "kernel/net/netconf.h"
#include "lib/fmt.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define PSEUDO_DEV  29 /* st_dev of the file */

/* RFC 5952 would shorten; resolvers take all eight groups as well. */
static void print_addr(struct text *t, const struct ipaddr *a)
{
	if (ipaddr_is_v4(a)) {
		text_printf(t, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
		return;
	}
	for (unsigned i = 0; i < 16; i += 2)
		text_printf(t, "%s%x", i == 0 ? "" : ":", a->b[i] << 8 | a->b[i + 1]);
}

static int show_resolv(uint64_t id, struct text *t)
{
	const struct ipaddr *server;

	(void)id;
	for (unsigned i = 0; (server = netconf_dns(i)) != NULL; i++) {
		text_puts(t, "nameserver ");
		print_addr(t, server);
		text_puts(t, "\n");
	}
	if (netconf_dns(0) == NULL)
		text_puts(t, "# no name server is known\n");
	return 0;
}

static const struct pseudo_node resolv = {.name = "resolv.conf", .mode = S_IFREG | 0644, .show = show_resolv};

void netconf_mount_files(void)
{
	struct superblock *sb = pseudo_create("proc", PSEUDO_DEV, &resolv, true);
	struct path there;
	int err = sb != NULL ? vfs_lookup(AT_FDCWD, RESOLV_CONF, LOOKUP_FOLLOW, &there) : -ENOMEM;

	if (err == 0)
		path_put(&there);
	else if (err == -ENOENT)
		err = vfs_mknod(AT_FDCWD, RESOLV_CONF, S_IFREG | 0644, 0);
	if (err == 0)
		err = vfs_mount(sb, RESOLV_CONF, 0);
	if (err != 0)
		kverbose("network: no " RESOLV_CONF " (error %d): names will not be found", -err);
}
