/* SPDX-License-Identifier: MIT */
/*
 * test_hostfs.c - the kernel's file system of host folders against the VMM's file server, over a real virtqueue: the
 * doorbell serves it on the spot. Guest-physical addresses are the test's own addresses as kernel_gpa() maps them.
 */
// SOURCES: @files kernel/fs/hostfs_inode.c kernel/fs/hostfs_name.c kernel/fs/hostfs_xattr.c kernel/fs/hostfs_dir.c kernel/fs/hostfs_plus.c kernel/fs/hostfs_file.c kernel/fs/hostfs_kept.c kernel/fs/hostfs_io.c kernel/fs/hostfs_readahead.c kernel/fs/hostfs_map.c kernel/dev/virtio_fs.c lib/virtq_driver.c lib/virtq_device.c vmm/dev/fs.c vmm/dev/fs_wire.c vmm/dev/fs_node.c vmm/dev/fs_node_fd.c vmm/dev/fs_open.c vmm/dev/fs_entry.c vmm/dev/fs_name.c vmm/dev/fs_file.c vmm/dev/fs_dir.c vmm/dev/fs_attr.c vmm/dev/fs_xattr.c vmm/core/window.c
// LIBS: -lpthread
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "fs_fixture.h"
#include "shim.h"

#include "abi/gate.h"
#include "kernel/mm/percpu.h"
#include "abi/hostfs.h"
#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/dev/virtio_fs.h"
#include "kernel/mm/uaccess.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "lib/virtq_device.h"
#include "vmm/core/window.h"
#include "vmm/dev/fs.h"
#include "vmm/dev/fs_priv.h"

#define QUEUE_NR 256u

static struct cay_boot_info info;
const struct cay_boot_info *const boot_info = &info;
static struct cay_stats counters;
struct cay_stats *const stats = &counters;

static struct fs_device *server;
static struct virtq_device queue;
static struct window *window;
static uint8_t *window_hva;
static char top[] = "/tmp/cay-test-hostfs-XXXXXX";
static unsigned nr_batches;

void event_register(unsigned bit, void (*fn)(void *arg), void *arg)
{
	(void)bit;
	(void)fn;
	(void)arg;
}

/* The inverse of kernel_gpa() for the places that the test's memory has: none is in the kernel image's. */
static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	(void)ctx;
	(void)bytes;
	return (void *)(gpa + CAY_DIRECT_GVA);
}

void doorbell_ring(uint64_t offset)
{
	struct virtq_host_seg seg[CAY_HOSTFS_MAX_SEGS];
	struct virtq_chain c = {.seg = seg, .max_segs = CAY_HOSTFS_MAX_SEGS};
	enum virtq_result r;

	(void)offset;
	nr_batches++;
	do {
		while ((r = virtq_device_pop(&queue, &c)) == VIRTQ_POPPED) {
			size_t n = fs_handle(server, seg, c.nr_read, seg + c.nr_read, c.nr_write);

			virtq_device_push(&queue, c.head, (uint32_t)n);
		}
		assert_int_equal(r, VIRTQ_EMPTY);
	} while (virtq_device_arm(&queue));
}

int64_t gate_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	if (nr == CAY_GATE_MAP_FILE) {
		/* As fs_map_file does, whose device has no VM here: through a descriptor of its own. */
		char path[64];
		FILE *f;
		int64_t at;

		(void)a0;
		snprintf(path, sizeof(path), "%s/rw/map", top);
		assert_true(a1 != 0);
		f = fopen(path, a4 ? "r+" : "r");
		at = window_map(window, fileno(f), a2, a3, a4);
		fclose(f);
		return at;
	}
	assert_int_equal(nr, CAY_GATE_UNMAP_FILE);
	return window_unmap(window, a0, a1);
}

int user_pin(const void *uaddr, size_t bytes, int for_write, struct phys_seg *segs, unsigned max_segs, size_t *covered)
{
	(void)for_write;
	(void)max_segs;
	segs[0] = (struct phys_seg){.pa = virt_to_pa(uaddr), .bytes = (uint32_t)bytes};
	*covered = bytes;
	return 1;
}

void user_unpin(const struct phys_seg *segs, unsigned nr_segs)
{
	(void)segs;
	(void)nr_segs;
}

static void host_file(const char *name, const char *text, size_t bytes)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	fclose(f);
}

