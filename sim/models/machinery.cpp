#include "sim/models/machinery.hpp"

#include "sim/oracle/records.hpp"

namespace mosaik::sim {

namespace {
constexpr std::size_t large_bytes = 6'000;
}

Blob command_of(Number number) {
  std::vector<std::uint8_t> out;
  put_number(out, number);
  if ((number & large_command) != 0) out.resize(large_bytes);
  return Blob::copy(out);
}

Number number_of(BytesView command) {
  return command.size() == 8 || command.size() == large_bytes ? take_number(command) : 0;
}

std::uint64_t hash_on(std::uint64_t hash, Number number) noexcept {
  return (hash ^ number) * 0x9E37'79B9'7F4A'7C15U + 1;
}

// ------------------------------------------------------------------------------------------------ the store

namespace {

std::vector<std::uint8_t> record_of(const consensus::Persist& persist) {
  std::vector<std::uint8_t> out;
  put_number(out, persist.term.value);
  put_number(out, persist.ballot ? 1 : 0);
  put_number(out, persist.ballot ? persist.ballot->term.value : 0);
  const PeerId candidate = persist.ballot ? persist.ballot->candidate : PeerId{};
  out.insert(out.end(), candidate.view().begin(), candidate.view().end());
  put_number(out, persist.keep.value);
  for (const consensus::Entry& entry : persist.entries) {
    put_number(out, entry.term.value);
    put_number(out, number_of(entry.command.view()));
  }
  return out;
}

}  // namespace

consensus::Restored restore(const std::vector<std::vector<std::uint8_t>>& records) {
  consensus::Restored out;
  for (const auto& record : records) {
    BytesView rest(record);
    out.term = {take_number(rest)};
    const bool voted = take_number(rest) != 0;
    const Term term{take_number(rest)};
    Bytes32 candidate{};
    std::copy_n(rest.begin(), candidate.size(), candidate.begin());
    rest = rest.subspan(candidate.size());
    out.ballot = voted ? std::optional(consensus::Ballot{term, PeerId(candidate)}) : std::nullopt;
    out.entries.resize(std::min<std::size_t>(out.entries.size(), take_number(rest)));
    while (!rest.empty()) {
      const Term of{take_number(rest)};
      out.entries.push_back({of, command_of(take_number(rest))});
    }
  }
  return out;
}

// ------------------------------------------------------------------------------------------------ the machine

void Machinery::forget() {
  news_.emplace_back(LeftBehind{});
  ++engine_;
  work_.clear();
  records_.clear();
  values_.clear();
  hash_ = 0;
}

void Machinery::on_effects(const Now& now, node::GroupActions& output) {
  group_ = output.group;
  for (consensus::Action& action : output.actions) {
    if (auto* persist = std::get_if<consensus::Persist>(&action))
      records_.push_back({{engine_, persist->ticket}, record_of(*persist)});
    if (auto* answer = std::get_if<consensus::Answer>(&action))
      news_.emplace_back(CallEnded{answer->call, std::move(answer->outcome), now.mono});
    const bool idle = work_.empty();
    if (auto* apply = std::get_if<consensus::Apply>(&action)) work_.emplace_back(std::move(*apply));
    if (auto* reset = std::get_if<consensus::Reset>(&action)) work_.emplace_back(*reset);
    if (auto* ask = std::get_if<consensus::AskMachine>(&action)) work_.emplace_back(std::move(*ask));
    if (idle && !work_.empty()) plan(now);
  }
}

void Machinery::on_persisted(const Now& now, const LogTicket& ticket) {
  if (ticket.engine == engine_) node_.on_persisted(now, group_, ticket.ticket);
}

void Machinery::plan(const Now& now) {
  busy_until_ = now.mono + (slowest_ > 0ns ? rng_.between(0ns, slowest_) : 0ns);
}

void Machinery::turn(const Now& now) {
  while (!work_.empty() && busy_until_ <= now.mono) {
    Work work = std::move(work_.front());
    work_.pop_front();
    do_work(now, work);
    plan(now);
  }
}

void Machinery::do_work(const Now& now, Work& work) {
  if (auto* apply = std::get_if<consensus::Apply>(&work)) {
    Applied applied{apply->before.index, {}};
    for (const Blob& command : apply->commands) {
      values_.push_back(number_of(command.view()));
      hash_ = hash_on(hash_, values_.back());
      applied.numbers.push_back(values_.back());
    }
    const Index upto = applied.before.plus(applied.numbers.size());
    news_.emplace_back(std::move(applied));
    node_.on_applied(now, group_, apply->epoch, upto);
  } else if (std::holds_alternative<consensus::Reset>(work)) {
    values_.clear();
    hash_ = 0;
    news_.emplace_back(StartedOver{});
  } else {
    const auto& ask = std::get<consensus::AskMachine>(work);
    std::vector<std::uint8_t> answer;
    put_number(answer, values_.size());
    put_number(answer, hash_);
    node_.on_answered(now, group_, ask.id, Blob::copy(answer));
  }
}

}  // namespace mosaik::sim
