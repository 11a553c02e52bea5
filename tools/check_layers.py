#!/usr/bin/env python3
"""check_layers.py [--root DIR]: the include graph keeps the laws of docs/ARCHITECTURE.md.

Laws, by the names that errors use:
  rooms        a room includes, directly or through other headers, only what its row of ROOMS allows
  third-party  a library is included only where THIRD_PARTY allows it
  interface    a header that other rooms see shows no third-party header, however far down
  public       include/mosaik stands on the standard library alone
  sans-io      a core asks the operating system for nothing: no clock, socket, file, environment, thread or random device
  table        every folder of src/ and extras/ has a row, and every row has a folder

Prints `file:line: law NAME: what is wrong` for each breach; the exit status is 1 when there is one.
"""
import argparse
import re
import sys
from pathlib import Path

# What each room may include besides itself and what everybody sees of the public face (VOCABULARY); and whatever those may
# include in turn. A name that begins with `include/` is a folder of the public face.
ROOMS = {
    "posix": [],
    "base": [],
    "types": ["base"],
    "wire": ["types"],
    "crypto": ["types"],
    "identity": ["wire", "crypto"],
    "link": ["wire"],
    "transport/quic": ["link", "crypto"],
    "transport/udp": ["types", "posix"],
    "discovery": ["identity", "link"],
    "detector": ["link", "crypto"],
    "bonds": ["identity", "link"],
    "consensus": ["types"],
    "groups": ["bonds", "consensus"],
    "node": ["identity", "transport/quic", "discovery", "detector", "bonds", "consensus", "groups"],
    "runtime": ["node", "transport/udp", "posix", "include/async", "include/consensus"],
    "api": ["runtime", "include"],
    "extras/control": ["include", "posix"],
    "apps/mosaik": ["include", "extras/control", "posix"],
    "apps/mosaik-sim": ["sim"],
    "sim": ["node", "sim/hostile", "posix"],
    "sim/hostile": ["transport/quic"],
    "examples": ["include"],
}
# The vocabulary of the public face. Cores see nothing else of it.
VOCABULARY = ["include/types", "include/serialization", "include/export"]
# Attackers know what is behind a room's face: what they include is no interface.
ATTACKERS = {"sim/hostile"}
CORES = {"identity", "link", "transport/quic", "discovery", "detector", "bonds", "consensus", "groups", "node"}

# Where a library may be included: room -> what kinds of file.
THIRD_PARTY = {
    "libsodium": (r"sodium(\.h|/)", {"crypto": (".cpp",)}),
    "libblake3": (r"blake3\.h", {"crypto": (".cpp",)}),
    "ngtcp2": (r"ngtcp2/", {"transport/quic": (".cpp", ".hpp"), "sim/hostile": (".cpp",)}),
    "GnuTLS": (r"gnutls/", {"transport/quic": (".cpp", ".hpp"), "sim/hostile": (".cpp",)}),
    "c-ares": (r"ares(_[a-z]+)?\.h", {"runtime": (".cpp",)}),
    "Boost": (r"boost/", {"extras/control": (".cpp", ".hpp")}),
    "CLI11": (r"CLI/", {"apps/mosaik": (".cpp",), "apps/mosaik-sim": (".cpp",)}),
    "toml++": (r"toml(\+\+|plusplus)?[./]", {"apps/mosaik": (".cpp",)}),
    "fmt": (r"fmt/", {"apps/mosaik": (".cpp",)}),
    "spdlog": (r"spdlog/", {"apps/mosaik": (".cpp",)}),
}