static void host_run(const char *format)
{
	char command[256];

	snprintf(command, sizeof(command), format, top);
	assert_int_equal(system(command), 0);
}

static int group_setup(void **state)
{
	static _Alignas(4096) uint8_t desc[16 * QUEUE_NR], avail[6 + 2 * QUEUE_NR], used[8 + 8 * QUEUE_NR];
	static char rw[64], ro[64];
	struct fs_share shares[2] = {{.host_path = rw}, {.host_path = ro, .flags = FS_SHARE_RDONLY | FS_SHARE_STABLE}};
	struct cay_device_info *d = &info.devices[0];
	unsigned bad;

	assert_non_null(mkdtemp(top));
	host_run(
		"cd %s && mkdir -p rw/sub ro/a/b && echo one > ro/one && ln -s a/b ro/link && echo deep > ro/a/b/deep");
	snprintf(rw, sizeof(rw), "%s/rw", top);
	snprintf(ro, sizeof(ro), "%s/ro", top);
	assert_int_equal(fs_device_create(shares, 2, &server, &bad), 0);
	virtq_device_init(&queue, QUEUE_NR, desc, avail, used, translate, NULL);
	window_hva = mmap(NULL, 1 << 24, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	window = window_create(window_hva, 1 << 24, NULL);
	info.nr_devices = 1;
	d->kind = CAY_DEV_FS;
	d->nr_queues = 1;
	d->config[CAY_HOSTFS_CONFIG_RDONLY] = d->config[CAY_HOSTFS_CONFIG_STABLE] = 2;
	d->queue[0] = (struct cay_queue_info){.desc_gpa = (uint64_t)desc - CAY_DIRECT_GVA,
					      .avail_gpa = (uint64_t)avail - CAY_DIRECT_GVA,
					      .used_gpa = (uint64_t)used - CAY_DIRECT_GVA,
					      .nr = QUEUE_NR};
	fs_setup(state);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/rw", 0755), 0);
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/ro", 0755), 0);
	assert_int_equal(vfs_mount(hostfs_create(0, 0, false), "/rw", 0), 0);
	assert_int_equal(vfs_mount(hostfs_create(0, 1, false), "/ro", 0), 0);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	dcache_shrink(NULL);
	fs_device_destroy(server);
	window_destroy(window);
	host_run("rm -rf %s");
	return 0;
}

static void test_read_only_tree(void **state)
{
	struct kstat st;
	unsigned before;

	(void)state;
	assert_string_equal(get_file("/ro/one"), "one\n");
	assert_string_equal(get_file("/ro/link/deep"), "deep\n");
	assert_string_equal(get_file("/ro/link/../b/deep"), "deep\n");
	assert_int_equal(lookup_err("/ro/absent", 0), -ENOENT);
	assert_int_equal(put_file("/ro/new", "x"), -EROFS);
	assert_int_equal(stat_of("/ro/one", &st), 0);
	assert_int_equal(st.size, 4);
	/* All that is known now; nothing asks the server again, for what is there or is not. */
	before = nr_batches;
	assert_int_equal(stat_of("/ro/link/deep", &st), 0);
	assert_int_equal(lookup_err("/ro/absent", 0), -ENOENT);
	assert_int_equal(nr_batches, before);
	/* A small file: one batch to open and read it, none to do so again. */
	host_run("echo two > %s/ro/two");
	assert_string_equal(get_file("/ro/one"), "one\n");
	assert_int_equal(nr_batches, before);
	assert_int_equal(lookup_err("/ro/two", 0), 0);
	before = nr_batches;
	assert_string_equal(get_file("/ro/two"), "two\n");
	assert_int_equal(nr_batches, before + 1);
}

/* What was kept of a closed file gives way to what this kernel writes at once, to the host's changes in time, and its
 * memory is bounded. */
static void test_kept_files(void **state)
{
	static uint64_t now = 1000000000;
	char name[32];
	unsigned before;

	(void)state;
	shim_clock_set(now);
	assert_int_equal(put_file("/rw/k", "first"), 0);
	assert_string_equal(get_file("/rw/k"), "first");
	before = nr_batches;
	assert_string_equal(get_file("/rw/k"), "first");
	assert_int_equal(nr_batches, before);
	assert_int_equal(put_file("/rw/k", "second"), 0);
	assert_string_equal(get_file("/rw/k"), "second");
	assert_int_equal(vfs_unlink(AT_FDCWD, "/rw/k"), 0);
	assert_string_equal(get_file("/rw/k"), "error");
	host_file("rw/k2", "first", 5);
	assert_string_equal(get_file("/rw/k2"), "first");
	host_file("rw/k2", "other", 5);
	shim_clock_set(now += 200000000);
	assert_string_equal(get_file("/rw/k2"), "other");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/rw/many%u", i);
		assert_int_equal(put_file(name, name), 0);
		assert_string_equal(get_file(name), name);
	}
	before = nr_batches;
	assert_string_equal(get_file("/rw/many99"), "/rw/many99");
	assert_int_equal(nr_batches, before);
	assert_string_equal(get_file("/rw/many1"), "/rw/many1");
	assert_int_equal(nr_batches, before + 1);
}

