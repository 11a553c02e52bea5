#!/usr/bin/env python3
"""How soon real processes know that one of them is dead or silent.

  detection.py --mosaik build/release/mosaik [--ballast build/release/bench/ballast] [--rounds 5] [--only TEXT]

A row: the time from the signal to the `bond_down` of each survivor (its own monotonic clock, which is the host's), as the
first, the median and the last of all survivors and rounds. Rows over veth need root; without it they say so.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "harness"))
from nodes import Failure, Fleet, Skip  # noqa: E402
from spaces import Spaces  # noqa: E402

SECRET = "bench secret"


def mesh(fleet, count, add=None):
    network = f"bench-{fleet.random.randrange(1 << 30)}"
    add = add or (lambda index, contacts: fleet.cpp(network, SECRET, bootstrap=contacts))
    first = add(0, []).ready()
    nodes = [first] + [add(index, [first.contact]) for index in range(1, count)]
    for node in nodes[1:]:
        node.ready()
    fleet.meshed(nodes, 30)
    fleet.quiet(nodes, 1.5)
    return network, nodes


def down(node, peer):
    return next((e for e in node.events if e.get("event") == "bond_down" and e.get("peer") == peer), None)


def noticed(fleet, nodes, peer, at, ways):
    """Milliseconds after `at` at which each of the nodes ended its bond with the peer."""
    fleet.wait("all notice", lambda: all(down(n, peer) for n in nodes), 10)
    for node in nodes:
        ways[down(node, peer)["by"]] = ways.get(down(node, peer)["by"], 0) + 1
    return [down(n, peer)["mono_ns"] / 1e6 - at * 1e3 for n in nodes]


def signalled(fleet, rounds, count, number, add=None):
    times, ways = [], {}
    for _ in range(rounds):
        _, nodes = mesh(fleet, count, add)
        victim = nodes.pop(1 if count < 4 else count // 2)
        at = time.monotonic()
        victim.signal(number)
        times += noticed(fleet, nodes, victim.id, at, ways)
        fleet.clear()
    return times, ways


def heavy(fleet, rounds, ballast, megabytes, child):
    """A process of so many megabytes dies; it may leave a forked child."""
    times, ways = [], {}
    for _ in range(rounds):
        network, nodes = mesh(fleet, 3)
        weight = subprocess.Popen([ballast, network, nodes[0].contact, str(megabytes), child], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env={**os.environ, "MOSAIK_GROUP_SECRET": SECRET})
        try:
            peer = weight.stdout.readline().decode().strip()
            fleet.wait("the heavy one is bonded", lambda: all(peer in n.bonds() for n in nodes), 10)
            fleet.quiet(nodes, 1)
            at = time.monotonic()
            weight.kill()
            times += noticed(fleet, nodes, peer, at, ways)
        finally:
            weight.kill()
            weight.stdin.close()
            weight.wait()
        fleet.clear()
    return times, ways


def over_veth(fleet, rounds, count, number, hosts):
    with Spaces(fleet, hosts) as spaces:
        network = f"veth-{fleet.random.randrange(1 << 30)}"
        return signalled(fleet, rounds, count, number, lambda index, contacts: spaces.cpp(index % hosts, network, SECRET, contacts))


def row(title, call):
    try:
        times, ways = call()
    except Skip as reason:
        print(f"| {title} | - | - | - | skipped: {reason} |", flush=True)
        return
    except Failure as failure:
        print(f"| {title} | - | - | - | failed: {failure} |", flush=True)
        return
    times.sort()
    how = ", ".join(f"{count} {by}" for by, count in sorted(ways.items()))
    print(f"| {title} | {times[0]:.1f} | {times[len(times) // 2]:.1f} | {times[-1]:.1f} | {how} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--ballast", help="default: beside the command")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mosaik-bench-") as folder, Fleet(os.path.abspath(args.mosaik), None, folder) as fleet:
        rows = [("SIGKILL, 3 processes, loopback", lambda: signalled(fleet, args.rounds, 3, signal.SIGKILL)),
                ("SIGKILL, 20 processes, loopback", lambda: signalled(fleet, args.rounds, 20, signal.SIGKILL)),
                ("SIGKILL, 3 processes on 3 hosts, veth", lambda: over_veth(fleet, args.rounds, 3, signal.SIGKILL, 3)),
                ("SIGKILL, 20 processes on 2 hosts, veth", lambda: over_veth(fleet, args.rounds, 20, signal.SIGKILL, 2)),
                ("SIGSTOP, 3 processes, loopback", lambda: signalled(fleet, args.rounds, 3, signal.SIGSTOP)),
                ("SIGSTOP, 20 processes, loopback", lambda: signalled(fleet, args.rounds, 20, signal.SIGSTOP))]
        ballast = os.path.abspath(args.ballast or os.path.join(os.path.dirname(args.mosaik), "bench", "ballast"))
        if os.path.exists(ballast):
            rows += [("SIGKILL, 16 MB resident", lambda: heavy(fleet, args.rounds, ballast, 16, "none")),
                     ("SIGKILL, 64 MB resident", lambda: heavy(fleet, args.rounds, ballast, 64, "none")),
                     ("SIGKILL, a forked child lives on", lambda: heavy(fleet, args.rounds, ballast, 1, "fork"))]
        print("| milliseconds until known | first | median | last | verdicts |\n|---|---|---|---|---|")
        for title, call in rows:
            if args.only in title:
                row(title, call)
                fleet.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
