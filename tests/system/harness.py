# SPDX-License-Identifier: MIT
"""What a system test case is written with.

A case is a function with the decorator @case in a file of tests/system/cases/. It gets one argument, t (class Case), and
    t.same(["sort", "file"])        runs the program on the host and in a VM: stdout, stderr and exit status must be equal
    r = t.cay(["sort", "file"])     runs it in a VM only;  t.host([...]) on the host only
    r = t.oracle("name", [...])     as t.host, but run once for all cases that ask for this name
    t.check(cond, "what it means")  records a failure and goes on
    t.sub("name", ok, "detail")     records a result of its own, for programs that report many
    t.skip("reason")                ends the case as skipped
Each case has an empty folder of its own (t.dir), which is the current folder of both runs. A run that takes longer
than its limit is killed, with all it started, and reported with what it had printed.
"""
import concurrent.futures
import ctypes
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import traceback

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}
PYTHON = "/usr/bin/python3"  # Debian's own; another one may come first in PATH


class Skip(Exception):
    pass


LIBC = ctypes.CDLL(None)


def before_exec():
    """
    In a child. When the harness is killed, so is what it started: a VM whose kernel spins would else stay for ever. And signals
    are as in a fresh shell: a test run in the background, or by nohup, was started with SIGINT or SIGHUP ignored.
    """
    LIBC.prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
    for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(sig, signal.SIG_DFL)


RUNNING, RUNNING_LOCK = [], threading.Lock()  # what popen() started, and when it is to be killed


def kill_late_ones():
    """One thread for all, as long as something runs: what has ended is not kept, with all its output, until it would have been late."""
    while True:
        time.sleep(1)
        with RUNNING_LOCK:
            RUNNING[:] = [(p, end) for p, end in RUNNING if p.returncode is None]
            if not RUNNING:
                return
            late = [p for p, end in RUNNING if time.monotonic() > end]
        for p in late:
            p.kill()


def popen(argv, preexec=None, limit=120, **kw):
    """
    subprocess.Popen for cases that talk to a running program. After `limit` seconds it is killed, so that a case that
    reads from it ends.
    """
    def in_child():
        before_exec()
        if preexec:
            preexec()
    p = subprocess.Popen(argv, preexec_fn=in_child, **kw)
    with RUNNING_LOCK:
        if not RUNNING:
            threading.Thread(target=kill_late_ones, daemon=True).start()
        RUNNING.append((p, time.monotonic() + limit))
    return p


class Result:
    def __init__(self, pid, argv, status, out, err, seconds, timed_out):
        self.pid = pid  # it was the leader of a session of its own
        self.argv, self.status, self.out, self.err = argv, status, out, err
        self.seconds, self.timed_out = seconds, timed_out

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def errtext(self):
        return self.err.decode("utf-8", "replace")

    def time_and_end(self):
        return "%.0f s%s" % (self.seconds, ", its limit" if self.timed_out else "" if self.status == 0 else ", status %d" % self.status)

    def describe(self):
        how = "killed after %.0f s" % self.seconds if self.timed_out else "status %d" % self.status
        return "%s\n    %s\n    stdout: %s\n    stderr: %s" % (
            " ".join(map(str, self.argv))[:300], how, shorten(self.out), shorten(self.err))


