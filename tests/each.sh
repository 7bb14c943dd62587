#!/bin/bash
# SPDX-License-Identifier: MIT
# Sourced by the runners of tests/: runs a function for each of many programs, as many at a time as there are CPUs, and sums up.

# each KIND FUNCTION ITEM...: FUNCTION ITEM prints what there is to say of it, and calls `counts PASSED FAILED SKIPPED` once. What is
# printed comes in the order of the items, then the line of the sum, which tests/run is told too. Status 1: something failed, or
# nothing ran.
each() {
	local kind=$1 function=$2 item sums n=0 passed=0 failed=0 skipped=0 p f s
	shift 2
	sums=$(mktemp -d)
	for item in "$@"; do
		n=$((n + 1))
		while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n; done
		( counts() { echo "$*" >"$sums/$n.counts"; }; "$function" "$item" ) >"$sums/$n.out" 2>&1 </dev/null &
	done
	wait
	for ((n = 1; n <= $#; n++)); do
		cat "$sums/$n.out"
		# An item that counts nothing broke off.
		read -r p f s 2>/dev/null <"$sums/$n.counts" || { p=0 f=1 s=0; echo "FAIL $kind ${!n}: it was not run to its end"; }
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	rm -rf "$sums"
	echo "$kind: $passed passed, $failed failed, $skipped skipped"
	[[ -z ${CAY_TEST_COUNTS-} ]] || echo "$kind $passed $failed $skipped" >>"$CAY_TEST_COUNTS"
	((failed == 0 && passed + skipped > 0))
}
