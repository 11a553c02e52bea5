"""Large values over slow links: the leader stays, and what was asked for is done."""

import json
import os
import subprocess
import time

from nodes import Failure
from spaces import Spaces

SECRET = "slow secret"


def ask(fleet, node, *words, data=None, seconds=90):
    return subprocess.run([fleet.mosaik, *words, "--control", os.path.join(fleet.folder, f"{node.label}.sock")], input=data,
                          capture_output=True, timeout=seconds, check=False)


def elections(fleet, nodes):
    """Campaigns of all members, and the term that each is in."""
    out = []
    for node in nodes:
        group = json.loads(ask(fleet, node, "status", "--json").stdout)["groups"][0]["consensus"]
        out.append((group["elections"], group["term"], group["leader"]))
    return out


def large_value(fleet, rate, at_leader):
    """A value of 1 MB is committed without an election, from the leader and from a follower."""
    with Spaces(fleet, 3) as spaces:
        network = f"slow-{fleet.random.randrange(1 << 30)}"
        flags = ("--machine", "kv", "--bootstrap-delay", "200ms")
        first = spaces.cpp(0, network, SECRET, [], flags=flags).ready()
        nodes = [first] + [spaces.cpp(index, network, SECRET, [first.contact], flags=flags).ready() for index in (1, 2)]
        fleet.meshed(nodes, 20)
        for node in nodes:
            if ask(fleet, node, "status", "--wait", "30s").returncode != 0:
                raise Failure("the group does not get well")
        before = elections(fleet, nodes)
        leader = before[0][2]
        node = next(one for one in nodes if (one.id == leader) == at_leader)
        spaces.slow(rate)
        begun = time.monotonic()
        done = ask(fleet, node, "kv", "put", "big", "-", "--timeout", "60s", data=os.urandom(1_000_000))
        took = time.monotonic() - begun
        if done.returncode != 0:
            raise Failure(f"the put ended with {done.returncode} after {took:.1f} s: {done.stderr.decode()}")
        after = elections(fleet, nodes)
        if after != before:
            raise Failure(f"elections, terms and leaders were {before} and are {after}")
        downs = [event for one in nodes for event in one.events if event.get("event") == "bond_down"]
        if downs:
            raise Failure(f"bonds were lost: {downs[0]}")
    return f"committed after {took:.1f} s"


CHECKS = [(f"1 MB over {rate} is committed without an election, put at {'the leader' if at_leader else 'a follower'}",
           lambda fleet, rate=rate, at_leader=at_leader: large_value(fleet, rate, at_leader))
          for rate, at_leader in (("2mbit", True), ("2mbit", False))]
