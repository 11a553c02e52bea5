"""`mosaik demo`: real processes, killed and brought back."""

import json
import os
import signal
import subprocess
import unittest

from support import COMMAND, PATIENCE, CommandTest


class Demo(CommandTest):
    def setUp(self):
        super().setUp()
        self.env["TMPDIR"] = self.folder

    def test_every_step_happens(self):
        done = self.expect(0, "demo", "--json", "--seed", "1")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        steps = [line for line in lines if line["event"] == "step"]
        self.assertEqual([step["step"] for step in steps], ["mesh", "elect", "kill", "return", "failover", "rejoin", "leave"])
        for step in steps:
            self.assertTrue(step["ok"])
            self.assertGreater(step["ms"], 0)
        self.assertIn("none lost", steps[4]["detail"])
        self.assertTrue(lines[-1]["ok"])
        self.assertEqual(os.listdir(self.folder), [], "keys and sockets are gone")

    def test_says_it_in_words(self):
        text = self.expect(0, "demo", "--nodes", "3").stdout
        self.assertIn("every pair bonds", text)
        self.assertIn("everything happened", text)
        self.assertNotIn("\x1b", text)

    def test_keep_keeps_the_nodes_and_says_how_to_ask_them(self):
        demo = subprocess.Popen([COMMAND, "demo", "--nodes", "3", "--keep"], env=self.env, stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(lambda: (demo.kill(), demo.wait(), demo.stdout.close()))
        asks = []
        while len(asks) < 2:
            line = demo.stdout.readline()
            self.assertTrue(line, "the demo ended")
            if "--control" in line:
                asks.append(line.split()[-1])
        for control in asks:
            self.expect(0, "status", "--control", control)
        demo.send_signal(signal.SIGINT)
        self.assertEqual(demo.wait(PATIENCE), 0)
        self.expect(3, "status", "--control", asks[0])
        self.assertEqual(os.listdir(self.folder), [])

    def test_leaves_no_nodes_behind_when_it_is_killed(self):
        demo = subprocess.Popen([COMMAND, "demo", "--nodes", "3", "--keep"], env=self.env, stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(lambda: (demo.kill(), demo.wait(), demo.stdout.close()))
        control = ""
        while not control:
            line = demo.stdout.readline()
            self.assertTrue(line, "the demo ended")
            control = line.split()[-1] if "--control" in line else ""
        told = json.loads(self.expect(0, "status", "--json", "--control", control).stdout)
        self.assertEqual(told["groups"][0]["members"]["known"], 2)
        watch = subprocess.Popen([COMMAND, "events", "--control", control], env=self.env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stderr.close()))
        demo.kill()
        watch.wait(PATIENCE)  # the stream ends with its node, whether it was opened before the end or not
        self.expect(3, "status", "--control", control)


if __name__ == "__main__":
    unittest.main()
