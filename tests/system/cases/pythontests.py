# SPDX-License-Identifier: MIT
"""Python's own tests (libpython3.11-testsuite) for many of its modules.

The modules are in python-modules.txt. Each group runs once on the host and in one VM of each backend; a module that passes on the host must
pass in the VM. What differs for a known reason is in python-expected.txt: single tests are left out of both runs, whole
modules are counted as skipped.
"""
import collections
import os
import re

from harness import PYTHON, case

HERE = os.path.dirname(os.path.abspath(__file__))


def groups():
    found = collections.OrderedDict()
    with open(os.path.join(HERE, "..", "python-modules.txt")) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                group, _, modules = line.partition(":")
                found.setdefault(group, []).extend("test_" + m for m in modules.split())
    return found


def expected():
    """What differs -> reason: "test_module", or a pattern for single tests with a dot or * in it."""
    found = {}
    with open(os.path.join(HERE, "..", "python-expected.txt")) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, _, why = line.strip().partition(" ")
                found[name] = why.strip()
    return found


class Report:
    """What python3 -m test said about each module."""

    def __init__(self, out):
        self.started = re.findall(r"^[0-9:]+ .*?\[ *[0-9]+/[0-9]+(?:/[0-9]+)?\] (test_\w+)", out, re.M)
        self.ended = re.search("^Tests result:", out, re.M) is not None
        verdicts = out[max(out.rfind("== Tests result:"), 0):]  # the last: there is another one before failed tests are repeated
        self.failed, self.skipped = set(), set()
        for words, names in re.findall(r"^\d+ tests? (failed|skipped|altered the execution environment|run no tests|re-run)[^:\n]*:\n((?:    .*\n)+)", verdicts, re.M):
            (self.failed if words == "failed" else self.skipped if words in ("skipped", "run no tests") else set()).update(names.split())
        self.again = set(re.findall(r"Re-running (test_\w+)", out))
        self.details = re.findall(r"^(?:FAIL|ERROR): (\w+ \([\w.]+\))", out, re.M)

    def verdict(self, name):
        if name not in self.started or (not self.ended and name == self.started[-1]):
            return "not reached" if name not in self.started else "died in it"
        if name in self.failed:
            return "failed: " + ", ".join(sorted({d for d in self.details if name in d})[:12])
        return "skipped" if name in self.skipped else "passed"


def run_group(t, modules, flags=()):
    if not os.path.isdir("/usr/lib/python3.11/test"):
        t.skip("libpython3.11-testsuite is not installed")
    known = expected()
    left_out = [f for pattern in known if "." in pattern or "*" in pattern for f in ("-i", pattern)]
    # Long ones name each test, so that it is seen where one was cut off, and repeat what failed: some need a machine without other work.
    argv = [PYTHON, "-m", "test", *(("-v", "-w") if t.options.get("soak") else ()), *left_out]
    host_run = t.oracle("pythontests/" + modules[0], [*argv, *modules])
    host = Report(host_run.text + host_run.errtext)
    t.note("%s on the host: %s" % (" ".join(modules), host_run.time_and_end()))
    todo = [m for m in modules if m not in known]
    got = {}
    # A module that ends the VM must not hide those behind it: go on with the next.
    while todo and t.time_left() > 0:
        last = t.cay([*argv, *todo], ["-m", "1G", *flags])
        vm = Report(last.text + last.errtext)
        t.note("in the VM: %s%s" % (last.time_and_end(), "; repeated: " + ", ".join(sorted(vm.again)) if vm.again else ""))
        reached = [m for m in todo if m in vm.started] or todo[:1]
        for m in reached:
            got[m] = vm.verdict(m)
        if vm.ended:
            break
        got[reached[-1]] += " (status %d: %s)" % (last.status, last.errtext[-300:])
        todo = todo[todo.index(reached[-1]) + 1:]
        if len([v for v in got.values() if "died" in v or "not reached" in v]) > 5:
            break
    for m in modules:
        if host.verdict(m) != "passed":
            t.sub(m, True, skip="the host's run: " + host.verdict(m))
        elif m in known:
            t.sub(m, True, skip="expected difference: " + known[m])
        else:
            t.sub(m, got.get(m) == "passed", got.get(m, "not reached"))


# These compute: few system calls, no files to speak of. Once is enough; the others are about what a backend could do wrong.
# (The tests of threads mostly sleep; they run on both backends in make soak.)
COMPUTING = ("threads", "numbers", "text", "containers", "data", "packing")

for group, modules in groups().items():
    if group.startswith("soak"):
        # Many processes that talk to each other all the time: too slow where each switch makes the host forget its mappings.
        # asyncio starts some hundred: once will do there.
        slow = {"soak-processes": "12", "soak-futures": "12", "soak-asyncio": "1"}.get(group, "")
        for cpus in ("1", "2"):
            backends = ("kvm",) if cpus in slow else ("kvm", "process")
            case(name="%s-%scpus" % (group, cpus), timeout=600, soak=True, backends=backends)(
                lambda t, modules=modules, cpus=cpus: run_group(t, modules, ["-c", cpus]))
        continue
    case(name=group, timeout=500, once=group in COMPUTING)(lambda t, modules=modules: run_group(t, modules))
