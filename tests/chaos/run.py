#!/usr/bin/env python3
"""Faults on real processes, each node on a host of its own: death, standstill, loss, cuts, restarts, overload.

  run.py --mosaik build/release/mosaik [--full] [--minutes 10] [--seed N] [--only TEXT]

The hosts are network namespaces behind a bridge, which drops what a check wants dropped; one nft command cuts and one heals,
for everybody in the same moment. Without --full cuts last 10 s; with it 3 and 6 minutes, the latter longer than an entry
lives, and `--minutes` of 20 nodes under load and under loss. Printed is the time from the heal to the last `bond_up`, by the
nodes' own clock. What the privileges here do not allow is counted as skipped.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import dialing as dialing_checks  # noqa: E402
import hosts as hosts_checks  # noqa: E402
import names as names_checks  # noqa: E402
import slow_link  # noqa: E402
from nodes import Failure, Fleet, Suite, median  # noqa: E402
from spaces import Spaces  # noqa: E402

SECRET = "chaos secret"
HEALED = 2.0  # seconds until all bonds are back


class Hosts(Spaces):
    """Hosts with nodes on them, and a bridge that can be told whom not to hear."""

    def nodes(self, keys=False):
        self.network = f"chaos-{self.fleet.random.randrange(1 << 30)}"
        self.keys = [os.path.join(self.fleet.folder, f"key-{i}") if keys else None for i in range(self.count)]
        first = self.node(0, []).ready()
        out = [first] + [self.node(index, [first.contact]) for index in range(1, self.count)]
        for node in out[1:]:
            node.ready()
        self.fleet.meshed(out, 20)
        self.fleet.quiet(out, 1)
        return out

    def node(self, index, contacts):
        return self.cpp(index, self.network, SECRET, contacts, key=self.keys[index])

    def drop(self, *rules):
        """The bridge drops what matches one of these rules, from now on."""
        text = "add table bridge chaos; add chain bridge chaos forward { type filter hook forward priority 0; }; "
        text += "; ".join(f"add rule bridge chaos forward {rule} drop" for rule in rules)
        self.nft(self.hub, text)
        return time.monotonic()

    def heal(self):
        at = time.monotonic()
        subprocess.run(["ip", "netns", "exec", self.hub, "nft", "delete table bridge chaos"], check=True, capture_output=True)
        return at

    @staticmethod
    def one_way(senders, hearers):
        def ports(indices):
            return "{ " + ", ".join(f'"port{index}"' for index in indices) + " }"
        return f"iifname {ports(senders)} oifname {ports(hearers)}"


def back(fleet, nodes, since, lost):
    """Waits for the whole mesh; the seconds from `since` to each end of a bond that came up after it."""
    fleet.meshed(nodes, 20)
    ups = sorted(e["mono_ns"] / 1e9 - since for n in nodes for e in n.events
                 if e.get("event") == "bond_up" and e["mono_ns"] / 1e9 > since)
    if len(ups) < lost:
        raise Failure(f"{lost} ends of bonds were to come back, {len(ups)} did")
    if ups and ups[-1] > HEALED:
        raise Failure(f"the last bond was back {ups[-1]:.2f} s after the heal")
    fleet.quiet(nodes, 2)
    return f"{len(ups)} ends of bonds back after {median(ups) * 1000:.0f} ms (median), {ups[-1] * 1000:.0f} ms (last)"


def ended(nodes, since):
    return [(n.label, e) for n in nodes for e in n.events if e.get("event") == "bond_down" and e["mono_ns"] / 1e9 > since]


def killed(fleet):
    with Hosts(fleet, 5) as hosts:
        nodes = hosts.nodes(keys=True)
        at = nodes[2].kill()
        rest = [n for n in nodes if n is not nodes[2]]
        fleet.wait("all notice", lambda: all(nodes[2].id not in n.bonds() for n in rest), 4)
        known = max(e["mono_ns"] / 1e9 for _, e in ended(rest, at)) - at
        begun = time.monotonic()
        again = hosts.node(2, [nodes[0].contact]).ready()
        return f"known after {known * 1000:.1f} ms; started anew, " + back(fleet, rest + [again], begun, 8)


def stopped(fleet):
    with Hosts(fleet, 5) as hosts:
        nodes = hosts.nodes()
        rest = nodes[:4]
        nodes[4].signal(signal.SIGSTOP)
        at = time.monotonic()
        fleet.wait("all notice", lambda: all(nodes[4].id not in n.bonds() for n in rest), 4)
        known = max(e["mono_ns"] / 1e9 for _, e in ended(rest, at)) - at
        fleet.quiet(rest, 3)
        nodes[4].signal(signal.SIGCONT)
        return f"known after {known * 1000:.0f} ms; " + back(fleet, nodes, time.monotonic(), 8)


def settled(fleet, nodes, seconds):
    """Waits for the whole mesh to stand for so long without a change."""
    def newest():
        return max((e["mono_ns"] / 1e9 for n in nodes for e in n.events if e.get("event") in ("bond_up", "bond_down")), default=0)
    fleet.wait("quiet", lambda: time.monotonic() - newest() > seconds, 20)
    fleet.meshed(nodes, 5)


def rebound(fleet, rounds):
    """A NAT in front of one host forgets its mapping: the host's packets come from another port."""
    with Hosts(fleet, 4) as hosts:
        forget = hosts.nat(3)
        nodes = hosts.nodes()
        took = []
        for _ in range(rounds):
            at = time.monotonic()
            forget()
            # A link whose next packet comes from outside gets its old mapping back, so that not every one ends.
            fleet.wait("one has noticed", lambda at=at: ended(nodes, at), 5)
            settled(fleet, nodes, 1.5)
            ups = [e["mono_ns"] / 1e9 - at for n in nodes for e in n.events if e.get("event") == "bond_up" and e["mono_ns"] / 1e9 > at]
            took.append(max(ups))
            false = [(label, event["by"], event["reason"]) for label, event in ended(nodes, at) if event["by"] != "link"]
            if false:
                raise Failure(f"a living member was called dead: {false}")
        if max(took) > 1.5:
            raise Failure(f"bonded again after {max(took):.2f} s")
        return f"{rounds} times, bonded again after {median(took) * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms (max)"


