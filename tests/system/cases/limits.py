# SPDX-License-Identifier: MIT
"""Memory: how little is enough, and what happens when it is not; stack and heap exhaustion; wild programs."""
import os
import shutil
import subprocess
import time

from harness import PYTHON, case, popen, run


def progs(t, name):
    shutil.copy(os.path.join(t.config.build, "tests", "progs", name), t.path(name))
    return "./" + name


@case
def hello_in_4_mb(t):
    r = t.cay([progs(t, "hello-static")], ["-m", "4M"])
    t.check((r.status, r.out, r.err) == (0, b"hello\n", b""), r.describe())


@case
def dynamic_hello_in_8_mb(t):
    r = t.cay([progs(t, "hello-pie")], ["-m", "8M"])
    t.check((r.status, r.out) == (0, b"hello\n"), r.describe())


@case
def python_in_32_mb(t):
    r = t.cay([PYTHON, "-c", "import json; print(json.dumps([1]))"], ["-m", "32M"])
    t.check((r.status, r.out) == (0, b"[1]\n"), r.describe())


@case
def too_little(t):
    t.our_error(t.cay([progs(t, "hello-static")], ["-m", "1M"]), 125)


@case
def heap_exhaustion(t):
    """malloc fails, the program sees it and goes on; or the VM ends it and says so."""
    r = t.cay([PYTHON, "-c", "try:\n l = []\n while True: l.append(bytearray(10_000_000))\nexcept MemoryError: l = None; print('MemoryError')"],
              ["-m", "128M"])
    t.check((r.status, r.text) == (0, "MemoryError\n") or (r.status == 137 and "memory" in r.errtext), r.describe())


@case
def one_huge_allocation(t):
    t.same([PYTHON, "-c", "try: bytearray(1 << 46)\nexcept MemoryError: print('no')"])


@case
def stack_exhaustion(t):
    """C recursion without an end: SIGSEGV at the guard, as on Linux."""
    r = t.cay([PYTHON, "-c", "import sys\nsys.setrecursionlimit(10**8)\nclass A:\n def __repr__(self): return repr(self)\nrepr(A())"])
    t.check(r.status == 139 and len(r.errtext.splitlines()) <= 1, r.describe())


@case
def tmpfs_fills(t):
    """Writing more than there is memory: ENOSPC or ENOMEM for the program, no death."""
    r = t.cay([PYTHON, "-c", "try:\n f = open('/tmp/big', 'wb')\n while True: f.write(b'x' * 1000000); f.flush()\n"
               "except OSError as e: print(e.errno in (28, 12)); import os; f = None; os.truncate('/tmp/big', 0); open('/tmp/s', 'w').write('ok')"],
              ["-m", "96M"], timeout=60)
    t.check(r.status == 0 and r.text == "True\n", r.describe())


@case
def descriptors_run_out(t):
    t.same([PYTHON, "-c", "import os, resource\nresource.setrlimit(7, (64, 64))\nl = []\ntry:\n while True: l.append(os.dup(0))\nexcept OSError as e: print(e.errno, len(l))"])


@case
def program_that_faults(t):
    for address in (8, 0x500000000000, 0xffff800000000000, 0x8000000000000000):
        r = t.cay([PYTHON, "-c", "import ctypes; ctypes.memset(%d, 1, 8)" % address])
        t.sub("%#x" % address, r.status == 139 and len(r.errtext.splitlines()) <= 1, r.describe())


@case
def program_that_attacks_its_kernel(t):
    """Program and kernel share one privilege level: a program can wreck its own VM, and nothing else (docs/caveats.md)."""
    for address in (0x700000000000, 0x700000001000, 0x780000000000, 0x780000100000, 0x7f0000000000, 0x7f0000040000):
        r = run(t.cay_argv([PYTHON, "-c", "import ctypes; ctypes.memset(%d, 0xee, 4096)" % address]), timeout=10)  # it may spin
        t.check(r.status in (0, 125, 139) or r.timed_out, "%#x: %s" % (address, r.describe()))


def resident_mib(pid):
    """Of a process and what it started."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            kib = sum(int(line.split()[1]) for line in f if line.startswith("Rss:"))
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return kib // 1024 + sum(resident_mib(int(child)) for child in f.read().split())
    except OSError:
        return 0


@case
def freed_memory_goes_back_to_the_host(t):
    prog = ("import mmap, sys\nflags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS\nm = mmap.mmap(-1, 200 << 20, flags)\nfor i in range(0, len(m), 4096): m[i] = 1\nprint('full', flush=True)\n"
            "sys.stdin.readline()\nm.close()\nprint('freed', flush=True)\nsys.stdin.readline()\n"
            "m = mmap.mmap(-1, 200 << 20, flags)\nprint(sum(m[i] for i in range(0, len(m), 4096)))\n")
    p = popen(t.cay_argv([PYTHON, "-c", prog], ["-m", "1G"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=t.dir)
    t.check(p.stdout.readline() == b"full\n", "it fills its memory")
    full = resident_mib(p.pid)
    t.check(full >= 200, "the host backs it: %d MiB" % full)
    p.stdin.write(b"\n")
    p.stdin.flush()
    t.check(p.stdout.readline() == b"freed\n", "it frees it")
    deadline = time.monotonic() + 30
    while resident_mib(p.pid) > full - 140 and time.monotonic() < deadline:
        time.sleep(0.05)
    left = resident_mib(p.pid)
    t.check(left <= full - 140, "of %d MiB the host still backs %d" % (full, left))
    out, _ = p.communicate(b"\n")
    t.check((p.returncode, out) == (0, b"0\n"), "fresh memory is zero after that: %r" % out)


@case
def a_limit_of_file_sizes(t):
    """The user's `ulimit -f` does not kill cay, whose guest's memory may be a file: it runs, or says why not."""
    for flags in ([], ["--net", "link=a"]):
        r = t.host(["/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *t.cay_argv(["/bin/echo", "here"], flags)], env={"XDG_RUNTIME_DIR": t.dir})
        if r.status == 0:
            t.check(r.out == b"here\n", r.describe())
        else:
            t.our_error(r, 125)
    r = t.cmd(["run", "--backend", t.backend, "--net", "link=a", "/bin/echo", "here"], env={"XDG_RUNTIME_DIR": t.dir})
    t.check((r.status, r.out) == (0, b"here\n"), "no half of a link was left: " + r.describe())


@case
def a_limit_of_files_in_memory(t):
    """As many as there are pages of RAM: names without contents do not take all of it."""
    r = t.cay(["/bin/sh", "-c", "cd /tmp; seq 1 9000 | xargs touch 2>&1 | tail -1; df --output=itotal,iused . | tail -1; rm -f ./*; touch again && echo fine"], ["-m", "32M"])
    t.check((r.status, r.out.split()) == (0, b"touch: cannot touch '9000': No space left on device 8192 8192 fine".split()), r.describe())