def shorten(data, limit=600):
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    if len(data) > limit:
        data = data[: limit // 2] + " [...] " + data[-limit // 2 :]
    return data.replace("\n", "\n            ")


def run(argv, stdin=b"", timeout=60, env=None, cwd=None, preexec=None):
    """Runs argv to its end or its limit; returns a Result. stdin: bytes, or a file object."""
    begin = time.monotonic()
    feed = stdin if isinstance(stdin, bytes) else None
    p = popen(argv, preexec, timeout + 60, stdin=subprocess.PIPE if feed is not None else stdin, stdout=subprocess.PIPE,
              stderr=subprocess.PIPE, env=env, cwd=cwd, start_new_session=True)
    timed_out = False
    try:
        out, err = p.communicate(feed, timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        out, err = p.communicate()
    status = p.returncode if p.returncode >= 0 else 128 - p.returncode
    return Result(p.pid, argv, status, out, err, time.monotonic() - begin, timed_out)


PORTS = itertools.count(os.getpid() * 37)


def free_port(kind=socket.SOCK_STREAM):
    """
    A port of the host for a VM to publish, each once in a run. Not one that the system chooses: it would choose it again, for a
    connection of a case beside, before the VM has taken it.
    """
    while True:
        port = 12000 + next(PORTS) % 20000  # below /proc/sys/net/ipv4/ip_local_port_range
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("", port))
                return port
            except OSError:
                pass


def in_session(sid):
    """Processes of a session that are not dead: (pid, name)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                head, _, rest = f.read().rpartition(")")
        except OSError:
            continue
        fields = rest.split()  # state ppid pgrp session
        if int(fields[3]) == sid and fields[0] not in "ZX":
            found.append((int(pid), head.partition("(")[2]))
    return found


ORACLES, ORACLES_LOCK = {}, threading.Lock()


def forget_oracles():
    """A case that runs again asks Linux again."""
    with ORACLES_LOCK:
        ORACLES.clear()


class Case:
    def __init__(self, fn, options, config):
        self.fn, self.options, self.config = fn, options, config
        self.group = fn.__module__.split(".")[-1]
        self.name = "%s/%s" % (self.group, options.get("name") or fn.__name__)
        self.failures, self.subs, self.skipped, self.notes = [], [], None, []
        self.dir = None
        self.seconds, self.begin = 0.0, time.monotonic()

    # what cases use
    @property
    def cay_path(self):
        return self.config.cay

    def cay_argv(self, argv, flags=()):
        return [self.config.cay, "run", "--backend", self.config.backend, *flags, "--", *map(str, argv)]

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def cay(self, argv, flags=(), stdin=b"", timeout=None, env=None, cwd=None, **kw):
        env = {**ENV, **(env or {})}
        eflags = [f for k, v in env.items() for f in ("-e", "%s=%s" % (k, v))]
        timeout = timeout or self.options.get("timeout", 60)
        r = run(self.cay_argv(argv, [*eflags, *flags]), stdin, timeout, dict(os.environ), cwd or self.dir, **kw)
        if r.timed_out:
            self.fail("timeout: " + r.describe())
        return r

    @property
    def backend(self):
        return self.config.backend

    def cmd(self, argv, stdin=b"", timeout=30, env=None, **kw):
        """Any command with cay in it: t.cmd(["doctor"]) runs `cay doctor`."""
        r = run([self.config.cay, *argv], stdin, timeout, {**os.environ, **(env or {})}, self.dir, **kw)
        if r.timed_out:
            self.fail("timeout: " + r.describe())
        return r

    def host(self, argv, stdin=b"", timeout=None, env=None, **kw):
        return run(list(map(str, argv)), stdin, timeout or self.options.get("timeout", 60), {**ENV, **(env or {})}, self.dir, **kw)

    def oracle(self, name, argv):
        """The host's run of a program that several cases compare with, on both backends: once for all that give this name."""
        with ORACLES_LOCK:
            first = name not in ORACLES
            future = ORACLES.setdefault(name, concurrent.futures.Future())
        if first:
            try:
                future.set_result(self.host(argv))
            except BaseException as e:
                future.set_exception(e)
        return future.result()

    def same(self, argv, flags=(), stdin=b"", timeout=None, env=None, stderr=True, normalize=None, expect=None):
        """Host and VM must agree. expect: the exit status both must have. normalize: bytes -> bytes on outputs."""
        # The VM first: what it writes vanishes with it, what the host's run writes stays.
        got = self.cay(argv, flags, stdin, timeout, env)
        if not isinstance(stdin, bytes):
            stdin.seek(0)
        want = self.host(argv, stdin, timeout, env)
        norm = normalize or (lambda b: b)
        if want.timed_out:
            self.fail("the host's run timed out: " + want.describe())
        elif expect is not None and want.status != expect:
            self.fail("the host's status is %d, the case expects %d: %s" % (want.status, expect, want.describe()))
        if got.timed_out:
            return got
        if got.status != want.status:
            self.fail("status differs, host %d: %s" % (want.status, got.describe()))
        elif norm(got.out) != norm(want.out):
            self.fail("stdout differs: " + first_difference(norm(want.out), norm(got.out)) + "\n    " + got.describe())
        elif stderr and norm(got.err) != norm(want.err):
            self.fail("stderr differs: " + first_difference(norm(want.err), norm(got.err)) + "\n    " + got.describe())
        return got

    def check(self, cond, what):
        if not cond:
            self.fail(what)
        return bool(cond)

    def fail(self, what):
        self.failures.append(what)

    def note(self, what):
        """What a case did, for the line that make soak prints at its end."""
        self.notes.append(what)

    def time_left(self):
        """Seconds of the case's limit, which is that of each of its commands: a case of many looks here before the next."""
        return self.begin + self.options.get("timeout", 60) - time.monotonic()

    def sub(self, name, ok, detail="", skip=None):
        self.subs.append(("%s/%s" % (self.name, name), ok, detail, skip))

    def skip(self, reason):
        raise Skip(reason)

    def need(self, program):
        path = shutil.which(program, path=ENV["PATH"])
        if path is None:
            self.skip("%s is not installed" % program)
        return path

    def our_error(self, r, status, *words):
        """r is an error of cay's own: the status, one line on stderr with the prefix, each of words in it."""
        lines = r.errtext.splitlines()
        self.check(r.status == status, "expected status %d: %s" % (status, r.describe()))
        if self.check(len(lines) == 1, "expected one line on stderr: " + r.describe()):
            self.check(lines[0].startswith("cay: "), "the line begins with 'cay: ': " + r.describe())
            for w in words:
                self.check(w in lines[0], "the line names %r: %s" % (w, r.describe()))

    # what the runner uses
    def execute(self):
        self.begin = time.monotonic()
        self.dir = tempfile.mkdtemp(prefix="cay-test-")
        os.chmod(self.dir, 0o755)
        try:
            self.fn(self)
        except Skip as s:
            self.skipped = str(s)
        except Exception:  # a broken case is a failure of that case only
            self.fail("the test case itself broke:\n" + traceback.format_exc())
        finally:
            for root, dirs, _ in os.walk(self.dir):
                for d in dirs:
                    if not os.path.islink(os.path.join(root, d)):
                        os.chmod(os.path.join(root, d), 0o755)
            shutil.rmtree(self.dir, ignore_errors=True)
            self.seconds = time.monotonic() - self.begin
        return self


def first_difference(want, got):
    """Where two outputs part, in a line."""
    w, g = want.splitlines(), got.splitlines()
    for i, (a, b) in enumerate(zip(w, g)):
        if a != b:
            return "line %d: host %r, VM %r" % (i + 1, a[:200], b[:200])
    return "host has %d lines (%d bytes), VM has %d (%d bytes)" % (len(w), len(want), len(g), len(got))


CASES = []


def case(fn=None, **options):
    """
    @case or @case(timeout=..., alone=True, name=..., backends=("kvm",)). alone: nothing else runs beside it (memory, timing).
    backends: only those, for what is about one of them. once=True: on the first that works, for what is heavy and the same on all.
    soak=True: takes minutes; not in make test but in make soak, and not run again when it fails.
    """
    def add(f):
        CASES.append((f, options))
        return f
    return add(fn) if fn else add
