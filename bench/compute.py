# SPDX-License-Identifier: MIT
"""CPU-bound programs: a Python loop, and compression of a file in memory."""
from bench import PYTHON, PYTHON_LOOP, alternate, main, median, printed, result, vm

COMPRESS = ("import time, zlib, random\nrandom.seed(1)\nd = b' '.join(random.choice([b'alpha', b'beta', b'gamma', bytes([i % 256])]) for i in range(3000000))\n"
            "a = time.perf_counter()\nfor _ in range(2): zlib.compress(d, 6)\nprint(time.perf_counter() - a)")


def benchmark():
    for name, prog, n in (("Python loop", PYTHON_LOOP, 11), ("zlib compression", [PYTHON, "-c", COMPRESS], 7)):
        native, cay = alternate(n, printed(prog), printed(vm(prog)))
        result(name, median(cay), "s", "within 2 %", median(native), ratio_limit=1.02)


main(benchmark)
