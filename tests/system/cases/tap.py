# SPDX-License-Identifier: MIT
"""Taps, in network namespaces of the tests' own: the host's TCP as the peer, bursts, several queues, many connections."""
import json
import os
import sys

from harness import PYTHON, case
from cases.network import UDP_CLIENT, UDP_SERVER, frames


def in_namespace(t, commands, files={}, timeout=40):
    """Runs shell commands in a network namespace of their own, in a folder with these files; skips where that is not allowed."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        t.skip("needs root and /dev/net/tun")
    t.need("ip")
    for name, text in files.items():
        t.write(name, text)
    script = t.write("ns.sh", "set -e\nip link set lo up\n" + commands)
    return t.host(["unshare", "-n", "/bin/bash", script], timeout=timeout)


@case(timeout=60)
def a_tap_carries_frames(t):
    server, client = t.write("server.py", UDP_SERVER), t.write("client.py", UDP_CLIENT)
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
%s %s 7 >server.out &
until [ -s server.out ]; do :; done
%s run --backend %s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 --pcap f.pcap -v %s:%s:ro %s %s 10.9.0.1 7 10
kill $!
""" % (sys.executable, server, t.cay_path, t.backend, t.dir, t.dir, PYTHON, client))
    t.check(r.out.endswith(b"answered\n"), r.describe())
    t.check(any(b"message 9" in f for _, f in frames(t.path("f.pcap"))), "it is recorded")


# In the VM: what comes on one connection goes back on another that we open.
TCP_MIRROR = """
import socket
l = socket.create_server(("0.0.0.0", 7000))
print("ready", flush=True)
for i in range(16):
    c, peer = l.accept()
    data = b""
    while more := c.recv(65536):
        data += more
    with socket.create_connection((peer[0], 7001)) as back:
        back.sendall(data)
        back.shutdown(socket.SHUT_WR)
        c.sendall(b"done")
        c.close()
        back.recv(1)  # the VM ends with us: not before the other end has everything
"""
# Outside, for each combination: (name of the setting, bit of tcpi_options).
TCP_COMBINATIONS = """
import random, socket, sys
settings = (("timestamps", 1), ("sack", 2), ("window_scaling", 4), ("ecn", 8))
def options(s):
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)[5] & 15
l = socket.create_server(("10.9.0.1", 7001))
for n in range(16):
    for name, bit in settings:
        with open("/proc/sys/net/ipv4/tcp_" + name, "w") as f:
            f.write("1" if n & bit else "0")
    data = random.Random(n).randbytes(150000)
    with socket.create_connection(("10.9.0.2", 7000), timeout=30) as c:
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)
        b, _ = l.accept()
        got = b""
        while more := b.recv(65536):
            got += more
        print(n, got == data, c.recv(10) == b"done", options(c) == n, options(b) == n & 7, flush=True)
        b.close()
"""


@case(timeout=60, once=True)
def tcp_with_linux_in_every_combination_of_options(t):
    """Timestamps, SACK, window scaling, ECN: Linux's part has them or not, opens one connection and accepts one, on a line that loses a little."""
    r = in_namespace(t, """
[ -w /proc/sys/net/ipv4/tcp_ecn ] || { echo read-only; exit 0; }
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
mkfifo up
echo 0 >/proc/sys/net/ipv4/tcp_ecn_fallback  # a SYN that is sent again would ask for no ECN
%s run --backend %s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1,loss=1%%,delay=1ms,seed=7 %s -c "$(cat mirror.py)" >up &
read line <up
%s outside.py || kill $!
wait
""" % (t.cay_path, t.backend, PYTHON, sys.executable), {"mirror.py": TCP_MIRROR, "outside.py": TCP_COMBINATIONS})
    if r.out == b"read-only\n":
        t.skip("the settings of TCP cannot be changed here")
    want = "".join("%d True True True True\n" % n for n in range(16))
    t.check(r.text == want and r.status == 0, r.describe())


# In the VM: as fast as it can, first waiting in send, then in poll.
UDP_FLOOD = """
import select, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.9.0.1", 7))
s.send(b"hello")
s.recv(100)  # the neighbour is known: nothing waits for it any more
for i in range(3000):
    s.send(bytes(1400))
s.setblocking(False)
p = select.poll()
p.register(s, select.POLLOUT)
for i in range(3000):
    while True:
        try:
            s.send(bytes(1400))
            break
        except BlockingIOError:
            p.poll()
s.setblocking(True)
s.send(b"end")
print(s.recv(100).decode())
"""
UDP_COUNT = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE: room for all of them
s.bind(("10.9.0.1", 7))
n = 0
while True:
    data, peer = s.recvfrom(2000)
    n += len(data) == 1400
    if len(data) < 1400:
        s.sendto(b"%d" % n, peer)
    if data == b"end":
        break
