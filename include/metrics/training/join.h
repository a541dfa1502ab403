#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics {
class Metric;
}  // namespace metrics

namespace metrics::training {

class JoinScope;

/// What averaged gradients are divided by while some ranks have run out of batches. g_r is the gradient of rank r, n_r
/// the number of samples of its batch; sums are over the ranks that are still active in the step.
enum class Divisor {
  InitialWorldSize,  ///< sum g_r / number of all ranks: each batch weighs as much as any other. Python's default.
  ActiveRanks,       ///< sum g_r / number of active ranks. Python's `divide_by_initial_world_size=False`.
  Samples,           ///< sum n_r g_r / sum n_r: each sample of a step weighs as much as any other of it.
};

struct JoinOptions {
  /// How many batches this rank has. Where every rank says it, they agree on it once, and steps cost nothing. Where one
  /// does not, each step costs one notice of 64 bytes, which overlaps with forward.
  std::optional<int64_t> batches{};
  Divisor divisor = Divisor::InitialWorldSize;
  /// Whether all ranks throw SyncError, naming the ranks that ended first, instead of going on without them.
  bool throw_on_early_termination = false;
  /// Gradients are averaged in every so many steps, and in the last where the number of batches is known; the steps
  /// between accumulate on each rank alone, as under `no_sync`.
  int64_t accumulate = 1;
  /// Called on a rank that has run out, after each step of the others that averages, when its own gradients are those
  /// averages: `[&] { optimizer.step(); optimizer.zero_grad(); }` keeps the state of an optimizer (momentum, Adam's
  /// moments) the same on all ranks. Without it that state stays behind, as in Python; the weights are broadcast.
  std::function<void()> shadow_step{};
};

/// One step of the ranks that still have batches.
struct JoinStep {
  int64_t number = 0;           ///< From 0.
  std::vector<int64_t> active;  ///< The ranks that make it, ascending.
  bool averages = true;         ///< Whether gradients are averaged in it.
};

/// How it ended.
struct JoinEnd {
  int64_t steps = 0;          ///< Of the ranks with most batches.
  std::vector<int64_t> last;  ///< The ranks that made the last step; all where there was none.
};

/// An object with collectives in each step of a loop, which a rank that has run out of batches has to shadow. Each
/// joinable of a join acts once in each step: `DistributedDataParallel` in its forward and backward, a metric with
/// `dist_sync_on_step` in its forward.
///
/// One of your own calls `begin_step()` before its collectives of a step, and overrides `shadow`.
class METRICS_API Joinable {
 public:
  Joinable();
  virtual ~Joinable();
  Joinable(const Joinable&) = delete;
  Joinable& operator=(const Joinable&) = delete;

  /// What messages call it; the same on all ranks.
  virtual std::string join_name() const = 0;
  /// The ranks that it talks to; null: the default group.
  virtual std::shared_ptr<ProcessGroup> join_group() const { return nullptr; }

  /// A join begins; throws InvalidArgument for one that cannot be.
  virtual void enter_join(const JoinOptions&) {}
  /// Whether it has collectives in steps at all; asked after `enter_join`.
  virtual bool has_steps() const { return true; }
  /// Whether this rank averages in the coming step (false under `no_sync`); to be the same on all active ranks.
  virtual bool averages_now() const { return true; }
  /// Called on a rank that has run out of batches, once for each step of the others: issues the same collectives with
  /// contributions that change nothing. Those that the others may issue in another order than the join's list, such as
  /// a backward's, are waited for in `finish_shadow`, after all joinables have issued theirs.
  virtual void shadow(const JoinStep& step) = 0;
  virtual void finish_shadow(const JoinStep&) {}
  /// Called on all ranks once all have run out.
  virtual void all_joined(const JoinEnd&) {}
  /// The join is over, `failed` if not in the ordinary way: then connections are to be closed, so that others who wait
  /// on them see it.
  virtual void leave_join(bool failed) noexcept { static_cast<void>(failed); }

 protected:
  bool in_join() const { return scope_ != nullptr; }
  /// To be called before the collectives of a step. Does nothing outside a join. Throws SyncError.
  void begin_step();
  /// Whether this rank averages in the step that has begun.
  bool step_averages() const;
  /// The step that has begun, and who is in it. Waits for the others' notices where batches are not known.
  JoinStep step();
  /// What the loop said of the step's batch. Throws InvalidArgument where it did not.
  int64_t samples() const;
  const JoinOptions& join_options() const;
  /// The whole of what went wrong, with what a failed rank has left as a message; `error` where none has.
  std::exception_ptr explained(std::exception_ptr error) const;

 private:
  friend class JoinScope;
  JoinScope* scope_ = nullptr;
};

/// What a join takes: a `DistributedDataParallel`, a metric, a joinable of your own. It refers to them.
class METRICS_API JoinableRef {
 public:
  JoinableRef(Joinable& joinable) : joinable_(std::shared_ptr<void>(), &joinable) {}
  JoinableRef(Metric& metric);
  template <class T>
  requires requires(T& model) {
    { model.joinable() } -> std::convertible_to<std::shared_ptr<Joinable>>;
  }
  JoinableRef(T& model) : joinable_(model.joinable()) {}

  const std::shared_ptr<Joinable>& get() const { return joinable_; }

 private:
  std::shared_ptr<Joinable> joinable_;
};

/// A scope in which ranks make different numbers of steps:
///
///   Join join({model, accuracy}, {.batches = loader.size()});
///   for (const Batch& batch : loader) …   // a loop as ever
///   join.finish();                        // or the end of the scope
///
/// A rank that comes to the end shadows what the others still do, and goes on when all have come. The model is then
/// that of the last to come, on all ranks. Metrics without `dist_sync_on_step` have nothing to shadow.
///
/// Collective: all ranks begin it, with the same joinables and options but for `batches`. What one rank does wrong (an
/// option that cannot be, a joinable that is in a join already, more or fewer steps than `batches` said, an exception
/// that leaves the scope) is a SyncError on the others that names it, never a hang. After a failure in the loop the
/// group is broken.
class METRICS_API Join {
 public:
  /// Throws InvalidArgument, SyncError.
  explicit Join(std::vector<JoinableRef> joinables, JoinOptions options = {});
  /// Calls `finish`, whose exceptions it lets out, unless it is left by an exception.
  ~Join() noexcept(false);
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  /// Says how many samples the coming step's batch has, before its forward; needed with `Divisor::Samples` alone.
  void set_samples(int64_t count);
  /// Whether gradients are averaged in the coming step, which an optimizer's step follows.
  bool averages() const;
  /// The steps that this rank has made.
  int64_t steps() const;
  /// Shadows the others until all have run out. Throws SyncError.
  void finish();
  /// Makes the other ranks fail with this message. Whoever calls it then leaves the scope by an exception.
  void fail(const std::string& reason) noexcept;
  void fail(const std::exception& error) noexcept;
  /// Runs `loop` and finishes. The message of what it throws reaches the other ranks.
  template <class Loop>
  void run(Loop&& loop) {
    try {
      std::forward<Loop>(loop)();
    } catch (const std::exception& error) {
      fail(error);
      throw;
    }
    finish();
  }

  /// What this scope has sent of its own: agreement and notices.
  CommunicationCounters counters() const;

 private:
  std::unique_ptr<JoinScope> scope_;
  int exceptions_;
};

}  // namespace metrics::training
