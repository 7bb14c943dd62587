/* SPDX-License-Identifier: MIT */
/* net_flags.h - reads the values of --net and -p. Each refusal is one line, said here. */
#ifndef CAY_VMM_CLI_NET_FLAGS_H
#define CAY_VMM_CLI_NET_FLAGS_H

#include "lib/compiler.h"
#include "vmm/dev/net_options.h"

/* KIND[=NAME][,KEY=VALUE...]. Keeps what -p and --pcap have set. Returns 0, or -1 after a message. */
MUST_CHECK int net_flag_net(struct net_options *net, const char *value);

/* [IP:]HOST:GUEST[/tcp|/udp]. Returns 0, or -1 after a message. */
MUST_CHECK int net_flag_publish(struct net_options *net, const char *value);

/* After all flags: what does not go together. Returns 0, or -1 after a message. */
MUST_CHECK int net_flags_check(const struct net_options *net);

#endif
