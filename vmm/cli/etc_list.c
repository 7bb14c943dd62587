/* SPDX-License-Identifier: MIT */
/*
 * etc_list.c - the harmless part of the host's /etc: what libraries and language runtimes read and every user may know.
 * An entry needs a reason to be here. Never: passwords (shadow, gshadow), keys (ssh, ssl/private), machine-id, sudoers,
 * cron, fstab, host-specific service configuration.
 */
#include "vmm/cli/etc_list.h"

#include <stddef.h>

const char *const etc_list[] = {
	"hosts", /* the first: ETC_LIST_WITHOUT_HOSTS */
	/* names of users, hosts, protocols: libc's get*ent and the resolver */
	"passwd",
	"group",
	"host.conf",
	"nsswitch.conf",
	"resolv.conf",
	"gai.conf",
	"networks",
	"protocols",
	"services",
	"rpc",
	"shells",
	/* finding libraries: glibc's and musl's loaders */
	"ld.so.cache",
	"ld.so.conf",
	"ld.so.conf.d",
	"ld-musl-x86_64.path",
	"ld-musl-x86_64.d",
	/* where and in which language: time zone, locales, terminal and keyboard */
	"localtime",
	"timezone",
	"locale.alias",
	"locale.conf",
	"terminfo",
	"inputrc",
	/* which system this is: os-release readers */
	"os-release",
	"debian_version",
	"alpine-release",
	"redhat-release",
	"issue",
	"lsb-release",
	/* Debian's symbolic links to the chosen version of a command or library */
	"alternatives",
	/* certificates and policy of TLS libraries; /etc/ssl has private keys beside them, so tree.c shows its parts
	   one by one */
	"ca-certificates",
	"crypto-policies",
	/* language runtimes */
	"perl",
	"python3",
	"python3.9",
	"python3.10",
	"python3.11",
	"python3.12",
	"python3.13",
	"java-17-openjdk",
	"java-21-openjdk",
	"java-11-openjdk",
	"R",
	"mono",
	"racket",
	"octave.conf",
	"julia",
	"dotnet",
	"lua",
	"erlang",
	"maven",
	"fpc.cfg",
	"sbclrc",
	"gnucobol",
	"chromium",
	"chromium.d",
	/* file types, fonts, paper, magic numbers */
	"mime.types",
	"magic",
	"fonts",
	"papersize",
	"mailcap",
	"xml",
	"sgml",
	"ImageMagick-6",
	"ImageMagick-7",
	"ghostscript",
	"texmf",
	/* shells and tools that read a system-wide configuration */
	"profile",
	"profile.d",
	"bash.bashrc",
	"skel",
	"login.defs",
	"environment",
	"xattr.conf",
	"wgetrc",
	"gitconfig",
	"vim",
	"nanorc",
	"emacs",
	"zsh",
	"fish",
	"screenrc",
	"tmux.conf",
	"manpath.config",
	"groff",
	NULL,
};
