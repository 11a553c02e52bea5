"""`mosaik node`, and the verbs that ask it."""

import http.client
import json
import os
import select
import signal
import shlex
import socket
import subprocess
import sys
import time
import unittest

from support import COMMAND, PATIENCE, CommandTest, Node, sanitized

DEFAULT_PORT = 7820


class Joining(CommandTest):
    """Where a node listens by itself, and what it tells a second computer to do."""

    def start_by_default(self, *argv, env=None):
        node = Node(argv, {**self.env, **(env or {})})
        self.addCleanup(node.put_away)
        return node

    def take_default_port(self):
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        try:
            taken.bind(("0.0.0.0", DEFAULT_PORT))
        except OSError as problem:
            self.skipTest(f"another program has the port: {problem}")
        return taken

    def test_the_default_port_is_taken_if_it_is_free(self):
        self.take_default_port().close()
        node = self.start_by_default("--name", "a")
        sockets = node.event("ready")["socket"]
        self.assertEqual({text.rsplit(":", 1)[1] for text in sockets}, {str(DEFAULT_PORT)})
        status = json.loads(self.expect(0, "status", "--json", "--name", "a").stdout)
        self.assertEqual(status["listening"], sockets)
        self.assertEqual(node.end(), 0)
        self.assertNotIn("is taken", node.log.decode())

    def test_another_port_is_taken_and_told_if_it_is_not(self):
        self.take_default_port()
        node = self.start_by_default("--name", "a")
        sockets = node.event("ready")["socket"]
        self.assertNotIn(str(DEFAULT_PORT), {text.rsplit(":", 1)[1] for text in sockets})
        status = json.loads(self.expect(0, "status", "--json", "--name", "a").stdout)
        self.assertEqual(status["listening"], sockets)
        self.assertFalse([text for text in status["notices"] if str(DEFAULT_PORT) in text])
        self.assertEqual(node.end(), 0)
        told = [line for line in node.log.decode().splitlines() if f"port {DEFAULT_PORT} is taken" in line]
        self.assertEqual(len(told), 1, node.log.decode())
        self.assertIn("info", told[0])
        self.assertIn(sockets[0], told[0])

    def test_a_port_that_was_given_is_not_replaced(self):
        self.take_default_port()
        self.expect(1, "node", "--listen", f"0.0.0.0:{DEFAULT_PORT}", says="address already in use")

    def test_a_second_node_joins_by_the_printed_command(self):
        secret = self.write("the secret", "open sesame\n")
        first = self.start_node("--network", "two words", "--group-secret-file", secret, "--machine", "kv",
                                "--quorum-floor", "2", "--heartbeat", "400ms")
        words = shlex.split(first.event("ready")["join_command"])
        self.assertEqual(words[:2], ["mosaik", "node"])
        self.assertNotIn("sesame", " ".join(words))
        second = self.start_by_default("--listen", "127.0.0.1:0", *words[2:])
        second.wait(lambda line: line["event"] == "bonds" and len(line["bonds"]) == 1)
        self.assertEqual(first.event("joined")["group"], second.event("joined")["group"])

    def test_a_secret_of_the_environment_is_not_printed(self):
        first = self.start_node(env={"MOSAIK_GROUP_SECRET": "open sesame"})
        command = first.event("ready")["join_command"]
        self.assertNotIn("sesame", command)
        self.assertIn("--group-secret-file FILE --bootstrap 127.0.0.1:", command)
        self.assertNotIn("secret", self.start_node().event("ready")["join_command"])

    def test_people_read_the_command_last(self):
        with subprocess.Popen([COMMAND, "node", "--listen", "127.0.0.1:0", "--network", "n"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**self.env, "MOSAIK_GROUP_SECRET": "x"}) as child:
            lines = [child.stdout.readline() for _ in range(5)]
            child.terminate()
            self.assertEqual(child.stdout.read(), "")
        self.assertEqual([line.split()[0] for line in lines], ["node", "contact", "control", "group", "join"])
        self.assertRegex(lines[4], r"^join     mosaik node --network n --group-secret-file FILE --bootstrap 127.0.0.1:\d+$")