"""


@case(timeout=40)
def a_full_card_holds_who_sends_datagrams(t):
    """None is lost for lack of room in the card's queue: send waits, or says EAGAIN until poll tells of room."""
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
%s count.py &
until ss -Hlun | grep -q 10.9.0.1:7; do :; done
%s run --backend %s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 %s -c "$(cat flood.py)"
kill $! 2>/dev/null || wait
""" % (sys.executable, t.cay_path, t.backend, PYTHON), {"flood.py": UDP_FLOOD, "count.py": UDP_COUNT})
    t.check(r.text == "6000\n", r.describe())


# In the VM: data with the connection by both ways; prints whether the server took it with the SYN (TCPI_OPT_SYN_DATA).
FASTOPEN_CLIENT = """
import select, socket
for n in range(4):
    c = socket.socket()
    data = b"%d" % n * 1000
    if n < 2:
        sent = c.sendto(data, socket.MSG_FASTOPEN, ("10.9.0.1", 7000))
    else:
        c.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
        c.setblocking(n == 2)
        c.connect(("10.9.0.1", 7000))
        sent = c.send(data)
        c.setblocking(True)
        select.select([], [c], [])  # the SYN is answered: to shut down before would be to give up
    if n == 0:
        c.sendall(bytes(100000))
    c.shutdown(socket.SHUT_WR)
    back = c.recv(100)
    print(n, sent, back.decode(), bool(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)[5] & 32), flush=True)
"""
FASTOPEN_SERVER = """
import socket
l = socket.socket()
l.bind(("10.9.0.1", 7000))
l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 10)
l.listen()
for n in range(4):
    c, _ = l.accept()
    got = b""
    while more := c.recv(65536):
        got += more
    right = got == b"%d" % n * 1000 + bytes(0 if n else 100000)
    c.sendall(b"right" if right else b"wrong")
    c.close()
"""


@case(timeout=30)
def a_client_sends_data_with_its_syn(t):
    """TCP Fast Open to a server on Linux: the first connection gets the cookie, the others use it."""
    r = in_namespace(t, """
[ -w /proc/sys/net/ipv4/tcp_fastopen ] || { echo read-only; exit 0; }
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
echo 3 >/proc/sys/net/ipv4/tcp_fastopen
%s server.py &
until ss -Hltn | grep -q :7000; do :; done
%s run --backend %s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 %s -c "$(cat client.py)"
kill $! 2>/dev/null || wait
""" % (sys.executable, t.cay_path, t.backend, PYTHON), {"client.py": FASTOPEN_CLIENT, "server.py": FASTOPEN_SERVER})
    if r.out == b"read-only\n":
        t.skip("the settings of TCP cannot be changed here")
    t.check(r.text == "0 1000 right False\n" + "".join("%d 1000 right True\n" % n for n in (1, 2, 3)), r.describe())


ECHO_SERVER = """
import hashlib, select, socket, sys
listener = socket.create_server(("0.0.0.0", 7), backlog=200)
poll, open_ones, left = select.epoll(), {listener.fileno(): listener}, int(sys.argv[1])
poll.register(listener, select.EPOLLIN)
while left:
    for fd, _ in poll.poll():
        if fd == listener.fileno():
            s, _ = listener.accept()
            open_ones[s.fileno()] = s
            poll.register(s, select.EPOLLIN)
            continue
        data = open_ones[fd].recv(4096)
        if not data:
            open_ones.pop(fd).close()
            left -= 1
        elif data == b"compute":  # for longer than anybody polls; what others send meanwhile must not be lost
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 50000)
            open_ones[fd].sendall(b"computed")
        else:
            open_ones[fd].sendall(data)
"""
ECHO_CLIENT = """
import socket, sys, time
host, n = sys.argv[1], int(sys.argv[2])
for attempt in range(1000):
    try:
        socks = [socket.create_connection((host, 7), timeout=30)]
        break
    except OSError:
        time.sleep(0.01)
socks += [socket.create_connection((host, 7), timeout=30) for _ in range(n - 1)]
def ask(some, text):
    for i, s in enumerate(some):
        s.sendall(b"%s of %d;" % (text, i))
    for i, s in enumerate(some):
        want, got = b"%s of %d;" % (text, i), b""
        while len(got) < len(want):
            got += s.recv(4096)
        assert got == want, (got, want)
