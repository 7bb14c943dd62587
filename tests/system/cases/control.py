# SPDX-License-Identifier: MIT
"""Running VMs seen from outside: ps, stats, stop, kill, names. Each case has a runtime folder of its own."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

from harness import PYTHON, case, popen

READY = "print('up', flush=True); "
WAIT = READY + "import signal; signal.pause()"
SLOW = "import signal; signal.signal(15, signal.SIG_IGN); " + WAIT


def env_of(t):
    return {"XDG_RUNTIME_DIR": t.dir}


def ask(t, *argv):
    return t.cmd(list(argv), env=env_of(t))


class Vm:
    """A program in a VM that has printed its first line."""
    def __init__(self, t, code=WAIT, flags=()):
        self.p = popen(t.cay_argv([PYTHON, "-c", code], flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, cwd=t.dir,
                       env={**os.environ, **env_of(t)})
        self.first = self.p.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()


def vms(t):
    r = ask(t, "ps", "--json")
    t.check(r.status == 0, r.describe())
    return json.loads(r.out)


@case
def ps(t):
    r = ask(t, "ps")
    t.check(r.status == 0 and r.out.splitlines()[0].split() == b"NAME PID STATE UPTIME MEMORY CPUS PORTS COMMAND".split() and not r.err, r.describe())
    with Vm(t, flags=["--name", "web", "-m", "64M", "-c", "2"]) as a, Vm(t) as b:
        found = {v["name"]: v for v in vms(t)}
        t.check(len(found) == 2 and "web" in found, "two VMs, one with its given name: %s" % list(found))
        web = found["web"]
        t.check((web["pid"], web["state"], web["cpus"], web["memory_bytes"], web["backend"]) == (a.p.pid, "running", 2, 64 << 20, t.backend), str(web))
        t.check(web["command"][:2] == [PYTHON, "-c"] and web["uptime_ns"] > 0 and web["memory_used_bytes"] > 1 << 20, str(web))
        other = [v for v in found.values() if v["name"] != "web"][0]
        t.check(other["pid"] == b.p.pid and "-" in other["name"], "a made-up name: %s" % other)
        r = ask(t, "ps")
        t.check(b"web" in r.out and b"running" in r.out and len(r.out.splitlines()) == 3, r.describe())
        os.kill(a.p.pid, signal.SIGSTOP)
        t.check([v["state"] for v in vms(t) if v["name"] == "web"] == ["stopped"], "a stopped process is shown as such")
        os.kill(a.p.pid, signal.SIGCONT)
    t.check(vms(t) == [], "killed VMs are not shown")
    t.check(os.listdir(t.path("cay/vm")) == [], "and what they left is gone")


@case
def names(t):
    with Vm(t, flags=["--name", "one"]) as vm:
        r = t.cmd(["run", "--backend", t.backend, "--name", "one", "true"], env=env_of(t))
        t.our_error(r, 125, "one", str(vm.p.pid))
        vm.p.kill()
        vm.p.wait()
        r = t.cmd(["run", "--backend", t.backend, "--name", "one", "true"], env=env_of(t))
        t.check(r.status == 0 and not r.err, "the name of a killed VM is free: " + r.describe())
    t.check(os.listdir(t.path("cay/vm")) == [], "an entry goes with its VM")
    t.our_error(t.cmd(["run", "--name", "a/b", "true"]), 125, "--name")


@case
def stop_and_kill(t):
    with Vm(t, flags=["--name", "gentle"]) as a, Vm(t, SLOW, flags=["--name", "deaf"]) as b:
        r = ask(t, "stop", "gentle")
        t.check((r.status, r.out) == (0, b"gentle\n"), r.describe())
        t.check(a.p.wait(60) == 128 + signal.SIGTERM, "the program got SIGTERM: status %s" % a.p.returncode)
        r = ask(t, "stop", "-t", "0.2", "deaf")
        t.check((r.status, r.out) == (0, b"deaf\n"), r.describe())
        t.check(b.p.wait(60) == -signal.SIGKILL, "it was killed after its time: status %s" % b.p.returncode)
    with Vm(t, flags=["--name", "x"]) as a:
        os.kill(a.p.pid, signal.SIGSTOP)
        r = ask(t, "kill", "x")
        t.check((r.status, r.out) == (0, b"x\n") and a.p.wait(60) == -signal.SIGKILL, r.describe())
    with Vm(t, READY + "import signal; signal.sigwait([10])", flags=["--name", "x"]) as a:
        r = ask(t, "kill", "-s", "USR1", "x")
        t.check(r.status == 0 and a.p.wait(60) in (0, 128 + 10), r.describe() + " status %s" % a.p.returncode)
    t.check(os.listdir(t.path("cay/vm")) == [], "nothing is left")
    for argv in (["stop", "nobody"], ["kill", "nobody"], ["stop", "../x"], ["stats", "nobody"]):
        t.our_error(ask(t, *argv), 125, argv[1])
    t.our_error(ask(t, "kill", "-s", "NOSUCH", "x"), 125, "NOSUCH")
    t.our_error(ask(t, "stop"), 125, "NAME")
    t.our_error(ask(t, "ps", "--frob"), 125, "--frob")


@case
def stats(t):
    code = READY + "import os\nwhile True:\n  input(); [os.getppid() for _ in range(1000)]; print('done', flush=True)"
    with Vm(t, code, flags=["--name", "s"]) as vm:
        before = json.loads(ask(t, "stats", "--json", "s").out)[0]
        vm.p.stdin.write(b"\n")
        vm.p.stdin.flush()
        vm.p.stdout.readline()
        after = json.loads(ask(t, "stats", "--json", "s").out)[0]
        t.check(after["calls"]["getppid"] - before["calls"].get("getppid", 0) == 1000, "calls are counted while it runs: %s" % after["calls"])
        for group, key in (("host", "exits_gate"), ("host", "doorbells"), ("guest", "page_faults"), ("guest", "syscalls"), ("net", "polls_missed"), ("ratios", "exits_per_second")):
            t.check(key in after[group], "%s.%s is there: %s" % (group, key, after))
        r = ask(t, "stats", "-i", "0.05")
        t.check(r.status == 0 and r.out.startswith(b"s: 0."), "a difference over a time, of all VMs: " + r.describe())
        delta = json.loads(ask(t, "stats", "-i", "0.05", "--json", "s").out)[0]
        t.check(delta["guest"]["syscalls"] < 100 and 0.04e9 < delta["time_ns"], str(delta["guest"]))


@case
def hostile_clients(t):
    """Nonsense, silence, and many at once: the VM goes on and answers others."""
    import socket
    with Vm(t, READY + "input(); print('end')", flags=["--name", "v"]) as vm:
        held = []
        for data in (b"", b"stats", b"\0" * 31, b"x" * 4096, b"info\ninfo\n", b"stats\n" * 100, b"\n", b"nonsense\n"):
            for _ in range(3):
                s = socket.socket(socket.AF_UNIX)
                s.connect(t.path("cay/vm/v"))
                try:
                    s.send(data)
                except OSError:
                    pass
                held.append(s)
        t.check([v["name"] for v in vms(t)] == ["v"], "it answers")
        for s in held:
            s.close()
        out, err = vm.p.communicate(b"\n", 20)
        t.check((out, err, vm.p.returncode) == (b"end\n", b"", 0), "%s %s %s" % (out, err, vm.p.returncode))


@case
def folder_not_ours(t):
    """The runtime folder is somebody else's, or open to others: VMs run without an entry, the commands say why."""
    os.mkdir(t.path("cay"), 0o755)
    os.chmod(t.path("cay"), 0o755)
    r = t.cmd(["run", "--backend", t.backend, "echo", "on"], env=env_of(t))
    t.check((r.status, r.out, r.err) == (0, b"on\n", b""), r.describe())
    t.our_error(ask(t, "ps"), 125, "not this user's alone")


