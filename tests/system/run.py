#!/usr/bin/env python3
"""C++ nodes as real processes: joining, dying, stopping, leaving, returning.

  run.py --mosaik build/release/mosaik [--full] [--seed N] [--only TEXT]

Without --full a sampled set for CI; with it the counts that a release is held to. Times are measured and printed; what is
asserted has room for a loaded machine.
"""

import argparse
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import rolling  # noqa: E402
import supervised  # noqa: E402
from spaces import Spaces  # noqa: E402
from nodes import Failure, Fleet, Skip, Suite, median  # noqa: E402

SECRET = "system secret"


def mesh(fleet, count, keys=False, flags=()):
    """`count` nodes at once, all knowing the first; returns them bonded and the seconds that took after all were ready."""
    network = f"system-{fleet.random.randrange(1 << 30)}"
    key = (lambda: os.path.join(fleet.folder, fleet.label("key"))) if keys else (lambda: None)
    first = fleet.cpp(network, SECRET, key=key(), flags=flags).ready()
    nodes = [first] + [fleet.cpp(network, SECRET, bootstrap=[first.contact], key=key(), flags=flags) for _ in range(count - 1)]
    for node in nodes[1:]:
        node.ready()
    ready = time.monotonic()
    fleet.meshed(nodes, 20)
    return network, nodes, time.monotonic() - ready


def joins(fleet, count, rounds):
    took = []
    for _ in range(rounds):
        _, nodes, seconds = mesh(fleet, count)
        took.append(seconds)
        fleet.quiet(nodes, 0.5)
        fleet.clear()
    return f"{rounds} x {count} processes, {count * (count - 1) // 2} bonds after {median(took) * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms (max)"


def killed(fleet, count):
    _, nodes, _ = mesh(fleet, count)
    victim = nodes[1]
    at = victim.kill()
    rest = [n for n in nodes if n is not victim]
    fleet.wait("all notice", lambda: all(any(e.get("event") == "bond_down" and e.get("peer") == victim.id for e in n.events) for n in rest), 5)
    took = sorted(next(e["at"] for e in n.events if e.get("event") == "bond_down" and e.get("peer") == victim.id) - at for n in rest)
    if took[-1] > 0.5 + 0.05 + 0.2:  # one heartbeat interval + 50 ms, and the harness's own latency under load
        raise Failure(f"the last noticed after {took[-1] * 1000:.0f} ms")
    fleet.clear()
    return f"first {took[0] * 1000:.0f} ms, median {median(took) * 1000:.0f} ms, last {took[-1] * 1000:.0f} ms"


def restarted(fleet):
    network, nodes, _ = mesh(fleet, 4, keys=True)
    victim = nodes[2]
    key = victim.argv[victim.argv.index("--secret-key-file") + 1]
    victim.kill()
    again = fleet.cpp(network, SECRET, bootstrap=[nodes[0].contact], key=key).ready()
    if again.id != victim.id:
        raise Failure("another identity")
    begun = time.monotonic()
    fleet.meshed([n for n in nodes if n is not victim] + [again], 5)
    fleet.clear()
    return f"healed {1000 * (time.monotonic() - begun):.0f} ms after it was ready"


def stopped(fleet):
    _, nodes, _ = mesh(fleet, 4)
    victim, rest = nodes[3], nodes[:3]
    victim.signal(signal.SIGSTOP)
    at = time.monotonic()
    fleet.wait("all notice", lambda: all(victim.id not in n.bonds() for n in rest), 4)
    noticed = time.monotonic() - at
    if noticed > 2.2:
        raise Failure(f"noticed only after {noticed:.2f} s")
    victim.signal(signal.SIGCONT)
    begun = time.monotonic()
    fleet.meshed(nodes, 5)
    fleet.clear()
    return f"noticed after {noticed * 1000:.0f} ms, healed {1000 * (time.monotonic() - begun):.0f} ms after SIGCONT"


