#!/usr/bin/env python3
"""C++ nodes and nodes of the Rust crate in one group (needs the rustpeer binary; see rustpeer/README.md).

  run.py --mosaik build/release/mosaik --probe build/release/tests/interop_probe --rustpeer PATH [--full] [--seed N] [--only TEXT]

Without --full a sampled set for CI; with it the counts that a release is held to.
"""

import argparse
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from named import NAME, Named  # noqa: E402
from nodes import Failure, Fleet, Suite, median  # noqa: E402
from spaces import Spaces  # noqa: E402
import counters  # noqa: E402
import crate_groups  # noqa: E402
import load  # noqa: E402

GROUP_SECRET = "interop secret"


def with_cpp_end(a, b):
    return not (a.rust and b.rust)


def start(fleet, kind, network, bootstrap):
    node = (fleet.rust if kind == "rust" else fleet.cpp)(network, GROUP_SECRET, bootstrap=bootstrap)
    return node


def mixed_order(fleet, order, at_once):
    """2 C++ and 2 Rust nodes join in an order; every pair with a C++ end is bonded within 5 s of the last being ready."""
    network = f"order-{fleet.random.randrange(1 << 30)}"
    first = start(fleet, order[0], network, []).ready()
    nodes = [first]
    if at_once:
        rest = [start(fleet, kind, network, [first.contact]) for kind in order[1:]]
        nodes += [node.ready() for node in rest]
    else:
        for kind in order[1:]:
            nodes.append(start(fleet, kind, network, [first.contact]).ready())
    ready = time.monotonic()
    fleet.meshed(nodes, 5, with_cpp_end)
    took = time.monotonic() - ready
    fleet.clear()
    return f"{'+'.join(order)}{' at once' if at_once else ''} {took * 1000:.0f} ms"


def joining_orders(fleet, rounds):
    note = ""
    for i in range(rounds):
        order = ["cpp", "cpp", "rust", "rust"]
        fleet.random.shuffle(order)
        note = mixed_order(fleet, order, at_once=i % 2 == 0)
    return f"seed {fleet.seed}; last: {note}"


def simultaneous_opens(fleet, rounds):
    """A catalog sync tells both sides of each other in the same moment: both dial. Exactly one bond must remain."""
    network = f"cross-{fleet.random.randrange(1 << 30)}"
    rust = fleet.rust(network, GROUP_SECRET).ready()
    crossed, took = 0, []
    for _ in range(rounds):
        cpp = fleet.cpp(network, GROUP_SECRET, bootstrap=[rust.contact]).ready()
        begun = time.monotonic()
        fleet.meshed([rust, cpp], 5)
        took.append(time.monotonic() - begun)
        # Settled: the loser of a crossing was refused with 30429, by us, and nothing else moves for a moment.
        fleet.quiet([cpp], 0.2)
        if cpp.bonds().get(rust.id) != rust.bonds().get(cpp.id):
            raise Failure(f"sessions differ: {cpp.bonds()} {rust.bonds()}")
        crossed += any(e.get("event") == "refused" and e.get("code") == 30429 for e in cpp.events)
        if cpp.end() != 0:
            raise Failure("the node did not end with 0")
        rust.wait("the left node is gone", lambda r: cpp.id not in r.bonds(), 10)
    fleet.clear()
    return f"{rounds} rounds, {crossed} crossed on the wire, bonded after {median(took) * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms (max)"


def never_bonds(fleet, what):
    """Another secret, another network, a stranger: no bond, and status says why."""
    network = f"never-{fleet.random.randrange(1 << 30)}"
    rust = fleet.rust(network, GROUP_SECRET).ready()
    if what == "another secret":
        cpp = fleet.cpp(network, "not that secret", bootstrap=[rust.contact]).ready()
        words = "another group secret"
    elif what == "another network":
        cpp = fleet.cpp(network + "-other", GROUP_SECRET, bootstrap=[rust.contact]).ready()
        words = "another network"
    else:
        cpp = fleet.cpp(network, None, bootstrap=[rust.contact]).ready()
        words = None
    if words:
        cpp.wait("a reason in status", lambda _: words in status_text(fleet, cpp), 8)
    fleet.quiet([rust], 3)
    if cpp.bonds() or rust.bonds():
        raise Failure("they are bonded")
    fleet.clear()


def status_text(fleet, node):
    done = subprocess.run([fleet.mosaik, "status", "--control", os.path.join(fleet.folder, f"{node.label}.sock")],
                          capture_output=True, text=True, timeout=10)
    return done.stdout + done.stderr


