/* SPDX-License-Identifier: MIT */
/* test_net_pcap.c - what is in the file, also when it cannot grow. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/net.h"
#include "vmm/core/log.h"
#include "vmm/dev/net_pcap.h"

#define FILE_HEADER   24
#define RECORD_HEADER 16

static unsigned nr_said;
void log_error(const char *fmt, ...)
{
	(void)fmt;
	nr_said++;
}

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void test_records(void **state)
{
	char path[] = "/tmp/cay-test-pcap-XXXXXX";
	uint8_t head[CAY_NET_HDR_BYTES + 8] = {0}, rest[100] = {0};
	const struct iovec iov[] = {{head, sizeof(head)}, {rest, sizeof(rest)}};
	struct rlimit limit;
	int fd;

	(void)state;
	assert_int_equal(net_pcap_open("/dev/full"), -ENOSPC);
	close(mkstemp(path));
	fd = net_pcap_open(path);
	assert_true(fd >= 0);
	assert_int_equal(size_of(fd), FILE_HEADER);
	net_pcap_write(fd, iov, 2, CAY_NET_HDR_BYTES + 58);
	assert_int_equal(size_of(fd), FILE_HEADER + RECORD_HEADER + 58);
	assert_int_equal(nr_said, 0);

	/* Room for half a record, then for many: nothing may follow the half. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){150, limit.rlim_max}), 0);
	net_pcap_write(fd, iov, 2, sizeof(head) + sizeof(rest));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(size_of(fd), 150);
	net_pcap_write(fd, iov, 2, sizeof(head) + sizeof(rest));
	assert_int_equal(size_of(fd), 150);
	assert_int_equal(nr_said, 1);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_records)};

	return RUN_TESTS(tests);
}
