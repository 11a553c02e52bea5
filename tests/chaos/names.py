"""Nodes that know one DNS name and nothing else: a headless service, with name servers as people have them. Checks for run.py."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from named import NAME, Named  # noqa: E402
from nodes import Failure  # noqa: E402

MESHED = 1.0  # seconds from the first answer with an address to the last bond
NOBODY = "10.213.0.99"  # an address of the network that no host has


def meshed(hosts, nodes, patience=20):
    """The seconds from the first answer that held a record to the last end of a bond."""
    hosts.fleet.meshed(nodes, patience)
    first = min(e["mono_ns"] for e in hosts.server.events if e.get("event") == "answered" and e["records"])
    last = max(e["mono_ns"] for n in nodes for e in n.events if e.get("event") == "bond_up")
    took = (last - first) / 1e9
    if took > MESHED:
        raise Failure(f"meshed {took:.2f} s after the name's first answer")
    return f"meshed {took * 1000:.0f} ms after the name's first answer"


def meshed_from_start(hosts, nodes):
    """The seconds from the start of the last node to the last end of a bond."""
    hosts.fleet.meshed(nodes, 20)
    ups = [e["mono_ns"] / 1e9 for n in nodes for e in n.events if e.get("event") == "bond_up"]
    took = max(ups) - max(n.event("ready")["at"] for n in nodes)
    if took > MESHED:
        raise Failure(f"meshed {took:.2f} s after the last start")
    return f"meshed {took * 1000:.0f} ms after the last start"


def at_once(fleet):
    with Named(fleet, 5) as hosts:
        hosts.serve({NAME: {"A": hosts.hosts()}})
        return meshed_from_start(hosts, hosts.start())


def unknown_at_first(fleet):
    """The name is made when the nodes run already."""
    with Named(fleet, 5) as hosts:
        hosts.serve({})
        nodes = hosts.start()
        hosts.all_asked(12)
        hosts.serve({NAME: {"A": hosts.hosts()}})
        return meshed(hosts, nodes)


def dead_at_first(fleet):
    with Named(fleet, 5) as hosts:
        nodes = hosts.start()
        hosts.all_asked(24)
        hosts.serve({NAME: {"A": hosts.hosts()}})
        return meshed(hosts, nodes)


def slow(fleet):
    """Every answer takes 5 s."""
    with Named(fleet, 5) as hosts:
        hosts.serve({NAME: {"A": hosts.hosts()}}, delay=5)
        nodes = hosts.start()
        return meshed(hosts, nodes)


def lying(fleet):
    """One wrong answer of six: where no host is, first in the list."""
    with Named(fleet, 5) as hosts:
        hosts.serve({NAME: {"A": [NOBODY, *hosts.hosts()]}})
        return meshed_from_start(hosts, hosts.start())


def lying_of_strangers(fleet):
    """One wrong answer of six: another network's node, which answers."""
    with Named(fleet, 5) as hosts:
        fleet.cpp("elsewhere", "another secret", space=hosts.names[hosts.nodes], listen=None).ready()
        hosts.serve({NAME: {"A": [hosts.address(hosts.nodes), *hosts.hosts()]}})
        return meshed_from_start(hosts, hosts.start())


def half_silent(fleet):
    """A server that ignores questions for AAAA and SRV: as if it had never heard of them."""
    with Named(fleet, 5) as hosts:
        hosts.serve({NAME: {"A": hosts.hosts()}}, ignore=["AAAA", "SRV"])
        return meshed_from_start(hosts, hosts.start())


def by_records(fleet):
    """Nodes at ports of the kernel's choosing, found by SRV records alone."""
    with Named(fleet, 5) as hosts:
        hosts.serve({})
        nodes = hosts.start(listen="0.0.0.0:0")
        hosts.all_asked(4)
        names = {f"_mosaik._udp.{NAME}": {"SRV": []}}
        for index, node in enumerate(nodes):
            names[f"_mosaik._udp.{NAME}"]["SRV"].append([0, 0, int(node.event("ready")["socket"][0].rsplit(":", 1)[1]), f"{index}.test"])
            names[f"{index}.test"] = {"A": [hosts.address(index)]}
        hosts.serve(names)
        return meshed(hosts, nodes)


def moved(fleet):
    """The only name server is replaced by another while nodes run: resolv.conf is read anew."""
    with Named(fleet, 5) as hosts:
        hosts.ask(NOBODY)
        nodes = hosts.start()
        hosts.fleet.quiet(nodes, 2)
        hosts.serve({NAME: {"A": hosts.hosts()}})
        hosts.ask(hosts.address(hosts.nodes))
        return meshed(hosts, nodes, 30)


def ends_at_once(fleet):
    """A node whose name server hangs leaves as quickly as any."""
    with Named(fleet, 5) as hosts:
        nodes = hosts.start()
        hosts.all_asked(4)
        took = []
        for node in nodes:
            at = time.monotonic()
            if node.end() != 0:
                raise Failure(f"{node.label} ended with {node.child.returncode}")
            took.append(time.monotonic() - at)
        if max(took) > 1:
            raise Failure(f"ended after {max(took):.2f} s")
        return f"ended after {max(took) * 1000:.0f} ms at most"


CHECKS = [
    ("five nodes mesh by one name", at_once),
    ("a name that is made later is found", unknown_at_first),
    ("a name server that is dead at first", dead_at_first),
    ("a name server that takes 5 s", slow),
    ("a name with an address of nobody", lying),
    ("a name with an address of strangers", lying_of_strangers),
    ("a name server that knows A and nothing else", half_silent),
    ("a service found by SRV records alone", by_records),
    ("another name server in resolv.conf", moved),
    ("a node ends at once while its name server hangs", ends_at_once),
]
