"""`mosaik node --supervise`: which ends of the node are undone, and which stand."""

import json
import os
import signal
import subprocess
import time

from nodes import Failure

SECRET = "supervised secret"


def state(pid):
    """The state letter of a process, as in ps; X when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def gone(pid):
    return state(pid) in "XZ"


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what} is {found}, not {wanted}")


class Pair:
    """A node, and a supervised one that is bonded with it."""

    def __init__(self, fleet, flags=()):
        self.fleet = fleet
        network = f"supervised-{fleet.random.randrange(1 << 30)}"
        self.other = fleet.cpp(network, SECRET).ready()
        self.node = fleet.cpp(network, SECRET, bootstrap=[self.other.contact], key=os.path.join(fleet.folder, fleet.label("key")),
                              flags=("--supervise", *flags)).ready()
        fleet.meshed([self.other, self.node], 20)
        if self.pid == self.supervisor:
            raise Failure("the node is no child")

    @property
    def supervisor(self):
        return self.node.child.pid

    @property
    def runs(self):
        return [event for event in self.node.events if event.get("event") == "ready"]

    @property
    def pid(self):
        """Of the node itself."""
        return self.runs[-1]["pid"]

    def crash(self, number):
        runs = len(self.runs)
        os.kill(self.pid, number)
        self.node.wait("runs again", lambda _: len(self.runs) > runs, 10)

    def exit_code(self, seconds=5):
        return self.node.child.wait(seconds)

    def status(self, *flags):
        path = os.path.join(self.fleet.folder, f"{self.node.label}.sock")
        return subprocess.run([self.fleet.mosaik, "status", "--control", path, *flags], capture_output=True, text=True,
                              timeout=10, check=False).stdout


def crashed(fleet):
    pair = Pair(fleet)
    told = json.loads(pair.status("--json"))
    expect("what status tells before", (told["crashes"], told["last_signal"]), (0, ""))
    begun = time.monotonic()
    pair.crash(signal.SIGABRT)
    expect("the identity after it", pair.runs[-1]["id"], pair.runs[0]["id"])
    fleet.meshed([pair.other, pair.node], 10)
    took = time.monotonic() - begun
    told = json.loads(pair.status("--json"))
    expect("what status tells", (told["crashes"], told["last_signal"]), (1, "SIGABRT"))
    pair.crash(signal.SIGSEGV)
    if "2, the last by SIGSEGV" not in pair.status():
        raise Failure(f"status in words: {pair.status()}")
    expect("the exit code", pair.node.end(), 0)
    return f"bonded again after {took * 1000:.0f} ms"


def killed(fleet):
    pair = Pair(fleet)
    pid = pair.pid
    os.kill(pid, signal.SIGKILL)
    expect("the exit code", pair.exit_code(), -signal.SIGKILL)
    expect("the number of runs", len(pair.runs), 1)


def supervisor_killed(fleet):
    pair = Pair(fleet)
    pid = pair.pid
    begun = time.monotonic()
    pair.node.kill()
    fleet.wait("the node ends too", lambda: gone(pid), 5)
    return f"after {(time.monotonic() - begun) * 1000:.0f} ms"


def stopped(fleet):
    pair = Pair(fleet)
    os.kill(pair.pid, signal.SIGSTOP)
    fleet.wait("the other notices", lambda: pair.node.id not in pair.other.bonds(), 6)
    expect("the node's state", state(pair.pid), "T")
    os.kill(pair.supervisor, signal.SIGSTOP)
    fleet.wait("the supervisor is stopped", lambda: state(pair.supervisor) == "T", 2)
    os.kill(pair.pid, signal.SIGCONT)
    fleet.meshed([pair.other, pair.node], 10)
    expect("the supervisor's state", state(pair.supervisor), "T")
    os.kill(pair.supervisor, signal.SIGCONT)
    expect("the exit code", pair.node.end(), 0)


def asked_to_end(fleet):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        pair = Pair(fleet)
        since = len(pair.other.events)
        pair.node.signal(number)
        expect(f"the exit code after {number.name}", pair.exit_code(), 0)
        down = pair.other.event("bond_down", 5, since, peer=pair.node.id)
        expect("the reason", down["by"], "departure")
        fleet.clear()
    pair = Pair(fleet)
    pair.node.signal(signal.SIGUSR1)
    expect("the exit code after SIGUSR1", pair.exit_code(), -signal.SIGUSR1)


def crash_loop(fleet):
    pair = Pair(fleet)
    begun = time.monotonic()
    for _ in range(4):
        pair.crash(signal.SIGABRT)
    os.kill(pair.pid, signal.SIGABRT)
    expect("the exit code", pair.exit_code(), 70)
    expect("the number of runs", len(pair.runs), 5)
    took = time.monotonic() - begun
    if took < 0.1 + 0.2 + 0.4 + 0.8:
        raise Failure(f"no back-off: {took:.2f} s")
    return f"after {took:.1f} s"


def own_failure(fleet):
    """An exit code of the node's own is no crash."""
    pair = Pair(fleet)
    address = pair.runs[0]["addrs"][0]
    second = fleet.cpp("supervised", SECRET, listen=address, key=os.path.join(fleet.folder, fleet.label("key")),
                       flags=("--supervise",))
    expect("the exit code", second.child.wait(10), 1)


CHECKS = [
    ("a supervised node that crashes comes back as itself", crashed),
    ("a supervised node that is killed stays dead", killed),
    ("a node whose supervisor is killed ends with it", supervisor_killed),
    ("a stopped node or supervisor stays stopped", stopped),
    ("a supervised node that is asked to end leaves", asked_to_end),
    ("a supervised node that crashes in a loop is given up", crash_loop),
    ("a supervised node that fails by itself is not started again", own_failure),
]
