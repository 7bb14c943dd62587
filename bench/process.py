# SPDX-License-Identifier: MIT
"""The process backend beside Linux and, in the same run, beside KVM where there is one."""
import os
import subprocess
import time

from bench import (BENCH, PROGS, PYTHON, PYTHON_LOOP, QUICK, alternate, cpu_seconds, loops, main, median, printed, private_kib, result,
                   undisturbed, vm, wall)

KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)


def process(argv):
    return vm(argv, "--backend", "process")


def compare(name, measure, argv, n, unit, scale, promise, **limits):
    """Linux, this backend, and KVM in turn. KVM's figure goes into the note."""
    ways = [argv, process(argv)] + ([vm(argv, "--backend", "kvm")] if KVM else [])
    values = [median(v) * scale for v in alternate(n, *(measure(w) for w in ways))]
    note = "KVM: %.3g %s" % (values[2], unit) if KVM else ""
    result("process backend: " + name, values[1], unit, promise, values[0], note=note, **limits)


def getppid():
    prog = [BENCH + "/getppid"]
    (native, _), (cay, note) = undisturbed(*alternate(5, loops(prog), loops(process(prog))))
    result("process backend: getppid through libc", cay, "ns", "at most 10 ns", native, limit=10, note=note)


def comm(pid):
    with open("/proc/%d/comm" % pid) as f:
        return f.read().strip()


def guests(pid):
    """The processes of the VM's vCPUs."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [p for p in map(int, f.read().split()) if comm(p) == "cay-vcpu"]


def at_rest():
    p = subprocess.Popen(process([BENCH + "/sleep", "100"]), cwd=BENCH, stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)
        pids = [p.pid, *guests(p.pid)]
        seconds = 3 if QUICK else 10
        before = sum(map(cpu_seconds, pids))
        time.sleep(seconds)
        used = sum(map(cpu_seconds, pids)) - before
        # Guest RAM and files are shared mappings; but what only the guest has touched of them counts as private in smaps.
        kib = private_kib(p.pid) + sum(anonymous_kib(g) for g in guests(p.pid))
    finally:
        p.terminate()
        p.wait()
    result("process backend: idle VM", 100 * used / seconds, "% CPU", "under 0.1 %", limit=0.1)
    result("process backend: private memory of VMM and stub", kib / 1024, "MiB", "at most 3 MiB", limit=3)


def anonymous_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Anonymous:"))


def benchmark():
    getppid()
    compare("Python loop", printed, PYTHON_LOOP, 15, "s", 1, "within 2 %", ratio_limit=1.02)
    compare("first touch of a page, here and there", printed, [BENCH + "/touch", "sparse"], 7, "ns", 1, "at most 15 us", limit=15000)
    compare("first touch of a page, one after the other", printed, [BENCH + "/touch", "run"], 7, "ns", 1, "at most 15 us", limit=15000)
    compare("static hello, whole command", wall, [PROGS + "/hello-static"], 20, "ms", 1000, "at most 8 ms", limit=8)
    compare("python3 -c pass", wall, [PYTHON, "-c", "pass"], 10, "ms", 1000, "no promise")
    thread, vcpu = alternate(5, printed([BENCH + "/wake", "thread"]), printed([BENCH + "/wake", "vcpu"]))
    result("process backend: wake of a vCPU", median(vcpu), "ns", "at most 1.3x a futex wake", median(thread), ratio_limit=1.3)
    at_rest()


main(benchmark)