class Lines(CommandTest):
    def test_ready_tells_what_others_need(self):
        node = self.start_node("--name", "a")
        ready = node.event("ready")
        self.assertEqual(ready["contact"], f"{ready['id']}@{ready['addrs'][0]}")
        self.assertEqual(ready["socket"], ready["addrs"])
        self.assertIn(ready["id"], ready["entry"])
        self.assertEqual(ready["control"], self.path("mosaik/a.sock"))

    def test_the_control_socket_is_named_for_the_id_of_a_nameless_node(self):
        ready = self.start_node().event("ready")
        self.assertEqual(ready["control"], self.path(f"mosaik/{ready['id'][:10]}.sock"))

    def test_bonded_nodes_name_the_same_bond_and_session(self):
        one, two = self.start_pair()
        mine, theirs = (node.wait(lambda line: line["event"] == "bonds" and line["bonds"])["bonds"][0]
                        for node in (one, two))
        self.assertEqual(mine["bond"], theirs["bond"])
        self.assertEqual(mine["session"], theirs["session"])
        self.assertEqual(mine["peer"], two.event("ready")["id"])
        names = [line["event"] for line in one.lines]
        self.assertEqual(names[:3], ["ready", "joined", "bonds"])
        self.assertEqual(one.lines[2]["bonds"], [])

    def test_a_killed_peer_is_told_of(self):
        one, two = self.start_pair()
        peer = two.event("ready")["id"]
        two.end(signal.SIGKILL)
        down = one.event("bond_down", peer=peer)
        self.assertIn("by", down)
        one.wait(lambda line: line["event"] == "bonds" and line.get("sequence", 0) > down["sequence"]
                 and not line["bonds"])

    def test_a_second_signal_ends_at_once(self):
        one, two = self.start_pair()
        two.child.send_signal(signal.SIGSTOP)
        os.waitpid(two.child.pid, os.WUNTRACED)  # now a goodbye is not acknowledged: leaving takes its whole time
        one.child.send_signal(signal.SIGTERM)
        code = None
        while code is None:
            one.child.send_signal(signal.SIGINT)
            try:
                code = one.child.wait(0.02)
            except subprocess.TimeoutExpired:
                pass
        two.child.send_signal(signal.SIGCONT)
        self.assertEqual(code, 1)

    def test_two_signals_at_once_are_one(self):
        one, two = self.start_pair()
        one.child.send_signal(signal.SIGSTOP)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            one.child.send_signal(number)
        self.assertEqual(one.child.wait(PATIENCE), 0)
        self.assertEqual(two.event("bond_down", peer=one.event("ready")["id"])["by"], "departure")

    def test_a_reader_that_does_not_read_can_not_keep_a_node_from_leaving(self):
        secret = self.write("secret", "x")
        child = subprocess.Popen([COMMAND, "node", "--json", "--commands", "--listen", "127.0.0.1:0",
                                  "--group-secret-file", secret], env=self.env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (child.kill(), child.wait(), child.stdin.close(), child.stdout.close()))
        child.stdout.readline()
        os.set_blocking(child.stdin.fileno(), False)
        line = b'{"cmd":"me"}\n'
        # Its output pipe is full when it takes no more of its input.
        while select.select([], [child.stdin], [], 1)[1]:
            try:
                os.write(child.stdin.fileno(), line * 1000)
            except BlockingIOError:
                break
        child.terminate()
        self.assertEqual(child.wait(PATIENCE), 0)


class Log(CommandTest):
    def test_names_another_secret_as_what_keeps_a_node_alone(self):
        first = self.start_node("--name", "a", "--group-secret-file", self.write("one", "one\n"))
        second = self.start_node("--name", "b", "--group-secret-file", self.write("two", "two\n"), "--bootstrap",
                                 first.event("ready")["contact"])
        second.wait(lambda line: line["event"] == "notice" and "another group secret" in line["text"])

    def test_warns_of_no_ordinary_join_or_leave(self):
        one, two = self.start_pair()
        two.end()
        one.event("offline")
        one.end()
        for node in (one, two):
            self.assertNotIn(b"warning", node.log)


