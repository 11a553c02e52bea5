#!/usr/bin/env python3
"""A mesh of real processes: memory and idle CPU a node, and how soon a death is known to all.

  processes.py --mosaik build/release/mosaik [--nodes 20] [--idle 10] [--deaths 5]
"""

import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "harness"))
from nodes import Fleet, median  # noqa: E402


def memory_kib(pid):
    """Private, proportional and resident size."""
    sums = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                sums[words[0]] = int(words[1])
    return sums["Private_Clean:"] + sums["Private_Dirty:"], sums["Pss:"], sums["Rss:"]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(what, values, unit):
    print(f"{what:<44} {min(values):10.2f} {median(values):10.2f} {max(values):10.2f}  {unit}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--idle", type=float, default=10)
    parser.add_argument("--deaths", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mosaik-bench-") as folder, Fleet(os.path.abspath(args.mosaik), None, folder) as fleet:
        first = fleet.cpp("bench", "bench secret").ready()
        nodes = [first] + [fleet.cpp("bench", "bench secret", bootstrap=[first.contact]) for _ in range(args.nodes - 1)]
        for node in nodes[1:]:
            node.ready()
        fleet.meshed(nodes, 30)
        print(f"{f'{args.nodes} processes, {args.nodes - 1} bonds each':<44} {'min':>10} {'median':>10} {'max':>10}")
        before = [cpu_seconds(n.child.pid) for n in nodes]
        begun = time.monotonic()
        fleet.quiet(nodes, args.idle)
        took = time.monotonic() - begun
        row("idle CPU a node (goal: 0.1)", [100 * (cpu_seconds(n.child.pid) - b) / took for n, b in zip(nodes, before)], "% of a core")
        sizes = [memory_kib(n.child.pid) for n in nodes]
        for index, what in enumerate(("private memory a node (goal: 4)", "PSS", "RSS (the crate: 63 to 103)")):
            row(what, [size[index] / 1024 for size in sizes], "MiB")

        last = []
        for _ in range(args.deaths):
            victim = nodes.pop()
            at = victim.kill()
            fleet.wait("all notice", lambda: all(any(e.get("event") == "bond_down" and e.get("peer") == victim.id for e in n.events) for n in nodes), 8)
            last.append(max(next(e["at"] for e in n.events if e.get("event") == "bond_down" and e.get("peer") == victim.id) - at for n in nodes))
        row("SIGKILL known to all (the crate: 3700 to 5300)", [1000 * seconds for seconds in last], "ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
