"""What the command says to those who spell it wrongly, and to those who ask for help."""

import json
import re
import subprocess
import unittest

from support import COMMAND, CommandTest

VERBS = ["demo", "node", "keygen", "status", "members", "bonds", "topology", "events", "trace", "watch", "leave", "counter",
         "kv", "version", "completion"]


class Usage(CommandTest):
    def test_wrong_usage_ends_with_64(self):
        for argv in ([], ["nonsense"], ["status", "--nonsense"], ["demo", "--nodes", "many"], ["demo", "--nodes", "1"],
                     ["completion"], ["completion", "tcsh"], ["node", "--heartbeat", "soon"], ["node", "--name", "a/b"],
                     ["node", "--max-missed", "-1"], ["node", "--log-level", "loud"], ["node", "--commands"],
                     ["node", "--machine", "turing"], ["node", "--listen", "nowhere"], ["node", "--heartbeat", "9999min"]):
            with self.subTest(argv=argv):
                done = self.expect(64, *argv)
                self.assertTrue(done.stderr)
                self.assertEqual(done.stdout, "")

    def test_an_error_names_the_setting_and_what_to_write(self):
        self.expect(64, "node", "--heartbeat", "soon", says="--heartbeat: 'soon' is no time; write 500ms")
        self.expect(64, "node", says="MOSAIK_HEARTBEAT: 'soon'", env={"MOSAIK_HEARTBEAT": "soon"})

    def test_a_contact_that_is_none_is_refused_with_the_reason(self):
        self.expect(64, "node", "--bootstrap", "ab" * 32, says="is a peer id without an address; write PEERID@HOST")
        self.expect(64, "node", "--bootstrap", "host:0", says="a port is a number from 1 to 65535")

    def test_every_verb_has_help_with_an_example(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                done = self.expect(0, verb, "--help")
                self.assertIn("Example:\n", done.stdout)
                self.assertIn(f"mosaik {verb}", done.stdout)

    def test_help_names_every_verb(self):
        text = self.expect(0, "--help").stdout
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb} ")

    def test_there_is_no_colour_without_a_terminal(self):
        for argv in (["version"], ["nonsense"], ["status"]):
            done = self.run_command(*argv, env={"TERM": "xterm-256color"})
            self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_version_tells_the_wire_version_and_the_libraries(self):
        self.assertIn("wire protocol 0.4.2", self.expect(0, "version").stdout)
        told = json.loads(self.expect(0, "version", "--json").stdout)
        self.assertEqual(told["wire"], "0.4.2")
        self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+", told["version"]))
        for library in ("ngtcp2", "GnuTLS", "libsodium", "c-ares", "fmt"):
            self.assertIn(library, told["libraries"])

    def test_bash_completes_verbs_and_flags(self):
        script = self.expect(0, "completion", "bash").stdout
        self.assertEqual(subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode, 0)

        def complete(*words):
            line = " ".join(f"'{word}'" for word in words)
            asked = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _mosaik; printf '%s\\n' \"${{COMPREPLY[@]}}\""
            return subprocess.run(["bash", "-c", f"complete() {{ :; }}\n{script}\n{asked}"], capture_output=True,
                                  text=True, check=True).stdout.split()

        self.assertEqual(complete("mosaik", "to"), ["topology"])
        self.assertEqual(sorted(complete("mosaik", "node", "--boot")), ["--bootstrap", "--bootstrap-delay"])
        self.assertEqual(complete("mosaik", "completion", "z"), ["zsh"])

    def test_zsh_and_fish_scripts_name_every_verb(self):
        for shell in ("zsh", "fish"):
            script = self.expect(0, "completion", shell).stdout
            for verb in VERBS:
                self.assertIn(verb, script)

    def test_a_reader_that_goes_away_is_no_crash(self):
        done = subprocess.run(["bash", "-c", f"'{COMMAND}' completion bash | head -c 1; exit ${{PIPESTATUS[0]}}"],
                              env=self.env, capture_output=True, check=False)
        self.assertIn(done.returncode, (0, 1))


if __name__ == "__main__":
    unittest.main()
