# SPDX-License-Identifier: MIT
"""TCP inside one VM, between two threads over loopback. The program times itself."""
from bench import BENCH, alternate, main, median, printed, result, vm

PROG = BENCH + "/tcp_loopback"


def benchmark():
    for figure, name, unit, sign, promise, ratio in [
        ("rr", "TCP round trip of 1 byte, loopback", "ns", 1, "at most 5 us", 1.0),
        ("stream", "TCP stream, loopback", "MB/s", -1, "at least 1.5x Linux", None),
        ("connect", "TCP connect, 1 byte, close, loopback", "ns", 1, "as Linux", 1.0),
    ]:
        native, cay = alternate(5, printed([PROG, figure]), printed(vm([PROG, figure], "-m", "1G", "-c", "2")))
        result(name, sign * median(cay), unit, promise, sign * median(native),
               limit=-1.5 * median(native) if sign < 0 else None, ratio_limit=ratio,
               note="(shown negative: more is better)" if sign < 0 else "")
    cay = printed(vm([PROG, "idle"], "-m", "1G"))()
    result("memory of an idle TCP connection", cay, "bytes", "at most 4096", None, limit=4096)
    lost = printed(vm([PROG, "leak"], "-m", "256M"))()
    result("memory lost by 1,000,000 TCP connections", lost, "KiB", "none (at most 256 KiB)", None, limit=256)


main(benchmark)
