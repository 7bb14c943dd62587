# SPDX-License-Identifier: MIT
"""Host folders: --root, -v, read-only; and no way out of them."""
import os
import shutil
import subprocess
import threading

from harness import PYTHON, case, popen

ESCAPES = r"""
import os
base = '%s'
got = []
for p in ('../secret', '../../%%s/secret' %% os.path.basename(os.path.dirname('%s')), 'up/secret', 'abs', 'abs2/secret', 'a/../../secret', './/..//secret',
          'dir/../../secret', 'chain', 'deep/x/y/../../../../secret', '/proc/self/root' + '%s', '/proc/self/cwd/../secret', '/proc/1/root/etc/shadow'):
    q = p if p.startswith('/') else base + '/' + p
    for f in (lambda: open(q).read(), lambda: os.listdir(q), lambda: os.readlink(q) and open(q).read(), lambda: open(q, 'w').write('hacked'),
              lambda: os.unlink(q), lambda: os.rename(q, q + '2'), lambda: os.link(q, base + '/ln'), lambda: os.chmod(q, 0o777), lambda: os.truncate(q, 0)):
        try:
            r = f()
            if 'TOP SECRET' in str(r): got.append((q, r))
        except (OSError, UnicodeDecodeError): pass
print('escaped', got)
"""


def build(t):
    """secret beside the shared folder, and every kind of link inside that points at it."""
    t.write("secret", "TOP SECRET")
    os.makedirs(t.path("shared/dir"))
    os.makedirs(t.path("shared/deep/x/y"))
    t.write("shared/inside", "fine")
    for name, target in (("up", ".."), ("abs", t.path("secret")), ("abs2", t.dir), ("chain", "dir/next"), ("rel", "inside"), ("self", "."), ("out", "../secret")):
        os.symlink(target, t.path("shared/" + name))
    os.symlink("../../secret", t.path("shared/dir/next"))
    return t.path("shared")


# The current folder is visible to the program too, so these start from one that has nothing to do with the secret.
@case
def no_escape_from_a_folder(t):
    shared = build(t)
    for mode in (":ro", ""):
        r = t.cay([PYTHON, "-c", ESCAPES % ("/data", t.path("secret"), t.path("secret"))], ["-v", shared + ":/data" + mode, "-w", "/data"], cwd="/usr")
        t.check(r.status == 0 and r.text == "escaped []\n", r.describe())
        t.check(open(t.path("secret")).read() == "TOP SECRET" and os.path.exists(t.path("secret")), "the file outside is untouched")


@case
def no_escape_by_races(t):
    """A folder that the host swaps for a link to the outside, over and over, while the program walks through it."""
    shared = build(t)
    os.makedirs(t.path("shared/race/sub"))
    t.write("shared/race/sub/secret", "decoy")
    t.write("outside/sub/secret", "TOP SECRET")
    stop = threading.Event()

    def swap():
        os.symlink(t.path("outside"), t.path("shared/evil"))
        while not stop.is_set():
            os.rename(t.path("shared/race"), t.path("shared/aside"))
            os.rename(t.path("shared/evil"), t.path("shared/race"))
            os.rename(t.path("shared/race"), t.path("shared/evil"))
            os.rename(t.path("shared/aside"), t.path("shared/race"))
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        r = t.cay([PYTHON, "-c", "import time, collections\nend = time.time() + 3\nn = collections.Counter()\nwhile time.time() < end:\n"
                   " try: n[open('/data/race/sub/secret').read()] += 1\n except OSError as e: n[e.errno] += 1\nprint('TOP SECRET' in n, n['decoy'] > 0)"],
                  ["-v", shared + ":/data"], cwd="/usr")
    finally:
        stop.set()
        thread.join()
    t.check(r.status == 0 and r.text.startswith("False"), r.describe())


@case(once=True, timeout=60)
def names_change_side_by_side(t):
    """Two CPUs that change and look up names of a host folder, and read one file (tests/guest/names_parallel.c)."""
    with open(os.path.join(t.config.build, "tests", "guest", "names_parallel"), "rb") as f:
        t.write("rw/prog", f.read(), 0o755)
    r = t.cay(["/data/prog"], ["-c", "2", "-v", t.path("rw") + ":/data", "-w", "/data"], timeout=50)
    t.check(r.status == 0 and "FAIL" not in r.text, r.describe())


