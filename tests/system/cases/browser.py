# SPDX-License-Identifier: MIT
"""A whole browser: some ten processes and a hundred threads that talk over Unix sockets and shared memory. Long, so under `make soak` only."""
import shutil

from harness import case

PAGE = """<html><body><script>
let sum = 0;
for (let i = 0; i < 1000000; i++) sum += i;
document.write(sum);
</script></body></html>
"""


@case(timeout=300, soak=True)
def chromium_runs_a_script(t):
    """--no-sandbox: its own wants name spaces, which are not there; the VM is the wall."""
    if not shutil.which("chromium"):
        t.skip("chromium is not installed")
    t.write("page.html", PAGE)
    r = t.cay(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "file://" + t.path("page.html")],
              ["-c", "2", "-m", "2G", "-v", "%s:%s:ro" % (t.path("."), t.path("."))])
    t.check(r.status == 0 and "</script>499999500000" in r.text, r.describe())
