# SPDX-License-Identifier: MIT
"""Copies the last figures from build/bench/*.json into the table of docs/spec.md."""
import glob
import json
import os
import re

from bench import BENCH, TOP


def figure(r):
    if r["value"] is None:
        return "pending"
    text = "%.3g %s" % (r["value"], r["unit"])
    if r["native"]:
        text += " / %.3g %s (%.2fx)" % (r["native"], r["unit"], r["ratio"])
    return text + ("" if r["holds"] is None else ", holds" if r["holds"] else ", **not met**")


def main():
    results = {}
    for path in glob.glob(os.path.join(BENCH, "*.json")):
        with open(path) as f:
            results.update((r["name"], r) for r in json.load(f))
    spec = os.path.join(TOP, "docs", "spec.md")
    with open(spec) as f:
        lines = f.read().split("\n")
    for i, line in enumerate(lines):
        m = re.match(r"\| (.*?) \| (.*?) \| (.*?) \| (`make bench.*`) \|$", line)
        if m and m.group(1) in results:
            lines[i] = "| %s | %s | %s | %s |" % (m.group(1), m.group(2), figure(results[m.group(1)]), m.group(4))
    with open(spec, "w") as f:
        f.write("\n".join(lines))


main()
