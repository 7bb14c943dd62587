/* SPDX-License-Identifier: MIT */
/*
 * The stdio device on real pipes, sockets, files and a pseudo terminal: bytes are exact, nothing waits, errors reach
 * the writer, the user's descriptors keep their flags; and what is not a request is refused.
 */
// SOURCES: vmm/dev/stdio_request.c vmm/dev/stdio_host.c
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/dev/stdio_request.h"

static struct stdio_host host;

/* The device on `in` as descriptor 0 and `out` as 1 and 2. */
static void open_host(int in, int out)
{
	const int fds[CAY_STDIO_FDS] = {in, out, out};

	stdio_host_init(&host, fds);
}

/* One request with data in one direction. Returns the status, as the guest would see it. */
static int64_t request(uint32_t op, uint32_t fd, int64_t arg, int64_t arg2, void *data, uint32_t bytes, bool to_guest)
{
	struct cay_stdio_req hdr = {.op = op, .fd = fd, .arg = arg, .arg2 = arg2};
	struct cay_stdio_status status = {.result = 12345};
	struct virtq_host_seg seg[3];
	struct virtq_chain c = {.seg = seg, .max_segs = 3};
	struct stdio_request r;
	unsigned n = 0;

	seg[n++] = (struct virtq_host_seg){&hdr, sizeof(hdr)};
	if (bytes > 0)
		seg[n++] = (struct virtq_host_seg){data, bytes};
	seg[n++] = (struct virtq_host_seg){&status, sizeof(status)};
	c.nr_read = bytes > 0 && !to_guest ? 2 : 1;
	c.nr_write = n - c.nr_read;
	int err = stdio_decode(&c, &r);
	assert_ptr_equal(r.status, &status);
	stdio_set_status(r.status, err != 0 ? err : stdio_execute(&host, &r));
	return status.result;
}

static int64_t rd(uint32_t fd, void *data, uint32_t bytes)
{
	return request(CAY_STDIO_READ, fd, -1, 0, data, bytes, true);
}

static int64_t wr(uint32_t fd, const void *data, uint32_t bytes)
{
	return request(CAY_STDIO_WRITE, fd, -1, 0, (void *)data, bytes, false);
}

static int64_t polled(uint32_t fd, int events)
{
	return request(CAY_STDIO_POLL, fd, events, 0, NULL, 0, false);
}