def one_way(fleet, seconds):
    """One hears the other and is not heard; both keep all their other bonds."""
    with Hosts(fleet, 5) as hosts:
        nodes = hosts.nodes()
        at = hosts.drop(hosts.one_way([1], [2]))
        fleet.wait("both notice", lambda: nodes[2].id not in nodes[1].bonds() and nodes[1].id not in nodes[2].bonds(), 5)
        fleet.quiet(nodes, seconds)
        others = [label for label, event in ended(nodes, at) if event["peer"] not in (nodes[1].id, nodes[2].id)]
        if others or len(ended(nodes, at)) != 2:
            raise Failure(f"other bonds ended too: {ended(nodes, at)}")
        return back(fleet, nodes, hosts.heal(), 2)


def partition(fleet, few, many, seconds):
    """Two sides cut apart for so long."""
    with Hosts(fleet, few + many) as hosts:
        nodes = hosts.nodes()
        ones, others = list(range(few)), list(range(few, few + many))
        hosts.drop(hosts.one_way(ones, others), hosts.one_way(others, ones))
        sides = [nodes[:few], nodes[few:]]
        fleet.wait("all notice", lambda: all(set(n.bonds()) == {m.id for m in side if m is not n} for side in sides for n in side), 8)
        fleet.quiet(nodes, seconds)
        return back(fleet, nodes, hosts.heal(), 2 * few * many)


