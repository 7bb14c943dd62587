# SPDX-License-Identifier: MIT
"""Random file operations in one folder, and what each of them said: the same seed must print the same on every correct system.

usage: randomfs.py SEED COUNT FOLDER [UID [nofifo]]     (used by cases/randomfs.py; runs by hand anywhere)
Few names and shallow folders, so that operations meet each other: links to folders that were renamed, files open under
names that are gone, folders that nobody may enter. Nothing reads contents: a file that was open before an overlay
copied it goes on showing the old ones, by design.
"""
import ctypes
import errno
import os
import random
import stat
import sys

NAMES = ["a", "b", "c", "d", "l"]
LIBC = ctypes.CDLL(None, use_errno=True)


def renameat2(old, new, flags):
    if LIBC.renameat2(-100, old.encode(), -100, new.encode(), flags) < 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def facts(what, follow=True):
    s = os.stat(what, follow_symlinks=follow)
    size = 0 if stat.S_ISDIR(s.st_mode) else s.st_size  # what a folder's size means differs between file systems
    return oct(s.st_mode), s.st_nlink, size, s.st_uid, s.st_gid


class Monkey:
    def __init__(self, seed, base, fifos):
        self.r = random.Random(seed)
        self.base = base
        self.fds = []
        self.kinds = sorted(k[3:] for k in dir(self) if k.startswith("do_") and (fifos or k != "do_mkfifo"))

    def path(self, dots=True):
        """Never leaves the folder: ".." only takes back what stands before it, and symlinks (no dots there) only lead deeper."""
        odd = NAMES + [".", ".."] if dots else NAMES
        words = [self.r.choice(odd if self.r.random() < 0.15 else NAMES) for _ in range(self.r.randint(1, 4))]
        depth = 0
        for w in words:
            depth += -1 if w == ".." else w != "."
            if depth < 0:
                return "a"
        return "/".join(words) + ("/" if self.r.random() < 0.08 else "")

    def step(self):
        kind = self.r.choice(self.kinds)
        args, act = getattr(self, "do_" + kind)()
        try:
            got = act()
        except OSError as e:
            got = errno.errorcode.get(e.errno, e.errno)
        if isinstance(got, bytes):
            got = len(got), got[:20]
        return kind, args, got

    # Each returns what was chosen and what to do; all choices are made before, so that results cannot change later ones.
    def do_mkdir(self):
        p, mode = self.path(), self.r.choice([0o755, 0o755, 0o700, 0o777, 0o1777, 0o2755, 0o000])
        return (p, oct(mode)), lambda: os.mkdir(p, mode)

    def do_create(self):
        p, mode = self.path(), self.r.choice([0o644, 0o600, 0o400, 0o000, 0o777])
        flags = os.O_CREAT | os.O_NONBLOCK | self.r.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
        flags |= self.r.choice([0, os.O_EXCL, os.O_TRUNC, os.O_NOFOLLOW, os.O_APPEND])

        def act():
            fd = os.open(p, flags, mode)
            if len(self.fds) < 6:
                self.fds.append(fd)
                return facts(fd)
            got = facts(fd)
            os.close(fd)
            return got
        return (p, flags, oct(mode)), act

    def do_open(self):
        p, flags = self.path(), os.O_NONBLOCK | self.r.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
        flags |= self.r.choice([0, os.O_TRUNC, os.O_NOFOLLOW, os.O_DIRECTORY, os.O_PATH, os.O_PATH | os.O_NOFOLLOW])

        def act():
            fd = os.open(p, flags)
            try:
                return facts(fd)
            finally:
                os.close(fd)
        return (p, flags), act

    def do_unlink(self):
        p = self.path()
        return p, lambda: os.unlink(p)

    def do_rmdir(self):
        p = self.path()
        return p, lambda: os.rmdir(p)

    def do_rename(self):
        p, q = self.path(), self.path()
        return (p, q), lambda: os.rename(p, q)

    def do_rename_flags(self):
        p, q, flags = self.path(), self.path(), self.r.choice([1, 2, 3])
        return (p, q, flags), lambda: renameat2(p, q, flags)

    def do_link(self):
        p, q, follow = self.path(), self.path(), self.r.random() < 0.5
        return (p, q, follow), lambda: os.link(p, q, follow_symlinks=follow)

    def do_symlink(self):
        p, q = self.path(dots=False), self.path()
        return (p, q), lambda: os.symlink(p, q)

    def do_stat(self):
        p, follow = self.path(), self.r.random() < 0.5
        return (p, follow), lambda: facts(p, follow)

    def do_list(self):
        p = self.path()
        return p, lambda: sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in os.scandir(p))

    def do_readlink(self):
        p = self.path()
        return p, lambda: os.readlink(p)

    def do_chmod(self):
        p, mode = self.path(), self.r.choice([0o755, 0o644, 0o000, 0o4755, 0o2755, 0o1777, 0o555])
        return (p, oct(mode)), lambda: os.chmod(p, mode)

    def do_truncate(self):
        p, size = self.path(), self.r.choice([0, 1, 100, 5000])
        return (p, size), lambda: os.truncate(p, size)

    def do_access(self):
        p, mode = self.path(), self.r.choice([0, 1, 2, 4, 7])
        return (p, mode), lambda: os.access(p, mode)

    def do_utime(self):
        p = self.path()

        def act():
            os.utime(p, (1000, 2000))
            return os.stat(p).st_mtime, os.stat(p).st_atime
        return p, act

    def do_mkfifo(self):
        p = self.path()
        return p, lambda: os.mkfifo(p)

    def do_chdir(self):
        p = self.path()

        def act():
            here = os.open(".", os.O_RDONLY)
            try:
                os.chdir(p)
                return os.getcwd()[len(self.base):]
            finally:
                os.fchdir(here)
                os.close(here)
        return p, act

    def some_fd(self):
        return self.r.choice(self.fds) if self.fds else -1

    def do_write(self):
        fd, n, at = self.some_fd(), self.r.choice([1, 100, 5000]), self.r.choice([None, 0, 10000])

        def act():
            n_out = os.write(fd, b"x" * n) if at is None else os.pwrite(fd, b"y" * n, at)
            return n_out, os.lseek(fd, 0, os.SEEK_CUR), os.fstat(fd).st_size
        return (n, at), act

    def do_close(self):
        fd = self.fds.pop(self.r.randrange(len(self.fds))) if self.fds else -1
        first = self.r.choice(["nothing", "dup", "seek", "truncate", "allocate", "chmod"])

        def act():
            try:
                if first == "dup":
                    other = os.dup(fd)
                    at = os.lseek(other, 3, os.SEEK_SET)
                    os.close(other)
                    return at
                if first == "seek":
                    return [os.lseek(fd, 5, whence) for whence in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)]
                if first == "truncate":
                    os.ftruncate(fd, 77)
                elif first == "allocate":
                    os.posix_fallocate(fd, 0, 9000)
                elif first == "chmod":
                    os.fchmod(fd, 0o640)
                return facts(fd)
            finally:
                os.close(fd)
        return first, act


def main():
    seed, count, base = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    uid = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    os.makedirs(base, exist_ok=True)
    os.umask(0o022)
    if uid:
        os.chmod(base, 0o777)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    os.chdir(base)
    monkey = Monkey(seed, os.getcwd(), len(sys.argv) <= 5)
    for n in range(count):
        print(n, *monkey.step())


main()