/* A file that one CPU closed is kept for the others, too; each CPU's list is bounded by itself. */
static void test_kept_on_two_cpus(void **state)
{
	char name[32];
	unsigned before;

	(void)state;
	assert_int_equal(put_file("/rw/two", "cpus"), 0);
	assert_string_equal(get_file("/rw/two"), "cpus");
	before = nr_batches;
	shim_cpu = 1;
	assert_string_equal(get_file("/rw/two"), "cpus");
	shim_cpu = 0;
	assert_string_equal(get_file("/rw/two"), "cpus");
	assert_int_equal(nr_batches, before);
	shim_cpu = 1;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "/rw/other%u", i);
		assert_int_equal(put_file(name, name), 0);
		assert_string_equal(get_file(name), name);
	}
	before = nr_batches;
	assert_string_equal(get_file("/rw/two"), "cpus"); /* not in the list that is full */
	assert_int_equal(nr_batches, before);
	shim_cpu = 0;
	assert_int_equal(put_file("/rw/other39", "changed"), 0);
	assert_string_equal(get_file("/rw/other39"), "changed");
}

static void test_write_and_read_back(void **state)
{
	struct kstat st;

	(void)state;
	assert_int_equal(put_file("/rw/f", "hello"), 0);
	assert_string_equal(get_file("/rw/f"), "hello");
	assert_int_equal(put_file("/rw/f", "bye"), 0);
	assert_string_equal(get_file("/rw/f"), "bye");
	host_run("test \"$(cat %s/rw/f)\" = bye");
	assert_int_equal(vfs_mkdir(AT_FDCWD, "/rw/d", 0700), 0);
	assert_int_equal(vfs_rename(AT_FDCWD, "/rw/f", AT_FDCWD, "/rw/d/g", 0), 0);
	assert_string_equal(get_file("/rw/d/g"), "bye");
	assert_string_equal(get_file("/rw/f"), "error");
	assert_int_equal(vfs_link(AT_FDCWD, "/rw/d/g", 0, AT_FDCWD, "/rw/h"), 0);
	assert_int_equal(stat_of("/rw/h", &st), 0);
	assert_int_equal(st.nlink, 2);
	assert_int_equal(vfs_symlink("d/g", AT_FDCWD, "/rw/s"), 0);
	assert_string_equal(get_file("/rw/s"), "bye");
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/rw/d"), -ENOTEMPTY);
	assert_int_equal(vfs_unlink(AT_FDCWD, "/rw/d/g"), 0);
	assert_int_equal(vfs_rmdir(AT_FDCWD, "/rw/d"), 0);
	assert_string_equal(get_file("/rw/h"), "bye");
	assert_int_equal(lookup_err("/rw/s", LOOKUP_FOLLOW), -ENOENT);
	assert_int_equal(vfs_mknod(AT_FDCWD, "/rw/fifo", S_IFIFO | 0600, 0), -EPERM);
}

/* Writes of the host are seen when names and data have outlived their time. */
static void test_host_changes(void **state)
{
	static uint64_t now = 2000000000;

	(void)state;
	host_file("rw/c", "first", 5);
	shim_clock_set(now += 200000000);
	assert_string_equal(get_file("/rw/c"), "first");
	host_run("echo second > %s/rw/c.new");
	host_run("cd %s/rw && mv c.new c");
	shim_clock_set(now += 200000000);
	assert_string_equal(get_file("/rw/c"), "second\n");
	host_run("rm %s/rw/c");
	shim_clock_set(now += 200000000);
	assert_string_equal(get_file("/rw/c"), "error");
	host_run("rm -rf %s/rw/sub");
	shim_clock_set(now += 200000000);
	assert_int_equal(lookup_err("/rw/sub", 0), -ENOENT);
}

