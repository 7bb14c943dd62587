# SPDX-License-Identifier: MIT
"""What a VM costs in memory: the VMM's private memory beyond the guest's, least -m for two programs, size of the kernel image."""
import os
import subprocess
import time

from bench import BENCH, BUILD, PROGS, PYTHON, main, private_kib, result, run, vm


def least(argv, sizes):
    """The smallest of sizes (MiB) with which the program ends well."""
    for mib in sizes:
        if subprocess.run(vm(argv, "-m", "%dM" % mib), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=BENCH).returncode == 0:
            return mib
    raise RuntimeError("does not run with %d MiB: %s" % (sizes[-1], argv))


def benchmark():
    p = subprocess.Popen(vm([BENCH + "/sleep", "30"]), cwd=BENCH, stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)
        kib = private_kib(p.pid)
    finally:
        p.terminate()
        p.wait()
    result("VMM's private memory", kib / 1024, "MiB", "at most 2 MiB", limit=2)
    result("least memory, static hello", least([PROGS + "/hello-static"], (4, 8, 16, 32, 64)), "MiB", "4 MiB", limit=4)
    result("least memory, python3 -c pass", least([PYTHON, "-c", "pass"], (16, 24, 32, 48, 64, 128)), "MiB", "32 MiB", limit=32)
    image = BUILD + "/kernel.stripped"
    result("kernel image", os.path.getsize(image) / 2**20, "MiB", "at most 1 MiB", limit=1)
    run(["true"])


main(benchmark)
