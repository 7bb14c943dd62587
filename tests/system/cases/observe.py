# SPDX-License-Identifier: MIT
"""--strace, --stats, --timing, --gdb: the shapes that people and scripts rely on."""
import os
import re
import shutil
import socket
import subprocess

from harness import PYTHON, case, popen


def hello(t):
    shutil.copy(os.path.join(t.config.build, "tests", "progs", "hello-static"), t.path("hello"))
    return "./hello"


@case
def strace(t):
    r = t.cay([hello(t)], ["--strace"])
    t.check((r.status, r.out) == (0, b"hello\n"), r.describe())
    t.check(re.search(r"write\(1, \"hello\\n\", 6\) += 6", r.errtext), "the write with its data and result: " + r.describe())
    t.check(re.search(r"exit_group\(0", r.errtext), "the last call: " + r.describe())


@case
def strace_set(t):
    r = t.cay(["cat", "/no/such/file", "/etc/passwd"], ["--strace=openat,close"])
    t.check(re.search(r'openat\(AT_FDCWD, "/no/such/file", O_RDONLY.*\) += -1 ENOENT', r.errtext) or
            re.search(r'openat\(AT_FDCWD, "/no/such/file", O_RDONLY.*\) += -?ENOENT', r.errtext), "errors by name: " + r.describe())
    calls = set(re.findall(r"\b([a-z0-9_]+)\(", r.errtext)) - {"cat"}
    t.check(calls <= {"openat", "close"}, "only the calls asked for: %s" % calls)
    t.our_error(t.cay(["/bin/true"], ["--strace=no_such_call"]), 125, "no_such_call")


@case
def stats(t):
    r = t.cay([hello(t)], ["--stats"])
    t.check((r.status, r.out) == (0, b"hello\n"), r.describe())
    for word in ("exits", "page faults", "rewritten", "trapped", "write"):
        t.check(word in r.errtext.lower(), "--stats names %r: %s" % (word, r.describe()))


@case
def stats_file(t):
    r = t.cay([hello(t)], ["--stats=" + t.path("s")])
    t.check((r.status, r.out, r.err) == (0, b"hello\n", b""), r.describe())
    t.check(os.path.exists(t.path("s")) and os.path.getsize(t.path("s")) > 100, "the file holds them")


@case
def stats_that_cannot_be_written(t):
    """It is said; the program's status stays. A device is a file like others."""
    r = t.cay([hello(t)], ["--stats=/dev/full"])
    t.check(r.status == 0 and b"cay: --stats=/dev/full: cannot write: No space left on device\n" in r.err, r.describe())
    r = t.cay([hello(t)], ["--stats=/dev/null"])
    t.check(r.status == 0 and r.err == b"", r.describe())


@case
def timing(t):
    r = t.cay([hello(t)], ["--timing"])
    t.check((r.status, r.out) == (0, b"hello\n"), r.describe())
    steps = re.findall(r"^cay: +([0-9]+) +([0-9]+) +(\S.*)$", r.errtext, re.M)
    at = [int(us) for us, _, _ in steps]
    t.check(len(steps) >= 10 and at == sorted(at) and at[0] == 0, "a timeline in microseconds, from 0 on, in order: " + r.describe())
    for word in ("kernel entry", "program's first instruction", "program ended"):
        t.check(any(word in name for _, _, name in steps), "it names %r: %s" % (word, r.describe()))


@case
def missing_library_help(t):
    """A program that failed to find a file gets a hint from us on request, not by default."""
    r = t.cay(["cat", "/no/such/file"], ["--missing-files"])
    t.check(r.status == 1 and "/no/such/file" in r.errtext, r.describe())
    t.check("cay: " in r.errtext, "our list of what was not found: " + r.describe())


@case
def rewritten_share(t):
    """At least 99 % of the executed calls of a program that loops on a call take the fast path."""
    r = t.cay([PYTHON, "-c", "import os\nfor _ in range(20000): os.getppid()"], ["--stats"])
    total = re.search(r"system calls +([0-9]+)$", r.errtext, re.M)
    traps = re.search(r"system calls that trapped +([0-9]+)$", r.errtext, re.M)
    if t.check(total and traps, "--stats has 'system calls' and 'system calls that trapped': " + r.describe()):
        t.check(int(traps.group(1)) <= 0.01 * int(total.group(1)), "trapped %s of %s" % (traps.group(1), total.group(1)))


