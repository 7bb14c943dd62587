# SPDX-License-Identifier: MIT
"""Links: VMs of one user beside each other on a segment in memory, and peers that do not keep to its rules."""
import os
import subprocess
import threading

from harness import PYTHON, case, in_session, popen
from cases.network import UDP_CLIENT, UDP_SERVER


@case(timeout=40)
def a_link_joins_two_vms(t):
    name = "test%d" % os.getpid()
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    flags = ["--net", "link=" + name]
    server = popen(t.cay_argv([PYTHON, "-c", UDP_SERVER, "7007"], flags), stdout=subprocess.PIPE, cwd=t.dir, env=env)
    try:
        t.check(server.stdout.readline() == b"ready\n", "the first VM is there")
        for _ in range(2):  # the second takes the place that the first left
            client = subprocess.run(t.cay_argv([PYTHON, "-c", UDP_CLIENT, "10.99.0.1", "7007", "20"], flags), env=env, capture_output=True,
                                    cwd=t.dir, timeout=30)
            t.check(client.stdout == b"answered\n", "the second reaches it: %r %r" % (client.stdout, client.stderr))
    finally:
        server.kill()
        server.wait()
    mode = os.stat(t.path("cay")).st_mode & 0o777
    t.check(mode == 0o700, "the folder is ours alone: %o" % mode)


@case
def a_link_joins_vms_of_several_cpus(t):
    """Each CPU has the segment: threads on all of them send and receive."""
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    flags = ["--net", "link=many", "-c", "3"]
    client = ("import socket, threading\ndef ask():\n s = socket.create_connection(('10.99.0.1', 7007))\n for i in range(50):\n  s.sendall(b'x' * 3000)\n"
              "  n = 0\n  while n < 3000: n += len(s.recv(3000))\n  sum(range(20000))\n s.close()\n"
              "l = [threading.Thread(target=ask) for i in range(6)]\nfor i in l: i.start()\nfor i in l: i.join()\nprint('done')\n")
    server = ("import socketserver\nclass H(socketserver.BaseRequestHandler):\n def handle(self):\n  while d := self.request.recv(3000): self.request.sendall(d)\n"
              "s = socketserver.ThreadingTCPServer(('0.0.0.0', 7007), H)\nprint('ready', flush=True)\ns.serve_forever()\n")
    p = popen(t.cay_argv([PYTHON, "-c", server], flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir, env=env)
    try:
        t.check(p.stdout.readline() == b"ready\n", "the first VM is there")
        r = t.cmd(["run", "--backend", t.backend, *flags, PYTHON, "-c", client], env=env)
        t.check((r.status, r.out, r.err) == (0, b"done\n", b"") and p.poll() is None, r.describe())
    finally:
        p.kill()
        p.communicate()


LINK_READER = """
import hashlib, socket, sys
s = socket.create_server(("0.0.0.0", 7007))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
print("ready", flush=True)
for c in [s.accept()[0] for i in range(int(sys.argv[1]))]:
    h = hashlib.sha256()
    while data := c.recv(100000):
        h.update(data)
    print(h.hexdigest(), flush=True)
    try:
        c.sendall(h.digest())
    except OSError:  # it has gone
        pass
"""
# Leaves when the last byte has been acknowledged, long before it is read.
LINK_WRITER = """
import hashlib, random, socket, sys
s = socket.create_connection(("10.99.0.1", 7007))
data = random.Random(int(sys.argv[1])).randbytes(int(sys.argv[2]))
s.sendall(data)
s.shutdown(socket.SHUT_WR)
if sys.argv[3] == "stay":
    s.recv(32)
while s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (1, 4):
    pass
print(hashlib.sha256(data).hexdigest())
"""


@case(timeout=60)
def a_link_keeps_what_its_sender_left(t):
    """Data wait in their sender's memory until they are read: also when it has ended and another VM is in its place."""
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    flags = ["--net", "link=keep"]
    server = popen(t.cay_argv([PYTHON, "-c", LINK_READER, "3"], flags), stdout=subprocess.PIPE, cwd=t.dir, env=env)
    try:
        t.check(server.stdout.readline() == b"ready\n", "the reader is there")
        sums = []
        for i, (size, then) in enumerate(((190000, "go"), (180000, "go"), (30000000, "stay"))):
            r = subprocess.run(t.cay_argv([PYTHON, "-c", LINK_WRITER, str(i), str(size), then], flags), env=env, capture_output=True,
                               cwd=t.dir, timeout=40)
            t.check(r.returncode == 0, "writer %d: %r" % (i, r.stderr))
            sums.append(r.stdout)
        t.check([server.stdout.readline() for _ in sums] == sums, "every byte came as it was sent")
    finally:
        server.kill()
        server.wait()


@case(timeout=90)
def a_link_is_recorded_and_made_worse(t):
    """--pcap and a bad line on a link: the VMM stands at the rings in the place of its guest, on either side or both."""
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    ways = (("r.pcap", [], []), (None, ["--pcap", t.path("w.pcap")], []), ("both.pcap", ["--pcap", t.path("b.pcap")], []), (None, [], [",loss=1%,delay=1ms"]))
    for i, (reader_file, writer_flags, line) in enumerate(ways):
        flags = ["--net", "link=rec%d" % i]
        pcap = ["--pcap", t.path(reader_file)] if reader_file else []
        server = popen(t.cay_argv([PYTHON, "-c", LINK_READER, "1"], flags + pcap), stdout=subprocess.PIPE, cwd=t.dir, env=env)
        try:
            t.check(server.stdout.readline() == b"ready\n", "the reader is there")
            size = 300000 if line else 5000000
            r = subprocess.run(t.cay_argv([PYTHON, "-c", LINK_WRITER, str(i), str(size), "stay"], [flags[0], flags[1] + "".join(line), *writer_flags]), env=env,
                               capture_output=True, cwd=t.dir, timeout=60)
            t.check(r.returncode == 0 and not r.stderr and server.stdout.readline() == r.stdout, "way %d: every byte came as it was sent: %r" % (i, r.stderr))
        finally:
            server.kill()
            server.wait()
    for name in ("r.pcap", "w.pcap", "both.pcap", "b.pcap"):
        with open(t.path(name), "rb") as f:
            data = f.read()
        t.check(len(data) > 5000000 and data[:4] == b"\x4d\x3c\xb2\xa1" and bytes([10, 99, 0, 1]) in data[:2000], "%s holds the frames: %d bytes" % (name, len(data)))


LINK_SCRIBBLER = """
import mmap, os, random, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, os.fstat(fd).st_size)
r = random.Random(1)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    for i in range(200):
        at = r.randrange(64, 0x20000 // 4) * 4 if i % 2 else r.randrange(0x20000 // 16, len(m) // 16 - 4) * 16
        if i % 4 == 0:  # lengths and indices that might be true
            m[at:at + 4] = (r.randrange(0, 0x20000) * 16).to_bytes(4, "little")
        else:
            m[at:at + 8] = r.randbytes(8)
# All live indices, again and again: what a peer does that wants others to stumble.
rings = [(f, t) for f in range(2) for t in range(2) if f != t]
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    for f, t in rings:
        ring = 576 + (f * 8 + t) * 128
        at = ring + r.choice((0, 4, 8, 64, 68, 72, 76))
        m[at:at + 4] = r.randbytes(4)
"""
LINK_TALKER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.05)
answers = 0
while sys.stdin.readline().strip() == "talk":
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        s.sendto(b"hello", ("10.99.0.1", 7007))
        try:
            answers += s.recvfrom(100)[0] == b"hello"
        except OSError:
            pass
        c = socket.socket()
        c.settimeout(0.05)
        try:
            c.connect(("10.99.0.1", 7008))
            c.sendall(bytes(300000))
        except OSError:
            pass
        c.close()
    print("talked", answers, flush=True)
