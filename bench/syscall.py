# SPDX-License-Identifier: MIT
"""getppid through libc in a loop; and the share of executed calls that took the fast path."""
import re

from bench import BENCH, alternate, loops, main, result, run, undisturbed, vm


def benchmark():
    prog = BENCH + "/getppid"
    (native, _), (cay, note) = undisturbed(*alternate(8, loops([prog]), loops(vm([prog]))))
    result("getppid through libc", cay, "ns", "at most 10 ns", native, limit=10, note=note)
    err = run(vm([prog], "--stats"))[2]
    total = re.search(r"system calls +([0-9]+)$", err, re.M)
    traps = re.search(r"system calls that trapped +([0-9]+)$", err, re.M)
    if total and traps:
        share = 100.0 * (1 - int(traps.group(1)) / max(1, int(total.group(1))))
        result("executed calls rewritten", share, "%", "at least 99 %", floor=99)


main(benchmark)
