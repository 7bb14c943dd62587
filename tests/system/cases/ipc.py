# SPDX-License-Identifier: MIT
"""Ways of talking to each other, under load and checked: stress-ng's stressors with --verify. What each call does: tests/guest/."""
import os

from harness import PYTHON, case

# stressor -> operations that it has to do
STRESS = {"sem-sysv": 20000, "shm-sysv": 4, "msg": 2000, "mq": 500, "shm": 1, "pty": 1, "inotify": 200, "sockpair": 500, "eventfd": 200}


def stress(t, name):
    if not os.path.exists("/usr/bin/stress-ng"):
        return t.skip("no stress-ng")
    r = t.cay(["/usr/bin/stress-ng", "--" + name, "1", "--%s-ops" % name, str(STRESS[name]), "--verify", "-t", "10", "--temp-path", "/tmp"])
    t.check(r.status == 0, r.describe())


for stressor in STRESS:
    case(name="stress-" + stressor, timeout=60)(lambda t, stressor=stressor: stress(t, stressor))


@case
def wild_pointers_to_every_call(t):
    if not os.path.exists("/usr/bin/stress-ng"):
        return t.skip("no stress-ng")
    r = t.cay(["/usr/bin/stress-ng", "--sysbadaddr", "1", "-t", "3", "--verify", "--temp-path", "/tmp"])
    t.check(r.status == 0, r.describe())


@case
def python_multiprocessing(t):
    t.write("m.py", """
import multiprocessing as m, multiprocessing.shared_memory as sm
def work(q, lock, i):
    with lock: q.put(i * i)
if __name__ == "__main__":
    q, lock = m.Queue(), m.Lock()
    ps = [m.Process(target=work, args=(q, lock, i)) for i in range(4)]
    [p.start() for p in ps]; print(sorted(q.get() for _ in ps)); [p.join() for p in ps]
    a = sm.SharedMemory(create=True, size=4096); a.buf[0] = 7; b = sm.SharedMemory(name=a.name); print(b.buf[0]); b.close(); a.close(); a.unlink()
    with m.Pool(2) as pool: print(pool.map(abs, [-1, -2, 3]))
""")
    t.same([PYTHON, "m.py"])


@case
def sysvipc_tools(t):
    r = t.cay(["sh", "-c", "ipcmk -M 4096 >/dev/null && ipcmk -S 3 >/dev/null && ipcmk -Q >/dev/null && ipcs | grep -c '^0x[0-9a-f]* *0 '"])
    t.check(r.text == "3\n", r.describe())
