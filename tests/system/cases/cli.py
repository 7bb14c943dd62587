# SPDX-License-Identifier: MIT
"""The command line as a contract: statuses, one-line errors, flags, streams kept apart."""
import json
import os
import re

from harness import PYTHON, case


@case
def version(t):
    r = t.cmd(["version"])
    t.check(r.status == 0 and r.text.startswith("cay ") and r.err == b"", r.describe())


@case
def help_lists_commands_and_flags(t):
    r = t.cmd(["help"])
    t.check(r.status == 0, r.describe())
    for word in ("run", "doctor", "version"):
        t.check(word in r.text, "help names %s" % word)
    r = t.cmd(["run", "--help"])
    t.check(r.status == 0, r.describe())
    for flag in ("--root", "--memory", "-m", "-e", "-v", "-w", "-u", "--strace", "--stats", "--timing", "--gdb", "--hostname"):
        t.check(flag in r.text, "run --help names %s" % flag)


@case
def doctor(t):
    r = t.cmd(["doctor"])
    t.check(r.status == 0, "this machine can run VMs, so doctor is content: " + r.describe())
    for backend in ("kvm", "process"):
        t.check("Backend " + backend in r.text, "doctor says what it found about %s: %s" % (backend, r.describe()))
    t.check(re.search("^cay run uses the backend (kvm|process), because ", r.text, re.M), "which is used, and why: " + r.describe())
    report = json.loads(t.cmd(["doctor", "--json"]).text)
    t.check(report["usable"] and report["backends"][report["backend"]], "the same for machines: %s" % report)


@case
def no_command(t):
    r = t.cmd([])
    t.check(r.status == 125 and r.out == b"" and b"cay: " in r.err, r.describe())


@case
def unknown_command(t):
    t.our_error(t.cmd(["frobnicate"]), 125, "frobnicate")


@case
def unknown_flag(t):
    t.our_error(t.cmd(["run", "--frobnicate", "/bin/true"]), 125, "frobnicate")


@case
def no_program(t):
    t.our_error(t.cmd(["run"]), 125)


@case
def bad_values(t):
    for flags in (["-m", "lots"], ["-m", "-5M"], ["-m", "0"], ["-m", ""], ["-m", "1M"], ["-m", "999999G"], ["-m", "5X"],
                  ["-c", "0"], ["-c", "x"], ["-u", "me:you:them"], ["--gdb", "99999999"], ["--backend", "magic"],
                  ["--root", "/no/such/folder"], ["-v", "nocolon"], ["-v", "/no/such:/x"], ["--env-file", "/no/such/file"]):
        r = t.cmd(["run", *flags, "--", "/bin/true"])
        t.our_error(r, 125)


@case
def program_not_found(t):
    t.our_error(t.cay(["no-such-program-anywhere"]), 127, "no-such-program-anywhere")
    t.our_error(t.cay(["/no/such/program"]), 127, "/no/such/program")
    t.our_error(t.cay(["./nothing-here"]), 127, "nothing-here")


@case
def exit_codes(t):
    for n in (0, 1, 2, 42, 125, 126, 127, 128, 255):
        r = t.cay([PYTHON, "-c", "import os; os._exit(%d)" % n])
        t.check(r.status == n and r.err == b"", r.describe())


@case
def killed_by_signal(t):
    for n in (6, 9, 11, 15):
        r = t.cay([PYTHON, "-c", "import os; os.kill(os.getpid(), %d)" % n])
        t.check(r.status == 128 + n, "signal %d gives %d: %s" % (n, 128 + n, r.describe()))


@case
def streams_stay_apart(t):
    prog = "import os\nfor i in range(300): os.write(1, b'o%d\\0\\xff\\n' % i); os.write(2, b'e%d\\n' % i)"
    t.same([PYTHON, "-c", prog])


@case
def arguments_are_exact(t):
    t.same([PYTHON, "-c", "import sys; print(sys.argv)", "", "a b", "--", "-m", "*", "\u00e4\u2603", "x" * 100000])


@case
def many_arguments(t):
    t.same(["/bin/echo", *("argument-%d" % i for i in range(5000))])


@case
def environment(t):
    r = t.cay(["/usr/bin/env"], ["-e", "CAY_A=1", "-e", "CAY_EMPTY=", "-e", "CAY_SPACE=a b=c"])
    for want in ("CAY_A=1", "CAY_EMPTY=", "CAY_SPACE=a b=c"):
        t.check(want in r.text.splitlines(), "%s is set: %s" % (want, r.describe()))
    # -e K without a value passes the caller's on.
    r = t.cmd(["run", "--backend", t.backend, "-e", "CAY_PASSED", "--", "/usr/bin/env"], env={"CAY_PASSED": "from here", "CAY_SECRET": "stays"})
    t.check("CAY_PASSED=from here" in r.text, r.describe())


@case
def env_file(t):
    t.write("vars", "# comment\nCAY_ONE=1\n\nCAY_TWO=two words\n")
    r = t.cay(["/usr/bin/env"], ["--env-file", t.path("vars")])
    t.check("CAY_ONE=1" in r.text and "CAY_TWO=two words" in r.text, r.describe())


@case
def working_directory(t):
    r = t.cay(["/bin/pwd"])
    t.check(r.text.strip() == t.dir, "the program starts in the caller's folder: " + r.describe())
    r = t.cay(["/bin/pwd"], ["-w", "/usr/bin"])
    t.check(r.text == "/usr/bin\n", r.describe())


@case
def hostname(t):
    r = t.cay([PYTHON, "-c", "import os; print(os.uname().nodename)"], ["--hostname", "kettle"])
    t.check(r.text == "kettle\n", r.describe())


