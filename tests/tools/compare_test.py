#!/usr/bin/env python3
"""The comparison of two revisions: its statistics, its verdicts, what it throws away and what it leaves behind."""
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import compare  # noqa: E402


def options_of(*arguments):
    return compare.parse(["old", "new", *arguments])[0]


def run_main(*arguments):
    """The exit status, and what was said on both outputs."""
    cores, out, err = os.sched_getaffinity(0), io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = compare.main(list(arguments))
            except SystemExit as end:
                status = end.code
    finally:
        os.sched_setaffinity(0, cores)
    return status, out.getvalue(), err.getvalue()


class Statistics(unittest.TestCase):
    def test_a_cost_above_one_is_slower_for_times_and_for_rates(self):
        self.assertAlmostEqual(compare.cost(10, 11, "us"), 1.1)
        self.assertAlmostEqual(compare.cost(110, 100, "MiB/s"), 1.1)
        self.assertAlmostEqual(compare.cost(110, 100, "/s"), 1.1)

    def test_pairs_alternate(self):
        self.assertEqual("".join(side[0] for pair in range(4) for side in compare.order_of(pair)), "onnoonno")

    def test_a_drift_cancels_out_over_two_pairs(self):
        clock, costs = iter(range(100, 110)), []
        for pair in range(2):
            times = {side: next(clock) for side in compare.order_of(pair)}
            costs.append(times["new"] / times["old"])
        self.assertAlmostEqual(sum(costs) / 2, 1, places=3)

    def test_the_interval_repeats_for_a_seed(self):
        values = [random.Random(7).gauss(1, 0.05) for _ in range(30)]
        self.assertEqual(compare.interval_of(values, 1), compare.interval_of(values, 1))

    def test_the_interval_of_one_value_is_that_value(self):
        self.assertEqual(compare.interval_of([1.02] * 30, 1), (1.02, 1.02))

    def test_the_interval_is_about_the_median_and_one_wild_value_does_not_matter(self):
        low, high = compare.interval_of([1.0, 1.01, 0.99, 1.02, 0.98] * 6 + [40.0], 1)
        self.assertLessEqual(0.98, low)
        self.assertLessEqual(high, 1.02)

    def test_the_interval_has_the_true_median_in_it_nineteen_times_of_twenty(self):
        draw, hits, worlds = random.Random(3), 0, 200
        for world in range(worlds):
            low, high = compare.interval_of([draw.gauss(1, 0.05) for _ in range(30)], world, resamples=400)
            hits += low <= 1 <= high
        self.assertGreaterEqual(hits / worlds, 0.90)

    def test_a_pair_beside_other_load_is_not_calm(self):
        pairs = [{"calibrations": each} for each in ([0.020] * 4, [0.0205, 0.0219, 0.021, 0.020], [0.020, 0.020, 0.0221, 0.020])]
        self.assertEqual(compare.calm(pairs), pairs[:2])
        self.assertEqual(compare.calm([]), [])

    def test_the_best_calibration_may_come_late(self):
        slow, fast = {"calibrations": [0.030] * 4}, {"calibrations": [0.020] * 4}
        self.assertEqual(compare.calm([slow]), [slow])
        self.assertEqual(compare.calm([slow, fast]), [fast])


class Verdicts(unittest.TestCase):
    def test_the_lower_end_decides(self):
        self.assertEqual(compare.judge((0.99, 1.01), 0.03, None), (compare.HOLDS, "times"))
        self.assertEqual(compare.judge((1.02, 1.045), 0.03, None), (compare.HOLDS, "times"))
        self.assertEqual(compare.judge((1.031, 1.045), 0.03, None), (compare.BROKEN, "times"))

    def test_instructions_decide_when_the_interval_is_wider_than_the_bound(self):
        self.assertEqual(compare.judge((0.9, 1.2), 0.03, 1.0), (compare.HOLDS, "instructions"))
        self.assertEqual(compare.judge((0.9, 1.2), 0.03, 1.1), (compare.BROKEN, "instructions"))
        self.assertEqual(compare.judge((1.1, 1.2), 0.03, 1.0), (compare.HOLDS, "instructions"))

    def test_nothing_is_said_without_times_and_instructions(self):
        self.assertEqual(compare.judge((0.9, 1.2), 0.03, None), (compare.UNKNOWN, None))
        self.assertEqual(compare.judge(None, 0.03, None), (compare.UNKNOWN, None))

    def test_instructions_do_not_overrule_a_clear_interval(self):
        self.assertEqual(compare.judge((1.0, 1.01), 0.03, 1.2), (compare.HOLDS, "times"))

    def test_the_worst_verdict_is_the_exit_status(self):
        self.assertEqual(compare.status_of([compare.HOLDS]), 0)
        self.assertEqual(compare.status_of([compare.HOLDS, compare.UNKNOWN]), 2)
        self.assertEqual(compare.status_of([compare.UNKNOWN, compare.BROKEN]), 1)
        self.assertEqual(compare.status_of([]), 2)

    def test_a_bound_is_a_share(self):
        self.assertAlmostEqual(compare.parse_bound("3%"), 0.03)
        self.assertAlmostEqual(compare.parse_bound("0.5"), 0.005)
        for text in ("", "0", "-3%", "100%", "three"):
            with self.subTest(text=text), self.assertRaises(compare.argparse.ArgumentTypeError):
                compare.parse_bound(text)


