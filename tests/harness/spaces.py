"""Hosts of their own for nodes: network namespaces, joined by a bridge in another one. Needs root; cleans up."""

import itertools
import os
import shutil
import subprocess

from nodes import Skip


class Spaces:
    """`with Spaces(fleet, 3) as spaces`: three hosts, 10.213.0.1 to 10.213.0.3."""

    serial = itertools.count()

    def __init__(self, fleet, count):
        self.fleet, self.count = fleet, count
        name = f"mosaik-{os.getpid()}-{next(Spaces.serial)}"
        self.hub = f"{name}-hub"
        self.names = [f"{name}-{index}" for index in range(count)]

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("ip") or subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode != 0:
            raise Skip("network namespaces need root and iproute2")
        try:
            self._build()
        except subprocess.CalledProcessError as problem:
            self._remove()
            raise Skip(f"no network namespaces with a bridge here: {problem.stderr.decode(errors='replace').strip()}") from None
        return self

    def __exit__(self, *_):
        self.fleet.clear()
        self._remove()

    def _build(self):
        self.ip("netns", "add", self.hub)
        self.ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
        self.ip("-n", self.hub, "link", "set", "bridge", "up")
        for index, name in enumerate(self.names):
            self.ip("netns", "add", name)
            self.ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", f"port{index}", "netns", self.hub)
            self.ip("-n", self.hub, "link", "set", f"port{index}", "master", "bridge", "up")
            self.ip("-n", name, "addr", "add", f"{self.address(index)}/24", "dev", "eth0")
            self.ip("-n", name, "link", "set", "eth0", "up")
            self.ip("-n", name, "link", "set", "lo", "up")

    def _remove(self):
        for name in [self.hub, *self.names]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    @staticmethod
    def address(index):
        return f"10.213.0.{index + 1}"

    @staticmethod
    def nft(space, rules):
        """Gives the rules to a space's packet filter."""
        if not shutil.which("nft"):
            raise Skip("nft is not installed")
        done = subprocess.run(["ip", "netns", "exec", space, "nft", rules], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skip(f"nft does not work here: {done.stderr.decode(errors='replace').strip()}")

    def cut(self, one, other):
        """Drops what the two hosts send to one another; returns how to heal."""
        rules = (f"add table inet cut; add chain inet cut input {{ type filter hook input priority 0; }}; "
                 f"add rule inet cut input ip saddr {self.address(other)} drop; "
                 f"add chain inet cut output {{ type filter hook output priority 0; }}; "
                 f"add rule inet cut output ip daddr {self.address(other)} drop")
        self.nft(self.names[one], rules)
        return lambda: self.ip("netns", "exec", self.names[one], "nft", "delete table inet cut")

    def slow(self, rate):
        """Each host sends so fast at most, e.g. "2mbit"; what waits for that is kept, not lost."""
        for name in self.names:
            done = subprocess.run(["ip", "netns", "exec", name, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate,
                                   "burst", "64kb", "latency", "200ms"], capture_output=True, check=False)
            if done.returncode != 0:
                raise Skip(f"tc tbf does not work here: {done.stderr.decode(errors='replace').strip()}")

    def weather(self, loss, copies):
        """On every way so many percent of all datagrams are lost, and so many of the others come twice. Returns how to end it."""
        rules = "add table netdev weather; "
        for one in range(self.count):
            rules += f"add chain netdev weather from{one} {{ type filter hook ingress device port{one} priority 0; }}; "
            rules += f"add rule netdev weather from{one} ip protocol udp numgen random mod 100 < {loss} drop; "
            for other in range(self.count):
                if other != one:
                    rules += (f"add rule netdev weather from{one} ip protocol udp ip daddr {self.address(other)} "
                              f"numgen random mod 100 < {copies} dup to port{other}; ")
        self.nft(self.hub, rules)
        return lambda: self.ip("netns", "exec", self.hub, "nft", "delete table netdev weather")

    def nat(self, index):
        """Puts a NAT in front of a host: its packets leave from ports that the NAT chooses, and nobody can begin with it. Returns how to make it forget."""
        if not shutil.which("conntrack"):
            raise Skip("conntrack is not installed")
        rules = ("add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
                 "add rule ip nat post ip protocol udp masquerade to :20000-60000 fully-random; "
                 "add chain ip nat in { type filter hook input priority 0; }; add rule ip nat in ip protocol udp ct state new drop")
        self.nft(self.names[index], rules)
        return lambda: self.ip("netns", "exec", self.names[index], "conntrack", "-F")

    def cpp(self, index, network, secret, bootstrap, **more):
        """A C++ node on a host."""
        more.setdefault("listen", f"{self.address(index)}:0")
        return self.fleet.cpp(network, secret, bootstrap=bootstrap, space=self.names[index], **more)

    def rust(self, index, network, secret, bootstrap, **more):
        """A Rust node on a host."""
        return self.fleet.rust(network, secret, bootstrap=bootstrap, bind=f"{self.address(index)}:0", space=self.names[index], **more)
