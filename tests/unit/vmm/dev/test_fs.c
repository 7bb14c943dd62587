/* SPDX-License-Identifier: MIT */
/* test_fs.c - the file server against a temporary folder: every operation, hostile requests, and races on the host. */
// SOURCES: vmm/core/window.c vmm/dev/fs.c vmm/dev/fs_wire.c vmm/dev/fs_node.c vmm/dev/fs_node_fd.c vmm/dev/fs_open.c vmm/dev/fs_entry.c vmm/dev/fs_name.c vmm/dev/fs_file.c vmm/dev/fs_dir.c vmm/dev/fs_attr.c vmm/dev/fs_xattr.c
// LIBS: -lpthread
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/hostfs.h"
#include "vmm/dev/fs_client.h"
#include "vmm/dev/fs_priv.h"

#define RW       FUSE_ROOT_ID
#define RO       (FUSE_ROOT_ID + 1)
#define ONE_FILE (FUSE_ROOT_ID + 2)

static char top[] = "/tmp/cay-test-fs-XXXXXX";
static struct fs_client client, *const c = &client;

static char *in_top(const char *name)
{
	static char path[2][512];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_top(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	struct fs_share shares[3] = {{.host_path = top},
				     {.host_path = top, .flags = FS_SHARE_RDONLY | FS_SHARE_STABLE},
				     {.host_path = NULL}};
	static char one[64];
	unsigned bad;

	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(mkdir(in_top("dir"), 0755), 0);
	write_file("dir/hello", "hello, world\n");
	write_file("one", "single\n");
	assert_int_equal(symlink("/etc", in_top("etc")), 0);
	assert_int_equal(mkfifo(in_top("fifo"), 0644), 0);
	snprintf(one, sizeof(one), "%s/one", top);
	shares[2].host_path = one;
	memset(c, 0, sizeof(*c));
	assert_int_equal(fs_device_create(shares, 3, &c->dev, &bad), 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	fs_device_destroy(c->dev);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t must_lookup(uint64_t dir, const char *name)
{
	uint64_t node = 0;

	assert_int_equal(fs_lookup(c, dir, name, &node), 0);
	return node;
}

static void test_bad_share(void **state)
{
	struct fs_share s[2] = {{.host_path = "/"}, {.host_path = "/nonexistent"}};
	struct fs_device *dev;
	unsigned bad;

	(void)state;
	assert_int_equal(fs_device_create(s, 2, &dev, &bad), -ENOENT);
	assert_int_equal(bad, 1);
	s[1].host_path = "/dev/null";
	assert_int_equal(fs_device_create(s, 2, &dev, &bad), -ENOTSUP);
	assert_int_equal(fs_device_create(s, 0, &dev, &bad), -EINVAL);
}

static void test_read(void **state)
{
	uint64_t fh, hello = must_lookup(must_lookup(RO, "dir"), "hello");
	struct fuse_attr a;

	(void)state;
	assert_int_equal(fs_getattr(c, hello, &a), 0);
	assert_int_equal(a.size, 13);
	assert_true(S_ISREG(a.mode));
	assert_int_equal(fs_open(c, FUSE_OPEN, hello, O_RDONLY, &fh), 0);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 7, 100), 0);
	assert_int_equal(fs_payload_bytes(c), 6);
	assert_memory_equal(fs_payload(c), "world\n", 6);
	assert_int_equal(fs_read(c, FUSE_READ, 0, CAY_HOSTFS_FH_LAST, 0, 5), 0);
	assert_memory_equal(fs_payload(c), "hello", 5);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 0, CAY_HOSTFS_MAX_IO + 1), -EINVAL);
	assert_int_equal(fs_release(c, fh), 0);
	assert_int_equal(fs_release(c, fh), -EBADF);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 0, 5), -EBADF);
	assert_int_equal(fs_read(c, FUSE_READ, 0, CAY_HOSTFS_FH_LAST, 0, 5), -EBADF);
	/* A share that is a file. */
	assert_int_equal(fs_open(c, FUSE_OPEN, ONE_FILE, O_RDONLY, &fh), 0);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 0, 100), 0);
	assert_memory_equal(fs_payload(c), "single\n", 7);
	assert_int_equal(fs_lookup(c, ONE_FILE, "x", &hello), -ENOTDIR);
}