def close_codes(fleet, probe):
    """A wrong proof, an unknown group, an unknown peer, another network: the codes of the crate, as seen from our side."""
    network = f"codes-{fleet.random.randrange(1 << 30)}"
    rust = fleet.rust(network, GROUP_SECRET).ready()
    seen = []
    for case, code in (("good", 0), ("wrong-proof", 30405), ("unknown-group", 30404), ("unknown-peer", 401),
                       ("other-network", 101), ("malformed", 400)):
        done = subprocess.run([probe, rust.contact, network, case], env={**os.environ, "MOSAIK_GROUP_SECRET": GROUP_SECRET},
                              capture_output=True, text=True, timeout=20)
        got = done.stdout.strip()
        if got != str(code):
            raise Failure(f"{case}: expected {code}, saw {got or done.stderr.strip()}")
        seen.append(f"{case} {code}")
    fleet.clear()
    return ", ".join(seen)


def pair(fleet):
    network = f"pair-{fleet.random.randrange(1 << 30)}"
    rust = fleet.rust(network, GROUP_SECRET, seed=f"{fleet.random.randrange(1 << 255):064x}").ready()
    key = os.path.join(fleet.folder, f"{fleet.label('key')}")
    cpp = fleet.cpp(network, GROUP_SECRET, bootstrap=[rust.contact], key=key).ready()
    fleet.meshed([rust, cpp], 5)
    return network, rust, cpp, key


def rust_killed(fleet):
    network, rust, cpp, _ = pair(fleet)
    at = rust.kill()
    cpp.wait("notices", lambda c: rust.id not in c.bonds(), 3)
    noticed = time.monotonic() - at
    if noticed > 0.5 + 0.05 + 0.2:  # one heartbeat interval + 50 ms, and the harness's own latency under load
        raise Failure(f"noticed only after {noticed * 1000:.0f} ms")
    fleet.clear()
    return f"noticed after {noticed * 1000:.0f} ms"


def rust_restarted(fleet):
    network, rust, cpp, _ = pair(fleet)
    seed = rust.argv[rust.argv.index("--seed") + 1]
    rust.kill()
    cpp.wait("notices", lambda c: rust.id not in c.bonds(), 3)
    again = fleet.rust(network, GROUP_SECRET, seed=seed, bootstrap=[cpp.contact]).ready()
    again.event("joined")
    # The crate dials its bootstrap peer once, by gossip, and tries nothing again: that has to be enough for us.
    begun = time.monotonic()
    fleet.meshed([again, cpp], 5)
    fleet.clear()
    return f"healed {1000 * (time.monotonic() - begun):.0f} ms after it was ready"


def cpp_restarted(fleet):
    network, rust, cpp, key = pair(fleet)
    cpp.kill()
    again = fleet.cpp(network, GROUP_SECRET, bootstrap=[rust.contact], key=key).ready()
    begun = time.monotonic()
    # Rust refuses with 30429 until its own heartbeat has failed (up to 5.5 s): the crate has no incarnations.
    fleet.meshed([rust, again], 15)
    fleet.clear()
    return f"healed after {1000 * (time.monotonic() - begun):.0f} ms"


def rust_stopped(fleet):
    network, rust, cpp, _ = pair(fleet)
    rust.signal(signal.SIGSTOP)
    at = time.monotonic()
    cpp.wait("notices", lambda c: rust.id not in c.bonds(), 5)
    noticed = time.monotonic() - at
    if noticed > 3:
        raise Failure(f"noticed only after {noticed:.2f} s")
    rust.signal(signal.SIGCONT)
    begun = time.monotonic()
    fleet.meshed([rust, cpp], 15)
    fleet.clear()
    return f"noticed after {noticed * 1000:.0f} ms, healed {1000 * (time.monotonic() - begun):.0f} ms after SIGCONT"


def rust_leaves(fleet):
    network, rust, cpp, _ = pair(fleet)
    rust.command("leave")
    at = time.monotonic()
    cpp.wait("notices", lambda c: rust.id not in c.bonds(), 3)
    fleet.clear()
    return f"noticed after {1000 * (time.monotonic() - at):.0f} ms"


def cpp_leaves(fleet):
    network, rust, cpp, _ = pair(fleet)
    cpp.command("leave")
    at = time.monotonic()
    rust.wait("notices", lambda r: cpp.id not in r.bonds(), 3)
    fleet.clear()
    return f"noticed after {1000 * (time.monotonic() - at):.0f} ms"


