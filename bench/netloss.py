# SPDX-License-Identifier: MIT
"""Data over a line that loses packets (bench/line.c), from a VM and from Linux with Cubic, to the same Linux receiver (as root).

Both senders are one hop from the line, in a namespace that forwards: what differs is the sender. They run at the same time.
"""
import os
import subprocess

from bench import BENCH, CAY, QUICK, main, median, result, rounds
from net import LOAD, PORT, Server

LINE = BENCH + "/line"
SECONDS = "3" if QUICK else "8"
FLOWS = "8"


def sh(*lines):
    for line in lines:
        subprocess.run(line, shell=True, check=True)


def setup(vm, linux, middle, far):
    sh(*("ip netns add " + n for n in (linux, middle, far)),
       "ip -n %s tuntap add dev t0 mode tap" % middle, "ip -n %s tuntap add dev t1 mode tap" % far,
       "ip -n %s tuntap add dev %s mode tap" % (middle, vm),
       "ip -n %s link add v0 type veth peer name v1 netns %s" % (linux, middle),
       "ip -n %s address add 10.8.1.2/24 dev v0" % linux, "ip -n %s address add 10.8.1.1/24 dev v1" % middle,
       "ip -n %s address add 10.8.2.1/24 dev %s" % (middle, vm),
       "ip -n %s address add 10.8.3.1/24 dev t0" % middle, "ip -n %s address add 10.8.3.2/24 dev t1" % far,
       "ip -n %s link set v0 up" % linux, "ip -n %s link set v1 up" % middle, "ip -n %s link set %s up" % (middle, vm),
       "ip -n %s link set t0 up" % middle, "ip -n %s link set t1 up" % far,
       "ip netns exec %s sysctl -q net.ipv4.ip_forward=1" % middle,
       "ip netns exec %s sysctl -q net.ipv4.tcp_no_metrics_save=1" % linux,
       "ip -n %s route add default via 10.8.1.1" % linux, "ip -n %s route add default via 10.8.3.1" % far)


def goodputs(senders):
    running = [subprocess.Popen([*s, LOAD, "goodput", "10.8.3.2", PORT, SECONDS, FLOWS], stdout=subprocess.PIPE, text=True, cwd=BENCH) for s in senders]
    return [float(p.communicate()[0]) for p in running]


def benchmark():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return
    vm, linux, middle, far = ("cay-%s%d" % (x, os.getpid()) for x in "vlmf")
    native = ["ip", "netns", "exec", linux]
    cay = ["ip", "netns", "exec", middle, CAY, "run", "--net", "tap=%s,ip=10.8.2.2/24,gw=10.8.2.1" % vm, "--"]
    try:
        setup(vm, linux, middle, far)
        for percent in (1, 5):
            line = subprocess.Popen([LINE, middle, "t0", far, "t1", str(percent * 10000), "20000"], stdout=subprocess.PIPE)
            line.stdout.readline()
            server = Server(["ip", "netns", "exec", far, LOAD, "serve", PORT], "10.8.3.2", native)
            try:
                runs = [goodputs((native, cay)) for _ in range(rounds(4))]
                n, c = (median([r[i] for r in runs]) / 1e6 for i in (0, 1))
                result("goodput, %d %% of loss, 20 ms each way" % percent, c, "MB/s", "at least Linux's Cubic", n, at_least=1,
                       note="%s flows" % FLOWS)
            finally:
                server.stop()
                line.terminate()
                line.wait()
    finally:
        for n in (linux, middle, far):
            subprocess.run("ip netns del " + n, shell=True, check=False)


if __name__ == "__main__":
    main(benchmark)