STANDARD = re.compile(r"[a-z_0-9]+")
SYSTEM = re.compile(
    r"(sys|netinet|arpa|linux|net|asm)/[a-z_0-9/]+\.h|"
    r"(unistd|fcntl|poll|ifaddrs|netdb|signal|spawn|pwd|grp|termios|dlfcn|endian|errno|limits|pthread|sched|time|malloc|"
    r"stdlib|string|stdint|getopt|dirent|cxxabi|execinfo|paths|syslog|ucontext|alloca)\.h"
)
# What a core may not include. quic may have the types of socket addresses: ngtcp2's interface wants them.
IO_HEADERS = {
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic", "semaphore", "latch", "barrier", "stop_token",
    "fstream", "iostream", "cstdio", "filesystem", "random", "ctime", "csignal",
}
ADDRESS_HEADERS = {"transport/quic": {"sys/socket.h", "netinet/in.h", "arpa/inet.h"}}
IO_CALLS = re.compile(
    r"\b(?:(?:system|steady|high_resolution)_clock\b|random_device\b|(?:secure_)?getenv\s*\(|clock_gettime\s*\(|"
    r"gettimeofday\s*\(|getrandom\s*\(|std::rand\b|this_thread\b)"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = {".hpp", ".cpp", ".h"}


def room_of(parts):
    """The room of a file: src/transport/quic/x.hpp is in transport/quic, src/consensus/log/x.hpp in consensus."""
    if parts[0] == "include":
        return f"include/{parts[2].split('.')[0]}"
    if parts[0] in ("apps", "extras") or parts[:2] == ["sim", "hostile"]:
        return "/".join(parts[:2])
    if parts[0] != "src":
        return parts[0]
    return "/".join(parts[1:3]) if parts[1] == "transport" else parts[1]


class File:
    """One source file: its room and its includes as (line, name, is_quoted)."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.relative_to(root).as_posix()
        parts = self.name.split("/")
        self.room = room_of(parts)
        self.includes = []
        self.calls = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                self.includes.append((number, found.group(2), found.group(1) == '"'))
            elif self.room in CORES:
                code = line.split("//")[0]
                if call := IO_CALLS.search(code):
                    self.calls.append((number, call.group(0).rstrip(" (")))


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = {}
        self.breaches = []
        for folder in ("include", "src", "extras", "apps", "sim", "examples"):
            for path in sorted((root / folder).rglob("*")):
                if path.suffix in SOURCES and path.is_file():
                    file = File(root, path)
                    if file.name.count("/") >= 2 or folder in ("apps", "sim", "examples"):
                        self.files[file.name] = file

    def resolve(self, file, name, quoted):
        """The file of ours that an include names, or None."""
        places = [f"include/{name}", f"src/{name}"]
        if quoted:
            places.insert(0, f"{file.name.rpartition('/')[0]}/{name}")
        places += [f"{folder}/{name}" for folder in ("extras", "apps/mosaik", "sim", "examples")] + [name]
        return next((self.files[place] for place in places if place in self.files), None)

    def reach(self, file):
        """Every header of ours that `file` sees: name -> (line of the direct include, chain of names)."""
        seen = {}
        todo = [(file, None, [])]
        while todo:
            at, line, chain = todo.pop()
            for number, name, quoted in at.includes:
                target = self.resolve(at, name, quoted)
                if target is None or target.name in seen or target is file:
                    continue
                seen[target.name] = (line or number, chain + [target.name])
                todo.append((target, line or number, chain + [target.name]))
        return seen

    def breach(self, file, line, law, text):
        self.breaches.append(f"{file.name}:{line}: law {law}: {text}")


def allowed(room):
    """Rooms that a room may include, itself first."""
    if room.startswith("include/"):
        return {"include"}
    rooms, todo = {room, *VOCABULARY}, list(ROOMS[room])
    while todo:
        name = todo.pop()
        if name not in rooms:
            rooms.add(name)
            todo += ROOMS.get(name, [])
    return rooms


def third_party(name):
    return next((library for library, (pattern, _) in THIRD_PARTY.items() if re.match(pattern, name)), None)


def check_rooms(tree, file, reached):
    rooms = allowed(file.room)
    for name, (line, chain) in sorted(reached.items(), key=lambda item: (item[1][0], item[0])):
        target = tree.files[name]
        if target.room in rooms or ("include" in rooms and target.room.startswith("include/")):
            continue
        through = "" if len(chain) == 1 else f" through {' -> '.join(chain[:-1])}"
        what = ", ".join(ROOMS.get(file.room, [])) or "only public headers"
        tree.breach(file, line, "rooms", f"{file.room} may not see {name}{through}; it may include: {what}")


def check_vocabulary(tree, file, reached):
    for name, (line, _) in sorted(reached.items()):
        if tree.files[name].room not in VOCABULARY:
            tree.breach(file, line, "public", f"{name}: the vocabulary that cores see stands on itself alone")


def check_outside(tree, file):
    for line, name, quoted in file.includes:
        if tree.resolve(file, name, quoted) is not None:
            continue
        library = third_party(name)
        if library:
            where = THIRD_PARTY[library][1]
            if file.path.suffix not in where.get(file.room, ()):
                places = ", ".join(f"{room}/*{'|*'.join(kinds)}" for room, kinds in where.items())
                tree.breach(file, line, "third-party", f"<{name}>: {library} is allowed in {places} only")
        elif quoted:
            tree.breach(file, line, "rooms", f'"{name}" is no file of this tree')
        elif not STANDARD.fullmatch(name) and not SYSTEM.fullmatch(name):
            tree.breach(file, line, "third-party", f"<{name}> is of no known library; name it in tools/check_layers.py")
        elif file.room.startswith("include/") and not STANDARD.fullmatch(name):
            tree.breach(file, line, "public", f"<{name}>: only the standard library and mosaik/ headers")


def check_sans_io(tree, file):
    if file.room not in CORES:
        return
    fine = ADDRESS_HEADERS.get(file.room, set())
    for line, name, _ in file.includes:
        if name in IO_HEADERS or (SYSTEM.fullmatch(name) and name not in fine):
            tree.breach(file, line, "sans-io", f"<{name}>: {file.room} is a core")
    for line, call in file.calls:
        tree.breach(file, line, "sans-io", f"{call}: {file.room} is a core; time and chance come in as arguments")


def check_interfaces(tree, reach):
    """Headers seen from another room, and the third-party headers that they bring along."""
    seen_outside = set()
    for file in tree.files.values():
        if file.room in ATTACKERS:
            continue
        seen_outside |= {name for name in reach[file.name] if tree.files[name].room != file.room}
    for name in sorted(seen_outside):
        file = tree.files[name]
        for line, include, quoted in file.includes:
            if tree.resolve(file, include, quoted) is None and third_party(include):
                tree.breach(file, line, "interface", f"<{include}>: other rooms include this header")


def check(root):
    tree = Tree(root)
    reach = {name: tree.reach(file) for name, file in tree.files.items()}
    for name, file in tree.files.items():
        if file.room in VOCABULARY:
            check_vocabulary(tree, file, reach[name])
    for top in ("src/", "extras/"):
        for room in sorted({file.room for file in tree.files.values() if file.name.startswith(top)} - set(ROOMS)):
            folder = room if room.startswith(top) else top + room
            tree.breaches.append(f"{folder}:1: law table: the room has no row in tools/check_layers.py")
    for room in ROOMS:
        if not (root / "src" / room).is_dir() and not (root / room).is_dir():
            tree.breaches.append(f"tools/check_layers.py:1: law table: the row '{room}' has no folder")
    for name, file in tree.files.items():
        if file.room in ROOMS or file.room.startswith("include/"):
            check_rooms(tree, file, reach[name])
        check_outside(tree, file)
        check_sans_io(tree, file)
    check_interfaces(tree, reach)
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    tree = check(parser.parse_args().root.resolve())
    for text in tree.breaches:
        print(text)
    includes = sum(len(file.includes) for file in tree.files.values())
    print(f"layers: {len(tree.files)} files, {includes} includes, {len(tree.breaches)} breaches")
    return 1 if tree.breaches or not tree.files else 0


if __name__ == "__main__":
    sys.exit(main())
