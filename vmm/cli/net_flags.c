/* SPDX-License-Identifier: MIT */
/* net_flags.c - see net_flags.h. */
#include "vmm/cli/net_flags.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/numbers.h"
#include "vmm/cli/say.h"

#define NET_VALUE_MAX 512 /* longest --net */
#define MTU_MIN       576
#define MTU_MAX       65520
#define NS_PER_MS     1000000.0

/* A decimal number with a fraction, at most max; *unit is what follows it. */
static bool read_number(const char *s, double max, double *value, const char **unit)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	*value = strtod(s, &end);
	*unit = end;
	return *value <= max;
}

/* "1%" or "0.5%". */
static bool read_percent(const char *s, uint32_t *ppm)
{
	const char *unit;
	double v;

	if (!read_number(s, 100, &v, &unit) || strcmp(unit, "%") != 0)
		return false;
	*ppm = (uint32_t)(v * 10000);
	return true;
}

/* "20ms", "500us", "1s". */
static bool read_time(const char *s, uint64_t *ns)
{
	const char *unit;
	double v;

	if (!read_number(s, 60000, &v, &unit))
		return false;
	if (strcmp(unit, "ms") == 0)
		v *= NS_PER_MS;
	else if (strcmp(unit, "us") == 0)
		v *= NS_PER_MS / 1000;
	else if (strcmp(unit, "s") == 0)
		v *= NS_PER_MS * 1000;
	else
		return false;
	*ns = (uint64_t)v;
	return *ns <= 60000000000ull;
}

/* "100mbit", "1gbit", "64kbit", as tc(8) has them. */
static bool read_rate(const char *s, uint64_t *bps)
{
	const char *unit;
	double v;

	if (!read_number(s, 1e6, &v, &unit))
		return false;
	if (strcmp(unit, "kbit") == 0)
		v *= 1e3;
	else if (strcmp(unit, "mbit") == 0)
		v *= 1e6;
	else if (strcmp(unit, "gbit") == 0)
		v *= 1e9;
	else if (strcmp(unit, "bit") != 0)
		return false;
	*bps = (uint64_t)v;
	return *bps >= 1000;
}

static bool read_mac(const char *s, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, s += 3) {
		char byte[3] = {s[0], s[0] ? s[1] : '\0', '\0'};

		if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]) ||
		    s[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return (mac[0] & 1) == 0; /* not a group's */
}

/* "10.1.2.3/24": family AF_INET or AF_INET6. */
static bool read_prefix(int family, const char *s, uint8_t *addr, uint8_t *prefix)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	uint64_t bits;

	if (slash == NULL || (size_t)(slash - s) >= sizeof(text))
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (!parse_number(slash + 1, family == AF_INET ? 30 : 126, &bits) || bits == 0)
		return false;
	*prefix = (uint8_t)bits;
	return inet_pton(family, text, addr) == 1;
}

static bool read_mtu(const char *s, uint16_t *mtu)
{
	uint64_t n;

	if (!parse_number(s, MTU_MAX, &n) || n < MTU_MIN)
		return false;
	*mtu = (uint16_t)n;
	return true;
}

static bool is_name(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len == 0 || len > max || s[0] == '.' || s[0] == '-')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
			return false;
	return true;
}

/* One KEY=VALUE behind the kind. NULL: taken; else what it should look like. */
static const char *take_key(struct net_options *net, const char *key, const char *value)
{
	if (strcmp(key, "mac") == 0) {
		net->has_mac = true;
		return read_mac(value, net->mac) ? NULL : "six bytes, as in mac=02:00:00:00:00:01 (not a group's)";
	}
	if (strcmp(key, "ip") == 0)
		return read_prefix(AF_INET, value, net->ip4, &net->prefix4) ? NULL
									    : "ADDRESS/BITS, as in ip=10.0.0.2/24";
	if (strcmp(key, "ip6") == 0)
		return read_prefix(AF_INET6, value, net->ip6, &net->prefix6) ? NULL
									     : "ADDRESS/BITS, as in ip6=fd00::2/64";
	if (strcmp(key, "gw") == 0)
		return inet_pton(AF_INET, value, net->gateway4) == 1 ? NULL : "an address, as in gw=10.0.0.1";
	if (strcmp(key, "gw6") == 0)
		return inet_pton(AF_INET6, value, net->gateway6) == 1 ? NULL : "an address, as in gw6=fd00::1";
	if (strcmp(key, "dns") == 0)
		return inet_pton(AF_INET, value, net->dns4) == 1 ? NULL : "an address, as in dns=10.0.0.1";
	if (strcmp(key, "mtu") == 0)
		return read_mtu(value, &net->mtu) ? NULL : "a number from 576 to 65520";
	if (strcmp(key, "loss") == 0)
		return read_percent(value, &net->impair.loss_ppm) ? NULL : "a percentage, as in loss=1%";
	if (strcmp(key, "reorder") == 0)
		return read_percent(value, &net->impair.reorder_ppm) ? NULL : "a percentage, as in reorder=5%";
	if (strcmp(key, "delay") == 0)
		return read_time(value, &net->impair.delay_ns) ? NULL : "a time up to 60s, as in delay=20ms";
	if (strcmp(key, "rate") == 0)
		return read_rate(value, &net->impair.rate_bps) ? NULL : "a rate, as in rate=100mbit";
	if (strcmp(key, "seed") == 0)
		return parse_number(value, UINT64_MAX, &net->impair.seed) ? NULL : "a number";
	return "one of mac, ip, gw, dns, ip6, gw6, mtu, loss, delay, reorder, rate, seed";
}

