#!/usr/bin/env python3
"""The programs in README.md compile as they are pasted; the counter, alone, elects itself and counts.

  readme.py COMPILER PREFIX README OUTDIR      PREFIX: where the library is installed
"""

import glob
import os
import re
import subprocess
import sys

compiler, prefix, readme, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)
with open(readme, encoding="utf-8") as file:
    programs = re.findall(r"```cpp\n(.*?)```", file.read(), re.DOTALL)
if len(programs) < 2:
    sys.exit("README.md has no programs")
places = ":".join(glob.glob(f"{prefix}/lib*/pkgconfig") + glob.glob(f"{prefix}/lib*/*/pkgconfig"))
flags = subprocess.run(["pkg-config", "--cflags", "--libs", "mosaik"], env={**os.environ, "PKG_CONFIG_PATH": places},
                       capture_output=True, text=True, check=True).stdout.split()
for number, program in enumerate(programs):
    source, target = os.path.join(out, f"{number}.cpp"), os.path.join(out, str(number))
    with open(source, "w", encoding="utf-8") as file:
        file.write(program)
    subprocess.run([compiler, "-std=c++23", source, *flags, "-o", target], check=True)
    if "with_state_machine" in program:
        said = subprocess.run([target], capture_output=True, text=True, timeout=60, check=True).stdout
        if said != "committed at 1\nthe counter is 3\n":
            sys.exit(f"the counter said: {said}")
