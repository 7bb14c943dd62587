# SPDX-License-Identifier: MIT
"""The system-call surface under arguments that make no sense (tests/guest/progs/fuzz_syscalls.c): no panic, no hang.

A few seconds here with the same seed every time, minutes under `make soak` with a new one. A failure names the seed, which
makes it come again.
"""
import os
import shutil
import time

from harness import case

SECONDS = int(os.environ.get("CAY_FUZZ_SECONDS", "3"))
SEED = os.environ.get("CAY_FUZZ_SEED") or (str(time.time_ns() % 1000000) if "CAY_FUZZ_SECONDS" in os.environ else "1")


def fuzz(t, seconds, threads, cpus):
    shutil.copy(os.path.join(t.config.build, "tests", "progs", "fuzz-syscalls"), t.path("fuzz"))
    r = t.cay(["./fuzz", str(seconds), SEED, str(threads)], ["-c", str(cpus)], timeout=seconds + 170)
    t.check(r.status == 0 and "succeeded" in r.text, "CAY_FUZZ_SEED=%s: %s" % (SEED, r.describe()))


@case(timeout=SECONDS + 180)
def system_calls(t):
    fuzz(t, SECONDS, 1, 1)


@case(timeout=SECONDS + 180)
def system_calls_of_threads(t):
    """Three threads on two CPUs unmap, close and change what the others are using."""
    fuzz(t, SECONDS, 3, 2)
