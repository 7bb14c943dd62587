# SPDX-License-Identifier: MIT
"""Interpreters and databases of Debian: python3, perl, lua, sqlite3, jq."""
from harness import PYTHON, case


@case
def python_library(t):
    """Modules of the standard library the issue names, and some."""
    for prog in (
        "import json; print(json.dumps(json.loads('{\"a\": [1, 2.5, null, \"\\u2603\"]}'), sort_keys=True))",
        "import re; print(re.sub(r'(\\w+) (\\w+)', r'\\2 \\1', 'hello world'), re.findall('a+', 'aabaaa' * 1000)[-1])",
        "import zlib; d = bytes(range(256)) * 4000; c = zlib.compress(d, 9); print(len(c), zlib.crc32(zlib.decompress(c)))",
        "import decimal; decimal.getcontext().prec = 500; print(decimal.Decimal(2).sqrt())",
        "import hashlib; print([hashlib.new(n, b'x' * 100000).hexdigest() for n in ('md5', 'sha1', 'sha256', 'sha512', 'blake2b', 'sha3_256')])",
        "import bz2, lzma; d = b'abc' * 100000; print(len(bz2.compress(d)), len(lzma.compress(d)), lzma.decompress(lzma.compress(d)) == d)",
        "import datetime, zoneinfo; print(datetime.datetime.fromtimestamp(1.7e9, zoneinfo.ZoneInfo('Europe/Berlin')))",
        "import collections, itertools, functools, heapq; print(collections.Counter('mississippi'), list(itertools.permutations(range(4)))[-1])",
        "import struct, array, math, random; random.seed(5); print(struct.pack('<dI', math.pi, 7), random.random(), array.array('d', [1.5]).tobytes())",
        "import csv, io, configparser, textwrap, string; print(list(csv.reader(io.StringIO('a,\"b,c\"\\n1,2\\n'))))",
        "import xml.etree.ElementTree as e; print(e.tostring(e.fromstring('<a><b x=\"1\">t</b></a>')))",
        "import tempfile, os; f = tempfile.NamedTemporaryFile(); f.write(b'x' * 12345); f.flush(); print(os.path.getsize(f.name))",
        "import tarfile, zipfile, io; b = io.BytesIO(); z = zipfile.ZipFile(b, 'w', 8); z.writestr('n', 'x' * 10000); z.close(); print(zipfile.ZipFile(b).read('n')[:3])",
        "import ctypes; print(ctypes.CDLL(None).strlen(b'four'), ctypes.CDLL('libm.so.6').abs(-3))",
        "import platform, sys; print(platform.system(), platform.machine(), sys.byteorder, sys.maxsize)",
        "import unicodedata, locale, gettext, codecs; print(unicodedata.name('\u2603'), codecs.encode('x', 'rot13'), '\u00e4'.encode('utf-16'))",
        "import ssl, secrets, uuid; print(len(secrets.token_bytes(32)), ssl.OPENSSL_VERSION, uuid.uuid5(uuid.NAMESPACE_DNS, 'x'))",
        "import time; a = time.monotonic(); time.sleep(0.05); b = time.monotonic(); print(0.05 <= b - a, abs(time.time() - time.clock_gettime(0)) < 1)",
        "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: print('alarm'))\nsignal.setitimer(0, 0.02)\nsignal.pause()",
        "import resource, gc; print(resource.getrlimit(resource.RLIMIT_CORE)[0] <= 2**63, gc.collect() >= 0)",
        "import mmap; m = mmap.mmap(-1, 100000); m[99999] = 7; print(m[99999], len(m)); f = open('/etc/passwd', 'rb'); print(mmap.mmap(f.fileno(), 0, prot=1)[:4])",
        "import pickle, copy, dataclasses, enum, typing, fractions, statistics; print(fractions.Fraction(1, 3) + 1, statistics.stdev([1, 2, 4]))",
        "raise SystemExit(9)",
        "1/0",
        "def f(): f()\ntry: f()\nexcept RecursionError: print('deep')",
    ):
        t.same([PYTHON, "-c", prog])


@case
def python_sqlite(t):
    t.same([PYTHON, "-c", """
import sqlite3
c = sqlite3.connect('db.sqlite')
c.execute('create table t (k integer primary key, v text)')
with c: c.executemany('insert into t values (?, ?)', ((i, str(i * i)) for i in range(20000)))
print(c.execute('select count(*), sum(k), max(v) from t').fetchall())
c.execute('pragma journal_mode=wal')
with c: c.execute('delete from t where k % 3 = 0')
print(c.execute('select count(*) from t').fetchone(), c.execute('pragma integrity_check').fetchone())
c.close()
import os
print(sorted(os.listdir('.')))
"""])


