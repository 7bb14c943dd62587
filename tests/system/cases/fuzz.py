# SPDX-License-Identifier: MIT
"""The system-call surface under arguments that make no sense (tests/guest/progs/fuzz_syscalls.c): no panic, no hang.

A few seconds here with a seed of the day's, minutes under `make soak`. A failure names the seed, which makes it come again.
"""
import os
import shutil
import time

from harness import case

SECONDS = int(os.environ.get("CAY_FUZZ_SECONDS", "5"))


@case(timeout=SECONDS + 60)
def system_calls(t):
    seed = os.environ.get("CAY_FUZZ_SEED") or str(time.time_ns() % 1000000)
    shutil.copy(os.path.join(t.config.build, "tests", "progs", "fuzz-syscalls"), t.path("fuzz"))
    r = t.cay(["./fuzz", str(SECONDS), seed], timeout=SECONDS + 45)
    t.check(r.status == 0 and "succeeded" in r.text, "CAY_FUZZ_SEED=%s: %s" % (seed, r.describe()))
