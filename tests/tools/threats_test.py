#!/usr/bin/env python3
"""docs/THREATS.md: each row of what an attacker can do names a test, or says that it has none; each test that it names is there."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/THREATS.md").read_text()


def names_of_the_tests():
    """SUITE.NAME of every test in tests/, as it is written there."""
    out = set()
    for source in (ROOT / "tests").rglob("*_test.cpp"):
        out.update(f"{suite}.{name}" for suite, name in
                   re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", source.read_text(), re.M))
    return out


def rows_of_deeds():
    """The rows of all tables whose last column says what holds them."""
    out, inside = [], False
    for line in PAGE.splitlines():
        if line.startswith("|") and line.rstrip("| ").endswith("held by"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            out.append(line)
    return out


class ThePage(unittest.TestCase):
    def test_says_of_each_deed_what_holds_it(self):
        rows = rows_of_deeds()
        self.assertGreater(len(rows), 20)
        for row in rows:
            with self.subTest(row=row[:80]):
                held_by = row.strip("| ").split(" | ")[-1]
                self.assertTrue("`" in held_by or "no test" in held_by)

    def test_names_tests_that_there_are(self):
        tests = names_of_the_tests()
        for name in re.findall(r"`\w+\.(\w+\.\w+)`", PAGE):
            with self.subTest(test=name):
                self.assertTrue(name in tests, "there is no such test")

    def test_names_checks_that_there_are(self):
        for script, titles in re.findall(r"`(tests/\w+/\w+\.py)`((?:(?:: |, |, and )\"[^\"]+\")+)", PAGE):
            source = (ROOT / script).read_text()
            for title in re.findall(r"\"([^\"]+)\"", titles):
                with self.subTest(script=script, title=title):
                    pattern = re.sub(r"^\d+", r"(\\d+|\\{\\w+\\})", re.escape(title))
                    self.assertRegex(source, pattern)

    def test_names_limits_that_there_are(self):
        limits = set(re.findall(r"inline constexpr [\w:]+(?: \w+)? (\w+)\s*=", (ROOT / "src/base/limits.hpp").read_text()))
        for row in rows_of_deeds():
            for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", row):
                with self.subTest(limit=name):
                    self.assertTrue(name in limits, "there is no such limit")


if __name__ == "__main__":
    unittest.main()
