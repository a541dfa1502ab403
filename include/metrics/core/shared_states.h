#pragma once

#include <metrics/core/state.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace metrics {

/// The states of a metric. Those of several metrics may be one object for as long as each is changed only together with
/// the others: whoever changes its own alone has a copy from then on. A copy is never shared.
class SharedStates {
 public:
  SharedStates() : states_(std::make_shared<States>()) {}
  explicit SharedStates(States states) : states_(std::make_shared<States>(std::move(states))) {}
  SharedStates(const SharedStates& other) : SharedStates(*other) {}
  SharedStates& operator=(const SharedStates& other) { return *this = SharedStates(other); }
  SharedStates(SharedStates&&) noexcept = default;
  SharedStates& operator=(SharedStates&&) noexcept = default;
  ~SharedStates() = default;

  /// None at all after a move and after `let_go`.
  const States& operator*() const { return states_ ? *states_ : none(); }
  const States* operator->() const { return &**this; }

  /// The states, to be changed for this metric alone.
  States& own() {
    if (are_others_left_out()) {
      *this = SharedStates(**this);
    } else {
      see_what_others_wrote();
    }
    return *states_;
  }
  /// Replaces the states of this metric alone.
  void replace(States states) {
    if (are_others_left_out()) {
      *this = SharedStates(std::move(states));
    } else {
      own() = std::move(states);
    }
  }

  /// For its life, who changes these states changes them for all that have them.
  class Together {
   public:
    explicit Together(SharedStates& states) : states_(states), before_(std::exchange(states.together_, true)) {}
    ~Together() { states_.together_ = before_; }
    Together(const Together&) = delete;
    Together& operator=(const Together&) = delete;

   private:
    SharedStates& states_;
    bool before_;
  };

  /// The same states, in one place with these.
  SharedStates joined() const { return {*this, Joined{}}; }
  /// The states for whoever wants to change them; these are as after a move then.
  States take() {
    States taken = std::move(own());
    let_go();
    return taken;
  }

  /// How many metrics have these states.
  std::size_t holders() const { return static_cast<std::size_t>(states_.use_count()); }
  /// Whether no other metric has the same states.
  bool is_alone() const { return holders() == 1; }
  bool is_one_with(const SharedStates& other) const { return states_ == other.states_; }
  void join(const SharedStates& other) {
    const bool leaves_none = is_alone() && !is_one_with(other);
    if (leaves_none && other.states_) other.states_->take_memory(own());
    states_ = other.states_;
  }
  /// Lets go of the states, to `join` others later.
  void let_go() { states_.reset(); }

 private:
  struct Joined {};
  SharedStates(const SharedStates& other, Joined) : states_(other.states_) {}
  METRICS_API static const States& none();

  bool are_others_left_out() const { return !together_ && !is_alone(); }

  /// Whoever shared the states may have let go in another thread just now, and `use_count` alone does not order that.
  void see_what_others_wrote() const {
#ifdef __SANITIZE_THREAD__  // which knows no fences: letting go of one more holder orders the same
    std::shared_ptr<States>(states_).reset();
#else
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
  }

  std::shared_ptr<States> states_;
  bool together_ = false;
};

}  // namespace metrics
