# SPDX-License-Identifier: MIT
"""TCP inside one VM, between two threads over loopback. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

PROG = BENCH + "/tcp_loopback"


def benchmark():
    for figure, name, unit, promise, bounds in [
        ("rr", "TCP round trip of 1 byte, loopback", "ns", "at most 5 us", {"ratio_limit": 1.0}),
        ("stream", "TCP stream, loopback", "MB/s", "at least 1.5x Linux", {"at_least": 1.5}),
        ("connect", "TCP connect, 1 byte, close, loopback", "ns", "as Linux", {"ratio_limit": 1.0}),
    ]:
        native, cay = alternate(5, printed([PROG, figure]), printed(vm([PROG, figure], "-m", "1G", "-c", "2")))
        result(name, median(cay), unit, promise, median(native), **bounds)
    cay = printed(vm([PROG, "idle"], "-m", "1G"))()
    result("memory of an idle TCP connection", cay, "bytes", "at most 4096", None, limit=4096)
    lost = printed(vm([PROG, "leak"], "-m", "256M"))()
    result("memory lost by 1,000,000 TCP connections", lost, "KiB", "none (at most 256 KiB)", None, limit=256)


main(benchmark)
