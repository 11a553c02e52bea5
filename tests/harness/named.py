"""Hosts whose nodes know a DNS name, and a name server that a check tells what to answer."""

import os
import shutil
import sys

from nodes import Process
from spaces import Spaces

SECRET = "names secret"
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "name_server.py")
NAME = "group.test"


class Named(Spaces):
    """`with Named(fleet, 5) as hosts`: so many hosts for nodes, and one more for the name server that all of them ask."""

    def __init__(self, fleet, nodes):
        super().__init__(fleet, nodes + 1)
        self.nodes = nodes

    def __enter__(self):
        super().__enter__()
        try:
            for name in self.names:
                os.makedirs(f"/etc/netns/{name}", exist_ok=True)
            self.ask(self.address(self.nodes))
            self.server = Process(self.fleet, "names", ["ip", "netns", "exec", self.names[self.nodes], sys.executable, SERVER, self.address(self.nodes)])
            self.fleet.processes.append(self.server)
            self.server.event("ready")
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        super().__exit__(*_)
        for name in self.names:
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)

    def ask(self, server):
        """All hosts ask this server from now on. What is mounted over /etc/resolv.conf is the file, so it is written in place."""
        for name in self.names:
            with open(f"/etc/netns/{name}/resolv.conf", "w", encoding="ascii") as file:
                file.write(f"nameserver {server}\n")

    def serve(self, names, **how):
        self.server.command("serve", names=names, **how)

    def start(self, contact=f"dns:{NAME}", listen=None):
        """One node a host; by default at the default port."""
        network = f"names-{self.fleet.random.randrange(1 << 30)}"
        return [self.fleet.cpp(network, SECRET, bootstrap=[contact], space=name, listen=listen).ready() for name in self.names[:self.nodes]]

    def hosts(self):
        return [self.address(index) for index in range(self.nodes)]

    def asked(self, host, what="asked"):
        return sum(e.get("event") == what and e["from"] == host for e in self.server.events)

    def all_asked(self, times, seconds=40):
        """Until every node has asked so often."""
        self.fleet.wait("all ask", lambda: all(self.asked(host) >= times for host in self.hosts()), seconds)
