#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/metric_options.h>
#include <metrics/core/rows.h>
#include <metrics/core/state.h>
#include <metrics/core/state_dict.h>
#include <metrics/export.h>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace c10 {
struct IValue;
}

namespace metrics {

/// Inputs by position and by name in the dynamic face; include `metrics/core/dynamic.h` to use them.
using Args = std::vector<c10::IValue>;
using Kwargs = std::map<std::string, c10::IValue, std::less<>>;

/// What is known of a metric's class; the same for all its instances.
struct MetricTraits {
  std::optional<bool> higher_is_better{};  ///< Unset where neither is better.
  bool is_differentiable = false;          ///< `forward` carries gradients from floating inputs.
  /// The update changes states only after everything that can throw; without it states are saved before each update.
  bool commits_last = false;
  /// The own merge treats each row of each state alike, so that large states can be merged in slices.
  bool merges_rowwise = false;
};

/// Base of all metrics: a commutative monoid of states, with a last step from states to a value.
///
/// What is hard follows here from `States::merge`, once, for every metric: ranks, `forward`, exceptions, checkpoints.
/// A metric is a value: a copy has its own state; one that was moved from may only be assigned to or destroyed.
/// Different metrics may be used from different threads at once, one metric from one thread at a time. Methods that
/// throw leave the metric as it was.
///
/// Here is the dynamic face (c10::IValue in, c10::IValue out); `MetricOf` adds the typed one.
class METRICS_API Metric {
 public:
  virtual ~Metric();

  /// torchmetrics' class name.
  virtual std::string_view name() const = 0;
  virtual const MetricTraits& traits() const = 0;
  /// The class and its options, such as `SumMetric(nan_strategy=warn)`; equal texts mean equal behaviour.
  const std::string& to_string() const;

  /// A text that is equal for metrics whose updates do the same to the same states, whatever their class.
  const std::string& update_key() const;

  /// Folds a batch in. `args` and `kwargs` together give the metric's inputs. Rows that are not valid do not count.
  /// Throws InvalidArgument for inputs that are missing, unknown, ill-typed, on another device or not allowed.
  void update(const Args& args, const Kwargs& kwargs = {}, const Rows& rows = {});
  /// Folds a batch in and returns the value of that batch alone: over all ranks with `dist_sync_on_step`, else of this
  /// rank.
  c10::IValue forward(const Args& args, const Kwargs& kwargs = {}, const Rows& rows = {});
  /// The value over everything accumulated, on all ranks unless `sync_on_compute` is off; then collective.
  /// Warns before the first update. Throws SyncError when the ranks cannot agree.
  c10::IValue compute();

  /// Back to the default states; those that the metric's definition keeps stay as they are.
  void reset();
  virtual std::unique_ptr<Metric> clone() const = 0;
  /// Folds in the states of another metric of the same class and options (torchmetrics' merge_state).
  void merge(const Metric& other);

  int64_t update_count() const { return states_.update_count(); }
  bool update_called() const { return update_count() > 0; }
  at::Device device() const { return states_.device(); }
  /// Dtype of floating results: float32 unless `set_dtype` changed it.
  at::ScalarType dtype() const { return states_.dtype(); }
  const MetricOptions& metric_options() const { return common_; }
  /// Changes how the metric synchronises and caches from the next call on.
  void set_metric_options(MetricOptions common);
  /// The states, by name.
  std::map<std::string, StateValue, std::less<>> metric_state() const;
  const States& states() const { return states_; }

  /// Moves the states.
  void to(at::Device device);
  /// Changes the dtype of floating results and of rows, those stored and those to come. Accumulators stay float64 or
  /// int64.
  void set_dtype(at::ScalarType dtype);

  /// Replaces the states by those merged over all ranks until `unsync`. Collective. No-op without ranks to merge over.
  /// Throws Error when synced already.
  void sync();
  /// Puts the local states back. Throws Error when not synced.
  void unsync();
  /// The second half of `sync`, for those who have synchronised several metrics at once.
  void install_synced(States merged);
  bool is_synced() const { return local_.has_value(); }

  /// Whether states are part of `state_dict`. Off at first.
  void persistent(bool mode) { persistent_ = mode; }
  bool is_persistent() const { return persistent_; }
  /// Adds the states under `prefix + name` if persistent.
  void save_state_dict(StateDict& destination, const std::string& prefix = "") const;
  StateDict state_dict(const std::string& prefix = "") const;
  /// Replaces the states by those in `source`, with the update count if it is there (else it becomes 1), and drops
  /// cached values. Strict: all the metric's states must be there (none is fine when not persistent), no unknown key
  /// under a non-empty prefix, and the class and options that saved them equal, where they are known. Otherwise states
  /// that are missing stay as they are. Throws InvalidArgument naming the key, and then nothing has changed.
  void load_state_dict(const StateDict& source, const std::string& prefix = "", bool strict = true);

