# SPDX-License-Identifier: MIT
"""A terminal: interactive python3 with line editing, Ctrl-C, Ctrl-D, window size."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from harness import PYTHON, before_exec, case


class Terminal:
    """cay on a pseudo-terminal of its own."""

    def __init__(self, t, argv, rows=30, cols=100):
        self.t, self.seen = t, b""
        pid, fd = pty.fork()
        if pid == 0:
            before_exec()
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            os.chdir(t.dir)
            os.environ["TERM"] = "xterm"
            os.execv(t.cay_path, t.cay_argv(argv, ["-e", "TERM=xterm", "-e", "HOME=/tmp"]))
        self.pid, self.fd = pid, fd

    def expect(self, text, limit=60):
        """Reads until text appears; what came before it is dropped."""
        end = time.monotonic() + limit
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                self.t.fail("waited %d s for %r, saw %r" % (limit, text, self.seen[-500:]))
                return False
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                self.t.fail("the terminal closed while waiting for %r; saw %r" % (text, self.seen[-500:]))
                return False
            self.seen += data
        self.seen = self.seen.split(text, 1)[1]
        return True

    def send(self, data):
        os.write(self.fd, data)

    def press_until(self, key, text, tries=40):
        """For a key that is lost when it comes too early, natively too: presses it again until text appears."""
        for _ in range(tries):
            self.send(key)
            if select.select([self.fd], [], [], 1)[0]:
                end = time.monotonic() + 1
                while text not in self.seen and select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                    self.seen += os.read(self.fd, 65536)
                if text in self.seen:
                    break
        return self.expect(text, 1)

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def end(self, limit=60):
        """The exit status; kills it after the limit."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.t.fail("did not end in %d s; saw %r" % (limit, self.seen[-500:]))
        return None


@case
def interactive_python(t):
    c = Terminal(t, [PYTHON, "-q"])
    if not c.expect(b">>> "):
        c.end(1)
        return
    c.send(b"6 * 7\r")
    c.expect(b"42\r\n")
    c.expect(b">>> ")
    # Line editing: back over the mistake with an arrow key and repair it.
    c.send(b"print('helo')\x1b[D\x1b[D\x1b[Dl\r")
    c.expect(b"\nhello\r\n")
    c.expect(b">>> ")
    c.send(b"\x1b[A")  # the line before, from the history
    c.expect(b"print('hello')")
    c.send(b"\r")
    c.expect(b"\nhello\r\n")
    c.expect(b">>> ")
    c.send(b"for i in range(10**10): i or print('comput' 'ing')\r\r")
    c.expect(b"computing\r\n")
    c.press_until(b"\x03", b"KeyboardInterrupt")
    c.expect(b">>> ")
    c.send(b"import time; print(7 * 111); time.sleep(60)\r")
    c.expect(b"777\r\n")
    c.press_until(b"\x03", b"KeyboardInterrupt")
    c.expect(b">>> ")
    c.send(b"\x04")
    # python3 that was interrupted while interactive ends by SIGINT, natively too.
    t.check(c.end() == 128 + signal.SIGINT, "Ctrl-D ends it as it does natively")


@case
def window_size(t):
    c = Terminal(t, [PYTHON, "-uc", "import os, signal, sys\nprint('size', *os.get_terminal_size())\n"
                     "signal.signal(signal.SIGWINCH, lambda *a: print('now', *os.get_terminal_size()))\n"
                     "print('ready')\nsys.stdin.readline()\n"], rows=33, cols=111)
    c.expect(b"size 111 33")
    if c.expect(b"ready"):
        c.resize(44, 122)
        c.expect(b"now 122 44")
        c.send(b"\r")
    t.check(c.end() == 0, "ends well")


@case
def isatty_and_modes(t):
    c = Terminal(t, [PYTHON, "-c", "import os, termios, tty\nprint([os.isatty(i) for i in range(3)])\n"
                     "old = termios.tcgetattr(0); tty.setraw(0); print('raw', end='', flush=True)\n"
                     "k = os.read(0, 1); termios.tcsetattr(0, 0, old); print(k)"])
    c.expect(b"[True, True, True]")
    c.expect(b"raw")
    c.send(b"\x03")
    c.expect(b"b'\\x03'")
    t.check(c.end() == 0, "raw mode passes Ctrl-C as a byte")


