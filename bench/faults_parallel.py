# SPDX-License-Identifier: MIT
"""Memory of two threads on two CPUs: fresh pages and mappings at the same time, beside Linux and beside one thread. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

PROG = BENCH + "/faults_parallel"
KINDS = [("touch", "fresh 4 KiB pages"), ("map", "mmap, write, munmap"), ("grow", "fresh pages beside a thread that maps")]


def benchmark():
    for kind, name in KINDS:
        rate = {}
        for threads in (1, 2):
            args = [PROG, kind, str(threads)]
            native, cay = alternate(5, printed(args), printed(vm(args, "-m", "1G", "-c", "2")))
            rate[threads] = median(cay)
            if threads == 2:
                result("%s, 2 CPUs" % name, rate[2], "1/ms", "-", median(native),
                       note="%.2f times what one thread does" % (rate[2] / rate[1]))


main(benchmark)
