"""Who answers where: addresses that several hosts have, that lead elsewhere, or that a NAT remembers. Checks for run.py."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from hosts import PORT, SECRET, Defaults, socket_of, status  # noqa: E402
from nodes import Failure  # noqa: E402


class Containers(Defaults):
    """Hosts with bridges of containers, which have the same addresses on each of them."""

    def bridge(self, index, name, address):
        self.ip("-n", self.names[index], "link", "add", name, "type", "bridge")
        self.ip("-n", self.names[index], "addr", "add", address, "dev", name)
        self.ip("-n", self.names[index], "link", "set", name, "up")


def bonded_within(fleet, nodes, seconds):
    begun = time.monotonic()
    fleet.meshed(nodes, seconds)
    return time.monotonic() - begun


def same_bridge(fleet):
    """Docker on each host, everybody at one port: 172.17.0.1:7000 is each node's own address."""
    with Containers(fleet, 3) as hosts:
        for index in range(3):
            hosts.bridge(index, "docker0", "172.17.0.1/16")
        first = hosts.node(0, []).ready()
        nodes = [first] + [hosts.node(index, [f"{first.id}@{hosts.address(0)}:{PORT}"]).ready() for index in (1, 2)]
        return f"meshed {bonded_within(fleet, nodes, 10) * 1000:.0f} ms after the last start"


def another_answers(fleet):
    """An address that the peer advertises too is another member's on our own host, and that one answers first."""
    with Containers(fleet, 3) as hosts:
        for index in range(3):
            hosts.bridge(index, "docker0", f"172.17.0.{1 if index != 1 else 5}/16")
        # A container of host 1 has the address that hosts 0 and 2 have on their own bridges.
        inner = f"{hosts.names[1]}-inner"
        hosts.ip("netns", "add", inner)
        try:
            hosts.ip("link", "add", "eth0", "netns", inner, "type", "veth", "peer", "name", "veth0", "netns", hosts.names[1])
            hosts.ip("-n", hosts.names[1], "link", "set", "veth0", "master", "docker0", "up")
            hosts.ip("-n", inner, "addr", "add", "172.17.0.1/16", "dev", "eth0")
            for name in ("eth0", "lo"):
                hosts.ip("-n", inner, "link", "set", name, "up")
            stranger = fleet.cpp("another network", "another secret", listen=f"172.17.0.1:{PORT}", space=inner).ready()
            first = hosts.node(0, []).ready()
            contact = f"{first.id}@{hosts.address(0)}:{PORT}"
            nodes = [first, hosts.node(1, [contact]).ready(), hosts.node(2, [contact]).ready()]
            took = bonded_within(fleet, nodes, 10)
            if stranger.bonds():
                raise Failure("the stranger is bonded")
            return f"meshed {took * 1000:.0f} ms after the last start"
        finally:
            fleet.clear()
            hosts.ip("netns", "delete", inner)


def many_bridges(fleet):
    """Ten networks of containers, whose addresses sort before and behind that of the network that joins the hosts."""
    with Containers(fleet, 2) as hosts:
        for index in range(2):
            for number in range(10):
                hosts.bridge(index, f"br{number}", f"{9 if number % 2 else 172}.{20 + number}.0.{1 + index}/16")
        first, second = hosts.pair(hosts.address(0))
        return f"bonded {bonded_within(fleet, [first, second], 10) * 1000:.0f} ms after the last start"


