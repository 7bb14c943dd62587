# SPDX-License-Identifier: MIT
"""The network card by way of the command line: user, none, -p, --pcap, and what is refused."""
import functools
import http.server
import json
import os
import re
import select
import socket
import struct
import subprocess
import threading
import time
import urllib.request

from harness import PYTHON, case, free_port, popen

UDP_CLIENT = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
for i in range(int(sys.argv[3])):
    for attempt in range(80):
        s.sendto(b"message %d" % i, (sys.argv[1], int(sys.argv[2])))
        try:
            data, _ = s.recvfrom(100)
            if data == b"message %d" % i:
                break
        except TimeoutError:
            pass
    else:
        sys.exit("no answer")
print("answered")
"""
UDP_SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(data, peer)
    if data == b"end":
        break
"""


class Echo:
    """A UDP server in this process, on the host's loopback."""

    def __enter__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        try:
            while True:
                data, peer = self.sock.recvfrom(65535)
                self.sock.sendto(data, peer)
        except OSError:
            pass

    def __exit__(self, *_):
        self.sock.close()


def frames(path):
    """A small reader of pcap with nanoseconds: (time in ns, frame)."""
    with open(path, "rb") as f:
        data = f.read()
    magic, major, _, _, _, _, link = struct.unpack_from("<IHHIIII", data)
    assert (magic, major, link) == (0xA1B23C4D, 2, 1), "a pcap file of Ethernet frames with nanoseconds"
    at, found = 24, []
    while at < len(data):
        s, ns, here, there = struct.unpack_from("<IIII", data, at)
        assert here == there and at + 16 + here <= len(data), "whole records"
        found.append((s * 1000000000 + ns, data[at + 16 : at + 16 + here]))
        at += 16 + here
    return found


@case(timeout=30)
def user_reaches_the_hosts_loopback(t):
    with Echo() as server:
        r = t.cay([PYTHON, "-c", UDP_CLIENT, "10.0.2.2", server.port, "5"])
    t.check(r.out == b"answered\n" and r.status == 0, r.describe())


class WebServer:
    """The host's own, on its loopback; serves one folder."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@case(timeout=60)
def fetches_from_the_host(t):
    """curl, wget and python, a small file and one of several windows."""
    data = os.urandom(1 << 20)
    t.write("www/small", b"hello\n")
    t.write("www/large", data)
    with WebServer(t.path("www")) as web:
        url = "http://10.0.2.2:%d/" % web.port
        for name, argv in (("curl", ["curl", "-sS"]), ("wget", ["wget", "-q", "-O", "-"]),
                           ("python", [PYTHON, "-c", "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"])):
            for file, want in (("small", b"hello\n"), ("large", data)):
                r = t.cay([*argv, url + file])
                t.sub("%s %s" % (name, file), r.status == 0 and r.out == want, "status %d, %d bytes: %s" % (r.status, len(r.out), r.errtext))


@case(timeout=60)
def serves_through_a_published_port(t):
    port = free_port()
    t.write("index.html", b"from inside\n")
    p = popen(t.cay_argv([PYTHON, "-u", "-m", "http.server", "8080"], ["-p", "%d:8080" % port]), stdout=subprocess.PIPE,
              stderr=subprocess.DEVNULL, cwd=t.dir)
    try:
        t.check(b"Serving" in p.stdout.readline(), "the server in the VM starts")
        for _ in range(5):
            with urllib.request.urlopen("http://127.0.0.1:%d/index.html" % port, timeout=20) as answer:
                t.check(answer.read() == b"from inside\n", "it answers")
    finally:
        p.kill()
        p.wait()


@case
def publishes_ipv6(t):
    """A port of ::1, and the same one of 127.0.0.1 beside it."""
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            t.skip("this machine has no ::1")
        port = s.getsockname()[1]
    server = ("import socket\ns = socket.create_server(('::', 8080), family=socket.AF_INET6, dualstack_ipv6=True)\nprint('ready', flush=True)\n"
              "for i in range(2):\n c, a = s.accept()\n c.sendall(a[0].encode())\n c.close()\n")
    p = popen(t.cay_argv([PYTHON, "-c", server], ["-p", "[::1]:%d:8080" % port, "-p", "%d:8080" % port]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir)
    try:
        t.check(p.stdout.readline() == b"ready\n", "the server starts")
        seen = []
        for address in ("::1", "127.0.0.1"):
            with socket.create_connection((address, port), timeout=20) as c:
                seen.append(c.recv(100).decode())
        t.check(seen[0].startswith("fec0::") and seen[1].startswith("::ffff:"), "the program sees each by its family: %s" % seen)
    finally:
        p.kill()
        p.communicate()


def dropped_by(port):
    """How many connections the host dropped that came to a listening port, for want of room in its queue."""
    out = subprocess.run(["ss", "-Htlnm", "sport = :%d" % port], stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"skmem:\(.*,d(\d+)\)", out).group(1))


@case
def takes_many_connections_at_once(t):
    """None is dropped by the host for want of room in the published port's queue: its client would wait for seconds."""
    t.need("ss")
    port = free_port()
    server = ("import socket\ns = socket.create_server(('0.0.0.0', 8080), backlog=100)\nprint('ready', flush=True)\n"
              "for i in range(60):\n c, _ = s.accept()\n c.sendall(c.recv(10))\n c.close()\n")
    p = popen(t.cay_argv([PYTHON, "-c", server], ["-p", "%d:8080" % port]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir)
    t.check(p.stdout.readline() == b"ready\n", "the server starts")
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(60)]
    t.check(dropped_by(port) == 0, "the host dropped %d" % dropped_by(port))
    for c in clients:
        c.sendall(b"hello")
    t.check(all(c.recv(10) == b"hello" for c in clients), "each is answered")
    for c in clients:
        c.close()
    _, err = p.communicate(timeout=60)
    t.check(p.returncode == 0, "status %d %r" % (p.returncode, err))


