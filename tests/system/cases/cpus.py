# SPDX-License-Identifier: MIT
"""Several CPUs: what programs are told of them, and programs that use them."""
import os
import shutil

from harness import PYTHON, case

TWO = ["-c", "2"]


@case
def what_programs_are_told(t):
    """nproc, /proc, /sys, affinity, getcpu agree."""
    for n in (1, 2, 3):
        r = t.cay(["/bin/sh", "-c", "nproc; cat /sys/devices/system/cpu/online; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat"], ["-c", str(n)])
        t.check(r.text.split() == [str(n), "0" if n == 1 else "0-%d" % (n - 1), str(n), str(n)], r.describe())
    r = t.cay(["/usr/bin/taskset", "0x2", "/bin/sh", "-c", "nproc; grep Cpus_allowed_list /proc/self/status"], TWO)
    t.check(r.text.split() == ["1", "Cpus_allowed_list:", "1"], r.describe())
    r = t.cay([PYTHON, "-c", """
import os, ctypes
for cpu in (1, 0, 1):
    os.sched_setaffinity(0, {cpu})
    print(os.sched_getaffinity(0), ctypes.CDLL(None).sched_getcpu())
"""], TWO)
    t.check(r.text == "{1} 1\n{0} 0\n{1} 1\n", r.describe())


@case(timeout=60)
def gdb_is_refused(t):
    r = t.cay(["/bin/true"], ["-c", "2", "--gdb", "1"])
    t.check(r.status == 125 and "one virtual CPU" in r.errtext, r.describe())


@case(timeout=120)
def python_threads(t):
    t.same([PYTHON, "-c", """
import threading, queue, hashlib, concurrent.futures as c
with c.ThreadPoolExecutor(4) as p:
    print(sum(p.map(lambda n: int(hashlib.sha256(b'x' * 200000 * n).hexdigest(), 16) % 1000, range(40))))
q, out = queue.Queue(3), []
ts = [threading.Thread(target=lambda: [q.put(i) for i in range(500)]) for _ in range(3)]
for th in ts: th.start()
for _ in range(1500): out.append(q.get())
for th in ts: th.join()
print(sum(out))
"""], flags=TWO)


@case(timeout=120)
def compress(t):
    t.write("data", os.urandom(1 << 20) + b"x" * (1 << 22))
    r = t.cay(["/bin/sh", "-c", "xz -T2 -1 --block-size=500000 -c data | xz -dc | cmp - data && echo same"], TWO)
    t.check(r.text == "same\n", r.describe())


@case(timeout=120)
def processes(t):
    t.same(["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (seq 1 2000 | sort -n | tail -1) & done; wait; seq 1 5000 | sort | md5sum"], flags=TWO)


JAVA = """
import java.util.concurrent.*;
public class Pool {
    public static void main(String[] a) throws Exception {
        ExecutorService ex = Executors.newFixedThreadPool(4);
        java.util.List<Future<Long>> f = new java.util.ArrayList<>();
        for (int i = 0; i < 4; i++) f.add(ex.submit(() -> {
            long s = 0;
            for (int k = 0; k < 200000; k++) { byte[] b = new byte[256]; b[k & 255] = 1; s += b[k & 255]; synchronized (Pool.class) { s++; } }
            return s;
        }));
        long s = 0;
        for (Future<Long> x : f) s += x.get();
        ex.shutdown();
        System.out.println(s);
    }
}
"""


@case(timeout=180)
def java(t):
    if not shutil.which("javac"):
        return t.skip("no javac")
    t.write("Pool.java", JAVA)
    if t.host(["javac", "Pool.java"]).status != 0:
        return t.fail("javac fails on the host")
    for gc in ("-XX:+UseSerialGC", "-XX:+UseParallelGC", "-XX:+UseG1GC"):
        r = t.cay(["/usr/bin/java", gc, "-cp", ".", "Pool"], [*TWO, "-m", "1G"])
        t.check(r.status == 0 and r.text == "1600000\n", "%s: %s" % (gc, r.describe()))


GO = """
package main
import ("fmt"; "runtime"; "sync")
func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	n, ch := 0, make(chan int, 10)
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); for k := 0; k < 20000; k++ { mu.Lock(); n++; mu.Unlock(); if k%100 == 0 { ch <- k } } }()
	}
	go func() { for range ch {} }()
	wg.Wait()
	done := make(chan int)
	go func() { x := 0; for i := 0; i < 100000000; i++ { x ^= i }; done <- x }()
	runtime.GC() // must be able to stop the loop
	fmt.Println(runtime.GOMAXPROCS(0), n, <-done)
}
"""


@case(timeout=180)
def go(t):
    if not shutil.which("go"):
        return t.skip("no go")
    t.write("main.go", GO)
    r = t.host(["go", "build", "-o", "main", "main.go"], env={"CGO_ENABLED": "0", "GOFLAGS": "", "GO111MODULE": "off", "GOCACHE": os.path.join(t.config.build, "tests", "gocache")})
    if r.status != 0:
        return t.fail("go build fails on the host: " + r.describe())
    r = t.cay(["./main"], TWO)
    t.check(r.status == 0 and r.text == "2 160000 0\n", r.describe())


@case(timeout=120)
def node(t):
    if not shutil.which("node"):
        return t.skip("no node")
    t.write("w.js", """
const {Worker, isMainThread, parentPort} = require('worker_threads');
if (isMainThread) { let n = 0; for (let i = 0; i < 4; i++) new Worker(__filename).on('message', m => { if (++n == 4) console.log('done', m); }); }
else { let x = 0; for (let i = 0; i < 1e7; i++) x += i % 7; parentPort.postMessage(x); }
""")
    r = t.cay([shutil.which("node"), "w.js"], TWO)
    t.check(r.status == 0 and r.text == "done 29999994\n", r.describe())


# stressor -> operations that it has to do
STRESS = {"pthread": 200, "mutex": 1000000, "futex": 10, "pipe": 5000, "signal": 2000, "timer": 200, "switch": 2000, "context": 500, "sigsegv": 500,
          "mmap": 1, "brk": 2000, "vm": 4, "fork": 50, "sem": 100, "get": 20, "set": 20, "cpu": 20}
# That one sleeps until its time is over, whatever it has done by then.
SECONDS = {"sem": 2}


def stress(t, name):
    if not os.path.exists("/usr/bin/stress-ng"):
        return t.skip("no stress-ng")
    # Its real-time threads can keep a second process from beginning at all; and it fails when it is done before it has made them all.
    hogs = "1" if name == "mutex" else "2"
    r = t.cay(["/usr/bin/stress-ng", "--" + name, hogs, "--%s-ops" % name, str(STRESS[name]), "--verify", "-t", str(SECONDS.get(name, 10))], TWO)
    t.check(r.status == 0, r.describe())


for stressor in STRESS:
    case(name="stress-" + stressor, timeout=60)(lambda t, stressor=stressor: stress(t, stressor))
