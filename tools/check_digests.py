#!/usr/bin/env python3
"""check_digests.py [--mosaik-sim FILE] [--sample N] [--write]: the simulator's canonical digests of fixed seeds.

tests/sim/digests.txt has a line for each seed: scenario, seed, digest. A digest covers each event of each node, as its
time, host, number, kind, peer and code (sim/trace.hpp). A change of structure leaves all of them as they are. A change
of behaviour writes the file anew with --write, and its commit says what changed and why.

Prints each seed that went another way; the exit status is 1 if there is one. The last line is a count.
"""
import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests/sim/digests.txt"
SEEDS = 500


def run(command, first, last, jobs):
    """The digests of the seeds first..last: {seed: (scenario, digest)}."""
    text = subprocess.run([command, "--seeds", f"{first}..{last}", "--digests", "--jobs", str(jobs)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode(errors="replace")
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 5 and words[0] == "digest":
            found[int(words[2])] = (words[1], words[4])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mosaik-sim", default=str(ROOT / "build/release/mosaik-sim"))
    parser.add_argument("--sample", type=int, help="check so many seeds in a row, at a place drawn anew")
    parser.add_argument("--write", action="store_true", help="write the file anew")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    wishes = parser.parse_args()
    if wishes.write:
        found = run(wishes.mosaik_sim, 1, SEEDS, wishes.jobs)
        FILE.write_text("".join(f"{name} {seed} {digest}\n" for seed, (name, digest) in sorted(found.items())))
        print(f"{len(found)} digests written to {FILE.relative_to(ROOT)}")
        return 0 if len(found) == SEEDS else 1
    wanted = {}
    for line in FILE.read_text().splitlines():
        name, seed, digest = line.split()
        wanted[int(seed)] = (name, digest)
    first, last = 1, SEEDS
    if wishes.sample:
        # The scenarios take turns from the first seed on: a sample begins where a round begins.
        turn = len({name for name, _ in wanted.values()})
        count = min(wishes.sample, SEEDS)
        first = 1 + turn * random.SystemRandom().randint(0, (SEEDS - count) // turn)
        last = first + count - 1
    found = run(wishes.mosaik_sim, first, last, wishes.jobs)
    bad = [seed for seed in range(first, last + 1) if found.get(seed) != wanted.get(seed)]
    for seed in bad:
        print(f"seed {seed}: {found.get(seed)} where tests/sim/digests.txt has {wanted.get(seed)}")
    print(f"digests of the seeds {first}..{last}: {last - first + 1 - len(bad)} as before, {len(bad)} not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
