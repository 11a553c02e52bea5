#!/usr/bin/env python3
"""exports.py LIBRARY: a shared library shows the public face and nothing else.

What is exported must belong to namespace mosaik itself: everything in mosaik::<room> is ours alone. Instances of
standard templates are weak, and every C++ library shows some.
"""
import re
import subprocess
import sys

PUBLIC_NAMESPACES = {"postcard", "abi"}
NAME = re.compile(r"^(?:(?:vtable|typeinfo|typeinfo name|VTT|guard variable) for )?mosaik::((?:[a-z_0-9]+::)*)")


def main():
    lines = subprocess.run(["nm", "-DC", "--defined-only", sys.argv[1]], check=True, capture_output=True, text=True).stdout
    wrong, good = [], 0
    for line in lines.splitlines():
        match = re.match(r"^[0-9a-f]* ?(\w) (.*)$", line)
        kind, name = match.groups()
        found = NAME.match(name)
        if not found:
            if kind not in "VWuiA":
                wrong.append(name)
            continue
        spaces = [part for part in found.group(1).split("::") if part]
        if spaces and spaces[0] not in PUBLIC_NAMESPACES:
            wrong.append(name)
        else:
            good += 1
    for name in wrong:
        print(f"exported, but not of the public face: {name}")
    if good == 0:
        print("nothing of mosaik is exported")
    print(f"{good} public symbols, {len(wrong)} others")
    return 1 if wrong or good == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
