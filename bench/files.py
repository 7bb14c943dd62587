# SPDX-License-Identifier: MIT
"""Host folders: sha256sum of a cached 1 GiB file, ls -laR /usr."""
import os

from bench import BENCH, QUICK, alternate, main, median, result, run, vm, wall


def benchmark():
    size = 1 << (26 if QUICK else 30)
    path = BENCH + "/1GiB"
    if not os.path.exists(path) or os.path.getsize(path) != size:
        block = os.urandom(1 << 20)
        with open(path, "wb") as f:
            for _ in range(size >> 20):
                f.write(block)
    try:
        run(["sha256sum", path])
        native, cay = alternate(3, wall(["sha256sum", "1GiB"]), wall(vm(["sha256sum", "1GiB"])))
    finally:
        os.unlink(path)
    result("sha256sum of 1 GiB", median(cay), "s", "at most 1.1x", median(native), ratio_limit=1.1)
    native, cay = alternate(3, wall(["ls", "-laR", "/usr"]), wall(vm(["ls", "-laR", "/usr"])))
    result("ls -laR /usr", median(cay), "s", "at most 2x", median(native), ratio_limit=2)


main(benchmark)
