# SPDX-License-Identifier: MIT
"""Python's own tests (libpython3.11-testsuite), modules that need neither threads, processes nor sockets.

Each group of modules runs in one VM and once on the host; what the host passes the VM must pass. Modules and single
tests that differ for a known reason are in python-expected.txt beside this folder.
"""
import os
import re

from harness import PYTHON, case

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = {
    "numbers": "int float complex long math cmath decimal fractions statistics random numeric_tower bool bigmem_skip".split()[:-1],
    "text": "str unicode_file_skip re string textwrap unicodedata format fstring bytes codecs stringprep difflib".split(),
    "containers": "list tuple dict set collections deque heapq bisect array itertools functools operator ordered_dict weakset".split(),
    "files": "fileio file io_skip os_skip tempfile_skip shutil_skip posixpath genericpath glob fnmatch stat filecmp linecache".split(),
    "data": "json pickle_skip struct csv configparser base64 binascii quopri uu plistlib tomllib xml_etree".split(),
    "packing": "zlib gzip bz2 lzma_skip zipapp tarfile_skip hashlib hmac crypt secrets_skip".split(),
    "language": "grammar generators class descr_skip decorators exceptions scope with syntax compile unpack augassign contextlib dataclasses enum".split(),
    "time": "time_skip datetime_skip calendar strptime sched_skip timeit".split(),
    "runtime": "gc weakref_skip sys_skip copy copyreg types typing abc inspect_skip ast_skip dis tokenize keyword".split(),
    "database": "sqlite3_skip dbm_dumb shelve mmap select_skip memoryio userdict userlist".split(),
}


def modules(group):
    """Names ending in _skip document what was looked at and left out; see python-expected.txt."""
    return ["test_" + m for m in GROUPS[group] if not m.endswith("_skip")]


def expected():
    """module or module.test -> reason"""
    found = {}
    with open(os.path.join(HERE, "..", "python-expected.txt")) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, _, why = line.strip().partition(" ")
                found[name] = why.strip()
    return found


def verdicts(out):
    """module -> passed, from regrtest's -v0 output."""
    v = {}
    for line in out.splitlines():
        m = re.match(r"[0-9:]+ (?:load avg: [0-9.]+ )?\[ *[0-9]+/[0-9]+(?:/[0-9]+)?\] (test_\w+)(.*)", line)
        if m:
            v[m.group(1)] = m.group(2).strip()
    return v


def run_group(t, group):
    if not os.path.isdir("/usr/lib/python3.11/test"):
        t.skip("libpython3.11-testsuite is not installed")
    names = modules(group)
    argv = [PYTHON, "-m", "test", "--timeout", "0", *names]
    host = t.host(argv)
    vm = t.cay(argv, ["-m", "1G"])
    known = expected()
    hv, vv = verdicts(host.text + host.errtext), verdicts(vm.text + vm.errtext)

    def passed(v, name, r):
        if name not in v:
            return None
        return not re.search(r"failed|crashed|skipped", v[name])
    for name in names:
        h, g = passed(hv, name, host), passed(vv, name, vm)
        if h is not True:
            t.sub(name, True, skip="the host does not pass it either: %s" % hv.get(name, "not reached"))
        elif g is True:
            t.sub(name, True)
        elif name in known:
            t.sub(name, True, skip="expected difference: " + known[name])
        else:
            found = re.findall(r"^(?:FAIL|ERROR): .*$", vm.text + vm.errtext, re.M)
            t.sub(name, False, "%s; %s %s" % (vv.get(name, "not reached, status %d" % vm.status), found[:20], vm.errtext[-400:] if g is None else ""))


for g in GROUPS:
    case(name=g, timeout=170)(lambda t, g=g: run_group(t, g))
