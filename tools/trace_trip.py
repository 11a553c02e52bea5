#!/usr/bin/env python3
"""trace_trip.py [--build FOLDER] [--verbose]: counts the calls and queues of three trips through the product.

  datagram   the bytes of a datagram to the action Apply, which the loop takes from the node (simulated, follower)
  call       execute() of a user to the machine and back to its future
  error      a wrong group secret: the peer's close code to the words in NodeStatus

Builds the preset `trip` (every function instrumented), runs its program, and follows the value through what was
recorded: for each place where it is put into a queue, taken out, or used, the chain of calls from the loop. A call counts
when caller and callee are members of different classes of src/. Lambdas, std, free functions and the callbacks of ngtcp2
are no classes: a call through them goes from the class before to the class behind them. A queue is a container where
the value is stored and taken out by another call from the loop, or by another thread.

The exit status is 1 if the datagram needs more than --calls calls or --queues queues.
"""
import argparse
import bisect
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Of each trip, in the order of time: what happens there, the function (a pattern on its name without arguments), and the
# queue that begins there, if one does.
TRIPS = {
    "datagram": [
        ("the stream's bytes are stored", r"FrameReader::feed$", "link inbox (FrameReader)"),
        ("a whole frame is taken out", r"FrameReader::next$", None),
        ("the mesh tells of a raft message", r"(LiveBonds|Mesh)::on_raft$", "events between cores (Node)"),
        ("the engine learns that it is committed", r"Log::commit_to$", None),
        ("the engine hands it to the machine", r"MachineFeed::next_run$", "actions (Group)"),
        ("the loop takes the action", r"Group::take_actions$", None),
    ],
    "call": [
        ("the caller posts a request", r"Inbox::post$", "requests (Inbox)"),
        ("the loop gives the call to the engine", r"Engine::call$", None),
        ("the engine hands it to the machine", r"MachineFeed::next_run$", "actions (Group)"),
        ("the machine applies it", r"MachineExecutor::put$", None),
        ("the outcome ends the call", r"PendingCalls::end$", "ended calls (PendingCalls)"),
        ("the promise is kept", r"PendingCalls::settle", None),
    ],
    "error": [
        ("the link ends with the peer's code", r"Connection::end$", "link events (Endpoint)"),
        ("the mesh learns why", r"(Mesh|Handshakes)::on_attempt_closed$", "the reason is kept (Member)"),
        ("the status of the group is made", r"(Mesh::view|GroupViews?::\w+|status_of)$", None),
        ("the snapshot is published", r"Publisher::publish$", "snapshot (Publisher)"),
        ("a person reads it", r"NetworkBody::status$", None),
    ],
}


class Symbols:
    def __init__(self, program):
        text = subprocess.run(["nm", "-C", "--defined-only", program], stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
        found = sorted((int(a, 16), n) for a, _, n in (line.split(" ", 2) for line in text.splitlines() if re.match(r"[0-9a-f]+ [tTwWvV] ", line)))
        self.at = [a for a, _ in found]
        self.names = [n for _, n in found]
        self.short = {}

    def name(self, address):
        place = bisect.bisect_right(self.at, address) - 1
        return self.names[place] if place >= 0 else "?"


def without(text, opening, closing):
    """The text without everything between these brackets."""
    out, depth = [], 0
    for sign in text:
        if sign == opening:
            depth += 1
        elif sign == closing and depth > 0:
            depth -= 1
        elif depth == 0:
            out.append(sign)
    return "".join(out)


def path_of(name):
    """`mosaik::node::Node::settle`; empty for what is no function of ours with a name."""
    if "{lambda" in name or "operator" in name:
        return ""
    text = name.replace("(anonymous namespace)::", "")
    text = without(text, "<", ">")
    text = without(re.sub(r"\[abi:\w+\]", "", text), "(", ")")
    text = text.replace(" const", "").strip().split(" ")[-1]
    return text if text.startswith("mosaik::") else ""


def class_of(path):
    """`node::Node` of `mosaik::node::Node::settle`; empty for what is no member of a class of src/."""
    parts = path.split("::")[1:-1]
    titles = [i for i, part in enumerate(parts) if part[:1].isupper()]
    if not titles or parts[0] in ("bench", "trip", "sim", "postcard") or parts[titles[0]] in ("Future", "Promise"):
        return ""
    name = "::".join(parts)
    return re.sub(r"::(Callbacks|Impl|State)(::.*)?$", "", name)  # ngtcp2's callbacks; hidden bodies


def read(file, symbols):
    """All calls: [index of the caller, path, thread]."""
    calls, stacks, paths = [], {}, {}
    for line in open(file):
        thread, kind, address = line.split()
        stack = stacks.setdefault(thread, [])
        if kind == "x":
            if stack:
                stack.pop()
            continue
        if address not in paths:
            paths[address] = path_of(symbols.name(int(address, 16)))
        calls.append((stack[-1] if stack else None, paths[address], thread))
        stack.append(len(calls) - 1)
    return calls


def chain(calls, index):
    out = []
    while index is not None:
        out.append(index)
        index = calls[index][0]
    return out[::-1]


def find(calls, waypoints):
    """The last occurrence of each, going back from the last one."""
    out, end = [], len(calls)
    for _, pattern, _ in reversed(waypoints):
        place = next((i for i in range(end - 1, -1, -1) if re.search(pattern, calls[i][1])), None)
        out.append(place)
        end = place if place is not None else end
    return out[::-1]


def trip(name, file, symbols, verbose):
    waypoints = TRIPS[name]
    calls = read(file, symbols)
    places = find(calls, waypoints)
    counted, total, queues = set(), 0, 0
    print(f"== {name}")
    for (what, pattern, queue), place in zip(waypoints, places):
        if place is None:
            print(f"  not found: {what} ({pattern})")
            continue
        steps, before = [], ""
        for index in chain(calls, place):
            path = calls[index][1]
            of = class_of(path)
            if not of:
                if verbose and path:
                    steps.append(f"({path.split('::', 1)[1]})")
                continue
            mark = ""
            if before and of != before and index not in counted:
                counted.add(index)
                total += 1
                mark = f"[{total}] "
            if of != before or verbose:
                steps.append(mark + path.split("::", 1)[1])
            before = of
        print(f"  {what}\n      " + " > ".join(steps))
        if queue:
            queues += 1
            print(f"      queue {queues}: {queue}")
    print(f"  {name}: {total} calls between classes, {queues} queues")
    return total, queues, None not in places


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build/trip"))
    parser.add_argument("--verbose", action="store_true", help="show every function on the way")
    parser.add_argument("--calls", type=int, default=16)
    parser.add_argument("--queues", type=int, default=4)
    wishes = parser.parse_args()
    if not Path(wishes.build, "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "trip"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", wishes.build, "--target", "trip"], check=True, stdout=subprocess.DEVNULL)
    program = Path(wishes.build, "tools/trip/trip")
    symbols = Symbols(program)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder], check=True)
        for name in TRIPS:
            calls, queues, whole = trip(name, Path(folder, name), symbols, wishes.verbose)
            good = good and whole and (name != "datagram" or (calls <= wishes.calls and queues <= wishes.queues))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
