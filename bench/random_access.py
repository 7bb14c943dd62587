# SPDX-License-Identifier: MIT
"""Dependent loads at random over 1 GiB."""
from bench import BENCH, alternate, main, median, printed, result, vm


def benchmark():
    prog = BENCH + "/random_access"
    native, cay = alternate(3, printed([prog]), printed(vm([prog], "-m", "1300M")))
    result("random access over 1 GiB", median(cay), "ns", "within 3 %", median(native), ratio_limit=1.03)


main(benchmark)
