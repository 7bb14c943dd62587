/* SPDX-License-Identifier: MIT */
/*
 * client.h - asking running VMs, for the commands. Answers come from a process that talks to a hostile guest and may
 * have been taken over: sizes and times are limited, JSON is checked by its parser, and text goes to a terminal only
 * through client_text or CLIENT_JSON.
 */
#ifndef CAY_VMM_CONTROL_CLIENT_H
#define CAY_VMM_CONTROL_CLIENT_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "vmm/control/request.h"

/* How an answer is printed as JSON (json_dumpf): escaped, because a terminal takes U+009B for the beginning of a
 * command.
 */
#define CLIENT_JSON (JSON_INDENT(1) | JSON_ENSURE_ASCII)

/* The folder of the user's VMs (registry.h), or -1 after a message. */
MUST_CHECK int client_open(void);

/*
 * Asks one VM. Returns 0 with *answer, the caller's, an object; *pid, if not NULL, is set whenever the VM could be
 * reached. -ENOENT: no such VM; -ETIMEDOUT: it does not answer (its process may be stopped); -EPROTO: no proper answer.
 */
MUST_CHECK int client_ask(int folder, const char *name, enum control_request r, json_t **answer, pid_t *pid);

/* Says why a VM could not be asked, or what it answered instead. Returns the exit status. */
int client_complain(const char *name, int err);

/* A descriptor for the VM's process (pidfd_open(2)), which cannot turn into another's. -ENOENT, -errno. */
MUST_CHECK int client_pidfd(int folder, const char *name);

/* Members of an answer: 0, "" and an empty object where they are missing or of another kind. */
long long client_number(const json_t *o, const char *key);
/* Printable ASCII; whatever else there is becomes '?'. Valid until the eighth next call. */
const char *client_text(const json_t *o, const char *key);

#endif
