# SPDX-License-Identifier: MIT
"""coreutils, busybox, grep, sed, awk: the same output in a VM as on the host."""
import os
import random

from harness import PYTHON, case


def text(lines, seed=1):
    rng = random.Random(seed)
    return "".join("%08x %s\n" % (rng.getrandbits(32), "word%d" % rng.randrange(1000)) for _ in range(lines))


@case(timeout=180)
def ls_lar_usr(t):
    """Every name, mode, owner, size, time and link of /usr. Its parent is the VM's own root, so that one line and the total differ."""
    def without_parent(b):
        lines = b.split(b"\n")
        return b"\n".join(lines[:1] + [x for x in lines[2:4] if not x.endswith(b" ..")] + lines[4:])
    t.same(["ls", "-laR", "/usr"], timeout=170, normalize=without_parent)


@case
def ls_forms(t):
    for argv in (["ls", "/usr/bin"], ["ls", "-l", "/bin/"], ["ls", "-li", "--time-style=full-iso", "/usr/lib/x86_64-linux-gnu"],
                 ["ls", "-d", "/usr/share/doc/"], ["stat", "-c", "%A %U %G %s %Y %N %h %F", "/usr/bin/env", "/usr/bin/awk", "/usr"]):
        if "-li" in argv:
            argv = ["ls", "-l", *argv[2:]]  # inode numbers are the VM's own
        t.same(argv)


@case
def small_programs(t):
    t.write("a", "one\ntwo\nthree\n")
    t.write("b", "one\n2\nthree\n")
    for argv in (["cat", "a", "b"], ["wc", "a", "b"], ["head", "-n1", "a"], ["tail", "-n2", "a"], ["tac", "a"], ["rev", "a"],
                 ["sort", "-r", "a"], ["uniq", "-c", "a"], ["cut", "-c1-2", "a"], ["paste", "a", "b"], ["join", "a", "a"],
                 ["comm", "a", "b"], ["nl", "a"], ["od", "-c", "a"], ["md5sum", "a"], ["sha1sum", "a"], ["sha512sum", "a"],
                 ["b2sum", "a"], ["cksum", "a"], ["base64", "a"], ["base32", "a"], ["expr", "6", "*", "7"], ["seq", "-s,", "1", "50"],
                 ["factor", "1234567890123456789"], ["printf", "%05d|%s\\n", "42", "x"], ["echo", "-e", "a\\tb"], ["basename", "/a/b.c", ".c"],
                 ["dirname", "/a/b"], ["realpath", "/usr/../bin/sh"], ["readlink", "/proc/self/exe"], ["test", "-f", "a"], ["test", "-d", "a"],
                 ["date", "-u", "-d", "@1700000000"], ["numfmt", "--to=iec", "123456789"], ["tr", "a-z", "A-Z"], ["fold", "-w2", "a"],
                 ["fmt", "a"], ["pr", "-t", "a"], ["tsort", "/dev/null"], ["ptx", "a"], ["csplit", "-f", "p", "a", "2"], ["split", "-n2", "a", "q"],
                 ["shuf", "-i1-1"], ["true"], ["false"], ["cat", "/no/such"], ["sort", "/no/such"], ["ls", "/no/such"], ["env", "-i", "A=1", "env"],
                 ["nproc", "--ignore=1000"], ["id", "-u"], ["whoami"], ["grep", "-n", "t", "a"], ["grep", "-c", "zzz", "a"],
                 ["sed", "s/o/0/g", "a"], ["diff", "a", "b"], ["cmp", "a", "b"], ["find", ".", "-name", "[ab]", "-printf", "%f %s\\n"],
                 ["awk", "{ n += length($0) } END { print n }", "a"], ["mawk", "BEGIN { printf \"%.3f\\n\", sin(1) }"], ["tty"], ["dd", "if=a", "status=none"]):
        t.same(argv, stdin=b"some input\nmore\n")


@case(timeout=120)
def sha256sum(t):
    data = os.urandom(1 << 20) * 64
    t.write("data", data)
    t.same(["sha256sum", "data"])
    t.same(["sha256sum", "/usr/bin/python3.11", "/bin/bash"])