static void test_same_inode_same_node(void **state)
{
	uint64_t dir = must_lookup(RW, "dir"), hello = must_lookup(dir, "hello");

	(void)state;
	assert_int_equal(must_lookup(dir, "hello"), hello);
	/* In another share it has that share's rights; each keeps its own number. */
	assert_int_not_equal(must_lookup(must_lookup(RO, "dir"), "hello"), hello);
	assert_int_equal(must_lookup(dir, "hello"), hello);
}

static void test_write(void **state)
{
	struct fuse_mknod_in mk = {.mode = S_IFREG | 0640};
	struct fuse_setattr_in set = {
		.valid = FATTR_SIZE | FATTR_MODE | FATTR_MTIME, .size = 3, .mode = 0600, .mtime = 1000};
	struct fuse_attr a;
	const struct cay_hostfs_write_out *written;
	uint64_t fh, fh2, node;

	(void)state;
	fs_begin(c, FUSE_MKNOD, RW);
	fs_add(c, &mk, sizeof(mk));
	fs_add_name(c, "new");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(fs_send(c), -EEXIST);
	node = must_lookup(RW, "new");
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_RDWR, &fh), 0);
	assert_int_equal(fs_write(c, fh, 0, "abcdef", 6, 0), 0);
	written = fs_payload(c);
	assert_true(written->size == 6 && written->end == 6);
	/* An append through another handle goes behind what this one wrote, and says so; writes at a place go on as
	 * before. */
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_WRONLY, &fh2), 0);
	assert_int_equal(fs_write(c, fh2, 0, "gh", 2, O_APPEND), 0);
	written = fs_payload(c);
	assert_true(written->size == 2 && written->end == 8);
	assert_int_equal(fs_write(c, fh, 1, "b", 1, 0), 0);
	written = fs_payload(c);
	assert_true(written->size == 1 && written->end == 2);
	assert_int_equal(fs_release(c, fh2), 0);
	assert_int_equal(fs_getattr(c, node, &a), 0);
	assert_int_equal(a.size, 8);
	assert_int_equal(a.mode, S_IFREG | 0640);
	fs_begin(c, FUSE_SETATTR, node);
	fs_add(c, &set, sizeof(set));
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(fs_getattr(c, node, &a), 0);
	assert_int_equal(a.size, 3);
	assert_int_equal(a.mode, S_IFREG | 0600);
	assert_int_equal(a.mtime, 1000);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 0, 100), 0);
	assert_memory_equal(fs_payload(c), "abc", 3);
	/* Deleted, it goes on living by its descriptor and by its node. */
	fs_begin(c, FUSE_UNLINK, RW);
	fs_add_name(c, "new");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(fs_getattr(c, node, &a), 0);
	assert_int_equal(a.nlink, 0);
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
}

static void test_create(void **state)
{
	struct fuse_create_in a = {.flags = O_RDWR, .mode = 0400};
	uint64_t fh;

	(void)state;
	fs_begin(c, FUSE_CREATE, RW);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "made");
	assert_int_equal(fs_send(c), 0);
	memcpy(&fh, (char *)fs_payload(c) + sizeof(struct fuse_entry_out), sizeof(fh));
	assert_int_equal(fs_write(c, fh, 0, "abc", 3, 0), 0); /* whatever the mode says of others */
	assert_int_equal(fs_write(c, CAY_HOSTFS_FH_LAST, 0, "abc", 3, 0), 0);
	/* Never what has the name already, be it a symlink or a fifo. */
	static const char *const taken[] = {"made", "etc", "fifo", "dir"};
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
		fs_begin(c, FUSE_CREATE, RW);
		fs_add(c, &a, sizeof(a));
		fs_add_name(c, taken[i]);
		assert_int_equal(fs_send(c), -EEXIST);
	}
	fs_begin(c, FUSE_CREATE, RO);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "new");
	assert_int_equal(fs_send(c), -EROFS);
}

