/* SPDX-License-Identifier: MIT */
/*
 * A kernel that attacks the file server: requests that are almost right, in any order, of nodes and handles that it was
 * given, has forgotten, or never had; while the server reads one, it changes. What is in no share must stay as it was,
 * and unseen: the test looks.
 */
#include "hostile.h"

#include <linux/fuse.h>

#include "abi/hostfs.h"

#define REQUEST ((volatile uint8_t *)scratch)
#define REPLY   ((volatile uint8_t *)scratch + 65536)
#define ROOM    65536u
#define POOL    16u /* of numbers that were good once */

static struct queue q;
static uint64_t nodes[POOL], handles[POOL];
static uint64_t root; /* of the writable share */

static uint64_t random_next(void)
{
	static uint64_t seed = 7;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 20;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random_next() % n);
}

static uint64_t some_number(const uint64_t pool[POOL])
{
	return below(20) == 0 ? random_next() : pool[below(POOL)];
}

static const char *some_name(void)
{
	static const char *const names[] = {"a",  "b", "c", "d",   "link",      "a",     "b",
					    "..", ".", "",  "a/b", "../secret", "secret"};

	return names[below(sizeof(names) / sizeof(names[0]))];
}

static unsigned put(unsigned at, const void *data, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		REQUEST[at + i] = ((const uint8_t *)data)[i];
	return at + bytes;
}

static unsigned put_name(unsigned at, const char *name)
{
	do
		REQUEST[at++] = (uint8_t)*name;
	while (*name++ != '\0');
	return at;
}

static unsigned put_junk(unsigned at, unsigned bytes)
{
	while (bytes-- > 0)
		REQUEST[at++] = below(3) ? 0 : (uint8_t)random_next();
	return at;
}

/* Arguments of an operation, with a grain of sense; returns their end. */
static unsigned put_arguments(uint32_t op, unsigned at)
{
	uint64_t fh = some_number(handles), node = some_number(nodes);
	struct fuse_read_in io = {.fh = fh, .offset = random_next() % 9000, .size = below(40000)};
	struct fuse_rename2_in rename = {.newdir = node, .flags = below(4)};
	struct fuse_setattr_in attr = {
		.valid = (uint32_t)random_next() & 0x1ff, .fh = fh, .size = random_next() % 20000, .mode = 0700};
	struct fuse_mknod_in make = {.mode = (below(8) ? 0100000u : 0140000u) | 0700};
	struct fuse_mkdir_in folder = {.mode = 0700};
	struct fuse_create_in create = {.flags = below(4), .mode = 0700};
	struct fuse_open_in open = {.flags = below(4)};
	struct fuse_link_in link = {.oldnodeid = node};
	struct fuse_forget_in forget = {.nlookup = below(3) ? 1 : 1ull << 40};

	switch (op) {
	case FUSE_LOOKUP:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_REMOVEXATTR:
		return put_name(at, some_name());
	case FUSE_SYMLINK:
		return put_name(put_name(at, some_name()), "../secret");
	case FUSE_MKNOD:
		return put_name(put(at, &make, sizeof(make)), some_name());
	case FUSE_MKDIR:
		return put_name(put(at, &folder, sizeof(folder)), some_name());
	case FUSE_CREATE:
		return put_name(put(at, &create, sizeof(create)), some_name());
	case FUSE_LINK:
		return put_name(put(at, &link, sizeof(link)), some_name());
	case FUSE_RENAME2:
		return put_name(put_name(put(at, &rename, sizeof(rename)), some_name()), some_name());
	case FUSE_FORGET:
		return put(at, &forget, sizeof(forget));
	case FUSE_SETATTR:
		return put(at, &attr, sizeof(attr));
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return put(at, &open, sizeof(open));
	case FUSE_READ:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
	case FUSE_WRITE:
		at = put(at, &io, sizeof(io));
		return op == FUSE_WRITE ? put_junk(at, below(3000)) : at;
	case FUSE_RELEASE:
	case FUSE_FSYNC:
		at = put(at, &fh, sizeof(fh));
		return put_junk(at, 16);
	default:
		return put_junk(at, below(200));
	}
}