@case(timeout=300, once=True)
def sort_200_mb(t):
    """A 200 MB file, with the temporary files that sort makes."""
    block = text(50000).encode()
    with open(t.path("big"), "wb") as f:
        n = 0
        while n < 200_000_000:
            f.write(block)
            n += len(block)
    # The VM's output goes to its stdout, through the pipe, into this process: no path shared for writing is needed.
    r = t.cay(["sort", "--parallel=1", "-S", "64M", "-T", "/tmp", "big"], ["-m", "2G"], timeout=280, env={"LC_ALL": "C"})
    with open(t.path("vm-sorted"), "wb") as f:
        f.write(r.out)
    want = t.host(["sort", "--parallel=1", "-c", "vm-sorted"], env={"LC_ALL": "C"})
    t.check(r.status == 0 and len(r.out) == n, "status %d, %d bytes of %d: %s" % (r.status, len(r.out), n, r.errtext[-300:]))
    t.check(want.status == 0, "what the VM gave is sorted")


@case(timeout=120)
def dd(t):
    for argv in (["dd", "if=/dev/zero", "bs=1M", "count=100", "status=none"], ["dd", "if=/usr/bin/python3.11", "bs=4k", "skip=3", "count=17", "status=none"],
                 ["dd", "if=/dev/zero", "of=/dev/null", "bs=64k", "count=5000", "status=none"],
                 ["dd", "if=/dev/zero", "of=sparse", "bs=1", "count=1", "seek=5000000", "status=none"]):
        t.same(argv)


@case
def busybox(t):
    """Applets that need no fork, of the statically linked program."""
    b = t.need("busybox")
    t.write("a", "one\ntwo\nthree\n")
    for argv in (["ls", "-l", "/usr/bin"], ["cat", "a"], ["grep", "t", "a"], ["sed", "s/o/0/", "a"], ["awk", "{print NR, $0}", "a"], ["sort", "a"],
                 ["wc", "a"], ["md5sum", "a"], ["find", "/usr/share/doc/bash"], ["echo", "x"], ["expr", "1", "+", "2"], ["date", "-u", "-d", "@0"],
                 ["head", "-n", "1", "a"], ["tail", "-n", "1", "a"], ["tr", "a-z", "A-Z"], ["cut", "-c1", "a"], ["od", "a"], ["hexdump", "-C", "a"],
                 ["seq", "5"], ["true"], ["false"], ["sh", "-c", "x=3; echo $((x * 14)); for i in a b; do echo $i; done; exit 3"],
                 ["stat", "-c", "%s", "a"], ["du", "-s", "a"], ["cmp", "a", "a"], ["diff", "a", "a"], ["gzip", "-c", "a"], ["base64", "a"]):
        t.same([b, *argv], stdin=b"some input\n")


@case
def writes_vanish(t):
    """A write in the current folder works, is seen by the same VM, and never reaches the host."""
    prog = "open('new','w').write('x'); import os; os.mkdir('d'); open('old','a').write('y'); os.unlink('gone'); print(sorted(os.listdir('.')), open('old').read())"
    t.write("old", "before")
    t.write("gone", "")
    r = t.cay([PYTHON, "-c", prog])
    t.check(r.status == 0 and r.text == "['d', 'new', 'old'] beforey\n", r.describe())
    t.check(sorted(os.listdir(t.dir)) == ["gone", "old"] and open(t.path("old")).read() == "before", "the host's folder is as it was")


@case
def file_operations(t):
    """Creates, links, renames, permissions, times, sparse files in the VM's memory: the same answers as the host's tmp."""
    t.same([t.need("busybox"), "cp", "/usr/bin/env", "copy"])
    prog = r"""
import os, stat
os.umask(0o022)
os.mkdir('w'); os.chdir('w')
open('f','w').write('hello')
os.link('f','g'); os.symlink('f','s'); os.rename('g','h')
print(sorted(os.listdir('.')), os.stat('f').st_nlink, os.readlink('s'), open('s').read())
os.chmod('f',0o640); print(oct(os.stat('f').st_mode))
os.utime('f',(1,2)); print(os.stat('f').st_mtime)
os.truncate('f',3); print(open('f').read(), os.stat('h').st_size)
fd=os.open('sp',os.O_RDWR|os.O_CREAT); os.pwrite(fd,b'x',1<<30); print(os.fstat(fd).st_size, os.pread(fd,2,1000))
os.makedirs('a/b/c'); os.rename('a','z'); print(os.listdir('z/b'))
for f in (lambda: os.rmdir('z'), lambda: os.mkdir('z'), lambda: os.unlink('z'), lambda: os.rename('z','z/b/q'), lambda: os.open('f/x',0),
          lambda: os.open('nope',0), lambda: os.symlink('x','s'), lambda: os.open('x'*300,os.O_CREAT), lambda: os.link('z','zz')):
    try: f(); print('ok')
    except OSError as e: print(e.errno)
os.symlink('loop','loop')
try: open('loop')
except OSError as e: print(e.errno)
"""
    t.same([PYTHON, "-c", prog])