def write_and_end(port):
    return ("import socket\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)\n"
            "s.connect(('10.0.2.2', %d))\ns.setblocking(False)\nprint(s.send(bytes(1 << 20)))\n" % port)


@case(timeout=30)
def what_was_sent_last_arrives(t):
    """A program that ends at once after writing: on Linux its kernel goes on sending, so the VM does not end before that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        p = popen(t.cay_argv([PYTHON, "-c", write_and_end(listener.getsockname()[1])], ["--net", "user,delay=5ms"]),
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir)
        got = 0
        with listener.accept()[0] as s:
            s.settimeout(20)
            while more := s.recv(1 << 16):
                got += len(more)
    out, err = p.communicate(timeout=60)
    t.check(p.returncode == 0 and err == b"", "status %d %r" % (p.returncode, err))
    t.check(got > 100000 and got == int(out), "%d bytes of %s arrived" % (got, out))


@case(timeout=30, once=True)
def a_peer_that_takes_nothing_holds_nobody_up(t):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = ("import socket\ns = socket.create_connection(('10.0.2.2', %d), timeout=20)\ns.settimeout(0.5)\n"
                  "try:\n while True: s.send(bytes(1 << 20))\nexcept TimeoutError: print('full')\n" % listener.getsockname()[1])
        r = t.cay([PYTHON, "-c", client])
    t.check(r.text == "full\n" and r.status == 0 and r.err == b"", r.describe())


@case(timeout=30)
def pcap_records_what_crossed(t):
    before = time.time_ns()
    with Echo() as server:
        r = t.cay([PYTHON, "-c", UDP_CLIENT, "10.0.2.2", server.port, "3"], flags=["--pcap", t.path("f.pcap")])
    t.check(r.out == b"answered\n", r.describe())
    got = frames(t.path("f.pcap"))
    payloads = [f for _, f in got if b"message 2" in f]
    t.check(len(payloads) >= 2, "question and answer are there: %d frames" % len(got))
    t.check(all(before <= when <= time.time_ns() for when, _ in got), "times are the host's")
    t.check([w for w, _ in got] == sorted(w for w, _ in got), "in order of time")


@case(timeout=30)
def publishes_a_udp_port(t):
    port = free_port(socket.SOCK_DGRAM)
    p = popen(t.cay_argv([PYTHON, "-c", UDP_SERVER, "5353"], ["-p", "%d:5353/udp" % port]), stdout=subprocess.PIPE, cwd=t.dir)
    try:
        t.check(p.stdout.readline() == b"ready\n", "the server in the VM starts")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(25)
        s.sendto(b"end", ("127.0.0.1", port))
        t.check(s.recvfrom(10)[0] == b"end", "it answers through the published port")
        t.check(p.wait(25) == 0, "and ends")
    finally:
        p.kill()
        p.wait()


@case(timeout=30)
def a_bad_line_loses_and_delays(t):
    with Echo() as server:
        stats = t.path("s.json")
        r = t.cay([PYTHON, "-c", UDP_CLIENT, "10.0.2.2", server.port, "4"],
                  flags=["--net", "user,loss=40%,delay=5ms,seed=3", "--stats=" + stats, "--pcap", t.path("f.pcap")])
    t.check(r.out == b"answered\n", r.describe())
    with open(stats) as f:
        net = json.load(f)["net"]
    t.check(net["tx_dropped"] + net["rx_dropped"] > 0, "with this seed some are lost: %r" % net)


@case
def none_is_none(t):
    r = t.cay(["cat", "/proc/net/dev"], flags=["--net", "none"])
    t.check(b"eth0" not in r.out, "no card: " + r.describe())
    with Echo() as server:
        r = t.cay([PYTHON, "-c", UDP_CLIENT, "10.0.2.2", server.port, "1"], flags=["--net", "none"])
    t.check(r.status != 0 and b"unreachable" in r.err, "nothing can be reached: " + r.describe())


@case(timeout=30)
def refusals(t):
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    for flags, words in (
        (["-p", "%d:80" % port], ["port %d" % port, "in use"]),
        (["-p", "192.0.2.1:%d:80" % free_port(socket.SOCK_DGRAM)], ["no address 192.0.2.1"]),
        (["--net", "tap=nosuchtap"], ["no such interface"]),
        (["--net", "tap=lo"], ["tap=lo"]),
        (["--net", "tap=abcdefghijklmnop"], ["at most 15"]),
        (["--net", "tap=../lo"], ["at most 15 letters"]),
        (["--net", "link=" + 33 * "x"], ["at most 32"]),
        (["--net", "link=../x"], ["at most 32 letters"]),
        (["--net", "nothing"], ["unknown", "user", "none"]),
        (["--net", "link=x,ip=10.0.0.1/99"], ["ip=10.0.0.2/24"]),
        (["--net", "user,loss=200%"], ["percentage"]),
        (["-p", "70000:80"], ["70000:80", "8080:80"]),
        (["-p", "80:99999"], ["80:99999"]),
        (["--name", 65 * "x"], ["at most 64"]),
        (["--pcap", "/nonexistent/f"], ["No such file"]),
    ):
        t.our_error(t.cay(["true"], flags=flags), 125, *words)
    taken.close()


def usernets(pid):
    """The processes of its user network that a VMM started, and those that they started."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                head, _, rest = f.read().rpartition(")")
        except OSError:
            continue
        children.setdefault(int(rest.split()[1]), []).append((int(p), head.partition("(")[2]))
    found, look = [], [pid]
    while look:
        for child, name in children.get(look.pop(), []):
            look.append(child)
            if "cay-usern" in name:
                found.append(child)
    return found


