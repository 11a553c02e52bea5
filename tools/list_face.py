#!/usr/bin/env python3
"""list_face.py [--mosaik COMMAND] [--check GOLDEN]: the names that programs and people outside rely on.

Prints one name a line, `KIND NAME`; with --check it prints what GOLDEN has and this tree has not, and ends with 1 if there
is such a name. More names are fine, fewer are not: scripts read them.

From the sources (src, extras, apps, include; whatever their rooms are called):
  json NAME      a member of a JSON object that the control socket or the command writes
  route PATH     a path of the control socket
  value TEXT     a text literal of one word: event kinds, `by`, states, error codes, names of commands and parameters; GOLDEN
                 may say `event TEXT`, `by TEXT` and so on, which asks for the same
  exit CODE      an exit code
From the command, with --mosaik:
  verb NAME, flag VERB --NAME, word VERB NAME (what may stand behind a verb)
  path DOCUMENT PATH   a member of a document of two bonded nodes: `path status .groups[].mesh.own`
  ends CODE ARGUMENTS  the exit code of a run without a node
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 60
JSON_NAME = re.compile(r'[.]\s*(?:add|raw)\(\s*"([a-z][a-z0-9_]*)"\s*,')
ROUTE = re.compile(r'"(/v1/[a-z_]+)"')
VALUE = re.compile(r'"([a-z][a-z0-9_]*)"')
EXIT = re.compile(r"\bexit_[a-z_]+ = (\d+)")
RUNS = (("version",), ("--help",), (), ("nonsense",), ("status", "--nonsense"), ("status", "--name", "nobody"),
        ("kv", "get", "key", "--name", "nobody"), ("completion", "bash"))


def names_of_sources(root):
    for folder in ("src", "extras", "apps", "include"):
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            text = path.read_text(encoding="utf-8")
            for kind, pattern in (("json", JSON_NAME), ("route", ROUTE), ("value", VALUE), ("exit", EXIT)):
                for found in pattern.findall(text):
                    yield f"{kind} {found}"


def names_of_verbs(command):
    """What the completion for fish says: it is made from the parser itself."""
    script = subprocess.run([command, "completion", "fish"], capture_output=True, text=True, check=True).stdout
    for line in script.splitlines():
        if found := re.match(r"complete -c mosaik -n __fish_use_subcommand -a (\S+)", line):
            yield f"verb {found.group(1)}"
        elif found := re.match(r"complete -c mosaik -n '__fish_seen_subcommand_from (\S+)' -(l|a) (\S+)", line):
            verb, kind, name = found.groups()
            yield f"flag {verb} --{name}" if kind == "l" else f"word {verb} {name}"


def paths_of(document, value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"path {document} {path}.{name}"
            yield from paths_of(document, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths_of(document, inner, f"{path}[]")


class Pair:
    """Two bonded nodes with the machine `kv`, in a folder of their own."""

    def __init__(self, command, folder):
        self.command, self.children = command, []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MOSAIK_")}
        self.env["XDG_RUNTIME_DIR"] = folder
        secret = Path(folder) / "secret"
        secret.write_text("two peers\n", encoding="utf-8")
        secret.chmod(0o600)
        self.arguments = ["--group-secret-file", str(secret), "--listen", "127.0.0.1:0", "--machine", "kv"]

    def start(self, name, *more):
        child = subprocess.Popen([self.command, "node", "--json", "--name", name, *self.arguments, *more], env=self.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.children.append(child)
        return json.loads(child.stdout.readline())

    def run(self, *arguments):
        return subprocess.run([self.command, *arguments], env=self.env, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=SECONDS)

    def end(self):
        lines = []
        for child in reversed(self.children):  # one after the other: the first sees the second go
            child.send_signal(signal.SIGTERM)
            lines += child.communicate(timeout=SECONDS)[0].splitlines()
        return lines


def names_of_nodes(command):
    with tempfile.TemporaryDirectory(prefix="mosaik-face-") as folder:
        pair = Pair(command, folder)
        for run in RUNS:
            yield f"ends {pair.run(*run).returncode} {' '.join(run)}".rstrip()
        try:
            ready = pair.start("a")
            yield from paths_of("ready", ready)
            pair.start("b", "--bootstrap", ready["contact"])
            done = pair.run("status", "--name", "a", "--wait", f"{SECONDS}s", "--json")
            yield from paths_of("status", json.loads(done.stdout))
            for verb in ("members", "bonds", "topology"):
                yield from paths_of(verb, json.loads(pair.run(verb, "--name", "a", "--json").stdout))
            for words in (("put", "key", "value"), ("get", "key"), ("list",), ("delete", "key")):
                yield from paths_of(f"kv-{words[0]}", json.loads(pair.run("kv", *words, "--name", "a", "--json").stdout))
            yield f"ends {pair.run('kv', 'get', 'key', '--name', 'a').returncode} kv get of a key that is not there"
        finally:
            lines = pair.end()
        for line in lines:
            event = json.loads(line)
            yield from paths_of(f"event-{event['event']}", event)
        yield from paths_of("version", json.loads(pair.run("version", "--json").stdout))


def is_there(name, found):
    kind, _, text = name.partition(" ")
    return name in found or (kind not in SOUGHT_AS_THEY_ARE and f"value {text}" in found)


SOUGHT_AS_THEY_ARE = {"json", "route", "exit", "verb", "flag", "word", "path", "ends"}
OF_THE_COMMAND = {"verb", "flag", "word", "path", "ends"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--mosaik", help="the command to ask")
    parser.add_argument("--check", type=Path, metavar="GOLDEN")
    arguments = parser.parse_args()
    found = set(names_of_sources(arguments.root))
    if arguments.mosaik:
        found |= set(names_of_verbs(arguments.mosaik)) | set(names_of_nodes(arguments.mosaik))
    if arguments.check is None:
        print("\n".join(sorted(found)))
        return 0
    golden = [line for line in arguments.check.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    if not arguments.mosaik:
        golden = [line for line in golden if line.split()[0] not in OF_THE_COMMAND]
    lost = [line for line in golden if not is_there(line, found)]
    for line in lost:
        print(f"{arguments.check}: lost: {line}")
    print(f"face: {len(golden)} names, {len(lost)} lost")
    return 1 if lost or not golden else 0


if __name__ == "__main__":
    sys.exit(main())
