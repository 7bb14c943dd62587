# SPDX-License-Identifier: MIT
"""CPU time that a VM uses while its program sleeps."""
import subprocess
import time

from bench import BENCH, QUICK, cpu_seconds, main, result, vm


def benchmark():
    p = subprocess.Popen(vm([BENCH + "/sleep", "100"]), cwd=BENCH, stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)
        seconds = 3 if QUICK else 10
        before = cpu_seconds(p.pid)
        time.sleep(seconds)
        used = cpu_seconds(p.pid) - before
    finally:
        p.terminate()
        p.wait()
    result("idle VM", 100 * used / seconds, "% CPU", "under 0.1 %", limit=0.1)


main(benchmark)
