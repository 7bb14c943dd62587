# SPDX-License-Identifier: MIT
"""Looking up descriptors of one table on two CPUs at once, beside Linux and beside one thread. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

PROG = BENCH + "/descriptors_parallel"


def benchmark():
    cost = {}
    for threads in (1, 2):
        args = [PROG, str(threads)]
        native, cay = alternate(5, printed(args), printed(vm(args, "-c", "2")))
        cost[threads] = median(cay)
        if threads == 2:
            result("read of an eventfd, 2 threads on 2 CPUs", cost[2], "ns", "less than Linux", median(native), ratio_limit=1,
                   note="%.2f times what one thread takes" % (cost[2] / cost[1]))


main(benchmark)
