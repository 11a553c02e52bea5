"""Two C++ and two Rust members under steady load while members of either kind are killed and come back: a check for run.py.

Every command adds a number of its own, so that a value says which commands are in it. The books hold what was
acknowledged where, and what members answered to queries: a value at a position.

  * two C++ members that show one position show one value (else they have diverged);
  * between two of their answers all of whose places are acknowledged the sum is theirs (else a command was replaced);
  * no place is acknowledged twice, and none lies behind the end (else a command is lost).

A loss of what a C++ leader acknowledged with its floor, and a C++ member passed on, fails the check; under Rust leaders
it is counted. So is the word of a Rust member: after a change of leaders it takes whatever was committed at a place for
its own command (8.1, S11). So are its answers when they differ: a Rust joiner does not compare what it has with what
its leader has (6.12). So is a Rust member that never catches up again (docs/protocol/groups.md 8.1, S14 and S16): it is restarted.
"""

import time

from counters import CPP, RUST, SECRET, leader_of
from nodes import Failure

RATE = 500
TICK = 0.02
EVERY = 20.0  # seconds from kill to kill
ALONE = 3.0  # until the killed member comes back


class Books:
    def __init__(self):
        self.flying = {}  # tag -> (member, number, when)
        self.acknowledged = {}  # place -> (number, told by C++ under C++, who told it when under whom)
        self.values = {}  # position -> (value, member)
        self.answers = []  # (position, value) as they came
        self.committed = self.refused = self.doubtful = 0
        self.lost_by_cpp, self.lost_by_rust, self.diverged, self.others = [], [], [], []

    def lost(self, text, by_cpp):
        (self.lost_by_cpp if by_cpp else self.lost_by_rust).append(text)

    def on_acknowledged(self, place, number, by_cpp, told):
        self.committed += 1
        before = self.acknowledged.get(place)
        if before and before[0] != number:
            self.lost(f"place {place} was acknowledged twice: {before[2]}, then {told}", before[1] and by_cpp)
        if not before or by_cpp or not before[1]:
            self.acknowledged[place] = (number, by_cpp, told)

    def on_answer(self, member, position, value):
        if member.rust:
            self.others.append((position, value))
            return
        before = self.values.setdefault(position, (value, member.label))
        if before[0] != value:
            self.diverged.append(f"{member.label} shows {value} at {position}, {before[1]} showed {before[0]}")
        self.answers.append((position, value))

    def strayed(self):
        """Answers of Rust members that are not those of C++ members at the same position."""
        return sum(1 for position, value in self.others if position in self.values and self.values[position][0] != value)

    def check_sums(self):
        """Between two answers whose places are all acknowledged the sum must be that of the commands."""
        seen, checked = sorted(set(self.answers)), 0
        for (at, value), (later, more) in zip(seen, seen[1:]):
            places = [self.acknowledged.get(place) for place in range(at + 1, later + 1)]
            if later == at or None in places:
                continue
            checked += later - at
            if more - value != sum(number for number, _, _ in places):
                self.lost(f"the places {at + 1} to {later} hold other commands than were acknowledged", all(cpp for _, cpp, _ in places))
        return checked


