# SPDX-License-Identifier: MIT
"""Programs that start others: shells, make and gcc, python3, perl, find, xargs, git; and what bounds them."""
import glob
import os
import re
import shutil

from harness import PYTHON, case

SCRIPT = r"""
set -e
echo one two three | tr ' ' '\n' | sort -r | { read a; read b; echo "$a $b"; }
x=$(echo nested $(echo deeper | tr a-z A-Z)); echo "$x"
(cd /; pwd; exit 4) || echo "status $?"
trap 'echo bye' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
i=0; while [ $i -lt 20 ]; do /bin/true || exit 9; i=$((i + 1)); done
echo $i
sh -c 'kill -9 $$' || echo "killed $?"
{ sleep 0.01; echo background; } & wait $!
cat <<END | wc -l
a
b
END
seq 1000 | grep 7 | head -n 3
"""


@case
def dash_script(t):
    t.same(["/bin/dash", "-c", SCRIPT], expect=0)


@case(once=True)
def load_average(t):
    """One look in 5 seconds: a program that computes shows up by then."""
    r = t.cay(["/bin/dash", "-c", "while read a rest < /proc/loadavg && [ $a = 0.00 ]; do :; done; echo busy"])
    t.check(r.text == "busy\n", r.describe())


@case
def bash_script(t):
    t.same(["/bin/bash", "-c", SCRIPT + r"""
set +e
diff <(seq 3) <(seq 4); echo "diff $?"
coproc tr a-z A-Z; echo coprocess >&${COPROC[1]}; exec {COPROC[1]}>&-; cat <&${COPROC[0]}
for n in 3 1 2; do (exit $n) & done; wait -n; wait; echo waited
a=(); while read -r l; do a+=("$l"); done < <(printf '%s\n' x y z); echo "${#a[@]} ${a[*]}"
set -o pipefail; false | true; echo "pipe $? ${PIPESTATUS[*]}"
exec 5> >(cat); echo through >&5; exec 5>&-; wait
(ulimit -n 20; ulimit -n)
"""], expect=0, normalize=lambda text: re.sub(rb"(line \d+:) +\d+ Killed", rb"\1 PID Killed", text))


@case
def first_program_ends_all(t):
    """Those it leaves behind end with it, and its status is the VM's."""
    r = t.cay(["/bin/sh", "-c", "sleep 1000 & (sleep 1000 & ) ; exit 3"])
    t.check(r.status == 3, r.describe())


@case
def orphans_are_reaped(t):
    """A zombie would keep its name; the case times out if one stays."""
    r = t.cay(["/bin/sh", "-c", "(true & true &); (sh -c 'true & exec sleep 0.01' &)\n"
               "while cat /proc/[0-9]*/comm 2>/dev/null | grep -qx -e true -e sleep; do :; done; echo gone"])
    t.check(r.status == 0 and r.text == "gone\n", r.describe())


@case
def orphans_of_an_init(t):
    """--init=false: process 1 is told of processes that lost their parent, and waits for them."""
    prog = ("import os, signal\ngot = []\nsignal.signal(signal.SIGCHLD, lambda *a: got.append(1))\nr, w = os.pipe()\npid = os.fork()\n"
            "if pid == 0:\n    if os.fork() == 0:\n        os.read(r, 1)\n        os._exit(7)\n    os._exit(0)\nos.waitpid(pid, 0)\n"
            "n = len(got)\nos.write(w, b'x')\nwith_status = [os.waitstatus_to_exitcode(s) for p, s in [os.wait()] if p != pid]\n"
            "print(with_status, len(got) > n)\n")
    r = t.cay([PYTHON, "-c", prog], ["--init=false"])
    t.check((r.status, r.text) == (0, "[7] True\n"), r.describe())
    r = t.cay([PYTHON, "-c", prog], ["--init"])
    t.check(r.status == 1 and "No child processes" in r.errtext, r.describe())
    t.our_error(t.cay(["true"], ["--init=maybe"]), 125)


@case(timeout=120)
def make_and_gcc(t):
    """A C project built by make -j2 in the VM: the same files as on the host, byte for byte."""
    if not shutil.which("gcc") or not shutil.which("make"):
        t.skip("gcc or make is not installed")
    parts = ["alpha", "beta", "gamma"]
    for n, part in enumerate(parts):
        t.write(part + ".c", '#include <stdio.h>\n#include "all.h"\nint %s(int a) { printf("%s %%d\\n", a); return a * %d; }\n' % (part, part, n + 2))
    t.write("all.h", "".join("int %s(int a);\n" % p for p in parts))
    t.write("main.c", '#include "all.h"\nint main(void) { return %s; }\n' % " + ".join("%s(1)" % p for p in parts))
    t.write("Makefile", "program: alpha.o beta.o gamma.o main.o\n\tgcc -o $@ $^\n%.o: %.c all.h\n\tgcc -O2 -g0 -c $< -o $@\n"
            "clean:\n\trm -f *.o program\n")
    files = ["program"] + [p + ".o" for p in parts]
    r = t.cay(["/usr/bin/make", "-s", "-j2"], ["-v", "%s:%s" % (t.dir, t.dir), "-w", t.dir])
    t.check(r.status == 0, r.describe())
    built = {}
    for f in files:
        if os.path.exists(t.path(f)):
            with open(t.path(f), "rb") as b:
                built[f] = b.read()
    t.host(["/usr/bin/make", "-s", "clean"])
    t.host(["/usr/bin/make", "-s", "-j2"])
    for f in files:
        with open(t.path(f), "rb") as b:
            t.check(built.get(f) == b.read(), "%s is what the host builds" % f)
    t.same(["./program"], expect=9)


