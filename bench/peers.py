#!/usr/bin/env python3
"""Side by side with what others use, in one run, on loopback, with each one's defaults.

  peers.py --mosaik build/release/mosaik [--rounds 5]

Debian's packages: serf (membership by gossip), etcd-server (Raft). What is not installed is skipped, and said so.
A row: from the SIGKILL of a process to the moment at which all others have said so; or of the leader, to the end of the
first write that another member commits after it, as its HTTP client sees it, who gives up a try after half a second.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "harness"))
from nodes import Failure, Fleet, Skip, median  # noqa: E402

SECRET = "bench secret"


def free_ports(count):
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def until(what, found, seconds):
    """Polls what has no event to wait for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.002)
    raise Failure(f"{what}: not within {seconds} s")


class Program:
    """A foreign process, its output line by line with the time of each."""

    def __init__(self, argv, cwd):
        if not shutil.which(argv[0]):
            raise Skip(f"{argv[0]} is not installed")
        self.lines = []
        self.child = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append((time.monotonic(), line))

    def said(self, pattern, since=0.0):
        return next((at for at, line in list(self.lines) if at >= since and re.search(pattern, line)), None)

    def kill(self):
        at = time.monotonic()
        self.child.kill()
        self.child.wait()
        return at


# -- a member is killed: known to all others

def mosaik_death(fleet, _folder, count):
    network = f"bench-{fleet.random.randrange(1 << 30)}"
    first = fleet.cpp(network, SECRET).ready()
    nodes = [first] + [fleet.cpp(network, SECRET, bootstrap=[first.contact]).ready() for _ in range(count - 1)]
    fleet.meshed(nodes, 30)
    fleet.quiet(nodes, 1)
    victim = nodes.pop()
    at = victim.kill()
    fleet.wait("all notice", lambda: all(victim.id not in node.bonds() for node in nodes), 20)
    last = max(next(e["at"] for e in node.events if e.get("event") == "bond_down" and e["peer"] == victim.id) for node in nodes)
    fleet.clear()
    return last - at


def serf_death(_fleet, folder, count):
    ports = free_ports(2 * count)
    agents = []
    try:
        for i in range(count):
            join = ["-join", f"127.0.0.1:{ports[0]}"] if i else []
            agents.append(Program(["serf", "agent", f"-node=n{i}", f"-bind=127.0.0.1:{ports[i]}", f"-rpc-addr=127.0.0.1:{ports[count + i]}",
                                   "-log-level=info", *join], folder))
            until("the agent is up", lambda: agents[-1].said("EventMemberJoin: n"), 20)
        until("all know all", lambda: all(a.said(f"EventMemberJoin: n{i} ") for a in agents for i in range(count)), 60)
        victim = agents.pop()
        at = victim.kill()
        until("all notice", lambda: all(a.said(f"EventMemberFailed: n{count - 1} ", at) for a in agents), 60)
        return max(a.said(f"EventMemberFailed: n{count - 1} ", at) for a in agents) - at
    finally:
        for agent in agents:
            agent.kill()


# -- the leader is killed: the next write that is committed

class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("mosaik", timeout=12)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(12)
        self.sock.connect(self.path)


def posted(connection, path, body, good):
    """True when the answer says that the write is committed. A broken connection is opened anew."""
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status == 200 and good in answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return False


def next_write(write, kill, warm=20):
    """Writes one after the other; kills; the time to the end of the first write begun after that."""
    for _ in range(warm):
        if not write():
            raise Failure("a write failed before anything was killed")
    at = kill()
    until("a write is committed", write, 60)
    return time.monotonic() - at


def mosaik_failover(fleet, _folder, count):
    network = f"bench-{fleet.random.randrange(1 << 30)}"
    flags = ("--machine", "counter")
    first = fleet.cpp(network, SECRET, flags=flags).ready()
    nodes = [first] + [fleet.cpp(network, SECRET, bootstrap=[first.contact], flags=flags).ready() for _ in range(count - 1)]
    fleet.meshed(nodes, 30)
    socket_of = {node.id: os.path.join(fleet.folder, f"{node.label}.sock") for node in nodes}

    def status(node):
        connection = UnixHttp(socket_of[node.id])
        connection.request("GET", "/v1/status")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["groups"][0]

    leader = until("a leader", lambda: (status(nodes[0]).get("consensus") or {}).get("leader"), 30)
    until("all are online", lambda: all((status(n).get("consensus") or {}).get("online") for n in nodes), 30)
    victim = next(node for node in nodes if node.id == leader)
    client = UnixHttp(socket_of[next(node.id for node in nodes if node.id != leader)])
    path = f"/v1/execute?group={status(nodes[0])['group']}&time_ms=500"
    took = next_write(lambda: posted(client, path, b"\x00\x01", b"index"), victim.kill)
    client.close()
    fleet.clear()
    return took


def etcd_failover(_fleet, folder, count):
    ports = free_ports(2 * count)
    members = []
    cluster = ",".join(f"m{i}=http://127.0.0.1:{ports[count + i]}" for i in range(count))
    try:
        for i in range(count):
            own, peer = f"http://127.0.0.1:{ports[i]}", f"http://127.0.0.1:{ports[count + i]}"
            data = tempfile.mkdtemp(dir=folder)
            members.append(Program(["etcd", "--name", f"m{i}", "--data-dir", data, "--listen-client-urls", own, "--advertise-client-urls", own,
                                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
                                    "--initial-cluster-token", f"bench-{ports[0]}", "--log-level", "error"], folder))
            members[-1].port = ports[i]

        def leads(member):
            connection = http.client.HTTPConnection("127.0.0.1", member.port, timeout=2)
            try:
                connection.request("POST", "/v3/maintenance/status", b"{}")
                answer = json.loads(connection.getresponse().read())
                return answer.get("leader") and answer["leader"] == answer["header"]["member_id"]
            except (OSError, http.client.HTTPException, ValueError):
                return False
            finally:
                connection.close()

        leader = until("a leader", lambda: next((m for m in members if leads(m)), None), 30)
        other = next(m for m in members if m is not leader)
        client = http.client.HTTPConnection("127.0.0.1", other.port, timeout=0.5)
        members.remove(leader)
        return next_write(lambda: posted(client, "/v3/kv/put", b'{"key":"YQ==","value":"Yg=="}', b"revision"), leader.kill)
    finally:
        for member in members:
            member.kill()


def row(what, fleet, folder, rounds, call, count):
    try:
        values = sorted(1000 * call(fleet, folder, count) for _ in range(rounds))
        print(f"{what:<58} {values[0]:10.1f} {median(values):10.1f} {values[-1]:10.1f}  ms", flush=True)
    except Skip as reason:
        print(f"{what:<58} skipped: {reason}", flush=True)
    except Failure as failure:
        print(f"{what:<58} failed: {failure}", flush=True)
    finally:
        fleet.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mosaik", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="mosaik-bench-") as folder, Fleet(os.path.abspath(args.mosaik), None, folder) as fleet:
        print(f"{'side by side, loopback, defaults':<58} {'min':>10} {'median':>10} {'max':>10}")
        row("one of 5 is killed, known to all others: mosaik", fleet, folder, args.rounds, mosaik_death, 5)
        row("one of 5 is killed, known to all others: serf", fleet, folder, args.rounds, serf_death, 5)
        row("leader of 3 is killed, next write committed: mosaik", fleet, folder, args.rounds, mosaik_failover, 3)
        row("leader of 3 is killed, next write committed: etcd", fleet, folder, args.rounds, etcd_failover, 3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
