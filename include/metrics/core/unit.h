#pragma once

#include <metrics/core/metric.h>
#include <metrics/core/shared_states.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>
#include <metrics/export.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics {

class RangedValue;
struct SyncItem;

METRICS_API void synchronize(std::span<Metric* const> metrics);  // described in distributed/synchronize.h

/// A metric whose data are in states of its own: that of a definition (`MetricOf`), or a window over another one
/// (`Running`).
class METRICS_API Unit : public Metric {
 public:
  ~Unit() override;

  void reset() override;
  int64_t update_count() const override { return states_->update_count(); }
  bool is_synced() const final { return local_.has_value(); }
  at::Device device() const final { return states_->device(); }
  at::ScalarType dtype() const final { return states_->dtype(); }
  void set_metric_options(MetricOptions common) final;
  StatesByName metric_state() const override;

  /// A copy, as `clone` makes it.
  std::unique_ptr<Unit> copy() const { return std::unique_ptr<Unit>(static_cast<Unit*>(clone().release())); }

  const States& states() const { return *states_; }
  /// A text that is equal for metrics whose updates do the same to the same states, whatever their class.
  const std::string& update_key() const;
  /// Which weights of rows the metric takes: any where all states are sums, minima and maxima, because what rows add to
  /// these says what weighted rows do, and where they say what kept rows weigh (`States::add_row_weights`), else
  /// integers, unless its definition says otherwise.
  virtual RowWeights taken_weights() const;
  /// Whether the two keep their states in one place, as they may while they are updated together.
  bool shares_states_with(const Unit& other) const { return states_.is_one_with(other.states_); }

  // For synchronisers.

  /// Folds `from` into `into` by reductions and the metric's own merge.
  void merge_states(States& into, const States& from) const;
  /// A text that differs between metrics whose states cannot be merged: class, options, states and reductions.
  const std::string& layout() const;
  /// How often the metric was reset, and synchronised since, over its present group. Ranks whose rounds differ are not
  /// in the same call.
  struct Round {
    int64_t resets = 0;
    int64_t synchronisations = 0;

    bool operator==(const Round&) const = default;
  };
  Round round() const;
  /// Counts a synchronisation that went well.
  void count_synchronisation() const;
  /// How its value is made where the ranks' rows stay apart; null where it is not. See metrics/core/ranges.h.
  virtual std::shared_ptr<const RangedValue> ranged_value() const;
  /// The second half of `sync`, for those who have merged the states by themselves. Throws Error when synced already.
  void install_synced(States merged);

 protected:
  explicit Unit(MetricOptions common, std::source_location made_at = {});
  Unit(const Unit&);
  Unit& operator=(const Unit&);
  Unit(Unit&&) noexcept;
  Unit& operator=(Unit&&) noexcept;

  // What is different from one to another.

  /// What `update` would fold in; with gradients where the metric is differentiable.
  virtual States states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const = 0;
  static States states_of_batch_of(const Unit& unit, const BatchInputs& batch, bool gradients);
  virtual void merge_own(States& into, const States& from) const = 0;
  static void merge_own_of(const Unit& unit, States& into, const States& from) { unit.merge_own(into, from); }
  virtual void drop_cached_value() = 0;
  /// Folds a batch's states in, all or nothing.
  virtual void accumulate(States&& batch);
  /// Folds in what `update` makes of the neutral element, all or nothing.
  template <class F>
  void fold_apart(States& states, const F& update) const {
    States part = states.fresh();
    update(part);
    merge_part(states, std::move(part));
  }
  /// The text of `update_key`.
  virtual std::string describe_update() const { return to_string(); }
  /// What is kept of the order of the updates, where the value follows from it; null where it does not.
  virtual Recorder* recorder() { return nullptr; }
  /// Whether `reset` leaves the state of that name as it is.
  virtual bool keeps_on_reset(std::string_view /*state*/) const { return false; }
  /// Makes the states read as torchmetrics' would, where that takes more than their names.
  virtual void show_as_torchmetrics(States& /*states*/) const {}
  /// Fills the states that torchmetrics does not have from those that it has.
  virtual void complete_from_torchmetrics(States& /*states*/) const {}
  /// The `List` state whose items are kept flat, empty for none, and the shape in which a state dict shows an item.
  virtual std::string_view flat_list() const { return {}; }
  virtual std::vector<int64_t> item_shape(const States& /*states*/, std::size_t /*item*/) const { return {}; }

  // The states, and values of them.

