/* SPDX-License-Identifier: MIT */
#include "vmm/control/answer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/backend/backend.h"
#include "vmm/cli/run_options.h"
#include "vmm/core/counters.h"
#include "vmm/core/timing.h"
#include "vmm/core/vm.h"
#include "vmm/inspect/inspect.h"

json_t *answer_error(const char *text)
{
	return json_pack("{s:s}", "error", text);
}

/* Arguments may be any bytes; JSON is UTF-8. */
static json_t *string_of(const char *s)
{
	char clean[512];
	size_t n = 0;
	json_t *j = json_string(s);

	if (j != NULL)
		return j;
	for (; n < sizeof(clean) - 1 && s[n] != '\0'; n++)
		clean[n] = (char)((unsigned char)s[n] < 0x80 ? s[n] : '?');
	return json_stringn(clean, n);
}

static json_t *command(const struct run_options *opt)
{
	json_t *a = json_array();

	for (int i = 0; i < opt->argc && i < 64; i++)
		json_array_append_new(a, string_of(opt->argv[i]));
	return a;
}

static json_t *ports(const struct net_options *net)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < net->nr_publish; i++) {
		const struct net_publish *p = &net->publish[i];
		char ip[INET6_ADDRSTRLEN];

		inet_ntop(p->v6 ? AF_INET6 : AF_INET, p->host_ip, ip, sizeof(ip));
		json_array_append_new(a, json_pack("{s:s, s:i, s:i, s:s}", "address", ip, "port", p->host_port,
						   "guest_port", p->guest_port, "protocol", p->udp ? "udp" : "tcp"));
	}
	return a;
}

static const char *net_kind(enum net_kind kind)
{
	static const char *const names[] = {
		[NET_USER] = "user", [NET_TAP] = "tap", [NET_LINK] = "link", [NET_NONE] = "none"};

	return names[kind];
}

static json_t *info(struct vm *vm, const char *name)
{
	const struct run_options *opt = vm->opt;
	json_t *o = json_pack("{s:s, s:i, s:s, s:I, s:I, s:i}", "name", name, "pid", (int)getpid(), "backend",
			      vm->backend->name, "uptime_ns", (json_int_t)(timing_now_ns() - vm->timing[VM_T_EXEC]),
			      "memory_bytes", (json_int_t)opt->ram_bytes, "cpus", (int)opt->nr_cpus);
	struct stat st;

	json_object_set_new(o, "command", command(opt));
	json_object_set_new(o, "hostname", string_of(opt->hostname));
	json_object_set_new(o, "network", json_string(net_kind(opt->net.kind)));
	json_object_set_new(o, "network_name", string_of(opt->net.name));
	json_object_set_new(o, "ports", ports(&opt->net));
	/* Memory in a file of its own counts to no process that ps or top would show. */
	if (vm->mem.fd >= 0 && fstat(vm->mem.fd, &st) == 0)
		json_object_set_new(o, "memory_file_bytes", json_integer((json_int_t)st.st_blocks * 512));
	return o;
}

static json_t *rows(const struct counter *c, unsigned nr)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < nr; i++)
		json_object_set_new(o, c[i].key, json_integer((json_int_t)c[i].value));
	return o;
}

static json_t *stats(struct vm *vm, const char *name)
{
	struct counter host[COUNTERS_MAX], net[COUNTERS_MAX], guest[COUNTERS_MAX];
	struct counted_call made[COUNTED_CALLS];
	struct cay_stats s;
	unsigned nr_calls;
	char buf[16];
	json_t *o = json_pack("{s:s, s:I}", "name", name, "uptime_ns",
			      (json_int_t)(timing_now_ns() - vm->timing[VM_T_EXEC]));
	json_t *calls = json_object(), *absent = json_array();

	counters_copy_guest(vm, &s);
	json_object_set_new(o, "host", rows(host, counters_host(vm, host)));
	json_object_set_new(o, "net", rows(net, counters_net(vm, net)));
	json_object_set_new(o, "guest", rows(guest, counters_guest(&s, guest)));
	nr_calls = counters_calls(&s, made);
	for (unsigned i = 0; i < nr_calls; i++)
		json_object_set_new(calls, counters_call_name(made[i].nr, buf), json_integer(made[i].count));
	for (unsigned i = 0; i < COUNTED_CALLS; i++)
		if (counters_call_is_absent(&s, i))
			json_array_append_new(absent, json_string(counters_call_name(i, buf)));
	json_object_set_new(o, "calls", calls);
	json_object_set_new(o, "absent_calls", absent);
	return o;
}

static json_t *list_of(struct guest_map *m, struct vm *vm, enum control_request r)
{
	struct inspect_cpus cpus = {.nr = 0};

	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpu[i].page != NULL)
			cpus.page[cpus.nr++] = vm->vcpu[i].page;
	return r == CONTROL_THREADS ? inspect_threads(m, &cpus)
	       : r == CONTROL_FILES ? inspect_files(m)
				    : inspect_sockets(m);
}

/* {"name", KIND: [...]}, and "incomplete" if there was more than is looked at. */
static json_t *inspect(struct vm *vm, const char *name, enum control_request r)
{
	struct guest_map *m = malloc(sizeof(*m));
	json_t *o = NULL;

	if (m != NULL && guest_map_load(m, &vm->mem, vm->stats)) {
		o = json_pack("{s:s}", "name", name);
		json_object_set_new(o, control_request_word(r), list_of(m, vm, r));
		if (m->budget == 0)
			json_object_set_new(o, "incomplete", json_true());
	}
	free(m);
	return o != NULL ? o : answer_error("its kernel has not said yet where its structures are");
}

json_t *answer_make(struct vm *vm, const char *name, enum control_request r)
{
	switch (r) {
	case CONTROL_INFO:
		return info(vm, name);
	case CONTROL_STATS:
		return stats(vm, name);
	case CONTROL_THREADS:
	case CONTROL_FILES:
	case CONTROL_SOCKETS:
		return inspect(vm, name, r);
	default:
		return answer_error("this version of cay does not know the question");
	}
}
