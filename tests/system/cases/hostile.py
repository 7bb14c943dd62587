# SPDX-License-Identifier: MIT
"""Kernels that attack the VMM (tests/guest/hostile): it must refuse or end the VM with 125 and a clear line; never crash, never hang."""
import os
import signal
import stat
import subprocess
import time

from harness import case, in_session, popen

SURVIVED = 42  # the image went on to its end: the VMM refused each wrong thing
GATE = {  # variant -> allowed statuses
    "unknown": [125], "zero": [125], "doorbell": [125], "beyond": [125], "unaligned": [125, SURVIVED], "byte": [125, SURVIVED], "quad": [125, SURVIVED],
    "straddle": [125], "read": [125, SURVIVED], "execute": [125], "crash-text": [125], "crash-escapes": [125], "log": [SURVIVED], "map": [SURVIVED],
    "unmap": [SURVIVED], "exit-status": None, "free-range": [SURVIVED], "free-self": [125], "attach": [SURVIVED], "attach-not": [125, SURVIVED], "cpus": [125, SURVIVED], "ipi": [125, SURVIVED], "pause": [SURVIVED],
    "flood-timer": [SURVIVED], "flood-log": [SURVIVED, 125], "wait-past": [SURVIVED],
}
CPU = {v: [125] for v in (
    "jump-null jump-upper jump-noncanonical no-stack syscall hlt out wrmsr mov-cr3 lidt int int3 divide trap-flag vmcall "
    "system-page-zero system-page-ones page-tables-zero page-tables-ones map-nowhere map-window read-window run-nowhere map-beyond-ram gate-elsewhere upcall-nowhere iret-to-ring-0 flush-to-nowhere").split()}
CPU["syscall"] = [125, SURVIVED]
CPU.update({"alignment": [125, SURVIVED], "vcpu-page-junk": [125, SURVIVED], "boot-info-junk": [SURVIVED]})
RING = {v: [125, SURVIVED] for v in (
    "head-range index-jump loop next-range address-range length-range header-range header-short no-status status-short status-readable order indirect "
    "arguments many-readers rings-junk kick-flood index-race").split()}
RING["operations"] = [SURVIVED]
# The process backend only: the host's kernel attacked by its own system calls.
FORBIDDEN = ("map-stub map-across-stub map-wraps map-anonymous map-anonymous-shared map-huge map-anywhere unmap-stub protect-stub move-stub futex-elsewhere "
             "futex-requeue write-socket write-much write-ram clean-memory").split()
HOST = {v: [125] for v in [*FORBIDDEN, "unmap-all", "exit"]}
HOST.update({v: [125, SURVIVED] for v in (
    "compatibility-mode junk-stub request-race junk-control bell-storm here-storm private-storm beyond-file descriptors-left descriptors-kept frame-storm timer-storm close-all map-storm table-storm unmap-kernel").split()})
HOST.update({v: [SURVIVED] for v in "own-calls foreign-table vsyscall write-stub".split()})


BY_FILTER = b"killed by signal 31 (a system call that its filter forbids)"  # not by what the call did to the process
TALKS = ("request-race",)  # it makes the VMM log something before its end


def attack(t, image, variant, allowed, timeout=60, flags=(), words=b"cay: "):
    """words: what the line that ends the VM must contain."""
    path = os.path.join(t.config.build, "tests", "hostile", image)
    r = t.cmd(["run", "--backend", t.config.backend, "-v", t.dir + ":/data", *flags, "--", "/bin/true", variant], timeout=timeout, env={"CAY_KERNEL": path}, stdin=b"some input")
    if r.timed_out:
        return
    t.check(r.status not in (132, 134, 135, 136, 139, 159), "the VMM itself died: " + r.describe())
    t.check(r.status != 99, "the VMM accepted what it must refuse: " + r.describe())
    t.check(allowed is None or r.status in allowed, "expected %s: %s" % (allowed, r.describe()))
    if r.status == 125:
        t.check(r.err.startswith(b"cay: ") and words in r.err and len(r.err) < 20000, "our words are prefixed and few: " + r.describe())
        t.check(r.err.count(b"cay: ") == 1 or image != "host" or variant in TALKS, "one line says it: " + r.describe())
    t.check(not in_session(r.pid), "no process is left: %s" % in_session(r.pid))
    t.check(not any(b < 32 and b not in (9, 10) for b in r.err), "no control character of the guest reaches the terminal: " + r.describe())


for image, variants in (("gate", GATE), ("cpu", CPU), ("ring", RING)):
    for variant, allowed in variants.items():
        case(name="%s-%s" % (image, variant), timeout=25)(
            lambda t, image=image, variant=variant, allowed=allowed: attack(t, image, variant, allowed))