static ssize_t read_some(struct file *f, char *buf, size_t bytes)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = true};

	return vfs_read(f, &uio);
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) + (i >> 16));
}

/* Every size of read gives the same bytes, in sequence and after seeking, to RAM and elsewhere. */
static void test_big_file(void **state)
{
	static const size_t sizes[] = {1, 700, 4096, 5000, 32768, 65536, 131072, 1 << 20};
	size_t total = 1200000;
	char *text = malloc(total), *ram = page_alloc(8, 0), *heap = malloc(1 << 20);
	struct file *f;

	(void)state;
	for (size_t i = 0; i < total; i++)
		text[i] = (char)pattern(i);
	host_file("ro/big", text, total);
	for (unsigned k = 0; k < 2 * ARRAY_SIZE(sizes); k++) {
		size_t step = sizes[k / 2], pos = 0;
		char *buf = k % 2 ? ram : heap;
		ssize_t n;

		assert_int_equal(vfs_open(AT_FDCWD, "/ro/big", O_RDONLY, 0, &f), 0);
		if (step == 1) {
			pos = total - 2000;
			assert_int_equal(vfs_seek(f, (int64_t)pos, SEEK_SET), pos);
		}
		while ((n = read_some(f, buf, step)) > 0) {
			assert_memory_equal(buf, text + pos, n);
			pos += (size_t)n;
		}
		assert_int_equal(n, 0);
		assert_int_equal(pos, total);
		for (unsigned i = 0; i < 50; i++) {
			pos = (size_t)rand() % total;
			assert_int_equal(vfs_seek(f, (int64_t)pos, SEEK_SET), pos);
			n = read_some(f, buf, step);
			assert_int_equal(n, step < total - pos ? step : total - pos);
			assert_memory_equal(buf, text + pos, n);
		}
		file_put(f);
	}
	page_free(ram, 8);
	free(heap);
	free(text);
}

/* What this kernel wrote is read at once, whatever was read ahead before. */
static void test_write_beats_readahead(void **state)
{
	char buf[16] = "";
	struct uio_seg seg = {(void *)"NEW", 3};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = 3, .kernel = true};
	struct file *r, *w;

	(void)state;
	assert_int_equal(put_file("/rw/x", "old old old"), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/rw/x", O_RDONLY, 0, &r), 0);
	assert_int_equal(vfs_open(AT_FDCWD, "/rw/x", O_WRONLY | O_APPEND, 0, &w), 0);
	assert_int_equal(read_some(r, buf, 4), 4);
	assert_int_equal(vfs_pwrite(w, &uio, 4), 3);
	assert_int_equal(read_some(r, buf, 10), 10);
	assert_memory_equal(buf, "old oldNEW", 10);
	file_put(r);
	file_put(w);
}

static void test_directories(void **state)
{
	struct kstat st;
	char name[64];

	(void)state;
	host_run("mkdir %s/ro/many");
	for (unsigned i = 0; i < 700; i++) {
		snprintf(name, sizeof(name), "ro/many/file-with-a-long-name-%u", i);
		host_file(name, "", 0);
	}
	struct file *f;
	struct collect c = {.sink = {collect_emit, NULL}, .limit = 10};
	unsigned seen = 0;

	assert_int_equal(vfs_open(AT_FDCWD, "/ro/many", O_RDONLY | O_DIRECTORY, 0, &f), 0);
	/* In small bites, as a small getdents buffer does. */
	do {
		c.text[0] = '\0';
		c.limit = 10;
		assert_int_equal(f->ops->readdir(f, &c.sink), 0);
		for (const char *s = c.text; *s != '\0'; s++)
			seen += *s == ' ';
	} while (c.text[0] != '\0');
	assert_int_equal(seen, 702);
	/* Anywhere, backwards: the same entries as before. */
	for (int64_t at = 700; at >= 0; at -= 50) {
		char first[64];

		assert_int_equal(vfs_seek(f, at, SEEK_SET), at);
		c.text[0] = '\0';
		c.limit = 1;
		assert_int_equal(f->ops->readdir(f, &c.sink), 0);
		strcpy(first, c.text);
		assert_int_equal(vfs_seek(f, at, SEEK_SET), at);
		c.text[0] = '\0';
		c.limit = 2;
		assert_int_equal(f->ops->readdir(f, &c.sink), 0);
		assert_memory_equal(c.text, first, strlen(first));
		assert_true(strlen(first) > 1);
	}
	file_put(f);
	assert_int_equal(stat_of("/ro/many/file-with-a-long-name-77", &st), 0);
}

