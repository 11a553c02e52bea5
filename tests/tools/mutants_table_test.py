#!/usr/bin/env python3
"""docs/RELIABILITY.md has one row for each patch in tests/mutants/, no other row, and names killers that there are."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import mutants  # noqa: E402


def rows_of_the_page():
    """(room, what the mutant breaks, its killers) of each row."""
    page = (mutants.ROOT / "docs/RELIABILITY.md").read_text()
    table = re.search(r"<!-- mutants -->\n(.*?)<!-- end of mutants -->", page, re.S)[1]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [(room, what, re.findall(r"`([^`]+)`", by)) for room, what, by, _ in cells]


def names_of_the_tests():
    """SUITE.NAME of every test in tests/, as it is written there."""
    out = set()
    for source in (mutants.ROOT / "tests").rglob("*_test.cpp"):
        found = re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", source.read_text(), re.M)
        out.update(f"{suite}.{name}" for suite, name in found)
    return out


class TheTable(unittest.TestCase):
    def setUp(self):
        self.patches = [mutants.Mutant(path) for path in sorted((mutants.ROOT / "tests/mutants").glob("*/*.patch"))]
        self.rows = rows_of_the_page()
        self.assertTrue(self.patches)

    def test_has_one_row_for_each_patch_and_no_other(self):
        self.assertEqual(sorted((each.room, each.what) for each in self.patches),
                         sorted((room, what) for room, what, _ in self.rows))

    def test_says_of_each_mutant_that_all_its_killers_killed_it(self):
        killers = {(each.room, each.what): each.killers for each in self.patches}
        for room, what, by in self.rows:
            with self.subTest(mutant=what):
                self.assertEqual(len(by), len(killers.get((room, what), [])))

    def test_names_tests_that_there_are(self):
        tests = names_of_the_tests()
        for _, what, by in self.rows:
            for killer in by:
                if " in " in killer:  # a law of the simulator, with scenario and seed
                    continue
                with self.subTest(mutant=what, killer=killer):
                    name = re.fullmatch(r"\w+\.(?:\w+/)?(\w+\.\w+)(?:/\w+)?", killer)
                    self.assertIsNotNone(name)
                    self.assertTrue(name[1] in tests, "there is no such test")

    def test_is_of_patches_that_fit_the_sources(self):
        for each in self.patches:
            with self.subTest(mutant=each.what):
                done = subprocess.run(["git", "apply", "-C1", "--check", str(each.path)], cwd=mutants.ROOT, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
