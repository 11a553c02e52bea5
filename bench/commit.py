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
STUCK = 60  # seconds; a run of the crate takes two
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
    """The last lines of the crate's benchmark, run a few times. A run that fails, or in which a command never ends, is told and left out."""
    command = [rustpeer, "bench", what, "--relay", relay.url, "--nodes", "3", *flags]
    runs = []
    for _ in range(REPETITIONS):
        try:
            lines = subprocess.run(command, check=True, timeout=STUCK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout.splitlines()
            runs.append(json.loads(lines[-1]))
        except subprocess.TimeoutExpired:
            print(f"the crate, {what} {' '.join(flags)}: a run did not end within {STUCK} s", flush=True)
        except subprocess.CalledProcessError as failure:
            last = failure.stderr.strip().splitlines()[-1:] or ["without a word"]
            print(f"the crate, {what} {' '.join(flags)}: a run failed with status {failure.returncode}: {last[0]}", flush=True)
    return runs


def crates_lines(rustpeer, ops):
    print(f"{'the crate, three members in one process':<52} {'min':>10} {'median':>10} {'max':>10}")
    with Relay(rustpeer) as relay:
        for window in WINDOWS:
            runs = crate(rustpeer, relay, "commit", "--window", str(window), "--ops", str(ops * min(window, 8)), "--size", "256")
            if not runs:
                continue
            for column, key, scale, unit in ((", p50", "p50_us", 1, "us"), (", p99", "p99_us", 1, "us"), ("", "ops_per_second", 0.001, "k/s")):
                row(f"the crate, window {window}{column}", [scale * run[key] for run in runs], unit)
        if runs := crate(rustpeer, relay, "failover"):
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
