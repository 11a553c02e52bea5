"""Rolling restarts of a group with a machine: nothing that was acknowledged is lost when the gate is kept.

Each member in its turn is ended and started anew; the next one goes when `status --wait` of the last ends with 0.
"""

import json
import os
import signal
import subprocess
import time

from nodes import Failure

SECRET = "rolling secret"
FLAGS = ("--machine", "kv", "--bootstrap-delay", "200ms", "--election-timeout", "1s")
PUT_TRIES = 10


class Group:
    """Three members with keys of their own, restarted with the same flags."""

    def __init__(self, fleet, flags=()):
        self.fleet, self.flags = fleet, (*FLAGS, *flags)
        self.network = f"rolling-{fleet.random.randrange(1 << 30)}"
        self.keys = [os.path.join(fleet.folder, fleet.label("key")) for _ in range(3)]
        self.nodes = []
        for index in range(3):
            self.nodes.append(self.start(index))
        for index in range(3):
            self.gate(index)

    def start(self, index):
        other = next((node for at, node in enumerate(self.nodes) if at != index and node.running), None)
        return self.fleet.cpp(self.network, SECRET, bootstrap=[other.contact] if other else [], key=self.keys[index],
                              flags=self.flags).ready()

    def ask(self, index, *words, data=None):
        return subprocess.run([self.fleet.mosaik, *words, "--control", os.path.join(self.fleet.folder, f"{self.nodes[index].label}.sock")],
                              input=data, capture_output=True, timeout=90, check=False)

    def gate(self, index):
        done = self.ask(index, "status", "--wait", "60s")
        if done.returncode != 0:
            raise Failure(f"the gate of member {index} ends with {done.returncode}: {done.stdout.decode()}")

    def put(self, count, value):
        """Until each is acknowledged: on a loaded machine a call may end with an election."""
        for number in range(count):
            for _ in range(PUT_TRIES):
                done = self.ask(0, "kv", "put", f"k{number}", "-", "--timeout", "5s", data=value)
                if done.returncode == 0:
                    break
            else:
                raise Failure(f"put {number}: {done.stderr.decode()}")

    def restart(self, index, number):
        node = self.nodes[index]
        node.signal(number)
        code = node.child.wait(20)
        if number == signal.SIGTERM and code != 0:
            raise Failure(f"member {index} leaves with {code}")
        self.nodes[index] = self.start(index)

    def count(self, index):
        done = self.ask(index, "kv", "list", "--json", "--consistency", "weak", "--timeout", "30s")
        if done.returncode != 0:
            raise Failure(f"list at member {index}: {done.stderr.decode()}")
        return len(json.loads(done.stdout)["items"])


def roll(fleet, number, puts, floor):
    group = Group(fleet, ("--quorum-floor", "2") if floor else ())
    group.put(puts, b"x" * (900_000 if puts <= 61 else 60_000))
    begun = time.monotonic()
    for index in range(3):
        group.restart(index, number)
        group.gate(index)
    took = time.monotonic() - begun
    found = [group.count(index) for index in range(3)]
    fleet.clear()
    if found != [puts] * 3:
        raise Failure(f"of {puts} acknowledged keys the members have {found}")
    return f"{puts} keys at all, {took:.1f} s"


def leaves_behind_nothing(fleet):
    """A leader that is asked to go while the only other member catches up waits for it."""
    group = Group(fleet)
    for index in (1, 2):
        group.nodes[index].end()
    group.put(40, b"x" * 900_000)
    since = len(group.nodes[0].events)
    group.nodes[1] = group.start(1)
    group.nodes[0].event("bond_up", 10, since, peer=group.nodes[1].id)
    begun = time.monotonic()
    code = group.nodes[0].end(10)
    took = time.monotonic() - begun
    for index in (0, 2):
        group.nodes[index] = group.start(index)
    group.gate(0)
    found = group.count(0)
    fleet.clear()
    if code != 0 or found != 40:
        raise Failure(f"exit code {code}, {found} of 40 keys are left")
    return f"40 keys, left after {took * 1000:.0f} ms"


def checks(full):
    out = [("a leader that leaves waits for the member that catches up", leaves_behind_nothing)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for floor in (False, True):
            for puts in (61, 301) if full or (number == signal.SIGTERM) == floor else (61,):
                title = f"a rolling restart ({number.name}, {puts} puts, {'a floor of 2' if floor else 'no floor'}) loses nothing"
                out.append((title, lambda fleet, n=number, p=puts, f=floor: roll(fleet, n, p, f)))
    return out
