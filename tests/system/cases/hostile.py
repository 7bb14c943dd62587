# SPDX-License-Identifier: MIT
"""Kernels that attack the VMM (tests/guest/hostile): it must refuse or end the VM with 125 and a clear line; never crash, never hang."""
import os
import subprocess

from harness import case, popen

SURVIVED = 42  # the image went on to its end: the VMM refused each wrong thing
GATE = {  # variant -> allowed statuses
    "unknown": [125], "zero": [125], "doorbell": [125], "beyond": [125], "unaligned": [125, SURVIVED], "byte": [125, SURVIVED], "quad": [125, SURVIVED],
    "straddle": [125], "read": [125, SURVIVED], "execute": [125], "crash-text": [125], "crash-escapes": [125], "log": [SURVIVED], "map": [SURVIVED],
    "unmap": [SURVIVED], "exit-status": None, "free-range": [SURVIVED], "free-self": [125], "cpus": [125, SURVIVED], "ipi": [125, SURVIVED],
    "flood-timer": [SURVIVED], "flood-log": [SURVIVED, 125], "wait-past": [SURVIVED],
}
CPU = {v: [125] for v in (
    "jump-null jump-upper jump-noncanonical no-stack syscall hlt out wrmsr mov-cr3 lidt int int3 divide trap-flag vmcall "
    "system-page-zero system-page-ones page-tables-zero page-tables-ones map-nowhere map-window read-window run-nowhere map-beyond-ram gate-elsewhere upcall-nowhere iret-to-ring-0 flush-to-nowhere").split()}
CPU.update({"alignment": [125, SURVIVED], "vcpu-page-junk": [125, SURVIVED], "boot-info-junk": [SURVIVED]})
RING = {v: [125, SURVIVED] for v in (
    "head-range index-jump loop next-range address-range length-range header-range header-short no-status status-short status-readable order indirect "
    "arguments many-readers rings-junk kick-flood index-race").split()}
RING["operations"] = [SURVIVED]


def attack(t, image, variant, allowed):
    path = os.path.join(t.config.build, "tests", "hostile", image)
    r = t.cmd(["run", "--backend", t.config.backend, "-v", t.dir + ":/data", "--", "/bin/true", variant], timeout=10, env={"CAY_KERNEL": path}, stdin=b"some input")
    if r.timed_out:
        return
    t.check(r.status not in (132, 134, 135, 136, 139, 159), "the VMM itself died: " + r.describe())
    t.check(r.status != 99, "the VMM accepted what it must refuse: " + r.describe())
    t.check(allowed is None or r.status in allowed, "expected %s: %s" % (allowed, r.describe()))
    if r.status == 125:
        t.check(r.err.startswith(b"cay: ") and len(r.err) < 20000, "our words are prefixed and few: " + r.describe())
    t.check(not any(b < 32 and b not in (9, 10) for b in r.err), "no control character of the guest reaches the terminal: " + r.describe())


for image, variants in (("gate", GATE), ("cpu", CPU), ("ring", RING)):
    for variant, allowed in variants.items():
        case(name="%s-%s" % (image, variant), timeout=25)(
            lambda t, image=image, variant=variant, allowed=allowed: attack(t, image, variant, allowed))


def spins(t, variant):
    """Nothing but the guest may suffer: cay goes on to answer the host, and ends at once when it is killed."""
    env = {**os.environ, "CAY_KERNEL": os.path.join(t.config.build, "tests", "hostile", "cpu")}
    p = popen([t.cay_path, "run", "--", "/bin/true", variant], env=env, stderr=subprocess.PIPE, cwd=t.dir)
    try:
        status = p.wait(1)
        t.check(status == 125, "it ends the VM, or spins: status %s" % status)
    except subprocess.TimeoutExpired:
        p.kill()
        t.check(p.wait(5) == -9, "it ends when killed")


for variant in ("spin", "no-handlers", "handler-faults"):
    case(name="cpu-" + variant, timeout=25)(lambda t, variant=variant: spins(t, variant))
