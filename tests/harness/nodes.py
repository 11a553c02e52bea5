"""Real nodes as child processes, driven by JSON lines: C++ ones (`mosaik node`) and Rust ones (`rustpeer node`).

Nothing here sleeps: a test waits for an event with a deadline. Processes are ended by their ids, all of them, always.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time


class Failure(Exception):
    """What a check did not find."""


class Skip(Exception):
    """Why a check can not run here."""


class Process:
    """A child that prints one JSON object a line and reads commands."""

    def __init__(self, fleet, label, argv, env=None):
        self.fleet, self.label, self.argv = fleet, label, argv
        self.events, self.closed, self.tags = [], False, 0
        self.on_reply = None  # takes replies whose tag begins with "load", instead of the list
        self.news = fleet.news
        self.log = open(os.path.join(fleet.folder, f"{label}.log"), "ab")
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                      env={**os.environ, **(env or {})}, close_fds=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            try:
                self.log.write(line)
                self.log.flush()
            except ValueError:  # closed: its fleet is done with it
                pass
            try:
                event = json.loads(line)
            except ValueError:
                continue
            event["at"] = time.monotonic()
            if self.on_reply and event.get("event") == "reply" and str(event.get("tag", "")).startswith("load"):
                self.on_reply(self, event)
                continue
            with self.news:
                self.events.append(event)
                self.news.notify_all()
        with self.news:
            self.closed = True
            self.news.notify_all()

    def wait(self, what, found, seconds):
        """Waits until `found(self)` is truthy and returns it."""
        return self.fleet.wait(f"{self.label}: {what}", lambda: found(self), seconds, self)

    def event(self, kind, seconds=10, since=0, **fields):
        """The first event of a kind, with these fields, from index `since` on."""
        def match(process):
            for event in process.events[since:]:
                if event.get("event") == kind and all(event.get(k) == v for k, v in fields.items()):
                    return event
            return None
        return self.wait(f"event {kind} {fields or ''}", match, seconds)

    def post(self, cmd, tag, **fields):
        """Sends a command and does not wait; its reply goes to `on_reply`. False when the process is gone."""
        try:
            self.child.stdin.write((json.dumps({"cmd": cmd, "tag": tag, **fields}) + "\n").encode())
            self.child.stdin.flush()
            return True
        except OSError:
            return False

    def command(self, cmd, seconds=10, **fields):
        """Sends a command and returns its reply's `ok`."""
        self.tags += 1
        tag = f"t{self.tags}"
        since = len(self.events)
        self.child.stdin.write((json.dumps({"cmd": cmd, "tag": tag, **fields}) + "\n").encode())
        self.child.stdin.flush()
        reply = self.event("reply", seconds, since, tag=tag)
        if "error" in reply:
            raise Failure(f"{self.label}: {cmd}: {reply['error']}")
        return reply.get("ok")

    def signal(self, number):
        os.kill(self.child.pid, number)

    def kill(self):
        """SIGKILL, and the time of it."""
        at = time.monotonic()
        self.signal(signal.SIGKILL)
        self.child.wait()
        return at

    def end(self, seconds=10):
        """SIGTERM: leaves gracefully. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.child.wait(seconds)

    @property
    def running(self):
        return self.child.poll() is None


class Node(Process):
    """A node of either kind; both speak the same events and commands."""

    rust = False

    def ready(self, seconds=20):
        ready = self.event("ready", seconds)
        self.id = ready["id"]
        self.contact = f"{self.id}@{ready['socket'][0]}" if ready.get("socket") else None
        return self

    def bonds(self):
        """peer id -> session, from the newest `bonds` event."""
        for event in reversed(self.events):
            if event.get("event") == "bonds":
                return self.sessions(event)
        return {}

    def sessions(self, event):
        return {bond["peer"]: bond["bond" if self.rust else "session"] for bond in event["bonds"]}

    def doubled(self):
        """True when any `bonds` event named a peer twice."""
        return any(len({b["peer"] for b in e["bonds"]}) != len(e["bonds"]) for e in self.events if e.get("event") == "bonds")


class CppNode(Node):
    def __init__(self, fleet, label, network, secret, bootstrap=(), key=None, listen="127.0.0.1:0", flags=(), space=None, through=()):
        inside = ["ip", "netns", "exec", space] if space else []
        argv = [*inside, *through, fleet.mosaik, "node", "--json", "--commands", "--network", network, *(["--listen", listen] if listen else []),
                "--control", os.path.join(fleet.folder, f"{label}.sock"), "--name", label, *flags]
        if key:
            argv += ["--secret-key-file", key]
        for contact in bootstrap:
            argv += ["--bootstrap", contact]
        env = {"MOSAIK_GROUP_SECRET": secret} if secret is not None else {}
        super().__init__(fleet, label, argv, env)


class RustNode(Node):
    """The crate tells of its bonds only when their number has changed, and may skip a change: ask it."""

    rust = True

    def ask_bonds(self):
        self.child.stdin.write(b'{"cmd":"bonds","tag":"bonds"}\n')
        self.child.stdin.flush()

    def bonds(self):
        for event in reversed(self.events):
            if event.get("event") == "bonds":
                return self.sessions(event)
            if event.get("event") == "reply" and event.get("tag") == "bonds" and "ok" in event:
                return self.sessions({"bonds": event["ok"]})
        return {}

    def __init__(self, fleet, label, network, secret, bootstrap=(), seed=None, bind="127.0.0.1:0", flags=(), space=None):
        inside = ["ip", "netns", "exec", space] if space else []
        argv = [*inside, fleet.rustpeer, "node", "--relay", fleet.relay(space), "--network", network, "--group", secret, "--bind", bind, *flags]
        if seed:
            argv += ["--seed", seed]
        for contact in bootstrap:
            argv += ["--bootstrap", contact]
        super().__init__(fleet, label, argv)


class Fleet:
    """All processes of a run."""

    def __init__(self, mosaik, rustpeer=None, folder=None, seed=None):
        self.mosaik, self.rustpeer = mosaik, rustpeer
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
        self.random = random.Random(self.seed)
        self.news = threading.Condition()
        self.processes, self.serial = [], 0
        self._relay = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()
        if self._relay:
            self._relay.kill()
            self._relay = None

    def relay(self, space=None):
        """The local relay without which a Rust node does not start; on a host of its own it has one of its own."""
        if space is not None:
            return self._add(Process(self, self.label("relay"), ["ip", "netns", "exec", space, self.rustpeer, "relay"])).event("relay", 20)["url"]
        if self._relay is None:
            self._relay = Process(self, "relay", [self.rustpeer, "relay"])
            self._relay_url = self._relay.event("relay", 20)["url"]
        return self._relay_url

    def _add(self, node):
        self.processes.append(node)
        return node

    def label(self, kind):
        self.serial += 1
        return f"{kind}{self.serial}"

    def cpp(self, network, secret, **more):
        return self._add(CppNode(self, more.pop("label", self.label("cpp")), network, secret, **more))

    def rust(self, network, secret, **more):
        return self._add(RustNode(self, self.label("rust"), network, secret, **more))

    def tell(self, lines=12):
        """Prints what each process printed last: where a check failed nobody may get to see the logs."""
        for process in self.processes:
            with open(process.log.name, "rb") as log:
                last = log.read()[-65536:].decode(errors="replace").splitlines()[-lines:]
            for line in last:
                print(f"    {process.label} {line[:240]}", flush=True)

    def clear(self):
        """Ends every process of the fleet."""
        for process in self.processes:
            if process.running:
                process.signal(signal.SIGCONT)
                process.kill()
            process.log.close()
        self.processes = []

    def wait(self, what, found, seconds, process=None, state=None):
        """Waits until `found()` is truthy and returns it; `state()` says in words how things are when it never was."""
        deadline, ask_at = time.monotonic() + seconds, 0.0
        with self.news:
            while True:
                if time.monotonic() >= ask_at:
                    ask_at = time.monotonic() + 0.1
                    for rust in self.processes:
                        if getattr(rust, "rust", False) and rust.running and any(e.get("event") == "joined" for e in rust.events):
                            rust.ask_bonds()
                result = found()
                if result:
                    return result
                left = deadline - time.monotonic()
                if left <= 0:
                    said = f"; {state()}" if state is not None else ""
                    raise Failure(f"{what}: not within {seconds} s{said} (seed {self.seed}, logs in {self.folder})")
                if process is not None and process.closed:
                    raise Failure(f"{what}: the process ended (logs in {self.folder})")
                self.news.wait(min(left, max(0.0, ask_at - time.monotonic())))

    def meshed(self, nodes, seconds, pairs=None):
        """Waits until every pair that `pairs(a, b)` asks for is bonded at both ends with one and the same session."""
        wanted = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1:] if pairs is None or pairs(a, b)]

        def complete():
            for a, b in wanted:
                one, two = a.bonds().get(b.id), b.bonds().get(a.id)
                if one is None or one != two:
                    return False
            return True
        try:
            self.wait(f"{len(wanted)} bonds", complete, seconds)
        except Failure as failure:
            lacking = [f"{a.label}-{b.label}: {str(a.bonds().get(b.id))[:8]}/{str(b.bonds().get(a.id))[:8]}" for a, b in wanted
                       if a.bonds().get(b.id) is None or a.bonds().get(b.id) != b.bonds().get(a.id)]
            raise Failure(f"{failure}; lacking {', '.join(lacking[:8])}") from None
        for node in nodes:
            if node.doubled():
                raise Failure(f"{node.label} named a peer twice")

    def quiet(self, nodes, seconds):
        """For so long no bond of these nodes may change; an event ends the wait at once."""
        marks = [(len(n.events), n.bonds()) for n in nodes]

        def changed():
            return [n.label for n, (mark, bonds) in zip(nodes, marks)
                    if any(e.get("event") == "bonds" and n.sessions(e) != bonds for e in n.events[mark:])]
        deadline = time.monotonic() + seconds
        with self.news:
            while time.monotonic() < deadline:
                if changed():
                    raise Failure(f"bonds changed in quiet: {changed()} (logs in {self.folder})")
                self.news.wait(max(0.0, deadline - time.monotonic()))


class Suite:
    """Runs named checks, prints a line each, counts, and ends with `N passed, N failed, N skipped`."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0

    def check(self, title, call):
        started = time.monotonic()
        try:
            note = call() or ""
            self.passed += 1
            verdict = "ok"
        except Skip as reason:
            self.skipped += 1
            verdict, note = "skipped", str(reason)
        except Exception as problem:  # a check that breaks is a check that failed
            self.failed += 1
            verdict, note = "FAILED", f"{type(problem).__name__}: {problem}" if not isinstance(problem, Failure) else str(problem)
        print(f"{self.name}: {verdict:7} {title} ({time.monotonic() - started:.1f} s) {note}", flush=True)

    def run(self, fleet, checks, only=""):
        """Each of the (title, call) whose title holds `only`; no check leaves a process behind."""
        for title, call in checks:
            if only in title:
                failed = self.failed
                self.check(title, call)
                if self.failed > failed:
                    fleet.tell()
                fleet.clear()

    @contextlib.contextmanager
    def logs(self):
        """The folder of what processes print: MOSAIK_KEEP_LOGS, or one of its own that stays when a check has failed."""
        kept = os.environ.get("MOSAIK_KEEP_LOGS")
        folder = kept or tempfile.mkdtemp(prefix=f"mosaik-{self.name}-")
        try:
            yield folder
        finally:
            if kept or self.failed:
                print(f"{self.name}: logs are kept in {folder}", flush=True)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def die(text):
    print(text, file=sys.stderr)
    sys.exit(2)