@case
def python_asyncio(t):
    t.same([PYTHON, "-c", """
import asyncio
async def worker(n, q):
    for i in range(50):
        await asyncio.sleep(0.0001 * n)
        await q.put(n)
async def main():
    q = asyncio.Queue()
    await asyncio.gather(*(worker(i, q) for i in range(10)))
    print(q.qsize())
    try: await asyncio.wait_for(asyncio.sleep(10), 0.02)
    except asyncio.TimeoutError: print('timeout')
    r = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, r.set)
    await r.wait(); print('event')
asyncio.run(main())
"""])


@case
def python_threads(t):
    t.same([PYTHON, "-c", """
import threading, queue, concurrent.futures as f
q = queue.Queue()
ts = [threading.Thread(target=lambda i=i: [q.put(i) for _ in range(100)]) for i in range(8)]
[x.start() for x in ts]; [x.join() for x in ts]
print(q.qsize())
with f.ThreadPoolExecutor(4) as p: print(sum(p.map(lambda x: x * x, range(1000))))
l = threading.Lock(); n = 0
def add():
    global n
    for _ in range(10000):
        with l: n += 1
ts = [threading.Thread(target=add) for _ in range(4)]
[x.start() for x in ts]; [x.join() for x in ts]
print(n)
e = threading.Event(); threading.Timer(0.02, e.set).start(); print(e.wait(5))
"""])


@case
def python_compiles_a_tree(t):
    """Hundreds of files read, parsed and written."""
    t.same([PYTHON, "-c", """
import compileall, shutil, glob
shutil.copytree('/usr/lib/python3.11/json', 'json'); shutil.copytree('/usr/lib/python3.11/asyncio', 'asyncio')
print(compileall.compile_dir('.', quiet=1), len(glob.glob('**/*.pyc', recursive=True)))
"""])


@case
def python_from_stdin(t):
    t.same([PYTHON, "-"], stdin=b"print('from stdin')\nimport sys\nprint(sys.stdin.read())\n")


@case
def perl(t):
    p = t.need("perl")
    for prog in ('print join(",", map { $_ ** 2 } 1..10), "\\n"', '$_ = "x" x 1000000; s/x/yy/g; print length, "\\n"',
                 'my %h; $h{$_ % 97}++ for 1..100000; print scalar(keys %h), "\\n"; exit 4',
                 'open(F, ">", "f") or die; print F "a\\nb\\n"; close F; open(F, "f"); print reverse <F>; unlink "f"; print -e "f" ? 1 : 0, "\\n"',
                 'use POSIX; print floor(-1.5), " ", strftime("%Y", gmtime(0)), "\\n"; $SIG{ALRM} = sub { print "alarm\\n"; exit 0 }; alarm 1; sleep 5',
                 'use List::Util qw(sum); use Data::Dumper; $Data::Dumper::Sortkeys = 1; print Dumper({a => [1, sum(1..4)]})', 'die "dead\\n"'):
        t.same([p, "-e", prog])


@case
def lua(t):
    p = t.need("lua5.4")
    for prog in ("local t = {} for i = 1, 100000 do t[i] = i * 2 end print(#t, t[777])", "print(string.format('%q %5.2f', 'a\\nb', 3.14159), ('x'):rep(10))",
                 "local f = io.open('f', 'w') f:write('hello') f:close() for l in io.lines('f') do print(l) end os.remove('f') os.exit(6)",
                 "local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(c(), c(), c())", "error('bad')"):
        t.same([p, "-e", prog])


@case
def sqlite_on_a_file(t):
    p = t.need("sqlite3")
    t.same([p, "f.db"], stdin=b"""create table t(a, b);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) insert into t select i, 'row ' || i from n;
create index ti on t(b);
select count(*), sum(a) from t;
begin; delete from t where a % 2; rollback;
select count(*) from t where b like 'row 1%';
pragma journal_mode = wal;
update t set b = upper(b);
select b from t where a = 31337;
vacuum;
pragma integrity_check;
.schema
""", timeout=90)


@case
def jq(t):
    p = t.need("jq")
    t.write("d.json", '{"items": [%s]}' % ",".join('{"id": %d, "tag": "t%d"}' % (i, i % 7) for i in range(20000)))
    t.same([p, "-c", ".items | group_by(.tag) | map({t: .[0].tag, n: length, s: (map(.id) | add)})", "d.json"])
    t.same([p, ".", "-"], stdin=b'{"a":')


@case
def gawk_bc_shells(t):
    t.same(["mawk", "BEGIN { for (i = 0; i < 300000; i++) s += i * i; print s }"])
    t.same(["/bin/dash", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo $i; exit 3"])
    t.same(["/bin/bash", "-c", "declare -A a; for i in {1..500}; do a[$((i % 10))]=$i; done; echo ${a[3]} ${#a[@]}; exit 4"])
