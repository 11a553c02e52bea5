#!/usr/bin/env python3
"""Judges whether a change costs speed: the same benchmarks on OLD and NEW, in short rounds that alternate.

  tools/compare.py HEAD~1 HEAD                  two revisions: each is built in a worktree of its own under build/compare/
  tools/compare.py HEAD .                       the last commit, and the sources as they are now
  tools/compare.py build/old build/bench bulk   two build directories, one figure

A pair of rounds gives one ratio, the cost: above 1 NEW is slower. Pairs go OLD NEW, NEW OLD, OLD NEW, ... The table has
the median cost and its 95 % interval (bootstrap, 10,000 resamples, a fixed seed). The bound holds if the lower end of
the interval is below 1 + bound.

Other load: a fixed piece of work is timed before and after each round, on the core that the rounds run on. A pair in
which one of these times is more than 10 % above the best that was seen is thrown away, and another pair is run.

If the interval is wider than the bound, or too few pairs are left, instructions decide. They are counted (valgrind, or
perf where the machine counts them) on a variant of the benchmark that does the same work on one thread in made-up time.
Only instructions outside the kernel count, so that such a ratio can be larger than that of the times.

Revisions are measured by the benchmark programs of this tree, so that old revisions have the short forms and both run
the same program; --own-bench takes those of each revision.

Exit status: 0 all bounds hold; 1 a bound does not hold; 2 it cannot be said, or something went wrong.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "build/compare"
FIGURES = {  # by the program that has them
    "round-trip": "link", "bulk": "link", "handshakes": "link",
    "mesh": "mesh",
    "commit": "commit", "commit-latency": "commit",
}
RESAMPLES = 10_000
LEAST_PAIRS = 10     # with fewer calm ones the times say nothing
TRIES = 3            # so many times the wanted pairs are run at most
TOLERANCE = 0.10     # of the calibration
MOST_FAILED = 3      # rounds in a row, when none has succeeded
ROUND_LIMIT = 60     # seconds
COUNT_LIMIT = 1800
HOLDS, BROKEN, UNKNOWN = "holds", "does not hold", "cannot say"


class Trouble(Exception):
    """What ends the program, in words."""


# ------------------------------------------------------------------------------------------------ statistics

def cost(old, new, unit):
    """How much more NEW costs: a ratio of times, or the inverse ratio of rates."""
    return old / new if unit.endswith("/s") else new / old


def order_of(pair):
    """ABBA: what drifts with time hits both alike."""
    return ("old", "new") if pair % 2 == 0 else ("new", "old")


def interval_of(values, seed, resamples=RESAMPLES, level=0.95):
    """Percentile bootstrap of the median."""
    draw = random.Random(seed)
    count = len(values)
    medians = sorted(statistics.median(draw.choices(values, k=count)) for _ in range(resamples))
    tail = (1 - level) / 2
    return medians[int(tail * resamples)], medians[min(resamples - 1, int((1 - tail) * resamples))]


def calm(pairs, tolerance=TOLERANCE):
    """The pairs of which no calibration was slower than the best of all pairs allows."""
    times = [each for pair in pairs for each in pair["calibrations"]]
    if not times:
        return []
    most = min(times) * (1 + tolerance)
    return [pair for pair in pairs if max(pair["calibrations"]) <= most]


def is_clear(interval, bound):
    """An interval that is wider than the bound cannot tell the two sides of the bound apart."""
    return interval is not None and interval[1] - interval[0] <= bound


def judge(interval, bound, counted):
    """The verdict, and what it is made from. `counted`: the ratio of instructions, if they were counted."""
    if is_clear(interval, bound):
        return (HOLDS if interval[0] < 1 + bound else BROKEN), "times"
    if counted is not None:
        return (HOLDS if counted < 1 + bound else BROKEN), "instructions"
    return UNKNOWN, None


def status_of(verdicts):
    if BROKEN in verdicts:
        return 1
    return 2 if UNKNOWN in verdicts or not verdicts else 0


def parse_bound(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?", text)
    if not found or not 0 < float(found[1]) < 100:
        raise argparse.ArgumentTypeError(f"'{text}' is no share: give percent between 0 and 100, e.g. 3%")
    return float(found[1]) / 100


# ------------------------------------------------------------------------------------------------ the two sides

class Worktrees:
    """Checked-out revisions, which go when this ends."""

    def __init__(self, keep):
        self.keep, self.made = keep, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for folder in self.made.values():
            if self.keep:
                print(f"kept: {folder}", file=sys.stderr)
                continue
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, capture_output=True)
            shutil.rmtree(folder, ignore_errors=True)

    def at(self, revision):
        if revision not in self.made:
            HOME.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=revision[:12] + "-", dir=HOME))
            self.made[revision] = folder
            run(["git", "worktree", "add", "--quiet", "--force", "--detach", str(folder), revision], ROOT)
        return self.made[revision]


def run(command, folder, environment=None):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", env=environment)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Trouble(f"'{' '.join(map(str, command))}' failed with status {done.returncode}:\n{last}")
    return done.stdout.strip()


def build(source, programs, jobs):
    """Builds the benchmarks of a tree; ccache knows them in whichever folder they lie."""
    environment = os.environ | {"CCACHE_BASEDIR": str(source), "CCACHE_NOHASHDIR": "1"}
    run(["cmake", "--preset", "bench"], source, environment)
    run(["cmake", "--build", "build/bench", "--parallel", str(jobs), "--target", *programs], source, environment)
    return source / "build/bench/bench"


def programs_in(folder, programs):
    return all(os.access(folder / name, os.X_OK) and (folder / name).is_file() for name in programs)


def revision_of(name):
    done = subprocess.run(["git", "rev-parse", "--verify", "--quiet", name + "^{commit}"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def find_side(name, programs, worktrees, options):
    """The folder that has the benchmark programs of OLD or NEW, and what it is, in words."""
    folder = Path(name).resolve()
    if folder.is_dir() and ("/" in name or name in (".", "..") or revision_of(name) is None):
        for place in (folder, folder / "bench"):
            if programs_in(place, programs):
                return place, str(place)
        if (folder / "CMakePresets.json").is_file():
            print(f"building {name}", file=sys.stderr)
            return build(folder, programs, options.jobs), f"the sources in {folder}"
        raise Trouble(f"{name} has neither the programs {', '.join(programs)} nor sources to build them from; "
                      "give a revision, a build directory of the preset bench, or a source tree")
    revision = revision_of(name)
    if revision is None:
        raise Trouble(f"{name} is neither a directory nor a revision of {ROOT}")
    known = revision in worktrees.made
    source = worktrees.at(revision)
    if not known:
        print(f"building {name} ({revision[:12]})", file=sys.stderr)
        if not options.own_bench:
            shutil.rmtree(source / "bench")
            shutil.copytree(ROOT / "bench", source / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    try:
        return build(source, programs, options.jobs), revision
    except Trouble as why:
        hint = "" if options.own_bench else "\nIf this tree's benchmarks do not fit that revision, try --own-bench."
        raise Trouble(f"{name} does not build: {why}{hint}") from None


# ------------------------------------------------------------------------------------------------ times

BLOCK = bytes(1 << 16)


def calibrate():
    """Seconds that a fixed piece of work takes: some 20 ms on an idle core."""
    begun = time.perf_counter()
    for _ in range(250):
        hashlib.blake2b(BLOCK).digest()
    return time.perf_counter() - begun


def measure(folder, figure):
    """One round: a value and its unit. Runs where this process runs, that is on one core."""
    command = [folder / FIGURES[figure], "--quick", figure]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ROUND_LIMIT)
    except subprocess.TimeoutExpired:
        return None, f"a round did not end within {ROUND_LIMIT} s"
    found = re.fullmatch(re.escape(figure) + r" (\d+(?:\.\d+)?) (\S+)", done.stdout.strip())
    if done.returncode == 64 or (done.returncode == 0 and not found):
        raise Trouble(f"{command[0]} has no short form of {figure}; without --own-bench, revisions get this tree's programs")
    if done.returncode != 0 or float(found[1]) == 0:
        said = (done.stderr.strip() or done.stdout.strip() or "without a word").splitlines()[-1]
        return None, f"a round ended with status {done.returncode}: {said}"
    return float(found[1]), found[2]


def run_pair(sides, figure, number):
    out = {"calibrations": []}
    for side in order_of(number):
        out["calibrations"].append(calibrate())
        value, unit = measure(sides[side], figure)
        out["calibrations"].append(calibrate())
        if value is None:
            return {"failed": unit}
        out[side], out["unit"] = value, unit
    out["cost"] = cost(out["old"], out["new"], out["unit"])
    return out


def run_pairs(sides, figure, options):
    """Pairs until enough of them are calm, or until that is out of reach."""
    pairs, failed = [], []
    wanted, least, most = options.rounds, min(LEAST_PAIRS, options.rounds), options.rounds * TRIES
    while len(calm(pairs)) < wanted and len(pairs) + len(failed) < most:
        if len(pairs) >= wanted and len(calm(pairs)) * most < least * len(pairs):
            break  # steady other load: at this rate there will never be an interval
        pair = run_pair(sides, figure, len(pairs) + len(failed))
        (failed if "failed" in pair else pairs).append(pair)
        if len(failed) >= MOST_FAILED and not pairs:
            raise Trouble(f"{figure}: {failed[0]['failed']}")
        if sys.stderr.isatty():
            print(f"\r\x1b[K{figure}: {len(calm(pairs))} of {wanted} pairs, {len(pairs) + len(failed)} run", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return pairs, failed


# ------------------------------------------------------------------------------------------------ instructions

def find_counter():
    """How instructions can be counted here: a command before the program's own, and where it tells the number."""
    if shutil.which("valgrind"):
        return ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], r"Collected : (\d+)"
    perf = ["perf", "stat", "-x,", "-e", "instructions:u"]
    if shutil.which("perf"):
        said = subprocess.run([*perf, "true"], capture_output=True, text=True).stderr
        if re.search(r"^\d+,", said, re.M):
            return perf, r"(?m)^(\d+),"
    return None


