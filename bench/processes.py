# SPDX-License-Identifier: MIT
"""Processes: fork + exit + wait, starting a program, a shell's loop, and a parallel build of a C project."""
import os
import shutil
import tempfile

from bench import BENCH, alternate, main, median, printed, result, vm, wall

LOOP = "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i + 1)); done"


def project(folder, files=24):
    """A C project of a size that gcc has something to do for: each file pulls in headers and has code of its own."""
    for n in range(files):
        with open(os.path.join(folder, "part%d.c" % n), "w") as f:
            f.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n")
            for i in range(60):
                f.write("int f%d_%d(int a, char *s) { for (int i = 0; i < a; i++) s[i %% 7] += (char)(a * %d); "
                        "return (int)strlen(s) + a; }\n" % (n, i, i))
    with open(os.path.join(folder, "main.c"), "w") as f:
        f.write("int main(void) { return 0; }\n")
    with open(os.path.join(folder, "Makefile"), "w") as f:
        f.write("OBJ := $(patsubst %.c,%.o,$(wildcard *.c))\nall: program\nprogram: $(OBJ)\n\t$(CC) -o $@ $^\n"
                "%.o: %.c\n\t$(CC) -O1 -c $< -o $@\nclean:\n\trm -f *.o program\n")


def build_times():
    folder = tempfile.mkdtemp()
    try:
        project(folder)
        make = ["/usr/bin/make", "-s", "-B", "-j2", "-C", folder]
        return alternate(3, wall(make), wall(vm(make, "-c", "2", "-m", "1G", "-v", "%s:%s" % (folder, folder))))
    finally:
        shutil.rmtree(folder)


def benchmark():
    prog = BENCH + "/forkwait"
    native, cay = alternate(7, printed([prog]), printed(vm([prog])))
    result("fork + exit + wait", median(cay), "us", "at most 4x", median(native), ratio_limit=4)
    native, cay = alternate(5, printed([prog, "spawn"]), printed(vm([prog, "spawn"])))
    result("posix_spawn + exit + wait of /bin/true", median(cay), "us", "at most 4x", median(native), ratio_limit=4)
    native, cay = alternate(3, wall(["/bin/sh", "-c", LOOP]), wall(vm(["/bin/sh", "-c", LOOP])))
    result("sh: 1,000 times /bin/true", median(cay) * 1000, "ms", "at most 4x", median(native) * 1000, ratio_limit=4)
    native, cay = build_times()
    result("make -j2 of 25 C files", median(cay), "s", "at most 1.3x", median(native), ratio_limit=1.3)


main(benchmark)
