# SPDX-License-Identifier: MIT
"""A UDP request and answer of one byte between two threads over loopback, in a VM and on Linux."""
from bench import BENCH, alternate, main, median, printed, result, vm

ROUNDS = "50000"


def benchmark():
    prog = BENCH + "/udp_loopback"
    native, ours = alternate(5, printed([prog, ROUNDS]), printed(vm([prog, ROUNDS])))
    result("UDP request/response of 1 byte over loopback", median(ours) / 1000, "us", "at most 5 us", limit=5,
           native=median(native) / 1000)


main(benchmark)
