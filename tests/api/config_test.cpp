#include "api/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/contact.hpp"
#include "base/limits.hpp"

namespace mosaik::api {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// The public key of RFC 8032's first test vector.
const std::string id = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

SocketAddress address(std::string_view text) {
  return SocketAddress::parse(text).value();
}

std::string message_of(const NetworkConfig& config) {
  const auto settings = parse_settings(config);
  return settings ? "accepted" : std::string(to_string(settings.error().code)) + ": " + settings.error().message;
}

TEST(Contact, has_an_id_a_host_and_a_port) {
  const auto by_name = parse_contact("bootstrap", id + "@node-1.example:4433");
  ASSERT_TRUE(by_name) << by_name.error().message;
  EXPECT_EQ(by_name->id.hex(), id);
  EXPECT_EQ(by_name->host, "node-1.example");
  EXPECT_EQ(by_name->port, 4433);
  EXPECT_FALSE(by_name->service);
  const auto by_v6 = parse_contact("bootstrap", id + "@[2001:db8::7]:1");
  ASSERT_TRUE(by_v6) << by_v6.error().message;
  EXPECT_EQ(by_v6->host, "2001:db8::7");
  EXPECT_EQ(by_v6->port, 1);
}

TEST(Contact, may_be_without_id_and_port) {
  struct Case {
    std::string text;
    std::string host;
    std::uint16_t port = default_port;
    bool service = false;
    bool has_id = false;
  };
  for (const Case& each : std::vector<Case>{
           {"node-1", "node-1"},
           {"node_1.internal.", "node_1.internal."},
           {"node-1:4433", "node-1", 4433},
           {"192.0.2.7", "192.0.2.7"},
           {"192.0.2.7:1", "192.0.2.7", 1},
           {"2001:db8::7", "2001:db8::7"},
           {"::1", "::1"},
           {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"},
           {"2001:db8::7:abcd", "2001:db8::7:abcd"},
           {"[2001:db8::7]", "2001:db8::7"},
           {"[2001:db8::7]:65535", "2001:db8::7", 65535},
           {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
           {"fe80::1%eth0", "fe80::1%eth0"},
           {"dns:group.example", "group.example", default_port, true},
           {"dns:group.example:53", "group.example", 53, true},
           {"dns:_mosaik._udp.example", "_mosaik._udp.example", default_port, true},
           {id + "@node-1", "node-1", default_port, false, true},
           {id + "@2001:db8::7", "2001:db8::7", default_port, false, true},
           {id + "@[2001:db8::7]", "2001:db8::7", default_port, false, true},
           {"xn--bcher-kva.example", "xn--bcher-kva.example"},
           {"b\xc3\xbc"
            "cher.example",
            "b\xc3\xbc"
            "cher.example"},
       }) {
    const auto contact = parse_contact("bootstrap", each.text);
    ASSERT_TRUE(contact) << contact.error().message;
    EXPECT_EQ(contact->host, each.host) << each.text;
    EXPECT_EQ(contact->port, each.port) << each.text;
    EXPECT_EQ(contact->service, each.service) << each.text;
    EXPECT_EQ(contact->id != PeerId{}, each.has_id) << each.text;
  }
}

TEST(Contact, of_a_peer_needs_its_id) {
  EXPECT_TRUE(parse_contact_of_peer("contact", id + "@host"));
  for (const char* const text : {"192.0.2.7:4433", "dns:group.example"}) {
    const auto contact = parse_contact_of_peer("contact", text);
    ASSERT_FALSE(contact);
    EXPECT_EQ(contact.error().code, Errc::invalid_argument);
    EXPECT_EQ(contact.error().message, "contact '" + std::string(text) +
                                           "' has no peer id; write PEERID@HOST:PORT (the peer prints it at start)");
  }
}

TEST(Contact, that_is_none_is_refused_with_the_reason) {
  const std::string zero(64, '0');  // a point of small order
  struct Case {
    std::string text;
    std::string reason;
  };
  for (const Case& each : std::vector<Case>{
           {"", "is empty; write HOST, HOST:PORT"},
           {id, "is a peer id without an address"},
           {id + "@", "names no host"},
           {"@host", "before its '@', which is no peer id"},
           {"host:", "has no port behind its colon"},
           {id + "@host:", "has no port behind its colon"},
           {"host:0", "has the port '0'"},
           {"host:65536", "has the port '65536'"},
           {"host:-1", "has the port '-1'"},
           {"host:+1", "has the port '+1'"},
           {"host: 1", "has the port ' 1'"},
           {"host:44x", "has the port '44x'"},
           {":4433", "names no host"},
           {"[]:4433", "names '', which is no IPv6 address"},
           {"[host]:1", "names 'host', which is no IPv6 address"},
           {"[192.0.2.7]:1", "names '192.0.2.7', which is no IPv6 address"},
           {"[2001:db8::7", "has no ']'"},
           {"[2001:db8::7]4433", "has '4433' behind its IPv6 address"},
           {"[2001:db8::7]:", "has no port behind its colon"},
           {"[2001:db8::7]:0", "has the port '0'"},
           {"2001:db8::7:4433", "write [2001:db8::7]:4433, or [2001:db8::7:4433] for the address"},
           {"2001:db8:1:2:3:4:5:6:4433", "write [2001:db8:1:2:3:4:5:6]:4433"},
           {"::1:7820", "may end with a port or not"},
           {"::1:78200", "names '::1:78200', which is no IPv6 address"},
           {id + "@2001:db8::7:4433", "may end with a port or not"},
           {"fe80::1", "name the interface behind it, e.g. [fe80::1%eth0]:7820"},
           {"[fe80::1]:1", "means something on one link only"},
           {"[fe80::1%]:1", "names no interface"},
           {"[2001:db8::1%eth0]:1", "only link-local addresses"},
           {"fe80::1%eth0:7820", "write [fe80::1%eth0]:7820"},
           {"0.0.0.0:1", "stands for any address"},
           {"[::]:1", "stands for any address"},
           {"256.1.1.1", "which is no IPv4 address"},
           {"10.0.0", "which is no IPv4 address"},
           {"7820", "which is no IPv4 address"},
           {"a b:4433", "names the host 'a b'"},
           {"a..b", "names the host 'a..b'"},
           {".", "names the host '.'"},
           {"host/path", "names the host"},
           {"http://host", "has the port '//host'"},
           {std::string(64, 'h') + ".example", "parts of 1 to 63"},
           {std::string(256, 'h'), "has a host name of 256 bytes"},
           {id + "@x@host:4433", "names the host 'x@host'"},
           {id.substr(1) + "@host:4433", "is no peer id"},
           {"x" + id.substr(1) + "@host:4433", "is no peer id"},
           {zero + "@host:4433", "is no peer id"},
           {"dns:", "names no host"},
           {"dns:192.0.2.7", "names the address 192.0.2.7 as a service"},
           {"dns:[2001:db8::7]:1", "names the address 2001:db8::7 as a service"},
           {"dns:group.example:0", "has the port '0'"},
           {id + "@dns:group.example", "names one peer of a service"},
       }) {
    const auto contact = parse_contact("bootstrap", each.text);
    ASSERT_FALSE(contact) << each.text;
    EXPECT_EQ(contact.error().code, Errc::invalid_argument);
    EXPECT_THAT(contact.error().message, testing::StartsWith("bootstrap '" + each.text + "' "));
    EXPECT_THAT(contact.error().message, testing::HasSubstr(each.reason));
  }
}

TEST(Settings, accept_the_defaults) {
  const auto settings = parse_settings({});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->network, id_of<NetworkId>("mosaik"));
  EXPECT_THAT(settings->listen, ElementsAre(address("0.0.0.0:0"), address("[::]:0")));
}

TEST(Settings, take_a_network_of_64_digits_as_an_id) {
  EXPECT_EQ(parse_settings({.network = std::string(64, 'a')})->network.hex(), std::string(64, 'a'));
}

TEST(Settings, keep_each_bootstrap_peer_once) {
  const std::string contact = id + "@host:1";
  EXPECT_THAT(parse_settings({.bootstrap = {contact, id + "@host:2", contact}})->bootstrap, SizeIs(2));
  EXPECT_THAT(parse_settings({.bootstrap = {"host", "dns:host", "host:7820", contact}})->bootstrap, SizeIs(3));
}

TEST(Settings, take_a_link_local_contact_with_its_interface) {
  const auto settings = parse_settings({.bootstrap = {id + "@[fe80::1%eth0]:1"}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->bootstrap.front().host, "fe80::1%eth0");
}

TEST(Settings, name_what_is_wrong) {
  struct Case {
    NetworkConfig config;
    std::string message;
  };
  const std::string link_local = id + "@[fe80::1]:4433";
  const std::vector<std::string> too_many_peers(limits::bootstrap_peers + 1, id + "@host:1");
  const std::vector<std::string> too_many_addresses(limits::entry_addresses + 1, "192.0.2.7:1");
  const std::vector<std::string> too_many_tags(limits::entry_items + 1, "tag");
  for (const Case& each : std::vector<Case>{
           {{.network = ""}, "invalid_argument: network is empty"},
           {{.bootstrap = {"non sense"}}, "invalid_argument: bootstrap 'non sense' names the host 'non sense'"},
           {{.bootstrap = too_many_peers}, "limit: bootstrap has 65 contacts"},
           {{.listen = {}}, "invalid_argument: listen is empty"},
           {{.listen = {"localhost:1"}}, "invalid_argument: listen 'localhost:1' is no address"},
           {{.listen = {"127.0.0.1:0", "127.0.0.2:0"}}, "invalid_argument: listen '127.0.0.2:0' is a second address"},
           {{.advertise = {"192.0.2.7"}}, "invalid_argument: advertise '192.0.2.7' is no address"},
           {{.advertise = {"192.0.2.7:0"}}, "invalid_argument: advertise '192.0.2.7:0' has no port"},
           {{.advertise = {"0.0.0.0:1"}}, "invalid_argument: advertise '0.0.0.0:1' cannot be dialed"},
           {{.advertise = {"[fe80::1]:1"}}, "invalid_argument: advertise '[fe80::1]:1' is a link-local address"},
           {{.listen = {"[fe80::1]:1"}}, "invalid_argument: listen '[fe80::1]:1' is a link-local address"},
           {{.bootstrap = {link_local}}, "invalid_argument: bootstrap '" + link_local + "' has a link-local address"},
           {{.advertise = too_many_addresses}, "limit: advertise has 33 addresses"},
           {{.tags = too_many_tags}, "limit: there are 257 tags"},
           {{.secret_key = Bytes32{}, .secret_key_file = "key"},
            "invalid_argument: secret_key and secret_key_file are both set"},
       })
    EXPECT_THAT(message_of(each.config), testing::StartsWith(each.message));
}

using udp::HostAddress;
using udp::Standing;

HostAddress at(std::string_view text, Standing standing = Standing::ordinary) {
  return {address(text), standing};
}

TEST(Dialable, is_where_the_node_listens) {
  EXPECT_THAT(dialable({address("192.0.2.7:4433")}, {at("198.51.100.1:0")}), ElementsAre(address("192.0.2.7:4433")));
}

TEST(Dialable, is_every_interface_of_the_family_for_an_unspecified_address) {
  const std::vector interfaces{at("[2001:db8::1]:0"), at("192.0.2.7:0"), at("192.0.2.8:0")};
  EXPECT_THAT(dialable({address("0.0.0.0:10"), address("[::]:20")}, interfaces),
              ElementsAre(address("[2001:db8::1]:20"), address("192.0.2.7:10"), address("192.0.2.8:10")));
  EXPECT_THAT(dialable({address("0.0.0.0:10")}, {at("[2001:db8::1]:0")}), testing::IsEmpty());
}

TEST(Dialable, keeps_the_order_of_standing) {
  const std::vector interfaces{at("192.168.1.7:0", Standing::outward), at("10.0.0.1:0"),
                               at("172.18.0.1:0", Standing::bridge), at("172.17.0.1:0", Standing::idle_bridge)};
  EXPECT_THAT(dialable({address("0.0.0.0:10")}, interfaces),
              ElementsAre(address("192.168.1.7:10"), address("10.0.0.1:10"), address("172.18.0.1:10"),
                          address("172.17.0.1:10")));
}

TEST(Dialable, leaves_link_local_and_loopback_out_where_there_is_better) {
  const HostAddress better = at("172.17.0.1:0", Standing::idle_bridge);
  const HostAddress cable = at("169.254.7.1:0", Standing::link_local);
  const HostAddress scoped = at("[fe80::1%2]:0", Standing::link_local);
  const HostAddress loopback = at("127.0.0.1:0", Standing::loopback);
  const std::vector any{address("0.0.0.0:10"), address("[::]:10")};
  EXPECT_THAT(dialable(any, {better, cable, scoped, loopback}), ElementsAre(address("172.17.0.1:10")));
  EXPECT_THAT(dialable(any, {cable, scoped, loopback}), ElementsAre(address("169.254.7.1:10")));
  EXPECT_THAT(dialable(any, {scoped, loopback}), ElementsAre(address("127.0.0.1:10")));
  EXPECT_THAT(leading_here(any, {cable, scoped, loopback}),
              ElementsAre(address("169.254.7.1:10"), address("[fe80::1%2]:10"), address("127.0.0.1:10")));
}

TEST(OwnAddresses, fit_into_an_entry_and_a_cut_is_told) {
  std::vector<HostAddress> interfaces;
  for (std::uint8_t i = 0; i < limits::entry_addresses + 1; ++i)
    interfaces.push_back({SocketAddress::v4({200, 0, 0, i}, 0), Standing::ordinary});
  interfaces.push_back(at("10.0.0.1:0", Standing::bridge));
  const auto own = own_addresses({address("0.0.0.0:10")}, {}, interfaces);
  EXPECT_THAT(own.advertised, SizeIs(limits::entry_addresses));
  EXPECT_EQ(own.advertised.front(), address("200.0.0.0:10")) << "not the first in numeric order";
  EXPECT_THAT(own.leading_here, SizeIs(limits::entry_addresses + 2));
  EXPECT_THAT(own.warnings, ElementsAre(testing::HasSubstr("this computer has 34 addresses")));
  EXPECT_THAT(own_addresses({address("0.0.0.0:10")}, {address("192.0.2.1:1")}, interfaces).warnings,
              testing::IsEmpty());
}

TEST(OwnAddresses, none_at_all_are_told) {
  EXPECT_THAT(own_addresses({address("0.0.0.0:10")}, {}, {}).warnings,
              ElementsAre(testing::HasSubstr("--advertise or --listen")));
}

}  // namespace
}  // namespace mosaik::api