INSPECTED = """
import os, socket, threading, time
l = socket.socket(); l.bind(("127.0.0.1", 8080)); l.listen(5)
c = socket.create_connection(("127.0.0.1", 8080)); a, _ = l.accept(); c.send(b"x" * 1000)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 5353))
six = socket.socket(socket.AF_INET6); six.bind(("::1", 8081)); six.listen(7)
local = socket.socket(socket.AF_UNIX); local.bind("/tmp/named"); local.listen(1)
p = os.pipe(); f = open("/etc/passwd"); f.read(1)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
if os.fork() == 0: time.sleep(60)
while True:
    done = [t for t in os.listdir("/proc/self/task") if "S" in open("/proc/self/task/%s/stat" % t).read()]
    if done: break
print("up", flush=True); input()
"""


@case
def inspect(t):
    with Vm(t, INSPECTED, flags=["--name", "i", "-c", "2"]) as vm:
        r = ask(t, "inspect", "i", "--json")
        if not t.check(r.status == 0 and not r.err, r.describe()):
            return
        o = json.loads(r.out)
        mine = [x for x in o["threads"] if x["pid"] == 1]
        t.check(len(mine) == 2 and len(o["threads"]) == 3 and {x["ppid"] for x in o["threads"]} == {0, 1}, "three threads in two processes: %s" % o["threads"])
        t.check(any(x["call"] in ("clock_nanosleep", "select", "pselect6") and x["state"] == "sleeping" for x in mine), "what a thread sleeps in: %s" % mine)
        t.check(all("python3" in x["program"] for x in mine), str(mine))
        paths = [x["path"] for x in o["files"] if x["pid"] == 1]
        t.check("/etc/passwd" in paths and any(p.startswith("socket:[") for p in paths) and any(p.startswith("pipe:[") for p in paths), str(paths))
        found = {(s["protocol"], s["state"], s["local"]): s for s in o["sockets"]}
        for key in (("tcp", "LISTEN", "127.0.0.1:8080"), ("tcp", "LISTEN", "[::1]:8081"), ("udp", "UNCONN", "0.0.0.0:5353"), ("unix-stream", "LISTEN", "/tmp/named")):
            t.check(key in found and found[key]["process"] == "python3" and found[key]["pid"] == 1, "%s is there, with its process: %s" % (key, list(found)))
        got = found.get(("tcp", "ESTAB", "127.0.0.1:8080"), {})
        t.check(got.get("receive_queue") == 1000, "bytes that nobody has read: %s" % got)
        r = ask(t, "inspect", "--sockets", "i")
        t.check(r.status == 0 and b"127.0.0.1:8080" in r.out and b"PROGRAM" not in r.out, r.describe())
        r = ask(t, "inspect", "i")
        t.check(r.status == 0 and all(w in r.out for w in (b"threads:", b"files:", b"sockets:")), r.describe())
        out, err = vm.p.communicate(b"\n", 20)
        t.check((out, err, vm.p.returncode) == (b"", b"", 0), "the VM goes on: %s %s %s" % (out, err, vm.p.returncode))
    t.our_error(ask(t, "inspect", "i"), 125, "i")
    t.our_error(ask(t, "inspect"), 125, "NAME")