class Load:
    def __init__(self, fleet):
        self.fleet, self.books, self.network = fleet, Books(), f"load-{fleet.random.randrange(1 << 30)}"
        self.members, self.serial, self.kinds, self.labels, self.cursor = [], 0, {}, {}, {}
        self.leader = {}
        self.wedged = 0

    def add_member(self, kind):
        contacts = [m.contact for m in self.members if m.contact]
        floor = ["--quorum-floor", "3"] if kind == "cpp" else []
        start = self.fleet.rust if kind == "rust" else self.fleet.cpp
        node = start(self.network, SECRET, bootstrap=contacts, flags=(RUST if kind == "rust" else CPP + floor)).ready()
        node.on_reply = self.on_reply
        self.kinds[node.id], self.labels[node.id] = kind, node.label
        self.members.append(node)
        return node

    def on_reply(self, node, event):
        with self.fleet.news:
            flying = self.books.flying.pop(event["tag"], None)
            if flying is None:
                return
            self.fleet.news.notify_all()
            _, number, _ = flying
            if number is None:
                if "ok" in event:
                    self.books.on_answer(node, event["ok"]["position"], event["ok"]["value"])
            elif "ok" in event:
                leader = self.leader_of(node)
                self.books.on_acknowledged(event["ok"], number, not node.rust and self.kinds.get(leader) == "cpp",
                                           f"{node.label} at {event['at']:.3f} under {self.labels.get(leader)}")
            elif node.rust or "nobody can tell" in event.get("error", ""):
                self.books.doubtful += 1
            else:
                self.books.refused += 1

    def leader_of(self, node):
        """Of the newest leader event; looks at each event once."""
        at = self.cursor.get(node.label, 0)
        for event in node.events[at:]:
            if event.get("event") == "leader":
                self.leader[node.label] = event.get("id")
        self.cursor[node.label] = len(node.events)
        return self.leader.get(node.label)

    def send(self, node, cmd, number=None, **fields):
        self.serial += 1
        tag = f"load{self.serial}"
        self.books.flying[tag] = (node, number, time.monotonic())
        if not node.post(cmd, tag, **(fields if number is None else {"n": number})):
            self.books.flying.pop(tag, None)

    def run(self, seconds):
        """The load goes on for so long; its pace does not wait for answers."""
        begin = time.monotonic()
        sent = queries = 0
        while (now := time.monotonic()) < begin + seconds:
            with self.fleet.news:
                due = int((now - begin) * RATE) - sent
                for _ in range(due):
                    self.send(self.fleet.random.choice(self.members), "add", 1 + self.fleet.random.randrange(1 << 30))
                sent += due
                while queries < (now - begin) * 20:
                    self.send(self.members[queries % len(self.members)], "query", consistency="weak")
                    queries += 1
            for node in self.members:
                if not node.running:
                    raise Failure(f"{node.label} ended by itself (logs in {self.fleet.folder})")
            time.sleep(TICK)

    def kill(self, node):
        self.members.remove(node)
        node.kill()
        with self.fleet.news:
            gone = [tag for tag, (whose, _, _) in self.books.flying.items() if whose is node]
            for tag in gone:
                self.books.doubtful += self.books.flying.pop(tag)[1] is not None

    def await_answers(self):
        """Until every call has ended. Those of C++ members do by their deadline, or this fails; Rust members may owe some."""
        with self.fleet.news:
            self.fleet.news.wait_for(lambda: not self.books.flying, 11)
            late = [node.label for node, _, _ in self.books.flying.values() if not node.rust]
        if late:
            raise Failure(f"{len(late)} calls did not end, of {sorted(set(late))} (logs in {self.fleet.folder})")

    def agree(self, seconds=20):
        """Without load all show one value at one place. A Rust member that does not is restarted, and counted."""
        deadline = time.monotonic() + seconds
        while True:
            seen = {}
            for node in self.members:
                try:
                    answer = node.command("query", consistency="weak", seconds=3)
                    seen[node.label] = (answer["position"], answer["value"])
                except Failure:
                    seen[node.label] = None
            if None not in seen.values() and len(set(seen.values())) == 1:
                return next(iter(seen.values()))
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        ends = {answer for node in self.members if not node.rust for answer in [seen[node.label]]}
        stuck = [node for node in self.members if node.rust and seen[node.label] not in ends]
        if len(ends) != 1 or None in ends or not stuck:
            raise Failure(f"members do not agree: {seen} (seed {self.fleet.seed}, logs in {self.fleet.folder})")
        for node in stuck:
            self.wedged += 1
            self.kill(node)
            self.come_back("rust")
        return self.agree(seconds)

    def come_back(self, kind):
        node = self.add_member(kind)
        others = [m for m in self.members if m is not node]
        self.fleet.meshed(self.members, 15, lambda a, b: not (a.rust and b.rust))
        for other in others:
            if node.rust and other.rust:  # two Rust nodes dial one another once and never again
                node.post("sync", "sync", peer=other.contact)
        return node


def mixed_load(fleet, seconds, every):
    load = Load(fleet)
    for kind in ["cpp", "rust", "cpp", "rust"]:
        load.add_member(kind)
        if len(load.members) > 1:
            fleet.meshed(load.members, 15, lambda a, b: not (a.rust and b.rust))
    fleet.wait("a leader", lambda: all(leader_of(m) for m in load.members), 20)
    begin, kills, led = time.monotonic(), 0, {"cpp": 0, "rust": 0}
    while time.monotonic() - begin < seconds:
        load.run(every - ALONE)
        kind = ["cpp", "rust"][kills % 2]
        victim = fleet.random.choice([m for m in load.members if m.rust == (kind == "rust")])
        led[load.kinds.get(load.leader_of(load.members[0]), "cpp")] += 1
        load.kill(victim)
        kills += 1
        load.run(ALONE)
        load.come_back(kind)
    load.await_answers()
    position, _ = load.agree()
    books = load.books
    for place, (_, by_cpp, _) in books.acknowledged.items():
        if place > position:
            books.lost(f"place {place} lies behind the end, {position}", by_cpp)
    checked = books.check_sums()
    for node in fleet.processes:
        with open(node.log.name, "rb") as log:
            if node.rust and b"panicked" in log.read():
                raise Failure(f"{node.label} panicked (logs in {fleet.folder})")
    figures = (f"{books.committed} acknowledged, {books.refused} refused, {books.doubtful} in doubt, {kills} kills, "
               f"leaders at the kills {led}, not kept by Rust members {len(books.lost_by_rust)}, Rust members that never caught up "
               f"{load.wedged}, {checked} places checked, {len(books.values)} answers of C++ members, "
               f"{books.strayed()} answers of Rust members that strayed")
    if books.diverged and not led["rust"]:
        raise Failure(f"diverged: {books.diverged[:3]}; {figures}")
    if books.lost_by_cpp:
        raise Failure(f"lost under a C++ leader: {books.lost_by_cpp[:3]}; {figures}")
    fleet.clear()
    return f"{figures}, histories that changed {len(books.diverged)}"


def checks(fleet, full):
    if not full:
        return []
    return [("a mixed counter under load, members killed", lambda: mixed_load(fleet, 600, EVERY)),
            ("the same, a minute", lambda: mixed_load(fleet, 60, 10.0))]