def ask(fleet, node, verb):
    """What the command says of a node, in words."""
    done = subprocess.run([fleet.mosaik, verb, "--control", os.path.join(fleet.folder, f"{node.label}.sock")],
                          capture_output=True, text=True, timeout=10, check=False)
    return done.stdout + done.stderr


def cut_pair(fleet):
    """Three hosts, two of which cannot reach one another: a broken link, said so by all three, and no death."""
    with Spaces(fleet, 3) as spaces:
        network = f"pair-{fleet.random.randrange(1 << 30)}"
        one = spaces.cpp(0, network, SECRET, []).ready()
        nodes = [one] + [spaces.cpp(index, network, SECRET, [one.contact]).ready() for index in (1, 2)]
        fleet.meshed(nodes, 10)
        fleet.quiet(nodes, 1)
        heal = spaces.cut(0, 1)
        begun = time.monotonic()
        fleet.wait("both ends notice", lambda: nodes[1].id not in one.bonds() and one.id not in nodes[1].bonds(), 4)
        noticed = time.monotonic() - begun
        for node, other in ((one, nodes[1]), (nodes[1], one)):
            down = next(e for e in node.events if e.get("event") == "bond_down" and e.get("peer") == other.id)
            if down["by"] != "link":
                raise Failure(f"{node.label} calls it {down['by']}")
            node.wait("status says so", lambda n: "the link between it and us is down" in ask(fleet, n, "status"), 3)
        nodes[2].wait("status of the third says so", lambda n: "not with one another" in ask(fleet, n, "status"), 3)
        if "2 bonds of 3" not in ask(fleet, nodes[2], "topology"):
            raise Failure(f"topology: {ask(fleet, nodes[2], 'topology')}")
        heal()
        begun = time.monotonic()
        fleet.meshed(nodes, 10)
        healed = time.monotonic() - begun
    return f"noticed after {noticed * 1000:.0f} ms, healed after {healed * 1000:.0f} ms"


def leaves(fleet):
    _, nodes, _ = mesh(fleet, 4)
    at = time.monotonic()
    if nodes[3].end() != 0:
        raise Failure("exit code")
    fleet.wait("all notice", lambda: all(nodes[3].id not in n.bonds() for n in nodes[:3]), 2)
    took = time.monotonic() - at
    fleet.quiet(nodes[:3], 1.5)
    fleet.clear()
    return f"after {took * 1000:.0f} ms"


def loaded(fleet, seconds):
    """A machine loaded twice over raises no false alarm."""
    _, nodes, _ = mesh(fleet, 8)
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        fleet.quiet(nodes, seconds)
        suspected = sum(e.get("event") == "suspect" for n in nodes for e in n.events)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    fleet.clear()
    return f"{seconds} s with {len(hogs)} hogs, {suspected} suspicions, none acted on"


def other_secret(fleet):
    network = f"system-{fleet.random.randrange(1 << 30)}"
    one = fleet.cpp(network, SECRET).ready()
    two = fleet.cpp(network, "another secret", bootstrap=[one.contact]).ready()

    def status():
        path = os.path.join(fleet.folder, f"{two.label}.sock")
        done = subprocess.run([fleet.mosaik, "status", "--control", path], capture_output=True, text=True, timeout=10)
        return done.stdout + done.stderr
    two.wait("status says why", lambda _: "another group secret" in status(), 5)
    if one.bonds() or two.bonds():
        raise Failure("they are bonded")
    fleet.clear()


def secrets_stay_secret(fleet):
    """Neither the group secret nor a key appears in the process list, in events or in logs."""
    network, nodes, _ = mesh(fleet, 2, keys=True, flags=("--log-level", "debug"))
    words = [SECRET]
    for node in nodes:
        with open(node.argv[node.argv.index("--secret-key-file") + 1], encoding="ascii") as file:
            words.append(file.read().strip())
        with open(f"/proc/{node.child.pid}/cmdline", "rb") as file:
            text = file.read().decode(errors="replace")
        if any(word in text for word in words):
            raise Failure("a secret is in the process list")
    fleet.clear()
    for name in os.listdir(fleet.folder):
        if name.endswith(".log"):
            with open(os.path.join(fleet.folder, name), "rb") as file:
                text = file.read().decode(errors="replace")
            if any(word in text for word in words):
                raise Failure(f"a secret is in {name}")