"""
LINK_LISTENER = """
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", 7007))
l = socket.create_server(("0.0.0.0", 7008), backlog=50)
def sink():
    while True:
        c = l.accept()[0]
        c.settimeout(0.3)
        try:
            while c.recv(65536):
                pass
        except OSError:
            pass
        c.close()
threading.Thread(target=sink, daemon=True).start()
print("ready", flush=True)
while True:
    data, peer = u.recvfrom(100)
    try:
        u.sendto(data, peer)
    except OSError:
        pass
"""


@case(timeout=60)
def a_hostile_peer_on_a_link(t):
    """A hand of ours writes junk into the whole segment while two VMs talk: both live on, and find each other again when it has ended."""
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    flags = ["--net", "link=junk"]
    vms = [popen(t.cay_argv([PYTHON, "-c", code], flags), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir, env=env, text=True)
           for code in (LINK_LISTENER,)]
    try:
        t.check(vms[0].stdout.readline() == "ready\n", "the listener is there")
        vms.append(popen(t.cay_argv([PYTHON, "-c", LINK_TALKER], flags), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir,
                         env=env, text=True))

        def talk():
            vms[1].stdin.write("talk\n")
            vms[1].stdin.flush()
            return int(vms[1].stdout.readline().split()[1])
        t.check(any(talk() > 0 for _ in range(20)), "they talk")
        scribbler = popen([PYTHON, "-c", LINK_SCRIBBLER, t.path("cay/link-junk/segment.2"), "0.7"], stderr=subprocess.PIPE)
        meanwhile = [talk() for _ in range(3)]
        _, err = scribbler.communicate(timeout=30)
        t.check(scribbler.returncode == 0, err)
        t.check([p.poll() for p in vms] == [None, None], "both live on")
        for _ in range(20):
            if talk() > meanwhile[-1]:
                break
        else:
            t.fail("they find each other again")
    finally:
        for p in vms:
            p.kill()
            out, err = p.communicate()
            t.check(not err, err)


def shortened_link(t, flags):
    """Somebody shortens a link's segment while a VM sends on it. Returns its status and words."""
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    talk = ("import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n"
            "print('up', flush=True)\ninput()\nfor i in range(200):\n try: s.sendto(b'x' * 1000, ('10.99.0.255', 9))\n except OSError: pass\n")
    p = popen(t.cay_argv([PYTHON, "-c", talk], ["--net", "link=short", *flags]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir, env=env)
    try:
        t.check(p.stdout.readline() == b"up\n", "it runs")
        os.truncate(t.path("cay/link-short/segment.2"), 0)
        _, err = p.communicate(b"go\n", timeout=60)
        t.check(not in_session(p.pid) and not os.listdir(t.path("cay/vm")), "nothing is left behind")
        return p.returncode, err
    finally:
        p.kill()


@case
def a_link_that_is_shortened(t):
    """The guest, whose memory it was, has zeros in its place, or its program a SIGBUS; the VMM, which does not touch it, is well."""
    status, err = shortened_link(t, [])
    t.check((status in (0, 128 + 7) and not err) or (status == 125 and err.startswith(b"cay: ")), "%s %s" % (status, err))


@case
def a_recorded_link_that_is_shortened(t):
    """The VMM itself loses the memory: it says so, and ends."""
    status, err = shortened_link(t, ["--pcap", "p"])
    t.check(status == 125 and err.startswith(b"cay: memory that is shared") and err.count(b"\n") == 1, "%s %s" % (status, err))


@case
def an_unused_link_is_removed(t):
    """By the next VM that joins another; one that is in use stays, as does what is no link."""
    env = {"XDG_RUNTIME_DIR": t.dir}

    def run(name):
        return t.cmd(["run", "--backend", t.backend, "--net", "link=" + name, "true"], env=env).status
    t.check(run("old") == 0 and os.path.exists(t.path("cay/link-old/segment.2")), "a link is there after its last VM")
    os.mkdir(t.path("cay/link-other"), 0o700)
    vm = popen(t.cay_argv(["sh", "-c", "echo up; cat"], ["--net", "link=used"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
               cwd=t.dir, env={**os.environ, **env})
    try:
        t.check(vm.stdout.readline() == b"up\n", "a VM runs on a link")
        t.check(run("new") == 0, "another joins a new one")
        links = sorted(x for x in os.listdir(t.path("cay")) if x.startswith("link-"))
        t.check(links == ["link-new", "link-other", "link-used"], "the unused link is gone, the others are not: %s" % links)
    finally:
        vm.kill()
        vm.communicate()


@case
def a_link_of_another_kind(t):
    """A segment of another size is left alone."""
    os.makedirs(t.path("cay/link-odd"), 0o700)
    os.chmod(t.path("cay"), 0o700)
    segment = t.write("cay/link-odd/segment.2", b"x" * 4096, 0o600)
    r = t.cmd(["run", "--backend", t.backend, "--net", "link=odd", "true"], env={"XDG_RUNTIME_DIR": t.dir})
    t.our_error(r, 125, "link-odd")
    t.check(os.path.getsize(segment) == 4096, "nothing was changed")


@case
def an_event_before_the_first_instruction(t):
    """A wake-up on a link that is there before the kernel runs: here from a hand of ours, in truth from a peer."""
    env = {"XDG_RUNTIME_DIR": t.dir}
    argv = ["run", "--backend", t.backend, "--net", "link=x", "true"]
    t.check(t.cmd(argv, env=env).status == 0, "makes the link")
    fifos = [os.open(t.path("cay/link-x/wake.%d" % i), os.O_RDWR | os.O_NONBLOCK) for i in range(8)]
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            try:
                os.write(fifos[0], b"x")
            except BlockingIOError:
                pass
    flooder = threading.Thread(target=flood)
    flooder.start()
    r = t.cmd(argv, env=env, timeout=60)
    stop.set()
    flooder.join()
    for fd in fifos:
        os.close(fd)
    t.check(r.status == 0, r.describe())


@case
def a_link_refuses_a_folder_of_others(t):
    os.mkdir(t.path("cay"), 0o755)
    os.chmod(t.path("cay"), 0o777)
    r = t.cmd(["run", "--backend", t.backend, "--net", "link=x", "true"], env={"XDG_RUNTIME_DIR": t.dir})
    t.our_error(r, 125, "not this user's alone")
    os.rmdir(t.path("cay"))
    os.symlink("/tmp", t.path("cay"))
    r = t.cmd(["run", "--backend", t.backend, "--net", "link=x", "true"], env={"XDG_RUNTIME_DIR": t.dir})
    t.our_error(r, 125, "not this user's alone")
