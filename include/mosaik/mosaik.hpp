#pragma once
/// Everything that a user of mosaik needs.
///
/// @mainpage mosaik
/// | to | begin with |
/// |---|---|
/// | open a node | mosaik::Network::open, mosaik::NetworkConfig |
/// | join a group, look at its mesh | mosaik::Groups::with_key, mosaik::Group, mosaik::Bonds |
/// | wait for a state, or be told of each change | mosaik::When, mosaik::Network::subscribe, mosaik::Event |
/// | agree on state | mosaik::StateMachine, mosaik::GroupOf, mosaik::ReplicatedGroup |
/// | ask why | mosaik::Network::status, mosaik::NodeStatus |
///
/// What can fail returns mosaik::Result; what takes time returns a mosaik::Future. Each header begins with what holds
/// for all of it: threads, life, limits. `examples/` has a program for each line of the table.
///
/// `spec: groups 2.3` is section 2.3 of docs/protocol/groups.md, but 1.x of docs/protocol/encoding.md; discovery,
/// transport and extensions are pages beside them.

#include <mosaik/export.hpp>
// (first: it says which compiler is needed)
#include <mosaik/async/future.hpp>
#include <mosaik/consensus/replicated_group.hpp>
#include <mosaik/consensus/state_machine.hpp>
#include <mosaik/network.hpp>
#include <mosaik/types/bond.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/peer_entry.hpp>
#include <mosaik/types/result.hpp>
#include <mosaik/types/status.hpp>
#include <mosaik/types/trace.hpp>
#include <mosaik/version.hpp>
