# SPDX-License-Identifier: MIT
"""Compressors: a 200 MB file compressed in a VM, checked on the host and in a VM."""
import hashlib
import os
import random

from harness import case

MB = 1000 * 1000


def make(path, size):
    """Data that compresses to about a third: words and noise."""
    rng = random.Random(7)
    words = [rng.randbytes(rng.randrange(3, 12)).hex().encode() for _ in range(4000)]
    block = b" ".join(rng.choice(words) for _ in range(400000))
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        left = size
        while left > 0:
            piece = (rng.randbytes(8) + block)[:left]
            f.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def round_trip(t, tool, flags, size):
    tool = t.need(tool)
    want = make(t.path("data"), size)
    packed = t.cay([tool, *flags, "-c", "data"], ["-m", "1G"])
    if not t.check(packed.status == 0, packed.describe()):
        return
    t.write("packed", packed.out)
    on_host = t.host([tool, "-dc"], stdin=open(t.path("packed"), "rb"))
    t.check(hashlib.sha256(on_host.out).hexdigest() == want, "the host unpacks the VM's file to the original")
    os.rename(t.path("packed"), t.path("p.%s" % {"xz": "xz", "zstd": "zst", "gzip": "gz", "bzip2": "bz2"}[os.path.basename(tool)]))
    name = [n for n in os.listdir(t.dir) if n.startswith("p.")][0]
    checked = t.cay([tool, "-t", name], ["-m", "1G"])
    t.check(checked.status == 0, "the VM checks its file: " + checked.describe())


@case(timeout=280, once=True)
def xz_200_mb(t):
    round_trip(t, "xz", ["-0", "-T1"], 200 * MB)


@case(timeout=180, once=True)
def zstd_200_mb(t):
    round_trip(t, "zstd", ["-3", "-q"], 200 * MB)


@case(timeout=120)
def gzip_and_bzip2(t):
    for tool, flags in (("gzip", ["-1"]), ("bzip2", ["-1"])):
        round_trip(t, tool, flags, 20 * MB)
        for name in os.listdir(t.dir):
            os.unlink(t.path(name))


@case
def broken_archives(t):
    for tool in ("xz", "zstd", "gzip"):
        t.need(tool)
        t.write("bad", b"\xfd7zXZ\0" + b"junk" * 100)
        t.same([tool, "-dc"], stdin=b"this is not compressed")
