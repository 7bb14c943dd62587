/* SPDX-License-Identifier: MIT */
/*
 * line.c - a bad line between two tap interfaces, for comparing whoever sends over it: in both directions each frame is
 * lost with the same probability, else it arrives after the same delay.
 *   line NETNS1 TAP1 NETNS2 TAP2 LOSS_PPM DELAY_US     until it is killed; says "ready" when it works
 * The interfaces exist, in namespaces of ip-netns(8). No offloads are asked for, so a frame is what a line would lose.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAMES      16384u /* on their way in one direction: as many as no sender of a benchmark has */
#define FRAME_BYTES 2048

struct direction {
	int from, to;
	unsigned first, nr;
	struct frame {
		int64_t due_ns;
		ssize_t bytes;
		char data[FRAME_BYTES];
	} * frame;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_tap(const char *netns, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	char path[64];
	int ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY);
	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
		die(path);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
		die(name);
	return fd;
}

static void take(struct direction *d, unsigned loss_ppm, int64_t delay_ns)
{
	char lost[FRAME_BYTES];

	for (;;) {
		int is_lost = (unsigned)(random() % 1000000) < loss_ppm || d->nr == FRAMES;
		struct frame *f = &d->frame[(d->first + d->nr) % FRAMES];
		ssize_t n = read(d->from, is_lost ? lost : f->data, FRAME_BYTES);

		if (n <= 0)
			return;
		if (is_lost)
			continue;
		f->bytes = n;
		f->due_ns = now_ns() + delay_ns;
		d->nr++;
	}
}

/* Returns when the next one is due. */
static int64_t give(struct direction *d)
{
	for (; d->nr > 0; d->nr--) {
		struct frame *f = &d->frame[d->first];

		if (f->due_ns > now_ns())
			return f->due_ns;
		(void)!write(d->to, f->data, (size_t)f->bytes); /* the interface is down: lost */
		d->first = (d->first + 1) % FRAMES;
	}
	return INT64_MAX;
}

int main(int argc, char **argv)
{
	struct direction d[2] = {0};
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 7) {
		fprintf(stderr, "line: see the head of its source\n");
		return 2;
	}
	d[0].from = d[1].to = fds[0].fd = open_tap(argv[1], argv[2]);
	d[1].from = d[0].to = fds[1].fd = open_tap(argv[3], argv[4]);
	d[0].frame = calloc(FRAMES, sizeof(struct frame));
	d[1].frame = calloc(FRAMES, sizeof(struct frame));
	if (d[0].frame == NULL || d[1].frame == NULL)
		die("memory");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int64_t next = INT64_MAX, wait_ns = 1000000000;
		struct timespec t = {0};

		for (int i = 0; i < 2; i++) {
			int64_t due;

			take(&d[i], (unsigned)atoi(argv[5]), atoll(argv[6]) * 1000);
			due = give(&d[i]);
			next = due < next ? due : next;
		}
		if (next != INT64_MAX)
			wait_ns = next - now_ns();
		t.tv_nsec = wait_ns <= 0 ? 0 : wait_ns < 1000000000 ? wait_ns : 999999999;
		ppoll(fds, 2, &t, NULL);
	}
}
