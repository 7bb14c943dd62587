# SPDX-License-Identifier: MIT
"""The kernel from inside: tests/guest/*.c, on Linux first (the oracle), then in a VM. Each report line is a test."""
import ctypes
import errno
import glob
import os

from harness import case

HERE = os.path.dirname(os.path.abspath(__file__))


def lines(text):
    """name -> (verdict, detail) of the report lines."""
    found = {}
    for line in text.splitlines():
        verdict, _, name = line.partition(" ")
        if verdict == "SKIP":
            name, _, why = name.partition(": ")
            found[name] = (verdict, why)
        elif verdict in ("PASS", "FAIL"):
            found[name] = (verdict, "")
    return found


def host_forbids_io_uring():
    """As the seccomp profiles of containers do."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(425, 0, None) == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def guest_program(t, name, flags=()):
    program = os.path.join(t.config.build, "tests", "guest", name)
    if name.startswith("uring") and not os.path.exists("/usr/include/liburing.h"):
        t.skip("liburing-dev is not installed")
    if name.startswith("uring") and host_forbids_io_uring():
        t.skip("the host forbids io_uring here: there is no oracle")
    if not os.path.exists(program):
        t.fail("%s was not built" % program)
        return
    host = t.oracle("guest/" + name, [program])
    want = lines(host.text)
    # A check of timing may fail on a loaded host: then the VM is not asked for better. Ending early on Linux is the test's own error.
    if host.timed_out or host.status not in (0, 1) or (host.status == 1 and not any(v == "FAIL" for v, _ in want.values())):
        t.fail("it must pass on Linux itself: %s" % host.describe())
        return
    # The program's folder is not visible in the VM; its copy in the current folder is.
    with open(program, "rb") as f:
        t.write(name, f.read(), 0o755)
    vm = t.cay(["./" + name], flags)
    got, lost = lines(vm.text), []
    for n, (verdict, why) in want.items():
        if verdict == "SKIP":
            t.sub(n, True, skip=why)
        elif verdict == "FAIL":
            t.sub(n, True, skip="Linux itself fails it in this run")
        elif n not in got:
            lost.append(n)
        else:
            t.sub(n, got[n][0] == "PASS", "fails in the VM: %s" % "; ".join(
                line for line in vm.errtext.splitlines() if n.split(" ->")[0].split(" ==")[0] in line))
    for n in lost:
        t.sub(n, False, "not reached in the VM" + (" (status %d): %s" % (vm.status, vm.errtext[-300:]) if n == lost[0] else ""))
    if vm.status != 0 and all(got.get(n, ("",))[0] == "PASS" for n in want if want[n][0] == "PASS") and host.status == 0:
        t.fail("all reported well, but: " + vm.describe())


# fork: with little memory, which many children have to share.
FLAGS = {"fork": ["-m", "256M"]}

for source in sorted(glob.glob(os.path.join(HERE, "..", "..", "guest", "*.c"))):
    subject = os.path.basename(source)[:-2]
    case(name=subject, timeout=150)(lambda t, subject=subject: guest_program(t, subject, FLAGS.get(subject, ())))

# Again where several CPUs make a difference.
for subject in ("threads", "futex", "futex_pi", "preempt", "rseq", "signals", "signal_frames", "sigio", "timers", "process", "fork", "pipe", "epoll", "sockets", "sockets_shared", "uring", "uring_io", "uring_random", "mmap", "faults", "callsites", "callsite_race", "timer_storm", "exec", "cpus", "parallel", "names_parallel", "memory_parallel"):
    case(name=subject + "-2cpus", timeout=150)(lambda t, subject=subject: guest_program(t, subject, ["-c", "2", *FLAGS.get(subject, ())]))