@case(timeout=90)
def python_processes(t):
    t.write("p.py", r"""
import concurrent.futures, multiprocessing as mp, os, signal, subprocess, sys
def square(x): return x * x
def die(): os.kill(os.getpid(), signal.SIGTERM)
if __name__ == "__main__":
    print(subprocess.run(["cat"], input=b"through a pipe", capture_output=True))
    print(subprocess.check_output("echo $((6 * 7)); exit 0", shell=True))
    p = subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(sys.stdin.read() != 'x')"], stdin=subprocess.PIPE)
    p.communicate(b"x"); print(p.returncode)
    try: subprocess.run(["sleep", "100"], timeout=0.1)
    except subprocess.TimeoutExpired: print("timeout")
    try: subprocess.run(["/no/such/program"])
    except FileNotFoundError as e: print(e.strerror)
    with concurrent.futures.ProcessPoolExecutor(3) as e: print(sum(e.map(square, range(100))))
    for method in ("fork", "spawn", "forkserver"):
        c = mp.get_context(method)
        with c.Pool(2) as pool: print(method, pool.map(square, [1, 2, 3]))
    p = mp.Process(target=die); p.start(); p.join(); print(p.exitcode)
    v = mp.Value("i", 0)
    def add():
        for _ in range(200):
            with v.get_lock(): v.value += 1
    ps = [mp.Process(target=add) for _ in range(4)]
    [p.start() for p in ps]; [p.join() for p in ps]; print(v.value)
    r, w = os.pipe()
    if os.fork() == 0: os.write(w, b"child"); os._exit(5)
    print(os.read(r, 10), os.waitstatus_to_exitcode(os.wait()[1]), os.system("exit 6") >> 8)
    sys.stdout.flush()
    os.execv("/bin/echo", ["echo", "the end"])
""")
    t.same([PYTHON, "p.py"], expect=0, stderr=False)  # python3 itself warns there now and then


@case
def perl_find_xargs(t):
    t.same(["/usr/bin/perl", "-e", 'print `echo out`; print system("/bin/sh", "-c", "exit 3") >> 8, "\\n"; $SIG{CHLD} = sub { print "chld\\n"; };'
            'my $p = fork; exit 7 if $p == 0; waitpid $p, 0; print $? >> 8, "\\n"; $SIG{CHLD} = "DEFAULT"; open(F, "-|", "seq 3"); print <F>; close F;'
            '$p = open(W, "|-", "tr a-z A-Z") or die; print W "upper\\n"; close W;'], expect=0)
    for name in "abc":
        t.write("d/%s.txt" % name, name * 10)
    t.same(["/bin/sh", "-c", r"find d -name '*.txt' -exec wc -c {} \; | sort; find d -type f -exec cat {} +; echo; "
            "seq 40 | xargs -P 4 -n 3 echo | wc -w; seq 5 | xargs -I% sh -c 'echo item %'"], expect=0)


@case(timeout=90)
def git_in_a_shared_folder(t):
    if not shutil.which("git"):
        t.skip("git is not installed")
    os.mkdir(t.path("repo"))
    script = r"""cd repo && git init -q -b main . && git config user.email a@b && git config user.name A && git config gc.auto 0 &&
for i in 1 2 3; do echo "line $i" >> file; git add file; git commit -qm "commit $i"; done
git checkout -q -b side HEAD~1; echo other > other; git add .; git commit -qm side; git merge -q main -m merge; git log --format=%s; git fsck; git status --short"""
    env = {"GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z", "HOME": t.dir}
    r = t.cay(["/bin/sh", "-c", script + "; git rev-parse HEAD"], ["-v", "%s:%s" % (t.dir, t.dir), "-w", t.dir], env=env)
    shutil.rmtree(t.path("repo"))
    os.mkdir(t.path("repo"))
    want = t.host(["/bin/sh", "-c", script + "; git rev-parse HEAD"], env=env)
    t.check(r.status == 0 and r.out == want.out, "%s, the host: %s" % (r.describe(), want.describe()))


