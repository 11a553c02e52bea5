#!/usr/bin/env python3
"""count_junit.py FILE...: the sum of ctest's JUnit reports as `N passed, N failed, N skipped`; fails if a test did.

A test that was not run is a failure (its program is missing), unless it skipped itself.
"""
import sys
import xml.etree.ElementTree as ElementTree


def verdict(case):
    status = case.get("status")
    if status == "run":
        return "passed"
    if status == "disabled":
        return "skipped"
    skipped = case.find("skipped")
    if status == "notrun" and skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return "skipped"
    return "failed"


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name in sys.argv[1:]:
        for case in ElementTree.parse(name).getroot().iter("testcase"):
            word = verdict(case)
            counts[word] += 1
            if word == "skipped":
                print(f"skipped: {case.get('name')}")
    print(", ".join(f"{number} {word}" for word, number in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
