"""What the memory of a running node shows of its secrets, and what a core dump of it holds."""

import glob
import os
import re
import resource
import signal
import unittest

from support import CommandTest


def ranges(pid):
    """Start, end and name of each range of memory that a core dump may hold: those without the flag `dd`."""
    out, now = [], None
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)", line)
            if head:
                now = (int(head[1], 16), int(head[2], 16), head[4])
                readable = head[3].startswith("r") and head[4] not in ("[vvar]", "[vvar_vclock]", "[vsyscall]")
                if now[1] - now[0] > 1 << 40:
                    raise unittest.SkipTest("built with a sanitizer, which keeps copies of what the program has used")
            elif line.startswith("VmFlags:") and readable and "dd" not in line.split():
                out.append(now)
    return out


def found_in(pid, secrets):
    """The names of those secrets that a core dump would hold, and where."""
    out = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, name in ranges(pid):
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, OverflowError):
                continue
            out += [(what, name or "anonymous") for what, secret in secrets.items() if secret in content]
    return out


class NodeWithSecrets(CommandTest):
    def setUp(self):
        super().setUp()
        self.seed, self.key = os.urandom(32), os.urandom(32)
        self.text = f"correct horse battery {self.key.hex()[:16]}"
        self.secrets = {"seed": self.seed, "seed in hexadecimal": self.seed.hex().encode(), "group key": self.key,
                        "group key in hexadecimal": self.key.hex().encode(), "group secret": self.text.encode()}
        self.write("key", self.seed.hex() + "\n")

    def bonded(self, *argv, secret, by_variable=False, **more):
        """A node with the key of this test and a machine, bonded with another."""
        given = [] if by_variable else ["--group-secret-file", self.write("secret", secret + "\n")]
        env = {"MOSAIK_GROUP_SECRET": secret} if by_variable else {}
        flags = ("--machine", "counter", "--bootstrap-delay", "0s", *given)
        node = self.start_node("--name", "a", "--secret-key-file", self.path("key"), *flags, *argv, env=env, **more)
        other = self.start_node("--name", "b", "--bootstrap", node.event("ready")["contact"], *flags, env=env)
        for each in (node, other):
            each.wait(lambda line: line["event"] == "bonds" and len(line["bonds"]) == 1)
        node.event("leader")
        return node


class Memory(NodeWithSecrets):
    def check(self, **how):
        node = self.bonded(**how)
        self.assertTrue(ranges(node.child.pid))
        self.assertEqual(found_in(node.child.pid, self.secrets), [])

    def test_shows_nothing_of_a_secret_text_in_a_file(self):
        self.check(secret=self.text)

    def test_shows_nothing_of_a_secret_key_in_a_file(self):
        self.check(secret=self.key.hex())

    def test_shows_nothing_of_a_secret_text_in_the_environment(self):
        self.check(secret=self.text, by_variable=True)

    def test_shows_nothing_of_a_secret_key_in_the_environment(self):
        self.check(secret=self.key.hex(), by_variable=True)

    def check_supervised(self, **how):
        supervisor = self.bonded("--supervise", **how)
        run = supervisor.event("ready")["pid"]
        self.assertNotEqual(run, supervisor.child.pid)
        ranges(run)  # a sanitizer's SIGSEGV would be an exit, and no crash
        os.kill(run, signal.SIGSEGV)
        again = supervisor.wait(lambda line: line["event"] == "ready" and line["pid"] != run)["pid"]
        for pid in (supervisor.child.pid, again):
            self.assertEqual(found_in(pid, self.secrets), [])

    def test_shows_nothing_under_a_supervisor_nor_in_it(self):
        self.check_supervised(secret=self.text)

    def test_shows_nothing_of_the_environment_under_a_supervisor_nor_in_it(self):
        self.check_supervised(secret=self.text, by_variable=True)

    def test_shows_nothing_of_a_key_that_the_node_has_made(self):
        os.remove(self.path("key"))
        node = self.start_node("--secret-key-file", self.path("key"))
        node.event("ready")
        with open(self.path("key"), encoding="ascii") as file:
            text = file.read().strip()
        made = {"seed": bytes.fromhex(text), "seed in hexadecimal": text.encode()}
        self.assertEqual(found_in(node.child.pid, made), [])


class CoreDump(NodeWithSecrets):
    def setUp(self):
        super().setUp()
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
            pattern = file.read().strip()
        if pattern.startswith(("|", "/")) or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
            self.skipTest(f"core dumps do not go into the working directory here ({pattern})")

    def aborted(self, *argv):
        node = self.bonded(*argv, secret=self.key.hex(), cwd=self.folder)
        ranges(node.child.pid)  # skips if there is nothing to see
        self.assertEqual(node.end(signal.SIGABRT), -signal.SIGABRT)
        return glob.glob(self.path("core*"))

    def test_is_not_made_unless_asked_for(self):
        self.assertEqual(self.aborted(), [])

    def test_that_was_asked_for_holds_no_secret(self):
        cores = self.aborted("--core-dumps")
        self.assertEqual(len(cores), 1)
        with open(cores[0], "rb") as file:
            content = file.read()
        self.assertGreater(len(content), 1 << 20)
        self.assertEqual([what for what, secret in self.secrets.items() if secret in content], [])


if __name__ == "__main__":
    unittest.main()
