#!/usr/bin/env python3
"""The layer check finds each kind of breach, where it is, and nothing in a tree without one."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import check_layers  # noqa: E402

GOOD = {
    "include/mosaik/types/id.hpp": "#pragma once\n#include <array>\n",
    "include/mosaik/types/bytes.hpp": "#pragma once\n#include <mosaik/types/id.hpp>\n",
    "src/base/now.hpp": "#pragma once\n#include <chrono>\n",
    "src/base/clock.cpp": '#include <time.h>\n#include "base/now.hpp"\n',
    "src/types/id.cpp": "#include <mosaik/types/id.hpp>\n",
    "src/wire/frame.hpp": '#pragma once\n#include <mosaik/types/bytes.hpp>\n#include "base/now.hpp"\n',
    "src/crypto/hash.hpp": "#pragma once\n#include <mosaik/types/id.hpp>\n",
    "src/crypto/hash.cpp": '#include "crypto/hash.hpp"\n#include <sodium.h>\n',
    "src/link/link.hpp": '#pragma once\n#include "wire/frame.hpp"\n',
    "src/transport/quic/tls.hpp": "#pragma once\n#include <gnutls/gnutls.h>\n",
    "src/transport/quic/endpoint.hpp": '#pragma once\n#include "link/link.hpp"\n',
    "src/transport/quic/endpoint.cpp": '#include "transport/quic/endpoint.hpp"\n#include <netinet/in.h>\n#include "transport/quic/tls.hpp"\n',
    "src/identity/entry.hpp": '#pragma once\n#include "wire/frame.hpp"\n#include "crypto/hash.hpp"\n',
    "src/bonds/mesh.hpp": '#pragma once\n#include "identity/entry.hpp"\n#include "link/link.hpp"\n',
    "src/discovery/catalog.hpp": '#pragma once\n#include "identity/entry.hpp"\n',
    "src/consensus/dynamic/engine.hpp": '#pragma once\n#include "base/now.hpp"\n',
    "src/groups/group.hpp": '#pragma once\n#include "bonds/mesh.hpp"\n#include "consensus/dynamic/engine.hpp"\n',
    "src/transport/udp/socket.hpp": '#pragma once\n#include "base/now.hpp"\n',
    "src/detector/failure_detector.hpp": '#pragma once\n#include "base/now.hpp"\n',
    "src/node/node.hpp": '#pragma once\n#include "bonds/mesh.hpp"\n#include "transport/quic/endpoint.hpp"\n',
    "src/runtime/loop.hpp": '#pragma once\n#include "node/node.hpp"\n',
    "src/runtime/loop.cpp": '#include "runtime/loop.hpp"\n#include <thread>\n',
    "include/mosaik/network.hpp": "#pragma once\n#include <mosaik/types/id.hpp>\n",
    "src/api/network.cpp": '#include <mosaik/network.hpp>\n#include "runtime/loop.hpp"\n',
    "src/posix/descriptor.hpp": "#pragma once\n",
    "extras/control/session.hpp": "#pragma once\n#include <boost/asio.hpp>\n",
    "extras/control/json.hpp": "#pragma once\n#include <mosaik/network.hpp>\n",
    "extras/control/server.cpp": '#include "control/json.hpp"\n#include "control/session.hpp"\n#include "posix/descriptor.hpp"\n',
    "sim/world/world.cpp": '#include "node/node.hpp"\n',
    "sim/hostile/raw_peer.cpp": '#include <gnutls/gnutls.h>\n#include "transport/quic/tls.hpp"\n',
    "examples/counter.cpp": "#include <mosaik/types/id.hpp>\n",
    "apps/mosaik/view/output.hpp": "#pragma once\n",
    "apps/mosaik/main.cpp": '#include <CLI/CLI.hpp>\n#include <mosaik/network.hpp>\n#include "control/json.hpp"\n#include "view/output.hpp"\n',
    "apps/mosaik-sim/main.cpp": "#include <CLI/CLI.hpp>\n",
}


class CheckLayers(unittest.TestCase):
    def breaches(self, extra=None):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **(extra or {})}.items():
                if text is None:
                    continue
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_layers.check(Path(folder)).breaches

    def finds(self, extra, start, *words):
        found = self.breaches(extra)
        match = [text for text in found if text.startswith(start) and all(word in text for word in words)]
        self.assertTrue(match, f"no breach starts with {start!r} and has {words}; found: {found}")

    def test_a_good_tree_has_no_breach(self):
        self.assertEqual(self.breaches(), [])

    def test_a_room_may_not_look_up(self):
        self.finds({"src/base/bad.hpp": '#pragma once\n\n#include "wire/frame.hpp"\n'}, "src/base/bad.hpp:3: law rooms:", "wire/frame.hpp")

    def test_a_detector_does_not_see_discovery(self):
        self.finds({"src/detector/bad.hpp": '#include "discovery/catalog.hpp"\n'}, "src/detector/bad.hpp:1: law rooms:")

    def test_bonds_see_the_link_header_but_not_the_endpoint(self):
        self.finds({"src/bonds/bad.cpp": '#include "transport/quic/endpoint.hpp"\n'}, "src/bonds/bad.cpp:1: law rooms:", "transport/quic/endpoint.hpp")

    def test_what_comes_through_another_header_counts(self):
        extra = {
            "src/link/link.hpp": '#pragma once\n#include "transport/quic/endpoint.hpp"\n',
            "src/transport/quic/endpoint.hpp": '#pragma once\n#include "wire/frame.hpp"\n',
        }
        self.finds(extra, "src/bonds/mesh.hpp:3: law rooms:", "transport/quic/endpoint.hpp", "through src/link/link.hpp")

    def test_two_cores_do_not_meet(self):
        extra = {"src/discovery/catalog.hpp": "#pragma once\n", "src/bonds/bad.hpp": '#include "discovery/catalog.hpp"\n'}
        self.finds(extra, "src/bonds/bad.hpp:1: law rooms:")

    def test_a_quoted_file_must_exist(self):
        self.finds({"src/base/bad.cpp": '#include "base/gone.hpp"\n'}, "src/base/bad.cpp:1: law rooms:", "no file of this tree")

    def test_sodium_is_for_the_sources_of_crypto(self):
        self.finds({"src/crypto/bad.hpp": "#include <sodium.h>\n"}, "src/crypto/bad.hpp:1: law third-party:")
        self.finds({"src/identity/bad.cpp": "#include <sodium.h>\n"}, "src/identity/bad.cpp:1: law third-party:")

    def test_ngtcp2_and_gnutls_stay_in_quic(self):
        self.finds({"src/bonds/bad.cpp": "#include <ngtcp2/ngtcp2.h>\n"}, "src/bonds/bad.cpp:1: law third-party:")
        self.finds({"src/runtime/bad.cpp": "#include <gnutls/crypto.h>\n"}, "src/runtime/bad.cpp:1: law third-party:")

    def test_attackers_see_what_quic_hides_and_nothing_above(self):
        self.finds({"sim/hostile/x.cpp": '#include "node/node.hpp"\n'}, "sim/hostile/x.cpp:1: law rooms", "node/node.hpp")

    def test_a_header_for_other_rooms_hides_its_library(self):
        self.finds({"src/link/link.hpp": "#pragma once\n#include <gnutls/gnutls.h>\n"}, "src/link/link.hpp:2: law interface:")
        through = {"src/link/link.hpp": '#pragma once\n#include "transport/quic/tls.hpp"\n'}
        self.finds(through, "src/transport/quic/tls.hpp:2: law interface:")

    def test_boost_is_for_the_control_socket(self):
        self.finds({"src/node/bad.cpp": "#include <boost/json.hpp>\n"}, "src/node/bad.cpp:1: law third-party:")
        self.finds({"src/api/bad.cpp": "#include <boost/json.hpp>\n"}, "src/api/bad.cpp:1: law third-party:")
        self.finds({"apps/mosaik/bad.cpp": "#include <boost/json.hpp>\n"}, "apps/mosaik/bad.cpp:1: law third-party:")

    def test_extras_stand_on_the_public_face(self):
        self.finds({"extras/control/bad.cpp": '#include "runtime/loop.hpp"\n'}, "extras/control/bad.cpp:1: law rooms:")
        self.finds({"src/posix/bad.hpp": "#include <mosaik/network.hpp>\n"}, "src/posix/bad.hpp:1: law rooms:")
        self.finds({"src/api/bad.cpp": '#include "control/json.hpp"\n'}, "src/api/bad.cpp:1: law rooms:")

    def test_the_command_sees_the_public_face_and_control_without_boost(self):
        self.finds({"apps/mosaik/bad.cpp": '#include "base/now.hpp"\n'}, "apps/mosaik/bad.cpp:1: law rooms:")
        self.finds({"apps/mosaik/bad.cpp": '#include "control/session.hpp"\n'}, "extras/control/session.hpp:2: law interface:")

    def test_formatting_libraries_are_for_the_command(self):
        self.finds({"src/runtime/bad.cpp": "#include <fmt/format.h>\n"}, "src/runtime/bad.cpp:1: law third-party:")
        self.finds({"src/api/bad.cpp": "#include <toml++/toml.h>\n"}, "src/api/bad.cpp:1: law third-party:")

    def test_a_library_that_nobody_agreed_on_is_found(self):
        self.finds({"src/transport/udp/bad.cpp": "#include <uv.h>\n"}, "src/transport/udp/bad.cpp:1: law third-party:", "no known library")

    def test_public_headers_stand_on_the_standard_library(self):
        self.finds({"include/mosaik/bad.hpp": "#include <sys/socket.h>\n"}, "include/mosaik/bad.hpp:1: law public:")
        self.finds({"include/mosaik/bad.hpp": '#include "base/now.hpp"\n'}, "include/mosaik/bad.hpp:1: law rooms:")

    def test_examples_use_what_users_have(self):
        self.finds({"examples/counter.cpp": '#include "base/now.hpp"\n'}, "examples/counter.cpp:1: law rooms:")

    def test_a_core_does_no_io(self):
        self.finds({"src/bonds/bad.cpp": "#include <sys/socket.h>\n"}, "src/bonds/bad.cpp:1: law sans-io:")
        self.finds({"src/transport/quic/bad.cpp": "#include <unistd.h>\n"}, "src/transport/quic/bad.cpp:1: law sans-io:")
        self.finds({"src/node/bad.cpp": "#include <mutex>\n"}, "src/node/bad.cpp:1: law sans-io:")

    def test_a_core_reads_no_clock(self):
        text = "#include <chrono>\nauto t = std::chrono::steady_clock::now();\n"
        self.finds({"src/detector/bad.cpp": text}, "src/detector/bad.cpp:2: law sans-io:", "steady_clock")
        self.assertEqual(self.breaches({"src/detector/good.cpp": "// never steady_clock::now()\n"}), [])

    def test_a_room_without_a_row_is_found(self):
        self.finds({"src/attic/old.cpp": "#include <array>\n"}, "src/attic:1: law table:")

    def test_a_row_without_a_room_is_found(self):
        self.finds({"src/transport/udp/socket.hpp": None}, "tools/check_layers.py:1: law table:", "'transport/udp'")
        self.finds({"examples/counter.cpp": None}, "tools/check_layers.py:1: law table:", "'examples'")

    def test_only_the_simulators_own_command_sees_it(self):
        world = {"sim/world/world.hpp": "#pragma once\n"}
        self.assertEqual(self.breaches({**world, "apps/mosaik-sim/main.cpp": '#include "sim/world/world.hpp"\n'}), [])
        self.finds({**world, "apps/mosaik/main.cpp": '#include "sim/world/world.hpp"\n'}, "apps/mosaik/main.cpp:1: law rooms:")

    def test_the_simulator_sees_the_node(self):
        self.assertEqual(self.breaches({"sim/world/world.cpp": '#include "node/node.hpp"\n'}), [])
        self.finds({"sim/world/world.cpp": '#include "runtime/loop.hpp"\n'}, "sim/world/world.cpp:1: law rooms:")


if __name__ == "__main__":
    unittest.main()
