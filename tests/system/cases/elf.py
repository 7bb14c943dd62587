# SPDX-License-Identifier: MIT
"""Bad programs: one line, the right status, no crash."""
import os
import random
import struct

from harness import case


def hello(t):
    with open(os.path.join(t.config.build, "tests", "progs", "hello-static"), "rb") as f:
        return bytearray(f.read())


def rejects(t, name, data, status=126, mode=0o755):
    t.write(name, bytes(data), mode)
    t.our_error(t.cay(["./" + name]), status, name)


@case
def missing(t):
    t.our_error(t.cay(["./missing"]), 127, "missing")
    t.our_error(t.cay(["/usr/bin/no-such-program"]), 127)
    t.write("file", "")
    t.our_error(t.cay(["./file/x"]), 127)


@case
def not_executable(t):
    rejects(t, "not-x", hello(t), mode=0o644)


@case
def unreadable(t):
    if os.geteuid() == 0:
        t.write("unreadable", bytes(hello(t)), 0o000)
        t.our_error(t.cay(["./unreadable"]), 126)
        return
    rejects(t, "unreadable", hello(t), mode=0o111)


@case
def directory(t):
    os.mkdir(t.path("folder"))
    t.our_error(t.cay(["./folder"]), 126, "folder")
    t.our_error(t.cay(["/usr"]), 126)


@case
def dangling_and_looping_links(t):
    os.symlink("nowhere", t.path("dangling"))
    os.symlink("loop", t.path("loop"))
    t.our_error(t.cay(["./dangling"]), 127)
    r = t.cay(["./loop"])
    t.check(r.status in (126, 127) and len(r.errtext.splitlines()) == 1, r.describe())


@case
def empty_and_text(t):
    rejects(t, "empty", b"")
    rejects(t, "text", b"just some words\n")
    rejects(t, "one-byte", b"\x7f")


@case
def script(t):
    """#! works for an interpreter that exists, and names the one that does not."""
    t.write("good", "#!/usr/bin/python3 -S\nimport sys\nprint(sys.argv)\n", 0o755)
    t.same(["./good", "a", "b"])
    t.write("bad", "#!/no/such/interpreter\n", 0o755)
    r = t.cay(["./bad"])
    t.check(r.status in (126, 127) and "/no/such/interpreter" in r.errtext and len(r.errtext.splitlines()) == 1, r.describe())


@case
def wrong_architecture(t):
    d = hello(t)
    d[18:20] = struct.pack("<H", 183)  # e_machine: AArch64
    rejects(t, "aarch64", d)
    d = hello(t)
    d[4] = 1  # 32-bit class
    rejects(t, "elf32", d)
    d = hello(t)
    d[5] = 2  # big-endian
    rejects(t, "big-endian", d)
    d = hello(t)
    d[16:18] = struct.pack("<H", 1)  # an object file
    rejects(t, "object", d)


@case(timeout=120)
def truncated(t):
    d = hello(t)
    for n in (4, 16, 63, 64, 100, 200, 4096):
        t.write("cut", bytes(d[:n]), 0o755)
        r = t.cay(["./cut"])
        t.check(r.status in (126, 139, 135, 132) and len(r.errtext.splitlines()) <= 1, "cut at %d: %s" % (n, r.describe()))


@case
def missing_interpreter(t):
    with open(os.path.join(t.config.build, "tests", "progs", "hello-dynamic"), "rb") as f:
        d = f.read()
    d = d.replace(b"/lib64/ld-linux-x86-64.so.2\0", b"/lib64/no-such-loader.so.9\0\0")
    t.write("prog", d, 0o755)
    r = t.cay(["./prog"])
    t.our_error(r, 127 if r.status == 127 else 126, "/lib64/no-such-loader.so.9")


@case
def missing_library(t):
    """The program's own loader complains, on stderr, with its own status."""
    with open(os.path.join(t.config.build, "tests", "progs", "hello-dynamic"), "rb") as f:
        d = f.read()
    t.write("prog", d.replace(b"libc.so.6\0", b"libz.so.6\0"), 0o755)
    t.same(["./prog"])


@case(timeout=120)
def absurd_sizes(t):
    """Header fields at their extremes: every one refused, or a program that dies as a program."""
    d = hello(t)
    phoff, = struct.unpack_from("<Q", d, 32)
    extremes = (0, 1, 0xfff, 2**31, 2**47 - 1, 2**47, 2**63, 2**64 - 1, 2**64 - 4096)
    fields = [("e_phoff", 32, "<Q"), ("e_entry", 24, "<Q"), ("e_phnum", 56, "<H"), ("e_phentsize", 54, "<H"),
              ("p_offset", phoff + 8, "<Q"), ("p_vaddr", phoff + 16, "<Q"), ("p_filesz", phoff + 32, "<Q"), ("p_memsz", phoff + 40, "<Q")]
    rng = random.Random(11)
    for name, off, fmt in fields:
        for v in rng.sample(extremes, 4):
            bad = bytearray(d)
            struct.pack_into(fmt, bad, off, v & (0xffff if fmt == "<H" else 2**64 - 1))
            t.write("absurd", bytes(bad), 0o755)
            r = t.cay(["./absurd"])
            ok = r.status in (0, 126, 132, 135, 139) and len(r.errtext.splitlines()) <= 1
            t.check(ok, "%s = %#x: %s" % (name, v, r.describe()))


@case(timeout=120)
def bit_flips(t):
    """Flipped bits in the headers: whatever happens happens inside the VM. (fuzz_elf does many thousands on the host.)"""
    d = hello(t)
    rng = random.Random(5)
    for i in range(60):
        bad = bytearray(d)
        for _ in range(rng.randrange(1, 4)):
            bad[rng.randrange(0, 64 + 56 * 8)] ^= 1 << rng.randrange(8)
        t.write("flip", bytes(bad), 0o755)
        r = t.cay(["./flip"])
        t.check(r.status != 125 and not r.timed_out, "flip %d: %s" % (i, r.describe()))


@case
def special_files(t):
    os.mkfifo(t.path("fifo"), 0o755)
    os.chmod(t.path("fifo"), 0o755)
    r = t.cay(["./fifo"])
    t.check(r.status == 126, r.describe())
    r = t.cay(["/dev/null"])
    t.check(r.status == 126, r.describe())
