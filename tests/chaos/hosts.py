"""Hosts as people have them: what a node says of its own addresses. Checks for run.py."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from nodes import Failure  # noqa: E402
from spaces import Spaces  # noqa: E402

SECRET = "hosts secret"
PORT = 7000
SANDBOX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness", "sandbox.py")


class Defaults(Spaces):
    """Nodes that listen on all addresses, at one port."""

    def node(self, index, contacts, **more):
        flags = [*more.pop("flags", ()), "--listen", f"[::]:{PORT}"] if more.pop("v6", False) else more.pop("flags", ())
        return self.cpp(index, "hosts", SECRET, contacts, listen=f"0.0.0.0:{PORT}", flags=flags, **more)

    def in_space(self, index, *words):
        subprocess.run(["ip", "netns", "exec", self.names[index], *words], check=True, capture_output=True)

    def link(self, index, *words):
        self.ip("-n", self.names[index], "link", "set", "eth0", *words)

    def pair(self, host, **more):
        """Two nodes, of which the second is told the first's id at `host`."""
        first = self.node(0, [], **more).ready()
        second = self.node(1, [f"{first.id}@{host}:{PORT}"], **more).ready()
        return first, second


def status(node):
    """What `mosaik status` says of a node, healthy or not."""
    socket = os.path.join(node.fleet.folder, f"{node.label}.sock")
    done = subprocess.run([node.fleet.mosaik, "status", "--control", socket, "--json"], capture_output=True, check=False)
    return json.loads(done.stdout)


def notices(node):
    return status(node)["notices"]


def advertised(node):
    return status(node)["advertised"]


def before_up(fleet):
    """The service starts while its interface has an address and is down; IPv6 is off, so that no address is news."""
    with Defaults(fleet, 2) as hosts:
        for index in range(2):
            hosts.in_space(index, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            hosts.link(index, "down")
        nodes = hosts.pair(hosts.address(0))
        for index in range(2):
            hosts.link(index, "up")
        for index, node in enumerate(nodes):
            fleet.wait("the interface is told", lambda n=node, i=index: advertised(n) == [f"{hosts.address(i)}:{PORT}"], 5)
        fleet.meshed(nodes, 10)
        hosts.link(1, "down")
        fleet.wait("the interface is gone", lambda: advertised(nodes[1]) == [f"127.0.0.1:{PORT}"], 5)
        return "told and bonded"


def without_netlink(fleet):
    """A unit with RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX."""
    with Defaults(fleet, 2) as hosts:
        nodes = hosts.pair(hosts.address(0), through=[sys.executable, SANDBOX, "socket:16=EAFNOSUPPORT", "--"])
        fleet.meshed(nodes, 10)
        for index, node in enumerate(nodes):
            told = advertised(node)
            if told[0] != f"{hosts.address(index)}:{PORT}":
                raise Failure(f"told: {told}")
            if not any("AF_NETLINK" in text and "--advertise" in text and "--listen" in text for text in notices(node)):
                raise Failure(f"no remedy among the notices: {notices(node)}")
        return "bonded, with a notice"


def link_local(fleet):
    """Two computers on one cable: 169.254/16 and nothing else."""
    with Defaults(fleet, 2) as hosts:
        for index in range(2):
            hosts.ip("-n", hosts.names[index], "addr", "flush", "dev", "eth0")
            hosts.ip("-n", hosts.names[index], "addr", "add", f"169.254.7.{index + 1}/16", "dev", "eth0")
        nodes = hosts.pair("169.254.7.1")
        fleet.meshed(nodes, 10)
        told = advertised(nodes[0])
        if told != [f"169.254.7.1:{PORT}"]:
            raise Failure(f"told: {told}")
        return "bonded"


def bridges_last(fleet):
    """Container bridges beside the LAN: the contact that is printed is the LAN's, however the numbers sort."""
    with Defaults(fleet, 1) as hosts:
        name = hosts.names[0]
        for index in range(4):
            hosts.ip("-n", name, "link", "add", f"docker{index}", "type", "bridge")
            hosts.ip("-n", name, "addr", "add", f"10.{index}.0.1/16", "dev", f"docker{index}")
            hosts.ip("-n", name, "link", "set", f"docker{index}", "up")
        hosts.ip("-n", name, "link", "add", "wan", "type", "veth", "peer", "name", "modem")
        hosts.ip("-n", name, "link", "set", "modem", "up")
        hosts.ip("-n", name, "addr", "add", "203.0.113.7/24", "dev", "wan")
        hosts.ip("-n", name, "link", "set", "wan", "up")
        hosts.ip("-n", name, "route", "add", "default", "via", "203.0.113.1")
        node = hosts.node(0, []).ready()
        told = advertised(node)
        if told[:2] != [f"203.0.113.7:{PORT}", f"{hosts.address(0)}:{PORT}"] or len(told) != 6:
            raise Failure(f"told: {told}")
        for index in range(40):
            hosts.ip("-n", name, "addr", "add", f"10.213.9.{index + 1}/32", "dev", "eth0")
        fleet.wait("a cut is told", lambda: any("46 addresses" in text for text in notices(node)), 5)
        told = advertised(node)
        if len(told) != 32 or told[0] != f"203.0.113.7:{PORT}" or any(text.startswith("10.0.0.1:") for text in told):
            raise Failure(f"told of too many: {told}")
        return "the default route's first, bridges last, the cut told"


def scoped_contact(fleet):
    """A contact on one cable by its link-local IPv6 address and the interface that it is behind."""
    with Defaults(fleet, 2) as hosts:
        out = subprocess.run(["ip", "-n", hosts.names[0], "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"],
                             check=True, capture_output=True, text=True).stdout.split()
        address = out[out.index("inet6") + 1].split("/")[0]
        settled = lambda i: "tentative" not in subprocess.run(  # noqa: E731
            ["ip", "-n", hosts.names[i], "-6", "addr", "show", "dev", "eth0"], check=True, capture_output=True, text=True).stdout
        fleet.wait("duplicate addresses were looked for", lambda: settled(0) and settled(1), 10)
        nodes = hosts.pair(f"[{address}%eth0]", v6=True)
        fleet.meshed(nodes, 10)
        return "bonded"


CHECKS = [
    ("an interface that comes up is told", before_up),
    ("without AF_NETLINK addresses are told and a notice names the remedy", without_netlink),
    ("two computers on one cable bond over 169.254/16", link_local),
    ("bridges are told last and a cut list is told", bridges_last),
    ("a link-local contact with its interface works", scoped_contact),
]