static void test_read_only_share(void **state)
{
	static const uint32_t changes[] = {FUSE_SETATTR, FUSE_SYMLINK,  FUSE_MKNOD,      FUSE_MKDIR,
					   FUSE_UNLINK,  FUSE_RMDIR,    FUSE_RENAME,     FUSE_RENAME2,
					   FUSE_LINK,    FUSE_SETXATTR, FUSE_REMOVEXATTR};
	static const uint8_t zeros[200];
	uint64_t fh, node = must_lookup(must_lookup(RO, "dir"), "hello");

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		fs_begin(c, changes[i], RO);
		fs_add(c, zeros, sizeof(zeros));
		assert_int_equal(fs_send(c), -EROFS);
	}
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_RDWR, &fh), -EROFS);
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_WRONLY, &fh), -EROFS);
	assert_int_equal(fs_open(c, FUSE_OPEN, node, O_RDONLY | O_TRUNC, &fh), 0);
	assert_int_equal(fs_write(c, fh, 0, "x", 1, 0), -EBADF);
	assert_int_equal(fs_read(c, FUSE_READ, 0, fh, 0, 100), 0);
	assert_int_equal(fs_payload_bytes(c), 13); /* not truncated */
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "/", "/etc", "../x", "dir/", "dir/../.."};
	char big[300];
	uint64_t node;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(fs_lookup(c, RW, bad[i], &node), -EINVAL);
	memset(big, 'a', sizeof(big));
	big[256] = '\0';
	assert_int_equal(fs_lookup(c, RW, big, &node), -ENAMETOOLONG);
	fs_begin(c, FUSE_LOOKUP, RW); /* no NUL */
	fs_add(c, "dir", 3);
	assert_int_equal(fs_send(c), -EINVAL);
	fs_begin(c, FUSE_LOOKUP, RW); /* what follows the first NUL is not part of the name */
	fs_add(c, "dir\0/../x", 10);
	assert_int_equal(fs_send(c), 0);
	/* Through a symlink: neither as a folder nor opened. */
	node = must_lookup(RW, "etc");
	assert_int_equal(fs_lookup(c, node, "passwd", &node), -ENOTDIR);
	fs_begin(c, FUSE_READLINK, must_lookup(RW, "etc"));
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(fs_payload_bytes(c), 4);
	assert_memory_equal(fs_payload(c), "/etc", 4);
	assert_int_equal(fs_open(c, FUSE_OPEN, must_lookup(RW, "etc"), O_RDONLY, &node), -ELOOP);
	assert_int_equal(fs_open(c, FUSE_OPENDIR, must_lookup(RW, "etc"), O_RDONLY, &node), -ENOTDIR);
	/* A fifo is shown, not opened (which would block). */
	assert_int_equal(fs_open(c, FUSE_OPEN, must_lookup(RW, "fifo"), O_RDONLY, &node), -ENXIO);
}

static void test_stale_numbers(void **state)
{
	struct fuse_forget_in forget = {.nlookup = UINT64_MAX};
	uint64_t fh, dir = must_lookup(RW, "dir"), hello = must_lookup(dir, "hello");
	struct fuse_attr a;

	(void)state;
	assert_int_equal(fs_getattr(c, 0, &a), -ESTALE);
	assert_int_equal(fs_getattr(c, 1000, &a), -ESTALE);
	assert_int_equal(fs_getattr(c, UINT64_MAX, &a), -ESTALE);
	assert_int_equal(fs_getattr(c, hello ^ 1ull << 40, &a), -ESTALE);
	fs_begin(c, FUSE_FORGET, hello);
	fs_add(c, &forget, sizeof(forget));
	assert_int_equal(fs_send(c), 1); /* no reply */
	assert_int_equal(fs_getattr(c, hello, &a), -ESTALE);
	fs_begin(c, FUSE_FORGET, RW);
	fs_add(c, &forget, sizeof(forget));
	assert_int_equal(fs_send(c), 1);
	assert_int_equal(fs_getattr(c, RW, &a), 0); /* roots stay */
	assert_int_equal(fs_getattr(c, dir, &a), 0);
	/* The name now belongs to another inode. */
	hello = must_lookup(dir, "hello");
	write_file("dir/other", "x");
	assert_int_equal(rename(in_top("dir/other"), in_top("dir/hello")), 0);
	assert_int_equal(fs_getattr(c, hello, &a), -ESTALE);
	assert_int_equal(fs_open(c, FUSE_OPEN, hello, O_RDONLY, &fh), -ESTALE);
	assert_int_not_equal(must_lookup(dir, "hello"), hello);
}

static void forget(uint64_t node)
{
	struct fuse_forget_in a = {.nlookup = UINT64_MAX};

	fs_begin(c, FUSE_FORGET, node);
	fs_add(c, &a, sizeof(a));
	assert_int_equal(fs_send(c), 1); /* no reply */
}

static int rename_to(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, uint32_t flags)
{
	struct fuse_rename2_in a = {.newdir = new_dir, .flags = flags};

	fs_begin(c, FUSE_RENAME2, dir);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, name);
	fs_add_name(c, new_name);
	return fs_send(c);
}