/* What a reply gives to go on with. */
static void learn(uint32_t op)
{
	const volatile struct fuse_out_header *h = (const volatile void *)REPLY;
	const volatile uint64_t *payload = (const volatile void *)(REPLY + sizeof(*h));

	if (h->error != 0 || h->len <= sizeof(*h))
		return;
	switch (op) {
	case FUSE_CREATE:
		handles[below(POOL)] = *(const volatile uint64_t *)(REPLY + sizeof(*h) + sizeof(struct fuse_entry_out));
		/* fall through */
	case FUSE_LOOKUP:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK:
		nodes[below(POOL)] = *payload;
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		handles[below(POOL)] = *payload;
		break;
	default:
		break;
	}
}

/* race: the request changes after it was offered. */
static void one_request(bool race)
{
	static const uint32_t ops[] = {FUSE_LOOKUP,      FUSE_LOOKUP,  FUSE_LOOKUP,  FUSE_FORGET,      FUSE_MKNOD,
				       FUSE_MKDIR,       FUSE_UNLINK,  FUSE_RMDIR,   FUSE_RENAME2,     FUSE_RENAME2,
				       FUSE_LINK,        FUSE_SYMLINK, FUSE_CREATE,  FUSE_OPEN,        FUSE_OPEN,
				       FUSE_OPENDIR,     FUSE_READ,    FUSE_WRITE,   FUSE_READDIR,     FUSE_RELEASE,
				       FUSE_READDIRPLUS, FUSE_FSYNC,   FUSE_SETATTR, FUSE_BATCH_FORGET};
	uint32_t op = below(30) ? ops[below(sizeof(ops) / sizeof(ops[0]))] : below(80);
	uint64_t node = below(4) ? some_number(nodes) : below(10) ? root : 1 + below(8);
	unsigned bytes = put_arguments(op, sizeof(struct fuse_in_header)), cut = 1 + below(bytes - 1);
	const struct fuse_in_header h = {.len = bytes, .opcode = op, .unique = 1, .nodeid = node};
	uint16_t before = q.used[1];

	put(0, &h, sizeof(h));
	q.desc[0] = (struct desc){gpa_of(REQUEST), cut, DESC_NEXT, 1};
	q.desc[1] = (struct desc){gpa_of(REQUEST + cut), bytes - cut, DESC_NEXT, 2};
	q.desc[2] = (struct desc){gpa_of(REPLY), below(8) ? ROOM : 1 + below(200), DESC_WRITE, 0};
	queue_offer(&q, 0);
	while (race && q.used[1] == before && below(2000) != 0)
		REQUEST[below(bytes)] = (uint8_t)random_next();
	queue_wait(&q, before);
	learn(op);
}

/* Files in the window, by handles that may be closed or of folders; never touched here: they may be shorter now. */
static void one_mapping(void)
{
	static uint64_t places[POOL];
	unsigned i = below(POOL);
	int64_t at;

	if (places[i] != 0 && gate(CAY_GATE_UNMAP_FILE, places[i] - 1, 8192, 0, 0, 0) == 0)
		places[i] = 0;
	at = gate(CAY_GATE_MAP_FILE, 0, some_number(handles), 4096 * (uint64_t)below(4), 8192, below(2));
	if (at >= 0)
		places[i] = (uint64_t)at + 1;
}

void attack(const char *variant)
{
	int dev = find_device(CAY_DEV_FS);
	bool race = same(variant, "race");
	uint64_t begin = __builtin_ia32_rdtsc();

	if (dev < 0 || (!race && !same(variant, "any-order")))
		accepted();
	q = queue_of((unsigned)dev, 0);
	root = FUSE_ROOT_ID + (uint64_t)__builtin_ctzll(~BOOT->devices[dev].config[CAY_HOSTFS_CONFIG_RDONLY]);
	for (unsigned i = 0; i < POOL; i++)
		nodes[i] = root;
	/* On a busy host each may take long: enough is enough. */
	for (unsigned i = 0; i < 2500 && __builtin_ia32_rdtsc() - begin < 20000000000; i++) {
		one_request(race);
		if (i % 32 == 0)
			one_mapping();
	}
}
