# SPDX-License-Identifier: MIT
"""What the benchmarks share: native and VM runs alternate in one go, medians and their ratio are printed and stored.

Absolute times drift on a shared machine, so nothing is compared with a number from another run. Each file of bench/ measures
one figure of docs/spec.md and calls result() with the promise it holds.
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("CAY_BUILD", os.path.join(TOP, "build"))
CAY = os.path.join(BUILD, "cay")
PROGS = os.path.join(BUILD, "tests", "progs")
BENCH = os.path.join(BUILD, "bench")
PYTHON = "/usr/bin/python3"
QUICK = bool(os.environ.get("CAY_BENCH_QUICK"))  # fewer rounds: a check that the benchmarks work, not a measurement


def rounds(n):
    return max(2, n // 4) if QUICK else n


def vm(argv, *flags):
    return [CAY, "run", *flags, "--", *argv]


def run(argv, cwd=None, stdin=None, check=0, limit=None):
    """Runs to the end; returns (seconds, stdout, stderr). limit: it hangs if it takes longer, in seconds."""
    begin = time.perf_counter()
    try:
        p = subprocess.run(argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or BENCH,
                           timeout=limit, check=False)
    except subprocess.TimeoutExpired as e:
        raise RuntimeError("%s: no end after %d s" % (" ".join(argv)[:200], limit)) from e
    seconds = time.perf_counter() - begin
    if check is not None and p.returncode != check:
        raise RuntimeError("%s: status %d: %s" % (" ".join(argv)[:200], p.returncode, p.stderr.decode("utf-8", "replace")[-500:]))
    return seconds, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")


def alternate(n, *measures):
    """Calls each measure once a round, in turn; a round before is not counted. Returns a list of values for each."""
    values = [[] for _ in measures]
    for i in range(rounds(n) + 1):
        for v, m in zip(values, measures):
            x = m()
            if i > 0:
                v.append(x)
    return values


def wall(argv, **kw):
    return lambda: run(argv, **kw)[0]


def printed(argv, **kw):
    """The number that the program itself prints on its last line: for loops that time themselves."""
    return lambda: float(run(argv, **kw)[1].split()[-1])


def median(v):
    return statistics.median(v)


def loops(argv):
    """[(ns, ns of the probe)] from a program like getppid.c."""
    return lambda: [tuple(map(float, line.split())) for line in run(argv)[1].splitlines()]


def undisturbed(*ways):
    """The median of each way's loops whose probe ran at full speed, i.e. while nobody else used the core; with a note that says
    how many those were and what all of them took. If there are next to none, all count."""
    ways = [[x for one in way for x in one] for way in ways]
    best = min(probe for way in ways for _, probe in way)
    found = []
    for way in ways:
        quiet = [ns for ns, probe in way if probe <= 1.15 * best]
        everything = median([ns for ns, _ in way])
        note = "%d of %d loops had the core to themselves; all: %.3g" % (len(quiet), len(way), everything)
        found.append((median(quiet) if len(quiet) >= 5 else everything, note))
    return found


def cpu_seconds(pid):
    """All threads, to the nanosecond, from the scheduler's own account."""
    total = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def private_kib(pid):
    """Private memory of the VMM in KiB, without the guest's RAM, which is what the VMM keeps out of core dumps ("dd")."""
    total = mapping = 0
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            if line.startswith(("Private_Dirty:", "Private_Clean:")):
                mapping += int(line.split()[1])
            elif line.startswith("VmFlags:"):
                total += 0 if " dd" in line else mapping
                mapping = 0
    return total


# A loop of a Python program that prints its own seconds. Its variables are in a dict whose collisions depend on the seed of
# string hashes: from one native process to the next the same loop takes up to 14 % longer, so the seed is fixed.
LOOP = ("import time\na = time.perf_counter()\ns = 0\nfor i in range(6_000_000): s = (s * 31 + i) & 0xffffff\nprint(time.perf_counter() - a)")
PYTHON_LOOP = ["/usr/bin/env", "PYTHONHASHSEED=0", PYTHON, "-c", LOOP]

RESULTS = []


def result(name, value, unit, promise, native=None, limit=None, ratio_limit=None, floor=None, at_least=None, note=""):
    """One row, printed at once: the VM's value beside Linux's, and whether the promise holds. limit: at most this value; ratio_limit: at most so many
    times Linux's; floor and at_least are the same where more is better: at least this value, at least so many times Linux's."""
    ratio = value / native if native else None
    holds = None
    if limit is not None:
        holds = value <= limit
    if floor is not None:
        holds = (holds is None or holds) and value >= floor
    if ratio_limit is not None:
        holds = (holds is None or holds) and ratio is not None and ratio <= ratio_limit
    if at_least is not None:
        holds = (holds is None or holds) and ratio is not None and ratio >= at_least
    add(dict(name=name, value=value, unit=unit, native=native, ratio=ratio, promise=promise, holds=holds, note=note,
             time=time.strftime("%Y-%m-%d %H:%M:%S")))


def add(r):
    RESULTS.append(r)
    print(row(r), flush=True)


def main(benchmark):
    os.makedirs(BENCH, exist_ok=True)
    name = os.path.basename(sys.argv[0])[:-3]
    if not os.path.exists(CAY):
        sys.exit("bench: %s is not built" % CAY)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was set up is taken down
    try:
        benchmark()
    except RuntimeError as e:
        add(dict(name=name, value=None, unit="", native=None, ratio=None, promise="", holds=False, note="did not run: %s" % e))
    finally:
        with open(os.path.join(BENCH, name + ".json"), "w") as f:
            json.dump(RESULTS, f, indent=1)


def row(r):
    def number(x):
        return "-" if x is None else "%.4g" % x
    verdict = {True: "holds", False: "NOT MET", None: ""}[r["holds"]]
    return "%-34s %10s %10s %-5s %8s  %-22s %-8s %s" % (r["name"], number(r["value"]), number(r["native"]), r["unit"],
                                                       "-" if r["ratio"] is None else "%.3fx" % r["ratio"], r["promise"], verdict, r["note"])


HEADER = "%-34s %10s %10s %-5s %8s  %-22s" % ("figure", "cay", "linux", "unit", "ratio", "promise")
