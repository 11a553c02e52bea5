#!/usr/bin/env python3
"""A member that floods, against three nodes as real processes.

  member.py --mosaik build/release/mosaik --attack build/release/tests/member_attack [--seconds T] [--only TEXT]

Three nodes count together; a fourth member floods their leader. No process ends, no honest bond falls, and what the
others write meanwhile is committed within a second. (Many identities that acknowledge nothing can hold up the writes of a group without a floor;
there only the bonds are looked at.)
"""

import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from attack import Attack, cpu  # noqa: E402
from nodes import Failure, Fleet, Suite, median  # noqa: E402

SECRET = "hostile member"
FLAGS = ["--machine", "counter", "--bootstrap-delay", "300ms", "--election-timeout", "500ms", "--election-jitter", "200ms"]
WITHIN = 1.0


def memory(node):
    with open(f"/proc/{node.child.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def status(fleet, node):
    control = os.path.join(fleet.folder, f"{node.label}.sock")
    out = subprocess.run([fleet.mosaik, "status", "--json", "--control", control], capture_output=True, text=True, check=False)
    if not out.stdout:  # an exit status tells of a group that is not well
        raise Failure(f"{node.label}: status: {out.stderr.strip()}")
    return json.loads(out.stdout)["groups"][0]


def attack_on(target, program, mode, network, group, seconds, *more):
    return Attack(program, mode, target.contact, "--network", network, "--group", group, "--secret", SECRET, "--seconds", seconds, *more)


def under(fleet, program, mode, seconds, *more, fill=0, flags=(), writes=True):
    network = f"member-{fleet.random.randrange(1 << 30)}"
    nodes = [fleet.cpp(network, SECRET, flags=[*FLAGS, *flags]).ready()]
    nodes += [fleet.cpp(network, SECRET, bootstrap=[nodes[0].contact], flags=[*FLAGS, *flags]).ready() for _ in range(2)]
    fleet.meshed(nodes, 10)
    fleet.wait("one leader", lambda: all(status(fleet, n)["consensus"]["online"] for n in nodes), 10)
    group = status(fleet, nodes[0])
    leader = next(n for n in nodes if n.id == group["consensus"]["leader"])
    others = [n for n in nodes if n is not leader]
    if fill:
        with attack_on(leader, program, "fill", network, group["group"], fill) as filler:
            filled = filler.figures(fill + 20)
        if status(fleet, leader)["consensus"]["committed"] == 0:
            raise Failure(f"the log stays empty: {filled}")
    held = status(fleet, leader)["consensus"]["committed"]
    before = [(memory(n), cpu(n)) for n in nodes]
    since = [len(n.events) for n in nodes]
    begun = time.monotonic()
    took, asked, refused = [], [], 0
    with attack_on(leader, program, mode, network, group["group"], seconds, *more) as attack:
        while time.monotonic() - begun < seconds:
            at = time.monotonic()
            try:
                if writes:
                    others[0].command("add", seconds=10, n=1)
            except Failure as failure:
                if "leader is full" not in str(failure):
                    raise
                refused += 1
            took.append(time.monotonic() - at)
            at = time.monotonic()
            status(fleet, leader)
            asked.append(time.monotonic() - at)
            time.sleep(0.05)
        span = time.monotonic() - begun
        grown = [(memory(n) - m) / 1e6 for n, (m, _) in zip(nodes, before)]
        used = [100 * (cpu(n) - c) / span for n, (_, c) in zip(nodes, before)]
        at = nodes.index(leader)
        figures = attack.figures(seconds + 30)
    honest = {n.id for n in nodes}
    for node, first in zip(nodes, since):
        if not node.running:
            raise Failure(f"{node.label} has ended")
        for event in node.events[first:]:
            if event.get("event") == "bond_down" and event.get("peer") in honest:
                raise Failure(f"{node.label} lost an honest bond: {event}; {figures}")
    told = status(fleet, leader)["consensus"]
    fleet.clear()
    text = (f"log of {held}; leader {used[at]:.0f} % of a core, {grown[at]:+.0f} MB, others {max(u for i, u in enumerate(used) if i != at):.0f} %, "
            f"{max(g for i, g in enumerate(grown) if i != at):+.0f} MB; a write {median(took) * 1000:.0f} ms, {max(took) * 1000:.0f} ms at most "
            f"({len(took)}, {refused} refused); status {max(asked) * 1000:.0f} ms at most; log {told['log_bytes'] / 1e6:.0f} of "
            f"{told['log_limit'] / 1e6:.0f} MB; {figures}")
    if max(took) > WITHIN:
        raise Failure(f"a write needed {max(took) * 1000:.0f} ms; {text}")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--attack", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    suite = Suite("hostile member")
    with suite.logs() as folder, Fleet(args.mosaik, folder=folder, seed=args.seed) as fleet:
        print(f"hostile member: seed {fleet.seed}", flush=True)
        checks = [
            ("catch-up requests", lambda: under(fleet, args.attack, "fetch", args.seconds, fill=2)),
            ("commands of 1 MiB", lambda: under(fleet, args.attack, "forward", args.seconds, flags=["--log-limit", "256MiB"])),
            ("pings", lambda: under(fleet, args.attack, "ping", args.seconds)),
            ("strong reads", lambda: under(fleet, args.attack, "query", args.seconds)),
            ("votes", lambda: under(fleet, args.attack, "votes", args.seconds)),
            ("lists in handshakes", lambda: under(fleet, args.attack, "list", 4 * args.seconds, "--identities", 50, writes=False)),
        ]
        suite.run(fleet, checks, args.only)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