  /// Folds `from` into `into` by reductions and the metric's own merge: for synchronisers.
  void merge_states(States& into, const States& from) const;
  /// A text that differs between metrics whose states cannot be merged: class, options, states and reductions.
  const std::string& layout() const;

 protected:
  explicit Metric(MetricOptions common);
  Metric(const Metric&);
  Metric& operator=(const Metric&);
  Metric(Metric&&) noexcept;
  Metric& operator=(Metric&&) noexcept;

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
  /// The local states as `reset` leaves them.
  States reset_states() const;
  /// The states to finalise for the value of one batch in `forward`.
  ToFinalise prepare_batch_value(const States& batch) const;
  /// Notes that the derived class keeps a value for exactly the present states.
  void value_cached(const Ranks& ranks) { cached_ = std::make_shared<const Ranks>(ranks); }
  /// Folds a batch's states in, all or nothing.
  void accumulate(States&& batch);
  /// What follows a successful change of the states.
  void states_changed();
  void require_not_synced(std::string_view what) const {
    if (is_synced()) throw_synced(what);
  }
  /// Whether an input is on the metric's device.
  bool is_here(const Tensor& tensor) const { return tensor.defined() && tensor.device() == device(); }
  [[noreturn]] void throw_wrong_device(const Tensor& tensor, std::string_view input) const;
  /// Throws Error if a state is reduced by the metric's own merge and there is none.
  void require_own_merge() const;

  virtual std::string describe_options() const = 0;
  virtual std::string describe_update() const = 0;
  /// What `update` would fold in.
  virtual States states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows) const = 0;
  virtual void merge_own(States& into, const States& from) const = 0;
  virtual void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) = 0;
  virtual c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) = 0;
  virtual c10::IValue compute_dynamic() = 0;
  virtual void drop_cached_value() = 0;
  /// Whether `reset` leaves the state of that name as it is.
  virtual bool keeps_on_reset(std::string_view state) const = 0;
  /// Makes the states read as torchmetrics' would, where that takes more than their names.
  virtual void show_as_torchmetrics(States& states) const = 0;
  /// Fills the states that torchmetrics does not have from those that it has.
  virtual void complete_from_torchmetrics(States& states) const = 0;
  /// The `List` state whose items are kept flat, empty for none, and the shape in which a state dict shows an item.
  virtual std::string_view flat_list() const = 0;
  virtual std::vector<int64_t> item_shape(const States& states, std::size_t item) const = 0;

  States states_;

 private:
  States shown_states() const;
  /// The states that follow from those that torchmetrics would have.
  States told_by(const States& shown) const;
  /// The same, with those put back that torchmetrics' form does not tell.
  States completed(const States& shown, const StateDict::Metadata* metadata) const;
  std::map<std::string, StateValue, std::less<>> exported(const States& shown) const;
  [[noreturn]] void throw_synced(std::string_view what) const;
  bool cached_for(const Ranks& ranks) const;
  std::shared_ptr<Synchroniser> group() const;
  bool distributed() const;
  std::optional<States> merged_over_ranks(const States& local, bool dirty) const;
  States merged_by_dist_sync_fn(const States& local) const;
  std::vector<Tensor> gathered_by_dist_sync_fn(const std::string& state, const Tensor& tensor,
                                               const std::shared_ptr<Synchroniser>& ranks) const;

  MetricOptions common_;
  std::shared_ptr<const Ranks> cached_;  // null: no value of the present states is kept
  std::optional<States> local_;          // the local states while synced
  bool persistent_ = false;
  mutable std::shared_ptr<const std::string> text_;        // built on demand
  mutable std::shared_ptr<const std::string> layout_;      // built on demand
  mutable std::shared_ptr<const std::string> update_key_;  // built on demand

  friend METRICS_API void update_together(std::span<Metric* const>, const Args&, const Kwargs&, const Rows&);
};

/// Updates several metrics with one batch: those with equal update keys share one pass over it. All or nothing: when
/// one throws, none has changed. A metric that is given twice is updated once. See also update_together.h.
METRICS_API void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs = {},
                                 const Rows& rows = {});

/// Prints the class with its options.
METRICS_API std::ostream& operator<<(std::ostream& out, const Metric& metric);

/// `sync` for a scope: merged states inside, the local ones after it.
class METRICS_API SyncScope {
 public:
  explicit SyncScope(Metric& metric) : metric_(metric) { metric_.sync(); }
  ~SyncScope() {
    if (metric_.is_synced()) metric_.unsync();
  }
  SyncScope(const SyncScope&) = delete;
  SyncScope& operator=(const SyncScope&) = delete;

 private:
  Metric& metric_;
};

}  // namespace metrics
