"""Secrets: where they come from, what is refused, and that they are shown to nobody."""

import os
import signal
import stat
import unittest

from support import CommandTest


class Keygen(CommandTest):
    def test_makes_a_private_file_and_prints_the_peer_id(self):
        done = self.expect(0, "keygen", "--out", self.path("key"))
        self.assertRegex(done.stdout, r"\A[0-9a-f]{64}\n\Z")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key")).st_mode), 0o600)
        with open(self.path("key"), encoding="ascii") as file:
            self.assertRegex(file.read(), r"\A[0-9a-f]{64}\n?\Z")

    def test_refuses_to_overwrite(self):
        self.write("key", "precious")
        self.expect(1, "keygen", "--out", self.path("key"), says="key")
        with open(self.path("key"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_without_a_file_prints_the_key_alone(self):
        done = self.expect(0, "keygen")
        self.assertRegex(done.stdout, r"\A[0-9a-f]{64}\n\Z")
        self.assertRegex(done.stderr, r"\Apeer id [0-9a-f]{64}\n\Z")
        self.assertNotEqual(done.stdout, self.expect(0, "keygen").stdout)

    def test_a_node_has_the_id_that_keygen_printed(self):
        told = self.expect(0, "keygen", "--out", self.path("key")).stdout.strip()
        node = self.start_node("--secret-key-file", self.path("key"))
        self.assertEqual(node.event("ready")["id"], told)


class SecretKeyFile(CommandTest):
    def test_is_made_when_missing_and_kept(self):
        first = self.start_node("--secret-key-file", self.path("key"))
        known = first.event("ready")["id"]
        self.assertEqual(first.end(), 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key")).st_mode), 0o600)
        self.assertEqual(self.start_node("--secret-key-file", self.path("key")).event("ready")["id"], known)

    def test_is_refused_when_damaged_and_never_replaced(self):
        for text in ("", "abc", "zz" * 32, "0" * 63, "0" * 64 + "\n\n", "0" * 66):
            self.write("key", text)
            self.expect(1, "node", "--secret-key-file", self.path("key"), says="key")
            with open(self.path("key"), encoding="ascii") as file:
                self.assertEqual(file.read(), text)

    def test_is_refused_when_others_can_read_it(self):
        self.write("key", "1" * 64, mode=0o644)
        self.expect(1, "node", "--secret-key-file", self.path("key"), says="chmod 600")

    def test_is_refused_while_another_node_uses_it(self):
        node = self.start_node("--secret-key-file", self.path("key"))
        node.event("ready")
        self.expect(1, "node", "--secret-key-file", self.path("key"), "--name", "other", says="key")
        node.end(signal.SIGKILL)
        again = self.start_node("--secret-key-file", self.path("key"), "--name", "other")
        again.event("ready")  # the lock went with the process


class GroupSecret(CommandTest):
    def group_of(self, *argv, env=None):
        node = self.start_node(*argv, env=env)
        group = node.event("joined")["group"]
        self.assertEqual(node.end(), 0)
        return group

    def test_drops_one_newline_of_the_file(self):
        plain = self.group_of("--group-secret-file", self.write("plain", "s3cret"))
        self.assertEqual(plain, self.group_of("--group-secret-file", self.write("line", "s3cret\n")))
        self.assertNotEqual(plain, self.group_of("--group-secret-file", self.write("lines", "s3cret\n\n")))
        self.assertEqual(plain, self.group_of(env={"MOSAIK_GROUP_SECRET": "s3cret"}))

    def test_file_wins_over_the_variable(self):
        named = self.group_of("--group-secret-file", self.write("secret", "one"), env={"MOSAIK_GROUP_SECRET": "two"})
        self.assertEqual(named, self.group_of(env={"MOSAIK_GROUP_SECRET": "one"}))
        by_variable = self.group_of(env={"MOSAIK_GROUP_SECRET_FILE": self.path("secret"), "MOSAIK_GROUP_SECRET": "two"})
        self.assertEqual(by_variable, named)

    def test_variable_wins_over_the_configuration(self):
        config = self.write("node.toml", f'group-secret-file = "{self.write("secret", "one")}"\n')
        two = self.group_of(env={"MOSAIK_GROUP_SECRET": "two"})
        self.assertEqual(self.group_of("--config", config, env={"MOSAIK_GROUP_SECRET": "two"}), two)
        self.assertNotEqual(self.group_of("--config", config), two)

    def test_refuses_empty_missing_and_open_files(self):
        self.expect(1, "node", "--group-secret-file", self.write("empty", ""), says="empty")
        self.expect(1, "node", "--group-secret-file", self.write("newline", "\n"), says="newline")
        self.expect(1, "node", "--group-secret-file", self.path("missing"), says="missing")
        self.expect(1, "node", "--group-secret-file", self.write("open", "x", mode=0o644), says="chmod 600")
        self.expect(1, "node", says="MOSAIK_GROUP_SECRET is empty", env={"MOSAIK_GROUP_SECRET": ""})

    def test_is_shown_nowhere(self):
        secret, key = "correct horse battery", "5" * 64
        node = self.start_node("--log-level", "trace", "--secret-key-file", self.write("key", key),
                               env={"MOSAIK_GROUP_SECRET": secret})
        node.event("joined")
        with open(f"/proc/{node.child.pid}/cmdline", encoding="utf-8") as file:
            shown = file.read()
        with open(f"/proc/{node.child.pid}/environ", encoding="utf-8") as file:
            shown += file.read()
        for target in ("status", "members", "bonds", "topology"):
            shown += self.expect(0, target, "--json").stdout
        node.end()
        shown += str(node.lines) + node.log.decode()
        self.assertNotIn(secret, shown)
        self.assertNotIn(key, shown)

    def test_without_one_the_node_is_in_no_group_and_says_so(self):
        node = self.start_node()
        node.event("ready")
        self.assertIn("no group", self.expect(0, "status").stdout)
        self.assertEqual(node.end(), 0)
        self.assertIn(b"ungrouped", node.log)
        self.assertFalse([line for line in node.lines if line["event"] == "joined"])


if __name__ == "__main__":
    unittest.main()