def cpp_killed(fleet):
    network, rust, cpp, _ = pair(fleet)
    at = cpp.kill()
    rust.wait("notices", lambda r: cpp.id not in r.bonds(), 8)
    noticed = time.monotonic() - at
    fleet.clear()
    return f"the crate notices after {noticed * 1000:.0f} ms"


def rust_elects(fleet):
    """Two Rust nodes elect among themselves beside a C++ node that abstains."""
    network, rust, cpp, _ = pair(fleet)
    other = fleet.rust(network, GROUP_SECRET, bootstrap=[rust.contact]).ready()
    fleet.meshed([rust, other, cpp], 5, with_cpp_end)
    leaders = [rust.event("leader", 90)["id"], other.event("leader", 90)["id"]]
    fleet.clear()
    return f"leader {leaders[0][:10]}"


def rust_rebound(fleet, rounds):
    """A NAT in front of a Rust member forgets its mapping: the member's packets come from another port."""
    network = f"interop-{fleet.random.randrange(1 << 30)}"
    took = []
    with Spaces(fleet, 3) as hosts:
        forget = hosts.nat(2)
        first = hosts.cpp(0, network, "secret", []).ready()
        second = hosts.cpp(1, network, "secret", [first.contact]).ready()
        rust = hosts.rust(2, network, "secret", [first.contact]).ready()
        nodes = [first, second, rust]
        fleet.meshed(nodes, 20)
        fleet.quiet(nodes, 1)
        for _ in range(rounds):
            at = time.monotonic()
            forget()
            after = lambda n, kind: [e for e in n.events if e.get("event") == kind and e["mono_ns"] / 1e9 > at]  # noqa: E731
            both = lambda kind: [e for n in (first, second) for e in after(n, kind)] if all(after(n, kind) for n in (first, second)) else []  # noqa: E731
            # Its packets come from new ports to both; the events say when, what is bonded now may be of before.
            downs = fleet.wait("both C++ members have noticed", lambda: both("bond_down"), 10)
            ups = fleet.wait("bonded again", lambda: both("bond_up"), 20)
            fleet.meshed(nodes, 20)
            took.append(max(e["mono_ns"] / 1e9 - at for e in ups))
            false = [(e["by"], e["reason"]) for e in downs if e["by"] != "link"]
            if false:
                raise Failure(f"a living member was called dead: {false}")
            fleet.quiet(nodes, 2)
    if max(took) > 7:
        raise Failure(f"bonded again after {max(took):.1f} s")
    return f"{rounds} times, bonded again after {median(took):.1f} s (median), {max(took):.1f} s (max)"


def named(fleet):
    """C++ nodes that know a name and no id find a Rust node behind it, and one another through it."""
    network = f"interop-{fleet.random.randrange(1 << 30)}"
    with Named(fleet, 4) as hosts:
        rust = fleet.rust(network, "secret", bind=f"{hosts.address(0)}:7820", space=hosts.names[0]).ready()
        hosts.serve({NAME: {"A": [hosts.address(0)]}})
        nodes = [fleet.cpp(network, "secret", bootstrap=[contact], space=name, listen=None).ready()
                 for contact, name in zip((NAME, f"{NAME}:7820", f"dns:{NAME}"), hosts.names[1:4])]
        at = max(n.event("ready")["at"] for n in nodes)
        fleet.meshed([rust, *nodes], 20)
        ups = [e["mono_ns"] / 1e9 for n in nodes for e in n.events if e.get("event") == "bond_up"]
        return f"meshed {max(ups) - at:.2f} s after the last start"


def same_bridge(fleet):
    """Containers' bridges with one address on each host, and everybody at one port: the address that comes first is one's own."""
    network = f"interop-{fleet.random.randrange(1 << 30)}"
    with Spaces(fleet, 3) as hosts:
        for name in hosts.names:
            hosts.ip("-n", name, "link", "add", "docker0", "type", "bridge")
            hosts.ip("-n", name, "addr", "add", "172.17.0.1/16", "dev", "docker0")
            hosts.ip("-n", name, "link", "set", "docker0", "up")
        first = hosts.cpp(0, network, "secret", [], listen="0.0.0.0:7000").ready()
        contact = f"{first.id}@{hosts.address(0)}:7000"
        second = hosts.cpp(1, network, "secret", [contact], listen="0.0.0.0:7000").ready()
        rust = fleet.rust(network, "secret", bootstrap=[contact], bind="0.0.0.0:7000", space=hosts.names[2]).ready()
        begun = time.monotonic()
        fleet.meshed([first, second, rust], 10)
        return f"meshed {1000 * (time.monotonic() - begun):.0f} ms after the last was ready"


