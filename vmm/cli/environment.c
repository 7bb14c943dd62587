/* SPDX-License-Identifier: MIT */
/* environment.c - choosing and building the program's environment. */
#include "vmm/cli/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/say.h"
#include "vmm/cli/tree.h"

#define ENV_MAX      4096
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Passed on as they are; a trailing '*' stands for any rest. PATH and PWD are made, not copied. */
static const char *const passed[] = {
	"HOME",     "USER",      "LOGNAME", "SHELL", /* who */
	"LANG",     "LANGUAGE",  "LC_*",    "TZ",    /* where */
	"TERM",     "COLORTERM", "COLUMNS", "LINES", /* on what terminal */
	"NO_COLOR",
};

static size_t name_length(const char *assignment)
{
	return strcspn(assignment, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t len = name_length(a);

	return len == name_length(b) && memcmp(a, b, len) == 0;
}

const char *environment_get(char *const *env, const char *name)
{
	for (; *env; env++)
		if (same_name(*env, name))
			return (*env)[name_length(*env)] ? *env + name_length(*env) + 1 : NULL;
	return NULL;
}

int environment_request(struct run_options *opt, const char *assignment)
{
	struct run_request *req = &opt->req;

	if (name_length(assignment) == 0) {
		say_error("-e '%s' has no name before '='; write -e NAME=VALUE", assignment);
		return RUN_EXIT_OURS;
	}
	if (req->nr_env == ENV_MAX) {
		say_error("too many environment variables: at most %d", ENV_MAX);
		return RUN_EXIT_OURS;
	}
	if (!req->env)
		req->env = pool_alloc(&opt->pool, ENV_MAX * sizeof(*req->env));
	req->env[req->nr_env++] = assignment;
	return 0;
}

int environment_request_file(struct run_options *opt, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int status = 0;

	if (!f) {
		say_error("--env-file %s: %s", path, strerror(errno));
		return RUN_EXIT_OURS;
	}
	while (status == 0 && (len = getline(&line, &room, f)) >= 0) {
		size_t end = (size_t)len, start;

		while (end && (line[end - 1] == '\n' || line[end - 1] == '\r'))
			end--;
		line[end] = '\0';
		start = strspn(line, " \t");
		if (line[start] && line[start] != '#')
			status = environment_request(opt, pool_strdup(&opt->pool, line + start));
	}
	if (status == 0 && ferror(f)) {
		say_error("--env-file %s: %s", path, strerror(errno));
		status = RUN_EXIT_OURS;
	}
	free(line);
	fclose(f);
	return status;
}

/* Sets or replaces; the array has room for everything (see environment_build). */
static void put(struct run_options *opt, const char *assignment)
{
	for (int i = 0; i < opt->envc; i++)
		if (same_name(opt->envp[i], assignment)) {
			opt->envp[i] = (char *)assignment;
			return;
		}
	opt->envp[opt->envc++] = (char *)assignment;
}

static bool is_passed(const char *assignment)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		size_t len = strlen(passed[i]);

		if (passed[i][len - 1] == '*' ? strncmp(assignment, passed[i], len - 1) == 0
					      : same_name(assignment, passed[i]))
			return true;
	}
	return false;
}

/* The host's PATH without the folders that the guest does not have. */
static const char *guest_path(struct run_options *opt, const char *path)
{
	char *out = pool_alloc(&opt->pool, strlen(path) + 1), *end = out;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, ":");
		char *dir = pool_strndup(&opt->pool, p, len);

		if (dir[0] == '/' && tree_shows(opt, dir)) {
			if (end != out)
				*end++ = ':';
			memcpy(end, dir, len);
			end += len;
		}
		p += len + (p[len] == ':');
	}
	*end = '\0';
	return end == out ? DEFAULT_PATH : out;
}

void environment_build(struct run_options *opt, char **host_env)
{
	size_t host_count = 0;
	const char *path = environment_get(host_env, "PATH");

	while (host_env[host_count])
		host_count++;
	opt->envp = pool_alloc(&opt->pool, (host_count + opt->req.nr_env + 3) * sizeof(*opt->envp));
	opt->envc = 0;
	put(opt, pool_printf(&opt->pool, "PATH=%s", path && !opt->root ? guest_path(opt, path) : DEFAULT_PATH));
	put(opt, pool_printf(&opt->pool, "PWD=%s", opt->cwd));
	for (char **e = host_env; *e; e++)
		if (is_passed(*e))
			put(opt, *e);
	for (unsigned i = 0; i < opt->req.nr_env; i++) {
		const char *want = opt->req.env[i];
		const char *value = want[name_length(want)] ? NULL : environment_get(host_env, want);

		if (want[name_length(want)])
			put(opt, want);
		else if (value)
			put(opt, pool_printf(&opt->pool, "%s=%s", want, value));
	}
	opt->envp[opt->envc] = NULL;
}
