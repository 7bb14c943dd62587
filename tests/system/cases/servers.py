# SPDX-License-Identifier: MIT
"""Debian's servers, unmodified: each with clients that check what it answers, in its own VM over loopback or from the host by way of -p."""
import functools
import http.server
import os
import re
import ssl
import subprocess
import threading

from harness import ENV, PYTHON, case, free_port, popen

# In every script: wait until a port answers.
PRELUDE = "set -e\nawait() { until exec 3<>/dev/tcp/127.0.0.1/$1; do sleep 0.02; done 2>/dev/null; exec 3>&-; }\n"
SBIN = ENV["PATH"] + ":/usr/sbin:/sbin"


def need(t, *programs):
    for p in programs:
        if not any(os.access(os.path.join(d, p), os.X_OK) for d in SBIN.split(":")):
            t.skip("%s is not installed" % p)


def script(t, text, flags=(), **kw):
    """Runs a bash script in a VM, in the case's folder. It must end well."""
    t.write("script.sh", PRELUDE + text)
    r = t.cay(["bash", "script.sh"], flags, env={"PATH": SBIN}, **kw)
    t.check(r.status == 0, r.describe())
    return r


def certificate(t):
    """A certificate authority of its own: cert.pem vouches for localhost and the addresses under which the two sides meet."""
    need(t, "openssl")
    r = t.host(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.0.2.2", "-keyout", "key.pem", "-out", "cert.pem"])
    t.check(r.status == 0, r.describe())


REDIS = """
mkdir /tmp/r && cd /tmp/r
run() { redis-server --port 7000 --appendonly $1 --save 3600 1 >>log 2>&1 & until [ "$(redis-cli -p 7000 ping 2>&1)" = PONG ]; do sleep 0.02; done; }
cli() { redis-cli -p 7000 "$@"; }
finished() { until cli info persistence | grep -q "$1:0"; do sleep 0.02; done; }
run yes
redis-benchmark -p 7000 -n 1000 -c 20 -P 4 -t set,incr,lpush -q >/dev/null
cli set k value; cli bgrewriteaof; finished aof_rewrite_in_progress; cli append k 2; cli shutdown; wait
run yes
echo after AOF: $(cli get k) $(cli get counter:__rand_int__) $(cli llen mylist)
cli shutdown; wait; rm -r appendonlydir
run no
echo after RDB: $(cli get k) $(cli dbsize)
cli set k other; cli bgsave; finished rdb_bgsave_in_progress; echo saved: $(cli info persistence | grep rdb_last_bgsave_status)
kill -9 %% ; wait || true
run no
echo after a crash: $(cli get k); cli shutdown; wait
"""


@case(timeout=60)
def redis_keeps_its_data(t):
    """The append-only file and its rewriting, a snapshot by fork, and both read back."""
    need(t, "redis-server", "redis-benchmark")
    out = script(t, REDIS).text
    for want in ("after AOF: value2 1000 1000", "after RDB: value2 4", "saved: rdb_last_bgsave_status:ok", "after a crash: other"):
        t.check(want in out.replace("\r", ""), "%r in %r" % (want, out))


MEMCACHED = """
import socket
s = socket.create_connection(("127.0.0.1", 7001))
f = s.makefile("rb")
for i in range(200):
    data = bytes([i]) * (i * 37)
    s.sendall(b"set key%d 0 0 %d\\r\\n%s\\r\\n" % (i, len(data), data))
    assert f.readline() == b"STORED\\r\\n"
for i in range(200):
    s.sendall(b"get key%d\\r\\n" % i)
    assert f.readline() == b"VALUE key%d 0 %d\\r\\n" % (i, i * 37)
    assert f.read(i * 37 + 2) == bytes([i]) * (i * 37) + b"\\r\\n" and f.readline() == b"END\\r\\n"
print("all there")
"""


@case(timeout=60)
def memcached_answers(t):
    need(t, "memcached")
    t.write("client.py", MEMCACHED)
    out = script(t, "memcached -u root -p 7001 & await 7001; %s client.py; kill %%1; wait\n" % PYTHON).text
    t.check(out == "all there\n", out)


NGINX = """daemon off; worker_processes 2; pid /tmp/nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http { access_log off; sendfile on; tcp_nopush on; gzip on; gzip_types text/plain; types { text/plain txt; }
 client_body_temp_path /tmp/t1; proxy_temp_path /tmp/t2; fastcgi_temp_path /tmp/t3; uwsgi_temp_path /tmp/t4; scgi_temp_path /tmp/t5;
 server { listen 8080; listen 8443 ssl http2; root FOLDER; ssl_certificate cert.pem; ssl_certificate_key key.pem; } }
"""
HAPROXY = """global
 maxconn 200
defaults
 mode http
 timeout connect 5s
 timeout client 20s
 timeout server 20s
frontend f
 bind 127.0.0.1:8000
 default_backend b
backend b
 server s1 127.0.0.1:8080
 server s2 127.0.0.1:8081
"""
LIGHTTPD = 'server.document-root = "FOLDER"\nserver.port = 8081\nserver.modules = ()\n'
WEB = """
ulimit -n 2000
nginx -c $PWD/nginx.conf & lighttpd -D -f lighttpd.conf & haproxy -db -f haproxy.cfg &
await 8080; await 8081; await 8000
get() { echo "$1:" $(curl -sS --max-time 30 "${@:2}" | sha256sum); }
get nginx http://127.0.0.1:8080/large
get lighttpd http://127.0.0.1:8081/large
get haproxy-1 http://127.0.0.1:8000/large
get haproxy-2 http://127.0.0.1:8000/large
get range -r 1000000- http://127.0.0.1:8080/large
get tls --cacert cert.pem https://localhost:8443/large
get http2 --http2 --cacert cert.pem https://localhost:8443/large
get gzip --compressed http://127.0.0.1:8080/text.txt
get small http://127.0.0.1:8000/small
echo | openssl s_client -connect localhost:8443 -CAfile cert.pem 2>/dev/null | grep "Verify return code"
kill %1 %2 %3; wait
"""


@case(timeout=90)
def web_servers_agree(t):
    """nginx with two workers and TLS, lighttpd, haproxy before both: large files by sendfile, ranges, HTTP/2, compression."""
    need(t, "nginx", "lighttpd", "haproxy", "curl")
    certificate(t)
    data = {"large": os.urandom(4 << 20), "text.txt": b"line\n" * 50000, "small": b"hello\n"}
    for name, content in data.items():
        t.write(name, content)
    for name, text in (("nginx.conf", NGINX), ("lighttpd.conf", LIGHTTPD), ("haproxy.cfg", HAPROXY)):
        t.write(name, text.replace("FOLDER", t.dir))
    t.write("rest", data["large"][1000000:])
    sums = {name: t.host(["sha256sum", name]).text.split()[0] for name in (*data, "rest")}
    out = script(t, WEB).text
    for what, file in (("nginx", "large"), ("lighttpd", "large"), ("haproxy-1", "large"), ("haproxy-2", "large"), ("range", "rest"),
                       ("tls", "large"), ("http2", "large"), ("gzip", "text.txt"), ("small", "small")):
        t.sub(what, "%s: %s" % (what, sums[file]) in out, out)
    t.check("Verify return code: 0 (ok)" in out, out)


class TlsServer:
    """The host's, on its loopback; serves one folder."""

    def __init__(self, folder, cert, key):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@case(timeout=60)
def curl_and_wget_check_certificates(t):
    """Against a TLS server on the host: with its own authority they fetch, without it they refuse."""
    need(t, "curl", "wget")
    certificate(t)
    data = os.urandom(1 << 20)
    t.write("www/file", data)
    with TlsServer(t.path("www"), t.path("cert.pem"), t.path("key.pem")) as server:
        url = "https://10.0.2.2:%d/file" % server.port
        for name, fetch, trust in (("curl", ["curl", "-sS"], ["--cacert", "cert.pem"]), ("wget", ["wget", "-qO-"], ["--ca-certificate=cert.pem"])):
            r = t.cay([*fetch, *trust, url])
            t.sub(name, r.status == 0 and r.out == data, "status %d, %d bytes: %s" % (r.status, len(r.out), r.errtext))
            r = t.cay([*fetch, url])
            t.sub(name + " refuses", r.status != 0 and r.out == b"", r.describe())


NODE = """
require('http').createServer((q, r) => { let n = 0; q.on('data', d => n += d.length); q.on('end', () => r.end(q.url + ' ' + n + '\\n')) }).listen(3000)
"""
GO = """package main
import ("fmt"; "io"; "net/http")
func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { n, _ := io.Copy(io.Discard, r.Body); fmt.Fprintln(w, r.URL.Path, n) })
	http.ListenAndServe(":3000", nil)
}
"""
POST = """
%s & await 3000
for i in 1 2 3; do curl -sS --data-binary @body http://127.0.0.1:3000/$i; done
for i in $(seq 20); do curl -sS http://127.0.0.1:3000/many & done | sort | uniq -c
kill %%1; wait
"""


def check_http(t, command):
    t.write("body", os.urandom(3000000))
    out = script(t, POST % command, ["-m", "1G"]).text.split("\n")
    t.check(out[:3] == ["/%d 3000000" % i for i in (1, 2, 3)] and out[3].split() == ["20", "/many", "0"], repr(out))


@case(timeout=90, once=True)
def node_serves(t):
    need(t, "node", "curl")
    t.write("server.js", NODE)
    check_http(t, "node server.js")


@case(timeout=120, once=True)
def go_serves(t):
    need(t, "go", "curl")
    t.write("server.go", GO)
    r = t.host(["go", "build", "-o", "server", "server.go"], env={"GOCACHE": os.path.join(os.environ.get("TMPDIR", "/tmp"), "cay-test-gocache")})
    t.check(r.status == 0, r.describe())
    check_http(t, "./server")


ASYNCIO = """
import asyncio
async def serve(r, w):
    while line := await r.readline():
        w.write(line.upper())
        await w.drain()
    w.close()
async def client(port, i):
    r, w = await asyncio.open_connection("127.0.0.1", port)
    for j in range(10):
        w.write(b"hello %d %d\\n" % (i, j))
        assert await r.readline() == b"HELLO %d %d\\n" % (i, j)
    w.close()
    await w.wait_closed()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=200)
    await asyncio.gather(*(client(server.sockets[0].getsockname()[1], i) for i in range(100)))
    server.close()
    print("all answered")
asyncio.run(main())
"""


@case(timeout=60)
def asyncio_serves_many(t):
    r = t.cay([PYTHON, "-c", ASYNCIO])
    t.check(r.text == "all answered\n" and r.status == 0, r.describe())


IPERF = """
for how in "" -R "-u -b 50M" "-P 4"; do
	iperf3 -s -1 >/dev/null & await_silently; iperf3 -c 127.0.0.1 -n 20M $how >out || { cat out; exit 1; }
	grep -c receiver out; wait
done
"""


@case(timeout=90, once=True)
def iperf3_and_sockperf_run(t):
    """Both directions, UDP, parallel streams. Only that they run and lose nothing: rates are the benchmarks' subject."""
    need(t, "iperf3", "sockperf")
    # A look at iperf3's port by connecting would be its one test: /proc/net says when it listens.
    wait = "cd /tmp; await_silently() { until grep -q ':1451 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.02; done; }\n"
    out = script(t, wait + IPERF).text
    t.check(out.split() == ["1", "1", "1", "5"], out)
    out = script(t, "sockperf sr --tcp -i 127.0.0.1 -p 6000 >/dev/null & await 6000\n"
                    "sockperf pp --tcp -i 127.0.0.1 -p 6000 -t 1; kill %1; wait || true\n").text
    t.check(re.search(r"sockperf: .*percentile 99.000", out), out)
    t.check("dropped messages = 0" in out, out)


SSHD = """Port 2222
HostKey FOLDER/host_key
AuthorizedKeysFile FOLDER/user_key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
"""


@case(timeout=60)
def ssh_enters_the_vm(t):
    """sshd in the VM, ssh on the host through a published port: a key, a command, a terminal, data in both directions."""
    need(t, "sshd", "ssh", "ssh-keygen")
    if os.geteuid() != 0:
        t.skip("sshd lets nobody but its own user in unless it is root")
    for key in ("host_key", "user_key"):
        t.host(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", t.path(key)])
    t.write("sshd.conf", SSHD.replace("FOLDER", t.dir))
    t.write("shadow", "root:*:19000:0:99999:7:::\n")  # cay shares no passwords; without an entry the account counts as locked
    port = free_port()
    data = os.urandom(2000000)
    server = popen(t.cay_argv(["sh", "-c", "mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f %s" % t.path("sshd.conf")],
                              ["--hostname", "inside", "-p", "%d:2222" % port, "-v", t.path("shadow") + ":/etc/shadow:ro"]),
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=t.dir)
    ssh = ["ssh", "-F", "none", "-p", str(port), "-i", t.path("user_key"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
           "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    try:
        while b"listening on" not in server.stderr.readline():
            pass
        threading.Thread(target=server.stderr.read, daemon=True).start()
        r = t.host([*ssh, "root@127.0.0.1", "uname -n; exit 7"])
        t.sub("command", r.text == "inside\n" and r.status == 7, r.describe())
        r = t.host([*ssh, "-tt", "root@127.0.0.1", "tty; stty -echo; read x; echo got $x"], stdin=b"typed\n")
        t.sub("terminal", "/dev/pts/0" in r.text and "got typed" in r.text, r.describe())
        r = t.host([*ssh, "root@127.0.0.1", "cat"], stdin=data)
        t.sub("data", r.out == data, "%d of %d bytes, status %d %s" % (len(r.out), len(data), r.status, r.errtext))
        r = t.host([*ssh, "-i", t.path("host_key"), "-o", "IdentitiesOnly=yes", "nobody@127.0.0.1", "true"])
        t.sub("refusal", r.status == 255 and "Permission denied" in r.errtext, r.describe())
    finally:
        server.kill()
        server.wait()


DNS = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
for attempt in range(50):
    s.sendto(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\\1x\\4test\\0" + struct.pack(">HH", 1, 1), ("127.0.0.1", 5353))
    try:
        print(socket.inet_ntoa(s.recv(512)[-4:]))
        break
    except OSError:  # nobody there yet
        pass
"""


@case(timeout=60)
def dnsmasq_answers(t):
    """It asks netlink for a dump with an acknowledgement, which then must not come."""
    need(t, "dnsmasq")
    t.write("client.py", DNS)
    out = script(t, "dnsmasq -k --no-resolv --no-hosts --port 5353 --address=/x.test/10.1.2.3 --user= --pid-file= 2>/dev/null &\n"
                    "%s client.py; kill %%1; wait\n" % PYTHON).text
    t.check(out == "10.1.2.3\n", out)


POSTGRES = """
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
on="-h 127.0.0.1 -p 5433 -U postgres"
start() { pg_ctl -D /tmp/pg -w -o "-k /tmp -h 127.0.0.1 -p 5433" -l /tmp/pg.log start >/dev/null || { cat /tmp/pg.log; exit 1; }; }
initdb -D /tmp/pg -A trust -U postgres --no-sync >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log; exit 1; }
start
createdb $on b
pgbench $on -q -i -s 1 b >/dev/null 2>&1
pgbench $on -c 4 -t 50 b 2>/dev/null | grep -E "actually processed|failed"
pg_ctl -D /tmp/pg -w -m immediate stop >/dev/null
start
psql $on -Atc "select 'rows', count(*) from pgbench_accounts" b
psql $on -Atc "select 'balanced', (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers), count(*) from pgbench_history" b
pg_ctl -D /tmp/pg -w -m fast stop >/dev/null
"""


@case(timeout=90, once=True)
def postgresql_runs_pgbench(t):
    """Over TCP, with a crash and its recovery."""
    if not os.path.isdir("/usr/lib/postgresql"):
        t.skip("postgresql is not installed")
    out = script(t, POSTGRES, ["-u", "1000:1000", "-m", "1G"]).text
    for want in ("processed: 200/200", "failed transactions: 0", "rows|100000", "balanced|t|200"):
        t.check(want in out, "%r in %r" % (want, out))


IDLE = """
import socket, sys, time
host, n = sys.argv[1], int(sys.argv[2])
def free():
    with open("/proc/meminfo") as f:
        return [int(line.split()[1]) for line in f if line.startswith("MemFree:")][0]
request = b"GET /small HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
for attempt in range(400):
    try:
        socket.create_connection((host, 8080)).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.02)
all = [socket.create_connection((host, 8080)) for _ in range(n // 10)]
before = free()
all += [socket.create_connection((host, 8080)) for _ in range(n - n // 10)]
used = (before - free()) * 1024 // (n - n // 10)
for s in all[:: n // 100]:
    s.sendall(request)
print(sum(s.recv(4096).endswith(b"hello\\n") for s in all[:: n // 100]), "of", len(all), "asked")
print(used)
"""
IDLE_NGINX = """daemon off; worker_processes 1; worker_rlimit_nofile 12000; pid /tmp/nginx.pid; error_log stderr crit;
events { worker_connections 11000; }
http { access_log off; keepalive_timeout 600; client_header_timeout 600;
 client_body_temp_path /tmp/t1; proxy_temp_path /tmp/t2; fastcgi_temp_path /tmp/t3; uwsgi_temp_path /tmp/t4; scgi_temp_path /tmp/t5;
 server { listen 8080 backlog=4096; root FOLDER; } }
"""


@case(timeout=100, once=True)
def nginx_keeps_10000_idle_connections(t):
    """
    From one VM to another over a link; a hundred of them are then asked for a page. On the client's side each takes at most 4 KiB
    of kernel memory, and less than one of Python's; bench/net.py measures both sides without Python.
    """
    need(t, "nginx")
    t.write("small", b"hello\n")
    t.write("nginx.conf", IDLE_NGINX.replace("FOLDER", t.dir))
    link = "link=idle%d" % os.getpid()
    env = {**os.environ, "XDG_RUNTIME_DIR": t.dir}
    server = popen(t.cay_argv(["nginx", "-c", t.path("nginx.conf")], ["--net", link + ",ip=10.99.0.100/24"]), stdin=subprocess.DEVNULL,
                   cwd=t.dir, env=env)
    try:
        client = subprocess.run(t.cay_argv(["sh", "-c", 'ulimit -n 12000; exec "$@"', "sh", PYTHON, "-c", IDLE, "10.99.0.100", "10000"],
                                           ["--net", link]), capture_output=True, cwd=t.dir, env=env, timeout=90, check=False)
        asked, _, used = client.stdout.decode().partition("\n")
        t.check(asked == "100 of 10000 asked" and int(used) <= 5 * 1024, "%r %r" % (client.stdout, client.stderr))
        t.check(server.poll() is None, "nginx is still there")
    finally:
        server.kill()
        server.wait()
