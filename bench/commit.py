#!/usr/bin/env python3
"""Commits and failover, side by side in one run: this library in one process, in a process a member, and the crate.

  commit.py --commit build/bench/bench/commit [--rustpeer PATH] [--ops 4000]

Without rustpeer (tests/interop says how it is built) the crate's lines are left out.
"""

import argparse
import json
import os
import subprocess
import sys

REPETITIONS = 3
WINDOWS = (1, 16, 64)


def row(what, values, unit):
    values = sorted(values)
    print(f"{what:<52} {values[0]:10.1f} {values[len(values) // 2]:10.1f} {values[-1]:10.1f}  {unit}", flush=True)


class Relay:
    """Without one the crate does not start."""

    def __init__(self, rustpeer):
        self.child = subprocess.Popen([rustpeer, "relay"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = json.loads(self.child.stdout.readline())["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def crate(rustpeer, relay, what, *flags):
    """The last line of one of the crate's benchmarks."""
    lines = subprocess.run([rustpeer, "bench", what, "--relay", relay.url, "--nodes", "3", *flags], check=True, timeout=180,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    return json.loads(lines[-1])


def crates_lines(rustpeer, ops):
    print(f"{'the crate, three members in one process':<52} {'min':>10} {'median':>10} {'max':>10}")
    with Relay(rustpeer) as relay:
        for window in WINDOWS:
            runs = [crate(rustpeer, relay, "commit", "--window", str(window), "--ops", str(ops * min(window, 8)), "--size", "256") for _ in range(REPETITIONS)]
            row(f"the crate, window {window}, p50", [run["p50_us"] for run in runs], "us")
            row(f"the crate, window {window}, p99", [run["p99_us"] for run in runs], "us")
            row(f"the crate, window {window}", [run["ops_per_second"] / 1000 for run in runs], "k/s")
        runs = [crate(rustpeer, relay, "failover") for _ in range(REPETITIONS)]
        row("the crate, a leader that says goodbye to next commit", [1000 * run["write_seconds"] for run in runs], "ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--commit", required=True)
    parser.add_argument("--rustpeer", default=os.path.expanduser("~/.cache/mosaik/rustpeer/target/release/rustpeer"))
    parser.add_argument("--ops", type=int, default=4000)
    args = parser.parse_args()
    failed = False
    for flags in ([], ["--processes"], ["--failover", "10"], ["--catch-up"]):
        failed = subprocess.run([args.commit, *flags], check=False, timeout=90).returncode != 0 or failed
    if os.access(args.rustpeer, os.X_OK):
        crates_lines(args.rustpeer, args.ops)
    else:
        print("no rustpeer: the crate's figures are left out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
