// A program of somebody else that opens a control socket: it has only the installed headers and libraries.
#include <mosaik/control.hpp>
#include <mosaik/mosaik.hpp>

#include <unistd.h>

#include <filesystem>
#include <iostream>

int main() {
  const std::string path = "/tmp/mosaik-consumer-" + std::to_string(::getpid()) + "/node.sock";
  auto network = mosaik::Network::open({.network = "consumer", .listen = {"127.0.0.1:0"}});
  if (!network) return std::cerr << network.error().message << '\n', 1;
  const auto server = mosaik::ControlServer::open(*network, {.path = path});
  if (!server) return std::cerr << server.error().message << '\n', 1;
  const bool there = std::filesystem::exists(path);
  const auto second = mosaik::ControlServer::open(*network, {.path = path});
  std::cout << mosaik::control_library_versions() << (second ? "opened" : second.error().message) << '\n';
  return there && !second ? 0 : 1;
}