/* A folder that the guest has forgotten lives for the nodes in it only; a request that takes the last away still
 * works on it. */
static void test_folder_goes_with_its_last_node(void **state)
{
	uint64_t dir = must_lookup(RW, "dir"), other;
	struct fuse_attr a;

	(void)state;
	(void)must_lookup(dir, "hello");
	forget(dir);
	fs_begin(c, FUSE_UNLINK, dir);
	fs_add_name(c, "hello");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(access(in_top("dir/hello"), F_OK), -1);
	assert_int_equal(fs_getattr(c, dir, &a), -ESTALE);

	/* The folder that is renamed into. */
	write_file("dir/old", "old");
	dir = must_lookup(RW, "dir");
	(void)must_lookup(dir, "old");
	forget(dir);
	assert_int_equal(rename_to(RW, "one", dir, "old", 0), 0);
	assert_int_equal(access(in_top("one"), F_OK), -1);

	/* Both at once: each loses its only node to the other. */
	assert_int_equal(mkdir(in_top("dir2"), 0755), 0);
	write_file("dir2/x", "x");
	dir = must_lookup(RW, "dir");
	other = must_lookup(RW, "dir2");
	forget(must_lookup(dir, "old"));
	(void)must_lookup(other, "x");
	forget(dir);
	forget(other);
	dir = must_lookup(RW, "dir");
	assert_int_equal(rename_to(other, "x", dir, "old", RENAME_EXCHANGE), 0);
	assert_int_equal(fs_getattr(c, other, &a), -ESTALE);
	assert_int_equal(access(in_top("dir/old"), F_OK), 0);
}

static void test_rename_keeps_nodes(void **state)
{
	uint64_t dir = must_lookup(RW, "dir"), hello = must_lookup(dir, "hello"), fh;
	struct fuse_rename2_in a = {.newdir = RW};
	struct fuse_attr attr;

	(void)state;
	fs_begin(c, FUSE_RENAME2, dir);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "hello");
	fs_add_name(c, "moved");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(fs_getattr(c, hello, &attr), 0);
	assert_int_equal(must_lookup(RW, "moved"), hello);
	assert_int_equal(fs_open(c, FUSE_OPEN, hello, O_RDONLY, &fh), 0);
	/* Over another file, whose node survives without a name. */
	fs_begin(c, FUSE_RENAME2, RW);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "moved");
	fs_add_name(c, "one");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(must_lookup(RW, "one"), hello);
	/* Between shares: no. */
	a.newdir = RO;
	fs_begin(c, FUSE_RENAME2, RW);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "one");
	fs_add_name(c, "two");
	assert_int_equal(fs_send(c), -EXDEV);
}

static void test_link_and_symlink(void **state)
{
	uint64_t dir = must_lookup(RW, "dir"), hello = must_lookup(dir, "hello");
	struct fuse_link_in a = {.oldnodeid = hello};
	struct fuse_attr attr;

	(void)state;
	fs_begin(c, FUSE_LINK, RW);
	fs_add(c, &a, sizeof(a));
	fs_add_name(c, "second");
	assert_int_equal(fs_send(c), 0);
	assert_int_equal(must_lookup(RW, "second"), hello);
	assert_int_equal(fs_getattr(c, hello, &attr), 0);
	assert_int_equal(attr.nlink, 2);
	fs_begin(c, FUSE_SYMLINK, RW);
	fs_add_name(c, "sym");
	fs_add_name(c, "../../anything");
	assert_int_equal(fs_send(c), 0);
	fs_begin(c, FUSE_READLINK, must_lookup(RW, "sym"));
	assert_int_equal(fs_send(c), 0);
	assert_memory_equal(fs_payload(c), "../../anything", 14);
}

/* All names of a folder by way of small replies. */
static unsigned list_all(uint64_t dir, uint32_t opcode, uint32_t bytes, uint64_t *sum)
{
	uint64_t fh, pos = 0;
	unsigned count = 0;

	*sum = 0;
	assert_int_equal(fs_open(c, FUSE_OPENDIR, dir, O_RDONLY, &fh), 0);
	for (;;) {
		uint8_t *p = fs_payload(c);
		size_t at = 0, plus = opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;

		assert_int_equal(fs_read(c, opcode, dir, fh, pos, bytes), 0);
		assert_true(fs_payload_bytes(c) <= bytes);
		if (fs_payload_bytes(c) == 0)
			break;
		while (at < fs_payload_bytes(c)) {
			struct fuse_dirent *d = (void *)(p + at + plus);

			pos = d->off;
			count++;
			*sum += strtoull(d->name[0] == 'f' ? d->name + 1 : "0", NULL, 10);
			at += FUSE_REC_ALIGN(plus + FUSE_NAME_OFFSET + d->namelen);
		}
	}
	assert_int_equal(fs_release(c, fh), 0);
	return count;
}

