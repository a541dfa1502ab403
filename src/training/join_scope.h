#pragma once

#include <metrics/distributed/notices.h>
#include <metrics/distributed/rank_names.h>
#include <metrics/training/join.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metrics::training {

/// What one rank says of itself.
struct Notice {
  static constexpr uint32_t expected_magic = 0x4e49'4f4a;
  enum Kind : uint16_t { Begin = 1, Step = 2, Joined = 3 };
  enum Flag : uint16_t { Refused = 1, KnowsBatches = 2 };

  uint32_t magic = expected_magic;
  uint16_t kind = 0;
  uint16_t flags = 0;
  int64_t step = 0;
  int64_t batches = 0;
  uint64_t averaging = 0;    ///< A bit for each joinable.
  uint64_t fingerprint = 0;  ///< Of joinables and options.
  int64_t unused[3] = {};

  bool has(Flag flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Notice) == distributed::Notices::bytes);

/// What stands behind a Join: counts steps, agrees with the other ranks on who makes them, and shadows.
class JoinScope {
 public:
  JoinScope(std::vector<JoinableRef> joinables, JoinOptions options);
  ~JoinScope();
  JoinScope(const JoinScope&) = delete;
  JoinScope& operator=(const JoinScope&) = delete;

  /// A joinable begins its part of a step, which is a new step if it has had its part of the present one.
  void begin_step(const Joinable& joinable);
  bool averages_in_step(const Joinable& joinable) const;
  JoinStep step_of(const Joinable& joinable);
  int64_t samples() const;
  const JoinOptions& options() const { return options_; }
  std::exception_ptr explained(std::exception_ptr error) const;

  void set_samples(int64_t count);
  bool averages() const;
  int64_t steps() const { return steps_; }
  void finish();
  void fail(const std::string& reason) noexcept;
  CommunicationCounters counters() const;

 private:
  struct Step {
    int64_t number = 0;
    std::vector<int64_t> active;
    uint64_t averaging = 0;
  };

  // Beginning.
  int64_t world_size() const { return group_ ? group_->world_size() : 1; }
  distributed::RankNames names() const;
  std::string refusal() const;
  std::shared_ptr<ProcessGroup> common_group() const;
  std::shared_ptr<ProcessGroup> first_group() const;
  std::string enter();
  void agree(const std::string& refusal);
  void check_alike(const std::vector<Notice>& notices) const;
  uint64_t fingerprint() const;
  std::string described() const;

  // Notices.
  using Exchange = distributed::Notices::Exchange;
  std::shared_ptr<Exchange> send(const Notice& own);
  std::vector<Notice> receive(const std::shared_ptr<Exchange>& exchange, const std::string& call);

  // Steps.
  std::size_t place_of(const Joinable& joinable) const;
  bool is_last(int64_t number) const;
  uint64_t planned_averaging(int64_t number) const;
  uint64_t own_averaging(int64_t number) const;
  void open_step();
  void settle();
  Step known_step(int64_t number) const;
  Step told_step(const std::vector<Notice>& notices, int64_t number) const;
  JoinStep seen_by(std::size_t joinable, const Step& step) const;

  // Ending.
  void shadow_known();
  void shadow_told();
  void shadow(const Step& step);
  void throw_if_some_ended(const Step& step);
  [[noreturn]] void throw_on_all(const std::string& message, std::vector<int64_t> ranks);
  [[noreturn]] void fail_and_throw(const std::string& message);
  void leave(bool failed) noexcept;

  std::vector<JoinableRef> joinables_;
  JoinOptions options_;
  std::shared_ptr<ProcessGroup> group_;
  std::shared_ptr<distributed::Notices> notices_;  // null for one process
  CommunicationCounters before_;
  std::size_t entered_ = 0;
  bool open_ = false;
  bool has_steps_ = false;

  std::optional<std::vector<int64_t>> batches_;  // of each rank, where all know
  std::vector<int64_t> acts_;                    // of each joinable
  int64_t steps_ = 0;
  std::shared_ptr<Exchange> pending_;
  uint64_t averaging_ = 0;  // what this rank does in the step that has begun
  Step step_;
  std::vector<int64_t> last_;  // who made the last step
  std::optional<int64_t> next_samples_;
  std::optional<int64_t> samples_;
};

}  // namespace metrics::training