static void test_pipe(void **state)
{
	static char big[200000];
	int in[2], out[2];
	char buf[16] = {0};

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	open_host(in[0], out[1]);
	assert_int_equal(host.fds[0].kind, STDIO_OWN);
	assert_int_equal(rd(0, buf, 4), -EAGAIN);
	assert_int_equal(polled(0, POLLIN), 0);
	assert_int_equal(write(in[1], "hello", 5), 5);
	assert_int_equal(polled(0, POLLIN), POLLIN);
	assert_int_equal(rd(0, buf, 4), 4);
	assert_string_equal(buf, "hell");
	/* Not more than was asked for: the rest is still the pipe's. */
	assert_int_equal(read(in[0], buf, 4), 1);
	close(in[1]);
	assert_int_equal(rd(0, buf, 4), 0);
	/* A full pipe takes what fits, then nothing, and never blocks. */
	assert_int_equal(wr(1, big, sizeof(big)), 65536);
	assert_int_equal(wr(1, big, sizeof(big)), -EAGAIN);
	assert_int_equal(polled(1, POLLOUT), 0);
	/* The flags that the shell sees have not changed. */
	assert_int_equal(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	close(out[0]);
	assert_int_equal(wr(1, "x", 1), -EPIPE);
	stdio_host_fini(&host);
	close(in[0]);
	close(out[1]);
}

static void test_socket(void **state)
{
	int s[2];
	char buf[16] = {0};

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	open_host(s[0], s[0]);
	assert_int_equal(host.fds[0].kind, STDIO_SOCKET);
	assert_int_equal(rd(0, buf, 4), -EAGAIN);
	assert_int_equal(write(s[1], "abc", 3), 3);
	assert_int_equal(rd(0, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(wr(1, "xyz", 3), 3);
	assert_int_equal(read(s[1], buf, sizeof(buf)), 3);
	close(s[1]);
	assert_int_equal(wr(1, "x", 1), -EPIPE);
	assert_int_equal(request(CAY_STDIO_SEEK, 0, 0, SEEK_CUR, NULL, 0, false), -ESPIPE);
	stdio_host_fini(&host);
	close(s[0]);
}

/* Another user's pipe or terminal cannot be opened again: polled and written in small pieces. */
static void test_careful(void **state)
{
	static char big[200000];
	int out[2];

	(void)state;
	assert_int_equal(pipe(out), 0);
	open_host(out[0], out[1]);
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++) {
		close(host.fds[i].io_fd);
		host.fds[i].io_fd = host.fds[i].fd;
		host.fds[i].kind = STDIO_CAREFUL;
	}
	assert_int_equal(rd(0, big, 10), -EAGAIN);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(wr(1, big, sizeof(big)), 4096);
	assert_int_equal(wr(1, big, sizeof(big)), -EAGAIN);
	assert_int_equal(rd(0, big, sizeof(big)), 65536);
	close(out[0]);
	assert_int_equal(wr(1, "x", 1), -EPIPE);
	stdio_host_fini(&host);
	close(out[1]);
}

static void test_file(void **state)
{
	char path[] = "/tmp/cay-stdio-XXXXXX", buf[16] = {0};
	int fd = mkstemp(path);
	struct cay_stdio_stat st;

	(void)state;
	unlink(path);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	lseek(fd, 2, SEEK_SET);
	open_host(fd, fd);
	assert_int_equal(rd(0, buf, 3), 3);
	assert_string_equal(buf, "234");
	/* The position is the one that the shell shares. */
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
	assert_int_equal(request(CAY_STDIO_SEEK, 0, -1, SEEK_END, NULL, 0, false), 9);
	assert_int_equal(request(CAY_STDIO_SEEK, 0, 0, 1ll << 32, NULL, 0, false), -EINVAL);
	assert_int_equal(wr(1, "ab", 2), 2);
	assert_int_equal(request(CAY_STDIO_READ, 0, 8, 0, buf, 4, true), 3);
	assert_memory_equal(buf, "8ab", 3);
	assert_int_equal(request(CAY_STDIO_STAT, 0, 0, 0, &st, sizeof(st), true), 0);
	assert_int_equal(st.size, 11);
	assert_true(S_ISREG(st.mode));
	assert_int_equal(st.is_tty, 0);
	assert_int_equal(request(CAY_STDIO_SYNC, 0, 0, 0, NULL, 0, false), 0);
	assert_int_equal(stdio_host_watch_fd(&host, 0), -1);
	assert_int_equal(polled(0, POLLIN), POLLIN);
	assert_int_equal(rd(0, buf, 4), 0);
	stdio_host_fini(&host);
	close(fd);
}

/* The log of a VM in the background is in memory: one request of a hostile guest must not fill it. */
static void test_log(void **state)
{
	const uint32_t much = 64u << 20;
	char *data = calloc(1, much);
	int fd = memfd_create("log", 0);
	struct stat st;

	(void)state;
	assert_non_null(data);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	open_host(-1, fd);
	host.is_log = true;
	for (unsigned i = 0; i < 20; i++) {
		int64_t n = wr(1, data, much);

		assert_true(n > 0 && n <= STDIO_LOG_TRIM_EVERY);
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(st.st_blocks * 512 <= STDIO_LOG_KEEP_BYTES + 2 * (off_t)STDIO_LOG_TRIM_EVERY);
	}
	stdio_host_fini(&host);
	close(fd);
	free(data);
}

static void test_terminal(void **state)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80}, got = {0};
	struct termios before, after;
	uint8_t settings[36];
	char buf[16] = {0};
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	tcgetattr(slave, &before);
	open_host(slave, slave);
	assert_int_equal(host.fds[0].is_tty, true);
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TIOCGWINSZ, 0, &got, sizeof(got), true), 0);
	assert_int_equal(got.ws_col, 80);
	assert_int_equal(rd(0, buf, 10), -EAGAIN);
	assert_int_equal(write(master, "ab\x04", 3), 3);
	assert_int_equal(rd(0, buf, 10), 2);
	assert_string_equal(buf, "ab");
	/* Ctrl-D on an empty line is the end of the file, once. */
	assert_int_equal(write(master, "\x04", 1), 1);
	assert_int_equal(rd(0, buf, 10), 0);
	assert_int_equal(rd(0, buf, 10), -EAGAIN);
	/* Settings pass through and come back at the end. */
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TCGETS, 0, settings, sizeof(settings), true), 0);
	settings[12] &= (uint8_t) ~(ICANON | ECHO);
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TCSETSF, 0, settings, sizeof(settings), false), 0);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag & (ICANON | ECHO), 0);
	stdio_host_fini(&host);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	close(master);
	close(slave);
}