def bad_weather(fleet, seconds):
    """Loss and copies make honest peers say things twice and late: no link ends by a rule about what a peer may send."""
    network = f"interop-{fleet.random.randrange(1 << 30)}"
    with Spaces(fleet, 4) as hosts:
        end = hosts.weather(30, 30)
        first = hosts.cpp(0, network, "secret", []).ready()
        nodes = [first, hosts.cpp(1, network, "secret", [first.contact])]
        nodes += [hosts.rust(index, network, "secret", [first.contact]) for index in (2, 3)]
        for node in nodes:
            node.ready()
        # The crate dials its bootstrap peer once, and that may be lost: whoever joins in such weather has to ask again.
        for rust in nodes[2:]:
            for _ in range(10):
                try:
                    rust.command("sync", 20, peer=first.contact)
                    break
                except Failure:
                    continue
        fleet.meshed(nodes, 60, with_cpp_end)
        time.sleep(seconds)  # nothing is awaited: what must not happen has this long to happen
        ended = [e for n in nodes[:2] for e in n.events if e.get("event") == "bond_down"]
        broken = [e for e in ended if e["by"] == "transport" or "connection id" in e["reason"] or "number" in e["reason"]]
        if broken:
            raise Failure(f"links ended by a rule: {[(e['by'], e['code'], e['reason']) for e in broken]}")
        end()
        fleet.meshed(nodes, 30, with_cpp_end)
    return f"30 % lost, 30 % doubled, {seconds} s, {len(ended)} bonds ended otherwise"


def quiet(fleet, seconds):
    network = f"quiet-{fleet.random.randrange(1 << 30)}"
    first = fleet.rust(network, GROUP_SECRET).ready()
    nodes = [first] + [start(fleet, kind, network, [first.contact]).ready() for kind in ("cpp", "cpp", "rust")]
    fleet.meshed(nodes, 5, with_cpp_end)
    cpps = [n for n in nodes if not n.rust]
    fleet.quiet(cpps, seconds)
    fleet.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--rustpeer", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    suite = Suite("interop")
    with suite.logs() as folder, Fleet(args.mosaik, args.rustpeer, folder, args.seed) as fleet:
        checks = [
            ("mixed groups in random joining orders", lambda: joining_orders(fleet, 100 if args.full else 6)),
            ("simultaneous opens end with one bond", lambda: simultaneous_opens(fleet, 200 if args.full else 20)),
            ("another secret never bonds", lambda: never_bonds(fleet, "another secret")),
            ("another network never bonds", lambda: never_bonds(fleet, "another network")),
            ("an ungrouped node never bonds", lambda: never_bonds(fleet, "ungrouped")),
            ("close codes as seen from our side", lambda: close_codes(fleet, args.probe)),
            ("a killed Rust node is noticed", lambda: rust_killed(fleet)),
            ("a killed C++ node is noticed by Rust", lambda: cpp_killed(fleet)),
            ("a Rust node restarted with its key heals", lambda: rust_restarted(fleet)),
            ("a C++ node restarted with its key heals", lambda: cpp_restarted(fleet)),
            ("a stopped Rust node is noticed and heals", lambda: rust_stopped(fleet)),
            ("a leaving Rust node is noticed", lambda: rust_leaves(fleet)),
            ("a leaving C++ node is noticed by Rust", lambda: cpp_leaves(fleet)),
            ("Rust members elect beside a C++ member", lambda: rust_elects(fleet)),
            ("a Rust member behind a NAT that forgets is bonded again", lambda: rust_rebound(fleet, 5 if args.full else 2)),
            ("a Rust node is found by a name alone", lambda: named(fleet)),
            ("hosts with the same bridge bond", lambda: same_bridge(fleet)),
            ("loss and copies break no rule of ours", lambda: bad_weather(fleet, 300 if args.full else 15)),
            ("quiet loses no bond", lambda: quiet(fleet, 600 if args.full else 20)),
        ]
        suite.run(fleet, checks + counters.checks(fleet, args.full) + crate_groups.checks(fleet, args.full) + load.checks(fleet, args.full), args.only)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
