#include "join_scope.h"

#include "core/first_line.h"
#include "core/text_hash.h"
#include <metrics/core/errors.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace metrics::training {

namespace {

constexpr std::size_t most_joinables = 64;  // a bit each in a notice

std::string steps_text(int64_t steps) {
  return std::to_string(steps) + (steps == 1 ? " step" : " steps");
}

std::string call_text(int64_t step) {
  return "step " + std::to_string(step) + " of a join";
}

std::vector<int64_t> all_ranks(int64_t world_size) {
  std::vector<int64_t> ranks(static_cast<std::size_t>(world_size));
  std::iota(ranks.begin(), ranks.end(), int64_t{0});
  return ranks;
}

/// Those of all ranks that are not among `some`.
std::vector<int64_t> others(const std::vector<int64_t>& some, int64_t world_size) {
  const std::vector<int64_t> all = all_ranks(world_size);
  std::vector<int64_t> rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

const char* name_of(Divisor divisor) {
  switch (divisor) {
    case Divisor::InitialWorldSize:
      return "InitialWorldSize";
    case Divisor::ActiveRanks:
      return "ActiveRanks";
    case Divisor::Samples:
      return "Samples";
  }
  return "?";
}

}  // namespace

JoinScope::JoinScope(std::vector<JoinableRef> joinables, JoinOptions options)
    : joinables_(std::move(joinables)), options_(std::move(options)), acts_(joinables_.size(), 0) {
  std::string wrong = refusal();
  try {
    group_ = common_group();
  } catch (const InvalidArgument& error) {
    if (wrong.empty()) wrong = error.what();
    group_ = first_group();
  }
  if (wrong.empty()) wrong = enter();
  try {
    agree(wrong);
  } catch (...) {
    leave(false);
    throw;
  }
  open_ = true;
}

JoinScope::~JoinScope() {
  leave(false);
}

std::string JoinScope::refusal() const {
  if (joinables_.empty()) return "a join takes at least one joinable, got none";
  if (joinables_.size() > most_joinables)
    return "a join takes at most " + std::to_string(most_joinables) + " joinables, got " +
           std::to_string(joinables_.size());
  if (options_.batches && *options_.batches < 0)
    return "batches: expected at least 0, got " + std::to_string(*options_.batches);
  if (options_.accumulate < 1) return "accumulate: expected at least 1, got " + std::to_string(options_.accumulate);
  if (options_.accumulate > 1 && options_.divisor == Divisor::Samples)
    return "accumulate: divisor Samples weighs each step and cannot accumulate, got " +
           std::to_string(options_.accumulate);
  for (std::size_t i = 0; i < joinables_.size(); ++i) {
    const Joinable* joinable = joinables_[i].get().get();
    for (std::size_t j = 0; j < i; ++j)
      if (joinables_[j].get().get() == joinable) return joinable->join_name() + " is named twice";
    if (joinable->in_join()) return joinable->join_name() + " is in a join already; joins cannot be nested";
  }
  return {};
}

std::shared_ptr<ProcessGroup> JoinScope::common_group() const {
  const auto group_of = [](const JoinableRef& joinable) {
    const auto own = joinable.get()->join_group();
    return own ? own : default_process_group();
  };
  std::shared_ptr<ProcessGroup> common;
  for (std::size_t i = 0; i < joinables_.size(); ++i) {
    const auto group = group_of(joinables_[i]);
    if (i == 0) common = group;
    if (group != common)
      throw InvalidArgument("the joinables of a join share a process group, but " + joinables_[i].get()->join_name() +
                            " has another than " + joinables_[0].get()->join_name());
  }
  return common;
}

std::shared_ptr<ProcessGroup> JoinScope::first_group() const {
  for (const JoinableRef& joinable : joinables_) {
    try {
      if (auto group = joinable.get()->join_group()) return group;
    } catch (const InvalidArgument&) {
      // The group of another one is as good for telling the other ranks of the error.
    }
  }
  return default_process_group();
}

std::string JoinScope::enter() {
  try {
    for (const JoinableRef& joinable : joinables_) {
      joinable.get()->enter_join(options_);
      joinable.get()->scope_ = this;
      has_steps_ |= joinable.get()->has_steps();
      ++entered_;
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

std::string JoinScope::described() const {
  std::string text = std::string("divisor ") + name_of(options_.divisor) + ", throw_on_early_termination " +
                     (options_.throw_on_early_termination ? "true" : "false") + ", accumulate " +
                     std::to_string(options_.accumulate) + ", of";
  for (const JoinableRef& joinable : joinables_)
    text += " " + joinable.get()->join_name() + (joinable.get()->has_steps() ? "" : " without steps");
  return text;
}

uint64_t JoinScope::fingerprint() const {
  return metrics::detail::text_hash(described());
}

void JoinScope::agree(const std::string& refusal) {
  if (world_size() == 1) {
    if (!refusal.empty()) throw InvalidArgument("join: " + refusal);
    batches_ = options_.batches ? std::optional(std::vector{*options_.batches}) : std::nullopt;
    return;
  }
  notices_ = distributed::Notices::of(*group_);
  before_ = notices_->counters();
  const int64_t number = notices_->next_number();
  Notice own;
  own.kind = Notice::Begin;
  own.step = number;
  own.fingerprint = fingerprint();
  own.batches = options_.batches.value_or(0);
  if (options_.batches) own.flags |= Notice::KnowsBatches;
  if (!refusal.empty()) own.flags |= Notice::Refused;
  notices_->leave_text(number, refusal.empty() ? described() : refusal);
  const std::vector<Notice> notices = receive(send(own), "the beginning of a join");
  if (!refusal.empty()) throw InvalidArgument("join: " + refusal);
  check_alike(notices);
  const bool all_know =
      std::all_of(notices.begin(), notices.end(), [](const Notice& n) { return n.has(Notice::KnowsBatches); });
  if (!all_know) return;
  batches_.emplace();
  for (const Notice& notice : notices) batches_->push_back(notice.batches);
}

std::shared_ptr<JoinScope::Exchange> JoinScope::send(const Notice& own) {
  return notices_->send(std::bit_cast<distributed::Notices::Notice>(own));
}

std::vector<Notice> JoinScope::receive(const std::shared_ptr<Exchange>& exchange, const std::string& call) {
  std::vector<Notice> notices;
  for (const auto& bytes : notices_->receive(exchange, call)) notices.push_back(std::bit_cast<Notice>(bytes));
  for (const Notice& notice : notices)
    if (notice.magic != Notice::expected_magic)
      throw SyncError("a join received what is no notice: do the ranks run the same version?");
  return notices;
}

distributed::RankNames JoinScope::names() const {
  return group_ ? distributed::rank_names_of(*group_) : distributed::RankNames();
}

void JoinScope::check_alike(const std::vector<Notice>& notices) const {
  std::vector<int64_t> refused, elsewhere, differing;
  for (std::size_t rank = 0; rank < notices.size(); ++rank) {
    const Notice& notice = notices[rank];
    const auto r = static_cast<int64_t>(rank);
    if (notice.kind != Notice::Begin || notice.step != notices[0].step) elsewhere.push_back(r);
    if (notice.has(Notice::Refused)) refused.push_back(r);
    if (notice.fingerprint != notices[0].fingerprint) differing.push_back(r);
  }
  if (!elsewhere.empty())
    throw SyncError("join: all ranks begin a join together, but " + names().text(elsewhere) + " did not", "", "",
                    names()(elsewhere));
  const int64_t number = notices[0].step;
  if (!refused.empty())
    throw SyncError("join: " + names().text(refused[0]) + " refused: " + notices_->text_of(number, refused[0]), "", "",
                    names()(refused));
  if (!differing.empty())
    throw SyncError("join: the ranks' joins differ: " + names().text(0) + " has " + notices_->text_of(number, 0) +
                        "; " + names().text(differing[0]) + " has " + notices_->text_of(number, differing[0]),
                    "", "", names()(differing));
}

std::size_t JoinScope::place_of(const Joinable& joinable) const {
  const auto found = std::find_if(joinables_.begin(), joinables_.end(),
                                  [&](const JoinableRef& one) { return one.get().get() == &joinable; });
  return static_cast<std::size_t>(found - joinables_.begin());
}

bool JoinScope::is_last(int64_t number) const {
  return batches_ && number + 1 == *std::max_element(batches_->begin(), batches_->end());
}

uint64_t JoinScope::planned_averaging(int64_t number) const {
  const bool averages = (number + 1) % options_.accumulate == 0 || is_last(number);
  return averages ? ~uint64_t{0} >> (most_joinables - joinables_.size()) : 0;
}

uint64_t JoinScope::own_averaging(int64_t number) const {
  uint64_t own = planned_averaging(number);
  for (std::size_t i = 0; i < joinables_.size(); ++i)
    if (!joinables_[i].get()->averages_now()) own &= ~(uint64_t{1} << i);
  return own;
}

bool JoinScope::averages() const {
  return planned_averaging(steps_) != 0;
}

void JoinScope::set_samples(int64_t count) {
  if (count < 0) fail_and_throw("samples: expected at least 0, got " + std::to_string(count));
  next_samples_ = count;
}

int64_t JoinScope::samples() const {
  if (samples_) return *samples_;
  throw InvalidArgument("join: divisor Samples weighs each batch by its samples: call set_samples before each forward");
}

void JoinScope::begin_step(const Joinable& joinable) {
  if (!open_) return;
  if (++acts_[place_of(joinable)] > steps_) open_step();
}

void JoinScope::open_step() {
  settle();
  const int64_t number = steps_;
  if (options_.batches && number >= *options_.batches)
    fail_and_throw("it makes " + steps_text(number + 1) + " and more, but its join was told " +
                   std::to_string(*options_.batches) + " batches");
  ++steps_;
  samples_ = std::exchange(next_samples_, std::nullopt);
  averaging_ = own_averaging(number);
  if (options_.divisor == Divisor::Samples && averaging_ != planned_averaging(number))
    fail_and_throw("step " + std::to_string(number) + " runs under no_sync, which divisor Samples cannot weigh");
  if (!notices_ || batches_) {
    step_ = known_step(number);
    if (notices_ && averaging_ != step_.averaging)
      fail_and_throw("step " + std::to_string(number) +
                     " runs under no_sync, which ranks that have run out cannot know where batches are given: say how "
                     "many steps accumulate (JoinOptions::accumulate), or leave batches out");
    throw_if_some_ended(step_);
    return;
  }
  Notice own;
  own.kind = Notice::Step;
  own.step = number;
  own.averaging = averaging_;
  pending_ = send(own);
  // Who throws has to leave a backward alone.
  if (options_.throw_on_early_termination) settle();
}

void JoinScope::settle() {
  if (!pending_) return;
  const int64_t number = steps_ - 1;
  step_ = told_step(receive(std::exchange(pending_, nullptr), call_text(number)), number);
  throw_if_some_ended(step_);
}

JoinScope::Step JoinScope::known_step(int64_t number) const {
  Step step{.number = number, .active = {}, .averaging = planned_averaging(number)};
  if (!batches_) {
    step.active = {0};
    return step;
  }
  for (std::size_t rank = 0; rank < batches_->size(); ++rank)
    if ((*batches_)[rank] > number) step.active.push_back(static_cast<int64_t>(rank));
  return step;
}

JoinScope::Step JoinScope::told_step(const std::vector<Notice>& notices, int64_t number) const {
  Step step{.number = number, .active = {}, .averaging = 0};
  std::vector<int64_t> elsewhere, differing;
  for (std::size_t rank = 0; rank < notices.size(); ++rank) {
    const Notice& notice = notices[rank];
    const auto r = static_cast<int64_t>(rank);
    if (notice.kind == Notice::Begin || notice.step != number) elsewhere.push_back(r);
    if (notice.kind != Notice::Step) continue;
    if (step.active.empty()) step.averaging = notice.averaging;
    if (notice.averaging != step.averaging) differing.push_back(r);
    step.active.push_back(r);
  }
  if (!elsewhere.empty())
    throw SyncError("join: " + names().text(elsewhere) + " is not in step " + std::to_string(number) + " of this join",
                    "", "", names()(elsewhere));
  if (!differing.empty())
    throw SyncError("join: in step " + std::to_string(number) + " " + names().text(differing) + " and " +
                        names().text(step.active.front()) + " differ in whether they run under no_sync",
                    "", "", names()(differing));
  return step;
}

JoinStep JoinScope::seen_by(std::size_t joinable, const Step& step) const {
  return {.number = step.number, .active = step.active, .averages = ((step.averaging >> joinable) & 1) != 0};
}

bool JoinScope::averages_in_step(const Joinable& joinable) const {
  return ((averaging_ >> place_of(joinable)) & 1) != 0;
}

JoinStep JoinScope::step_of(const Joinable& joinable) {
  settle();
  return seen_by(place_of(joinable), step_);
}

void JoinScope::throw_if_some_ended(const Step& step) {
  if (!options_.throw_on_early_termination || !notices_ || step.active.empty()) return;
  std::vector<int64_t> ended = others(step.active, world_size());
  if (ended.empty()) return;
  throw_on_all("join: " + names().text(ended) + " ended first, after " + steps_text(step.number) + ", and " +
                   names().text(step.active) + " did not (throw_on_early_termination)",
               names()(ended));
}

void JoinScope::throw_on_all(const std::string& message, std::vector<int64_t> ranks) {
  open_ = false;
  leave(false);
  throw SyncError(message, "", "", std::move(ranks));
}

void JoinScope::fail_and_throw(const std::string& message) {
  fail(message);
  throw InvalidArgument("join: " + message);
}

void JoinScope::finish() {
  if (!open_) return;
  settle();
  if (has_steps_ && options_.batches && steps_ < *options_.batches)
    fail_and_throw("it made " + steps_text(steps_) + ", but its join was told " + std::to_string(*options_.batches) +
                   " batches");
  try {
    if (!notices_) {
      last_ = {0};
    } else if (batches_) {
      shadow_known();
    } else {
      shadow_told();
    }
    const JoinEnd end{.steps = last_.empty() ? 0 : step_.number + 1,
                      .last = last_.empty() ? all_ranks(world_size()) : last_};
    if (notices_)
      for (const JoinableRef& joinable : joinables_) joinable.get()->all_joined(end);
  } catch (const std::exception& error) {
    fail(metrics::detail::first_line(error));
    throw;
  }
  open_ = false;
  leave(false);
}

void JoinScope::shadow_known() {
  const int64_t most = *std::max_element(batches_->begin(), batches_->end());
  for (int64_t number = steps_; number < most; ++number) {
    step_ = known_step(number);
    throw_if_some_ended(step_);
    shadow(step_);
  }
  last_ = step_.active;
}

void JoinScope::shadow_told() {
  last_ = step_.active;
  for (int64_t number = steps_;; ++number) {
    Notice own;
    own.kind = Notice::Joined;
    own.step = number;
    const Step step = told_step(receive(send(own), call_text(number)), number);
    if (step.active.empty()) return;
    step_ = step;
    last_ = step.active;
    throw_if_some_ended(step_);
    shadow(step_);
  }
}

void JoinScope::shadow(const Step& step) {
  for (std::size_t i = 0; i < joinables_.size(); ++i) joinables_[i].get()->shadow(seen_by(i, step));
  for (std::size_t i = 0; i < joinables_.size(); ++i) joinables_[i].get()->finish_shadow(seen_by(i, step));
  if (options_.shadow_step && step.averaging != 0) options_.shadow_step();
}

std::exception_ptr JoinScope::explained(std::exception_ptr error) const {
  return notices_ ? notices_->board().explained(error, "a step", {}) : error;
}

void JoinScope::fail(const std::string& reason) noexcept {
  if (!open_) return;
  open_ = false;
  if (notices_) notices_->board().write(reason);
  leave(true);
  if (notices_) distributed::abandon(*group_, "this rank failed: " + reason);
}

void JoinScope::leave(bool failed) noexcept {
  for (std::size_t i = 0; i < entered_; ++i) {
    joinables_[i].get()->scope_ = nullptr;
    joinables_[i].get()->leave_join(failed);
  }
  entered_ = 0;
}

CommunicationCounters JoinScope::counters() const {
  return notices_ ? notices_->counters() - before_ : CommunicationCounters{};
}

}  // namespace metrics::training
