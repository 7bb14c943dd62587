/* SPDX-License-Identifier: MIT */
#include "kernel/linux/strace_format.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "kernel/linux/strace_flags.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/uaccess.h"
#include "lib/compiler.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define STRING_SHOWN  64
#define VECTORS_SHOWN 4

static const char *const errno_names[] = {[1] = "EPERM",
					  [2] = "ENOENT",
					  [3] = "ESRCH",
					  [4] = "EINTR",
					  [5] = "EIO",
					  [6] = "ENXIO",
					  [7] = "E2BIG",
					  [8] = "ENOEXEC",
					  [9] = "EBADF",
					  [10] = "ECHILD",
					  [11] = "EAGAIN",
					  [12] = "ENOMEM",
					  [13] = "EACCES",
					  [14] = "EFAULT",
					  [15] = "ENOTBLK",
					  [16] = "EBUSY",
					  [17] = "EEXIST",
					  [18] = "EXDEV",
					  [19] = "ENODEV",
					  [20] = "ENOTDIR",
					  [21] = "EISDIR",
					  [22] = "EINVAL",
					  [23] = "ENFILE",
					  [24] = "EMFILE",
					  [25] = "ENOTTY",
					  [26] = "ETXTBSY",
					  [27] = "EFBIG",
					  [28] = "ENOSPC",
					  [29] = "ESPIPE",
					  [30] = "EROFS",
					  [31] = "EMLINK",
					  [32] = "EPIPE",
					  [33] = "EDOM",
					  [34] = "ERANGE",
					  [35] = "EDEADLOCK",
					  [36] = "ENAMETOOLONG",
					  [37] = "ENOLCK",
					  [38] = "ENOSYS",
					  [39] = "ENOTEMPTY",
					  [40] = "ELOOP",
					  [42] = "ENOMSG",
					  [43] = "EIDRM",
					  [44] = "ECHRNG",
					  [45] = "EL2NSYNC",
					  [46] = "EL3HLT",
					  [47] = "EL3RST",
					  [48] = "ELNRNG",
					  [49] = "EUNATCH",
					  [50] = "ENOCSI",
					  [51] = "EL2HLT",
					  [52] = "EBADE",
					  [53] = "EBADR",
					  [54] = "EXFULL",
					  [55] = "ENOANO",
					  [56] = "EBADRQC",
					  [57] = "EBADSLT",
					  [59] = "EBFONT",
					  [60] = "ENOSTR",
					  [61] = "ENODATA",
					  [62] = "ETIME",
					  [63] = "ENOSR",
					  [64] = "ENONET",
					  [65] = "ENOPKG",
					  [66] = "EREMOTE",
					  [67] = "ENOLINK",
					  [68] = "EADV",
					  [69] = "ESRMNT",
					  [70] = "ECOMM",
					  [71] = "EPROTO",
					  [72] = "EMULTIHOP",
					  [73] = "EDOTDOT",
					  [74] = "EBADMSG",
					  [75] = "EOVERFLOW",
					  [76] = "ENOTUNIQ",
					  [77] = "EBADFD",
					  [78] = "EREMCHG",
					  [79] = "ELIBACC",
					  [80] = "ELIBBAD",
					  [81] = "ELIBSCN",
					  [82] = "ELIBMAX",
					  [83] = "ELIBEXEC",
					  [84] = "EILSEQ",
					  [85] = "ERESTART",
					  [86] = "ESTRPIPE",
					  [87] = "EUSERS",
					  [88] = "ENOTSOCK",
					  [89] = "EDESTADDRREQ",
					  [90] = "EMSGSIZE",
					  [91] = "EPROTOTYPE",
					  [92] = "ENOPROTOOPT",
					  [93] = "EPROTONOSUPPORT",
					  [94] = "ESOCKTNOSUPPORT",
					  [95] = "ENOTSUP",
					  [96] = "EPFNOSUPPORT",
					  [97] = "EAFNOSUPPORT",
					  [98] = "EADDRINUSE",
					  [99] = "EADDRNOTAVAIL",
					  [100] = "ENETDOWN",
					  [101] = "ENETUNREACH",
					  [102] = "ENETRESET",
					  [103] = "ECONNABORTED",
					  [104] = "ECONNRESET",
					  [105] = "ENOBUFS",
					  [106] = "EISCONN",
					  [107] = "ENOTCONN",
					  [108] = "ESHUTDOWN",
					  [109] = "ETOOMANYREFS",
					  [110] = "ETIMEDOUT",
					  [111] = "ECONNREFUSED",
					  [112] = "EHOSTDOWN",
					  [113] = "EHOSTUNREACH",
					  [114] = "EALREADY",
					  [115] = "EINPROGRESS",
					  [116] = "ESTALE",
					  [117] = "EUCLEAN",
					  [118] = "ENOTNAM",
					  [119] = "ENAVAIL",
					  [120] = "EISNAM",
					  [121] = "EREMOTEIO",
					  [122] = "EDQUOT",
					  [123] = "ENOMEDIUM",
					  [124] = "EMEDIUMTYPE",
					  [125] = "ECANCELED",
					  [126] = "ENOKEY",
					  [127] = "EKEYEXPIRED",
					  [128] = "EKEYREVOKED",
					  [129] = "EKEYREJECTED",
					  [130] = "EOWNERDEAD",
					  [131] = "ENOTRECOVERABLE",
					  [132] = "ERFKILL"};

