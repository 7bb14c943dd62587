/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fs.c - a hostile guest's FUSE requests against the file server on a temporary folder.
 * Input: records of opcode, node, split, length, arguments. Numbers of nodes and handles are made likely to exist,
 * names are the input's own. A file outside the share must stay as it was, and unseen.
 */
// SOURCES: vmm/core/window.c vmm/dev/fs.c vmm/dev/fs_wire.c vmm/dev/fs_node.c vmm/dev/fs_node_fd.c vmm/dev/fs_open.c vmm/dev/fs_entry.c vmm/dev/fs_name.c vmm/dev/fs_file.c vmm/dev/fs_dir.c vmm/dev/fs_attr.c vmm/dev/fs_xattr.c
// LIBS: -lpthread
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/dev/fs.h"

#define SECRET "cay-fuzz-secret"

static char top[] = "/tmp/cay-fuzz-fs-XXXXXX";
static char share_path[64], secret_path[64];

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static void remove_tree(void)
{
	char command[96];

	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", top, top);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", top);
}

static void prepare(void)
{
	struct rlimit small = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20}; /* FALLOCATE shall not fill the disk */
	char path[96];

	setrlimit(RLIMIT_FSIZE, &small);
	signal(SIGXFSZ, SIG_IGN);
	if (mkdtemp(top) == NULL)
		abort();
	atexit(remove_tree);
	snprintf(secret_path, sizeof(secret_path), "%s/s", top);
	put_file(secret_path, SECRET);
	snprintf(share_path, sizeof(share_path), "%s/share", top);
	mkdir(share_path, 0700);
	snprintf(path, sizeof(path), "%s/d", share_path);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/f", share_path);
	put_file(path, "data");
	snprintf(path, sizeof(path), "%s/l", share_path);
	if (symlink("../s", path) != 0)
		abort();
}

static void check_secret(void)
{
	char text[64] = "";
	int fd = open(secret_path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) != (ssize_t)strlen(SECRET) || strcmp(text, SECRET) != 0)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fs_share shares[2] = {{.host_path = share_path},
					    {.host_path = share_path, .flags = FS_SHARE_RDONLY}};
	struct fs_device *dev;
	unsigned bad;

	if (share_path[0] == '\0')
		prepare();
	if (fs_device_create(shares, 2, &dev, &bad) != 0)
		abort();
	for (unsigned n = 0; size >= 6 && n < 200; n++) {
		size_t bytes = data[4] < size - 6 ? data[4] : size - 6, cut = data[2];
		struct fuse_in_header h = {.len = (uint32_t)(sizeof(h) + bytes), .opcode = data[0] % 64};
		uint8_t *request = malloc(sizeof(h) + bytes), *room;

		/* Small numbers are roots; others get the generation they would have. */
		h.nodeid = data[1] < 4 ? data[1] : (uint64_t)(data[1] - 3) << 32 | (data[3] % 16);
		memcpy(request, &h, sizeof(h));
		memcpy(request + sizeof(h), data + 6, bytes);
		cut = cut < sizeof(h) + bytes ? cut : sizeof(h) + bytes;
		room = malloc(data[5] * 32u + 1);
		struct virtq_host_seg in[2] = {{request, (uint32_t)cut},
					       {request + cut, (uint32_t)(sizeof(h) + bytes - cut)}};
		struct virtq_host_seg out = {room, data[5] * 32u};
		size_t got = fs_handle(dev, in, 2, &out, 1);

		if (got > out.bytes)
			abort();
		if (memmem(room, got, SECRET, strlen(SECRET)) != NULL)
			abort();
		free(room);
		free(request);
		data += 6 + bytes;
		size -= 6 + bytes;
	}
	fs_device_destroy(dev);
	check_secret();
	return 0;
}