def wait_for_end(t, name):
    ask(t, "logs", "-f", name)  # returns when the VM has ended


@case
def background(t):
    code = "import os, sys; print(os.read(0, 10), os.isatty(1), flush=True); sys.stderr.write('err\\n'); sys.exit(7)"
    r = t.cmd(["run", "--backend", t.backend, "-d", "--name", "bg", PYTHON, "-c", code], env=env_of(t))
    t.check((r.status, r.out, r.err) == (0, b"bg\n", b""), "it prints the name: " + r.describe())
    r = ask(t, "logs", "-f", "bg")
    t.check((r.status, r.out) == (0, b"b'' False\nerr\n"), "both streams, to the end: " + r.describe())
    r = ask(t, "logs", "-n", "1", "bg")
    t.check(r.out == b"err\n", r.describe())
    t.check(json.loads(ask(t, "ps", "--json").out) == [], "it is not running any more")
    r = ask(t, "ps", "-a")
    t.check(b"bg" in r.out and b"ended (7)" in r.out, r.describe())
    r = ask(t, "rm", "bg")
    t.check((r.status, r.out) == (0, b"bg\n"), r.describe())
    t.our_error(ask(t, "logs", "bg"), 125, "bg")
    t.our_error(ask(t, "rm", "bg"), 125, "bg")
    t.check(os.listdir(t.path("cay/log")) == [], "nothing is left: %s" % os.listdir(t.path("cay/log")))


@case
def background_lives_on(t):
    r = t.cmd(["run", "--backend", t.backend, "-d", "--rm", PYTHON, "-c", WAIT], env=env_of(t))
    name = r.text.strip()
    t.check(r.status == 0 and name, r.describe())
    vm = vms(t)[0]
    t.check(vm["name"] == name and os.getsid(vm["pid"]) == vm["pid"], "in a session of its own: %s" % vm)
    t.our_error(ask(t, "rm", name), 125, "running")
    t.our_error(t.cmd(["run", "-d", "--backend", t.backend, "--name", name, "true"], env=env_of(t)), 125, name)
    ask(t, "kill", "-s", "STOP", name)
    r = ask(t, "stop", name)
    t.check((r.status, r.out) == (0, r.out), r.describe())
    t.check(vms(t) == [] and os.listdir(t.path("cay/log")) == [] and os.listdir(t.path("cay/vm")) == [], "with --rm nothing is left")


@case
def background_refused(t):
    """What can be said before the VM runs is said by the command itself, with its status."""
    t.our_error(t.cmd(["run", "-d", "/no/such/program"], env=env_of(t)), 127, "/no/such/program")
    t.our_error(t.cmd(["run", "-d", "--backend", t.backend, "--net", "tap=no-such-if", "true"], env=env_of(t)), 125, "no-such-if")
    t.check(os.listdir(t.path("cay/log")) == [], "nothing is left: %s" % os.listdir(t.path("cay/log")))
    os.chmod(t.path("cay"), 0o755)
    t.our_error(t.cmd(["run", "-d", "--backend", t.backend, "true"], env=env_of(t)), 125, "-d")