def count_once(counter, folder, figure, times):
    command, pattern = counter
    done = subprocess.run([*command, folder / FIGURES[figure], "--count", figure, str(times)],
                          capture_output=True, text=True, errors="replace", timeout=COUNT_LIMIT)
    found = re.search(pattern, done.stderr)
    if done.returncode != 0 or not found:
        raise Trouble(f"{folder / FIGURES[figure]} --count {figure} failed under {command[0]}:\n{done.stderr.strip()[-500:]}")
    return int(found[1])


def count_instructions(counter, sides, figure, cores):
    """Those of the work alone: twice the work less once the work, so that the beginning does not count."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(cores))) as pool:
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # what is counted does not depend on the core
        try:
            runs = {(side, times): pool.submit(count_once, counter, sides[side], figure, times)
                    for side in ("old", "new") for times in (1, 2)}
            counts = {key: each.result() for key, each in runs.items()}
        finally:
            os.sched_setaffinity(0, mine)
    old, new = (counts[side, 2] - counts[side, 1] for side in ("old", "new"))
    if old <= 0 or new <= 0:
        raise Trouble(f"{figure}: twice the work took no more instructions than once the work")
    return {"old": old, "new": new, "ratio": new / old}


# ------------------------------------------------------------------------------------------------ the report

def compare(figure, sides, options, counter, cores):
    pairs, failed = run_pairs(sides, figure, options)
    used = calm(pairs)
    out = {"figure": figure, "pairs": pairs, "used": len(used), "thrown": len(pairs) - len(used), "failed": len(failed),
           "unit": pairs[0]["unit"] if pairs else None, "old": None, "new": None, "cost": None, "interval": None,
           "calibration_best_s": min((each for pair in pairs for each in pair["calibrations"]), default=None)}
    if used:
        costs = [pair["cost"] for pair in used]
        out |= {side: statistics.median(pair[side] for pair in used) for side in ("old", "new")}
        out["cost"] = statistics.median(costs)
        if len(used) >= min(LEAST_PAIRS, options.rounds):
            out["interval"] = interval_of(costs, options.seed)
    notes = [f"{each['failed']} (this pair does not count)" for each in failed[:3]]
    instructions = None
    if options.count == "always" or (options.count == "needed" and not is_clear(out["interval"], options.bound)):
        if counter:
            instructions = count_instructions(counter, sides, figure, cores)
        else:
            notes.append("instructions cannot be counted here: neither valgrind nor perf with a hardware counter")
    verdict, by = judge(out["interval"], options.bound, instructions and instructions["ratio"])
    if by != "times":
        why = (f"the interval is wider than {options.bound:.1%}" if out["interval"]
               else f"only {len(used)} of {len(pairs)} pairs were calm")
        notes.append(f"{why}: " + ("instructions decide" if by else "nothing can be said"))
    if instructions:
        notes.append(f"instructions {instructions['old']:,} and {instructions['new']:,}, ratio {instructions['ratio']:.4f}")
    return out | {"instructions": instructions, "verdict": verdict, "decided_by": by, "notes": notes}


HEAD = ("figure", "unit", "OLD", "NEW", "cost", "95 % interval", "thrown", "verdict")
LINE = "{:<15} {:>6} {:>12} {:>12} {:>8} {:>17} {:>9}  {}"


def line_of(result):
    number = lambda value: "-" if value is None else f"{value:,.2f}"
    ratio = "-" if result["cost"] is None else f"{result['cost']:.4f}"
    between = "-" if result["interval"] is None else "{:.4f} {:.4f}".format(*result["interval"])
    all_pairs = len(result["pairs"]) + result["failed"]
    return LINE.format(result["figure"], result["unit"] or "-", number(result["old"]), number(result["new"]), ratio, between,
                       f"{result['thrown'] + result['failed']} of {all_pairs}", result["verdict"])


def parse(arguments):
    parser = argparse.ArgumentParser(prog="compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD", help="a revision, a build directory or a source tree")
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.add_argument("figures", metavar="FIGURE", nargs="*", help=f"one or more of {', '.join(FIGURES)}; all, if none is named")
    parser.add_argument("--bound", type=parse_bound, default=0.03, help="what the change may cost (default: 3%%)")
    parser.add_argument("--rounds", type=int, default=30, help="pairs that count for each figure (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap (default: 1)")
    parser.add_argument("--core", type=int, help="where the rounds run (default: the last that this process may use)")
    parser.add_argument("--count", choices=("needed", "always", "never"), default="needed", help="instructions (default: needed)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of a build")
    parser.add_argument("--own-bench", action="store_true", help="measure each revision by its own benchmark programs")
    parser.add_argument("--keep", action="store_true", help="leave the worktrees and their builds, e.g. for another call")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.figures if name not in FIGURES]
    if unknown:
        parser.error(f"no figure '{unknown[0]}'; there are: {', '.join(FIGURES)}")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: give at least 1")
    cores = os.sched_getaffinity(0)
    if options.core is None:
        options.core = max(cores)
    if options.core not in cores:
        parser.error(f"--core {options.core}: this process may use {', '.join(map(str, sorted(cores)))}")
    options.figures = list(dict.fromkeys(options.figures)) or list(FIGURES)
    return options, cores


def report(options, cores):
    programs = list(dict.fromkeys(FIGURES[figure] for figure in options.figures))
    counter = find_counter()
    results = []
    with Worktrees(options.keep) as worktrees:
        sides, names = {}, {}
        for side in ("old", "new"):
            sides[side], names[side] = find_side(getattr(options, side), programs, worktrees, options)
        print(f"OLD {options.old}: {names['old']}\nNEW {options.new}: {names['new']}")
        print(f"bound {options.bound:.1%}, {options.rounds} pairs, core {options.core}\n")
        print(LINE.format(*HEAD), flush=True)
        os.sched_setaffinity(0, {options.core})
        for figure in options.figures:
            results.append(compare(figure, sides, options, counter, cores))
            print(line_of(results[-1]))
            for note in results[-1]["notes"]:
                print(f"  {note}")
            sys.stdout.flush()
    status = status_of([result["verdict"] for result in results])
    if options.json:
        options.json.write_text(json.dumps({
            "old": {"name": options.old, "is": names["old"]}, "new": {"name": options.new, "is": names["new"]},
            "bound": options.bound, "rounds": options.rounds, "seed": options.seed, "core": options.core,
            "figures": results, "status": status}, indent=1) + "\n")
    return status


def main(arguments=None):
    options, cores = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        return report(options, cores)
    except (Trouble, OSError, subprocess.TimeoutExpired) as why:
        print(f"compare: {why}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 2


if __name__ == "__main__":
    sys.exit(main())