void strace_put(struct strace_line *l, const char *fmt, ...)
{
	char piece[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	n = MIN(n, (int)sizeof(piece) - 1);
	n = MIN(n, (int)(sizeof(l->text) - 1 - l->len));
	memcpy(l->text + l->len, piece, (size_t)n);
	l->len += (size_t)n;
	l->text[l->len] = '\0';
}

static void put_bytes(struct strace_line *l, const char *p, size_t n, bool more)
{
	strace_put(l, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\n')
			strace_put(l, "\\n");
		else if (c == '\t')
			strace_put(l, "\\t");
		else if (c == '"' || c == '\\')
			strace_put(l, "\\%c", c);
		else if (c >= ' ' && c < 0x7f)
			strace_put(l, "%c", c);
		else
			strace_put(l, "\\x%02x", c);
	}
	strace_put(l, more ? "\"..." : "\"");
}

static void put_buffer(struct strace_line *l, long addr, size_t n)
{
	char buf[STRING_SHOWN];
	size_t shown = MIN(n, sizeof(buf));

	if (shown != 0 && copy_from_user(buf, (const void *)addr, shown) != 0)
		strace_put(l, "%#lx", (unsigned long)addr);
	else
		put_bytes(l, buf, shown, shown < n);
}

/* A string may end just before memory that is not there: read it byte by byte. */
static void put_string(struct strace_line *l, long addr)
{
	char buf[PATH_MAX / 8];
	size_t n = 0;

	while (n < sizeof(buf) && copy_from_user(buf + n, (const char *)addr + n, 1) == 0 && buf[n] != '\0')
		n++;
	if (n == 0 && copy_from_user(buf, (const char *)addr, 1) != 0)
		strace_put(l, addr == 0 ? "NULL" : "%#lx", (unsigned long)addr);
	else
		put_bytes(l, buf, n, n == sizeof(buf));
}

static void put_pointer(struct strace_line *l, long v)
{
	strace_put(l, v == 0 ? "NULL" : "%#lx", (unsigned long)v);
}

const char *strace_signal_name(int signo)
{
	return strace_lookup(STRACE_SIGNALS, (uint64_t)signo);
}

static void put_sigset(struct strace_line *l, long addr)
{
	uint64_t set;
	bool first = true;

	if (addr == 0 || get_user_u64(&set, (const void *)addr) != 0) {
		put_pointer(l, addr);
		return;
	}
	if (set == UINT64_MAX || ~set < 1024) {
		strace_put(l, "~[]");
		return;
	}
	strace_put(l, "[");
	for (int s = 1; s <= 64; s++) {
		const char *name = strace_signal_name(s);

		if (!(set >> (s - 1) & 1))
			continue;
		strace_put(l, first ? "" : " ");
		if (name != NULL)
			strace_put(l, "%s", name + 3);
		else
			strace_put(l, "RT_%d", s - 32);
		first = false;
	}
	strace_put(l, "]");
}

static void put_timespec(struct strace_line *l, long addr)
{
	struct __kernel_timespec ts;

	if (addr == 0 || copy_from_user(&ts, (const void *)addr, sizeof(ts)) != 0)
		put_pointer(l, addr);
	else
		strace_put(l, "{tv_sec=%lld, tv_nsec=%lld}", (long long)ts.tv_sec, (long long)ts.tv_nsec);
}

static void put_sigaction(struct strace_line *l, long addr)
{
	uint64_t act[4]; /* handler, flags, restorer, mask: kernel/linux/signal.h */

	if (addr == 0 || copy_from_user(act, (const void *)addr, sizeof(act)) != 0) {
		put_pointer(l, addr);
		return;
	}
	strace_put(l, "{sa_handler=");
	if (act[0] < 2)
		strace_put(l, act[0] == 0 ? "SIG_DFL" : "SIG_IGN");
	else
		strace_put(l, "%#lx", act[0]);
	strace_put(l, ", sa_mask=");
	put_sigset(l, addr + 24);
	strace_put(l, ", sa_flags=");
	strace_put_flags(l, STRACE_SA_FLAGS, act[1]);
	strace_put(l, "}");
}

static void put_rlimit(struct strace_line *l, long addr)
{
	uint64_t lim[2];

	if (addr == 0 || copy_from_user(lim, (const void *)addr, sizeof(lim)) != 0) {
		put_pointer(l, addr);
		return;
	}
	for (int i = 0; i < 2; i++) {
		strace_put(l, i == 0 ? "{rlim_cur=" : ", rlim_max=");
		strace_put(l, lim[i] == UINT64_MAX ? "RLIM64_INFINITY" : "%lu", lim[i]);
	}
	strace_put(l, "}");
}

static void put_stat(struct strace_line *l, long addr)
{
	struct stat st; /* the C library's is the kernel's on x86-64 */

	if (addr == 0 || copy_from_user(&st, (const void *)addr, sizeof(st)) != 0) {
		put_pointer(l, addr);
		return;
	}
	strace_put(l, "{st_mode=%s|0%o, ", strace_lookup(STRACE_FILE_TYPES, st.st_mode & S_IFMT) ?: "0",
		   st.st_mode & 07777u);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		strace_put(l, "st_rdev=%#lx, ...}", (unsigned long)st.st_rdev);
	else
		strace_put(l, "st_size=%ld, ...}", (long)st.st_size);
}

static void put_iovec(struct strace_line *l, long addr, long count)
{
	strace_put(l, "[");
	for (long i = 0; i < count && i < VECTORS_SHOWN; i++) {
		struct iovec v;

		if (copy_from_user(&v, (const struct iovec *)addr + i, sizeof(v)) != 0)
			break;
		strace_put(l, i == 0 ? "{iov_base=" : ", {iov_base=");
		put_buffer(l, (long)v.iov_base, v.iov_len);
		strace_put(l, ", iov_len=%zu}", (size_t)v.iov_len);
	}
	strace_put(l, count > VECTORS_SHOWN ? ", ...]" : "]");
}

static void put_argv(struct strace_line *l, long addr)
{
	strace_put(l, "[");
	for (long i = 0; i < 32; i++) {
		uint64_t p;

		if (get_user_u64(&p, (const uint64_t *)addr + i) != 0 || p == 0)
			break;
		strace_put(l, i == 0 ? "" : ", ");
		put_string(l, (long)p);
	}
	strace_put(l, "]");
}

static void put_pair(struct strace_line *l, long addr)
{
	int fds[2];

	if (copy_from_user(fds, (const void *)addr, sizeof(fds)) != 0)
		put_pointer(l, addr);
	else
		strace_put(l, "[%d, %d]", fds[0], fds[1]);
}

bool strace_is_out(char letter)
{
	return letter != '\0' && strchr("rqStaKRD", letter) != NULL;
}

static void put_out(struct strace_line *l, char letter, long v, long result)
{
	if (result < 0 && result > -4096) { /* nothing was filled in */
		put_pointer(l, v);
		return;
	}
	switch (letter) {
	case 'r':
		put_buffer(l, v, (size_t)result);
		break;
	case 'q':
		put_string(l, v);
		break;
	case 'S':
		put_stat(l, v);
		break;
	case 't':
		put_timespec(l, v);
		break;
	case 'a':
		put_sigaction(l, v);
		break;
	case 'K':
		put_sigset(l, v);
		break;
	case 'R':
		put_rlimit(l, v);
		break;
	default:
		put_pair(l, v);
		break;
	}
}

static void put_name(struct strace_line *l, enum strace_names set, long v)
{
	const char *name = strace_lookup(set, (uint64_t)v);

	if (name != NULL)
		strace_put(l, "%s", name);
	else
		strace_put(l, "%#lx", (unsigned long)v);
}

void strace_arg(struct strace_line *l, char letter, const long *args, unsigned i, long result)
{
	long v = args[i], next = i < 5 ? args[i + 1] : 0;

	if (strace_is_out(letter)) {
		put_out(l, letter, v, result);
		return;
	}
	switch (letter) {
	case 'd':
		strace_put(l, v == (int)v ? "%ld" : "%#lx", v == (int)v ? v : v);
		break;
	case 'f':
		strace_put(l, "%d", (int)v);
		break;
	case 'F':
		strace_put(l, (int)v == -100 ? "AT_FDCWD" : "%d", (int)v);
		break;
	case 'u':
		strace_put(l, "%lu", (unsigned long)v);
		break;
	case 'm':
		strace_put(l, "0%lo", (unsigned long)v & 07777777);
		break;
	case 'p':
		put_pointer(l, v);
		break;
	case 's':
		put_string(l, v);
		break;
	case 'b':
		put_buffer(l, v, (size_t)next);
		break;
	case 'v':
		put_iovec(l, v, next);
		break;
	case 'N':
		put_argv(l, v);
		break;
	case 'k':
		put_sigset(l, v);
		break;
	case 'T':
		put_timespec(l, v);
		break;
	case 'A':
		put_sigaction(l, v);
		break;
	case 'Q':
		put_rlimit(l, v);
		break;
	case 'o':
		strace_put(l, "%s", strace_lookup(STRACE_ACCESS_MODES, (uint64_t)v & 3) ?: "0x3");
		if ((v & ~3l) != 0) {
			strace_put(l, "|");
			strace_put_flags(l, STRACE_OPEN_FLAGS, (uint64_t)(v & ~3l));
		}
		break;
	case 'P':
		strace_put_flags(l, STRACE_PROT, (uint64_t)v);
		break;
	case 'M':
		strace_put_flags(l, STRACE_MAP_FLAGS, (uint64_t)v);
		break;
	case 'l':
		strace_put_flags(l, STRACE_R_OK, (uint64_t)v);
		break;
	case 'U':
		strace_put_flags(l, STRACE_AT_FLAGS, (uint64_t)v);
		break;
	case 'n':
		strace_put_flags(l, STRACE_CLONE_FLAGS, (uint64_t)v & ~0xfful);
		break;
	case 'V':
		put_name(l, STRACE_MADVISE, v);
		break;
	case 'w':
		put_name(l, STRACE_WHENCE, v);
		break;
	case 'c':
		put_name(l, STRACE_FCNTL, v);
		break;
	case 'e':
		put_name(l, STRACE_FUTEX, v & 0x7f);
		strace_put(l, v & 0x80 ? "_PRIVATE" : "");
		break;
	case 'g':
		put_name(l, STRACE_SIGNALS, v);
		break;
	case 'h':
		put_name(l, STRACE_SIG_HOW, v);
		break;
	case 'C':
		put_name(l, STRACE_CLOCKS, v);
		break;
	case 'L':
		put_name(l, STRACE_RLIMITS, v);
		break;
	case 'i':
		put_name(l, STRACE_IOCTLS, v);
		break;
	default:
		strace_put(l, "%#lx", (unsigned long)v);
		break;
	}
}

static const char *errno_name(long e)
{
	switch (e) {
	case ERESTARTSYS:
		return "ERESTARTSYS (to be restarted if SA_RESTART is set)";
	case ERESTARTNOINTR:
		return "ERESTARTNOINTR (to be restarted)";
	case ERESTARTNOHAND:
		return "ERESTARTNOHAND (to be restarted if no handler)";
	case 516:
		return "ERESTART_RESTARTBLOCK (interrupted by signal)";
	default:
		return e < (long)ARRAY_SIZE(errno_names) ? errno_names[e] : NULL;
	}
}

void strace_result(struct strace_line *l, const char *name, long result)
{
	if (result < 0 && result > -4096) {
		const char *e = errno_name(-result);

		if (result <= -512)
			strace_put(l, " = ? ");
		else
			strace_put(l, " = -1 ");
		strace_put(l, e != NULL ? "%s" : "%s(unknown)", e != NULL ? e : "");
		return;
	}
	/* addresses */
	if (strcmp(name, "mmap") == 0 || strcmp(name, "brk") == 0 || strcmp(name, "mremap") == 0)
		strace_put(l, " = %#lx", (unsigned long)result);
	else
		strace_put(l, " = %ld", result);
}
