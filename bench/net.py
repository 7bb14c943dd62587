# SPDX-License-Identifier: MIT
"""The network beside Linux's: a link beside loopback, a tap beside a veth pair between two network namespaces (as root)."""
import json
import os
import subprocess
import time

from bench import BENCH, CAY, QUICK, alternate, main, median, result, run

LOAD = BENCH + "/netload"
STATS = BENCH + "/net/stats.json"
PORT = "7001"
TRIPS = "2000" if QUICK else "20000"
LINK = ["--net", "link=bench%d" % os.getpid()]
LINK_SERVER = "10.99.0.100"  # said, else whoever joins first is .1


class Server:
    """A program that runs while we measure; killed at the end."""

    def __init__(self, argv, host, inside=()):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=BENCH)
        self.host = host
        for _ in range(200):  # until it answers
            if subprocess.run([*inside, LOAD, "rr", "tcp", host, PORT, "10"], capture_output=True, cwd=BENCH, check=False).returncode == 0:
                return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError("%s does not answer" % " ".join(argv))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def load(prefix, *args):
    """The numbers that netload prints."""
    return lambda: [float(x) for x in run([*prefix, LOAD, *args])[1].split()]


def compare(what, promise, native, cay, args, ratio_limit=None, limit=None, more_is_better=False):
    """args(host): of netload. native, cay: (prefix, host of the server)."""
    n, c = alternate(5, load(native[0], *args(native[1])), load(cay[0], *args(cay[1])))
    if more_is_better:
        # MB/s or connections a second; shown negative so that "at most" can be said of all rows
        result(what, -median([v[0] for v in c]) / 1e6 if "stream" in what else -median([v[0] for v in c]),
               "MB/s" if "stream" in what else "1/s", promise, -median([v[0] for v in n]) / (1e6 if "stream" in what else 1),
               limit=-ratio_limit * median([v[0] for v in n]) / (1e6 if "stream" in what else 1), note="(shown negative: more is better)")
        return
    for column, name in ((0, "median"), (1, "p99")):
        result("%s, %s" % (what, name), median([v[column] for v in c]) / 1e3, "us", promise if column == 0 else "",
               median([v[column] for v in n]) / 1e3, limit=limit if column == 0 else None, ratio_limit=ratio_limit if column == 0 else None)


def exits_per_trip(prefix, host, what):
    with open(STATS) as f:
        stats = json.load(f)
    exits = sum(v for k, v in stats["host"].items() if k.startswith("exits"))
    frames = stats["guest"]["net_sent"] + stats["guest"]["net_received"]
    result(what, exits / max(1, frames), "1", "nearly none", note="%d exits, %d frames" % (exits, frames))


def compare_all(name, native, cay, rr_limit, rr_ratio, stream_ratio):
    for kind in ("tcp", "udp"):
        compare("%s %s round trip" % (name, kind), "at most 5 us" if rr_limit else "at most %.1fx veth" % rr_ratio, native, cay,
                lambda host, kind=kind: ["rr", kind, host, PORT, TRIPS], limit=rr_limit, ratio_limit=rr_ratio)
    compare(name + " tcp stream", "at least %.1fx" % stream_ratio, native, cay, lambda host: ["stream", host, PORT, "1"],
            ratio_limit=stream_ratio, more_is_better=True)
    compare(name + " connections", "at least Linux's", native, cay, lambda host: ["crr", host, PORT, "1000"], ratio_limit=1,
            more_is_better=True)


def link():
    vm = [CAY, "run", *LINK, "--stats=" + STATS, "--"]
    native = Server([LOAD, "serve", PORT], "127.0.0.1")
    try:
        cay = Server([CAY, "run", LINK[0], "%s,ip=%s/24" % (LINK[1], LINK_SERVER), "--", LOAD, "serve", PORT], LINK_SERVER, vm)
    except BaseException:
        native.stop()
        raise
    try:
        compare_all("link", ([], native.host), (vm, cay.host), 5, None, 1.5)
        run([*vm, LOAD, "rr", "tcp", cay.host, PORT, TRIPS])
        exits_per_trip(vm, cay.host, "link exits per frame")
    finally:
        native.stop()
        cay.stop()


def sh(*lines):
    for line in lines:
        subprocess.run(line, shell=True, check=True)


def tap():
    a, b = "cay-a%d" % os.getpid(), "cay-b%d" % os.getpid()
    inside = ["ip", "netns", "exec", a]
    try:
        sh("ip netns add " + a, "ip netns add " + b, "ip -n %s link add v0 type veth peer name v1 netns %s" % (a, b),
           "ip -n %s address add 10.8.1.1/24 dev v0" % a, "ip -n %s address add 10.8.1.2/24 dev v1" % b,
           "ip -n %s link set v0 up" % a, "ip -n %s link set v1 up" % b, "ip -n %s tuntap add dev t0 mode tap" % a,
           "ip -n %s address add 10.8.2.1/24 dev t0" % a, "ip -n %s link set t0 up" % a, "ip -n %s tuntap add dev t1 mode tap" % a,
           "ip -n %s address add 10.8.3.1/24 dev t1" % a, "ip -n %s link set t1 up" % a)
        native = Server(["ip", "netns", "exec", b, LOAD, "serve", PORT], "10.8.1.2", inside)
        cay = Server([*inside, CAY, "run", "--net", "tap=t0,ip=10.8.2.2/24,gw=10.8.2.1", "--stats=" + STATS, "--", LOAD, "serve", PORT],
                     "10.8.2.2", inside)
        try:
            compare_all("tap", (inside, native.host), (inside, cay.host), None, 1.1, 0.9)
            here = Server([*inside, LOAD, "serve", PORT], "10.8.3.1", inside)
            try:
                sender = [*inside, CAY, "run", "--net", "tap=t1,ip=10.8.3.2/24,gw=10.8.3.1", "--"]
                compare("tap tcp stream from the VM", "at least 0.9x", (inside, native.host), (sender, here.host),
                        lambda host: ["stream", host, PORT, "1"], ratio_limit=0.9, more_is_better=True)
            finally:
                here.stop()
        finally:
            native.stop()
            cay.stop()
        exits_per_trip(None, None, "tap exits per frame, all of these")
    finally:
        subprocess.run("ip netns del %s; ip netns del %s" % (a, b), shell=True, check=False)


def benchmark():
    os.makedirs(os.path.dirname(STATS), exist_ok=True)
    link()
    if os.geteuid() == 0 and os.path.exists("/dev/net/tun"):
        tap()


if __name__ == "__main__":
    main(benchmark)