@case(once=True)
def long_log(t):
    """The log keeps its end only."""
    code = "import sys\nfor i in range(30): sys.stdout.write('x' * 999999 + '\\n')\nprint('end')"
    t.cmd(["run", "--backend", t.backend, "-d", "--name", "big", PYTHON, "-c", code], env=env_of(t))
    wait_for_end(t, "big")
    st = os.stat(t.path("cay/log/big.log"))
    t.check(st.st_size == 30000004 and st.st_blocks * 512 < 12 << 20, "size %d, blocks %d" % (st.st_size, st.st_blocks))
    r = ask(t, "logs", "big")
    t.check(8 << 20 < len(r.out) < 12 << 20 and r.out.endswith(b"end\n"), "%d bytes" % len(r.out))


class Impostor:
    """What a VM that was taken over could answer: `pieces`, one after the other."""
    def __init__(self, t, name, pieces):
        folder = t.path("cay/vm")
        self.socket, self.pieces = socket.socket(socket.AF_UNIX), pieces
        here = os.open(folder, os.O_RDONLY)
        self.socket.bind("/proc/self/fd/%d/.%s" % (here, name))
        self.socket.listen()
        os.rename(os.path.join(folder, "." + name), os.path.join(folder, name))
        os.close(here)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                with self.socket.accept()[0] as c:
                    c.recv(100)
                    for piece in self.pieces():
                        c.sendall(piece)
            except OSError as e:
                if e.errno in (9, 22):
                    return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def drip():
    for _ in range(600):
        time.sleep(0.1)
        yield b" "


ESCAPES = '{"backend":"\u009b5n\u202e","command":["\u009b31m","\\u001b[31m"],"hostname":"\u009b","ports":[{"address":"\u009b%s%n"}],"threads":[{"name":"\u009b"}]}'.encode()
LIES = {
    "escapes": lambda: [ESCAPES],
    "kinds": lambda: [b'{"pid":"x","command":{"a":1},"ports":7,"cpus":[],"uptime_ns":-9223372036854775808,"memory_bytes":1e300,"threads":7,"files":[[]],"sockets":[{"a":[]}]}'],
    "deep": lambda: [b"[" * 1000000],
    "junk": lambda: [bytes(range(256))],
    "nothing": lambda: [],
    "much": lambda: [b"{" + b" " * (20 << 20)],
}


@case(once=True, timeout=90)
def hostile_answers(t):
    """Answers of a VMM that the guest has taken over: no escape codes, no crash, and no waiting for ever."""
    ask(t, "ps")
    for name, pieces in LIES.items():
        with Impostor(t, name, pieces):
            for words in (["ps"], ["ps", "--json"], ["stats", name], ["stats", "--json", name], ["inspect", name], ["inspect", "--json", name]):
                r = ask(t, *words)
                t.check(r.status in (0, 125) and not any(b > 126 or b in (0, 27) for b in r.out + r.err), "%s: %s" % (words, r.describe()))
    with Impostor(t, "slow", drip):
        r = ask(t, "ps")
        t.check(r.status == 0 and b"no answer" in r.out, r.describe())


@case
def asked_while_it_is_stopped(t):
    """Whoever asks a stopped VM and goes stays in its queue: it can be found and ended all the same."""
    with Vm(t, flags=["--name", "v"]) as v:
        os.kill(v.p.pid, signal.SIGSTOP)
        here = os.open(t.path("cay/vm"), os.O_RDONLY)
        for _ in range(50):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect("/proc/self/fd/%d/v" % here)
        os.close(here)
        r = ask(t, "kill", "v")
        t.check((r.status, r.out) == (0, b"v\n") and v.p.wait(60) == -9, r.describe())


@case(once=True)
def planted_logs(t):
    """A fifo in place of a log, or of its exit status, holds nobody."""
    ask(t, "ps")
    os.mkdir(t.path("cay/log"), 0o700)
    for name in ("a.log", "a.exit", "b.exit"):
        os.mkfifo(t.path("cay/log/" + name))
    t.write("cay/log/b.log", b"text\n")
    r = ask(t, "ps", "-a")
    t.check(r.status == 0 and r.out.count(b"killed") == 2, r.describe())
    r = ask(t, "logs", "a")
    t.check(r.status == 125 and r.err.startswith(b"cay: "), r.describe())
    r = ask(t, "logs", "b")
    t.check((r.status, r.out) == (0, b"text\n"), r.describe())
