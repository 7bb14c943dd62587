/* SPDX-License-Identifier: MIT */
/*
 * hosts_file.h - the VM's /etc/hosts: the host's, and the VM's own name. Without it programs that look their own name
 * up fail: Java's InetAddress.getLocalHost, Python's socket.gethostbyname(socket.gethostname()).
 */
#ifndef CAY_VMM_CLI_HOSTS_FILE_H
#define CAY_VMM_CLI_HOSTS_FILE_H

struct pool;

/* It has to fit boot info beside other strings; a longer file is shared as it is. */
#define HOSTS_FILE_BYTES_MAX 2048

/* "" where the host's file is too long or cannot be read. Allocated in pool. */
const char *hosts_file_text(struct pool *pool, const char *hostname);

#endif