class Router(Defaults):
    """Host 1 is a router: hosts 0 and 2 reach one another, and the service address 10.9.0.100, through it."""

    def _build(self):
        super()._build()
        for index, network in ((0, "10.1.0"), (2, "10.2.0"), (3, "10.3.0")):
            self.ip("-n", self.names[index], "link", "delete", "eth0")
            self.ip("link", "add", "eth0", "netns", self.names[index], "type", "veth", "peer", "name", f"way{index}", "netns", self.names[1])
            for space, device, address in ((self.names[index], "eth0", f"{network}.2/24"), (self.names[1], f"way{index}", f"{network}.1/24")):
                self.ip("-n", space, "addr", "add", address, "dev", device)
                self.ip("-n", space, "link", "set", device, "up")
            self.ip("-n", self.names[index], "route", "add", "default", "via", f"{network}.1")
        self.in_space(1, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def serve(self, address):
        """10.9.0.100 leads there from now on; what the router has in mind of earlier flows stays."""
        self.nft(self.names[1], "add table ip service; flush table ip service; "
                 "add chain ip service to { type nat hook prerouting priority -100; }; "
                 f"add rule ip service to ip daddr 10.9.0.100 udp dport {PORT} dnat to {address}")


def stale_mapping(fleet):
    """The container behind a service address dies and comes back at another address; the router's mapping stays alive while used."""
    with Router(fleet, 4) as hosts:
        hosts.serve("10.2.0.2")
        flags = ("--advertise", f"10.9.0.100:{PORT}")
        key = os.path.join(fleet.folder, "service.key")
        service = hosts.node(2, [], key=key, flags=flags).ready()
        client = hosts.node(0, [f"{service.id}@10.9.0.100:{PORT}"], flags=("--advertise", f"10.1.0.2:{PORT}")).ready()
        fleet.meshed([service, client], 10)
        service.kill()
        hosts.link(2, "down")
        client.wait("its death is noticed", lambda node: service.id not in node.bonds(), 10)
        os.unlink(f"{key}.state")  # so that only the other side dials
        hosts.serve("10.3.0.2")
        again = hosts.node(3, [], key=key, flags=flags).ready()
        took = bonded_within(fleet, [again, client], 60)
        return f"bonded again after {took:.1f} s, the old mapping still there"


def moved_address(fleet):
    """A service address moves to another host while its first owner lives on elsewhere (keepalived)."""
    with Defaults(fleet, 4) as hosts:
        shared = "10.213.0.77"
        hosts.in_space(0, "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1")  # the other address stays
        own = ("addr", "add", f"{hosts.address(0)}/24", "dev", "eth0")
        hosts.in_space(0, "ip", "addr", "delete", *own[2:])
        hosts.in_space(0, "ip", "addr", "add", f"{shared}/24", "dev", "eth0")
        owner = hosts.node(0, []).ready()
        other = hosts.node(1, [f"{owner.id}@{shared}:{PORT}"]).ready()
        fleet.meshed([owner, other], 10)  # at the address that will move: there is no other yet
        hosts.in_space(0, "ip", *own)
        hosts.nft(hosts.names[3], "add table ip w; add chain ip w o { type filter hook output priority 0; }; "  # the witness knows it elsewhere
                  f"add rule ip w o ip daddr {shared} drop; add chain ip w i {{ type filter hook input priority 0; }}; add rule ip w i ip saddr {shared} drop")
        witness = hosts.node(3, [f"{owner.id}@{hosts.address(0)}:{PORT}"]).ready()
        nodes = [owner, witness, other]
        fleet.meshed(nodes, 10)
        at = time.monotonic()
        hosts.in_space(0, "ip", "addr", "delete", f"{shared}/24", "dev", "eth0")
        hosts.in_space(2, "ip", "addr", "add", f"{shared}/24", "dev", "eth0")
        for index in (0, 1, 3):
            hosts.in_space(index, "ip", "neigh", "flush", "all")
        again = lambda node: [e for e in node.events if e.get("event") == "bond_up" and e["mono_ns"] / 1e9 > at]  # noqa: E731
        other.wait("bonded at another address", again, 10)  # its link led to the address
        fleet.meshed(nodes, 10)
        false = [e["by"] for n in nodes for e in n.events if e.get("event") == "bond_down" and e["by"] in ("proven", "presumed")]
        if false:
            raise Failure(f"a living member was called dead: {false}")
        return "nobody is called dead"


def forgotten(fleet):
    """A member that is gone for good is forgotten everywhere by one command; one that lives is not."""
    first = fleet.cpp("hosts", SECRET).ready()
    nodes = [first] + [fleet.cpp("hosts", SECRET, bootstrap=[first.contact]).ready() for _ in range(3)]
    fleet.meshed(nodes, 10)
    gone = nodes.pop()

    def forget(peer):
        return subprocess.run([fleet.mosaik, "forget", peer, "--control", socket_of(first)], capture_output=True, check=False, text=True, timeout=10)
    alive = forget(gone.id)
    if alive.returncode == 0 or "it lives" not in alive.stderr:
        raise Failure(f"a living member was forgotten: {alive.returncode} {alive.stderr}")
    gone.kill()
    for node in nodes:
        node.wait("its death is noticed", lambda n: gone.id not in n.bonds(), 10)
    fleet.wait("it is known that nobody is bonded with it", lambda: forget(gone.id).returncode == 0, 10)
    fleet.wait("all are well", lambda: all(status(node)["health"] == "healthy" for node in nodes), 5)
    return "by all, at once"


CHECKS = [
    ("hosts with the same bridge bond", same_bridge),
    ("another peer at an address of a member keeps nobody apart", another_answers),
    ("many bridges hide no address", many_bridges),
    ("a stale mapping of a NAT is left behind", stale_mapping),
    ("an address that moves to another host kills nobody", moved_address),
    ("a member that is gone is forgotten by all", forgotten),
]