def burst(text):
    for i in range(30):  # many at once
        ask(socks, b"%s %d" % (text, i))
burst(b"first")
socks[0].sendall(b"compute")
ask(socks[1:], b"meanwhile")
assert socks[0].recv(100) == b"computed"
for i in range(100):   # one at a time
    ask(socks[:1], b"alone %d" % i)
burst(b"second")
time.sleep(0.3)
burst(b"after a rest")
print("answered")
"""


def tap_echo(t, queues, cpus, nr):
    server, client = t.write("echo.py", ECHO_SERVER), t.write("client.py", ECHO_CLIENT)
    stats = t.path("stats.json")
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap %s
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
taskset -c 0,1 %s run --backend %s -c %d --stats=%s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 -v %s:%s:ro %s %s %d &
%s %s 10.9.0.2 %d
wait $!
""" % (queues, t.cay_path, t.backend, cpus, stats, t.dir, t.dir, PYTHON, server, nr, sys.executable, client, nr))
    t.check(r.out.endswith(b"answered\n") and r.status == 0, r.describe())
    with open(stats) as f:
        return json.load(f)


@case(timeout=60)
def a_tap_carries_bursts(t):
    t.need("taskset")
    host = tap_echo(t, "", 1, 40)["host"]
    # The vCPU's thread is not this process's in the process backend, and on more CPUs than two nothing is scarce.
    t.check(host["io_carried"] > 0 or t.backend == "process", "the vCPU's own thread did I/O")


@case(timeout=60)
def a_tap_has_several_queues(t):
    t.need("taskset")
    host = tap_echo(t, "multi_queue", 2, 40)["net"]
    t.check(host["tx_frames"] > 1000 and host["tx_dropped"] == 0, str(host))


# In the VM: keeps what is opened, says what memory that took, and echoes.
IDLE_SERVER = """
import resource, select, socket, sys
n = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
def free():
    with open("/proc/meminfo") as f:
        return [int(line.split()[1]) for line in f if line.startswith("MemFree:")][0]
listener = socket.create_server(("0.0.0.0", 7), backlog=1000)
poll, socks = select.epoll(), {}
print("ready", flush=True)
for i in range(n):
    s = listener.accept()[0]
    socks[s.fileno()] = s
    poll.register(s, select.EPOLLIN)
    if i == n // 10:
        before = free()
print((before - free()) * 1024 // (n - n // 10), flush=True)
while socks:
    for fd, _ in poll.poll():
        data = socks[fd].recv(100)
        if data:
            socks[fd].sendall(data)
        else:
            socks.pop(fd).close()
"""
IDLE_CLIENT = """
import resource, select, socket, sys
n = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
socks = []
while len(socks) < n:  # a hundred at once: one after the other each would wait for all turns on a busy machine
    some = [socket.socket() for _ in range(100)]
    for s in some:
        s.setblocking(False)
        s.connect_ex(("10.9.0.2", 7))
    for s in some:
        p = select.poll()
        p.register(s, select.POLLOUT)
        assert p.poll(20000) and s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        s.settimeout(20)
    socks += some
for i in range(0, n, 97):
    socks[i].sendall(b"%d" % i)
for i in range(0, n, 97):
    assert socks[i].recv(100) == b"%d" % i
"""


@case(timeout=120, once=True)
def a_tap_keeps_10000_idle_connections(t):
    """At most 4 KiB of kernel memory each, and Python has less than one for each of its own."""
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
mkfifo up
%s run --backend %s --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 %s -c "$(cat server.py)" 10000 >up &
exec 3<up
read line <&3
%s client.py 10000
read bytes <&3
wait $!
echo $bytes
""" % (t.cay_path, t.backend, PYTHON, sys.executable), {"server.py": IDLE_SERVER, "client.py": IDLE_CLIENT}, 110)
    t.check(r.status == 0 and int(r.text) <= 5 * 1024, r.describe())


@case(timeout=60, backends=("process",))  # a user who may not use the tap may not use /dev/kvm either
def a_tap_of_another_is_refused(t):
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap user 12345
ip link set t0 up
setpriv --reuid 54321 --regid 54321 --clear-groups %s run --backend %s --net tap=t0 true 2>&1 || echo status $?
exec 9<>/dev/null
""" % (t.cay_path, t.backend))
    t.check(b"cay: --net tap=t0: this user may not" in r.out and b"status 125" in r.out, r.describe())
