"""The crate's own integration tests for groups (docs/protocol/groups.md 10) in groups of both kinds: checks for run.py.

The first of an order begins alone and leads. Orders: led by C++, led by Rust, and led by one kind after the other.
"""

import time

from counters import CPP, RUST, SECRET, Group, leader_of
from nodes import Failure


def group_of(fleet, order):
    group = Group(fleet)
    for kind in order:
        group.add_member(kind)
    group.led_by(group.members[0])
    return group


def read(node, value, position=None, consistency="weak", seconds=10):
    """Reads until it shows what is wanted."""
    deadline = time.monotonic() + seconds
    while True:
        answer = node.command("query", consistency=consistency)
        if answer["value"] == value and position in (None, answer["position"]):
            return
        if time.monotonic() > deadline:
            raise Failure(f"{node.label} shows {answer}, not {value} at {position}")
        time.sleep(0.02)


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got}, not {wanted}")


def at_once(fleet, calls):
    """Posts all calls (node, command, fields) together; returns their answers."""
    answers = {}

    def on_reply(_, event):
        answers[event["tag"]] = event
    for number, (node, cmd, fields) in enumerate(calls):
        node.on_reply = on_reply
        node.post(cmd, f"load-{number}", **fields)
    fleet.wait(f"{len(calls)} answers", lambda: len(answers) == len(calls), 15)
    failed = [event["error"] for event in answers.values() if "error" in event]
    if failed:
        raise Failure(f"calls failed: {failed}")
    return [event["ok"] for event in answers.values()]


def catchup_small(fleet, order):
    group = group_of(fleet, order[:1])
    leader = group.members[0]
    for cmd, n in (("add", 1), ("add", 2), ("sub", 1), ("add", 4)):
        group.execute(leader, n, cmd)
    follower = group.add_member(order[1])
    read(follower, 6, 4)
    expect("place", group.execute(leader, 1), 5)
    expect("place", group.execute(leader, 1), 6)
    read(follower, 8, 6)


def catchup_large(fleet, order):
    group = group_of(fleet, order[:1])
    leader = group.members[0]
    at_once(fleet, [(leader, "add", {"n": n}) for n in range(200)])
    follower = group.add_member(order[1])
    read(follower, 19900, 200, seconds=20)
    places = at_once(fleet, [(follower, "add", {"n": n}) for n in range(200)])
    expect("places", sorted(places), list(range(201, 401)))
    third = group.add_member(order[2])
    for node in (leader, follower, third):
        read(node, 39800, 400, seconds=20)


def execute_and_query(fleet, order):
    group = group_of(fleet, order)
    leader, one, two = group.members
    group.execute(leader, 3)
    group.execute(leader, 4)
    for node in (one, two):
        read(node, 7, 2)
        read(node, 7, 2, "strong")
    expect("place", group.execute(one, 2, "sub"), 3)
    for node in group.members:
        read(node, 5, 3)
    group.kill(leader)
    for node in (one, two):
        group.execute(node, 13)
    for node in (one, two):
        read(node, 31, 5)


def calls_at_once(fleet, order):
    group = group_of(fleet, order[:2])
    leader, follower = group.members
    calls = [(leader, "add", {"n": n}) for n in range(1, 6)] + [(follower, "add", {"n": 12})] * 5
    expect("places", sorted(at_once(fleet, calls)), list(range(1, 11)))
    for node in group.members:
        read(node, 75, 10)
    queries = [(node, "query", {"consistency": consistency}) for node in group.members for consistency in ("weak", "strong")] * 3
    for answer in at_once(fleet, queries):
        expect("answer", (answer["value"], answer["position"]), (75, 10))


def feed_smoke(fleet, order):
    group = group_of(fleet, order[:2])
    leader, follower = group.members
    expect("places", [follower.command("feed", n=n) for n in range(1, 6)], [1, 2, 3, 4, 5])
    for node in (leader, follower):
        read(node, 15, 5)


def leader_is_elected(fleet, order):
    group = group_of(fleet, order)
    group.kill(group.members[0])
    group.add_member(order[0])
    # A Rust member that bonds later than it begins to campaign leads alone first, and then one of the two yields (the
    # logs are empty): who leads may change, but all must name the same.
    fleet.wait("one leader", group.one_leader, 20, state=group.who_leads)


def rivals(fleet, order, commands):
    """Each leads alone; then all discover each other, and the one with the longest log leads."""
    group = Group(fleet)
    for kind, count in zip(order, commands):
        start = fleet.rust if kind == "rust" else fleet.cpp
        node = start(group.network, SECRET, flags=RUST if kind == "rust" else CPP).ready()
        group.members.append(node)
        node.wait("leads alone", lambda n: leader_of(n) == n.id, 20)
        for n in range(1, count + 1):
            group.execute(node, n)
    for one in group.members:
        for other in group.members:
            if one is not other:
                one.command("sync", peer=other.contact)
    group.fleet.meshed(group.members, 20, lambda a, b: not (a.rust and b.rust))
    ids = {m.id for m in group.members}
    fleet.wait("one leader", lambda: len({leader_of(m) for m in group.members}) == 1 and leader_of(group.members[0]) in ids, 20)
    longest = max(commands)
    if longest:
        expect("leader", leader_of(group.members[0]), group.members[commands.index(longest)].id)


ORDERS = {"led by C++": ["cpp", "rust", "cpp"], "led by Rust": ["rust", "cpp", "cpp"]}
# Two Rust nodes dial one another once; when that is lost they may stay apart, whatever they are told.
FULL_ORDERS = {**ORDERS, "led by Rust, with another": ["rust", "cpp", "rust"]}
TESTS = [("catchup, small", catchup_small), ("catchup, large", catchup_large), ("execute and query", execute_and_query),
         ("calls at once", calls_at_once), ("feed", feed_smoke), ("a leader is elected", leader_is_elected),
         ("rivals with equal logs", lambda fleet, order: rivals(fleet, order, (0, 0, 0))),
         # Two Rust rivals of the same term go to the voters at once, and one of them is empty: the others are C++.
         ("rivals with different logs", lambda fleet, order: rivals(fleet, [*order[:2], "cpp"], (3, 1, 0)))]
SAMPLED = {"catchup, small", "execute and query", "calls at once", "rivals with different logs"}


def checks(fleet, full):
    def run(test, order):
        test(fleet, order)
        fleet.clear()
    return [(f"the crate's test: {name}, {kind}", lambda test=test, order=order: run(test, order))
            for name, test in TESTS if full or name in SAMPLED for kind, order in (FULL_ORDERS if full else ORDERS).items()]
