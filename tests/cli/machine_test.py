"""Replicated machines: `node --machine`, its commands, and the verbs kv and counter."""

import json
import os
import resource
import select
import signal
import subprocess
import time
import unittest

from support import COMMAND, PATIENCE, CommandTest, sanitized

QUICK = ["--bootstrap-delay", "200ms", "--election-timeout", "300ms", "--election-jitter", "100ms"]


class MachineTest(CommandTest):
    def start_group(self, machine, names, *flags):
        """Nodes of one group with a machine, in step with a leader that all name."""
        secret = self.write("secret", "machines\n")
        nodes, contact = [], []
        for name in names:
            node = self.start_node("--commands", "--name", name, "--group-secret-file", secret, "--machine", machine,
                                   *QUICK, *flags, *contact)
            contact = ["--bootstrap", (nodes[0] if nodes else node).event("ready")["contact"]]
            nodes.append(node)
        for node in nodes:
            node.event("raft_online")
        return nodes

    def leader_of(self, nodes):
        """The node that all of them name last."""
        ids = {node.event("ready")["id"]: node for node in nodes}

        def newest(node):
            named = [line.get("id") for line in node.lines if line["event"] == "leader"]
            return named[-1] if named else None
        chosen = []
        nodes[0].wait(lambda _: not chosen and len({newest(node) for node in nodes}) == 1 and newest(nodes[0]) in ids
                      and not chosen.append(newest(nodes[0])))
        return ids[chosen[0]]


class Counting(MachineTest):
    def test_members_count_together(self):
        nodes = self.start_group("counter", ["a", "b"])
        self.assertEqual(nodes[0].command("add", 1, n=5)["ok"], 1)
        self.assertEqual(nodes[1].command("sub", 2, n=2)["ok"], 2)
        self.assertEqual(nodes[1].command("feed", 3)["ok"], 3)
        for node in nodes:
            node.wait(lambda line: line["event"] == "committed" and line["index"] >= 3)
            self.assertEqual(node.command("query", 4, consistency="strong")["ok"], {"value": 4, "position": 3})
        self.assertIn("n", nodes[0].command("add", 5, n=1 << 40)["error"])

    def test_the_verbs_add_and_get(self):
        self.start_group("counter", ["a", "b"])
        self.assertEqual(json.loads(self.expect(0, "counter", "add", "7", "--name", "a", "--json").stdout), {"index": 1})
        self.assertIn("committed at 2", self.expect(0, "counter", "add", "--name", "b").stdout)
        self.assertEqual(self.expect(0, "counter", "get", "--name", "b").stdout, "8\n")
        told = json.loads(self.expect(0, "counter", "get", "--consistency", "weak", "--name", "a", "--json").stdout)
        self.assertEqual(told, {"value": 8, "position": 2})

    def test_status_tells_leader_term_and_log(self):
        nodes = self.start_group("counter", ["a", "b"])
        self.expect(0, "counter", "add", "--name", "a")
        group = json.loads(self.expect(0, "status", "--json", "--name", "a").stdout)["groups"][0]
        self.assertEqual(group["machine"], "counter")
        self.assertEqual(group["consensus"]["committed"], 1)
        self.assertIn(group["consensus"]["leader"], [node.event("ready")["id"] for node in nodes])
        self.assertGreater(group["consensus"]["term"], 0)
        self.assertIn("leader", self.expect(0, "status", "--name", "b").stdout)
        reply = nodes[0].command("status", 9)["ok"]
        self.assertEqual((reply["leader"], reply["committed"]), (group["consensus"]["leader"], 1))

    def test_the_count_goes_on_when_the_leader_is_killed(self):
        nodes = self.start_group("counter", ["a", "b", "c"])
        self.assertEqual(nodes[2].command("add", 1, n=5)["ok"], 1)
        old = nodes[0].event("leader")["id"]
        leader = [node for node in nodes if node.event("ready")["id"] == old][0]
        others = [node for node in nodes if node is not leader]
        leader.end(signal.SIGKILL)
        for node in others:
            node.wait(lambda line: line["event"] == "leader" and line.get("id", old) != old)
        tag = 10
        while "ok" not in others[0].command("add", tag, n=1):
            tag += 1
        self.assertEqual(others[1].command("query", 2, consistency="strong")["ok"]["value"], 6)

    def test_below_the_floor_status_ends_with_2_and_nothing_is_committed(self):
        one, two = self.start_group("counter", ["a", "b"], "--quorum-floor", "2")
        self.assertEqual(one.command("add", 1)["ok"], 1)
        two.end(signal.SIGKILL)
        one.event("bond_down")
        one.event("offline")
        self.assertIn("no quorum", self.expect(2, "status", "--name", "a").stdout)
        done = self.run_command("counter", "add", "--name", "a", "--timeout", "300ms")
        self.assertIn(done.returncode, (1, 4), done.stdout + done.stderr)

    def test_another_machine_id_is_another_group(self):
        ids = {self.start_node("--name", str(i), "--group-secret-file", self.write("secret", "x"), "--machine", *flags)
               .event("joined")["group"]
               for i, flags in enumerate((["counter"], ["counter", "--machine-id", "mine"], ["kv"],
                                          ["counter", "--rust-type", "other::Counter"]))}
        self.assertEqual(len(ids), 4)


