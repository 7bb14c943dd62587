# SPDX-License-Identifier: MIT
"""stdin, stdout, stderr: to EOF, exact bytes, closed pipes, files, seeking."""
import os
import random
import socket
import subprocess
import threading

from harness import ENV, PYTHON, case, popen


@case
def stdin_to_eof(t):
    data = random.Random(3).randbytes(5_000_000)
    t.same(["sha256sum"], stdin=data)
    t.same(["cat"], stdin=data)
    t.same(["wc", "-c"], stdin=b"")


@case
def stdin_is_a_file(t):
    """A regular file on stdin can be sought, and the host sees how far it was read."""
    t.write("in", b"line one\nline two\nline three\n")
    with open(t.path("in"), "rb") as f:
        t.same([PYTHON, "-c", "import os; print(os.read(0, 5), os.lseek(0, 2, 1), os.read(0, 100), os.fstat(0).st_size)"], stdin=f)


@case
def stdin_is_null(t):
    with open("/dev/null", "rb") as f:
        t.same(["cat"], stdin=f)


@case
def input_is_read_only_when_asked(t):
    """What the program does not read stays in the pipe for the next one."""
    r, w = os.pipe()
    os.write(w, b"first\nsecond\n")
    os.close(w)
    subprocess.run(t.cay_argv([PYTHON, "-c", "import os; os.read(0, 6)"]), stdin=r, cwd=t.dir, timeout=60)
    t.check(os.read(r, 100) == b"second\n", "the second line is still there")
    os.close(r)


@case
def closed_reader(t):
    """EPIPE reaches the writer: SIGPIPE ends it, as on the host."""
    for prog in ("import os, signal; signal.signal(13, signal.SIG_DFL)\nwhile True: os.write(1, b'x' * 65536)",
                 "import os\ntry:\n while True: os.write(1, b'x' * 65536)\nexcept BrokenPipeError: os._exit(77)"):
        p = popen(t.cay_argv([PYTHON, "-c", prog]), stdout=subprocess.PIPE, cwd=t.dir)
        p.stdout.read(100000)
        p.stdout.close()
        try:
            status = p.wait(60)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            status = "timeout"
        t.check(status == (77 if "os._exit" in prog else 128 + 13), "status %s" % status)


@case
def slow_reader_and_writer(t):
    """A pipe that fills and drains; a program that waits for input without using the CPU."""
    p = popen(t.cay_argv([PYTHON, "-uc", "import sys\nfor l in sys.stdin: print(l.upper(), end='')"]), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, cwd=t.dir, env={**os.environ, **ENV})
    for i in range(20):
        p.stdin.write(b"line %d\n" % i)
        p.stdin.flush()
        t.check(p.stdout.readline() == b"LINE %d\n" % i, "answer %d comes at once" % i)
    p.stdin.close()
    t.check(p.wait(60) == 0, "ends at EOF")


@case
def output_to_a_file(t):
    for mode in ("wb", "ab"):
        t.write("host", "before\n")
        t.write("vm", "before\n")
        prog = "import os; os.write(1, b'one\\n'); os.write(2, b'two\\n')"
        for name, argv in (("host", [PYTHON, "-c", prog]), ("vm", t.cay_argv([PYTHON, "-c", prog]))):
            with open(t.path(name), mode) as f:
                subprocess.run(argv, stdout=f, stderr=f, cwd=t.dir, timeout=60)
        t.check(open(t.path("host")).read() == open(t.path("vm")).read(), "%s: host %r, VM %r" % (
            mode, open(t.path("host")).read(), open(t.path("vm")).read()))


@case
def sockets(t):
    """The user's streams are a socket, as under inetd: bytes both ways, and its end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    p = subprocess.Popen(t.cay_argv(["/bin/cat"]), stdin=theirs, stdout=theirs, cwd=t.dir)
    theirs.close()
    data = random.Random(4).randbytes(300_000)
    feeder = threading.Thread(target=lambda: (ours.sendall(data), ours.shutdown(socket.SHUT_WR)))
    feeder.start()
    seen = b""
    while chunk := ours.recv(65536):
        seen += chunk
    feeder.join()
    t.check(seen == data, "%d bytes went in and %d came out" % (len(data), len(seen)))
    t.check(p.wait(60) == 0, "ends at the end of the input")


@case
def closing_stdout_is_seen(t):
    """A reader gets the end of the file when the program closes its stdout, not when it ends."""
    p = subprocess.Popen(t.cay_argv([PYTHON, "-c", "import os, sys; os.write(1, b'x'); os.close(1); sys.stdin.read()"]),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=t.dir)
    t.check(p.stdout.read() == b"x" and p.poll() is None, "the end comes while the program runs")
    p.stdin.close()
    t.check(p.wait(60) == 0, "ends well")


@case
def closed_descriptors(t):
    """cay started without stdin, stdout or stderr."""
    for fd in (0, 1, 2):
        r = t.host(["/bin/sh", "-c", 'exec "$@" %d>&-' % fd, "sh", *t.cay_argv(["/bin/true"])])
        t.check(r.status == 0, "descriptor %d closed: %s" % (fd, r.describe()))


@case
def closed_descriptors_are_nobodys(t):
    """No file of cay's own takes their numbers: the program finds them closed, as it does on Linux."""
    look = ("import os\nfor fd in 0, 1:\n for f in os.fstat, lambda n: os.read(n, 1), lambda n: os.write(n, b'x'):\n  try: os.write(2, repr(f(fd)).encode())\n"
            "  except OSError as e: os.write(2, b'%d ' % e.errno)\n")
    prog = [PYTHON, "-S", "-c", look]
    with_all_closed = ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&-', "sh"]
    want = t.host([*with_all_closed, *prog])
    for flags in ([], ["--net", "user", "--pcap", "p"]):
        got = t.host([*with_all_closed, *t.cay_argv(prog, flags)])
        t.check((got.status, got.err) == (want.status, want.err), "%s, wanted %s" % (got.describe(), want.describe()))


@case
def devices(t):
    prog = ("import os\nprint(len(os.urandom(1000)), open('/dev/zero','rb').read(5), open('/dev/null').read())\n"
            "open('/dev/null','w').write('x'*100000)\nprint(len(open('/dev/urandom','rb').read(100000)))\n"
            "try: open('/dev/full','w').write('x'*100000)\nexcept OSError as e: print(e.errno)\n"
            "print(os.path.realpath('/dev/stdin')[:5] == '/proc' or True)\nopen('/dev/stdout','w').write('via dev\\n')\n")
    t.same([PYTHON, "-c", prog])
