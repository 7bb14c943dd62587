/* SPDX-License-Identifier: MIT */
/* proc_net_unix.c - /proc/net/unix: see proc(5). */
#include <linux/net.h>
#include <sys/socket.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/net/unix.h"

#define FLAG_LISTENS (1u << 16) /* __SO_ACCEPTCON */
#define LISTENS      10u

static void put(struct unix_sock *u, void *arg)
{
	struct text *t = arg;
	struct unix_view v;

	unix_look(u, &v);
	text_printf(t, "0000000000000000: %08X 00000000 %08X %04X %02X %5lu", v.refs,
		    v.state == LISTENS ? FLAG_LISTENS : 0u, (unsigned)v.type,
		    v.state == 1 ? SS_CONNECTED : SS_UNCONNECTED, v.ino);
	for (unsigned i = 0; i < v.name_bytes; i++) {
		/* Abstract names begin with a zero, which is shown as '@', as others in them; a path's end is not
		 * shown. */
		if (v.name[i] == '\0' && i > 0 && i + 1 == v.name_bytes && v.name[0] != '\0')
			break;
		text_printf(t, "%s%c", i == 0 ? " " : "", v.name[i] == '\0' ? '@' : v.name[i]);
	}
	text_puts(t, "\n");
}

int proc_show_unix(uint64_t id, struct text *t)
{
	(void)id;
	text_puts(t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	unix_for_each(put, t);
	return 0;
}
