# SPDX-License-Identifier: MIT
"""Two network namespaces for benchmarks, as root: A, where clients run, is joined to B by a veth pair, and has a tap t0 for a VM."""
import os
import subprocess

VETH, TAP = "10.8.1.2", "10.8.2.2"  # where A finds the native server in B, and the VM
OUTSIDE = "10.8.2.1"                # where the VM finds A


def possible():
    return os.geteuid() == 0 and os.path.exists("/dev/net/tun")


class Namespaces:
    def __enter__(self):
        self.a, self.b = "cay-a%d" % os.getpid(), "cay-b%d" % os.getpid()
        self.in_a, self.in_b = (["ip", "netns", "exec", ns] for ns in (self.a, self.b))
        self.card = ["--net", "tap=t0,ip=%s/24,gw=10.8.2.1" % TAP]
        try:
            for command in ("ip netns add {a}", "ip netns add {b}", "ip -n {a} link add v0 type veth peer name v1 netns {b}",
                            "ip -n {a} address add 10.8.1.1/24 dev v0", "ip -n {b} address add 10.8.1.2/24 dev v1",
                            "ip -n {a} link set v0 up", "ip -n {b} link set v1 up", "ip -n {a} tuntap add dev t0 mode tap",
                            "ip -n {a} address add 10.8.2.1/24 dev t0", "ip -n {a} link set t0 up", "ip -n {a} link set lo up"):
                subprocess.run(command.format(a=self.a, b=self.b).split(), check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for ns in (self.a, self.b):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL, check=False)
