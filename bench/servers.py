# SPDX-License-Identifier: MIT
"""Debian's servers under load, beside Linux: two VMs on a link beside two processes on loopback, and a VM behind a tap with a native
client beside the native server behind a veth pair (as root). Server and client are the same programs with the same arguments; the
server has one thread, because there are two CPUs; a few rows have two threads in a VM with two CPUs. Rates and latencies are those that the client measured."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

from bench import BENCH, CAY, QUICK, alternate, main, median, result, run
from namespaces import TAP, VETH, Namespaces, possible

HERE = os.path.join(BENCH, "servers")
STATS = os.path.join(HERE, "stats.json")
LINK = ["--net", "link=bench%d" % os.getpid()]
LINK_SERVER = ["--net", LINK[1] + ",ip=10.99.0.100/24"]  # else whoever joins first is .1
ROUNDS = 5
HANGS_S = 60  # no round takes longer
SECONDS = "1" if QUICK else "2"


def count(n):
    return str(n // 10 if QUICK else n)


class Load:
    """A server, what loads it, and at least how many times Linux's rate is promised over a link and behind a tap."""

    def __init__(self, name, server, port, client, read, link, tap, programs, cpus=1):
        self.name, self.server, self.port, self.programs = name, server, port, programs
        self.cpus = cpus      # of the server's VM
        self.client = client  # host -> argv
        self.read = read      # output -> {what was done: (a second, p99 in us or None, how often)}
        self.link, self.tap = link, tap  # tap None: not measured


def redis(pipeline, n, link, tap):
    def read(out):
        # "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
        rows = [[x.strip('"') for x in line.split(",")] for line in out.splitlines() if line.startswith(('"SET"', '"GET"'))]
        return {r[0]: (float(r[1]), float(r[6]) * 1e3, int(count(n))) for r in rows}
    return Load("redis" if pipeline == 1 else "redis, pipeline %d," % pipeline,
                lambda where: ["redis-server", "--port", "17379", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""], 17379,
                lambda host: ["redis-benchmark", "-h", host, "-p", "17379", "-c", "50", "-n", count(n), "-P", str(pipeline),
                              "-t", "set,get", "--csv"], read, link, tap, ("redis-server", "redis-benchmark"))


def memcached(link, tap, threads=1):
    def read(out):
        m = re.search(r"Ops: (\d+) TPS: (\d+)", out)
        return {"operations": (float(m.group(2)), None, int(m.group(1)))}
    name = "memcached" if threads == 1 else "memcached, %d threads," % threads
    return Load(name, lambda where: ["memcached", "-u", "root", "-t", str(threads), "-p", "17211", "-U", "0"], 17211,
                lambda host: ["memcaslap", "-s", host + ":17211", "-T", "1", "-c", "50", "-x", count(100000)], read, link, tap,
                ("memcached", "memcaslap"), threads)


NGINX = """user root; daemon off; worker_processes {workers}; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
 client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
 server {{ listen 17080; listen 17443 ssl; root {here}/www;
  ssl_certificate {here}/cert.pem; ssl_certificate_key {here}/key.pem; }} }}
"""


def nginx(name, url, port, link, tap, workers=1):
    def read(out):
        unit = {"us": 1, "ms": 1e3, "s": 1e6}
        p99, p99_unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", out).groups()
        return {"612-byte page": (float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1)), float(p99) * unit[p99_unit],
                                  int(re.search(r"(\d+) requests in", out).group(1)))}
    return Load(name, lambda where: ["nginx", "-p", HERE, "-c", "%s/nginx-%s-%d.conf" % (HERE, where, workers)], port,
                lambda host: ["wrk", "-t", "1", "-c", "50", "-d", SECONDS, "--latency", url % host], read, link, tap, ("nginx", "wrk"), workers)