class Keys(MachineTest):
    def test_put_get_list_and_delete(self):
        self.start_group("kv", ["a", "b"])
        self.assertIn("put at 1", self.expect(0, "kv", "put", "colour/sky", "blue", "--name", "a").stdout)
        self.expect(0, "kv", "put", "colour/grass", "green", "--name", "b")
        self.assertEqual(self.expect(0, "kv", "get", "colour/sky", "--name", "b").stdout, "blue\n")
        self.assertEqual(json.loads(self.expect(0, "kv", "get", "colour/sky", "--name", "a", "--json").stdout),
                         {"key": "colour/sky", "value": "blue", "revision": 1})
        items = json.loads(self.expect(0, "kv", "list", "colour/", "--name", "a", "--json").stdout)["items"]
        self.assertEqual([item["key"] for item in items], ["colour/grass", "colour/sky"])
        self.expect(0, "kv", "delete", "colour/sky", "--name", "b")
        self.expect(5, "kv", "get", "colour/sky", "--name", "a", says="no key 'colour/sky'")
        self.expect(5, "kv", "delete", "colour/sky", "--name", "a", says="no key 'colour/sky'")
        self.assertIn("colour/grass", self.expect(0, "kv", "list", "--name", "a").stdout)

    def test_a_value_may_come_from_standard_input_up_to_its_limit(self):
        self.start_group("kv", ["a"])
        for size, code in ((1 << 20, 0), ((1 << 20) + 1, 64)):
            done = subprocess.run([COMMAND, "kv", "put", "k", "-", "--name", "a"], input=b"\xff" * size, env=self.env,
                                  capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
        self.expect(64, "kv", "put", "k" * 1025, "v", "--name", "a", says="1024")
        self.expect(64, "kv", "put", "", "v", "--name", "a", says="1 to 1024")

    def test_watch_prints_changes_as_they_happen(self):
        self.start_group("kv", ["a", "b"])
        self.expect(0, "kv", "put", "x", "before", "--name", "a")
        watch = subprocess.Popen([COMMAND, "kv", "watch", "x", "--name", "b", "--json"], env=self.env,
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close()))
        # A watch that has begun is seen by what it prints only: put until it does.
        for count in range(200):
            self.expect(0, "kv", "put", "x", str(count), "--name", "a")
            if select.select([watch.stdout], [], [], 0.05)[0]:
                break
        first = json.loads(watch.stdout.readline())
        self.assertEqual((first["key"], first["deleted"]), ("x", False))
        self.assertNotEqual(first["value"], "before")


    def test_what_can_not_be_read_is_not_put(self):
        self.start_group("kv", ["a"])
        self.expect(0, "kv", "put", "motd", "hello", "--name", "a")
        put = [COMMAND, "kv", "put", "motd", "-", "--name", "a"]
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            done = subprocess.run(put, stdin=folder, env=self.env, capture_output=True, text=True, timeout=PATIENCE, check=False)
        finally:
            os.close(folder)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("nothing was put", done.stderr)
        self.assertEqual(self.expect(0, "kv", "get", "motd", "--name", "a").stdout, "hello\n")
        self.expect(0, "kv", "put", "motd", "-", "--name", "a")  # the end of input at once is an empty value
        self.assertEqual(self.expect(0, "kv", "get", "motd", "--name", "a").stdout, "\n")

    def test_raw_is_the_value_and_nothing_else(self):
        self.start_group("kv", ["a"])
        value = bytes(range(256)) + b"\n"
        subprocess.run([COMMAND, "kv", "put", "f", "-", "--name", "a"], input=value, env=self.env, capture_output=True,
                       timeout=PATIENCE, check=True)
        got = subprocess.run([COMMAND, "kv", "get", "f", "--raw", "--name", "a"], env=self.env, capture_output=True,
                             timeout=PATIENCE, check=True)
        self.assertEqual(got.stdout, value)
        self.expect(64, "kv", "get", "f", "--raw", "--json", "--name", "a")

    def test_values_forge_no_rows_and_no_escapes(self):
        self.start_group("kv", ["a"])
        subprocess.run([COMMAND, "kv", "put", "note", "-", "--name", "a"], input=b"ok\nadmin  99  true \x9b31m \x1b[31m",
                       env=self.env, capture_output=True, timeout=PATIENCE, check=True)
        self.assertEqual(self.expect(0, "kv", "list", "--name", "a").stdout.splitlines()[1:],
                         ["note  1         ok\\nadmin  99  true ?31m ?[31m"])

    def test_watch_ends_when_its_reader_goes(self):
        self.start_group("kv", ["a"])
        for verb in (["kv", "watch"], ["events"], ["watch"]):
            with self.subTest(verb=verb):
                watch = subprocess.Popen([COMMAND, *verb, "--name", "a"], env=self.env, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
                self.expect(0, "kv", "put", "x", "1", "--name", "a")
                watch.stdout.close()  # nothing more has to happen at the node
                self.assertEqual(watch.wait(PATIENCE), 0, watch.stderr.read())
                watch.stderr.close()

    def test_no_key_and_no_node_have_exit_codes_of_their_own(self):
        nodes = self.start_group("kv", ["a"])
        self.expect(5, "kv", "get", "nothing", "--name", "a")
        for verb in (["kv", "get", "k"], ["kv", "list"], ["counter", "get"], ["members"], ["events"], ["watch"], ["leave"]):
            self.expect(3, *verb, "--name", "nobody")
        nodes[0].child.send_signal(signal.SIGSTOP)
        try:
            self.expect(3, "members", "--name", "a", says="no answer")
        finally:
            nodes[0].child.send_signal(signal.SIGCONT)


class ReplacedHistory(MachineTest):
    """A member that was stopped while the others lost all and began anew."""

    def lines_of_watch(self, name, *flags):
        watch = subprocess.Popen([COMMAND, "kv", "watch", "--name", name, *flags], env=self.env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close()))
        return watch.stdout

    def put_until_seen(self, at, watches):
        """A watch that has begun is seen by what it prints only."""
        waiting = list(watches)
        for count in range(400):
            self.expect(0, "kv", "put", "probe", str(count), "--name", at)
            for watch in select.select(waiting, [], [], 0.05)[0]:
                waiting.remove(watch)
            if not waiting:
                return
        self.fail("a watch prints nothing")

    def test_is_told_to_those_who_watch(self):
        secret = self.write("secret", "replaced\n")

        def start(name, *contact):
            return self.start_node("--name", name, "--group-secret-file", secret, "--machine", "kv", "--commands", *QUICK, *contact)

        a = start("a")
        contact = ["--bootstrap", a.event("ready")["contact"]]
        b, c = start("b", *contact), start("c", *contact)
        for node in (a, b, c):
            node.event("raft_online")
        for i in range(10):
            self.expect(0, "kv", "put", f"old{i}", "x", "--name", "a")
        text, lines = self.lines_of_watch("c"), self.lines_of_watch("c", "--json")
        self.put_until_seen("a", (text, lines))
        c.child.send_signal(signal.SIGSTOP)
        for node in (a, b):
            node.end(signal.SIGKILL)
        a = start("a")
        start("b", "--bootstrap", a.event("ready")["contact"]).event("raft_online")
        for i in range(60):
            self.expect(0, "kv", "put", f"new{i % 20}", str(i), "--name", "a")
        c.child.send_signal(signal.SIGCONT)
        c.command("dial", "d", peer=a.event("ready")["contact"])

        def after(stream, mark):
            for line in stream:
                if mark(line):
                    break
            rest = []
            while len(rest) < 20:
                rest.append(stream.readline())
            return rest
        shown = after(text, lambda line: line == "the history was replaced; what follows is the whole state\n")
        self.assertEqual({line.split()[1] for line in shown}, {f"new{i}" for i in range(20)}, shown)
        shown = [json.loads(line) for line in after(lines, lambda line: json.loads(line).get("replaced"))]
        self.assertEqual({line["key"] for line in shown}, {f"new{i}" for i in range(20)})

    def test_changes_that_are_not_shown_are_marked(self):
        node = self.start_group("kv", ["a"])[0]
        lines = self.lines_of_watch("a", "--json")
        self.put_until_seen("a", (lines,))
        watched = json.loads(lines.readline())
        # The node stands still while the commands come: they are committed in one go, between two looks.
        node.child.send_signal(signal.SIGSTOP)
        puts = [subprocess.Popen([COMMAND, "kv", "put", "many", str(i), "--name", "a"], env=self.env, stdout=subprocess.DEVNULL)
                for i in range(20)]
        node.child.send_signal(signal.SIGCONT)
        self.assertEqual([put.wait(PATIENCE) for put in puts], [0] * 20)
        self.expect(0, "kv", "put", "end", "x", "--name", "a")
        shown, skipped = {watched.get("revision", 0)}, 0
        for line in map(json.loads, lines):
            if line.get("skipped"):
                self.assertEqual(line["key"] in ("many", "probe"), True)
                skipped += 1
            elif line["key"] == "many":
                shown.add(line["revision"])
            elif line["key"] == "end":
                break
        self.assertTrue(skipped > 0 or len(shown) == 21, (skipped, shown))