static void test_close_is_seen(void **state)
{
	int in[2], out[2];
	char c;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	open_host(in[0], out[1]);
	assert_int_equal(request(CAY_STDIO_CLOSE, 1, 0, 0, NULL, 0, false), 0);
	/* Descriptor 2 is on the same pipe here; cay's own messages go there, so it stays. */
	assert_int_equal(request(CAY_STDIO_CLOSE, 2, 0, 0, NULL, 0, false), 0);
	assert_int_equal(wr(1, "x", 1), -EBADF);
	stdio_host_fini(&host);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
}

static void test_not_open(void **state)
{
	char c;
	int fd;

	(void)state;
	open_host(-1, -1);
	assert_int_equal(rd(0, &c, 1), -EBADF);
	assert_int_equal(wr(1, &c, 1), -EBADF);
	assert_int_equal(polled(0, POLLIN), POLLNVAL);
	stdio_host_fini(&host);
	/* What keeps a closed descriptor's place (vmm/cli/main.c). */
	fd = open("/", O_PATH);
	open_host(fd, fd);
	assert_int_equal(rd(0, &c, 1), -EBADF);
	assert_int_equal(request(CAY_STDIO_SEEK, 0, 0, 0, NULL, 0, false), -EBADF);
	stdio_host_fini(&host);
	close(fd);
}

static void test_refused(void **state)
{
	uint8_t data[64] = {0};

	(void)state;
	open_host(-1, -1);
	assert_int_equal(request(0, 0, 0, 0, NULL, 0, false), -EINVAL);
	assert_int_equal(request(99, 0, 0, 0, NULL, 0, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_READ, 3, -1, 0, data, 1, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_READ, UINT32_MAX, -1, 0, data, 1, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_READ, 0, -2, 0, data, 1, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_READ, 0, -1, 0, data, 1, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_WRITE, 0, -1, 0, data, 1, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_WRITE, 0, -1, 0, NULL, 0, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_STAT, 0, 0, 0, data, 47, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_POLL, 0, POLLIN | POLLOUT, CAY_STDIO_WAIT, NULL, 0, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_POLL, 0, ~0, 0, NULL, 0, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_POLL, 0, POLLIN, 2, NULL, 0, false), -EINVAL);
	/* An ioctl that is not on the list, and one with the wrong size. */
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TIOCSTI, 0, data, 1, false), -EINVAL);
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TCGETS, 0, data, 35, true), -EINVAL);
	assert_int_equal(request(CAY_STDIO_IOCTL, 0, TCGETS + (1ll << 32), 0, data, 36, true), -EINVAL);
	stdio_host_fini(&host);
}

/* Chains without a place for the answer, or that are not even long enough to be a request. */
static void test_malformed_chains(void **state)
{
	struct cay_stdio_req hdr = {.op = CAY_STDIO_STAT};
	uint8_t room[64];
	struct virtq_host_seg seg[3] = {{&hdr, sizeof(hdr)}, {room, 7}, {room, 8}};
	struct stdio_request r;

	(void)state;
	struct virtq_chain only_header = {.seg = seg, .nr_read = 1, .nr_write = 0};
	assert_int_equal(stdio_decode(&only_header, &r), -EINVAL);
	assert_null(r.status);
	struct virtq_chain short_status = {.seg = seg, .nr_read = 1, .nr_write = 1};
	assert_int_equal(stdio_decode(&short_status, &r), -EINVAL);
	assert_null(r.status);
	struct virtq_chain no_header = {.seg = seg + 2, .nr_read = 0, .nr_write = 1};
	assert_int_equal(stdio_decode(&no_header, &r), -EINVAL);
	assert_non_null(r.status);
	seg[0].bytes = sizeof(hdr) - 1;
	struct virtq_chain short_header = {.seg = seg, .nr_read = 1, .nr_write = 2};
	assert_int_equal(stdio_decode(&short_header, &r), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),          cmocka_unit_test(test_socket),
		cmocka_unit_test(test_careful),       cmocka_unit_test(test_file),
		cmocka_unit_test(test_log),           cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_close_is_seen), cmocka_unit_test(test_not_open),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_malformed_chains),
	};

	signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS(tests);
}