static unsigned nr_found;

static void count_found(struct dirent_sink *sink, const char *name, size_t len, struct inode *i)
{
	(void)sink;
	(void)name;
	(void)len;
	assert_true(S_ISREG(i->mode) || S_ISDIR(i->mode));
	nr_found++;
}

/* Lists a folder; returns how many entries brought their attributes. */
static unsigned list_and_count(const char *path)
{
	static struct collect c;
	struct file *f;

	nr_found = 0;
	assert_int_equal(vfs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &f), 0);
	do {
		c = (struct collect){.sink = {collect_emit, count_found}, .limit = 10};
		assert_int_equal(f->ops->readdir(f, &c.sink), 0);
	} while (c.text[0] != '\0');
	file_put(f);
	return nr_found;
}

/* Attributes come with the names once a program asks about each name anyway, and not for ever. */
static void test_listing_habit(void **state)
{
	unsigned nr = 2000, without = 0;
	struct kstat st;
	char name[64];

	(void)state;
	host_run("mkdir %s/ro/plus");
	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "ro/plus/%u", i);
		host_file(name, "", 0);
	}
	assert_int_equal(list_and_count("/ro/plus"), 0);
	assert_int_equal(list_and_count("/ro/plus"), 0);
	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "/ro/plus/%u", i);
		assert_int_equal(stat_of(name, &st), 0);
	}
	assert_int_equal(list_and_count("/ro/plus"), nr);
	for (unsigned i = 0; i < 20; i++)
		without += list_and_count("/ro/plus") == 0;
	assert_in_range(without, 1, 19);
}

/* The server has room for a few nodes only: names that nobody uses give way. */
static void test_few_nodes(void **state)
{
	char name[32];

	(void)state;
	host_run("mkdir %s/ro/few");
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "ro/few/f%u", i);
		host_file(name, "text", 4);
	}
	server->nodes.max_nodes = server->nodes.nr_nodes + 20;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "/ro/few/f%u", i);
		assert_string_equal(get_file(name), "text");
	}
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/rw/few%u", i);
		assert_int_equal(put_file(name, "made"), 0);
	}
	assert_true(server->nodes.nr_nodes <= server->nodes.max_nodes);
	server->nodes.max_nodes = FS_NODES_MAX;
}

static void test_mapping(void **state)
{
	struct page_run run;
	struct file *f;
	char text[10000];

	(void)state;
	memset(text, 'm', sizeof(text));
	host_file("rw/map", text, sizeof(text));
	assert_int_equal(vfs_open(AT_FDCWD, "/rw/map", O_RDWR, 0, &f), 0);
	assert_int_equal(f->ops->map(f, 1, 10, false, &run), 0);
	assert_int_equal(run.nr, 2);
	assert_false(run.counted);
	assert_false(run.writable);
	assert_int_equal(window_hva[run.pa.v - CAY_WINDOW_GPA], 'm');
	assert_int_equal(f->ops->map(f, 3, 1, false, &run), -ENXIO);
	assert_int_equal(f->ops->map(f, 0, 1, true, &run), 0);
	assert_true(run.writable);
	window_hva[run.pa.v - CAY_WINDOW_GPA] = 'W';
	assert_int_equal(read_some(f, text, 2), 2);
	assert_int_equal(text[0], 'W');
	file_put(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_only_tree),        cmocka_unit_test(test_kept_files),
		cmocka_unit_test(test_kept_on_two_cpus),      cmocka_unit_test(test_write_and_read_back),
		cmocka_unit_test(test_host_changes),          cmocka_unit_test(test_big_file),
		cmocka_unit_test(test_directories),           cmocka_unit_test(test_few_nodes),
		cmocka_unit_test(test_listing_habit),         cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_write_beats_readahead),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