def attack_files(t, variant):
    """A writable share and a link in it that leads out: what is outside stays, unseen."""
    os.mkdir(t.path("share"))
    t.write("secret", "as it was")
    os.symlink("../secret", t.path("share/link"))
    env = {"CAY_KERNEL": os.path.join(t.config.build, "tests", "hostile", "files")}
    r = t.cmd(["run", "--backend", t.backend, "-v", t.path("share") + ":/data", "--", "/bin/true", variant], timeout=60, env=env)
    t.check((r.status, r.err) == (SURVIVED, b""), r.describe())
    with open(t.path("secret")) as f:
        t.check(f.read() == "as it was" and sorted(os.listdir(t.dir)) == ["secret", "share"] and os.stat(f.fileno()).st_nlink == 1, "what is outside is as it was")
    kinds = {stat.S_IFMT(os.lstat(os.path.join(d, n)).st_mode) for d, dirs, files in os.walk(t.path("share")) for n in dirs + files}
    t.check(kinds <= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}, "there are files, folders and links: %s" % kinds)


for variant in ("any-order", "race"):
    case(name="files-" + variant, timeout=60)(lambda t, variant=variant: attack_files(t, variant))


def spins(t, variant, image="cpu"):
    """Nothing but the guest may suffer: cay goes on to answer the host, and ends at once when it is killed."""
    env = {**os.environ, "CAY_KERNEL": os.path.join(t.config.build, "tests", "hostile", image)}
    p = popen([t.cay_path, "run", "--backend", t.backend, "--", "/bin/true", variant], env=env, stderr=subprocess.PIPE, cwd=t.dir)
    try:
        status = p.wait(1)
        t.check(status in (125, SURVIVED), "it ends the VM, or spins: status %s" % status)
    except subprocess.TimeoutExpired:
        p.kill()
        t.check(p.wait(60) == -9, "it ends when killed")


for variant in ("spin", "no-handlers", "handler-faults"):
    case(name="cpu-" + variant, timeout=25)(lambda t, variant=variant: spins(t, variant))

for variant in ("junk-stub-some", "timer-without-end"):
    case(name="host-" + variant, timeout=25, backends=("process",))(lambda t, variant=variant: spins(t, variant, "host"))


for variant, allowed in HOST.items():
    case(name="host-" + variant, timeout=40, backends=("process",))(
        lambda t, variant=variant, allowed=allowed: attack(t, "host", variant, allowed, words=BY_FILTER if variant in FORBIDDEN else b"cay: "))


# What the stub may call (vmm/backend/process/filter.c): close, mmap, mprotect, munmap, rt_sigreturn, mremap, madvise, recvmsg, write,
# futex, restart_syscall, timer_settime, exit_group; and what Linux lets past every filter, uretprobe and uprobe.
PERMITTED = {3, 9, 10, 11, 15, 25, 28, 47, 1, 202, 219, 223, 231, 335, 336}
# Other tables' numbers: x32's, those that only it has, and what is no number at all.
STRANGE = [*range(480, 600, 8), 0x40000000, 0x40000001, 0x4000003b, 0x4000003e, *range(0x40000200, 0x40000224, 3), 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, (1 << 64) - 1]


def stub_numbers(t, numbers):
    """System call numbers from the stub's own instructions, with wild arguments: permitted ones fail or harm the guest, any other kills it."""
    secret = t.write("secret", "as it was")
    mode = os.stat(secret).st_mode
    for nr in numbers:
        if nr in PERMITTED:
            attack(t, "host", "call-%d" % nr, [125, SURVIVED])
        else:
            attack(t, "host", "call-%d" % nr, [125], words=BY_FILTER)
    with open(secret) as f:
        t.check(f.read() == "as it was" and os.stat(secret).st_mode == mode and os.listdir(t.dir) == ["secret"], "files are as they were")


@case(name="host-junk-others", timeout=40, backends=("process",))
def junk_others(t):
    attack(t, "host", "junk-others", [125, SURVIVED], flags=["-c", "4"])


for first in range(0, 480, 60):
    case(name="host-calls-from-%d" % first, timeout=120, backends=("process",))(lambda t, first=first: stub_numbers(t, range(first, first + 60)))
case(name="host-calls-of-other-tables", timeout=120, backends=("process",))(lambda t: stub_numbers(t, STRANGE))