class Figures(unittest.TestCase):
    """One figure with made-up rounds: `old` and `new` are what the two sides take, beside the noise."""

    def compare(self, old=10.0, new=10.0, noise=0.002, calibrations=None, counts=None, arguments=(), fail_every=0):
        draw, times, runs = random.Random(5), calibrations or (lambda: 0.02), []

        def measure(folder, figure):
            runs.append(folder)
            if fail_every and len(runs) % fail_every == 0:
                return None, "a round ended with status 1: no luck"
            return {"old": old, "new": new}[folder] * draw.gauss(1, noise), "us"

        def count_once(_, folder, figure, work):
            return 1000 + work * (counts or {})[folder]

        counter = ("counter", "") if counts else None
        with mock.patch.multiple(compare, measure=measure, calibrate=times, count_once=count_once):
            result = compare.compare("bulk", {"old": "old", "new": "new"}, options_of(*arguments), counter, os.sched_getaffinity(0))
        return result, runs

    def test_the_same_on_both_sides_holds(self):
        result, runs = self.compare()
        self.assertEqual((result["verdict"], result["decided_by"]), (compare.HOLDS, "times"))
        self.assertEqual((result["used"], result["thrown"], len(runs)), (30, 0, 60))

    def test_ten_percent_more_do_not_hold(self):
        result, _ = self.compare(new=11.0)
        self.assertEqual(result["verdict"], compare.BROKEN)
        self.assertAlmostEqual(result["cost"], 1.1, places=2)

    def test_ten_percent_more_hold_a_bound_of_twenty(self):
        self.assertEqual(self.compare(new=11.0, arguments=["--bound", "20%"])[0]["verdict"], compare.HOLDS)

    def test_noise_lets_instructions_decide_and_says_so(self):
        result, _ = self.compare(noise=0.3, counts={"old": 100, "new": 110})
        self.assertEqual((result["verdict"], result["decided_by"]), (compare.BROKEN, "instructions"))
        self.assertEqual(result["instructions"], {"old": 100, "new": 110, "ratio": 1.1})
        self.assertIn("instructions decide", " ".join(result["notes"]))

    def test_noise_without_a_counter_says_nothing(self):
        result, _ = self.compare(noise=0.3)
        self.assertEqual(result["verdict"], compare.UNKNOWN)
        self.assertIn("cannot be counted", " ".join(result["notes"]))

    def test_no_instruction_is_counted_where_times_are_clear(self):
        self.assertIsNone(self.compare(counts={"old": 100, "new": 200})[0]["instructions"])
        self.assertIsNotNone(self.compare(counts={"old": 100, "new": 200}, arguments=["--count", "always"])[0]["instructions"])

    def test_pairs_beside_other_load_are_run_again(self):
        loads = iter(range(10_000))
        result, _ = self.compare(calibrations=lambda: 0.05 if next(loads) % 12 == 3 else 0.02)
        self.assertEqual((result["used"], result["thrown"]), (30, 15))
        self.assertEqual(result["verdict"], compare.HOLDS)

    def test_steady_other_load_is_given_up_and_instructions_decide(self):
        loads = iter(range(10_000))
        result, runs = self.compare(calibrations=lambda: 0.02 * (1 + next(loads) % 4), counts={"old": 100, "new": 100})
        self.assertEqual((result["used"], result["thrown"], len(runs)), (0, 30, 60))
        self.assertEqual((result["verdict"], result["decided_by"]), (compare.HOLDS, "instructions"))

    def test_no_more_than_three_times_the_pairs_are_run(self):
        loads = iter(range(10_000))
        result, runs = self.compare(calibrations=lambda: 0.05 if next(loads) % 20 < 15 else 0.02)
        self.assertEqual((result["used"], result["thrown"], len(runs)), (18, 72, 180))
        self.assertEqual(result["verdict"], compare.HOLDS)

    def test_rounds_that_fail_are_told_and_do_not_count(self):
        result, _ = self.compare(fail_every=7)
        self.assertEqual(result["used"], 30)
        self.assertGreater(result["failed"], 0)
        self.assertIn("no luck", " ".join(result["notes"]))

    def test_a_benchmark_that_never_succeeds_is_an_error(self):
        with self.assertRaisesRegex(compare.Trouble, "no luck"):
            self.compare(fail_every=1)

    def test_work_that_takes_no_instructions_is_an_error(self):
        with self.assertRaisesRegex(compare.Trouble, "no more instructions"):
            self.compare(noise=0.3, counts={"old": 0, "new": 100})