@case
def leaves_no_process(t):
    """The waiting program of the user network, and the real one, end with the VM, however that ends."""
    p = popen(t.cay_argv([PYTHON, "-c", UDP_SERVER, "5353"], ["-p", "%d:5353/udp" % free_port(socket.SOCK_DGRAM)]), stdout=subprocess.PIPE, cwd=t.dir)
    t.check(p.stdout.readline() == b"ready\n", "the server starts")
    fds = [os.pidfd_open(pid) for pid in usernets(p.pid)]
    p.kill()
    p.wait()
    left = [fd for fd in fds if not select.select([fd], [], [], 20)[0]]
    t.check(len(fds) >= 1 and not left, "%d of %d are still there" % (len(left), len(fds)))
    for fd in fds:
        os.close(fd)


SS = """
import socket, subprocess
l = socket.create_server(("127.0.0.1", 8080)); c = socket.create_connection(("127.0.0.1", 8080)); a, _ = l.accept()
six = socket.create_server(("::1", 8081), family=socket.AF_INET6)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 5353))
r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 200); r.bind(("127.0.0.1", 0)); r.connect(("127.0.0.2", 0))
r6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
p = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); d = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM); d.bind(("lo", 0x800))
print(open("/proc/net/raw").read(), open("/proc/net/packet").read())
for flags in ("-Htuanp", "-Htin", "-Hlt", "-Hwanp", "-H0anpe"):
    print(subprocess.run(["ss", flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout)
"""
# Until the monitor has begun to listen, and until it has said all.
MONITOR = """
ip monitor all >/tmp/heard & monitor=$!
until grep -v Deleted /tmp/heard | grep -q 10.9.8.7 && grep -q Deleted.*10.9.8.7 /tmp/heard; do ip addr add 10.9.8.7/24 dev lo; ip addr del 10.9.8.7/24 dev lo; done
ip route add 10.77.0.0/16 via 10.0.2.2; ip route del 10.77.0.0/16
until grep -q Deleted.*10.77 /tmp/heard; do :; done
kill $monitor; cat /tmp/heard
"""