@case
def writable_folder(t):
    """-v without :ro: what the program writes is on the host, and the other way round."""
    os.mkdir(t.path("rw"))
    t.write("rw/old", "old")
    prog = ("import os\nos.chdir('/data')\nopen('new', 'w').write('new')\nopen('old', 'a').write('er')\nos.mkdir('d')\nos.rename('new', 'd/moved')\n"
            "os.symlink('old', 'link')\nos.link('old', 'hard')\nos.chmod('old', 0o600)\nopen('gone', 'w').close()\nos.unlink('gone')\nos.truncate('d/moved', 2)\n"
            "os.utime('old', (1000, 2000))\nfd = os.open('x', os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)\nos.pwrite(fd, b'tail', 100000)\nos.fsync(fd)\n"
            "print(sorted(os.listdir('.')), os.stat('old').st_nlink, open('link').read())")
    r = t.cay([PYTHON, "-c", prog], ["-v", t.path("rw") + ":/data"])
    t.check(r.status == 0 and r.text == "['d', 'hard', 'link', 'old', 'x'] 2 older\n", r.describe())
    rw = t.path("rw")
    if r.status == 0:
        t.check(open(rw + "/d/moved").read() == "ne" and open(rw + "/old").read() == "older", "contents are on the host")
        st = os.stat(rw + "/old")
        t.check(st.st_mode & 0o777 == 0o600 and st.st_mtime == 2000 and st.st_nlink == 2, "mode, time and links are on the host")
        t.check(os.stat(rw + "/x").st_size == 100004 and os.readlink(rw + "/link") == "old", "size and link are on the host")


APPENDS = r"""
import os
a, b = (os.open('/data/log', os.O_RDWR | os.O_APPEND) for _ in range(2))
def at(): return [os.lseek(f, 0, os.SEEK_CUR) for f in (a, b)]
os.write(a, b'aaa'); print(at())
os.write(b, b'bb'); print(at())
print('your turn', flush=True)
input()
os.write(a, b'A'); print(at())
os.pwrite(b, b'B' * 10, 0); print(at(), os.read(b, 100))
os.write(b, b'c' * 3000000); print(at(), os.fstat(a).st_size)
os.write(a, b'd'); print(at(), os.pread(a, 4, 3000031))
os.lseek(a, 1, os.SEEK_SET); print(os.read(a, 3), at())
"""


