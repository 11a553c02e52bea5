#!/usr/bin/env python3
"""Mutants: bugs of a line or two that the tests must notice.

  tools/mutants.py                    all of tests/mutants/, some minutes
  tools/mutants.py bonds handshake    those of these folders
  tools/mutants.py --sample 3         three by chance; the seed is printed, and --seed repeats the draw
  tools/mutants.py --table            writes the last results into docs/RELIABILITY.md

A mutant is a patch with two or more lines before it; each killer must kill it:

  # what it breaks, in words
  # killer: ctest -R bonds\\.           the tests of a room (a regular expression of ctest names), or
  # killer: mosaik-sim --scenario crossing-opens --seeds 1..200

The sources are copied to build/mutants/source and built beside it, so that nothing of this tree changes. Each mutant is
applied there, must build, and must be killed within the limit; then it is taken back. A
killer must pass without any mutant, or its word is worth nothing. Ends badly when a mutant survives.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "build/mutants"
SOURCE, BUILD, REPORT = HOME / "source", HOME / "build", HOME / "report.json"
LIMIT = 60  # seconds that a killer may take
SKIPPED = {"build", ".git", ".cache", "__pycache__"}


class Mutant:
    def __init__(self, path):
        self.path = path
        self.room, self.name = path.parent.name, path.stem
        lines = path.read_text().splitlines()
        if len(lines) < 3 or not lines[0].startswith("# ") or not lines[1].startswith("# killer: "):
            sys.exit(f"{path}: begins with '# what it breaks' and '# killer: command'")
        self.what = lines[0][2:]
        self.killers = [line.removeprefix("# killer: ") for line in lines if line.startswith("# killer: ")]
        self.files = [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ b/")]

    def apply(self, backwards=False):
        command = ["git", "apply", "-C1", "--whitespace=nowarn"] + (["-R"] if backwards else []) + [str(self.path)]
        # The copy is no repository, though it lies in one.
        done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True,
                              env=os.environ | {"GIT_CEILING_DIRECTORIES": str(SOURCE.parent)})
        return done.returncode == 0


def copy_sources():
    """Copies what has changed, so that only that is built again; removes what is gone."""
    wanted = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in files:
            origin = Path(folder) / name
            copy = SOURCE / origin.relative_to(ROOT)
            wanted.add(copy)
            if origin.is_symlink() or (copy.exists() and copy.read_bytes() == origin.read_bytes()):
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, copy)
    for folder, _, files in os.walk(SOURCE):
        for name in files:
            if Path(folder) / name not in wanted:
                (Path(folder) / name).unlink()


def configure():
    # -O1 builds in half the time; what g++ 12 warns of there is false.
    command = ["cmake", "-S", str(SOURCE), "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
               "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -w", "-DMOSAIK_EXAMPLES=OFF"]
    if shutil.which("ccache"):
        command += ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


def target_of(killer):
    if killer.startswith("mosaik-sim "):
        return "mosaik_sim_command"
    room = re.fullmatch(r"ctest -R \^?([a-z]+)(?:\\\.|\.).*", killer)
    if not room:
        sys.exit(f"no killer: '{killer}'")
    return f"test_{room[1]}"


def build(target, jobs):
    done = subprocess.run(["cmake", "--build", str(BUILD), "--parallel", str(jobs), "--target", target, "--", "--quiet"],
                          capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def test_names(program, pattern):
    """The tests that ctest would choose by this pattern, as the program itself calls them."""
    room, suite, out = program.name.removeprefix("test_"), "", []
    for line in subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True).stdout.splitlines():
        if not line.startswith(" "):
            suite = line.split("#")[0].strip()
        elif re.search(pattern, f"{room}.{suite}{line.split('#')[0].strip()}"):
            out.append(suite + line.split("#")[0].strip())
    return out


def run_killer(killer, jobs):
    """Whether it passed, who raised the alarm, and the seconds; a hang is an alarm too."""
    if killer.startswith("mosaik-sim "):
        command = [BUILD / "mosaik-sim", *killer.split()[1:], "--first", "--jobs", str(jobs)]
    else:
        program = BUILD / "tests" / target_of(killer)
        names = test_names(program, killer.removeprefix("ctest -R "))
        if not names:
            return False, "no such test", 0.0
        command = [program, "--gtest_fail_fast", "--gtest_color=no", "--gtest_filter=" + ":".join(names)]
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT)
        passed, said = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired as late:
        passed, said = False, (late.stdout or b"").decode(errors="replace")
    seconds = time.monotonic() - start
    if passed:
        return True, "", seconds
    return False, name_alarm(killer, said) + (", which hung" if seconds >= LIMIT else ""), seconds


def name_alarm(killer, said):
    if killer.startswith("mosaik-sim "):
        found = re.search(r"^FAILED (\S+) seed (\d+): (\S+):", said, re.M)
        return f"{found[3]} in {found[1]} {found[2]}" if found else "mosaik-sim"
    room = target_of(killer).removeprefix("test_")
    found = re.findall(r"^\[  FAILED  \] (\S+?),? ", said, re.M) or re.findall(r"^\[ RUN      \] (\S+)", said, re.M)[-1:]
    return f"{room}.{found[0]}" if found else room


def try_mutant(mutant, jobs):
    out = {"room": mutant.room, "name": mutant.name, "what": mutant.what, "by": [], "seconds": [], "build_seconds": 0.0}
    before = {name: (SOURCE / name).read_bytes() for name in mutant.files if (SOURCE / name).exists()}
    try:
        if not mutant.apply():
            return out | {"outcome": "does not apply"}
        for killer in mutant.killers:
            begun = time.monotonic()
            built, said = build(target_of(killer), jobs)
            out["build_seconds"] += time.monotonic() - begun
            if not built:
                print(said)
                return out | {"outcome": "does not build"}
            passed, by, seconds = run_killer(killer, jobs)
            if passed:
                return out | {"outcome": "survived"}
            out["by"].append(by)
            out["seconds"].append(seconds)
        return out | {"outcome": "killed"}
    finally:
        for name, content in before.items():
            (SOURCE / name).write_bytes(content)


def run(mutants, options):
    copy_sources()
    configure()
    results = []
    for killer in sorted({killer for mutant in mutants for killer in mutant.killers}):
        built, said = build(target_of(killer), options.jobs)
        passed, by, _ = run_killer(killer, options.jobs) if built else (False, said, 0)
        if not passed:
            print(f"0 passed, 1 failed: without any mutant, {killer} ends badly: {by}")
            return 1
    for number, mutant in enumerate(mutants, 1):
        result = try_mutant(mutant, options.jobs)
        results.append(result)
        print(f"[{number}/{len(mutants)}] {result['outcome']:9} {result['room']}/{result['name']}: {result['what']}; "
              f"{' and '.join(result['by']) or '-'} ({result['build_seconds']:.0f} s to build, {sum(result['seconds']):.1f} s)", flush=True)
    if not options.sample:
        remember(results)
    survivors = [result for result in results if result["outcome"] != "killed"]
    print(f"{len(results) - len(survivors)} passed, {len(survivors)} failed")
    return 1 if survivors else 0


def remember(results):
    """Keeps what an earlier run said of mutants that this one did not try, as long as there are such mutants."""
    known = {(each["room"], each["name"]): each for each in (read(REPORT) or []) + results}
    known = {key: each for key, each in known.items() if (ROOT / "tests/mutants" / key[0] / f"{key[1]}.patch").exists()}
    REPORT.write_text(json.dumps([known[key] for key in sorted(known)], indent=1))


def read(path):
    return json.loads(path.read_text()) if path.exists() else None


def fuzz_executions():
    """Of the last run of each target (tools/ci/fuzz_targets.sh), by target."""
    out = {}
    for log in sorted((ROOT / "build/fuzz").glob("*.log")):
        found = re.search(r"^stat::number_of_executed_units: *(\d+)", log.read_text(errors="replace"), re.M)
        if found:
            out[log.stem] = int(found[1])
    return out


def farm_lines(name):
    report = read(ROOT / "build/ci" / name)
    if not report:
        return []
    counts = report["counts"]
    faults = {key.removeprefix("fault: "): value for key, value in counts.items() if key.startswith("fault: ")}
    lines = [f"* Tier *{report['tier']}*: {report['seeds']:,} seeds from {report['from']} over {report['scenarios']} scenarios, "
             f"{report['simulated_seconds'] / 3600:,.0f} simulated hours, {report['failed']} failures; "
             f"{report['repeated']:,} seeds were run twice with equal digests. The slowest heal took "
             f"{report['slowest_heal_ms'] / 1000:.1f} s. {counts.get('processes', 0):,} processes, "
             f"{counts.get('bonds formed', 0):,} ends of bonds."]
    if faults:
        lines.append(f"  Injected: {sum(faults.values()):,} faults ("
                     + ", ".join(f"{name} {count:,}" for name, count in sorted(faults.items(), key=lambda x: -x[1]))
                     + "); datagrams lost {:,}, cut off {:,}, doubled {:,}, replayed {:,}, corrupted {:,}.".format(
                         *(counts.get("datagrams " + key, 0) for key in ("lost", "cut off", "duplicated", "replayed", "corrupted"))))
    return lines


def write_table():
    page = ROOT / "docs/RELIABILITY.md"
    text = page.read_text()
    results = read(REPORT) or []
    farm = farm_lines("sim-links.json") + farm_lines("sim-raft.json") + farm_lines("sim-quic.json")
    executions = fuzz_executions()
    if executions:
        farm.append(f"* Fuzzing: {sum(executions.values()):,} inputs ("
                    + ", ".join(f"{name} {count:,}" for name, count in executions.items()) + ").")
    table = ["| room | mutant | killed by | s |", "| --- | --- | --- | ---: |"]
    for result in results:
        killed = result["outcome"] == "killed"
        by = ", ".join(f"`{each}`" for each in result["by"]) if killed else f"**{result['outcome']}**"
        table.append(f"| {result['room']} | {result['what']} | {by} | {max(result['seconds'], default=0):.1f} |")
    for mark, lines in (("farm", farm), ("mutants", table if results else [])):
        between = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)", re.S)
        if not between.search(text):
            sys.exit(f"{page} has no place for {mark}")
        if lines:
            text = between.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)
    page.write_text(text)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", help="folders of tests/mutants, or folder/name")
    parser.add_argument("--sample", type=int, default=0, help="so many, drawn by chance")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("CI_JOBS", os.cpu_count() or 2)))
    parser.add_argument("--table", action="store_true", help="only write docs/RELIABILITY.md")
    options = parser.parse_args()
    if options.table:
        return write_table()
    mutants = [Mutant(path) for path in sorted((ROOT / "tests/mutants").glob("*/*.patch"))]
    if options.rooms:
        mutants = [each for each in mutants if each.room in options.rooms or f"{each.room}/{each.name}" in options.rooms]
    if not mutants:
        sys.exit("no such mutant")
    if options.sample:
        print(f"{options.sample} of {len(mutants)} mutants, drawn with seed {options.seed}")
        mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    return run(mutants, options)


if __name__ == "__main__":
    sys.exit(main())