PROGRAM = """#!/bin/sh
[ "$1" = --quick ] && [ "$2" = bulk ] || exit 64
echo "bulk {} MiB/s"
"""


class Program(unittest.TestCase):
    """The whole program on two directories with made-up benchmarks."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        patch = mock.patch.object(compare, "calibrate", lambda: 0.02)
        patch.start()
        self.addCleanup(patch.stop)

    def build(self, name, text):
        place = self.home / name / "bench"
        place.mkdir(parents=True)
        (place / "link").write_text(text)
        (place / "link").chmod(0o755)
        return str(self.home / name)

    def test_the_table_has_a_line_for_the_figure(self):
        old, new = self.build("old", PROGRAM.format(700)), self.build("new", PROGRAM.format("699.5"))
        status, out, _ = run_main(old, new, "bulk", "--rounds", "3")
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"bulk +MiB/s +700.00 +699.50 +1.0007 +1.0007 1.0007 +0 of 3 +holds")

    def test_a_slower_one_ends_with_1_and_is_in_the_file(self):
        old, new = self.build("old", PROGRAM.format(700)), self.build("new", PROGRAM.format(630))
        file = self.home / "out.json"
        status, out, _ = run_main(old, new, "bulk", "--rounds", "3", "--json", str(file))
        self.assertEqual(status, 1)
        self.assertIn("does not hold", out)
        told = json.loads(file.read_text())
        self.assertEqual((told["status"], told["bound"], told["old"]["name"]), (1, 0.03, old))
        self.assertEqual([figure["verdict"] for figure in told["figures"]], ["does not hold"])
        self.assertEqual(len(told["figures"][0]["pairs"]), 3)

    def test_what_cannot_be_measured_ends_with_2(self):
        old, new = self.build("old", PROGRAM.format(700)), self.build("new", "#!/bin/sh\nexit 64\n")
        status, _, err = run_main(old, new, "bulk")
        self.assertEqual(status, 2)
        self.assertIn("no short form of bulk", err)

    def test_an_unknown_figure_ends_with_2_and_names_the_others(self):
        status, _, err = run_main("a", "b", "speed")
        self.assertEqual(status, 2)
        self.assertIn("handshakes", err)

    def test_neither_directory_nor_revision_ends_with_2(self):
        status, _, err = run_main("no-such-thing", "no-such-thing", "bulk")
        self.assertEqual(status, 2)
        self.assertIn("neither a directory nor a revision", err)

    def test_a_directory_without_programs_ends_with_2(self):
        status, _, err = run_main(str(self.home), str(self.home), "bulk")
        self.assertEqual(status, 2)
        self.assertIn("neither the programs link nor sources", err)


class Revisions(unittest.TestCase):
    """A repository with two revisions, and a build that copies their benchmark."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.git("init", "--quiet")
        self.commit(700)
        self.commit(600)
        (self.root / "bench/link").write_text(PROGRAM.format(650))  # not committed
        for patch in (mock.patch.multiple(compare, ROOT=self.root, HOME=self.root / "build/compare", build=self.build),
                      mock.patch.object(compare, "calibrate", lambda: 0.02)):
            patch.start()
            self.addCleanup(patch.stop)

    def git(self, *arguments):
        name = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *name, *arguments], cwd=self.root, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def commit(self, rate):
        (self.root / "bench").mkdir(exist_ok=True)
        (self.root / "bench/link").write_text(PROGRAM.format(rate))
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", str(rate))

    def build(self, source, programs, jobs):
        self.assertEqual(programs, ["link"])
        (source / "bench/link").chmod(0o755)
        return source / "bench"

    def worktrees(self):
        return self.git("worktree", "list").strip().splitlines()

    def test_each_revision_is_built_in_a_worktree_of_its_own_that_goes(self):
        status, out, err = run_main("HEAD~1", "HEAD", "bulk", "--rounds", "3", "--own-bench")
        self.assertEqual(status, 1, err)
        self.assertRegex(out, r"700.00 +600.00")
        self.assertEqual(len(self.worktrees()), 1)
        self.assertEqual(list((self.root / "build/compare").iterdir()), [])

    def test_both_are_measured_by_the_programs_of_this_tree(self):
        status, out, err = run_main("HEAD~1", "HEAD", "bulk", "--rounds", "3")
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"650.00 +650.00")

    def test_a_build_that_fails_leaves_no_worktree(self):
        with mock.patch.object(compare, "build", side_effect=compare.Trouble("no compiler")):
            status, _, err = run_main("HEAD~1", "HEAD", "bulk")
        self.assertEqual(status, 2)
        self.assertIn("no compiler", err)
        self.assertEqual(len(self.worktrees()), 1)

    def test_kept_worktrees_stay(self):
        status, _, err = run_main("HEAD", "HEAD", "bulk", "--rounds", "3", "--keep")
        self.assertEqual(status, 0, err)
        self.assertEqual(len(self.worktrees()), 2, "one revision, one worktree")
        self.assertIn("kept:", err)


if __name__ == "__main__":
    unittest.main()
