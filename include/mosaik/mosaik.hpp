#pragma once
/// Everything that a user of mosaik needs.

#include <mosaik/bond.hpp>
#include <mosaik/event.hpp>
#include <mosaik/future.hpp>
#include <mosaik/group_key.hpp>
#include <mosaik/id.hpp>
#include <mosaik/network.hpp>
#include <mosaik/peer_entry.hpp>
#include <mosaik/replicated_group.hpp>
#include <mosaik/result.hpp>
#include <mosaik/state_machine.hpp>
#include <mosaik/status.hpp>
#include <mosaik/version.hpp>
