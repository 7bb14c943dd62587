# SPDX-License-Identifier: MIT
"""Thousands of random file operations, here and on Linux: every result and every error must be the same."""
import os

from harness import PYTHON, case, first_difference

COUNT = 4000
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "randomfs.py")


def compare(t, what, want, got):
    t.check(want.status == 0, "the host's run works: " + want.describe())
    if got.status != 0 or got.out != want.out:
        t.fail("%s: %s\n    %s" % (what, first_difference(want.out, got.out), got.describe()))


def users():
    """Root may do nearly everything: permissions need somebody else, and becoming somebody else needs root."""
    return (0, 1000) if os.geteuid() == 0 else (0,)


def both(t, what, seed, uid, host_dir, guest_dir, flags=(), extra=(), cwd=None):
    share = ["-v", PROGRAM + ":/randomfs.py:ro"]
    got = t.cay([PYTHON, "/randomfs.py", seed, COUNT, guest_dir, uid, *extra], [*share, *flags], cwd=cwd)
    want = t.host([PYTHON, PROGRAM, seed, COUNT, host_dir, uid, *extra])
    compare(t, "%s, seed %d, user %d" % (what, seed, uid), want, got)


@case(timeout=120)
def in_memory(t):
    for uid in users():
        for seed in (1, 2):
            both(t, "tmpfs", seed, uid, t.path("m%d-%d" % (uid, seed)), "/tmp/m")


def prepared(t, name, seed):
    """A folder with something in it, twice: for the host, and to be shared."""
    if os.geteuid() != 0:
        t.skip("needs root: for others a folder that may not be searched gives EACCES here where Linux gives ENOENT for some names")
    for folder in (name + "-host/d", name + "/d"):
        t.host([PYTHON, PROGRAM, seed, 800, t.path(folder), 0, "nofifo"])
    return t.path(name + "-host/d"), t.path(name)


@case(timeout=120)
def in_an_overlay(t):
    for seed in (2, 6):
        host_dir, shared = prepared(t, "o%d" % seed, 100 + seed)
        both(t, "overlay", seed, 0, host_dir, shared + "/d", cwd=shared, extra=["nofifo"])


@case(timeout=120)
def in_a_host_folder(t):
    for seed in (2, 6):
        host_dir, shared = prepared(t, "r%d" % seed, 100 + seed)
        both(t, "shared folder", seed, 0, host_dir, "/rw/d", ["-v", shared + ":/rw"], ["nofifo"], cwd="/")
