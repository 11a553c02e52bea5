"""Where the settings of a node come from, and which source wins."""

import json
import unittest

from support import CommandTest


class Precedence(CommandTest):
    def name_of(self, *argv, env=None):
        node = self.start_node(*argv, env=env)
        name = node.event("ready")["name"]
        self.assertEqual(node.end(), 0)
        return name

    def test_command_line_then_environment_then_file(self):
        config = self.write("node.toml", 'name = "file"\n')
        self.assertEqual(self.name_of("--config", config), "file")
        self.assertEqual(self.name_of("--config", config, env={"MOSAIK_NAME": "variable"}), "variable")
        self.assertEqual(self.name_of("--config", config, "--name", "flag", env={"MOSAIK_NAME": "variable"}), "flag")

    def test_all_settings_can_come_from_a_file(self):
        config = self.write("node.toml", f'''
            network = "here"
            secret_key_file = "{self.path('key')}"
            listen = ["127.0.0.1:0"]
            advertise = ["192.0.2.7:4433"]
            tag = ["red", "blue"]
            control = "{self.path('c.sock')}"
            heartbeat = "400ms"
            heartbeat-jitter = "0ms"
            max-missed = 7
            election-timeout = "1s"
            election-jitter = "1ms"
            bootstrap-delay = "2s"
            machine = "noop"
            log-level = "debug"
            log-format = "json"
            group-secret-file = "{self.write('secret', 'x')}"
        ''')
        node = self.start_node("--config", config)
        self.assertEqual(node.event("ready")["addrs"], ["192.0.2.7:4433"])
        node.event("joined")
        status = json.loads(self.expect(0, "status", "--json", "--control", self.path("c.sock")).stdout)
        self.assertEqual(status["network_name"], "here")
        self.assertEqual(node.end(), 0)
        for line in node.log.decode().splitlines():
            self.assertIn("text", json.loads(line))

    def test_the_group_depends_on_the_heartbeat_but_not_on_elections(self):
        def group(*argv):
            node = self.start_node(*argv, env={"MOSAIK_GROUP_SECRET": "x"})
            return node.event("joined")["group"], node.end()
        self.assertEqual(group(), group("--election-timeout", "7s", "--bootstrap-delay", "1s"))
        self.assertNotEqual(group(), group("--heartbeat", "499ms"))
        self.assertNotEqual(group(), group("--max-missed", "11"))

    def test_lists_are_separated_by_commas_in_the_environment(self):
        node = self.start_node(env={"MOSAIK_ADVERTISE": "192.0.2.7:1, 192.0.2.8:2"})
        self.assertEqual(node.event("ready")["addrs"], ["192.0.2.7:1", "192.0.2.8:2"])

    def test_a_bad_file_is_refused_with_the_place(self):
        self.expect(1, "node", "--config", self.path("missing.toml"), says="missing.toml")
        self.expect(64, "node", "--config", self.write("a.toml", 'name = "x\n'), says="line 1")
        self.expect(64, "node", "--config", self.write("b.toml", 'colour = "red"\n'), says="unknown setting 'colour'")
        self.expect(64, "node", "--config", self.write("c.toml", 'heartbeat = "soon"\n'), says="'heartbeat' in")
        self.expect(64, "node", "--config", self.write("d.toml", "[name]\n"), says="wrong kind")
        self.expect(64, "node", "--config", self.write("e.toml", 'group-secret = "x"\n'), says="group-secret-file")


if __name__ == "__main__":
    unittest.main()
