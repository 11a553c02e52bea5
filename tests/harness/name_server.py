#!/usr/bin/env python3
"""A little name server over UDP, told what to answer by JSON lines on standard input; prints a JSON line a question.

  name_server.py IP

`{"cmd": "serve", "names": {"group.test": {"A": ["192.0.2.1"], "AAAA": [...], "SRV": [[0, 0, 7820, "one.test"]]}}, "delay": 5,
"silent": false, "ignore": ["AAAA"]}` replaces what is served. A name that is not there does not exist. Each question is printed as it comes, each
answer as it goes: `{"event": "asked" | "answered", "name", "type", "from", "records", "mono_ns"}`.
"""

import heapq
import ipaddress
import itertools
import json
import os
import select
import socket
import struct
import sys
import time

TYPES = {1: "A", 28: "AAAA", 33: "SRV"}
EXISTS_NOT = 3  # RCODE NXDOMAIN


def tell(**fields):
    print(json.dumps(fields), flush=True)


def encoded(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".") if part) + b"\0"


def data(kind, value):
    if kind == "SRV":
        priority, weight, port, target = value
        return struct.pack("!HHH", priority, weight, port) + encoded(target)
    return ipaddress.ip_address(value).packed


def question(datagram):
    """The name, the type, and where the question ends."""
    at, parts = 12, []
    while datagram[at]:
        parts.append(datagram[at + 1:at + 1 + datagram[at]].decode("ascii", "replace").lower())
        at += datagram[at] + 1
    return ".".join(parts), struct.unpack_from("!H", datagram, at + 1)[0], at + 5


def answer(datagram, end, number, records):
    """`records`: None for a name that does not exist."""
    code = EXISTS_NOT if records is None else 0
    out = datagram[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records or ()), 0, 0) + datagram[12:end]
    for record in records or ():
        value = data(TYPES[number], record)
        out += struct.pack("!HHHIH", 0xC00C, number, 1, 5, len(value)) + value
    return out


class Server:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.names, self.delay, self.silent, self.ignore = {}, 0, True, []
        self.pending, self.serial = [], itertools.count()

    def run(self):
        tell(event="ready")
        rest = b""
        while True:
            wait = max(0.0, self.pending[0][0] - time.monotonic()) if self.pending else None
            readable, _, _ = select.select([self.socket, sys.stdin], [], [], wait)
            if sys.stdin in readable:
                more = os.read(sys.stdin.fileno(), 65536)
                if not more:
                    return
                *lines, rest = (rest + more).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
            if self.socket in readable:
                self.take(*self.socket.recvfrom(4096))
            while self.pending and self.pending[0][0] <= time.monotonic():
                _, _, datagram, peer, told = heapq.heappop(self.pending)
                tell(event="answered", mono_ns=time.monotonic_ns(), **told)
                self.socket.sendto(datagram, peer)

    def obey(self, command):
        self.names, self.delay, self.silent = command["names"], command.get("delay", 0), command.get("silent", False)
        self.ignore = command.get("ignore", [])
        tell(event="reply", tag=command.get("tag"), ok=True)

    def take(self, datagram, peer):
        name, number, end = question(datagram)
        kind = TYPES.get(number, "")
        told = {"name": name, "type": kind, "from": peer[0]}
        tell(event="asked", mono_ns=time.monotonic_ns(), **told)
        if self.silent or kind in self.ignore:
            return
        known = self.names.get(name)
        records = None if known is None else known.get(kind, [])
        told["records"] = len(records or ())
        heapq.heappush(self.pending, (time.monotonic() + self.delay, next(self.serial), answer(datagram, end, number, records), peer, told))


if __name__ == "__main__":
    Server(sys.argv[1]).run()