@case(once=True)
def tools_of_the_network_inside(t):
    """Debian's ip and ss, in the VM: what they read is there."""
    t.need("ip")
    t.need("ss")
    wanted = {"ip -br addr": (r"lo +UNKNOWN +127\.0\.0\.1/8 ::1/128", r"eth0 +UP +.*10\.0\.2\.15/24.*fec0::15/64"),
              "ip route": (r"default via 10\.0\.2\.2 dev eth0", r"10\.0\.2\.0/24 dev eth0.* src 10\.0\.2\.15"),
              "ip -6 route": (r"default via fec0::2 dev eth0", r"fec0::/64 dev eth0"),
              "ip route get 10.0.2.2": (r"10\.0\.2\.2 dev eth0.* src 10\.0\.2\.15",),
              "ip link show eth0": (r"eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 65520", r"link/ether ")}
    for command, patterns in wanted.items():
        r = t.cay(command.split())
        t.check(r.status == 0 and all(re.search(p, r.text) for p in patterns), r.describe())
    r = t.cay([PYTHON, "-c", SS], ["-u", "0:0"])
    for p in (r"ESTAB .* 127\.0\.0\.1:200 +127\.0\.0\.2:\* .*python3", r"UNCONN .*:58 .*python3", r"p_raw UNCONN .*\*:\* .*python3",
              r"p_dgr UNCONN .*\[2048\]:lo .*python3", r" 0100007F:00C8 0200007F:0000 01 ", r" 3 +0003 +0 +1 ", r" 2 +0800 +1 +1 ",
              r"LISTEN .*127\.0\.0\.1:8080 .*python3", r"ESTAB .*127\.0\.0\.1:8080 ", r"LISTEN .*\[::1\]:8081 ", r"udp +UNCONN .*0\.0\.0\.0:5353 ", r"cubic wscale:\d+,\d+ .*mss:\d+ .*cwnd:\d+"):
        t.check(re.search(p, r.text), "%s: %s" % (p, r.describe()))
    t.check("annot" not in r.text and "mptcp" not in r.text, "it asks the kernel, and is told of no sockets that are none: " + r.describe())
    r = t.cay(["sh", "-c", MONITOR], ["-u", "0:0"])
    for p in (r"^(\[ADDR\])?1: lo +inet 10\.9\.8\.7/24", r"^(\[ADDR\])?Deleted 1: lo +inet 10\.9\.8\.7/24", r"^(\[ROUTE\])?10\.77\.0\.0/16 via 10\.0\.2\.2",
              r"^(\[ROUTE\])?Deleted 10\.77\.0\.0/16"):
        t.check(re.search(p, r.text, re.M), "%s: %s" % (p, r.describe()))


@case(once=True)
def ping_and_traceroute(t):
    """Debian's, as root and as a user: IPv4, IPv6, fragments, times that make sense, by each kind of probe."""
    t.need("ping")
    t.need("traceroute")
    for flags, command in (([], "ping -c 2 -i 0.01 127.0.0.1"), ([], "ping -c 1 ::1"), ([], "ping -c 1 -s 60000 127.0.0.1"), ([], "ping -c 2 -i 0.01 10.0.2.2"),
                           (["-u", "1000:1000"], "ping -c 1 10.0.2.2"), (["-u", "1000:1000"], "ping -c 1 ::1")):
        r = t.cay(command.split(), flags)
        t.check(r.status == 0 and " 0% packet loss" in r.text and not r.err, r.describe())
        t.check(re.search(r"icmp_seq=1 ttl=\d+ time=\d+(\.\d+)? ms", r.text), r.describe())
    r = t.cay("ping -c 1 -W 1 192.0.2.1".split(), ["--net", "none"])
    t.check(r.status == 2 and "unreachable" in r.errtext, r.describe())
    for how in ("", "-I", "-T -p 9"):
        for flags, to in ((["--net", "none"], "127.0.0.1"), ([], "10.0.2.2")):
            if how.startswith("-T") and not flags:
                continue  # libslirp connects on its own and tells nothing of it
            r = t.cay(("traceroute -n -m 1 -q 1 -w 20 %s %s" % (how, to)).split(), ["-u", "0:0", *flags])
            t.check(r.status == 0 and re.search(r"^ 1  %s  [0-9.]+ ms$" % re.escape(to), r.text, re.M), r.describe())
