# SPDX-License-Identifier: MIT
"""Programs by the toolchains a user may bring: static, static-PIE, dynamic; glibc, musl, Go, Rust, C++; and cc1 itself."""
import os
import shutil

from harness import case


def prog(t, name, *args, **kw):
    path = os.path.join(t.config.build, "tests", "progs", name)
    if not os.path.exists(path):
        t.skip("%s was not built: its toolchain is not installed" % name)
    shutil.copy(path, t.path(name))
    return t.same(["./" + name, *args], **kw)


@case
def static(t):
    prog(t, "hello-static")


@case
def static_pie(t):
    prog(t, "hello-static-pie")


@case
def dynamic(t):
    prog(t, "hello-dynamic")


@case
def pie(t):
    prog(t, "hello-pie")


@case
def musl_static(t):
    prog(t, "musl-static", "arg", expect=7)


@case
def musl_dynamic(t):
    """The interpreter is musl's."""
    prog(t, "musl-dynamic", "arg", expect=7)


@case
def go_static(t):
    """Goroutines on several threads, the collector, timers, a recovered fault."""
    prog(t, "go-hello", expect=3)


@case
def rust_std(t):
    prog(t, "rust-hello", expect=5)


@case
def cxx_exceptions(t):
    prog(t, "cxx-exceptions", expect=42)


@case(timeout=120)
def cc1(t):
    """gcc's compiler proper on a preprocessed file: the assembly must be the host's, byte for byte."""
    cc1 = t.host(["gcc", "-print-prog-name=cc1"]).text.strip()
    if not os.path.isabs(cc1):
        t.skip("gcc is not installed")
    source = os.path.join(t.config.top, "lib", "fmt.c")
    pre = t.host(["gcc", "-E", "-I", t.config.top, source, "-o", "unit.i"])
    if not t.check(pre.status == 0, pre.describe()):
        return
    for level in ("-O0", "-O2"):
        t.same([cc1, "-quiet", "-fpreprocessed", level, "unit.i", "-o", "-"])
    t.write("bad.i", "int main( { return x; }\n")
    t.same([cc1, "-quiet", "-fpreprocessed", "bad.i", "-o", "-"])


@case
def assembler_and_linker(t):
    """as and ld, reading and writing files."""
    t.write("a.s", ".globl _start\n_start: mov $60, %eax\n mov $33, %edi\n syscall\n")
    for argv in (["as", "-al", "a.s", "-o", "a.o"], ["nm", "/usr/lib/x86_64-linux-gnu/crt1.o"], ["readelf", "-hlS", "/bin/true"],
                 ["objdump", "-d", "/usr/lib/x86_64-linux-gnu/crt1.o"], ["strings", "-n", "20", "/bin/true"], ["size", "/bin/true"]):
        if shutil.which(argv[0]):
            t.same(argv)


@case(timeout=900, soak=True, alone=True, backends=("kvm",))
def cay_builds_itself(t):
    """The whole tree, built in a VM with two CPUs and on the host in the same place: the same bytes."""
    src = t.path("src")
    shutil.copytree(t.config.top, src, ignore=shutil.ignore_patterns("build", ".git"))
    make = ["make", "-C", src, "-s", "-j2", "all"]
    host = t.host(make)
    t.note("on the host: " + host.time_and_end())
    if not t.check(host.status == 0, "it builds on the host: " + host.describe()):
        return
    built = {}
    for name in ("cay", "kernel.elf"):
        with open(os.path.join(src, "build", name), "rb") as f:
            built[name] = f.read()
    shutil.rmtree(os.path.join(src, "build"))
    r = t.cay(make, ["-c", "2", "-m", "3G", "-v", "%s:%s" % (src, src)])
    t.note("in the VM: " + r.time_and_end())
    t.check(r.status == 0, r.describe())
    for name, want in built.items():
        with open(os.path.join(src, "build", name), "rb") as f:
            t.check(f.read() == want, name + " has the same bytes")