class ClosedStreams(CommandTest):
    """Cron, init scripts and `ssh -n host 'cmd >&-'` start programs with standard streams closed."""

    def test_do_not_get_into_the_key_file(self):
        for closed in ([1], [0, 1], [0, 1, 2], [2]):
            with self.subTest(closed=closed):
                key = self.path("key" + "".join(map(str, closed)))
                node = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" "$@" ' + " ".join(f"{fd}>&-" for fd in closed), COMMAND, "node",
                                         "--json", "--name", "n", "--listen", "127.0.0.1:0", "--secret-key-file", key], env=self.env)
                try:
                    deadline = time.monotonic() + PATIENCE
                    while self.run_command("status", "--name", "n").returncode == 3 and time.monotonic() < deadline:
                        pass
                    there = [os.readlink(f"/proc/{node.pid}/fd/{fd}") for fd in closed]
                    self.assertEqual(there, ["/dev/null"] * len(closed))
                finally:
                    node.terminate()
                    node.wait(PATIENCE)
                with open(key, encoding="ascii") as file:
                    self.assertRegex(file.read(), r"^[0-9a-f]{64}\n$")


class FewDescriptors(CommandTest):
    """Whatever a node can not open for want of descriptors: it says so, or it runs."""

    @unittest.skipIf(sanitized(), "a sanitizer needs descriptors of its own")
    def test_are_named_as_the_reason(self):
        for limit in range(5, 26):
            child = subprocess.Popen(["prlimit", f"--nofile={limit}", COMMAND, "node", "--json", "--listen", "127.0.0.1:0"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, text=True)
            self.addCleanup(child.stderr.close)
            self.addCleanup(child.stdout.close)
            self.addCleanup(child.wait, PATIENCE)
            ready = child.stdout.readline()
            if ready:
                child.terminate()
                continue
            self.assertNotEqual(child.wait(PATIENCE), 0, f"limit {limit}")
            said = child.stderr.read()
            self.assertRegex(said, "[Tt]oo many open files|ulimit -n|shared libraries", f"limit {limit}")
            self.assertNotIn("Success", said)


class Sandbox(CommandTest):
    def test_that_refuses_threads_is_named(self):
        sandbox = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness", "sandbox.py")
        done = subprocess.run([sys.executable, sandbox, "clone3=EPERM", "--", COMMAND, "node", "--listen", "127.0.0.1:0"],
                              env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.stderr.startswith("sandbox:"):
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a sandbox refuses it", done.stderr)


class FullOutput(CommandTest):
    def test_is_no_success(self):
        self.start_node("--name", "a").event("ready")
        with open("/dev/full", "w", encoding="ascii") as full:
            for verb in (["status"], ["status", "--json"], ["members"]):
                done = subprocess.run([COMMAND, *verb, "--name", "a"], env=self.env, stdout=full, stderr=subprocess.PIPE,
                                      timeout=PATIENCE, check=False)
                self.assertEqual(done.returncode, 1, verb)


class Commands(CommandTest):
    def setUp(self):
        super().setUp()
        self.node = self.start_node("--commands", "--group-secret-file", self.write("secret", "x"))
        self.node.event("joined")

    def test_me_catalog_bonds_topology_and_status_are_answered(self):
        me = self.node.command("me", 1)["ok"]
        ready = self.node.event("ready")
        self.assertEqual((me["id"], me["contact"]), (ready["id"], ready["contact"]))
        self.assertIn(self.node.event("joined")["group"], me["entry"], "the entry of now names the group")
        self.assertEqual(self.node.command("catalog", 2)["ok"], [])
        self.assertEqual(self.node.command("bonds", 3)["ok"], [])
        self.assertEqual(self.node.command("topology", 4)["ok"]["members"], [ready["id"]])
        status = self.node.command("status", {"any": "tag"})["ok"]
        self.assertEqual(status["bonds"], [])
        self.assertEqual(status["members"]["known"], 1)
        self.assertNotIn("leader", status)

    def test_sync_dial_and_ping_reach_another_node(self):
        other = self.start_node("--name", "other").event("ready")
        self.assertEqual(self.node.command("sync", 1, peer=other["contact"])["ok"], True)
        self.assertEqual(self.node.command("catalog", 2)["ok"], [other["id"]])
        self.assertEqual(self.node.command("dial", 3, peer=other["contact"])["ok"], True)
        self.assertGreater(self.node.command("ping", 4, peer=other["contact"])["ok"]["rtt_us"], 0)

    def test_mistakes_are_answered_with_an_error(self):
        self.assertIn("error", self.node.command("sync", 1, peer="nobody"))
        self.assertIn("unknown command", self.node.command("jump", 2)["error"])
        self.node.say("not json")
        self.assertIn("not JSON", self.node.event("error")["error"])
        self.node.say('{"tag":3}')
        self.assertIn("no command", self.node.event("reply", tag=3)["error"])

    def test_leave_leaves_the_group_and_the_node_runs_on(self):
        self.assertEqual(self.node.command("leave", 1)["ok"], True)
        self.assertEqual(self.node.command("bonds", 2)["error"], "left the group")
        self.assertEqual(json.loads(self.expect(0, "status", "--json").stdout)["groups"], [])

    def test_end_of_input_does_not_stop_the_node(self):
        self.node.child.stdin.close()
        self.expect(0, "status")
        self.assertIsNone(self.node.child.poll())

    def test_quit_ends_the_node(self):
        self.node.command("quit", 1)
        self.assertEqual(self.node.child.wait(PATIENCE), 0)


class Asking(CommandTest):
    def test_status_tells_health_by_its_exit_code(self):
        one, two = self.start_pair()
        self.assertIn("healthy", self.expect(0, "status", "--name", "a").stdout)
        two.end(signal.SIGKILL)
        one.event("bond_down")
        # The group is degraded once the snapshot with the missing member is out: it tells of itself.
        one.event("offline")
        self.assertIn("degraded", self.expect(1, "status", "--name", "a").stdout)

    def test_status_tells_the_uptime_of_now_though_nothing_happened(self):
        self.start_node("--name", "a").event("ready")
        first, second = (json.loads(self.expect(0, "status", "--name", "a", "--json").stdout)["uptime_ms"] for _ in range(2))
        self.assertGreater(second, first)

    def test_status_tells_first_what_a_group_can_not_do(self):
        node = self.start_node("--name", "a", "--machine", "counter", "--bootstrap-delay", "60s",
                               "--group-secret-file", self.write("secret", "x"))
        node.event("joined")
        text = self.expect(2, "status", "--name", "a").stdout
        self.assertRegex(text, r"(?m)^node +a  no leader$")
        self.assertNotIn("healthy", text)

    def test_what_is_read_is_not_older_than_the_question(self):
        self.start_pair()
        bonded = time.monotonic()
        select.select([], [], [], 0.7)  # a quiet time, in which nobody reads
        quiet = 1000 * (time.monotonic() - bonded)
        for verb, at in (("bonds", lambda told: told["bonds"][0]["age_ms"]), ("status", lambda told: told["uptime_ms"])):
            self.assertGreaterEqual(at(json.loads(self.expect(0, verb, "--name", "a", "--json").stdout)), quiet)

    def test_status_of_no_node_ends_with_3(self):
        self.expect(3, "status", says="no node is running")
        self.expect(3, "status", "--name", "nobody", says="nobody.sock")
        self.expect(3, "status", "--control", self.path("x"), says="no node is running")
        for verb in ("members", "bonds", "topology", "events", "watch", "leave"):
            self.expect(3, verb, says="no node is running")

    def test_several_nodes_are_listed(self):
        for name in ("x", "y"):
            self.start_node("--name", name).event("ready")
        done = self.expect(64, "members", says="2 nodes are running")
        self.assertIn("--name x", done.stderr)
        self.assertIn("--name y", done.stderr)
        self.expect(0, "members", env={"MOSAIK_NAME": "x"})

    def test_the_same_name_twice_is_an_error(self):
        self.start_node("--name", "x").event("ready")
        self.expect(1, "node", "--name", "x", "--listen", "127.0.0.1:0", says="--name")

    def test_tables_and_json_tell_the_same(self):
        one, two = self.start_pair()
        peer = two.event("ready")["id"]
        for verb in ("members", "bonds", "topology"):
            self.assertIn(peer[:10], self.expect(0, verb, "--name", "a").stdout)
            self.assertIn(peer, self.expect(0, verb, "--name", "a", "--json").stdout)
        bond = json.loads(self.expect(0, "bonds", "--name", "a", "--json").stdout)["bonds"][0]
        self.assertEqual(bond["bond"], one.wait(lambda line: line.get("bonds"))["bonds"][0]["bond"])

    def test_topology_draws_the_matrix_with_a_legend(self):
        self.start_pair()
        text = self.expect(0, "topology", "--name", "a", env={"LC_ALL": "C"}).stdout
        self.assertIn("2 members, 1 bond of 1", text)
        self.assertRegex(text, r"(?m)^  1 [0-9a-f]{10}  \\ @$")
        self.assertRegex(text, r"(?m)^  2 [0-9a-f]{10}  @ \\$")
        self.assertIn("@ own bond", text)

    def test_events_are_streamed_as_the_node_prints_them(self):
        one, two = self.start_pair()
        events = subprocess.Popen([COMMAND, "events", "--json", "--name", "a"], env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (events.kill(), events.wait(), events.stdout.close(), events.stderr.close()))
        # A stream that is open is seen in the number of clients only; a round of asking shows that ours was taken.
        third = self.start_node("--name", "c", "--bootstrap", one.event("ready")["contact"])
        streamed = json.loads(events.stdout.readline())
        self.assertIn(streamed, one.lines + [one.event(streamed["event"], sequence=streamed["sequence"])])
        third.end()
        two.end()
        one.end()
        rest = events.stdout.read()
        self.assertEqual(events.wait(PATIENCE), 0)
        self.assertIn('"event":"bond_down"', rest)

    def test_trace_tells_what_a_node_decides_and_why(self):
        one = self.start_node("--name", "a")
        contact = one.event("ready")["contact"]
        trace = subprocess.Popen([COMMAND, "trace", "--json", "--name", "a", "--component", "dial"], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (trace.kill(), trace.wait(), trace.stdout.close(), trace.stderr.close()))
        # Whether the stream is open is not seen from outside; each of these is dialed anew.
        for i in range(20):
            self.start_node("--name", f"other{i}", "--bootstrap", contact)
            if select.select([trace.stdout], [], [], 1)[0]:
                break
        decision = json.loads(trace.stdout.readline())
        self.assertEqual((decision["event"], decision["component"]), ("decision", "dial"))
        self.assertTrue(decision["what"] and decision["reason"])
        one.end()
        trace.stdout.read()
        self.assertEqual(trace.wait(PATIENCE), 0)

    def test_trace_says_what_is_wrong_with_a_filter(self):
        for wrong in (["--peer", "12"], ["--component", "no/name"]):
            done = self.run_command("trace", *wrong)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(wrong[0], done.stderr)

    def test_watch_prints_lines_without_a_terminal(self):
        self.start_pair()
        watch = subprocess.Popen([COMMAND, "watch", "--name", "a"], env=self.env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close()))
        self.assertIn("1 of 1 bonded", watch.stdout.readline())
        watch.terminate()
        self.assertEqual(watch.wait(PATIENCE), 0)

    def test_leave_ends_the_node_gracefully(self):
        one, two = self.start_pair()
        self.expect(0, "leave", "--name", "b")
        self.assertEqual(two.child.wait(PATIENCE), 0)
        one.event("bond_down", peer=two.event("ready")["id"])
        self.assertFalse(os.path.exists(self.path("mosaik/b.sock")))

    def test_leave_ends_a_node_without_a_group_too(self):
        node = self.start_node("--name", "x")
        node.event("ready")
        self.expect(0, "leave", "--name", "x")
        self.assertEqual(node.child.wait(PATIENCE), 0)

    def test_any_http_client_can_ask(self):
        path = self.start_node("--name", "x").event("ready")["control"]
        connection = http.client.HTTPConnection("mosaik")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        for _ in range(3):
            connection.request("GET", "/v1/status")
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(json.load(response)["name"], "x")
        connection.close()


if __name__ == "__main__":
    unittest.main()
