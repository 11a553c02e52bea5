#!/usr/bin/env python3
"""refusals.py COMPILER PREFIX OUTDIR: what a consumer can not do is refused by the compiler or the linker, in words."""

import os
import subprocess
import sys

PROGRAM = """#include <mosaik/{header}>
int main() {{ return mosaik::Network::open({{.network = "refusals"}}) ? 0 : 1; }}
"""


def main():
    compiler, prefix, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    found = ":".join(os.path.join(folder, "pkgconfig") for folder, _, _ in os.walk(prefix) if os.path.isdir(os.path.join(folder, "pkgconfig")))
    words = subprocess.run(["pkg-config", "--cflags", "--libs", "mosaik"], env={**os.environ, "PKG_CONFIG_PATH": found}, check=True,
                           capture_output=True, text=True).stdout.split()
    failures = 0

    def build(title, header, flags, expected, first=True):
        """`expected`: what the complaint says, in its first error if `first`; empty: it builds."""
        nonlocal failures
        source = os.path.join(out, "program.cpp")
        with open(source, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(header=header))
        done = subprocess.run([compiler, *flags, source, "-o", os.path.join(out, "program"), *words], capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
        said = " ".join(errors[:1] if first else [done.stderr])
        if (done.returncode == 0) == bool(expected) or expected not in said:
            failures += 1
            print(f"{title}: {done.returncode}, {said[:600]}")

    build("as it should be", "mosaik.hpp", ["-std=c++23"], "")
    for header in ("mosaik.hpp", "network.hpp", "consensus/replicated_group.hpp"):
        build(f"C++20, {header}", header, ["-std=c++20"], "mosaik needs C++23")
        build(f"no exceptions, {header}", header, ["-std=c++23", "-fno-exceptions"], "mosaik needs exceptions")
    build("checked containers in the program only", "mosaik.hpp", ["-std=c++23", "-D_GLIBCXX_DEBUG"],
          "the_library_needs_GLIBCXX_DEBUG_too", first=False)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
