"""Hosts and ways as people have them: addresses, narrow paths, sandboxes, and what a computer runs out of. Checks for run.py."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from nodes import Failure, Skip  # noqa: E402
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


def socket_of(node):
    return os.path.join(node.fleet.folder, f"{node.label}.sock")


def status(node):
    """What `mosaik status` says of a node, healthy or not, within 3 s."""
    done = subprocess.run([node.fleet.mosaik, "status", "--control", socket_of(node), "--json"],
                          capture_output=True, check=False, timeout=3)
    return json.loads(done.stdout)


def cpu_seconds(node):
    """What a node's process has used of a processor."""
    with open(f"/proc/{node.child.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idles(fleet, node, seconds):
    """A node that spins uses a whole processor; what it used in so many seconds."""
    before = cpu_seconds(node)
    fleet.quiet([node], seconds)
    used = cpu_seconds(node) - before
    if used > seconds / 4:
        raise Failure(f"{node.label} used {used:.2f} s of a processor in {seconds} s")
    return used


def lowest_key(fleet, count):
    """A key file whose id is the lowest of so many: its node is dialed by none, and listens for all."""
    found = []
    for index in range(count):
        path = os.path.join(fleet.folder, f"low-{index}")
        out = subprocess.run([fleet.mosaik, "keygen", "--out", path], check=True, capture_output=True, text=True).stdout
        found.append((re.search("[0-9a-f]{64}", out)[0], path))
    return min(found)[1]


def out_of_descriptors(fleet):
    """A limit of 24 open files and six members: the rest of their connections have to wait."""
    first = fleet.cpp("hosts", SECRET, key=lowest_key(fleet, 30), through=["prlimit", "--nofile=24"]).ready()
    others = [fleet.cpp("hosts", SECRET, bootstrap=[first.contact]).ready() for _ in range(6)]
    fleet.meshed([first, *others], 10)
    used = idles(fleet, first, 2)
    for _ in range(3):
        status(first)
    if not any("ulimit -n" in text for text in notices(first)):
        raise Failure(f"no notice: {notices(first)}")
    for node in others[1:]:
        node.end()
    fleet.wait("four have gone", lambda: len(first.bonds()) == 1, 5)
    status(first)
    return f"{used * 1000 / 2:.0f} ms of a processor each second"


def without_recvmmsg(fleet):
    through = [sys.executable, SANDBOX, "recvmmsg=ENOSYS", "--"]
    first = fleet.cpp("hosts", SECRET, through=through).ready()
    second = fleet.cpp("hosts", SECRET, bootstrap=[first.contact], through=through).ready()
    fleet.meshed([first, second], 10)
    return f"{idles(fleet, first, 2) * 1000 / 2:.0f} ms of a processor each second"


def full_disk(fleet):
    """A node with its key and state on a disk without room: it starts, says so, and writes when there is room."""
    if os.geteuid() != 0:
        raise Skip("a disk of its own needs root")
    disk = os.path.join(fleet.folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", disk], capture_output=True, check=False).returncode != 0:
        raise Skip("nothing can be mounted here")
    try:
        key, state = os.path.join(disk, "key"), os.path.join(disk, "key.state")
        node = fleet.cpp("hosts", SECRET, key=key).ready()
        node.end()
        before = os.stat(state).st_mtime_ns
        filler = os.path.join(disk, "filler")
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        node = fleet.cpp("hosts", SECRET, key=key).ready()
        if not any("No space left" in text for text in notices(node)):
            raise Failure(f"no notice: {notices(node)}")
        os.remove(filler)
        fleet.wait("the state is written", lambda: os.stat(state).st_mtime_ns != before, 20)
        node.end()
        return "started, told, written later"
    finally:
        fleet.clear()
        subprocess.run(["umount", disk], capture_output=True, check=False)


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


class Routed(Spaces):
    """Two hosts, 10.1.0.2 and 10.2.0.2 or fd00:1::2 and fd00:2::2, and a router whose links can be told another MTU."""

    def __init__(self, fleet, v6=False):
        super().__init__(fleet, 2)
        self.v6 = v6

    def _build(self):
        self.ip("netns", "add", self.hub)
        for index, name in enumerate(self.names):
            self.ip("netns", "add", name)
            self.ip("-n", name, "link", "set", "lo", "up")
            self.ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", f"port{index}", "netns", self.hub)
            self.ip("-n", self.hub, "link", "add", f"side{index}", "type", "bridge")
            self.ip("-n", self.hub, "link", "set", f"port{index}", "master", f"side{index}", "up")
            self.ip("-n", self.hub, "link", "set", f"side{index}", "up")
            self.ip("-n", self.hub, "addr", "add", f"10.{index + 1}.0.1/24", "dev", f"side{index}")
            self.ip("-n", name, "addr", "add", f"{self.address(index)}/24", "dev", "eth0")
            self.ip("-n", name, "link", "set", "eth0", "up")
            self.ip("-n", name, "route", "add", "default", "via", f"10.{index + 1}.0.1")
            self.ip("-n", self.hub, "addr", "add", f"fd00:{index + 1}::1/64", "dev", f"side{index}", "nodad")
            self.ip("-n", name, "addr", "add", f"fd00:{index + 1}::2/64", "dev", "eth0", "nodad")
            self.ip("-n", name, "route", "add", "default", "via", f"fd00:{index + 1}::1")
        self.in_hub("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.nft(self.hub, "add table inet seen; add counter inet seen large; "
                           "add chain inet seen way { type filter hook forward priority 0; }; "
                           "add rule inet seen way meta length > 1400 counter name large")

    def listen(self, index):
        return f"[fd00:{index + 1}::2]:{PORT}" if self.v6 else f"{self.address(index)}:{PORT}"

    @staticmethod
    def address(index):
        return f"10.{index + 1}.0.2"

    def in_hub(self, *words):
        return subprocess.run(["ip", "netns", "exec", self.hub, *words], check=True, capture_output=True, text=True).stdout

    def large_seen(self):
        return int(self.in_hub("nft", "list", "counter", "inet", "seen", "large").split("packets")[1].split()[0])

    def silence_router(self):
        self.nft(self.hub, "add table inet mute; add chain inet mute out { type filter hook output priority 0; }; "
                           "add rule inet mute out ip protocol icmp drop; "
                           "add rule inet mute out icmpv6 type packet-too-big drop")

    def narrow(self, mtu):
        for index in range(2):
            self.ip("-n", self.hub, "link", "set", f"side{index}", "mtu", str(mtu))

    def pair(self, **more):
        first = self.cpp(0, "hosts", SECRET, [], listen=self.listen(0), **more).ready()
        second = self.cpp(1, "hosts", SECRET, [first.contact], listen=self.listen(1), **more).ready()
        return first, second


def put(node, key, size):
    """A value of so many bytes; the seconds that it took."""
    begun = time.monotonic()
    done = subprocess.run([node.fleet.mosaik, "kv", "put", key, "--control", socket_of(node), "--timeout", "5s", "-"],
                          input=b"x" * size, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{key}: exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return time.monotonic() - begun


def tried(node, key, size):
    """Whether the value could be put."""
    with contextlib.suppress(Failure):
        return put(node, key, size) > 0
    return False


def narrower(fleet, shrink, v6=False):
    """The path of a bond gets narrower: large values go on being committed, and nobody is called dead."""
    with Routed(fleet, v6) as hosts:
        nodes = hosts.pair(flags=["--machine", "kv", "--bootstrap-delay", "200ms"])
        fleet.meshed(nodes, 10)
        # There may be no leader at first, and a few large packets are probes.
        fleet.wait("the MTU is found", lambda: tried(nodes[0], "first", 60000) and hosts.large_seen() > 20, 20)
        begun = time.monotonic()
        shrink(hosts)
        took = [put(nodes[index % 2], f"key{index}", 60000) for index in range(10)]
        small = put(nodes[1], "small", 10)
        fallen = [event for node in nodes for event in node.events
                  if event.get("event") in ("bond_down", "suspect") and event["mono_ns"] / 1e9 > begun]
        if any(event["event"] == "bond_down" for event in fallen):
            raise Failure(f"a living member was given up: {fallen}")
        if max(took) > 2.0 or small > 1.0:
            raise Failure(f"puts took {took}, a small one {small:.2f} s")
        return f"10 puts of 60 kB, {1000 * sum(took) / 10:.0f} ms each (mean), {1000 * max(took):.0f} ms (max), {len(fallen)} suspicions"


def black_hole(hosts, mtu=1300):
    hosts.silence_router()
    hosts.narrow(mtu)


def narrow_with_word(hosts):
    hosts.narrow(1300)


def narrow_interface(hosts):
    for name in hosts.names:
        hosts.ip("-n", name, "link", "set", "eth0", "mtu", "1300")
    hosts.narrow(1300)


def below_quic(fleet):
    """The path gets narrower than QUIC allows: the bond has to end, and nobody is dead."""
    with Routed(fleet) as hosts:
        nodes = hosts.pair(flags=["--machine", "kv", "--bootstrap-delay", "200ms"])
        fleet.meshed(nodes, 10)
        fleet.wait("the MTU is found", lambda: tried(nodes[0], "first", 60000) and hosts.large_seen() > 20, 20)
        begun = time.monotonic()
        black_hole(hosts, 1200)
        tried(nodes[0], "second", 60000)
        downs = [node.event("bond_down", 10) for node in nodes]
        told = [event["by"] for event in downs]
        if any(by in ("presumed", "proven") for by in told):
            raise Failure(f"a living member was called dead: {downs}")
        return f"given up after {time.monotonic() - begun:.1f} s by {', '.join(told)}"


def too_narrow(fleet, silent):
    """A path that does not carry what QUIC begins with, which both ends name."""
    with Routed(fleet) as hosts:
        if silent:
            hosts.silence_router()
            hosts.ip("-n", hosts.hub, "link", "set", "side1", "mtu", "1200")  # the way back alone
        else:
            hosts.narrow(1200)
        nodes = hosts.pair()

        def named(node):
            return any("MTU" in text for group in status(node)["groups"] for text in group["reasons"])
        told = nodes if silent else nodes[1:]
        fleet.wait("the MTU is named", lambda: all(named(node) for node in told), 15,
                   state=lambda: str([[g["reasons"] for g in status(node)["groups"]] for node in nodes]))
        return "named by " + ("both ends" if silent else "the dialer")


CHECKS = [
    ("a path that shrinks in silence jams no bond", lambda fleet: narrower(fleet, black_hole)),
    ("a path that shrinks with a word jams no bond", lambda fleet: narrower(fleet, narrow_with_word)),
    ("a path of IPv6 that shrinks in silence jams no bond", lambda fleet: narrower(fleet, black_hole, v6=True)),
    ("a path of IPv6 that shrinks with a word jams no bond", lambda fleet: narrower(fleet, narrow_with_word, v6=True)),
    ("an interface that shrinks jams no bond", lambda fleet: narrower(fleet, narrow_interface)),
    ("a path that gets too narrow for QUIC kills nobody", below_quic),
    ("a path too narrow on the way back is named", lambda fleet: too_narrow(fleet, True)),
    ("a path too narrow is named by its router's word", lambda fleet: too_narrow(fleet, False)),
    ("a node out of descriptors answers and does not spin", out_of_descriptors),
    ("a sandbox without recvmmsg costs nothing", without_recvmmsg),
    ("a node starts on a full disk and writes when there is room", full_disk),
    ("an interface that comes up is told", before_up),
    ("without AF_NETLINK addresses are told and a notice names the remedy", without_netlink),
    ("two computers on one cable bond over 169.254/16", link_local),
    ("bridges are told last and a cut list is told", bridges_last),
    ("a link-local contact with its interface works", scoped_contact),
]