@case(timeout=120)
def fork_bomb(t):
    """It meets a limit; who forked goes on living, and so does the VM."""
    r = t.cay([PYTHON, "-c", r"""
import os, signal
n = 0
try:
    while True:
        if os.fork() == 0: signal.pause()
        n += 1
except OSError as e: print("stopped", n > 20, e.errno in (11, 12))
os.kill(-1, signal.SIGKILL)  # all but the first process and oneself, which are the same here
for _ in range(n): os.wait()
print("alive", os.system("true"))
"""], ["-m", "128M"])
    t.check(r.text == "stopped True True\nalive 0\n", r.describe())


@case(timeout=120)
def greediest_is_killed(t):
    """Memory that is shared by fork, written by all: somebody has to go, with one line, and not the parent."""
    r = t.cay([PYTHON, "-c", r"""
import os, signal
block = bytearray(80 << 20)
pids = []
for i in range(2):
    pid = os.fork()
    if pid == 0:
        for j in range(0, len(block), 4096): block[j] = 1
        os.kill(os.getpid(), signal.SIGSTOP)  # and keep it
    pids.append(pid)
for p in pids: os.waitpid(p, os.WUNTRACED)  # stopped, or killed already
print("the parent lives")
"""], ["-m", "192M"])
    t.check(r.status == 0 and r.text == "the parent lives\n", r.describe())
    lines = r.errtext.splitlines()
    t.check(lines and all(re.fullmatch(r"cay: out of memory: python3 \(process \d+\) is killed, .*", l) for l in lines), r.describe())


@case
def proc_of_others(t):
    r = t.cay(["/bin/sh", "-c", "sleep 100 & tr '\\0' ' ' < /proc/$!/cmdline; echo; readlink /proc/$!/exe; grep -E '^(PPid|State)' /proc/$!/status; "
               "kill $!; wait $!; echo $?; test -e /proc/$! || echo gone"])
    t.check(re.fullmatch(r"(sleep 100|/bin/sh.*|sh.*) \n\S+\nState:\t\S \(\w+\)\nPPid:\t1\n143\ngone\n", r.text) is not None, r.describe())


@case(timeout=120)
def killed_anywhere(t):
    """Processes killed while they compute, sleep, read, wait, exec or write leave nothing behind."""
    t.write("victims.py", r"""
import os, random, select, signal, socket, subprocess, threading, time
def free():
    # Those whose parent was killed end a moment later.
    while [d for d in os.listdir("/proc") if d.isdigit()] != ["1"]: time.sleep(0.01)
    return int(open("/proc/meminfo").read().split("MemFree:")[1].split()[0])
def victim(kind):
    r, w = os.pipe()
    if kind == 0: os.read(r, 1)
    if kind == 1:
        while True: pass
    if kind == 2: time.sleep(100)
    if kind == 3:
        memory = bytearray(1 << 20)
        select.select([r], [], [])
    if kind == 4:
        threads = [threading.Thread(target=os.read, args=(r, 1)) for _ in range(3)]
        [x.start() for x in threads]
        threads[0].join()
    if kind == 5: os.execv("/bin/sleep", ["sleep", "100"])
    if kind == 6:
        if os.fork() == 0: os._exit(0)
        os.wait()
    if kind == 7:
        a, b = socket.socketpair()
        a.send(b"x" * 1000)
        subprocess.run(["/bin/true"])
    if kind == 8: os.write(w, b"x" * 70000)
def rounds(n):
    for i in range(n):
        pid = os.fork()
        if pid == 0:
            try: victim(i % 9)
            finally: os._exit(0)
        time.sleep(random.random() * 0.004)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return free()
random.seed(1)
before = rounds(45)
print(before - rounds(90) < 1024)
""")
    r = t.cay([PYTHON, "victims.py"], ["-c", "2"])
    t.check(r.status == 0 and r.text == "True\n", r.describe())


@case(timeout=150)
def postgresql(t):
    """initdb, a server with its helper processes and shared memory, a session over a Unix socket, a clean end."""
    bins = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not bins:
        t.skip("PostgreSQL is not installed")
    r = t.cay(["/bin/sh", "-c", r"""P=$1
$P/initdb -D /tmp/pg -A trust -U me > /tmp/init || { cat /tmp/init; exit 1; }
$P/pg_ctl -w -D /tmp/pg -o "-k /tmp -c listen_addresses=" -l /tmp/log start > /dev/null || { cat /tmp/log; exit 2; }
$P/psql -qAt -h /tmp -U me postgres -c "create table t as select g, md5(g::text) from generate_series(1, 20000) g" -c "select count(*), max(md5) from t"
$P/pg_ctl -D /tmp/pg -m fast stop""", "sh", bins[-1]], ["-m", "1G", "-u", "65534:65534"])
    t.check(r.status == 0 and re.match(r"20000\|[0-9a-f]{32}\n.*server stopped\n", r.text, re.S) is not None, r.describe())
