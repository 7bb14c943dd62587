# SPDX-License-Identifier: MIT
"""A hostile peer on a tap floods a server in the VM with segments and fragments of its own making: the memory it takes is bounded, and who is honest is served."""
import sys

from harness import PYTHON, case
from cases.tap import in_namespace

# In the VM: on port 7 connections that nobody reads, on port 8 what the memory of TCP is now, for each byte that comes.
SERVER = """
import resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
def held():
    with open("/proc/net/sockstat") as f:
        pages = [line.split()[-1] for line in f if line.startswith("TCP:")][0]
    with open("/proc/sys/net/ipv4/tcp_mem") as f:
        return b"%s %s\\n" % (pages.encode(), f.read().split()[2].encode())
silent, told = socket.create_server(("0.0.0.0", 7), backlog=1000), socket.create_server(("0.0.0.0", 8))
poll, kept, talking = select.epoll(), [], {}
for s in (silent, told):
    poll.register(s, select.EPOLLIN)
print("ready", flush=True)
while True:
    for fd, _ in poll.poll():
        if fd == silent.fileno():
            kept.append(silent.accept()[0])
        elif fd == told.fileno():
            s = told.accept()[0]
            talking[s.fileno()] = s
            poll.register(s, select.EPOLLIN)
        elif what := talking[fd].recv(1):
            if what == b"c":
                for s in kept:
                    s.close()
                kept = []
            talking[fd].sendall(held())
        else:
            talking.pop(fd).close()
"""

# Outside: 10.9.0.66, an address that the host does not have, made of frames.
PEER = """
import random, select, socket, struct, sys, time
ETH, IP, TCP = struct.Struct("!6s6sH"), struct.Struct("!BBHHHBBH4s4s"), struct.Struct("!HHIIBBHHH")
MAC, ME, VM = bytes.fromhex("020000000066"), socket.inet_aton("10.9.0.66"), socket.inet_aton("10.9.0.2")
SYN, RST, ACK, FIN = 2, 4, 16, 1
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("t0", 0))
wire.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
honest = socket.create_connection(("10.9.0.2", 8), timeout=20)
honest.sendall(b"?")
_, limit = map(int, honest.recv(100).split())
with open("/proc/net/arp") as f:
    vm_mac = bytes.fromhex([l.split()[3] for l in f if l.startswith("10.9.0.2 ")][0].replace(":", ""))

def checksum(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    s = (s & 0xffff) + (s >> 16)
    return ~(s + (s >> 16)) & 0xffff

def ip(proto, payload, src=ME, frag=0, ident=0):
    h = IP.pack(0x45, 0, 20 + len(payload), ident, frag, 64, proto, 0, src, VM)
    return ETH.pack(vm_mac, MAC, 0x0800) + h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload

# The payload is zeros, which add nothing to a checksum.
def segment(sport, dport, flags, seq, ack=0, zeros=0, src=ME):
    h = TCP.pack(sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0)
    pseudo = src + VM + struct.pack("!HH", 6, 20 + zeros)
    return ip(6, h[:16] + struct.pack("!H", checksum(pseudo + h)) + h[18:] + bytes(zeros), src)

# What the VM sends to us until nothing has come for so long; answers questions for our link address.
def collect(quiet):
    found = []
    while select.select([wire], [], [], quiet)[0]:
        f = wire.recv(2000)
        if f[12:14] == b"\\x08\\x06" and f[20:22] == b"\\x00\\x01" and f[38:42] == ME:
            wire.send(f[6:12] + MAC + f[12:20] + b"\\x00\\x02" + MAC + ME + f[22:32])
        elif f[12:14] == b"\\x08\\x00" and f[30:34] == ME and f[23] == 6:
            found.append(TCP.unpack_from(f, 34))
    return found

def open_many(ports):
    opened, left = {}, set(ports)
    for attempt in range(60):
        for p in left:
            wire.send(segment(p, 7, SYN, 1000))
        for sport, dport, seq, ack, _, flags, *_ in collect(0.05):
            if flags == SYN | ACK and dport in left:
                left.remove(dport)
                opened[dport] = seq + 1
                wire.send(segment(dport, 7, ACK, 1001, seq + 1))
        if not left:
            break
    return opened

def ask(what=b"?"):
    honest.sendall(what)
    return int(honest.recv(100).split()[0])

def within(name, least=0):
    held = ask()
    print(name, "bounded" if held <= limit * 1.25 else "%d pages of %d" % (held, limit), "and felt" if held >= least else held, flush=True)

def serves(name):
    with socket.create_connection(("10.9.0.2", 8), timeout=20) as c:
        c.sendall(b"?")
        print(name, "serves" if c.recv(100) else "does not", flush=True)

ahead = open_many(range(20000, 20250))
for burst in range(4):  # more than the VM keeps, behind a hole of a byte that never comes
    for port, ack in ahead.items():
        for i in range(10):
            wire.send(segment(port, 7, ACK, 1002 + (burst * 10 + i) * 1400, ack, 1400))
    collect(0)
within("out of order")
serves("out of order")
kept = open_many(range(30000, 30250))
for attempt in range(60):  # a tap drops what the VM is too slow for: the same again, until it is felt
    for burst in range(4):
        for port, ack in kept.items():
            for i in range(10):
                wire.send(segment(port, 7, ACK, 1001 + (burst * 10 + i) * 1400, ack, 1400))
        collect(0)
    if ask() >= limit * 3 // 4:
        break
within("in order", limit * 3 // 4)
serves("in order")
for n in range(5000):
    wire.send(segment(n + 1024, 7, SYN, n, src=struct.pack("!BBH", 10, 10, n)))
serves("SYN")
port = honest.getsockname()[1]
host = socket.inet_aton("10.9.0.1")
for n in range(5000):  # blind: what RFC 5961 is about
    wire.send(segment(port, 8, random.choice((RST, ACK, SYN, FIN | ACK, RST | ACK)), random.getrandbits(32), random.getrandbits(32), n % 50, src=host))
print("blind", "survived" if ask() >= 0 else "", flush=True)
for n in range(5000):
    wire.send(ip(17, bytes(1400), frag=0x2000 + n % 3 * 175, ident=n))
serves("fragments")
for port, ack in ahead.items():
    wire.send(segment(port, 7, RST, 1001, ack))
ask(b"c")
for port, ack in kept.items():
    wire.send(segment(port, 7, RST, 1001 + 40 * 1400, ack))
for attempt in range(4000):
    if ask() <= 64:
        print("given back")
        break
    time.sleep(0.01)
else:
    print(ask(), "pages are still held")
"""


@case(timeout=90)
def floods_from_a_tap(t):
    """Hundreds of connections with data that nobody reads or that is out of order, SYNs, blind resets, fragments."""
    r = in_namespace(t, """
ip tuntap add dev t0 mode tap
ip address add 10.9.0.1/24 dev t0
ip link set t0 up
mkfifo up
%s run --backend %s -m 64M --net tap=t0,ip=10.9.0.2/24,gw=10.9.0.1 %s -c "$(cat server.py)" >up &
exec 3<up
read line <&3
%s peer.py || echo failed
kill $!
""" % (t.cay_path, t.backend, PYTHON, sys.executable), {"server.py": SERVER, "peer.py": PEER}, 80)
    want = ("out of order bounded and felt\nout of order serves\nin order bounded and felt\nin order serves\nSYN serves\nblind survived\n"
            "fragments serves\ngiven back\n")
    t.check(r.text == want, r.describe())
