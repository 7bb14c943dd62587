# SPDX-License-Identifier: MIT
"""Looking at files of one folder on two CPUs at once, beside Linux and beside one thread. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

FOLDER = "/usr/include/linux"


def benchmark():
    for mode, name in (("stat", "stat of a file"), ("open", "open, fstat, read, close of a file")):
        one = None
        for threads in (1, 2):
            args = [BENCH + "/names_parallel", mode, str(threads), FOLDER]
            native, cay = alternate(5, printed(args), printed(vm(args, "-c", "2")))
            one = one or median(cay)
            result("%s, %d thread%s, 2 CPUs" % (name, threads, "s"[:threads > 1]), median(cay), "ns", "less than Linux", median(native), ratio_limit=1,
                   note="%.2f times what one thread takes" % (median(cay) / one) if threads == 2 else "")


main(benchmark)
