# SPDX-License-Identifier: MIT
"""The kernel that checks itself (make DEBUG=1): some of the guest tests end without a damage found and without a leak."""
import os

from harness import case
from cases.guest import guest_program


def use_debug_build(t):
    t.config.cay = os.path.join(t.config.build, "debug", "cay")
    if not os.path.exists(t.config.cay):
        t.fail("%s was not built: make DEBUG=1" % t.config.cay)
        return False
    return True


@case()
def shell(t):
    if use_debug_build(t):
        t.same(["/bin/sh", "-c", "for i in 1 2 3; do ls /usr | sort -r | head -1; done; (echo x; sleep 0.01) | cat; echo y > f; rm f"], ["-c", "2"])


for name, flags in (("mmap", ["-c", "2"]), ("fork", []), ("threads", ["-c", "2"]), ("epoll", []), ("process", ["-c", "2"]), ("proc_ends", ["-c", "2"]), ("ends_meanwhile", ["-c", "2"]), ("packet", ["-c", "2"])):
    def guest(t, name=name, flags=flags):
        if use_debug_build(t):
            guest_program(t, name, flags)
    case(name=name, timeout=60)(guest)


@case(once=True, timeout=60)
def futex(t):
    """Blocking and faulting around spin locks of all kinds: none may be held then."""
    if use_debug_build(t):
        guest_program(t, "futex", ["-c", "2"])