@case
def appending_to_one_file(t):
    """Through two open files of the VM's and one of the host's: each position is where its own data ended."""
    log = t.write("shared/log", "")
    p = popen(t.cay_argv([PYTHON, "-c", APPENDS], ["-v", t.path("shared") + ":/data"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/usr")
    out = b"".join(iter(p.stdout.readline, b"your turn\n"))
    with open(log, "ab") as f:
        f.write(b"from the host, ")
    rest, _ = p.communicate(b"\n")
    t.check(p.returncode == 0, "status %d" % p.returncode)
    want = ["[3, 0]", "[3, 5]", "[21, 5]", "[21, 5] b'from the host, ABBBBBBBBBB'", "[21, 3000031] 3000031", "[3000032, 3000031] b'd'", "b'aab' [4, 3000031]"]
    got = (out + rest).decode().splitlines()
    t.check(got == want, "expected %s, got %s" % (want, got))
    with open(log, "rb") as f:
        t.check(f.read() == b"aaabbfrom the host, A" + b"B" * 10 + b"c" * 3000000 + b"d", "the data on the host")


@case
def read_only_folder(t):
    os.mkdir(t.path("ro"))
    t.write("ro/f", "x")
    prog = ("import os\nr = []\nfor f in (lambda: open('/data/f', 'w'), lambda: open('/data/n', 'w'), lambda: os.unlink('/data/f'), lambda: os.mkdir('/data/d'),\n"
            " lambda: os.rename('/data/f', '/data/g'), lambda: os.chmod('/data/f', 0), lambda: os.utime('/data/f'), lambda: os.truncate('/data/f', 0)):\n"
            " try: f(); r.append('ok')\n except OSError as e: r.append(e.errno)\nprint(set(r), open('/data/f').read())")
    r = t.cay([PYTHON, "-c", prog], ["-v", t.path("ro") + ":/data:ro"])
    t.check(r.status == 0 and r.text == "{30} x\n", "EROFS for all: " + r.describe())
    t.check(open(t.path("ro/f")).read() == "x" and os.listdir(t.path("ro")) == ["f"], "untouched")


@case
def single_file(t):
    t.write("one", "the file")
    r = t.cay(["cat", "/etc/one-file"], ["-v", t.path("one") + ":/etc/one-file:ro"])
    t.check((r.status, r.text) == (0, "the file"), r.describe())


@case
def own_root(t):
    """--root: only that folder is there, read-only or not as the overlay decides; nothing of the host's."""
    root = t.path("root")
    os.makedirs(root + "/bin")
    with open(os.path.join(t.config.build, "tests", "progs", "musl-static"), "rb") as f:
        t.write("root/bin/prog", f.read(), 0o755)
    b = t.need("busybox")
    with open(b, "rb") as f:
        t.write("root/bin/busybox", f.read(), 0o755)
    r = t.cay(["/bin/busybox", "ls", "/"], ["--root", root])
    names = set(r.text.split())
    t.check(r.status == 0 and "bin" in names, r.describe())
    t.check(not names & {"usr", "home", "work", "lib64"}, "nothing of the host's root: %s" % names)
    r = t.cay(["/bin/busybox", "cat", "/../../../../etc/passwd"], ["--root", root])
    t.check(r.status == 1, r.describe())
    r = t.cay(["/bin/busybox", "touch", "/bin/new"], ["--root", root])
    t.check(not os.path.exists(root + "/bin/new"), "writes to the root stay in memory: " + r.describe())


@case
def default_root_hides_the_host(t):
    r = t.cay([PYTHON, "-c", "import os\nfor p in ('/root', '/home', '/etc/shadow', '/var/lib/dpkg', '/boot', '/sys/kernel/debug'):\n"
               " try: print(p, os.path.isfile(p) or len(os.listdir(p)))\n except OSError as e: print(p, e.errno)"])
    t.check(r.status == 0, r.describe())
    for line in r.text.splitlines():
        path, _, n = line.partition(" ")
        t.check(n in ("0", "2", "13", "20"), "not visible: " + line)


@case
def long_and_odd_names(t):
    os.mkdir(t.path("odd"))
    names = ["a" * 255, "new\nline", "\u00e4\u2603", " ", "-x", "tab\t", "\\", "quote'\""]
    for n in names:
        t.write("odd/" + n, n)
    deep = t.path("odd")
    for i in range(40):
        deep += "/d" + "x" * 20
        os.mkdir(deep)
    with open(deep + "/bottom", "w") as f:
        f.write("bottom")
    t.same(["find", "odd", "-printf", "%p %s %y\\n"], normalize=lambda b: b"\n".join(
        sorted(line for line in b.split(b"\n") if not line.endswith(b" d"))))
    t.same(["cat", deep + "/bottom"])


@case(timeout=180)
def many_files(t):
    os.mkdir(t.path("many"))
    for i in range(3000):
        t.write("many/f%d" % i, str(i))
    t.same([PYTHON, "-c", "import os\nprint(len(os.listdir('many')), sum(int(open('many/' + n).read()) for n in os.listdir('many')))"])


def run_and_cut(t, folder, run):
    """run() a program that maps folder/file; when it is ready, all of the file but one page goes."""
    os.mkdir(t.path(folder))
    t.write(folder + "/file", "x" * 65536)
    done = threading.Event()

    def cut():
        while not os.path.exists(t.path(folder + "/ready")):
            if done.wait(0.02):
                return
        os.truncate(t.path(folder + "/file"), 4096)
        t.write(folder + "/cut", "")
    thread = threading.Thread(target=cut)
    thread.start()
    try:
        return run()
    finally:
        done.set()
        thread.join()


@case
def mapped_file_is_shortened(t):
    """Another process of the host cuts a file that the program has mapped: SIGBUS for each touch, as on Linux; never the end of the VM."""
    program = os.path.join(t.config.build, "tests", "progs", "shortened")
    host = run_and_cut(t, "host", lambda: t.host([program, t.path("host")]))
    t.check(host.status == 128 + 7, host.describe())
    shutil.copy(program, t.dir)
    for cpus in ("1", "2"):
        vm = run_and_cut(t, "vm" + cpus, lambda: t.cay(["./shortened", "/data"], ["-c", cpus, "-v", t.path("vm" + cpus) + ":/data"]))
        t.check(vm.status == host.status and vm.out == host.out, host.text + vm.describe())


NEIGHBOURS = r"""
import ctypes, itertools, os
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
PRIVATE, FIXED, ANONYMOUS, POPULATE = 2, 0x10, 0x20, 0x8000
fds = [os.open('f%d' % i, os.O_RDONLY) for i in range(3)]
order = [i for p in itertools.permutations(range(3)) for i in p]
base = libc.mmap(None, len(order) * 4096, 0, PRIVATE | ANONYMOUS, -1, 0)
for at, i in enumerate(order):
    libc.mmap(base + at * 4096, 4096, 1, PRIVATE | FIXED | POPULATE, fds[i], 0)
def check():
    return all(ctypes.string_at(base + at * 4096, 5) == b'file%d' % i for at, i in enumerate(order))
print(check())
if os.fork() == 0:
    os._exit(check())
print(os.wait()[1] >> 8, check())
"""


@case
def mapped_side_by_side(t):
    """Views of files in any order beside each other: each shows its file, whatever lies beside whatever on the way there."""
    for i in range(3):
        t.write("f%d" % i, "file%d" % i)
    t.same([PYTHON, "-c", NEIGHBOURS], expect=0)


@case
def folder_mounted_noexec(t):
    """Programs run from it: what may be executed in the VM is the VM's affair."""
    if os.geteuid() != 0:
        t.skip("mounting takes root")
    where = t.path("noexec")
    os.mkdir(where)
    if t.host(["mount", "-t", "tmpfs", "-o", "noexec", "none", where]).status != 0:
        t.skip("this host forbids mounting")
    try:
        for prog in ("hello-static", "hello-pie"):
            shutil.copy(os.path.join(t.config.build, "tests", "progs", prog), where)
            r = t.cay(["./" + prog], cwd=where)
            t.check(r.status == 0 and r.text == "hello\n", r.describe())
    finally:
        t.host(["umount", where])
