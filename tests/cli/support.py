"""The command as a child process: run to its end, or as a node that prints JSON lines.

Nothing here sleeps: a test waits for a line or an exit with a deadline. Every child is ended by its id.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

COMMAND = os.environ.get("COMMAND_UNDER_TEST", "mosaik")
PATIENCE = 60


class Node:
    """A running `mosaik node --json`."""

    def __init__(self, argv, env, cwd=None, preexec_fn=None):
        self.lines, self.news, self.ended = [], threading.Condition(), False
        self.child = subprocess.Popen([COMMAND, "node", "--json", *argv], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd, preexec_fn=preexec_fn)
        self.log = b""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_log, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            with self.news:
                self.lines.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def _read_log(self):
        for line in self.child.stderr:
            self.log += line

    def wait(self, match):
        """The first line for which `match(line)` holds."""
        deadline = time.monotonic() + PATIENCE
        with self.news:
            while True:
                for line in self.lines:
                    if match(line):
                        return line
                if self.ended or not self.news.wait(deadline - time.monotonic()):
                    raise AssertionError(f"the node did not print it; it printed {self.lines}\n{self.log.decode()}")

    def event(self, name, **fields):
        return self.wait(lambda line: line["event"] == name and all(line.get(k) == v for k, v in fields.items()))

    def say(self, text):
        self.child.stdin.write((text + "\n").encode())
        self.child.stdin.flush()

    def command(self, cmd, tag, **fields):
        self.say(json.dumps({"cmd": cmd, "tag": tag, **fields}))
        return self.event("reply", tag=tag)

    def put_away(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(PATIENCE)
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            pipe.close()

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        return self.child.wait(PATIENCE)


class Place:
    """A folder for files and control sockets, and an environment that knows nothing of other nodes."""

    def settle_in(self, prefix):
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("MOSAIK_") and name != "NO_COLOR"}
        self.env["XDG_RUNTIME_DIR"] = self.folder

    def clear_out(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)


def sanitized():
    """The command is built with AddressSanitizer, which reserves terabytes and needs descriptors of its own."""
    with open(COMMAND, "rb") as file:
        return b"__asan_init" in file.read()


class CommandTest(Place, unittest.TestCase):
    def setUp(self):
        self.settle_in("mosaik-cli-")
        self.addCleanup(self.clear_out)

    def run_command(self, *argv, env=None):
        return subprocess.run([COMMAND, *argv], env={**self.env, **(env or {})}, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)

    def expect(self, code, *argv, says="", env=None):
        done = self.run_command(*argv, env=env)
        self.assertEqual(done.returncode, code, f"{argv}: {done.stdout}{done.stderr}")
        if says:
            self.assertIn(says, done.stderr)
        return done

    def start_node(self, *argv, env=None, cwd=None, preexec_fn=None):
        node = Node(["--listen", "127.0.0.1:0", *argv], {**self.env, **(env or {})}, cwd, preexec_fn)
        self.addCleanup(node.put_away)
        return node

    def start_pair(self):
        """Two nodes `a` and `b` in a group, bonded."""
        secret = self.write("secret", "two peers\n")
        first = self.start_node("--name", "a", "--group-secret-file", secret)
        contact = first.event("ready")["contact"]
        second = self.start_node("--name", "b", "--group-secret-file", secret, "--bootstrap", contact)
        for node in (first, second):
            node.wait(lambda line: line["event"] == "bonds" and len(line["bonds"]) == 1)
        return first, second