def prepare_nginx():
    os.makedirs(HERE + "/www", exist_ok=True)
    os.makedirs(HERE + "/native", exist_ok=True)
    with open(HERE + "/www/index.html", "w") as f:
        f.write("x" * 611 + "\n")
    for where, folder in (("native", HERE + "/native"), ("cay", "/tmp")):
        for workers in (1, 2):
            with open("%s/nginx-%s-%d.conf" % (HERE, where, workers), "w") as f:
                f.write(NGINX.format(dir=folder, here=HERE, workers=workers))
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench", "-days", "2", "-keyout", HERE + "/key.pem",
         "-out", HERE + "/cert.pem"])


LOADS = [
    redis(1, 100000, 3, 1.0),
    redis(16, 500000, 2, 1.2),
    memcached(2, 1.2),
    nginx("nginx", "http://%s:17080/index.html", 17080, 2, 1.2),
    memcached(1, None, threads=2),
    nginx("nginx, 2 workers,", "http://%s:17080/index.html", 17080, 1, None, workers=2),
    nginx("nginx with TLS", "https://%s:17443/index.html", 17443, 0.95, 0.95),
]


class Server:
    """Runs while we measure. prefix: how its clients are started."""

    def __init__(self, argv, prefix, host, port):
        self.argv, self.prefix, self.host = argv, prefix, host
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=BENCH)
        probe = [*prefix, "bash", "-c", "exec 3<>/dev/tcp/%s/%d" % (host, port)]
        for _ in range(100):
            if self.process.poll() is None and subprocess.run(probe, capture_output=True, cwd=BENCH, check=False).returncode == 0:
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("%s does not answer" % " ".join(argv))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def compare(net, load, native, cay, promised):
    """native, cay: of the servers (before their own argv), of the clients, and the server's host."""
    servers, operations = [], 0

    def measure(server):
        return lambda: load.read(run([*server.prefix, *load.client(server.host)], limit=HANGS_S)[1])
    try:
        for where, (before, prefix, host) in (("native", native), ("cay", cay)):
            servers.append(Server([*before, *load.server(where)], prefix, host, load.port))
        n, c = alternate(ROUNDS, *(measure(s) for s in servers))
    finally:
        for s in servers:
            s.stop()
    for what in n[0]:
        name = "%s %s %s" % (net, load.name, what)
        result(name, median([v[what][0] for v in c]), "1/s", "at least %gx Linux" % promised, median([v[what][0] for v in n]),
               at_least=promised)
        if n[0][what][1] is not None:
            result(name + ", p99", median([v[what][1] for v in c]), "us", "", median([v[what][1] for v in n]))
        operations += sum(v[what][2] for v in c)
    with open(STATS) as f:
        exits = sum(v for k, v in json.load(f)["host"].items() if k.startswith("exits"))
    result("%s %s exits per operation" % (net, load.name.rstrip(",")), exits / operations, "1", "",
           note="%d exits of the server's VM, its start and one more round included" % exits)


def have(load):
    missing = [p for p in load.programs if shutil.which(p) is None]
    if missing:
        print("bench: %s: %s not installed (tools/install-deps servers)" % (load.name, ", ".join(missing)), file=sys.stderr)
    return not missing


def benchmark():
    loads = [x for x in LOADS if os.environ.get("CAY_BENCH_ONLY", "") in x.name and have(x)]
    prepare_nginx()
    vm = [CAY, "run", *LINK, "--"]
    for load in loads:
        compare("link", load, ([], [], "127.0.0.1"), ([CAY, "run", "-c", str(load.cpus), *LINK_SERVER, "--stats=" + STATS, "--"], vm,
                                                       "10.99.0.100"), load.link)
    if not possible():
        return
    with Namespaces() as ns:
        for load in (x for x in loads if x.tap is not None):
            compare("tap", load, (ns.in_b, ns.in_a, VETH),
                    ([*ns.in_a, CAY, "run", *ns.card, "--stats=" + STATS, "--"], ns.in_a, TAP), load.tap)


if __name__ == "__main__":
    main(benchmark)