@case
def own_name_has_an_address(t):
    """Java's getLocalHost and Python's gethostbyname(gethostname()) look it up; what the host's file says stays."""
    if os.path.getsize("/etc/hosts") >= 2048:
        t.skip("this host's /etc/hosts is too long to be added to")
    look = "import socket; print(socket.gethostbyname(socket.gethostname()), socket.gethostbyname('localhost'))"
    r = t.cay([PYTHON, "-c", look], ["--hostname", "kettle"])
    t.check(r.text == "127.0.1.1 127.0.0.1\n", r.describe())
    r = t.cay(["cat", "/etc/hosts"], ["--hostname", "kettle"])
    with open("/etc/hosts") as f:
        t.check(r.text.startswith(f.read()) and r.text.endswith("127.0.1.1\tkettle\n"), r.describe())
    t.write("hosts", "10.1.2.3 kettle\n")
    r = t.cay([PYTHON, "-c", "import socket; print(socket.gethostbyname('kettle'))"], ["-v", t.path("hosts") + ":/etc/hosts", "--hostname", "kettle"])
    t.check(r.text == "10.1.2.3\n" and open(t.path("hosts")).read() == "10.1.2.3 kettle\n", r.describe())


@case
def an_etc_of_the_users_own(t):
    """-v puts it there as it is: nothing of the host's below it, and no names written into it."""
    os.mkdir(t.path("etc"))
    t.write("etc/passwd", "me:x:0:0::/:/bin/sh\n")
    r = t.cay(["sh", "-c", "ls /etc; cat /etc/passwd"], ["-v", t.path("etc") + ":/etc", "--net", "none"])
    t.check(r.text == "passwd\nme:x:0:0::/:/bin/sh\n" and os.listdir(t.path("etc")) == ["passwd"], r.describe())


@case
def program_in_a_volume(t):
    """By the path that -v gives it, which the host does not have."""
    t.write("folder/hello", "#!/bin/sh\necho from a volume\n", 0o755)
    r = t.cay(["/no-such-folder/hello"], ["-v", t.path("folder") + ":/no-such-folder:ro"])
    t.check(r.status == 0 and r.text == "from a volume\n", r.describe())


@case
def many_cpus(t):
    """More than the host has: all start, most never run anything, and all end."""
    for n in ("2", "8"):
        r = t.cay(["/bin/echo", "up"], ["-c", n])
        t.check(r.status == 0 and r.text == "up\n" and r.err == b"", r.describe())


@case
def user(t):
    r = t.cay(["/usr/bin/id", "-u"], ["-u", "1234:99"])
    t.check(r.text == "1234\n", r.describe())
    r = t.cay(["/usr/bin/id", "-g"], ["-u", "1234:99"])
    t.check(r.text == "99\n", r.describe())


@case
def no_banner(t):
    r = t.cay(["/bin/true"])
    t.check((r.status, r.out, r.err) == (0, b"", b""), r.describe())


@case
def runs_where_found_in_path(t):
    t.same(["true"])
    t.same(["false"])


def as_nobody(t, argv, groups=()):
    """Runs a copy of cay as a user without any rights of its own."""
    if os.geteuid() != 0:
        t.skip("needs root to become another user")

    def drop():
        os.setgroups(groups)
        os.setgid(65534)
        os.setuid(65534)
    with open(t.cay_path, "rb") as f:
        t.write("cay", f.read(), 0o755)
    return t.host(["./cay", *argv], preexec=drop)


@case(backends=("kvm",))
def kvm_forbidden(t):
    """Without access to /dev/kvm: one line that says what to do. Tried as an unprivileged user."""
    if os.stat("/dev/kvm").st_mode & 0o006:
        t.skip("/dev/kvm is open to everybody here")
    t.our_error(as_nobody(t, ["run", "--backend", "kvm", "/bin/true"]), 125, "/dev/kvm")


@case(backends=("process",))
def backend_is_chosen(t):
    """--backend auto: KVM where it can be opened, else a process; --verbose says which, and why."""
    r = as_nobody(t, ["run", "--verbose", "/bin/echo", "hi"])
    if os.path.exists("/dev/kvm") and os.stat("/dev/kvm").st_mode & 0o006:
        want = b"cay: backend kvm: /dev/kvm can be opened\n"
    else:
        want = b"cay: backend process: /dev/kvm: "
    t.check(r.status == 0 and r.out == b"hi\n" and r.err.startswith(want), r.describe())


@case
def verbose_names_what_of_etc_is_not_shared(t):
    """What the program asked for, the host has and the VM does not get, once; not what cay itself looks for, nor what nobody has."""
    names = [name for name in ("fstab", "crontab", "shadow") if os.path.exists("/etc/" + name)]
    script = "cat /etc/%s; cat /etc/%s; cat /etc/no-such-file; cat /etc/passwd" % (names[0], names[0])
    r = t.cay(["sh", "-c", script], ["--verbose"])
    told = [line for line in r.err.splitlines() if b"looked for" in line]
    want = "cay: the program looked for /etc/%s, which the VM does not get; -v /etc/%s:/etc/%s:ro shares it" % ((names[0],) * 3)
    t.check(told == [want.encode()] and b"root:" in r.out, r.describe())


@case
def works_without_root(t):
    """No privilege is needed, beyond access to /dev/kvm for its backend."""
    groups = []
    if t.backend == "kvm":
        kvm = os.stat("/dev/kvm")
        if not kvm.st_mode & 0o066:
            t.skip("/dev/kvm is root's alone on this machine")
        groups = [kvm.st_gid]
    r = as_nobody(t, ["run", "--backend", t.backend, "/bin/echo", "hi"], groups)
    t.check((r.status, r.out, r.err) == (0, b"hi\n", b""), r.describe())
