/* SPDX-License-Identifier: MIT */
/* mmap, munmap, mprotect, mremap, madvise, brk: what a program may rely on, checked byte by byte. */
#include "report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096ul
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static void *map(size_t pages, int prot)
{
	return mmap(NULL, pages * PAGE, prot, ANON, -1, 0);
}

static bool all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static volatile char sink;

static void protection(void)
{
	char *p = map(3, RW);

	report(p != MAP_FAILED && all_zero(p, 3 * PAGE), "fresh memory is zero");
	p[PAGE] = 1;
	report_eq(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	report_eq(fault_of(p[PAGE] = 2), SIGSEGV);
	report(report_si.si_code == SEGV_ACCERR && report_si.si_addr == p + PAGE,
	       "a write to a read-only page is ACCERR at its address");
	report(p[PAGE] == 1, "a refused write changes nothing");
	report_eq(fault_of(p[0] = p[2 * PAGE] = 3), 0);
	report_eq(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
	report_eq(fault_of(sink = p[PAGE]), SIGSEGV);
	report_eq(mprotect(p + PAGE, PAGE, RW), 0);
	report(p[PAGE] == 1, "contents survive PROT_NONE");
	report_eq(munmap(p + PAGE, PAGE), 0);
	report_eq(fault_of(sink = p[PAGE + 5]), SIGSEGV);
	report(report_si.si_code == SEGV_MAPERR && report_si.si_addr == p + PAGE + 5,
	       "a hole is MAPERR at the exact address");
	report(p[0] == 3 && p[2 * PAGE] == 3, "pages beside a hole stay");
	report_errno(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	report_errno(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	munmap(p, 3 * PAGE);
	report_eq(munmap(p, 3 * PAGE), 0);
	report_errno(munmap(p + 1, PAGE), EINVAL);
	report_errno(munmap(p, 0), EINVAL);
}

static void execute(void)
{
	static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	unsigned char *p = map(1, RW);
	volatile int r = 0;

	memcpy(p, code, sizeof(code));
	report_eq(fault_of(((int (*)(void))p)()), SIGSEGV);
	report_eq(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	report_eq(fault_of(r = ((int (*)(void))p)()), 0);
	report_eq(r, 42);
	report_eq(fault_of(p[1] = 43), SIGSEGV);
	report_eq(mprotect(p, PAGE, RW | PROT_EXEC), 0);
	p[1] = 43;
	report_eq(((int (*)(void))p)(), 43);
	munmap(p, PAGE);
}

static void placement(void)
{
	char *p = map(4, RW), *q;

	report_errno((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	report_errno((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	report_errno((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	report_errno((long)mmap(NULL, 1ul << 50, RW, ANON, -1, 0), ENOMEM);
	report_errno((long)mmap(NULL, -PAGE, RW, ANON, -1, 0), ENOMEM);
	report_errno((long)mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	p[PAGE] = 9;
	q = mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	report(q == p + PAGE && q[0] == 0, "MAP_FIXED replaces what was there");
	report_errno((long)mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	munmap(p + PAGE, PAGE);
	q = mmap(p + PAGE, PAGE, RW, ANON, -1, 0);
	report(q == p + PAGE, "a free hint is taken");
	q = mmap(p + 2 * PAGE, PAGE, RW, ANON, -1, 0);
	report(q != MAP_FAILED && q != p + 2 * PAGE, "a used hint is not");
	q = mmap((void *)0x31230000, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	report(q == (void *)0x31230000, "a free hint is taken with MAP_32BIT, too");
	munmap(q, PAGE);
	q = mmap((void *)0x600031230000, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	report((uint64_t)q < 1ul << 31, "but not one that is not in the lowest 2 GiB");
	munmap(q, PAGE);
	munmap(q, PAGE);
	munmap(p, 4 * PAGE);
	q = map(1 << 18, PROT_NONE);
	report(q != MAP_FAILED, "1 GiB of PROT_NONE costs nothing");
	report_eq(mprotect(q + (1 << 29), PAGE, RW), 0);
	q[1 << 29] = 1;
	munmap(q, (1ul << 18) * PAGE);
	q = mmap(NULL, 1ul << 40, RW, ANON | MAP_NORESERVE, -1, 0);
	report(q != MAP_FAILED, "1 TiB of MAP_NORESERVE");
	if (q != MAP_FAILED) {
		q[1ul << 39] = 5;
		report(q[1ul << 39] == 5 && q[(1ul << 39) + PAGE] == 0, "a sparse mapping holds what was written");
		report_eq(munmap(q, 1ul << 40), 0);
	}
}

static void files(void)
{
	char name[] = "/tmp/cay-mmap-XXXXXX";
	int fd = mkstemp(name);
	char *p, *s, buf[16] = "";

	report_true(fd >= 0);
	report_eq(ftruncate(fd, PAGE + 100), 0);
	report_eq(pwrite(fd, "hello", 5, PAGE), 5);
	p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	s = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	report(p != MAP_FAILED && s != MAP_FAILED, "a file maps private and shared");
	report(memcmp(p + PAGE, "hello", 5) == 0, "a private mapping shows the file");
	report(all_zero(s + PAGE + 100, PAGE - 100), "past the end of the file the last page is zero");
	p[PAGE] = 'J';
	s[PAGE + 1] = 'E';
	report_eq(pread(fd, buf, 5, PAGE), 5);
	report(memcmp(buf, "hEllo", 5) == 0, "shared writes reach the file, private ones do not");
	report_eq(pwrite(fd, "XYZ", 3, PAGE + 2), 3);
	report(memcmp(s + PAGE, "hEXYZ", 5) == 0, "write() shows in a shared mapping");
	report(p[PAGE] == 'J', "a private copy is kept");
	report_eq(msync(s, 2 * PAGE, MS_SYNC), 0);
	report_eq(ftruncate(fd, 100), 0);
	report_eq(fault_of(sink = s[PAGE]), SIGBUS);
	report_errno((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 1), EINVAL);
	munmap(p, 2 * PAGE);
	munmap(s, 2 * PAGE);
	close(fd);
	fd = open(name, O_RDONLY);
	report_errno((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	report(p != MAP_FAILED, "a read-only file maps private and writable");
	close(fd);
	p[0] = 1;
	report(p[0] == 1, "a mapping outlives its descriptor");
	munmap(p, PAGE);
	unlink(name);
	fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	report_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	close(fd);
}

static void move(void)
{
	char *p = map(4, RW), *q, *fixed = map(8, PROT_NONE);

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)('a' + i);
	q = mremap(p, 4 * PAGE, 2 * PAGE, 0);
	report(q == p, "shrinking stays in place");
	report_eq(fault_of(sink = p[2 * PAGE]), SIGSEGV);
	q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	report(q != MAP_FAILED && q[0] == 'a' && q[PAGE] == 'b' && all_zero(q + 2 * PAGE, 62 * PAGE),
	       "growing keeps contents and adds zeros");
	p = mremap(q, 64 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fixed);
	report(p == fixed && p[0] == 'a' && p[PAGE] == 'b', "MREMAP_FIXED lands where asked");
	report_eq(fault_of(sink = q[0]), SIGSEGV);
	report_errno((long)mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	report_errno((long)mremap(p, PAGE, 0, 0), EINVAL);
	munmap(fixed, 8 * PAGE);
	report_errno((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

static void advice(void)
{
	char *p = map(4, RW);

	memset(p, 7, 4 * PAGE);
	report_eq(madvise(p + PAGE, PAGE, MADV_DONTNEED), 0);
	report(p[0] == 7 && all_zero(p + PAGE, PAGE) && p[2 * PAGE] == 7, "MADV_DONTNEED zeroes exactly its pages");
	report_eq(madvise(p, 4 * PAGE, MADV_HUGEPAGE), 0);
	report_eq(madvise(p, 4 * PAGE, MADV_WILLNEED), 0);
	report_errno(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	report_errno(madvise(p, PAGE, 12345), EINVAL);
	munmap(p, 4 * PAGE);
	report_errno(madvise(p, PAGE, MADV_DONTNEED), ENOMEM);
}

static void heap(void)
{
	char *start = sbrk(0), *p;

	p = sbrk(10 * PAGE);
	report(p == start && all_zero(p, 10 * PAGE), "sbrk gives zeros");
	memset(p, 1, 10 * PAGE);
	report_eq(brk(start + 100), 0);
	report(sbrk(0) == start + 100, "brk may end inside a page");
	report_eq(brk(start + 10 * PAGE), 0);
	report(all_zero((char *)(((uintptr_t)start + 100 + PAGE - 1) & -PAGE), 9 * PAGE),
	       "pages given back come back as zeros");
	report_errno((long)sbrk(1l << 46), ENOMEM);
	brk(start);
}

static void residency(void)
{
	unsigned char vec[4] = {9, 9, 9, 9};
	char *p = map(4, RW);

	p[PAGE] = 1;
	report_eq(mincore(p, 4 * PAGE, vec), 0);
	report(vec[1] & 1, "mincore: a touched page is resident");
	munmap(p, 4 * PAGE);
	report_errno(mincore(p, PAGE, vec), ENOMEM);
	p = map(2, RW);
	report_eq(mlock(p, 2 * PAGE), 0);
	report_eq(munlock(p, 2 * PAGE), 0);
	munmap(p, 2 * PAGE);
}

int main(void)
{
	report_catch_faults();
	protection();
	execute();
	placement();
	files();
	move();
	advice();
	heap();
	residency();
	return report_summary();
}
