# SPDX-License-Identifier: MIT
"""The network beside Linux's: a link beside loopback, a tap beside a veth pair between two network namespaces (as root)."""
import json
import os
import subprocess
import sys
import time

from bench import BENCH, CAY, QUICK, alternate, main, median, result, run
from namespaces import OUTSIDE, TAP, VETH, Namespaces, possible

LOAD = BENCH + "/netload"
STATS = BENCH + "/net/stats.json"
PORT = "7001"
TRIPS = "2000" if QUICK else "10000"
ROUNDS = 5
HANGS_S = 60  # no measurement takes longer
LINK = ["--net", "link=bench%d" % os.getpid()]
LINK_SERVER = "10.99.0.100"  # said, else whoever joins first is .1


class Server:
    """A program that runs while we measure; killed at the end. inside: before the argv of who asks whether it answers."""

    def __init__(self, argv, host, inside=()):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=BENCH)
        self.host = host
        end = time.monotonic() + HANGS_S
        while time.monotonic() < end:
            try:
                if subprocess.run([*inside, LOAD, "rr", "tcp", host, PORT, "10"], capture_output=True, cwd=BENCH, check=False,
                                  timeout=5).returncode == 0:
                    return
            except subprocess.TimeoutExpired:
                pass
            time.sleep(0.02)
        self.stop()
        raise RuntimeError("%s does not answer" % " ".join(argv))

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Side:
    """Linux's or Cay's: how its client is started, and where that finds the server."""

    def __init__(self, prefix, host):
        self.prefix, self.host = prefix, host

    def load(self, what, *args):
        """The numbers that netload prints."""
        return [float(x) for x in run([*self.prefix, LOAD, *what, self.host, PORT, *args], limit=HANGS_S)[1].split()]


def alternating(native, cay, what, *args):
    return alternate(ROUNDS, lambda: native.load(what, *args), lambda: cay.load(what, *args))


def round_trip(name, kind, promise, native, cay, **limits):
    n, c = alternating(native, cay, ("rr", kind), TRIPS)
    for column, of in ((0, "median"), (1, "p99")):
        result("%s %s round trip, %s" % (name, kind, of), median([v[column] for v in c]) / 1e3, "us", "" if column else promise,
               median([v[column] for v in n]) / 1e3, **({} if column else limits))


def rate(name, unit, at_least, native, cay, what, *args):
    scale = 1e6 if unit == "MB/s" else 1
    n, c = alternating(native, cay, what, *args)
    result(name, median([v[0] for v in c]) / scale, unit, "at least %gx Linux" % at_least, median([v[0] for v in n]) / scale,
           at_least=at_least)


def compare(name, native, cay, promise, stream_at_least, **limits):
    for kind in ("tcp", "udp"):
        round_trip(name, kind, promise, native, cay, **limits)
    rate(name + " tcp stream", "MB/s", stream_at_least, native, cay, ("stream",), "1")
    rate(name + " connections", "1/s", 1, native, cay, ("crr",), "1000")


def exits_per_frame(what):
    """Of the VM that ended last."""
    with open(STATS) as f:
        stats = json.load(f)
    exits = sum(v for k, v in stats["host"].items() if k.startswith("exits"))
    frames = stats["guest"]["net_sent"] + stats["guest"]["net_received"]
    result(what, exits / max(1, frames), "1", "nearly none", note="%d exits, %d frames" % (exits, frames))


def exits_of_stream(client, server, seconds):
    """Exits of a VM that receives a stream for so long, and bytes a second."""
    with Server([*server, LOAD, "serve", PORT], client.host, client.prefix):
        moved = client.load(("stream",), str(seconds))[0]
    with open(STATS) as f:
        return sum(v for k, v in json.load(f)["host"].items() if k.startswith("exits")), moved


def exits_per_second(client, server):
    short, long = 1, 4
    before, _ = exits_of_stream(client, server, short)
    exits, moved = exits_of_stream(client, server, long)  # less its start and end
    result("tap tcp stream, exits", (exits - before) / (long - short), "1/s", "under 1000", limit=1000, note="at %.0f MB/s" % (moved / 1e6))


def idle_connections(client):
    for side, used in zip(("client", "server"), client.load(("idle",), "10000")):
        result("link: memory of each of 10,000 idle connections, " + side, used, "bytes", "at most 4096", limit=4096)


def link():
    vm = [CAY, "run", *LINK, "--stats=" + STATS, "--"]
    with Server([LOAD, "serve", PORT], "127.0.0.1"), \
            Server([CAY, "run", LINK[0], "%s,ip=%s/24" % (LINK[1], LINK_SERVER), "--", LOAD, "serve", PORT], LINK_SERVER, vm):
        client = Side(vm, LINK_SERVER)
        compare("link", Side([], "127.0.0.1"), client, "at most 5 us", 1.5, limit=5)
        client.load(("rr", "tcp"), TRIPS)
        exits_per_frame("link exits per frame")
        idle_connections(client)


def tap():
    with Namespaces() as ns, Server([*ns.in_b, LOAD, "serve", PORT], VETH, ns.in_a):
        native = Side(ns.in_a, VETH)
        vm = [*ns.in_a, CAY, "run", *ns.card, "--stats=" + STATS, "--"]
        with Server([*vm, LOAD, "serve", PORT], TAP, ns.in_a):
            compare("tap", native, Side(ns.in_a, TAP), "at most 1.1x veth", 0.9, ratio_limit=1.1)
        exits_per_frame("tap exits per frame, all of these")
        exits_per_second(Side(ns.in_a, TAP), vm)
        with Server([*ns.in_a, LOAD, "serve", PORT], OUTSIDE, ns.in_a):
            rate("tap tcp stream from the VM", "MB/s", 0.9, native, Side(vm, OUTSIDE), ("stream",), "1")


def benchmark():
    os.makedirs(os.path.dirname(STATS), exist_ok=True)
    only = os.environ.get("CAY_BENCH_ONLY", "")
    if only in ("", "link"):
        link()
    if only in ("", "tap") and possible():
        tap()
    elif only == "tap":
        print("bench: taps need root and /dev/net/tun", file=sys.stderr)


if __name__ == "__main__":
    main(benchmark)
