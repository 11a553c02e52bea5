"""A counter that C++ and Rust members replicate together: checks for run.py.

Every member must show the same value at the same position, whoever leads, and every acknowledged command must be in it.
"""

import time

from nodes import Failure

SECRET = "interop counter"
QUICK = {"bootstrap": 400, "election": 600, "jitter": 200}
CPP = ["--machine", "counter", "--bootstrap-delay", f"{QUICK['bootstrap']}ms", "--election-timeout", f"{QUICK['election']}ms",
       "--election-jitter", f"{QUICK['jitter']}ms"]
RUST = ["--machine", "counter", "--bootstrap-ms", str(QUICK["bootstrap"]), "--election-ms", str(QUICK["election"]),
        "--election-jitter-ms", str(QUICK["jitter"])]


class Group:
    """Members of both kinds; the books of what was acknowledged."""

    def __init__(self, fleet):
        self.fleet, self.network, self.members, self.total = fleet, f"count-{fleet.random.randrange(1 << 30)}", [], 0
        self.doubtful = [0, 0]  # added, subtracted: nobody could tell

    def add_member(self, kind):
        contact = [self.members[0].contact] if self.members else []
        seed = f"{self.fleet.random.randrange(1 << 256):064x}"
        for attempt in range(3):
            if kind == "rust":
                node = self.fleet.rust(self.network, SECRET, bootstrap=contact, seed=seed, flags=RUST).ready()
            else:
                node = self.fleet.cpp(self.network, SECRET, bootstrap=contact, flags=CPP).ready()
            self.members.append(node)
            if self.mesh(node):
                break
            if attempt == 2:
                raise Failure(f"{node.label} never bonded with the other Rust members (logs in {self.fleet.folder})")
            node.kill()
            self.members.remove(node)
            # A Rust node that was in a sync with the killed one serves nobody else until that times out (spec: discovery
            # 8 W2): the next one asks the others too.
            contact = [member.contact for member in self.members]
        node.wait("knows a leader", lambda n: leader_of(n) in {m.id for m in self.members}, 20)
        return node

    def mesh(self, node):
        """Bonds with a C++ end must come. Two Rust nodes dial one another once and never again; when that is lost, they
        are told to sync. False: that did not help them, and the younger has to be started again."""
        self.fleet.meshed(self.members, 10, lambda a, b: not (a.rust and b.rust))
        others = [m for m in self.members if m is not node and m.rust and node.rust]
        for _ in range(10):
            try:
                self.fleet.meshed(self.members, 1)
                return True
            except Failure:
                if not others:
                    raise
            for other in others:
                node.command("sync", peer=other.contact)
        return False

    def led_by(self, first):
        """The member that begins alone is the leader of those who join it."""
        return self.fleet.wait(f"{first.label} leads", lambda: all(leader_of(m) == first.id for m in self.members), 20)

    def execute(self, node, n=1, cmd="add", seconds=15):
        """Executes until it is acknowledged; an answer that leaves the outcome open is counted as doubtful."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                index = node.command(cmd, n=n)
                self.total += n if cmd != "sub" else -n
                return index
            except Failure as failure:
                if time.monotonic() > deadline:
                    raise
                if "nobody can tell" in str(failure) or node.rust:
                    self.doubtful[cmd == "sub"] += n

    def agree(self, seconds=15):
        """All members show one value, and it is what was acknowledged."""
        deadline = time.monotonic() + seconds
        while True:
            seen = {m.label: m.command("query", consistency="weak") for m in self.members}
            values = {(answer["value"], answer["position"]) for answer in seen.values()}
            if len(values) == 1 and -self.doubtful[1] <= next(iter(values))[0] - self.total <= self.doubtful[0]:
                return next(iter(values))[0]
            if time.monotonic() > deadline:
                raise Failure(f"acknowledged {self.total} (unknown +{self.doubtful[0]} -{self.doubtful[1]}), seen {seen} (seed {self.fleet.seed})")

    def kill(self, node):
        self.members.remove(node)
        node.kill()
        began = time.monotonic()
        self.fleet.wait("another leader", self.one_leader, 30, state=self.who_leads)
        return time.monotonic() - began

    def one_leader(self):
        """All members name the same one of them."""
        return len({leader_of(m) for m in self.members}) == 1 and leader_of(self.members[0]) in {m.id for m in self.members}

    def who_leads(self):
        labels = {m.id: m.label for m in self.members}
        return ", ".join(f"{m.label} names {labels.get(leader_of(m), leader_of(m))}" for m in self.members)


def leader_of(node):
    named = [event.get("id") for event in node.events if event.get("event") == "leader"]
    return named[-1] if named else None


def counts_together(fleet, order):
    """Executes, subtracts and feeds from every member under the leader that began; values equal at all."""
    group = Group(fleet)
    for kind in order:
        group.add_member(kind)
    group.led_by(group.members[0])
    for round_, node in enumerate(group.members * 3):
        group.execute(node, n=round_ + 1)
    for node in group.members:
        group.execute(node, n=2, cmd="sub")
        group.execute(node, n=3, cmd="feed")
    value = group.agree()
    fleet.clear()
    return f"led by {order[0]}: {value} at all {len(order)}, {group.total} acknowledged"


def late_joiner(fleet, leader, late, commands):
    """A member that comes late catches up by replaying the log, and then takes part."""
    group = Group(fleet)
    first = group.add_member(leader)
    for _ in range(commands):
        group.execute(first, n=7)
    node = group.add_member(late)
    began = time.monotonic()
    group.agree()
    took = time.monotonic() - began
    group.execute(node, n=5)
    group.agree()
    fleet.clear()
    return f"{late} caught up on {commands} commands of {leader} in {took * 1000:.0f} ms"


def leader_killed(fleet, order, kills=1):
    """The others elect one of themselves and go on; what was acknowledged stays."""
    group = Group(fleet)
    for kind in order:
        group.add_member(kind)
    took = []
    for _ in range(kills):
        for node in group.members:
            group.execute(node, n=3)
        group.agree()
        leader = next(m for m in group.members if m.id == leader_of(group.members[0]))
        took.append(group.kill(leader))
        for node in group.members:
            group.execute(node, n=1)
        group.agree()
    fleet.clear()
    return f"{order[0]} led and died; another leader after {', '.join(f'{t * 1000:.0f}' for t in took)} ms"


def checks(fleet, full):
    out = [
        ("a counter led by C++ with Rust members", lambda: counts_together(fleet, ["cpp", "rust", "cpp"])),
        ("a counter led by Rust with C++ members", lambda: counts_together(fleet, ["rust", "cpp", "cpp"])),
        ("a late C++ member catches up with Rust", lambda: late_joiner(fleet, "rust", "cpp", 200 if full else 30)),
        ("a late Rust member catches up with C++", lambda: late_joiner(fleet, "cpp", "rust", 200 if full else 30)),
        ("a killed C++ leader of a mixed counter", lambda: leader_killed(fleet, ["cpp", "rust", "cpp"])),
        ("a killed Rust leader of a mixed counter", lambda: leader_killed(fleet, ["rust", "cpp", "cpp"])),
    ]
    if full:
        out += [
            ("a counter of two and two, led by C++", lambda: counts_together(fleet, ["cpp", "rust", "rust", "cpp"])),
            ("a counter of two and two, led by Rust", lambda: counts_together(fleet, ["rust", "cpp", "rust", "cpp"])),
            ("leaders killed one after the other, C++ first", lambda: leader_killed(fleet, ["cpp", "rust", "cpp", "rust"], 2)),
            ("leaders killed one after the other, Rust first", lambda: leader_killed(fleet, ["rust", "cpp", "rust", "cpp"], 2)),
        ]
    return out
