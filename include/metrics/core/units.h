#pragma once

#include <metrics/core/shared_states.h>
#include <metrics/core/unit.h>
#include <metrics/export.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

// What a metric that is made of others does with a batch: it says which of its units gets which inputs, and the rest is
// done here for all of them at once.

namespace metrics {

METRICS_API void synchronize_values(std::span<Metric* const> metrics);  // described in distributed/synchronize.h

/// Who gets what of a batch.
struct Feeds {
  template <class M>
  struct Feed {
    M* metric;
    std::shared_ptr<const BatchInputs> inputs;
  };
  std::vector<Feed<Unit>> units;
  std::vector<Feed<Metric>> passed;  ///< The metrics made of others through which the inputs have come to the units.
};

/// What an update has worked out of metrics that all get the same inputs: which of them are alike and keep one state.
/// The next update need not work it out again, unless one of them has been changed in another way since. A copy has
/// none, because what it would be kept with has other metrics.
class METRICS_API UpdatePlan {
 public:
  UpdatePlan() = default;
  UpdatePlan(const UpdatePlan&) {}
  UpdatePlan(UpdatePlan&&) noexcept = default;
  UpdatePlan& operator=(const UpdatePlan& other) { return *this = UpdatePlan(other); }
  UpdatePlan& operator=(UpdatePlan&&) noexcept = default;
  ~UpdatePlan() = default;

  /// The metrics in the order in which they get the inputs; none where there is no plan.
  std::span<Unit* const> units() const { return units_; }

 private:
  struct Steps;
  std::vector<Unit*> units_;
  std::shared_ptr<const Steps> steps_;

  friend class Units;
};

/// What is done to several units at once. All change or none; those that do the same with the same inputs read them
/// once, and keep their states in one place for as long as they change together. Where there is an `in_work`, it is
/// left at the unit that failed.
class METRICS_API Units {
 public:
  /// How many updates a change brings to each of some metrics.
  using UpdateCounts = std::vector<std::pair<Metric*, int64_t>>;
  /// The states of a batch, one for each unit that is fed, in the order of `units`.
  struct BatchStates {
    std::vector<Unit*> units;
    std::vector<SharedStates> states;  ///< In one place for units that have the same.
    UpdateCounts passed{};
  };

  static void update(const Feeds& feeds, const Unit** in_work = nullptr);
  /// The same where all units get the same inputs. There is no plan of those that have changed by themselves, and of
  /// those with a history.
  static UpdatePlan update_and_plan(const Feeds& feeds, const Unit** in_work = nullptr);
  /// Whether a plan says of its units, which are all still there, what would be worked out now.
  static bool holds(const UpdatePlan& plan);
  /// Updates the units of a plan that holds.
  static void update_as_planned(const UpdatePlan& plan, const Args& args, const Rows& rows,
                                const Unit** in_work = nullptr);
  static BatchStates states_of_batch(const Feeds& feeds, const Unit** in_work = nullptr);
  static void accumulate(BatchStates&& batch, const Unit** in_work = nullptr);
  /// Has two units with equal states and update keys keep them in one place.
  static void join_states(Unit& unit, const Unit& with) { unit.states_.join(with.states_); }
  /// The same for those of a copy that are one in the original, in the same order.
  static void join_states_as_in(const std::vector<Unit*>& original, const std::vector<Unit*>& copy);
  static bool records_gradients(const Unit* unit) { return unit->records_gradients(); }
  /// See distributed/synchronize.h.
  static void synchronize(std::span<Metric* const> metrics, bool for_values);

 private:
  struct Cluster;
  struct Before;
  struct Alike;
  friend class UpdatePlan;  // whose steps are clusters
  static std::vector<Alike> update_alike(const Feeds& feeds, const Unit** in_work);
  static void update_each(std::span<const Cluster> clusters, const Args& args, const Rows& rows, const Unit** in_work);
  using UnitFeed = Feeds::Feed<Unit>;
  static std::vector<Alike> alike(const std::vector<UnitFeed>& feeds);
  static UpdateCounts counts_of(const std::vector<Feeds::Feed<Metric>>& passed);
  static void count_updates(const UpdateCounts& counts);
};

/// For its life, units have other states than their own: those of a batch, or those merged over the ranks.
class METRICS_API Borrowing {
 public:
  Borrowing() = default;
  ~Borrowing();
  Borrowing(const Borrowing&) = delete;
  Borrowing& operator=(const Borrowing&) = delete;

  void lend(Unit& unit, SharedStates states, bool gradients = false);
  /// Lends the units of a metric what they hold over all ranks, where that is asked for; one exchange a group.
  void lend_merged(Metric& of);
  /// Lends them what their value of a batch is taken from: over the ranks with `dist_sync_on_step`; those without a
  /// batch have their default states.
  void lend_batch(Metric& of, const Units::BatchStates& batch);

 private:
  std::vector<Unit*> borrowers_;
};

/// What those at and below a metric have recorded of their values: put back at the end, unless it is let stand.
class METRICS_API Records {
 public:
  explicit Records(const std::vector<Recorder*>& recorders);
  ~Records();
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  void let_stand() { before_.clear(); }

 private:
  std::vector<std::pair<Recorder*, std::shared_ptr<const void>>> before_;
};

}  // namespace metrics