@case
def gdb(t):
    """gdb attaches, stops at main, reads a register and memory, continues to the end."""
    t.need("gdb")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    t.write("prog.c", "#include <stdio.h>\nint answer = 42;\nint main(void)\n{\n\tanswer++;\n\tputs(\"end\");\n\treturn answer;\n}\n")
    if t.host(["gcc", "-g", "-O0", "-static", "prog.c", "-o", "prog"]).status != 0:
        t.skip("gcc is not installed")
    p = popen(t.cay_argv(["./prog"], ["--gdb", str(port)]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir)
    try:
        g = t.host(["gdb", "-q", "-batch", "-nx", "-ex", "set tcp connect-timeout 10", "-ex", "target remote 127.0.0.1:%d" % port, "-ex", "break main", "-ex", "continue",
                    "-ex", "print answer", "-ex", "next", "-ex", "print answer", "-ex", "info registers rip", "-ex", "delete", "-ex", "continue", "prog"], timeout=40)
        out, err = p.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        t.fail("the VM did not end: %r %r" % (out, err))
        return
    t.check("$1 = 42" in g.text and "$2 = 43" in g.text, g.describe())
    t.check(p.returncode == 43 and out == b"end\n", "status %s %r %r" % (p.returncode, out, err))


@case
def quiet(t):
    r = t.cay(["/no/such/program"], ["-q"])
    t.check(r.status == 127, r.describe())


@case(timeout=60)
def debugger_attached_to_the_process(t):
    """gdb on the process of a vCPU: the guest's kernel with its symbols, and the VM goes on afterwards."""
    if t.config.backend != "process":
        t.skip("only the process backend has a process to attach to")
    t.need("gdb")
    p = popen(t.cay_argv([PYTHON, "-c", "print('up', flush=True); input(); print('on')"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=t.dir)
    try:
        p.stdout.readline()
        with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
            vcpu = [c for c in f.read().split() if open("/proc/%s/comm" % c).read() == "cay-vcpu\n"][0]
        r = t.host([t.config.top + "/tools/debug-attach", "-p", vcpu, "--", "-batch", "-ex", "backtrace"])
        if b"ptrace: Operation not permitted" in r.err:
            t.skip("this host forbids gdb to attach")
        t.check("sched_idle_loop" in r.text and "gate_call" in r.text, "kernel and stub are in the backtrace: " + r.describe())
        out, _ = p.communicate(b"\n", 20)
        t.check(out == b"on\n" and p.returncode == 0, "it goes on: %r, status %s" % (out, p.returncode))
    finally:
        p.kill()


@case(timeout=60, backends=("process",))
def perf_sees_the_guests_kernel(t):
    """
    Samples of the process of a vCPU, with the names of the guest kernel's functions. The program has the kernel copy all the
    time, so which function comes first is no matter of chance: it would take samples that go to the wrong names.
    """
    t.need("perf")
    prog = """
import os
f = os.open('/tmp/file', os.O_RDWR | os.O_CREAT)
block = bytearray(1 << 20)
os.write(f, block)
for _ in range(5000): os.preadv(f, [block], 0)
"""
    r = t.host(["perf", "record", "-q", "-e", "cpu-clock", "-o", t.path("vm.data"), "--", *t.cay_argv([PYTHON, "-c", prog])])
    if r.status != 0 and (b"perf_event_paranoid" in r.err or b"permission" in r.err.lower() or b"not permitted" in r.err):
        t.skip("this host forbids perf")
    t.check(r.status == 0, r.describe())
    r = t.host([t.config.top + "/tools/perf-guest", t.path("vm.data")], env={"HOME": t.dir})
    seen = re.findall(r"guest kernel +(\S+)", r.text)
    t.check(seen[:1] == ["arch_user_copy"], "the copying function is the hottest of the guest's kernel: " + r.describe())
    t.check(len(seen) > 3, "other functions of it are seen, too: " + r.describe())