@case
def terminal_is_restored(t):
    """A program that dies in raw mode does not leave the user's terminal raw."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    r = t.cay([PYTHON, "-c", "import tty, os; tty.setraw(0); os.kill(os.getpid(), 9)"], stdin=os.fdopen(os.dup(slave), "rb", 0))
    t.check(r.status == 137, r.describe())
    t.check(termios.tcgetattr(slave) == before, "the modes are as before")
    os.close(master)
    os.close(slave)


@case
def not_a_terminal(t):
    r = t.cay([PYTHON, "-c", "import os; print([os.isatty(i) for i in range(3)])"])
    t.check(r.text == "[False, False, False]\n", r.describe())


@case
def job_control(t):
    """What one does in a shell: Ctrl-C, Ctrl-Z, jobs, bg, fg, a job in the background that reads."""
    c = Terminal(t, ["/bin/bash", "--norc", "--noprofile", "--noediting"])
    prompt = b"# " if os.getuid() == 0 else b"$ "
    job = b"bash -c 'echo started$((1 + 1)); exec sleep 100'\r"
    if not c.expect(prompt):
        c.end(1)
        return
    c.send(job)
    c.expect(b"started2")
    c.send(b"\x03")
    c.expect(prompt)
    c.send(b"echo status $?\r")
    c.expect(b"status 130")
    c.expect(prompt)
    c.send(job)
    c.expect(b"started2")
    c.send(b"\x1a")
    c.expect(b"Stopped")
    c.expect(prompt)
    c.send(b"bg; jobs\r")
    c.expect(b"Running")
    c.expect(prompt)
    c.send(b"fg\r")
    c.expect(b"sleep 100'\r\n")  # fg names it, and gives it the terminal only then
    c.press_until(b"\x1a", b"Stopped")
    c.expect(prompt)
    c.send(b"kill %1; wait; cat & wait $!; echo reader $?\r")  # SIGTTIN stops it
    c.expect(b"reader 149")
    c.expect(prompt)
    c.send(b"jobs; kill %%\r")
    c.expect(b"Stopped")
    c.expect(prompt)
    c.send(b"stty tostop; /bin/echo & wait $!; echo writer $?; kill %%; stty -tostop\r")  # SIGTTOU stops it
    c.expect(b"writer 150")
    c.expect(prompt)
    c.send(b"/bin/echo free$((1 + 1)) & wait $!; echo writer $?\r")
    c.expect(b"free2")
    c.expect(b"writer 0")
    c.expect(prompt)
    c.send(b"trap 'echo caught' INT; echo looping$((1 + 1)); while :; do :; done\r")
    c.expect(b"looping2")
    c.send(b"\x03")
    c.expect(b"caught")
    c.send(b"\x1a")  # no job: the loop is the shell's own, which ignores it
    c.send(b"\x03")
    c.expect(b"caught")
    os.kill(c.pid, signal.SIGKILL)
    c.end()


@case
def pseudo_terminals(t):
    """Programs that make a terminal for others: script(1), Python's pty, tmux."""
    t.same(["script", "-qec", "stty -a | head -1; test -t 0 && echo terminal; exit 3", "/dev/null"])
    t.same([PYTHON, "-c", "import pty; print(pty.spawn(['/bin/sh', '-c', 'test -t 1 && echo terminal']))"])
    # tmux's server ends with its last session, also while a client still talks to it: so the session stays.
    r = t.cay(["sh", "-c", "tmux -f /dev/null new-session -d 'tty > /tmp/out; tmux wait-for -S done; exec sleep 1000'; tmux wait-for done;"
               "cat /tmp/out; tmux kill-server"], env={"SHELL": "/bin/sh"})  # else it is the user's, which may be nologin
    if "not found" not in r.errtext:
        t.check(r.text == "/dev/pts/0\n", r.describe())
