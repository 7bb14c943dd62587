/* SPDX-License-Identifier: MIT */
/* link.c - see link.h. */
#include "vmm/dev/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/layout.h"
#include "abi/link.h"
#include "vmm/core/gmem.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/log.h"
#include "vmm/core/runtime_folder.h"
#include "vmm/core/vm.h"
#include "vmm/dev/fs.h"
#include "vmm/dev/link_files.h"

#define NO_PLACE CAY_LINK_PEERS_MAX

/* Somebody may remove the link as unused while we join; each of those is another VM's start. */
#define JOIN_TRIES 20

struct link {
	struct vm *vm;
	struct cay_link_vm *shared; /* with our guest: hostile */
	uint32_t event;
	unsigned place;
	int segment_fd;
	int fifo[CAY_LINK_PEERS_MAX];
	struct io_watch watch; /* our own fifo */
};

static off_t present_offset(unsigned place)
{
	return (off_t)(offsetof(struct cay_link_segment, peer) + place * sizeof(struct cay_link_peer) +
		       offsetof(struct cay_link_peer, present));
}

/* Few bytes, within one page: all or nothing. */
static int write_all(int fd, const void *bytes, size_t nr, off_t at)
{
	ssize_t n = pwrite(fd, bytes, nr, at);

	return n == (ssize_t)nr ? 0 : n < 0 ? -errno : -ENOSPC;
}

static int set_present(const struct link *l, unsigned place, uint32_t present)
{
	return write_all(l->segment_fd, &present, sizeof(present), present_offset(place));
}

static int prepare_segment(struct link *l, int folder)
{
	static const uint64_t magic = CAY_LINK_MAGIC;
	struct stat st;
	int err;

	l->segment_fd = openat(folder, LINK_SEGMENT, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->segment_fd < 0)
		return -errno;
	if (!link_file_is_ours(l->segment_fd, S_IFREG))
		return -EPERM;
	if (link_lock(l->segment_fd, LINK_LOCK_ALL, F_WRLCK, F_OFD_SETLKW) != 0 || fstat(l->segment_fd, &st) != 0)
		return -errno;
	if (st.st_nlink == 0)
		return -ESTALE; /* removed before we had the lock */
	if (st.st_size == CAY_LINK_BYTES)
		return 0;
	if (st.st_size != 0)
		return -EBADMSG; /* not shortened: others may have it mapped */
	/* The length says that the rest is there, so it comes last. */
	err = write_all(l->segment_fd, &magic, sizeof(magic), 0);
	if (err == 0 && ftruncate(l->segment_fd, CAY_LINK_BYTES) != 0)
		err = -errno;
	if (err != 0)
		(void)!ftruncate(l->segment_fd, 0); /* it is nobody's yet */
	return err;
}

/* The first place that nobody holds; those whose VM is gone are marked so on the way. */
static int take_place(struct link *l)
{
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		if (link_lock(l->segment_fd, i, F_WRLCK, F_OFD_SETLK) != 0)
			continue;
		if (l->place == NO_PLACE) {
			l->place = i;
			continue;
		}
		(void)!set_present(l, i, 0);
		(void)link_lock(l->segment_fd, i, F_UNLCK, F_OFD_SETLK);
	}
	(void)link_lock(l->segment_fd, LINK_LOCK_ALL, F_UNLCK, F_OFD_SETLK);
	return l->place == NO_PLACE ? -EUSERS : 0;
}

/* Wake-ups for the place's last VM. Once as many as the fifo holds (pipe(7)): a peer may go on writing without end. */
static void forget_wakes(struct link *l)
{
	char bytes[65536];

	(void)!read(l->fifo[l->place], bytes, sizeof(bytes));
}

/* Opened for both directions, a fifo needs no other end and never says that it was closed. */
static int open_fifos(struct link *l, int folder)
{
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), LINK_FIFO, i);
		if (mkfifoat(folder, name, 0600) != 0 && errno != EEXIST)
			return -errno;
		l->fifo[i] = openat(folder, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (l->fifo[i] < 0)
			return -errno;
		if (!link_file_is_ours(l->fifo[i], S_IFIFO))
			return -EPERM;
	}
	return 0;
}

static void close_files(struct link *l)
{
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		if (l->fifo[i] >= 0)
			close(l->fifo[i]);
		l->fifo[i] = -1;
	}
	if (l->segment_fd >= 0)
		close(l->segment_fd);
	l->segment_fd = -1;
}

static int join_once(struct link *l, int runtime, const char *name)
{
	char folder_name[64];
	int folder, err;

	snprintf(folder_name, sizeof(folder_name), LINK_FOLDER "%s", name);
	folder = runtime_folder_enter(runtime, folder_name);
	if (folder < 0)
		return folder;
	err = prepare_segment(l, folder);
	if (err == 0)
		err = open_fifos(l, folder);
	if (err == 0)
		err = take_place(l);
	if (err == 0)
		forget_wakes(l);
	close(folder);
	return err;
}