def long_cut(fleet, seconds):
    """Two hosts cut apart for longer than entries live, no bootstrap peer in between: they heal by themselves."""
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode != 0:
        raise Skip("network namespaces need root and iproute2")
    a, b = f"mosaik-{os.getpid()}a", f"mosaik-{os.getpid()}b"

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)
    try:
        ip("netns", "add", a)
        ip("netns", "add", b)
        ip("link", "add", "va", "netns", a, "type", "veth", "peer", "name", "vb", "netns", b)
        for space, device, address in ((a, "va", "10.213.0.1/24"), (b, "vb", "10.213.0.2/24")):
            ip("-n", space, "addr", "add", address, "dev", device)
            ip("-n", space, "link", "set", device, "up")
            ip("-n", space, "link", "set", "lo", "up")
        network = f"cut-{fleet.random.randrange(1 << 30)}"
        one = fleet.cpp(network, SECRET, listen="10.213.0.1:0", space=a).ready()
        two = fleet.cpp(network, SECRET, bootstrap=[one.contact], listen="10.213.0.2:0", space=b).ready()
        fleet.meshed([one, two], 10)
        ip("-n", a, "link", "set", "va", "down")
        fleet.wait("both notice", lambda: not one.bonds() and not two.bonds(), 10)
        fleet.quiet([one, two], seconds)
        ip("-n", a, "link", "set", "va", "up")
        begun = time.monotonic()
        fleet.meshed([one, two], 10)
        took = time.monotonic() - begun
    finally:
        fleet.clear()
        for space in (a, b):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
    return f"cut {seconds} s, healed after {took * 1000:.0f} ms"


def new_address(fleet):
    """An interface gets another address while the node runs: its entry says so."""
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode != 0:
        raise Skip("network namespaces need root and iproute2")
    space = f"mosaik-{os.getpid()}n"

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)
    try:
        ip("netns", "add", space)
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "addr", "add", "10.213.7.1/32", "dev", "lo")
        node = fleet.cpp("addresses", SECRET, listen="0.0.0.0:0", space=space).ready()
        ip("-n", space, "addr", "add", "10.213.7.2/32", "dev", "lo")
        fleet.wait("the new address is advertised", lambda: any("10.213.7.2:" in a for a in node.command("me")["addrs"]), 5)
    finally:
        fleet.clear()
        subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    suite = Suite("system")
    with suite.logs() as folder, Fleet(os.path.abspath(args.mosaik), None, folder, args.seed) as fleet:
        checks = [
            ("twenty processes join at once", lambda: joins(fleet, 20, 20 if args.full else 2)),
            ("a killed process of three is noticed by all", lambda: killed(fleet, 3)),
            ("a killed process of twenty is noticed by all", lambda: killed(fleet, 20)),
            ("a restarted process replaces its predecessor", lambda: restarted(fleet)),
            ("a stopped process is noticed and heals", lambda: stopped(fleet)),
            ("a cut between two of three is a broken link", lambda: cut_pair(fleet)),
            ("a leaving process is noticed and not dialed", lambda: leaves(fleet)),
            ("another secret never bonds and status says why", lambda: other_secret(fleet)),
            ("secrets stay secret", lambda: secrets_stay_secret(fleet)),
            ("load raises no false alarm", lambda: loaded(fleet, 600 if args.full else 20)),
            *((title, lambda check=check: check(fleet)) for title, check in supervised.CHECKS),
            *((title, lambda check=check: check(fleet)) for title, check in rolling.checks(args.full)),
            ("a new address of the computer is advertised", lambda: new_address(fleet)),
            ("a cut longer than staleness heals", lambda: long_cut(fleet, 360 if args.full else 6)),
        ]
        suite.run(fleet, checks, args.only)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
