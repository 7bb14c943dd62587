# SPDX-License-Identifier: MIT
"""Signals from outside: forwarded to the program, or ending it; a killed cay leaves nothing behind."""
import os
import random
import select
import signal
import subprocess
import time

from harness import PYTHON, case, in_session, popen

READY = b"ready\n"


def start(t, prog, flags=()):
    p = popen(t.cay_argv([PYTHON, "-uc", prog], flags), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         cwd=t.dir, start_new_session=True)
    line = p.stdout.readline()
    if line != READY:
        t.fail("the program did not start: %r %r" % (line, p.stderr.read1(1000)))
    return p


def finish(t, p, limit=60):
    try:
        out, err = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        t.fail("did not end in %d s: %r %r" % (limit, out, err))
    return p.returncode, out, err


@case
def default_action_ends_the_program(t):
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        p = start(t, "import signal, time; signal.signal(%d, signal.SIG_DFL); print('ready'); time.sleep(100)" % sig)
        p.send_signal(sig)
        status, _, err = finish(t, p)
        t.check(status in (128 + sig, -sig), "%s: status %s, %r" % (sig.name, status, err))


@case
def handlers_run(t):
    # Waits in short pieces: Python itself misses a signal that comes just before it blocks, until the call returns.
    prog = ("import select, signal, sys\n"
            "for s in (2, 15, 1, 28): signal.signal(s, lambda n, f: print('got', n))\n"
            "print('ready')\nwhile not select.select([0], [], [], 0.05)[0]: pass\n")
    p = start(t, prog)
    for sig in (2, 15, 1, 28):
        p.send_signal(sig)
        line = p.stdout.readline()
        t.check(line == b"got %d\n" % sig, "signal %d: %r" % (sig, line))
    status, out, err = finish(t, p)
    t.check(status == 0, "status %s %r %r" % (status, out, err))


@case
def no_signal_is_lost(t):
    """Signals at odd moments of a program that goes in and out of read(2)."""
    echo = os.path.join(t.config.build, "tests", "progs", "signal-echo")
    if not os.path.exists(echo):
        t.skip("signal-echo was not built")
    p = popen(t.cay_argv(["/prog/signal-echo"], ["-v", os.path.dirname(os.path.abspath(echo)) + ":/prog:ro"]), stdin=subprocess.PIPE,
              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir, start_new_session=True, bufsize=0)
    t.check(p.stdout.readline() == READY, "it starts")
    odd = random.Random(1)
    for i in range(500):
        p.send_signal(signal.SIGTERM)
        if not select.select([p.stdout], [], [], 60)[0]:
            t.fail("signal %d was not answered" % i)
            break
        p.stdout.readline()
        until = time.perf_counter() + odd.random() * 0.0003
        while time.perf_counter() < until:
            pass
    status, _, err = finish(t, p)
    t.check(status == 0, "status %s %r" % (status, err))


@case
def signal_during_computing(t):
    """A program that never makes a system call is interrupted all the same."""
    p = start(t, "import signal, sys\nsignal.signal(15, lambda n, f: sys.exit(33))\nprint('ready')\nwhile True: pass")
    time.sleep(0.2)
    p.send_signal(signal.SIGTERM)
    status, _, err = finish(t, p)
    t.check(status == 33, "status %s %r" % (status, err))


@case
def keyboard_interrupt(t):
    """In short sleeps: Python looks for signals before its call, and one that comes in between is seen after it, natively too."""
    p = start(t, "import time\nprint('ready')\nwhile True: time.sleep(0.01)")
    p.send_signal(signal.SIGINT)
    status, _, err = finish(t, p)
    t.check(b"KeyboardInterrupt" in err and status in (130, -2), "status %s %r" % (status, err))


@case(timeout=90)
def killed_cay_leaves_nothing(t):
    """After SIGKILL: no process of ours, no file in /tmp or /dev/shm, no memory."""
    before = {d: set(os.listdir(d)) for d in ("/tmp", "/dev/shm") if os.path.isdir(d)}
    p = start(t, "import time\nprint('ready')\ntime.sleep(100)")
    session = p.pid
    p.kill()
    p.wait()
    deadline = time.monotonic() + 60
    while in_session(session) and time.monotonic() < deadline:
        time.sleep(0.01)
    t.check(not in_session(session), "processes of its session live on: %s" % in_session(session))
    # Cases beside this one make files of such names too, and remove them.
    left = {os.path.join(d, n) for d, names in before.items() for n in set(os.listdir(d)) - names
            if n.startswith(("cay", ".cay")) and not n.startswith("cay-test-")}
    while any(map(os.path.exists, left)) and time.monotonic() < deadline:
        time.sleep(0.05)
    t.check(not any(map(os.path.exists, left)), "left behind: %s" % left)


@case
def stopped_and_continued(t):
    """SIGSTOP and SIGCONT of the whole process: the program goes on and time has passed."""
    p = start(t, "import sys, time\na = time.monotonic()\nprint('ready')\nsys.stdin.readline()\nprint(time.monotonic() - a > 0.2)")
    p.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    p.send_signal(signal.SIGCONT)
    p.stdin.write(b"go\n")
    p.stdin.flush()
    status, out, err = finish(t, p)
    t.check(status == 0 and out == b"True\n", "status %s %r %r" % (status, out, err))


@case(backends=("process",))
def a_stopped_monitor_stops_the_guest(t):
    """SIGSTOP to cay alone: the guest's process notices within a second of its CPU time and waits; SIGCONT lets it go on."""
    p = start(t, "print('ready')\nwhile True: pass")
    guest = next(pid for pid, name in in_session(p.pid) if name == "cay-vcpu")

    def look():
        with open("/proc/%d/stat" % guest) as f:
            fields = f.read().rpartition(")")[2].split()
        return fields[0], int(fields[11]) + int(fields[12])  # state, CPU time

    def until(what, holds):
        deadline, before = time.monotonic() + 60, look()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = look()
            if holds(before, now):
                return
            before = now
        t.fail("%s: %s" % (what, look()))
    p.send_signal(signal.SIGSTOP)
    until("it waits", lambda before, now: before == now and now[0] == "S")
    p.send_signal(signal.SIGCONT)
    until("it goes on", lambda before, now: now[1] > before[1])
    p.kill()
    p.communicate()


@case
def guests_process_killed(t):
    """Whoever kills the process of a vCPU ends the VM: one line, 125, nothing left; and nothing outlives the VMM."""
    if t.config.backend != "process":
        t.skip("only the process backend has such a process")
    for victim in ("vcpu", "cay"):
        p = popen(t.cay_argv([PYTHON, "-uc", "print('up'); import time; time.sleep(60)"], ["-c", "2"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir)
        try:
            p.stdout.readline()
            vcpus = set()
            for tid in os.listdir("/proc/%d/task" % p.pid):
                with open("/proc/%d/task/%s/children" % (p.pid, tid)) as f:
                    vcpus |= {c for c in f.read().split() if open("/proc/%s/comm" % c).read() == "cay-vcpu\n"}
            t.check(len(vcpus) == 2, "one process for each vCPU: %s" % vcpus)
            fds = [os.pidfd_open(int(v)) for v in vcpus]
            os.kill(int(min(vcpus)) if victim == "vcpu" else p.pid, 9)
            _, err = p.communicate(timeout=60)
            if victim == "vcpu":
                t.check(p.returncode == 125 and err.count(b"\n") == 1 and b"killed by signal 9" in err, "status %d: %r" % (p.returncode, err))
            for fd in fds:
                t.check(select.select([fd], [], [], 60)[0], "it ends with the VM")
                os.close(fd)
        finally:
            p.kill()
