# SPDX-License-Identifier: MIT
"""Threads: switches, wake-ups, creation, locks, signals, sleeps, and how they share CPUs. The program times itself."""
import re

from bench import BENCH, alternate, main, median, printed, result, run, vm

PROG = BENCH + "/threads"
# figure, name, unit, CPUs, promise, limit, limit of the ratio
COSTS = [
    ("futex_switch", "switch by futex, one CPU", "ns", 1, "at most 150 ns", 150, None),
    ("yield", "sched_yield between two", "ns", 1, "at most 60 ns", 60, None),
    ("wake_across", "wake on another, polling CPU", "ns", 2, "at most 2 us", 2000, None),
    ("pipe", "pipe, one way, one CPU", "ns", 1, "at most 500 ns", 500, None),
    ("create", "pthread_create and join", "ns", 1, "at most 3 us", 3000, None),
    ("mutex_free", "mutex nobody wants", "ns", 1, "as native", None, 1.1),
    ("own_signal", "raise and handler", "ns", 1, "at most 300 ns", 300, None),
    ("sleep_p99", "clock_nanosleep late, p99", "us", 1, "at most 100 us", 100, None),
]


def benchmark():
    for figure, name, unit, cpus, promise, limit, ratio in COSTS:
        native, cay = alternate(5, printed([PROG, figure]), printed(vm([PROG, figure], "-c", str(cpus))))
        result(name, median(cay), unit, promise, median(native), limit=limit, ratio_limit=ratio)
    native, cay = alternate(5, printed([PROG, "mutex"]), printed(vm([PROG, "mutex"], "-c", "2")))
    result("mutex, 4 threads on 2 CPUs", median(cay), "1/us", "at least 2x Linux", median(native), at_least=2)
    native, cay = alternate(5, printed([PROG, "scale"]), printed(vm([PROG, "scale"], "-c", "2")))
    result("2 threads on 2 CPUs", median(cay), "x", "at least 1.95x one", median(native), floor=1.95)
    native, cay = alternate(3, printed([PROG, "share"]), printed(vm([PROG, "share"], "-c", "2")))
    result("8 equal threads on 2 CPUs differ", median(cay), "%", "at most 2 %", median(native), limit=2)
    native, cay = alternate(3, printed([PROG, "nice"]), printed(vm([PROG, "nice"])))
    result("nice 0 to nice 5, off 1024/335", abs(median(cay) / (1024 / 335) - 1) * 100, "%", "at most 5 %",
           abs(median(native) / (1024 / 335) - 1) * 100, limit=5)
    err = run(vm([PROG, "busy"], "-c", "2", "--stats"))[2]
    exits = sum(int(n) for n in re.findall(r"exits: [a-z ]+ ([0-9]+)$", err, re.M))
    idle = run(vm([PROG, "busy_start"], "-c", "2", "--stats"))[2]
    start = sum(int(n) for n in re.findall(r"exits: [a-z ]+ ([0-9]+)$", idle, re.M))
    result("exits, both CPUs busy", max(0, exits - start) / 2.0, "1/s", "at most 10 a second", None, limit=10)


main(benchmark)
