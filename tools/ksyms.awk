# SPDX-License-Identifier: MIT
# ksyms.awk - turns `nm -n` of the kernel's first link into the assembly of section .ksyms (lib/ksyms.h).
BEGIN { n = 0 }
# Only text symbols: the second link puts nothing before the text, so their addresses stay.
$3 == "__image_start" { base = $1; next }
$2 ~ /^[tT]$/ && $3 !~ /^(__text_start|__text_end)$/ { addr[n] = $1; name[n++] = $3 }
END {
	print ".section .ksyms,\"a\",@progbits"
	last = "0x" base
	for (i = 0; i < n; i++) {
		print ".uleb128 0x" addr[i] " - " last
		print ".asciz \"" name[i] "\""
		last = "0x" addr[i]
	}
	print ".section .note.GNU-stack,\"\",@progbits"
}