static void test_readdir(void **state)
{
	uint64_t sum, fh, dir = must_lookup(RW, "dir");
	char name[32];

	(void)state;
	for (unsigned i = 1; i <= 300; i++) {
		snprintf(name, sizeof(name), "dir/f%u", i);
		write_file(name, "");
	}
	assert_int_equal(list_all(dir, FUSE_READDIR, 512, &sum), 303);
	assert_int_equal(sum, 300 * 301 / 2);
	assert_int_equal(list_all(dir, FUSE_READDIRPLUS, 1000, &sum), 303);
	assert_int_equal(sum, 300 * 301 / 2);
	assert_int_equal(list_all(dir, FUSE_READDIRPLUS, 100000, &sum), 303);
	assert_int_equal(fs_open(c, FUSE_OPENDIR, dir, O_RDONLY, &fh), 0);
	assert_int_equal(fs_read(c, FUSE_READDIR, dir, fh, 0, 8), -EINVAL);
	assert_int_equal(fs_read(c, FUSE_READ, dir, fh, 0, 8), -EBADF);
	assert_int_equal(fs_read(c, FUSE_READDIR, RO, fh, 0, 1000), -EBADF);
}

static char missed[64];

static void on_missed(struct vm *vm, const char *host_path, const char *name)
{
	(void)vm;
	assert_string_equal(host_path, top);
	strcat(strcat(missed, name), " ");
}

static void test_only_some_names(void **state)
{
	static const char *const only[] = {"one", "nothing", NULL};
	struct fs_share share = {top, FS_SHARE_RDONLY, only, on_missed};
	uint64_t sum, node;
	unsigned bad;

	(void)state;
	fs_device_destroy(c->dev);
	assert_int_equal(fs_device_create(&share, 1, &c->dev, &bad), 0);
	must_lookup(FUSE_ROOT_ID, "one");
	assert_int_equal(fs_lookup(c, FUSE_ROOT_ID, "dir", &node), -ENOENT);
	assert_int_equal(fs_lookup(c, FUSE_ROOT_ID, "nothing", &node), -ENOENT);
	assert_int_equal(fs_lookup(c, FUSE_ROOT_ID, "dir", &node), -ENOENT);
	assert_int_equal(fs_lookup(c, FUSE_ROOT_ID, "nowhere", &node), -ENOENT);
	assert_string_equal(missed, "dir "); /* once, and only what the host has */
	assert_int_equal(list_all(FUSE_ROOT_ID, FUSE_READDIRPLUS, 10000, &sum), 3);
}

/* More folders than cached descriptors, reached again and again. */
static void test_many_folders(void **state)
{
	uint64_t node[2 * FS_NODE_FDS_MAX], below;
	struct fuse_attr a;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(node); i++) {
		snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(mkdir(in_top(name), 0755), 0);
		strcat(name, "/x");
		write_file(name, "");
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(node); i++) {
			snprintf(name, sizeof(name), "d%u", i);
			node[i] = must_lookup(RW, name);
			below = must_lookup(node[i], "x");
			assert_int_equal(fs_getattr(c, below, &a), 0);
		}
	}
	assert_true(c->dev->nodes.nr_fds <= FS_NODE_FDS_MAX);
}

static void test_deep_path(void **state)
{
	uint64_t node = RW;
	struct fuse_mkdir_in mk = {.mode = 0755};
	struct fuse_attr a;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		fs_begin(c, FUSE_MKDIR, node);
		fs_add(c, &mk, sizeof(mk));
		fs_add_name(c, "d");
		assert_int_equal(fs_send(c), 0);
		node = must_lookup(node, "d");
	}
	must_lookup(RW, "d");
	assert_int_equal(fs_getattr(c, node, &a), 0);
}