def lossy(fleet, count, percent, seconds):
    """So many percent of all datagrams are lost: no bond ends."""
    with Hosts(fleet, count) as hosts:
        nodes = hosts.nodes()
        at = hosts.drop(f"ether type ip numgen random mod 100 < {percent}")  # a lost ARP would cost seconds of everything
        fleet.quiet(nodes, seconds)
        return without_alarm(nodes, at, seconds)


def loaded(fleet, count, seconds):
    """Twice as much to do as there are processors: no bond ends."""
    with Hosts(fleet, count) as hosts:
        nodes = hosts.nodes()
        hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
        at = time.monotonic()
        try:
            fleet.quiet(nodes, seconds)
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
        return f"{len(hogs)} hogs, " + without_alarm(nodes, at, seconds)


def without_alarm(nodes, at, seconds):
    if ended(nodes, at):
        raise Failure(f"bonds ended: {ended(nodes, at)[:4]}")
    suspected = sum(e.get("event") == "suspect" and e["mono_ns"] / 1e9 > at for n in nodes for e in n.events)
    return f"{len(nodes)} nodes, {seconds} s, {suspected} suspicions, none acted on"


def rolling(fleet):
    """Each in its turn is killed and comes back under the same key."""
    with Hosts(fleet, 5) as hosts:
        nodes, took = hosts.nodes(keys=True), []
        for index, node in enumerate(list(nodes)):
            node.kill()
            nodes[index] = hosts.node(index, [nodes[index - 1].contact]).ready()
            ready = time.monotonic()
            fleet.meshed(nodes, 10)
            took.append(time.monotonic() - ready)
        if max(took) > HEALED:
            raise Failure(f"whole again only {max(took):.2f} s after the newcomer was ready")
        fleet.quiet(nodes, 2)
        return f"whole again {median(took) * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms (max) after each was ready"


def cuts(seconds):
    return [(f"a cut {few}|{many} of {seconds} s heals", lambda fleet, few=few, many=many: partition(fleet, few, many, seconds))
            for few, many in ((1, 1), (1, 4), (10, 10))]


def waves(full, minutes):
    """Checks that can share the machine run together; each wave waits for the one before."""
    begin = [("a killed process is known and comes back", killed), ("a stopped process is known and comes back", stopped),
             ("20 % loss ends no bond", lambda fleet: lossy(fleet, 5, 20, 60 if full else 10))]
    begin.append(("a one-way cut ends one bond and heals", lambda fleet: one_way(fleet, 60 if full else 8)))
    begin.append(("a rolling restart is followed", rolling))
    begin.append(("a NAT that forgets its mapping ends no life", lambda fleet: rebound(fleet, 20 if full else 3)))
    if not full:
        return [begin[:2], begin[2:] + cuts(10)[:2], hosts_checks.CHECKS[:7], hosts_checks.CHECKS[7:],
                names_checks.CHECKS, dialing_checks.CHECKS, slow_link.CHECKS, cuts(10)[2:]]
    long = [[("20 nodes with twice the load raise no false alarm", lambda fleet: loaded(fleet, 20, 60 * minutes))],
            [("20 nodes under 30 % loss raise no false alarm", lambda fleet: lossy(fleet, 20, 30, 60 * minutes))]]
    return [[check] for check in begin] + [hosts_checks.CHECKS, names_checks.CHECKS, dialing_checks.CHECKS, slow_link.CHECKS] + [cuts(180), cuts(360)] + (long if minutes else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    suite, serial = Suite("chaos"), 0
    with suite.logs() as folder:
        for wave in waves(args.full, args.minutes):
            threads = []
            for title, call in wave:
                if args.only not in title:
                    continue
                serial += 1

                def check(title=title, call=call, at=os.path.join(folder, str(serial))):
                    with Fleet(os.path.abspath(args.mosaik), None, at, args.seed) as fleet:
                        suite.check(title, lambda: call(fleet))
                threads.append(threading.Thread(target=check))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
