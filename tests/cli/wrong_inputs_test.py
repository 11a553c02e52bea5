"""Wrong inputs, one a row: what was done, the exit code, and the words that must appear in the answer: what happened,
to what, and what to do. No answer shows a secret, none takes longer than PATIENCE, none is a crash.

The rows run side by side in folders of their own, before the tests; each test then judges one row. A row that needs
what is not there (another user, a mount, a clock that lies) is skipped with the reason, and unittest counts it.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

from support import COMMAND, Node, Place

PATIENCE = 20
SECRET = "correct horse battery"
KEY = "5" * 64
NOBODY = 65534
# A peer id that nobody has, of a key that is only ones.
SOMEBODY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


class World(Place):
    """The folder, the files and the processes of one row."""

    def __init__(self):
        self.settle_in("mw-")
        self.nodes, self.sockets, self.children = [], [], []
        self.user, self.prefix, self.stdout = None, [], subprocess.PIPE  # how commands are run
        self.news = None  # of the node that is asked again until it knows

    def make(self, name, mode=0o700):
        os.mkdir(self.path(name))
        os.chmod(self.path(name), mode)
        return self.path(name)

    def secret(self, text=SECRET):
        return self.write("secret", text)

    def run(self, argv):
        return subprocess.run([*self.prefix, COMMAND, *argv], env=self.env, user=self.user, stdin=subprocess.DEVNULL,
                              stdout=self.stdout, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)

    def node(self, name, *argv, env=None):
        """A running node in the group of SECRET, unless `argv` says otherwise; its line `ready`."""
        grouped = [] if "--group-secret-file" in argv else ["--group-secret-file", self.secret()]
        node = Node(["--name", name, "--listen", "127.0.0.1:0", *grouped, *argv], {**self.env, **(env or {})})
        self.nodes.append(node)
        ready = node.event("ready")
        node.event("joined")
        return ready

    def ungrouped(self, name):
        node = Node(["--name", name, "--listen", "127.0.0.1:0"], self.env)
        self.nodes.append(node)
        return node.event("ready")

    def status_of(self, name, *argv, env=None):
        """Starts a node and asks how it is, again at each of its news."""
        self.node(name, *argv, env=env)
        self.news = self.nodes[-1].news
        return ["status", "--name", name]

    def listen(self, name, answer, kind=socket.SOCK_STREAM):
        """A socket of something else, which answers each question so; with None it never does."""
        here = socket.socket(socket.AF_UNIX, kind)
        here.bind(self.path(name))
        self.sockets.append(here)
        if kind != socket.SOCK_STREAM:
            return self.path(name)
        here.listen(8)

        def serve():
            while answer is not None:
                try:
                    client, _ = here.accept()
                    client.recv(65536)
                    client.sendall(answer)
                    client.close()
                except OSError:
                    return
        threading.Thread(target=serve, daemon=True).start()
        return self.path(name)

    def as_another_user(self):
        """From now on commands run as somebody who owns nothing here. Who is not root has to lock himself out."""
        if os.geteuid() != 0:
            return
        self.user = NOBODY
        os.chmod(self.folder, 0o755)
        try:
            known = self.run(["version"]).returncode == 0
        except OSError:
            known = False
        if not known:
            raise unittest.SkipTest("another user can not run the command from where it was built")

    def on_a_full_disk(self):
        """From now on commands run where `full` is a disk of 16 KiB that holds `full/key` and is full."""
        self.make("full")
        self.write("key", KEY)
        script = ('mount -t tmpfs -o size=16k none "$1" && cp -p "$2" "$1/key" || exit 1; '
                  'head -c 65536 /dev/zero >"$1/filler" 2>/dev/null; shift 2; exec "$@"')
        mounts = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
        self.prefix = [*mounts, "sh", "-c", script, "sh", self.path("full"), self.path("key")]
        if shutil.which("unshare") is None or self.run(["version"]).returncode != 0:
            raise unittest.SkipTest("no mount of its own is allowed here")

    def lying_clock(self):
        """The environment of a process whose clock is two hours ahead."""
        if shutil.which("faketime") is None:
            raise unittest.SkipTest("faketime is not installed")
        shown = subprocess.run(["faketime", "-f", "+2h", "env"], capture_output=True, text=True, check=False).stdout
        library = re.search(r"(?m)^LD_PRELOAD=(.*)$", shown)
        env = {"LD_PRELOAD": library.group(1) if library else "", "FAKETIME": "+2h", "DONT_FAKE_MONOTONIC": "1",
               "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        if not library or subprocess.run([COMMAND, "version"], env={**self.env, **env}, capture_output=True,
                                         check=False).returncode != 0:
            raise unittest.SkipTest("this command can not run with another clock")
        return env

    def end(self):
        for node in self.nodes:
            node.put_away()
        for here in self.sockets:
            here.close()
        for child in self.children:
            child.kill()
            child.wait()
            child.stdout.close()
        if self.stdout is not subprocess.PIPE:
            self.stdout.close()
        self.clear_out()


@dataclass
class Row:
    done: str
    code: int
    what: str
    whom: str
    advice: str
    given: Callable  # prepares the world and returns the arguments of the command that answers


def row(done, code, what, whom, advice, given):
    return Row(done, code, what, whom, advice, given if callable(given) else lambda _: given)


def locked_secret(w):
    w.secret()
    w.as_another_user()
    if w.user is None:
        os.chmod(w.path("secret"), 0)
    return ["node", "--group-secret-file", w.path("secret")]


def key_in_a_locked_folder(w):
    w.make("locked", 0o755)
    w.as_another_user()
    if w.user is None:
        os.chmod(w.path("locked"), 0o500)
    return ["keygen", "--out", w.path("locked/new.key")]


def state_in_a_locked_folder(w):
    key = w.write("node.key", KEY)
    w.env["XDG_RUNTIME_DIR"] = w.make("mine")
    w.as_another_user()
    if w.user is None:
        os.chmod(w.folder, 0o500)
    else:
        os.chown(key, NOBODY, NOBODY)
        os.chown(w.path("mine"), NOBODY, NOBODY)
    return ["node", "--listen", "127.0.0.1:0", "--secret-key-file", key]


def somebody_elses_socket(w):
    path = w.node("a")["control"]
    w.as_another_user()
    if w.user is None:
        os.chmod(path, 0)
    else:
        os.chmod(os.path.dirname(path), 0o755)
    return ["status", "--control", path]


def squatted_place(argv):
    """Another user has made the directory of the control sockets before us."""
    def prepare(w):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can give a directory away")
        os.chown(w.make("mosaik"), NOBODY, NOBODY)
        return argv
    return prepare


def linked_place(argv):
    def prepare(w):
        w.make("elsewhere")
        os.symlink(w.path("elsewhere"), w.path("mosaik"))
        return argv
    return prepare


FORGER = r"""
import os, socket, sys
os.setuid(int(sys.argv[2]))
here = socket.socket(socket.AF_UNIX)
here.bind(sys.argv[1])
here.listen(1)
print("ready", flush=True)
client, _ = here.accept()
client.recv(65536)
client.sendall(b'HTTP/1.1 200 OK\r\nServer: mosaik\r\nContent-Length: 2\r\n\r\n{}')
"""


def forged_node(argv):
    """Another user listens where the node of this user should be, and answers like one."""
    def prepare(w):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can become another user")
        os.chmod(w.folder, 0o777)
        path = w.path("forged.sock")
        child = subprocess.Popen([sys.executable, "-c", FORGER, path, str(NOBODY)], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        w.children.append(child)
        child.stdout.readline()
        return [*argv, "--control", path]
    return prepare


def key_on_a_full_disk(w):
    w.on_a_full_disk()
    return ["keygen", "--out", w.path("full/new.key")]


def key_in_use(w):
    w.node("a", "--secret-key-file", w.write("node.key", KEY))
    return ["node", "--secret-key-file", w.path("node.key"), "--name", "b"]


def copied_key(w):
    a = w.node("a")
    argv = w.status_of("first", "--secret-key-file", w.write("first.key", KEY), "--bootstrap", a["contact"])
    w.nodes[-1].wait(lambda line: line["event"] == "bond_up")  # so that it is surely the older of the two
    w.node("second", "--secret-key-file", w.write("second.key", KEY), "--bootstrap", a["contact"])
    return argv


def port_in_use(w):
    return ["node", "--name", "b", "--listen", w.node("a")["addrs"][0]]


def dead_socket(w):
    # It never listens: what other threads start at this moment holds a copy until exec, and could keep it alive.
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(w.path("dead.sock"))
    return ["status", "--control", w.path("dead.sock")]


def to_dev_full(w):
    w.stdout = open("/dev/full", "w", encoding="utf-8")
    return ["version"]


def with_env(argv, **env):
    def given(w):
        w.env.update(env)
        return argv
    return given


def with_node(*argv):
    def given(w):
        w.node("a")
        return list(argv)
    return given


def wrong_id(w):
    return w.status_of("b", "--bootstrap", SOMEBODY + "@" + w.node("a")["addrs"][0])


def ourselves(w):
    key = w.path("node.key")
    told = subprocess.run([COMMAND, "keygen", "--out", key], capture_output=True, text=True, check=True).stdout.strip()
    return w.status_of("b", "--secret-key-file", key, "--bootstrap", told + "@127.0.0.1:4433")


def config(text):
    return lambda w: ["node", "--config", w.write("node.toml", text)]


def damaged_state(w):
    w.write("node.key", KEY)
    w.write("node.key.state", "nonsense\n")
    return w.status_of("b", "--secret-key-file", w.path("node.key"))


def state_is_a_directory(w):
    w.write("node.key", KEY)
    w.make("node.key.state")
    return ["node", "--secret-key-file", w.path("node.key")]


def state_is(make):
    def prepare(w):
        w.write("node.key", KEY)
        make(w.path("node.key.state"))
        return ["node", "--secret-key-file", w.path("node.key")]
    return prepare


def future_state(w):
    w.write("node.key", KEY)
    w.write("node.key.state", "mosaik state 1\nstarted 9223372036854775807\n")
    return w.status_of("b", "--secret-key-file", w.path("node.key"))


def two_nodes(w):
    w.node("x")
    w.node("y")
    return ["members"]


def ungrouped(w):
    w.ungrouped("a")
    return ["kv", "put", "colour", "blue"]


def bootstrap(contact):
    return ["node", "--bootstrap", contact]


def meets(*argv):
    """A node that does not fit to the one it is pointed at."""
    return lambda w: w.status_of("b", "--bootstrap", w.node("a")["contact"], *argv)


def meets_with_another_secret(w):
    contact = w.node("a")["contact"]
    return w.status_of("b", "--group-secret-file", w.write("other", "another secret"), "--bootstrap", contact)


def meets_with_another_clock(w):
    env = w.lying_clock()
    return w.status_of("b", "--bootstrap", w.node("a")["contact"], env=env)


LONG = "x" * 120
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

ROWS = [
    # the secret key
    row("damaged key file", 1, "is damaged", "bad.key", "restore it from a backup",
        lambda w: ["node", "--secret-key-file", w.write("bad.key", "55555")]),
    row("key file that others can read", 1, "readable by everyone", "open.key", "chmod 600",
        lambda w: ["node", "--secret-key-file", w.write("open.key", KEY, 0o644)]),
    row("directory as key file", 1, "is not a file", "dir", "name a file",
        lambda w: ["node", "--secret-key-file", w.make("dir")]),
    row("key file in a folder that is not there", 1, "cannot be created", "no/where/key", "mkdir -p",
        lambda w: ["node", "--secret-key-file", w.path("no/where/key")]),
    row("keygen over a key that is there", 1, "exists already", "old.key", "move it away",
        lambda w: ["keygen", "--out", w.write("old.key", KEY)]),
    row("keygen without its flag", 64, "can not take 'new.key'", "mosaik keygen", "--help", ["keygen", "new.key"]),
    row("key file of a running node", 1, "in use by another node", "node.key", "a file of its own", key_in_use),
    row("a copy of the key of a running node", 1, "another node runs with our key", "is not bonded", "if that stays",
        copied_key),
    row("key in a folder without permission", 1, "Permission denied", "new.key", "where this user may write",
        key_in_a_locked_folder),
    row("key on a full disk", 1, "No space left on device", "full/new.key", "make room", key_on_a_full_disk),
    # the secret of the group
    row("missing secret file", 1, "does not exist", "nothing", "create it",
        lambda w: ["node", "--group-secret-file", w.path("nothing")]),
    row("secret file that its group can read", 1, "readable by its group", "secret", "chmod 600",
        lambda w: ["node", "--group-secret-file", w.write("secret", SECRET, 0o640)]),
    row("secret file without permission", 1, "Permission denied", "secret", "may read", locked_secret),
    row("empty secret file", 1, "is empty", "secret", "write the secret into it",
        lambda w: ["node", "--group-secret-file", w.secret("\n")]),
    row("directory as secret file", 1, "is not a file", "dir", "name a file",
        lambda w: ["node", "--group-secret-file", w.make("dir")]),
    row("something large as secret file", 1, "is longer than", "large", "name the right file",
        lambda w: ["node", "--group-secret-file", w.write("large", "x" * 5_000_000)]),
    row("empty name of the secret file", 64, "is empty", "--group-secret-file", "name the file",
        ["node", "--group-secret-file", ""]),
    row("empty secret in the environment", 1, "is empty", "MOSAIK_GROUP_SECRET", "unset it",
        with_env(["node"], MOSAIK_GROUP_SECRET="")),
    row("secret on the command line", 64, "everybody on this computer can read", "--group-secret",
        "--group-secret-file",
        ["node", "--group-secret", SECRET]),
    row("secret on the command line behind =", 64, "everybody on this computer can read", "--secret", "chmod 600",
        ["node", "--secret=" + SECRET]),
    row("secret in the configuration", 64, "holds a group secret", "node.toml", "a file of its own",
        config(f'group-secret = "{SECRET}"\n')),
    # the configuration
    row("missing configuration", 1, "can not read", "nothing.toml", "--config",
        lambda w: ["node", "--config", w.path("nothing.toml")]),
    row("directory as configuration", 1, "can not read", "dir", "--config",
        lambda w: ["node", "--config", w.make("dir")]),
    row("damaged configuration", 64, "is no TOML", "node.toml", "line 2", config('network = "x"\nname = \n')),
    row("unknown setting", 64, "unknown setting", "colour", "mosaik node --help", config('colour = "red"\n')),
    row("setting of a wrong kind", 64, "is no time", "'heartbeat' in", "write 500ms", config("heartbeat = 500\n")),
    row("wrong setting in the environment", 64, "is no time", "MOSAIK_HEARTBEAT", "write 500ms",
        with_env(["node"], MOSAIK_HEARTBEAT="soon")),
    # words and flags
    row("unknown verb", 64, "no verb 'nod'", "mosaik", "did you mean 'node'?", ["nod"]),
    row("unknown flag", 64, "no flag --nam", "mosaik status", "did you mean '--name'?", ["status", "--nam", "x"]),
    row("unknown flag that is near to none", 64, "no flag --colour", "mosaik node", "--help",
        ["node", "--colour", "red"]),
    row("flag without its value", 64, "needs a value", "--name", "LABEL", ["node", "--name"]),
    row("flag twice", 64, "given 2 times", "--network", "give it once", ["node", "--network", "a", "--network", "b"]),
    row("word too many", 64, "can not take 'x'", "mosaik status", "--help", ["status", "x"]),
    row("verb without its verb", 64, "needs one of", "mosaik counter", "add, get", ["counter"]),
    row("verb without its arguments", 64, "needs KEY", "mosaik kv put", "mosaik kv put --help", ["kv", "put"]),
    row("verb without its last argument", 64, "needs VALUE", "mosaik kv put", "--help", ["kv", "put", "colour"]),
    row("number that is none", 64, "is no number", "'many'", "write a whole one", ["counter", "add", "many"]),
    row("number that does not fit", 64, "is no number", "99999999999", "write a whole one",
        ["counter", "add", "99999999999"]),
    row("unknown shell", 64, "tcsh", "SHELL", "{bash,zsh,fish}", ["completion", "tcsh"]),
    row("demo of too many", 64, "1000", "--nodes", "3 to 64", ["demo", "--nodes", "1000"]),
    row("commands without JSON", 64, "needs --json", "--commands", "add --json", ["node", "--commands"]),
    row("name that is a path", 64, "is no name", "'../x'", "letters, digits", ["status", "--name", "../x"]),
    row("output to a full device", 1, "No space left on device", "standard output", "send it elsewhere", to_dev_full),
    # times and counts
    row("negative time", 64, "is no time", "--heartbeat: '-1s'", "write 500ms", ["node", "--heartbeat", "-1s"]),
    row("time without a unit", 64, "is no time", "--election-timeout: '500'", "write 500ms",
        ["node", "--election-timeout", "500"]),
    row("heartbeat of nothing", 64, "must be between", "heartbeat interval", "10 ms and 60 s",
        ["node", "--heartbeat", "0ms"]),
    row("jitter beyond the heartbeat", 64, "must be between", "heartbeat jitter", "the heartbeat interval",
        ["node", "--heartbeat-jitter", "5s"]),
    row("negative count", 64, "is no whole number", "--max-missed", "'-1'", ["node", "--max-missed", "-1"]),
    row("no heartbeat may be missed", 64, "must be", "max missed heartbeats", "at least 1",
        ["node", "--max-missed", "0"]),
    row("floor that no group reaches", 64, "can never be reached", "quorum floor 100000", "more than half",
        ["node", "--machine", "kv", "--quorum-floor", "100000"]),
    row("supervision without a key file", 64, "would be another peer", "--supervise", "--secret-key-file",
        ["node", "--supervise"]),
    row("floor without a machine", 64, "about a machine", "--quorum-floor", "add --machine",
        ["node", "--quorum-floor", "2"]),
    row("floor beyond the members that run", 2, "no quorum", "fewer than 3 members", "start more",
        lambda w: w.status_of("b", "--machine", "kv", "--quorum-floor", "3", "--bootstrap-delay", "0s")),
    row("patience of nothing", 64, "must be between", "--timeout", "1ms and 10min",
        ["counter", "get", "--timeout", "0s"]),
    # addresses
    row("port in use", 1, "address already in use", "127.0.0.1:", "choose another --listen port", port_in_use),
    row("address of another computer", 64, "no interface of this computer", "192.0.2.1:4433", "choose another --listen",
        ["node", "--listen", "192.0.2.1:4433"]),
    row("address without a port", 64, "is no address", "'127.0.0.1'", "write IP:PORT",
        ["node", "--listen", "127.0.0.1"]),
    row("name to listen on", 64, "is no address", "'localhost:4433'", "names are not resolved",
        ["node", "--listen", "localhost:4433"]),
    row("two addresses of a family", 64, "second address of its family", "127.0.0.2:0", "at most one IPv4",
        ["node", "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"]),
    row("address that nobody can dial", 64, "cannot be dialed", "0.0.0.0:4433", "that others can reach",
        ["node", "--advertise", "0.0.0.0:4433"]),
    row("bootstrap with an id alone", 64, "is a peer id without an address", SOMEBODY, "write PEERID@HOST",
        bootstrap(SOMEBODY)),
    row("bootstrap with half an id", 64, "is no peer id", "abc@", "64 hexadecimal digits",
        bootstrap("abc@127.0.0.1:4433")),
    row("bootstrap with a bad port", 64, "has the port '99999'", ":99999", "1 to 65535",
        bootstrap(SOMEBODY + "@127.0.0.1:99999")),
    row("bootstrap with port 0", 64, "has the port '0'", "host:0", "1 to 65535", bootstrap("host:0")),
    row("bootstrap with an empty port", 64, "no port behind its colon", "'host:'", "1 to 65535", bootstrap("host:")),
    row("bootstrap that is no contact", 64, "names the host", "'no_host!'", "letters, digits", bootstrap("no_host!")),
    row("bootstrap of IPv6 and a port without brackets", 64, "may end with a port or not", "2001:db8::7:4433",
        "write [2001:db8::7]:4433", bootstrap("2001:db8::7:4433")),
    row("bootstrap of a link-local address", 64, "on one link only", "fe80::1", "name the interface",
        bootstrap("[fe80::1]:4433")),
    row("bootstrap of an address as a service", 64, "as a service", "192.0.2.7", "without 'dns:'",
        bootstrap("dns:192.0.2.7")),
    row("bootstrap of a service without a name", 64, "names no host", "'dns:'", "dns:NAME", bootstrap("dns:")),
    row("bootstrap of one peer of a service", 64, "one peer of a service", "@dns:", "write dns:NAME",
        bootstrap(SOMEBODY + "@dns:group.example")),
    row("bootstrap with a name of nobody", 0, "its name was not resolved", "nobody.invalid:4433", "tried again",
        lambda w: w.status_of("b", "--bootstrap", SOMEBODY + "@nobody.invalid:4433")),
    row("bootstrap where nobody listens", 0, "no one listens", "127.0.0.1:9", "start it",
        lambda w: w.status_of("b", "--bootstrap", SOMEBODY + "@127.0.0.1:9")),
    row("bootstrap with the id of another", 0, "another key", SOMEBODY[:10], "compare the id", wrong_id),
    row("bootstrap is the node itself", 0, "this node itself", "bootstrap peer", "contact of another node", ourselves),
    row("no bootstrap at all", 0, "no bootstrap peer was given", "b  alone", "give it one: HOST or PEERID@HOST:PORT",
        lambda w: w.status_of("b")),
    # others that do not fit
    row("another secret", 0, "another group secret", "1 peer of this network", "compare them",
        meets_with_another_secret),
    row("another network", 0, "of another network", "ours is", "compare the network names",
        meets("--network", "elsewhere")),
    row("another heartbeat", 0, "other heartbeat settings", "1 peer of this network", "compare them",
        meets("--heartbeat", "400ms")),
    row("another machine", 2, "another machine", "1 peer of this network", "compare them", meets("--machine", "kv")),
    row("clock off by two hours", 0, "clock", "peer ", "compare", meets_with_another_clock),
    # the control socket
    row("socket path too long", 64, "must have 1 to 107", LONG, "--control",
        lambda w: ["node", "--control", "/tmp/" + LONG]),
    row("file in place of the socket", 1, "is no socket", "notes", "--control",
        lambda w: ["node", "--control", w.write("notes", "precious")]),
    row("directory in place of the socket", 1, "is no socket", "dir", "--control",
        lambda w: ["node", "--control", w.make("dir")]),
    row("no place for the socket", 1, "can not make the directory", "/proc/no/mosaik", "--control",
        with_env(["node"], XDG_RUNTIME_DIR="/proc/no")),
    row("place of the socket open to others", 1, "can be written by others", "mosaik", "--control",
        lambda w: (w.make("mosaik", 0o777), ["node"])[1]),
    row("place of the socket of another user", 1, "belongs to another user (uid 65534", "mosaik'", "--control",
        squatted_place(["node"])),
    row("place of the socket is a link", 1, "is a symbolic link", "mosaik'", "remove it", linked_place(["node"])),
    row("node asked in the place of another user", 3, "belongs to another user (uid 65534", "mosaik'", "--control",
        squatted_place(["status", "--name", "s"])),
    row("key given in the place of another user", 1, "belongs to another user (uid 65534", "mosaik'", "--control",
        squatted_place(["kv", "put", "mykey", SECRET, "--name", "s"])),
    row("node looked for in the place of another user", 3, "belongs to another user (uid 65534", "mosaik'",
        "--control", squatted_place(["status"])),
    row("node asked in an open place", 3, "can be written by others (mode 0777)", "mosaik'", "chmod 700",
        lambda w: (w.make("mosaik", 0o777), ["status", "--name", "s"])[1]),
    row("node asked in a linked place", 3, "is a symbolic link", "mosaik'", "remove it",
        linked_place(["status", "--name", "s"])),
    row("node forged by another user", 3, "another user (uid 65534)", "forged.sock", "nothing was sent",
        forged_node(["status"])),
    row("key given to a forged node", 1, "another user (uid 65534)", "forged.sock", "nothing was sent",
        forged_node(["kv", "put", "mykey", SECRET])),
    row("name of a running node", 1, "a node is running", "a.sock", "--name", with_node("node", "--name", "a")),
    row("no node runs", 3, "no node is running", "mosaik", "start one with 'mosaik node'", ["status"]),
    row("no node of this name", 3, "no node is running", "b.sock", "running here: --name a",
        with_node("status", "--name", "b")),
    row("several nodes run", 64, "2 nodes are running", "--name x", "say which one", two_nodes),
    row("dead control socket", 3, "no node is running", "dead.sock", "start one", dead_socket),
    row("file as control socket", 3, "is no control socket", "notes", "--control",
        lambda w: ["status", "--control", w.write("notes", "precious")]),
    row("datagram socket as control socket", 3, "is no control socket", "d.sock", "--control",
        lambda w: ["status", "--control", w.listen("d.sock", None, socket.SOCK_DGRAM)]),
    row("socket of something mute", 3, "no answer", "mute.sock", "look at it",
        lambda w: ["status", "--control", w.listen("mute.sock", None)]),
    row("socket of another web server", 3, "is no mosaik node", "web.sock", "give the path",
        lambda w: ["status", "--control", w.listen("web.sock", HTTP)]),
    row("socket of something that speaks otherwise", 1, "is no mosaik node", "ssh.sock", "give the path",
        lambda w: ["leave", "--control", w.listen("ssh.sock", b"SSH-2.0-x\r\n")]),
    row("control socket of another user", 3, "Permission denied", "a.sock", "run as its owner", somebody_elses_socket),
    # machines
    row("key for a node without a machine", 1, "has no machine", "this node's group", "--machine kv",
        with_node("kv", "put", "colour", "blue")),
    row("number for a node with another machine", 1, "another machine", "kv, not counter", "group",
        lambda w: (w.node("a", "--machine", "kv"), ["counter", "add"])[1]),
    row("key for a node without a group", 1, "is in no group", "this node", "--group-secret-file", ungrouped),
    row("unknown machine", 64, "is none of", "--machine: 'turing'", "noop, counter, kv",
        ["node", "--machine", "turing"]),
    row("empty key", 64, "this one has 0", "a key", "1 to 1024 bytes", ["kv", "get", ""]),
    row("key too long", 64, "this one has 2000", "a key", "1 to 1024 bytes", ["kv", "put", "x" * 2000, "v"]),
    # the state file
    row("damaged state file", 0, "is of another kind or release", "node.key.state", "will be replaced", damaged_state),
    row("directory as state file", 1, "is no state file", "node.key.state", "move it away", state_is_a_directory),
    row("FIFO as state file", 1, "is no state file but a FIFO", "node.key.state", "move it away", state_is(os.mkfifo)),
    row("link as state file", 1, "is no state file but a symbolic link", "node.key.state", "move it away",
        state_is(lambda path: os.symlink("/etc/passwd", path))),
    row("state from the future", 0, "later than this computer's clock", "node.key.state", "is left out", future_state),
    row("FIFO as key file", 1, "is not a file but a FIFO", "pipe", "name a file",
        lambda w: (os.mkfifo(w.path("pipe"), 0o600), ["node", "--secret-key-file", w.path("pipe")])[1]),
    row("FIFO as secret file", 1, "is not a file but a FIFO", "pipe", "name a file",
        lambda w: (os.mkfifo(w.path("pipe"), 0o600), ["node", "--group-secret-file", w.path("pipe")])[1]),
    row("state file without permission", 1, "Permission denied", "node.key.state", "may read and write",
        state_in_a_locked_folder),
]


@dataclass
class Answer:
    code: int = -1
    text: str = ""
    skipped: str = ""
    failed: str = ""


def has_all(given, answer):
    return answer.code == given.code and all(word in answer.text for word in (given.what, given.whom, given.advice))


def ask(given):
    """Does what the row does. A running node is asked again at each of its news until it knows."""
    world, answer = World(), Answer()
    deadline = time.monotonic() + PATIENCE
    try:
        argv = given.given(world)
        while True:
            done = world.run(argv)
            answer.code, answer.text = done.returncode, (done.stdout or "") + done.stderr
            if world.news is None or has_all(given, answer) or time.monotonic() > deadline:
                break
            with world.news:
                world.news.wait(0.25)
    except unittest.SkipTest as reason:
        answer.skipped = str(reason)
    except subprocess.TimeoutExpired:
        answer.failed = f"no answer within {PATIENCE} s"
    except (AssertionError, OSError) as error:
        answer.failed = str(error)
    finally:
        world.end()
    return answer


class WrongInputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with ThreadPoolExecutor(8) as pool:
            cls.answers = dict(zip((given.done for given in ROWS), pool.map(ask, ROWS)))

    def judge(self, given):
        answer = self.answers[given.done]
        if answer.skipped:
            self.skipTest(answer.skipped)
        self.assertEqual(answer.failed, "")
        self.assertEqual(answer.code, given.code, answer.text)
        for kind, words in (("what happened", given.what), ("to what", given.whom), ("what to do", given.advice)):
            self.assertIn(words, answer.text, kind)
        for hidden in (SECRET, KEY, "terminate called"):
            self.assertNotIn(hidden, answer.text)

    def test_each_row_stands_for_itself(self):
        self.assertGreaterEqual(len(ROWS), 30)
        self.assertEqual(len({given.done for given in ROWS}), len(ROWS))


for number, entry in enumerate(ROWS, 1):
    name = f"test_{number:02}_" + re.sub(r"[^a-z]+", "_", entry.done.lower())
    setattr(WrongInputs, name, lambda self, entry=entry: self.judge(entry))


if __name__ == "__main__":
    unittest.main()