static void test_xattrs(void **state)
{
	struct fuse_getxattr_in get = {.size = 100};
	uint64_t hello = must_lookup(must_lookup(RW, "dir"), "hello");
	uint32_t set[2] = {3, 0};

	(void)state;
	fs_begin(c, FUSE_SETXATTR, hello);
	fs_add(c, set, sizeof(set));
	fs_add_name(c, "security.evil");
	fs_add(c, "abc", 3);
	assert_int_equal(fs_send(c), -EOPNOTSUPP);
	fs_begin(c, FUSE_SETXATTR, hello);
	fs_add(c, set, sizeof(set));
	fs_add_name(c, "user.good");
	fs_add(c, "abc", 3);
	if (fs_send(c) == -EOPNOTSUPP) /* /tmp may be a tmpfs without them */
		return;
	fs_begin(c, FUSE_GETXATTR, hello);
	fs_add(c, &get, sizeof(get));
	fs_add_name(c, "user.good");
	assert_int_equal(fs_send(c), 0);
	assert_memory_equal(fs_payload(c), "abc", 3);
	fs_begin(c, FUSE_LISTXATTR, hello);
	fs_add(c, &get, sizeof(get));
	assert_int_equal(fs_send(c), 0);
	assert_memory_equal(fs_payload(c), "user.good", 10);
}

static void test_garbage(void **state)
{
	struct virtq_host_seg out = {c->reply, 4}, in = {c->request, 20};

	(void)state;
	assert_int_equal(fs_handle(c->dev, NULL, 0, NULL, 0), 0);
	assert_int_equal(fs_handle(c->dev, &in, 1, &out, 1), 0);
	for (uint32_t op = 0; op < 70; op++) {
		fs_begin(c, op, RW); /* no arguments at all */
		int err = fs_send(c);

		assert_true(err <= 1);
		c->room = 20; /* hardly room for a reply */
		fs_begin(c, op, RW);
		fs_add(c, (uint8_t[120]){0}, 120);
		err = fs_send(c);
		assert_true(err <= 1);
		c->room = 0;
	}
	fs_begin(c, 4000000000u, RW);
	assert_int_equal(fs_send(c), -ENOSYS);
}

/*
 * Somebody on the host keeps exchanging a folder of the share for a symlink to a folder outside, while the guest goes
 * through it. It may see the folder or an error, and never what lies outside.
 */
static atomic_bool flip_stop;

static void *flip(void *arg)
{
	char a[512], b[512];

	(void)arg;
	snprintf(a, sizeof(a), "%s/share/victim", top);
	snprintf(b, sizeof(b), "%s/share/link", top);
	while (!flip_stop)
		renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	return NULL;
}

static void test_symlink_race(void **state)
{
	char share_path[512];
	struct fs_share share = {.host_path = share_path};
	struct fs_client *r = calloc(1, sizeof(*r));
	unsigned seen = 0, bad;
	pthread_t thread;

	(void)state;
	mkdir(in_top("share"), 0755);
	mkdir(in_top("share/victim"), 0755);
	mkdir(in_top("outside"), 0755);
	write_file("share/victim/secret", "inside");
	write_file("outside/secret", "OUTSIDE");
	assert_int_equal(symlink("../outside", in_top("share/link")), 0);
	strcpy(share_path, in_top("share"));
	assert_int_equal(fs_device_create(&share, 1, &r->dev, &bad), 0);
	flip_stop = false;
	assert_int_equal(pthread_create(&thread, NULL, flip, NULL), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t dir, file, fh;

		if (fs_lookup(r, FUSE_ROOT_ID, i % 2 ? "victim" : "link", &dir) == 0 &&
		    fs_lookup(r, dir, "secret", &file) == 0 && fs_open(r, FUSE_OPEN, file, O_RDONLY, &fh) == 0) {
			assert_int_equal(fs_read(r, FUSE_READ, 0, fh, 0, 10), 0);
			assert_memory_equal(fs_payload(r), "inside", 6);
			assert_int_equal(fs_release(r, fh), 0);
			seen++;
		}
	}
	flip_stop = true;
	pthread_join(thread, NULL);
	assert_true(seen > 0);
	fs_device_destroy(r->dev);
	free(r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_share),
		T(test_read),
		T(test_same_inode_same_node),
		T(test_write),
		T(test_create),
		T(test_read_only_share),
		T(test_names),
		T(test_stale_numbers),
		T(test_folder_goes_with_its_last_node),
		T(test_rename_keeps_nodes),
		T(test_link_and_symlink),
		T(test_readdir),
		T(test_only_some_names),
		T(test_many_folders),
		T(test_deep_path),
		T(test_xattrs),
		T(test_garbage),
		T(test_symlink_race),
	};

	return RUN_TESTS(tests);
}
