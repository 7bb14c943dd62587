# SPDX-License-Identifier: MIT
"""Sockets of two threads on two CPUs: what two threads move, beside Linux, and beside one thread. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

PROG = BENCH + "/sockets_parallel"


def benchmark():
    for kind, size in (("tcp", 1), ("tcp", 4096), ("udp", 1), ("unix", 1)):
        rate = {}
        for threads in (1, 2):
            args = [PROG, kind, str(size), str(threads)]
            native, cay = alternate(5, printed(args), printed(vm(args, "-m", "1G", "-c", "2")))
            rate[threads] = median(cay)
            if threads == 2:
                result("%s, %d bytes, 2 threads on 2 pairs" % (kind, size), rate[2], "messages/us", "more than Linux", median(native),
                       at_least=1, note="%.2f times what one thread moves" % (rate[2] / rate[1]))


main(benchmark)