static int join(struct link *l, const char *name, char *path, size_t room)
{
	int runtime = runtime_folder_open(path, room), err, tries = JOIN_TRIES;

	if (runtime < 0)
		return runtime;
	link_remove_unused(runtime, name);
	do {
		close_files(l);
		err = join_once(l, runtime, name);
	} while ((err == -ESTALE || err == -ENOENT) && --tries > 0);
	close(runtime);
	return err;
}

int link_open(const char *name, struct link **out)
{
	struct link *l = calloc(1, sizeof(*l));
	char path[256] = "";
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->segment_fd = -1;
	l->place = NO_PLACE;
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		l->fifo[i] = -1;
	*out = l;
	err = join(l, name, path, sizeof(path));
	if (err == -EUSERS)
		log_error("--net link=%s: %u VMs are joined already, and there is room for no more", name,
			  CAY_LINK_PEERS_MAX);
	else if (err == -EPERM)
		log_error("--net link=%s: %s is not this user's alone; remove it, or set XDG_RUNTIME_DIR", name, path);
	else if (err == -EBADMSG)
		log_error("--net link=%s: %s/link-%s holds something else than a link of this version of cay; remove "
			  "it when "
			  "no VM uses it",
			  name, path, name);
	else if (err != 0)
		log_error("--net link=%s: cannot use %s: %s", name, path, strerror(-err));
	return err;
}

unsigned link_place(const struct link *l)
{
	return l->place;
}

int link_segment_fd(const struct link *l)
{
	return l->segment_fd;
}

int link_own_fd(const struct link *l)
{
	return l->fifo[l->place];
}

void link_wake(const struct link *l, unsigned peer)
{
	(void)!write(l->fifo[peer], "", 1); /* full: it has been woken often enough */
}

int link_appear(struct link *l)
{
	return set_present(l, l->place, 1);
}

/* ---- wake-ups */

static bool poll_wakes(void *ctx)
{
	struct link *l = ctx;
	uint32_t wake = __atomic_load_n(&l->shared->wake, __ATOMIC_SEQ_CST);

	if (wake == 0)
		return false;
	wake = __atomic_exchange_n(&l->shared->wake, 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (wake >> i & 1)
			link_wake(l, i);
	return true;
}

static void arm_wakes(void *ctx, bool sleep)
{
	struct link *l = ctx;

	/* Full barrier before the poll that follows; partner: the guest sets `wake` and then reads this. */
	__atomic_store_n(&l->shared->asleep, sleep, __ATOMIC_SEQ_CST);
}

static void woken(struct io_watch *w, uint32_t events)
{
	struct link *l = w->ctx;
	char bytes[64];

	(void)events;
	(void)!read(w->fd, bytes, sizeof(bytes));
	vm_raise_event_soon(l->vm, l->event);
}

/* ---- the VM's side */

static int share_control(struct link *l, struct cay_device_info *info, const struct cay_net_config *config)
{
	struct vm *vm = l->vm;
	uint64_t config_gpa = vm_boot_alloc(vm, sizeof(*config), 64);
	uint64_t shared_gpa = vm_boot_alloc(vm, sizeof(*l->shared), 64);

	if (config_gpa == 0 || shared_gpa == 0)
		return -ENOSPC;
	memcpy(gmem_ptr(&vm->mem, config_gpa, sizeof(*config)), config, sizeof(*config));
	l->shared = gmem_ptr(&vm->mem, shared_gpa, sizeof(*l->shared));
	l->shared->place = l->place;
	l->shared->event = l->event = info->queue[0].event;
	l->shared->doorbell = info->queue[0].doorbell;
	info->config[CAY_NET_CONFIG] = config_gpa;
	info->config[CAY_LINK_CONFIG_VM] = shared_gpa;
	return 0;
}

static int share_segment(struct link *l, struct cay_device_info *info)
{
	int64_t at = fs_map_fd(l->vm->fs, l->segment_fd, CAY_LINK_BYTES);

	if (at < 0)
		return (int)at;
	info->config[CAY_LINK_CONFIG_SEGMENT] = CAY_WINDOW_GPA + (uint64_t)at;
	return 0;
}

int link_attach(struct link *l, struct vm *vm, const struct cay_net_config *config)
{
	static const enum io_linger none = IO_LINGER_NONE; /* the peers need the CPUs */
	struct io_source src = {.poll = poll_wakes, .arm = arm_wakes, .ctx = l, .linger = &none};
	struct cay_device_info *info = vm_add_device(vm, CAY_DEV_LINK, 1, 2); /* for its event and doorbell */
	int err;

	if (info == NULL)
		return -ENOSPC;
	l->vm = vm;
	src.doorbell = (uint32_t)info->queue[0].doorbell;
	err = share_control(l, info, config);
	if (err == 0)
		err = share_segment(l, info);
	if (err == 0)
		err = set_present(l, l->place, 1);
	l->watch = (struct io_watch){.fd = l->fifo[l->place], .ready = woken, .ctx = l, .linger = none};
	if (err == 0)
		err = io_watch(vm->io, &l->watch, EPOLLIN);
	return err == 0 ? io_add_source(vm->io, &src) : err;
}

void link_destroy(struct link *l)
{
	if (l == NULL)
		return;
	if (l->place != NO_PLACE)
		(void)!set_present(l, l->place, 0);
	close_files(l);
	free(l);
}