static int read_keys(struct net_options *net, char *rest)
{
	char *save;

	for (char *key = strtok_r(rest, ",", &save); key != NULL; key = strtok_r(NULL, ",", &save)) {
		char *value = strchr(key, '=');
		const char *wanted;

		if (value != NULL)
			*value++ = '\0';
		wanted = take_key(net, key, value != NULL ? value : "");
		if (wanted != NULL) {
			say_error("--net ...,%s%s%s: expected %s", key, value != NULL ? "=" : "",
				  value != NULL ? value : "", wanted);
			return -1;
		}
	}
	return 0;
}

static int read_kind(struct net_options *net, const char *kind, const char *name)
{
	static const struct {
		const char *name;
		enum net_kind kind;
		size_t name_max; /* 0 = takes none */
		const char *what;
	} kinds[] = {
		{"user", NET_USER, 0, ""},
		{"none", NET_NONE, 0, ""},
		{"tap", NET_TAP, IFNAMSIZ - 1, "tap=INTERFACE"},
		{"link", NET_LINK, NET_LINK_NAME_MAX, "link=NAME"},
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		if (kinds[i].name_max == 0 && name != NULL) {
			say_error("--net %s takes no name", kind);
			return -1;
		}
		if (kinds[i].name_max != 0 && (name == NULL || !is_name(name, kinds[i].name_max))) {
			say_error("--net %s%s%s: expected %s with at most %zu letters, digits, dots and hyphens", kind,
				  name != NULL ? "=" : "", name != NULL ? name : "", kinds[i].what, kinds[i].name_max);
			return -1;
		}
		net->kind = kinds[i].kind;
		strcpy(net->name, name != NULL ? name : "");
		return 0;
	}
	say_error("--net '%s' is unknown; there are user, tap=INTERFACE, link=NAME and none", kind);
	return -1;
}

int net_flag_net(struct net_options *net, const char *value)
{
	char text[NET_VALUE_MAX], *rest, *name;

	if (strlen(value) >= sizeof(text)) {
		say_error("--net: the value is too long");
		return -1;
	}
	strcpy(text, value);
	rest = strchr(text, ',');
	if (rest != NULL)
		*rest++ = '\0';
	name = strchr(text, '=');
	if (name != NULL)
		*name++ = '\0';
	if (read_kind(net, text, name) != 0)
		return -1;
	return rest != NULL ? read_keys(net, rest) : 0;
}

static bool read_port(const char *s, uint16_t *port)
{
	uint64_t n;

	if (!parse_number(s, 65535, &n) || n == 0)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* Cuts text at its last ':'; what follows it, or NULL. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static bool read_publish(char *text, struct net_publish *p)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	char *proto = strchr(text, '/'), *guest, *host;

	if (proto != NULL) {
		*proto++ = '\0';
		p->udp = strcmp(proto, "udp") == 0;
		if (!p->udp && strcmp(proto, "tcp") != 0)
			return false;
	}
	guest = cut_last(text);
	if (guest == NULL || !read_port(guest, &p->guest_port))
		return false;
	host = cut_last(text);
	memcpy(p->host_ip, loopback, 4);
	if (host == NULL)
		return read_port(text, &p->host_port);
	if (!read_port(host, &p->host_port))
		return false;
	p->v6 = text[0] == '[' && text[strlen(text) - 1] == ']';
	if (!p->v6)
		return inet_pton(AF_INET, text, p->host_ip) == 1;
	text[strlen(text) - 1] = '\0';
	return inet_pton(AF_INET6, text + 1, p->host_ip) == 1;
}

int net_flag_publish(struct net_options *net, const char *value)
{
	struct net_publish p = {0};
	char text[64] = "";

	if (strlen(value) < sizeof(text))
		strcpy(text, value);
	if (!read_publish(text, &p)) {
		say_error("-p '%s' is not [IP:]HOST:GUEST[/udp]; for example -p 8080:80, -p 0.0.0.0:53:53/udp, or "
			  "-p [::1]:8080:80",
			  value);
		return -1;
	}
	if (net->nr_publish == NET_PUBLISH_MAX) {
		say_error("too many -p: at most %d", NET_PUBLISH_MAX);
		return -1;
	}
	net->publish[net->nr_publish++] = p;
	return 0;
}

int net_flags_check(const struct net_options *net)
{
	if (net->nr_publish != 0 && net->kind != NET_USER) {
		say_error("-p works with --net user only; with a tap or link the guest has an address of its own");
		return -1;
	}
	if (net->impair.reorder_ppm != 0 && net->impair.delay_ns == 0) {
		say_error("--net ...,reorder= needs delay=: what is reordered skips the delay");
		return -1;
	}
	if (net->kind == NET_USER && (net->prefix4 != 0 || net->prefix6 != 0)) {
		say_error("--net user has addresses of its own (10.0.2.15, fec0::15): leave ip= and ip6= out");
		return -1;
	}
	if (net->kind == NET_LINK && net->has_mac) {
		say_error("--net link gives out its own link addresses: leave mac= out");
		return -1;
	}
	if (net->pcap != NULL && net->kind == NET_NONE) {
		say_error("--pcap: there is no network to record with --net none");
		return -1;
	}
	return 0;
}
