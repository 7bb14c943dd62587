#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the system and guest tests through the command line; see tests/README.md.

usage: tests/system/run.py [--cay PATH] [--backend all|kvm|process] [-j N] [-k PATTERN]... [--list] [--durations N] [-v]
Every case runs on each backend (but for those that say otherwise: @case(backends=...)); its results are named
BACKEND:GROUP/CASE. The cases of a backend that does not work here, as `cay doctor` sees it, are counted as skipped.
A case that fails is run once more, alone. If it passes then it is reported as UNSTABLE, with what it said the first time, and
counted as skipped: neither proven nor broken. More than MAX_UNSTABLE of these in a run are failures.
Exit status: 0 all passed, 1 something failed, 2 nothing ran.
"""
import argparse
import concurrent.futures
import fnmatch
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
BACKENDS = ("kvm", "process")
MAX_UNSTABLE = 2


def why_not(cay):
    """Backend -> None if it works here, else what `cay doctor` says is wrong."""
    out = subprocess.run([cay, "doctor", "--json"], stdout=subprocess.PIPE, text=True).stdout
    report = json.loads(out)

    def reason(backend):
        bad = ["%s: %s" % (c["name"], c["found"]) for c in report["checks"] if c["verdict"] == "bad" and c["backend"] in ("all", backend)]
        return "; ".join(bad) or "it does not work"
    return {b: None if report["backends"][b] else reason(b) for b in BACKENDS}


def load_known():
    """Name pattern -> reason, from known-failures.txt: results that are wrong today and counted as skipped."""
    known = []
    with open(os.path.join(HERE, "known-failures.txt")) as f:
        for line in f:
            line = line.strip()
            if line and not line.startswith("#"):
                pattern, _, reason = line.partition(" ")
                known.append((pattern, reason.strip()))
    return known


def execute(c):
    """Runs a case. Those of make soak say what they are about to do, and what they did."""
    if not c.options.get("soak"):
        return c.execute()
    print("RUN  %s:%s, at most %d s a command" % (c.config.backend, c.name, c.options.get("timeout", 60)), flush=True)
    c.execute()
    print("DONE %s:%s in %.0f s%s" % (c.config.backend, c.name, c.seconds, "".join("; " + n for n in c.notes)), flush=True)
    return c


class Tally:
    def __init__(self, known, verbose):
        self.known, self.verbose = known, verbose
        self.passed = self.failed = self.skipped = 0
        self.groups = {}
        self.used = set()
        self.unstable = 0

    def unused(self, backends):
        """Patterns that matched no failure, though their backend was there to fail."""
        return [pattern for pattern, why in self.known
                if pattern not in self.used and (":" not in pattern or pattern.split(":")[0] in backends)]

    def reason(self, name):
        """A pattern without a backend is of all."""
        for pattern, why in self.known:
            if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.split(":", 1)[1], pattern):
                self.used.add(pattern)
                return why
        return None

    def add(self, name, ok, detail, skip):
        group = self.groups.setdefault(name.split("/")[0], [0, 0, 0])
        if skip is not None:
            print("SKIP %s: %s" % (name, skip))
            self.skipped, group[2] = self.skipped + 1, group[2] + 1
        elif ok:
            if self.verbose:
                print("ok   %s" % name)
            self.passed, group[0] = self.passed + 1, group[0] + 1
        else:
            why = self.reason(name)
            if why is not None:
                print("SKIP %s: known failure: %s" % (name, why))
                self.skipped, group[2] = self.skipped + 1, group[2] + 1
                if self.verbose:
                    print("  " + detail)
            else:
                print("FAIL %s\n  %s" % (name, detail))
                self.failed, group[1] = self.failed + 1, group[1] + 1
        sys.stdout.flush()

    def bad(self, c):
        """Names and details of what failed in a case and is not known to."""
        prefix = c.config.backend + ":"
        results = [(name, detail) for name, ok, detail, skip in c.subs if not ok and skip is None]
        results += [(c.name, "\n  ".join(c.failures))] if c.failures else []
        return [(prefix + name, detail) for name, detail in results if self.reason(prefix + name) is None]

    def settle(self, c):
        """A case that failed beside others: counts what it does now, with nothing beside it."""
        if c.options.get("soak"):  # which takes too long for that; what may be repeated in it is
            self.add_case(c)
            return
        bad = dict(self.bad(c))
        harness.forget_oracles()
        again = harness.Case(c.fn, c.options, c.config)
        if self.unstable < MAX_UNSTABLE and not self.bad(execute(again)):
            self.unstable += 1
            self.add_case(again, bad)
        else:
            self.add_case(c)

    def add_case(self, c, unstable=()):
        """unstable: name -> what it said when it failed the first time."""
        def add(name, ok, detail, skip):
            name = "%s:%s" % (c.config.backend, name)
            if name in unstable:
                skip = "UNSTABLE: passed when run again alone, and failed before:\n  " + unstable[name]
            self.add(name, ok, detail, skip)
        for name, *result in c.subs:
            add(name, *result)
        if not c.subs or c.failures or c.skipped is not None or "%s:%s" % (c.config.backend, c.name) in unstable:
            add(c.name, not c.failures, "\n  ".join(c.failures), c.skipped if not c.failures else None)


def main():
    p = argparse.ArgumentParser(description="system tests")
    p.add_argument("--cay", default=os.path.join(TOP, "build", "cay"))
    p.add_argument("--build", default=os.path.join(TOP, "build"))
    p.add_argument("--backend", default="all", choices=("all", *BACKENDS))
    p.add_argument("-j", type=int, default=2 * os.cpu_count(), help="cases at a time; twice the CPUs, as half of a case is waiting")
    p.add_argument("-k", action="append", default=[], metavar="PATTERN", help="run cases whose name contains PATTERN")
    p.add_argument("--soak", action="store_true", help="the cases that take minutes (make soak) instead of the others")
    p.add_argument("--list", action="store_true")
    p.add_argument("--durations", type=int, default=12, metavar="N", help="print the N slowest cases")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    args.cay = os.path.abspath(args.cay)
    args.build = os.path.abspath(args.build)
    args.top = TOP

    for f in sorted(os.listdir(os.path.join(HERE, "cases"))):
        if f.endswith(".py") and not f.startswith("_"):
            importlib.import_module("cases." + f[:-3])

    # A runtime folder of its own: the user's running VMs are none of the tests' business, nor the tests' of theirs.
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="cay-test-", dir=shm) as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        return run_all(args)


def choose(args, broken):
    """The cases to run, by backend; what is not run on a backend is said, and counted by the caller."""
    chosen = {}
    for backend in BACKENDS if args.backend == "all" else (args.backend,):
        cases = [harness.Case(fn, opt, argparse.Namespace(**{**vars(args), "backend": backend})) for fn, opt in harness.CASES]
        cases = [c for c in cases if backend in c.options.get("backends", BACKENDS) and (not args.k or any(k in c.name for k in args.k))
                 and bool(c.options.get("soak")) == args.soak]
        working = [b for b in chosen if not broken[b]]
        if working and not broken[backend]:
            for c in [c for c in cases if c.options.get("once")]:
                print("NOTE %s runs on one backend only, %s" % (c.name, working[0]))
                cases.remove(c)
        chosen[backend] = cases
    return chosen


def run_cases(tally, cases, workers):
    """
    All of them, of both backends, in one pool, so that no worker waits for the others in between. Long ones first, as their limits tell,
    so that the last worker does not end alone with one of them.
    """
    failed = []
    shared = sorted((c for c in cases if not c.options.get("alone")), key=lambda c: -c.options.get("timeout", 60))
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        for done in concurrent.futures.as_completed([pool.submit(execute, c) for c in shared]):
            c = done.result()
            if tally.bad(c):
                failed.append(c)
            else:
                tally.add_case(c)
    for c in failed:
        tally.settle(c)
    for c in cases:
        if c.options.get("alone"):
            tally.settle(c) if tally.bad(execute(c)) else tally.add_case(c)


def run_all(args):
    tally = Tally(load_known(), args.v)
    broken = why_not(args.cay)
    chosen = choose(args, broken)
    if args.list:
        print("\n".join("%s:%s" % (backend, c.name) for backend, cases in chosen.items() for c in cases))
        return 0
    for backend, cases in chosen.items():
        if broken[backend]:
            # One line and a number: a thousand lines that all say the same hide the others.
            print("SKIP backend %s, %d cases: %s" % (backend, len(cases), broken[backend]))
            tally.skipped += len(cases)
    todo = [c for backend, cases in chosen.items() if not broken[backend] for c in cases]
    begin, cpu = time.monotonic(), sum(os.times()[:4])
    run_cases(tally, todo, args.j)
    print("%d cases in %.0f s with %d at a time; %.0f s of CPU time" % (len(todo), time.monotonic() - begin, args.j, sum(os.times()[:4]) - cpu))
    for c in sorted(todo, key=lambda c: -c.seconds)[:args.durations]:
        print("%7.1f s  %s:%s" % (c.seconds, c.config.backend, c.name))
    for group, (ok, bad, skip) in sorted(tally.groups.items()):
        if ok == 0 and bad == 0:
            print("NOTE every test of group %s was skipped: nothing of it is proven on this machine" % group)
    if not args.k:
        for pattern in tally.unused([backend for backend in chosen if not broken[backend]]):
            print("NOTE known failure %s did not fail: take it off tests/system/known-failures.txt" % pattern)
    for backend, cases in chosen.items():
        if broken[backend]:
            print("  backend %s: %d cases skipped" % (backend, len(cases)))
            continue
        sums = [sum(n) for n in zip((0, 0, 0), *(n for group, n in tally.groups.items() if group.startswith(backend + ":")))]
        print("  backend %s: %d passed, %d failed, %d skipped" % (backend, *sums))
    print("system: %d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    counts = os.environ.get("CAY_TEST_COUNTS")
    if counts:
        with open(counts, "a") as f:
            f.write("system %d %d %d\n" % (tally.passed, tally.failed, tally.skipped))
    if tally.passed + tally.failed + tally.skipped == 0:
        return 2
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