class RollingRestart(MachineTest):
    """Each member in its turn is ended and started anew; the next one when `status --wait` says so."""

    def gate(self, name):
        """Waits as a script does that asks again and again."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            done = self.run_command("status", "--name", name, "--json")
            if done.returncode == 0:
                self.assertTrue(all(group["consensus"]["online"] for group in json.loads(done.stdout)["groups"]))
                return
        self.fail(f"{name} does not get well: {done.stdout}")

    def roll(self, number, gate):
        secret = self.write("secret", "rolling\n")
        value = b"x" * 900_000
        # On a loaded machine large values need more time than QUICK leaves to a leader.
        timing = ["--bootstrap-delay", "200ms", "--election-timeout", "1s"]

        def start(name, contact):
            return self.start_node("--name", name, "--group-secret-file", secret, "--machine", "kv", "--secret-key-file",
                                   self.path(name + ".key"), *timing, *contact)

        nodes = {}
        for name in "abc":
            contact = ["--bootstrap", nodes["a"].event("ready")["contact"]] if nodes else []
            nodes[name] = start(name, contact)
        for name in "abc":
            self.expect(0, "status", "--name", name, "--wait", "30s")
        for i in range(12):
            subprocess.run([COMMAND, "kv", "put", f"k{i}", "-", "--name", "a"], input=value, env=self.env,
                           capture_output=True, timeout=PATIENCE, check=True)
        for name in "abc":
            other = nodes["b" if name == "a" else "a"]
            nodes[name].end(number)
            nodes[name] = start(name, ["--bootstrap", other.event("ready")["contact"]])
            gate(name)
        for name in "abc":
            items = json.loads(self.expect(0, "kv", "list", "--name", name, "--consistency", "weak", "--json").stdout)["items"]
            self.assertEqual(len(items), 12)

    def test_loses_nothing_when_members_leave(self):
        self.roll(signal.SIGTERM, self.gate)

    def test_loses_nothing_when_members_are_killed(self):
        self.roll(signal.SIGKILL, lambda name: self.expect(0, "status", "--name", name, "--wait", "30s"))

    def test_is_closed_for_a_member_that_is_alone_where_others_are(self):
        node = self.start_group("kv", ["a"])[0]
        contact = node.event("ready")["contact"]
        self.start_node("--name", "b", "--group-secret-file", self.write("other", "another\n"), "--machine", "kv", *QUICK,
                        "--bootstrap", contact).event("raft_online")
        self.expect(1, "status", "--name", "b", "--wait", "500ms")
        self.start_node("--name", "c", "--bootstrap", contact).event("ready")
        self.expect(1, "status", "--name", "c", "--wait", "500ms")

    def test_waits_for_a_node_no_longer_than_asked(self):
        self.expect(3, "status", "--name", "nobody", "--wait", "300ms", says="no node is running")
        self.expect(64, "status", "--wait", "soon")
        self.start_group("kv", ["a"])
        self.expect(0, "status", "--name", "a", "--wait", "10s")


class Leaving(MachineTest):
    """SIGTERM and `leave` wait, for a while, until another member has all that is committed."""

    def alone_with_a_stopped_member(self, *flags):
        """A leader with a key, and no bond with the other member that it knows, which is stopped."""
        secret = self.write("secret", "leaving\n")
        flags = ["--group-secret-file", secret, "--machine", "kv", *QUICK, *flags]
        leader = self.start_node("--name", "a", *flags)
        leader.event("raft_online")
        self.expect(0, "kv", "put", "k", "v", "--name", "a")
        other = self.start_node("--name", "b", *flags, "--bootstrap", leader.event("ready")["contact"])
        leader.event("bond_up")
        other.child.send_signal(signal.SIGSTOP)
        self.addCleanup(other.child.send_signal, signal.SIGCONT)
        leader.event("bond_down")
        return leader

    def test_waits_no_longer_than_asked_and_says_so(self):
        node = self.alone_with_a_stopped_member("--leave-wait", "300ms")
        self.assertEqual(node.end(), 0)
        self.assertIn(b"waits with leaving, 300 ms at most, until another member has all", node.log)
        self.assertIn(b"leaves though no other member has all", node.log)

    def test_a_second_signal_ends_the_wait(self):
        node = self.alone_with_a_stopped_member("--leave-wait", "10min")
        node.child.send_signal(signal.SIGTERM)
        node.wait(lambda line: line["event"] == "notice" and "waits with leaving" in line["text"])
        code = None
        while code is None:  # two signals within 100 ms are one
            node.child.send_signal(signal.SIGTERM)
            try:
                code = node.child.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(code, 1)

    def test_does_not_wait_where_nothing_is_lost(self):
        lone = self.start_group("kv", ["a"], "--leave-wait", "10min")[0]
        self.expect(0, "kv", "put", "k", "v", "--name", "a")
        self.assertEqual(lone.end(), 0)
        self.assertNotIn(b"waits with leaving", lone.log)
        nodes = self.start_group("kv", ["a", "b"], "--leave-wait", "10min")
        self.expect(0, "kv", "put", "k", "v", "--name", "a")
        self.expect(0, "leave", "--name", "a")
        self.assertEqual(nodes[0].child.wait(PATIENCE), 0)
        self.assertEqual(nodes[1].end(), 0)
        self.expect(64, "node", "--leave-wait", "long", says="--leave-wait: 'long' is no time")


class LittleMemory(MachineTest):
    """Members that may have less memory than their log would take (ulimit -v, a container)."""

    @unittest.skipIf(sanitized(), "a sanitizer reserves terabytes of addresses")
    def test_ends_calls_and_no_process(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (450_000 << 10, 450_000 << 10))

        secret = self.write("secret", "little\n")
        nodes, contact = [], []
        for name in "abc":
            node = self.start_node("--name", name, "--group-secret-file", secret, "--machine", "kv", "--bootstrap-delay", "200ms",
                                   *contact, preexec_fn=limit)
            contact = ["--bootstrap", (nodes or [node])[0].event("ready")["contact"]]
            nodes.append(node)
        for name in "abc":
            self.expect(0, "status", "--name", name, "--wait", "30s")
        value, refused = b"x" * 1_000_000, {}
        for number in range(900):  # each member may fill a part of the leader's log
            name = "abc"[number % 3]
            done = subprocess.run([COMMAND, "kv", "put", "k", "-", "--name", name], input=value, env=self.env, capture_output=True,
                                  timeout=PATIENCE, check=False)
            if done.returncode not in (0, 4):
                refused[name] = done
            if len(refused) == 3:
                break
        self.assertEqual(len(refused), 3, "the limit was never reached")
        for done in refused.values():
            self.assertIn(b"the log of this group", done.stderr)
        for node in nodes:
            self.assertIsNone(node.child.poll(), node.log.decode()[-2000:])
        told = [any(line["event"] == "notice" and "the log takes" in line["text"] for line in node.lines) for node in nodes]
        self.assertIn(True, told)
        for name in "abc":
            self.assertEqual(self.run_command("status", "--name", name).returncode, 1 if told["abc".index(name)] else 0)


class StoppedNode(MachineTest):
    """A node that is stopped (SIGSTOP, a paused machine) costs a caller no more than its own time."""

    def test_is_waited_for_no_longer_than_asked(self):
        node = self.start_group("kv", ["a"])[0]
        node.child.send_signal(signal.SIGSTOP)
        os.waitpid(node.child.pid, os.WUNTRACED)
        self.addCleanup(node.child.send_signal, signal.SIGCONT)
        for verb in (["kv", "get", "k", "--timeout", "300ms"], ["kv", "put", "k", "v", "--timeout", "300ms"],
                     ["status", "--wait", "300ms"]):
            begun = time.monotonic()
            self.expect(3, *verb, "--name", "a")
            self.assertLess(time.monotonic() - begun, 5, verb)  # not the 10 s of other verbs


class Refusals(MachineTest):
    def test_a_verb_of_another_machine_is_refused_before_it_does_harm(self):
        self.start_group("counter", ["a"])
        self.expect(1, "kv", "put", "k", "v", "--name", "a", says="another machine (counter, not kv)")
        self.expect(0, "counter", "add", "--name", "a")

    def test_a_node_without_a_machine_or_group_says_so(self):
        self.start_pair()
        self.expect(1, "counter", "get", "--name", "a", says="--machine counter")
        self.start_node("--name", "lonely").event("ready")
        self.expect(1, "kv", "list", "--name", "lonely", says="in no group")
        self.expect(3, "counter", "get", "--name", "nobody", says="no node is running")

    def test_flags_about_a_machine_need_one(self):
        self.expect(64, "node", "--quorum-floor", "2", says="--machine counter")
        self.expect(64, "node", "--machine", "kv", "--quorum-floor", "many", says="--quorum-floor")
        self.expect(64, "counter")
        self.expect(64, "counter", "get", "--consistency", "sure")
        self.expect(64, "kv", "get")
        self.expect(64, "counter", "add", "--timeout", "never", says="--timeout: 'never' is no time")


if __name__ == "__main__":
    unittest.main()