@case(backends=("process",))
def killed_monitor_takes_the_guest_along(t):
    """SIGKILL of cay, which it cannot see coming: no process of it is there a moment later."""
    p = popen(t.cay_argv(["/bin/sh", "-c", "echo here; while :; do :; done"]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=t.dir, start_new_session=True)
    t.check(p.stdout.readline() == b"here\n", "it runs")
    before = in_session(p.pid)
    t.check(len(before) >= 2, "there is a guest's process: %s" % before)
    os.kill(p.pid, signal.SIGKILL)
    p.wait()
    deadline = time.monotonic() + 60
    while in_session(p.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    t.check(not in_session(p.pid), "left behind: %s" % in_session(p.pid))


@case(backends=("process",))
def killed_while_it_starts(t):
    """SIGKILL of cay at any moment of its start and soon after: no process of it stays."""
    sessions = []
    for i in range(60):
        p = popen(t.cay_argv(["/bin/sleep", "1000"], ["-c", "2"]), stdin=subprocess.DEVNULL, cwd=t.dir, start_new_session=True)
        end = time.monotonic() + i * 0.0003
        while time.monotonic() < end:
            pass
        p.kill()
        p.wait()
        sessions.append(p.pid)
    deadline = time.monotonic() + 60
    while any(map(in_session, sessions)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [s for s in map(in_session, sessions) if s]
    t.check(not left, "left behind: %s" % left)


@case(backends=("process",))
def killed_guest_ends_the_vm(t):
    p = popen(t.cay_argv(["/bin/sh", "-c", "echo here; while :; do :; done"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=t.dir, start_new_session=True)
    t.check(p.stdout.readline() == b"here\n", "it runs")
    for pid, _ in in_session(p.pid):
        if pid != p.pid:
            os.kill(pid, signal.SIGKILL)
    out, err = p.communicate(timeout=60)
    t.check(p.returncode == 125 and err.startswith(b"cay: ") and err.count(b"\n") == 1, "one line and 125: %s %r" % (p.returncode, err))


@case(backends=("process",))
def guest_process_is_bare(t):
    """What /proc says of a guest's process: the filter, no rights, no files but four, nothing of the monitor's memory."""
    p = popen(t.cay_argv(["/bin/sh", "-c", "echo here; while :; do :; done"]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=t.dir, start_new_session=True)
    t.check(p.stdout.readline() == b"here\n", "it runs")
    try:
        for pid in (pid for pid, name in in_session(p.pid) if name == "cay-vcpu"):
            status = dict(l.split(":", 1) for l in open("/proc/%d/status" % pid).read().splitlines())
            for field, want in (("Seccomp", "2"), ("NoNewPrivs", "1"), ("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("Threads", "1")):
                t.check(status[field].strip() == want, "%s is %s" % (field, status[field].strip()))
            if os.geteuid() != 0:
                continue
            files = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)]
            t.check(len(files) <= 4 and all(f.startswith(("socket:", "/memfd:", "anon_inode:[eventfd]")) for f in files), "open: %s" % files)
            limits = {l[:26].strip(): l[26:].split()[0] for l in open("/proc/%d/limits" % pid)}
            for name, want in (("Max core file size", "0"), ("Max file size", "0"), ("Max processes", "0"), ("Max locked memory", "0")):
                t.check(limits[name] == want, "%s is %s" % (name, limits[name]))
            t.check(int(limits["Max open files"]) <= 64 and limits["Max address space"] != "unlimited", "limits: %s" % limits)
            maps = open("/proc/%d/maps" % pid).read()
            t.check("[stack]" not in maps and "[vdso]" not in maps and "build/cay" not in maps, "mapped: " + maps)
    finally:
        p.kill()
        p.communicate()


def bad_map(t, variant):
    """A map for `cay inspect` that is wrong, or changes meanwhile: it answers, with nonsense, and soon; the VM is untouched."""
    env = {"XDG_RUNTIME_DIR": t.dir, "CAY_KERNEL": os.path.join(t.config.build, "tests", "hostile", "map")}
    p = popen([t.cay_path, "run", "--backend", t.backend, "--name", "v", "--", "/bin/true", variant], env={**os.environ, **env}, stderr=subprocess.PIPE, cwd=t.dir)
    try:
        t.check(b"published" in p.stderr.readline(), "the kernel runs")
        for flags in (["--json"], ["--sockets"], []):
            r = t.cmd(["inspect", *flags, "v"], env=env, timeout=60)
            t.check(r.status in (0, 125) and len(r.out) < 100 << 20 and b"\x1b" not in r.out, r.describe())
        t.check(b" v " in b" " + t.cmd(["ps"], env=env).out.replace(b"\n", b" ") and p.poll() is None, "the VM is still there")
    finally:
        p.kill()
        p.communicate()


for variant in ("junk", "loops", "changes", "beyond", "long"):
    case(name="map-" + variant, timeout=40, once=True)(lambda t, variant=variant: bad_map(t, variant))
