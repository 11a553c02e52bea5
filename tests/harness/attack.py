"""An attacker as a process of its own, and what it costs the attacked."""

import os
import subprocess

from nodes import Failure


class Attack:
    """`with Attack(program, argument, ...)`: it is ended with the check."""

    def __init__(self, *argv):
        self.process = subprocess.Popen([*map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()

    def figures(self, seconds):
        """The line that it prints at its end."""
        try:
            text, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the attacker does not end") from None
        if self.process.returncode != 0:
            raise Failure(f"the attacker failed: {text.strip()}")
        return text.strip()


def cpu(node):
    """Seconds of CPU that the node's process has used."""
    with open(f"/proc/{node.child.pid}/stat", encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
