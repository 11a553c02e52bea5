#!/usr/bin/env python3
"""Strangers with a socket against nodes as real processes.

  run.py --mosaik build/release/mosaik --attack build/release/tests/udp_attack [--full] [--seed N] [--only TEXT]

Two nodes hold a bond; a stranger attacks one of them; a joiner comes in meanwhile. No process ends, the bond stays, and the
joiner is bonded with both within a second of its start. Without --full the attacks are shorter and fewer.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from attack import Attack, cpu  # noqa: E402
from nodes import Failure, Fleet, Suite, median  # noqa: E402

SECRET = "hostile secret"


def memory(node):
    """Private bytes of the process."""
    with open(f"/proc/{node.child.pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Clean", "Private_Dirty"))) * 1024


def group(fleet):
    network = f"hostile-{fleet.random.randrange(1 << 30)}"
    first = fleet.cpp(network, SECRET).ready()
    second = fleet.cpp(network, SECRET, bootstrap=[first.contact]).ready()
    fleet.meshed([first, second], 10)
    return network, first, second


def address(node):
    return node.contact.split("@")[1]


def attack_on(target, program, mode, seconds, *more):
    return Attack(program, mode, address(target), "--seconds", seconds, *more)


def under(fleet, program, mode, seconds, joiners, *more, settle=1.0):
    """Joins `joiners` times while the attack goes on; the slowest may take a second."""
    network, first, second = group(fleet)
    before = memory(first)
    took = []
    with attack_on(first, program, mode, seconds, *more) as attack:
        time.sleep(settle)  # the attack is to be in full swing, which nothing tells
        for _ in range(joiners):
            joiner = fleet.cpp(network, SECRET, bootstrap=[first.contact]).ready()
            begun = time.monotonic()
            fleet.meshed([joiner, first, second], 5)
            took.append(time.monotonic() - begun)
            joiner.kill()
            fleet.wait("its end is known", lambda: all(joiner.id not in n.bonds() for n in (first, second)), 5)
        figures = attack.figures(seconds + 15)
    for node in (first, second):
        if not node.running:
            raise Failure(f"{node.label} has ended")
        if any(e.get("event") == "bond_down" and e.get("peer") in (first.id, second.id) for e in node.events):
            raise Failure(f"{node.label} lost the honest bond")
    grown = (memory(first) - before) / 1e6
    fleet.clear()
    if max(took) > 1:
        raise Failure(f"a joiner needed {max(took) * 1000:.0f} ms; {figures}")
    return f"joined in {median(took) * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms (max); +{grown:.1f} MB; {figures}"


def storm_at_one_address(fleet, count):
    """Honest joiners, all at one address, all at once, all by one contact."""
    network, first, _ = group(fleet)
    nodes = [fleet.cpp(network, SECRET, bootstrap=[first.contact]) for _ in range(count)]
    for node in nodes:
        node.ready(30)
    begun = time.monotonic()
    fleet.wait("all are bonded with the contact", lambda: all(first.id in n.bonds() for n in nodes), 30)
    took = time.monotonic() - begun
    fleet.clear()
    return f"{count} bonded with their contact after {took * 1000:.0f} ms"


def frames(fleet, program, connections, seconds):
    network, first, second = group(fleet)
    with attack_on(first, program, "frames", seconds, "--links", connections, "--seed", fleet.random.randrange(1 << 30)) as one, \
         attack_on(second, program, "frames", seconds, "--links", connections, "--seed", fleet.random.randrange(1 << 30)) as two:
        figures = [one.figures(seconds + 30), two.figures(seconds + 30)]
    for node in (first, second):
        if not node.running:
            raise Failure(f"{node.label} has ended")
    fleet.meshed([first, second], 1)
    fleet.clear()
    return "; ".join(figures)


def invented(fleet, program, seconds, count, ours=False):
    """Two syncs of invented members; with `ours` their entries name the addresses of the nodes, else a silent victim's."""
    network, first, second = group(fleet)
    time.sleep(2.5)  # the time in which members that an entry alone names count for `online`
    known = first.command("status")
    more = ["--at", ",".join(address(n) for n in (first, second))] if ours else []
    used, worst, shown, begun = cpu(first), 0, 0, time.monotonic()
    with attack_on(first, program, "entries", seconds, "--links", count, "--network", network, "--group", known["group"],
                *more) as attack:
        time.sleep(1)  # both syncs are over, which nothing tells
        joiner = fleet.cpp(network, SECRET, bootstrap=[first.contact]).ready()
        started = time.monotonic()
        fleet.meshed([joiner, first, second], 5)
        joined = time.monotonic() - started
        fleet.wait("the first is online again", lambda: first.command("status")["online"], 2)
        while time.monotonic() - begun < seconds:
            asked = time.monotonic()
            status = first.command("status")
            worst = max(worst, time.monotonic() - asked)
            shown = max(shown, status["members"]["unattested"])
            if status["health"] != "healthy" or not status["online"] or status["members"]["known"] != 3:
                raise Failure(f"the status is {status}")
            time.sleep(0.5)
        figures = attack.figures(15)
    used = (cpu(first) - used) / seconds
    status = joiner.command("status")
    if not status["online"]:
        raise Failure(f"the joiner's status is {status}")
    fleet.clear()
    if shown < count:
        raise Failure(f"only {shown} of {count} entries came in; {figures}")
    if joined > 1:
        raise Failure(f"a joiner needed {joined * 1000:.0f} ms; {figures}")
    reached = int(figures.split(" datagrams and ")[1].split()[0])
    # For each node 20 kB a minute of hearsay; and the two that synced are attested: nine first packets to their host.
    if reached > 3 * 30000 * max(seconds / 60, 1) or (not ours and reached == 0):
        raise Failure(figures)
    if ours and used > 0.1:
        raise Failure(f"{used * 100:.0f} % of a core; {figures}")
    return (f"joined in {joined * 1000:.0f} ms; {used * 100:.1f} % of a core; status in {worst * 1000:.0f} ms at most, "
            f"{shown} unattested, healthy and online; {figures}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--attack", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    suite = Suite("hostile")
    sync, groups = "/mosaik/discovery/sync/1.0", "/mosaik/groups/1"
    with suite.logs() as folder, Fleet(args.mosaik, folder=folder, seed=args.seed) as fleet:
        print(f"hostile: seed {fleet.seed}", flush=True)
        long, short, joiners = (20, 8, 10) if args.full else (6, 4, 3)
        attack = args.attack
        checks = [("frames inside the encryption", lambda: frames(fleet, attack, 2000 if args.full else 200, 300 if args.full else 20))]
        for links in (64, 256, 1024) if args.full else (64, 1024):
            checks.append((f"{links} idle sync links", lambda links=links: under(
                fleet, attack, "idle", long, joiners, "--links", links, "--alpn", sync, settle=2.0)))
            checks.append((f"{links} idle group links", lambda links=links: under(
                fleet, attack, "idle", long, joiners, "--links", links, "--alpn", groups, settle=2.0)))
        checks += [
            ("a flood of handshakes", lambda: under(fleet, attack, "handshakes", short, joiners, "--links", 64)),
            ("a flood of handshakes from many networks", lambda: under(fleet, attack, "handshakes", short, joiners, "--links", 64, "--sources", 200)),
            ("a flood of handshakes with long delays", lambda: under(fleet, attack, "handshakes", 16 if args.full else 8, 2, "--links", 64,
                                                                     "--ack-delay", 16383, settle=11.0 if args.full else 6.0)),
            ("bursts of frames and a close, sync", lambda: under(fleet, attack, "bursts", short, joiners, "--links", 32, settle=2.0)),
            ("bursts of frames and a close, groups", lambda: under(fleet, attack, "bursts", short, joiners, "--links", 32, "--alpn", groups, settle=2.0)),
            ("5,000 first packets a second", lambda: under(fleet, attack, "initials", short, joiners, "--rate", 5000)),
            ("first packets as fast as they can be sent", lambda: under(fleet, attack, "initials", short, joiners)),
            ("1,000 invented members at a silent victim", lambda: invented(fleet, attack, 60 if args.full else 15, 1000)),
            ("1,000 invented members at our own addresses", lambda: invented(fleet, attack, 15, 1000, ours=True)),
            ("30 joiners at one address", lambda: storm_at_one_address(fleet, 30)),
        ]
        suite.run(fleet, checks, args.only)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
