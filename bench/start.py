# SPDX-License-Identifier: MIT
"""Whole commands: static and dynamic hello, python3 -c pass; and from kernel entry to program entry, from --timing."""
import re

from bench import PROGS, PYTHON, alternate, main, median, result, run, vm, wall


def entry_to_entry():
    """us from kernel entry to program entry: the difference of two points of the timeline."""
    err = run(vm([PROGS + "/hello-static"], "--timing"))[2]
    at = {}
    for line in err.splitlines():
        m = re.search(r"([0-9]+(?:\.[0-9]+)?)", line)
        for key in ("kernel entry", "program's first instruction"):
            if key in line and m:
                at[key] = float(m.group(1))
    if len(at) != 2:
        raise RuntimeError("--timing does not show kernel entry and the program's first instruction: %s" % err[-300:])
    return at["program's first instruction"] - at["kernel entry"]


def benchmark():
    for name, prog, limit in (("static hello, whole command", "hello-static", 10), ("dynamic hello, whole command", "hello-pie", 15)):
        native, cay = alternate(30, wall([PROGS + "/" + prog]), wall(vm([PROGS + "/" + prog])))
        result(name, median(cay) * 1000, "ms", "at most %d ms" % limit, median(native) * 1000, limit=limit)
    (inner,) = alternate(15, entry_to_entry)
    result("kernel entry to program entry", median(inner), "us", "at most 300 us", limit=300)
    native, cay = alternate(15, wall([PYTHON, "-c", "pass"]), wall(vm([PYTHON, "-c", "pass"])))
    result("python3 -c pass", median(cay) * 1000, "ms", "at most 1.6x", median(native) * 1000, ratio_limit=1.6)


main(benchmark)