  /// The states, to be changed.
  States& own_states() { return states_.own(); }
  void replace_states(States states) { states_.replace(std::move(states)); }
  /// What follows a successful change of the states.
  void states_changed();
  /// The local states as `reset` leaves them.
  States reset_states() const;
  void require_not_synced(std::string_view what) const {
    if (local_) throw_synced(what);
  }
  /// Throws Error if a state is reduced by the metric's own merge and there is none.
  void require_own_merge() const;
  /// Whether an input is on the metric's device.
  bool is_here(const Tensor& tensor) const { return tensor.defined() && tensor.device() == device(); }
  [[noreturn]] void throw_wrong_device(const Tensor& tensor, std::string_view input) const;

  /// The ranks that a value is over. A value over one group is none over another, even one of the same ranks.
  struct Ranks {
    bool all = false;  ///< Else this rank alone.
    std::weak_ptr<Synchroniser> group{};
  };
  /// A call of compute: either the cached value stands, or `states` are to be finalised.
  struct ToFinalise {
    Ranks ranks{};
    bool cached = false;
    const States* local = nullptr;
    std::optional<States> merged{};

    const States& states() const { return merged ? *merged : *local; }
  };
  ToFinalise prepare_compute();
  /// The states to finalise for the value of one batch in `forward`.
  ToFinalise prepare_batch_value(const States& batch) const;
  /// Notes that the derived class keeps a value for exactly the present states.
  void value_cached(const Ranks& ranks);
  /// Whether a computed value may be kept for the next call.
  bool keeps_values() const { return metric_options().compute_with_cache && !borrowed_; }
  /// Whether what is computed now is the value of a batch that carries gradients.
  bool records_gradients() const { return borrowed_ && borrowed_->gradients; }

  void description_changed() override;
  void route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) final;
  void collect_units(std::vector<Unit*>& units) override { units.push_back(this); }
  void count_updates(int64_t updates) final;
  int64_t counted_updates() const final { return states_->update_count(); }
  Prepared prepare_change(const std::function<void(States&)>& change) override;
  void save_own_states(StateDict& destination, const std::string& prefix) const override;
  Prepared prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) override;

 private:
  void merge_part(States& into, States part) const;
  States shown_states() const;
  /// Rebuilds the states from torchmetrics' entries.
  States told_by(const States& shown) const;
  /// The same, and restores the auxiliary states from the metadata.
  States completed(const States& shown, const StateDict::Metadata* metadata) const;
  StatesByName exported(const States& shown) const;
  [[noreturn]] void throw_synced(std::string_view what) const;
  void warn_of_no_update() const;
  bool cached_for(const Ranks& ranks) const;
  std::shared_ptr<Synchroniser> group() const;
  bool distributed() const;
  /// The states of each item merged over its ranks, one exchange a group; absent where it has no ranks to merge over,
  /// and where no rank was dirty.
  static std::vector<std::optional<States>> merged_over_ranks(std::span<const SyncItem> items);
  std::optional<States> merged_over_ranks(const States& local, bool dirty) const;
  States merged_by_dist_sync_fn(const States& local) const;
  std::vector<Tensor> gathered_by_dist_sync_fn(const std::string& state, const Tensor& tensor,
                                               const std::shared_ptr<Synchroniser>& ranks) const;
  /// The states that a batch's value is computed from on this rank: the batch's, with those that survive `reset`.
  SharedStates for_batch_value(const SharedStates& batch) const;

  /// What a unit was before others' states were lent to it.
  struct Lender {
    SharedStates states;
    std::shared_ptr<const Ranks> cached;
    bool gradients;
  };
  /// Rounds over one group: another begins with none.
  struct Rounds {
    std::weak_ptr<Synchroniser> group{};
    Round round{};
  };
  Rounds& rounds() const;

  mutable Rounds rounds_;
  SharedStates states_;
  bool pristine_ = true;                                   // whether the states are still those of the declaration
  std::shared_ptr<const Ranks> cached_;                    // null: no value of the present states is kept
  std::optional<SharedStates> local_;                      // the local states while synced
  std::optional<Lender> borrowed_;                         // while the states are another's
  mutable std::shared_ptr<const std::string> layout_;      // built on demand
  mutable std::shared_ptr<const std::string> update_key_;  // built on demand

  friend class Metric;
  friend class Units;
  friend class Borrowing;
  friend METRICS_API void synchronize(std::span<Metric* const>);
};

}  // namespace metrics
