/* SPDX-License-Identifier: MIT */
/* fmt.c - see fmt.h. The text goes through one sink that counts everything and stores what fits. */
#include "lib/fmt.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct sink {
	char *buf;
	size_t size; /* room, without the NUL */
	size_t len;  /* of the whole text */
};

struct spec {
	bool left, zero, alt, plus;
	bool has_precision;
	size_t width, precision;
	char length; /* 'H' for hh, 'h', 'l' for every 64-bit length, 0 for int */
	char conv;
};

static void put(struct sink *s, char c)
{
	if (s->len < s->size)
		s->buf[s->len] = c;
	s->len++;
}

static void pad(struct sink *s, char c, size_t n)
{
	while (n--)
		put(s, c);
}

static void put_text(struct sink *s, const struct spec *sp, const char *text, size_t len)
{
	size_t fill = sp->width > len ? sp->width - len : 0;

	if (!sp->left)
		pad(s, ' ', fill);
	for (size_t i = 0; i < len; i++)
		put(s, text[i]);
	if (sp->left)
		pad(s, ' ', fill);
}

/* prefix: sign or 0x; digits are padded with zeros to the precision, or to the width under the 0 flag. */
static void put_number(struct sink *s, const struct spec *sp, uint64_t v, unsigned base, const char *prefix)
{
	const char *set = sp->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[24]; /* 22 octal digits at most */
	size_t n = 0, zeros = 0, fill, prefix_len = strlen(prefix);

	for (; v; v /= base)
		digits[n++] = set[v % base];
	if (n == 0 && !(sp->has_precision && sp->precision == 0))
		digits[n++] = '0';
	if (sp->has_precision)
		zeros = sp->precision > n ? sp->precision - n : 0;
	else if (sp->zero && !sp->left && sp->width > n + prefix_len)
		zeros = sp->width - n - prefix_len;
	fill = sp->width > n + zeros + prefix_len ? sp->width - n - zeros - prefix_len : 0;
	if (!sp->left)
		pad(s, ' ', fill);
	while (*prefix)
		put(s, *prefix++);
	pad(s, '0', zeros);
	while (n)
		put(s, digits[--n]);
	if (sp->left)
		pad(s, ' ', fill);
}

static const char *parse_number(const char *p, size_t *out)
{
	*out = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		*out = *out * 10 + (size_t)(*p - '0');
	return p;
}

static const char *parse_flags(const char *p, struct spec *sp)
{
	for (;; p++) {
		if (*p == '-')
			sp->left = true;
		else if (*p == '0')
			sp->zero = true;
		else if (*p == '#')
			sp->alt = true;
		else if (*p == '+')
			sp->plus = true;
		else
			return p;
	}
}

static const char *parse_length(const char *p, struct spec *sp)
{
	if (p[0] == 'h') {
		sp->length = p[1] == 'h' ? 'H' : 'h';
		return p + (p[1] == 'h' ? 2 : 1);
	}
	for (; *p == 'l' || *p == 'z' || *p == 't' || *p == 'j'; p++)
		sp->length = 'l';
	return p;
}

static int64_t narrow_signed(int64_t v, char length)
{
	return length == 'H' ? (signed char)v : length == 'h' ? (short)v : length == 'l' ? v : (int)v;
}

static uint64_t narrow_unsigned(uint64_t v, char length)
{
	return length == 'H' ? (uint8_t)v : length == 'h' ? (uint16_t)v : length == 'l' ? v : (uint32_t)v;
}

size_t fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = {.buf = buf, .size = size ? size - 1 : 0};

	for (const char *p = fmt; *p; p++) {
		struct spec sp = {0};
		const char *start = p;

		if (*p != '%') {
			put(&s, *p);
			continue;
		}
		p = parse_flags(p + 1, &sp);
		if (*p == '*') {
			int w = va_arg(ap, int);

			sp.left |= w < 0;
			sp.width = w < 0 ? 0 - (size_t)w : (size_t)w;
			p++;
		} else {
			p = parse_number(p, &sp.width);
		}
		if (*p == '.') {
			sp.has_precision = true;
			if (p[1] == '*') {
				int n = va_arg(ap, int);

				sp.has_precision = n >= 0;
				sp.precision = n >= 0 ? (size_t)n : 0;
				p += 2;
			} else {
				p = parse_number(p + 1, &sp.precision);
			}
		}
		p = parse_length(p, &sp);
		sp.conv = *p;
		switch (*p) {
		case 'd':
		case 'i': {
			int64_t v = narrow_signed(sp.length == 'l' ? va_arg(ap, int64_t) : va_arg(ap, int), sp.length);

			put_number(&s, &sp, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10,
				   v < 0     ? "-"
				   : sp.plus ? "+"
					     : "");
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o': {
			uint64_t v = narrow_unsigned(sp.length == 'l' ? va_arg(ap, uint64_t) : va_arg(ap, unsigned),
						     sp.length);
			const char *prefix = !sp.alt || !v ? ""
					     : *p == 'x'   ? "0x"
					     : *p == 'X'   ? "0X"
					     : *p == 'o'   ? "0"
							   : "";

			put_number(&s, &sp, v, *p == 'u' ? 10 : *p == 'o' ? 8 : 16, prefix);
			break;
		}
		case 'p':
			put_number(&s, &sp, (uintptr_t)va_arg(ap, void *), 16, "0x");
			break;
		case 's': {
			const char *text = va_arg(ap, const char *);

			if (!text)
				text = "(null)";
			put_text(&s, &sp, text, sp.has_precision ? strnlen(text, sp.precision) : strlen(text));
			break;
		}
		case 'c': {
			char c = (char)va_arg(ap, int);

			put_text(&s, &sp, &c, 1);
			break;
		}
		case '%':
			put(&s, '%');
			break;
		default:
			for (; start < p; start++)
				put(&s, *start);
			p--; /* the loop looks at the unknown character again: it may be the final NUL */
			break;
		}
	}
	if (size)
		buf[s.len < s.size ? s.len : s.size] = '\0';
	return s.len;
}

size_t fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void fmt_append(char *buf, size_t size, size_t *pos, const char *fmt, ...)
{
	va_list ap;
	size_t room = *pos < size ? size - *pos : 0, n;

	if (room == 0)
		return;
	va_start(ap, fmt);
	n = fmt_vsnprintf(buf + *pos, room, fmt, ap);
	va_end(ap);
	*pos += n < room ? n : room - 1;
}
