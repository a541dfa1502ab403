#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/metric_options.h>
#include <metrics/core/rows.h>
#include <metrics/core/shared_states.h>
#include <metrics/core/state.h>
#include <metrics/core/state_dict.h>
#include <metrics/export.h>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

class Metric;
struct SyncItem;

METRICS_API void synchronize(std::span<Metric* const> metrics);  // described in distributed/synchronize.h

/// A metric that another one is made of, under the name that it has there.
struct ChildMetric {
  std::string name;
  Metric* metric;
};

/// A batch in the dynamic face, for whichever metrics take it; see batch_inputs.h.
struct BatchInputs;

/// Base of all metrics: a commutative monoid of states, with a last step from states to a value.
///
/// What is hard follows here from `States::merge`, once, for every metric: ranks, `forward`, exceptions, checkpoints.
/// A metric is a value: a copy has its own state; one that was moved from may only be assigned to or destroyed.
/// Different metrics may be used from different threads at once, one metric from one thread at a time. Methods that
/// throw leave the metric as it was.
///
/// A metric may be made of others, its children (collections, composed metrics, wrappers): then what is said here of
/// the states goes for theirs, too, and one that occurs twice among them is one metric.
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

  /// The metrics that this one is made of, in order; a state dict keeps each under `name + "."`.
  virtual std::vector<ChildMetric> children() const;
  /// Whether `update` has an input of that name.
  virtual bool takes_input(std::string_view name) const = 0;

  /// A text that is equal for metrics whose updates do the same to the same states, whatever their class.
  const std::string& update_key() const;

  /// Folds a batch in. `args` and `kwargs` together give the metric's inputs. Rows that are not valid do not count.
  /// Throws InvalidArgument for inputs that are missing, unknown, ill-typed, on another device or not allowed.
  void update(const Args& args, const Kwargs& kwargs = {}, const Rows& rows = {});
  /// Folds a batch in and returns the value of that batch alone: over all ranks with `dist_sync_on_step`, else of this
  /// rank.
  c10::IValue forward(const Args& args, const Kwargs& kwargs = {}, const Rows& rows = {});
  /// `forward`, as calling a metric is in Python; with inputs of their own types in the typed face.
  c10::IValue operator()(const Args& args, const Kwargs& kwargs = {}, const Rows& rows = {});
  /// The value over everything accumulated, on all ranks unless `sync_on_compute` is off; then collective.
  /// Warns before the first update. Throws SyncError when the ranks cannot agree.
  c10::IValue compute();

  /// Back to the default states; those that the metric's definition keeps stay as they are.
  virtual void reset();
  virtual std::unique_ptr<Metric> clone() const = 0;
  /// Folds in the states of another metric of the same class and options (torchmetrics' merge_state). Throws Error for
  /// one whose value follows from the order of its own updates.
  virtual void merge(const Metric& other);

  /// How many updates there were since the last `reset`.
  virtual int64_t update_count() const { return states_->update_count(); }
  bool update_called() const { return update_count() > 0; }
  at::Device device() const { return states_->device(); }
  /// Dtype of floating results: float32 unless `set_dtype` changed it.
  at::ScalarType dtype() const { return states_->dtype(); }
  const MetricOptions& metric_options() const { return common_; }
  /// Which metric this is among those of equal class and options: "named `train`", or without `MetricOptions::name`
  /// where the program made it, "made at train.cpp:12:5"; empty where neither is known. Copies keep it. Ranks that
  /// synchronise have to agree on it.
  std::string identity() const;
  /// Says in what place of the program the metric was made, and those that it is made of: for functions that make
  /// metrics for their callers.
  void set_made_at(std::source_location place);
  /// Changes how the metric synchronises and caches from the next call on.
  void set_metric_options(MetricOptions common);
  /// The states, by name; a child's under its name and a dot.
  std::map<std::string, StateValue, std::less<>> metric_state() const;
  /// The metric's own states, without those of its children.
  const States& states() const { return *states_; }
  /// Whether the two keep their states in one place, as they may while they are updated together.
  bool shares_states_with(const Metric& other) const { return states_.is_one_with(other.states_); }

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
  /// The second half of `sync` for a metric without children, for those who have merged its states by themselves.
  void install_synced(States merged);
  bool is_synced() const;

  /// Whether states are part of `state_dict`. Off at first.
  void persistent(bool mode);
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
  /// How often the metric was reset, and synchronised since, over its present group. Ranks whose rounds differ are not
  /// in the same call.
  struct Round {
    int64_t resets = 0;
    int64_t synchronisations = 0;

    bool operator==(const Round&) const = default;
  };
  Round round() const;
  /// Counts a synchronisation that went well: for synchronisers.
  void count_synchronisation() const;

  /// The metrics in whose states all of this one's data are: itself, or those among its children. Each once.
  std::vector<Metric*> units();

 protected:
  explicit Metric(MetricOptions common, std::source_location made_at = {});
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
  /// Whether a computed value may be kept for the next call.
  bool keeps_values() const { return common_.compute_with_cache && !borrowed_; }
  /// Whether what is computed now is the value of a batch that carries gradients.
  static bool records_gradients(const Metric* metric) { return metric->borrowed_ && metric->borrowed_->gradients; }
  /// Folds a batch's states in, all or nothing.
  virtual void accumulate(States&& batch);
  /// What follows a successful change of the states.
  void states_changed();
  /// The text of the class and its options has changed.
  void description_changed() { text_ = layout_ = update_key_ = nullptr; }
  void require_not_synced(std::string_view what) const {
    if (local_) throw_synced(what);
  }
  /// Whether an input is on the metric's device.
  bool is_here(const Tensor& tensor) const { return tensor.defined() && tensor.device() == device(); }
  [[noreturn]] void throw_wrong_device(const Tensor& tensor, std::string_view input) const;
  /// Throws Error if a state is reduced by the metric's own merge and there is none.
  void require_own_merge() const;

  /// The states, to be changed.
  States& own_states() { return states_.own(); }
  void replace_states(States states) { states_.replace(std::move(states)); }

  // What a metric that is made of others does with a batch: it says which of its units gets which inputs, and the rest
  // is done for all of them at once.

  /// The inputs of one metric.
  struct Feed {
    Metric* metric;
    std::shared_ptr<const BatchInputs> inputs;
  };
  struct Feeds {
    std::vector<Feed> units;
    std::vector<Feed> passed;  ///< The metrics made of others through which the inputs have come to the units.
  };
  /// Says which inputs each unit gets.
  virtual void route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds);
  static void route_to(Metric& child, const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
    child.route(inputs, feeds);
  }
  virtual void collect_units(std::vector<Metric*>& units);
  /// The name under which a metric below this one stands in its state dict, such as `extremes._base_metric`; empty for
  /// one that is not below it.
  std::string place_of(const Metric& metric) const;
  static void collect_units_of(Metric& child, std::vector<Metric*>& units) { child.collect_units(units); }
  /// Has two metrics with equal states and update keys keep them in one place.
  static void join_states(Metric& metric, const Metric& with) { metric.states_.join(with.states_); }
  /// How many updates a change brings to each of some metrics.
  using UpdateCounts = std::vector<std::pair<Metric*, int64_t>>;
  /// Updates the units, all or nothing; alike ones with the same inputs share one pass over them. `in_work` is left at
  /// the unit that failed, here and below.
  static void update_units(const Feeds& feeds, const Metric** in_work = nullptr);

  /// For its life, units have other states than their own: those of a batch, or those merged over the ranks.
  class METRICS_API Borrowing {
   public:
    Borrowing() = default;
    ~Borrowing();
    Borrowing(const Borrowing&) = delete;
    Borrowing& operator=(const Borrowing&) = delete;

    void lend(Metric& unit, SharedStates states, bool gradients = false);

   private:
    std::vector<Metric*> borrowers_;
  };
  /// Lends the units of this metric what they hold over all ranks, where that is asked for; one exchange a group.
  void borrow_merged(Borrowing& borrowing);
  /// The states of a batch, one for each unit that is fed, in the order of `units`.
  struct BatchStates {
    std::vector<Metric*> units;
    std::vector<SharedStates> states;  ///< In one place for units that have the same.
    UpdateCounts passed{};  ///< For metrics that are made of units, whose own states count no more than that.
  };
  static BatchStates batch_states(const Feeds& feeds, const Metric** in_work = nullptr);
  /// Lends the units what their value of a batch is taken from: over the ranks with `dist_sync_on_step`; those without
  /// a batch have their default states.
  void borrow_batch(Borrowing& borrowing, const BatchStates& batch);
  /// Folds the batch in, all or nothing.
  static void accumulate_batch(BatchStates&& batch, const Metric** in_work = nullptr);

  // A metric whose value follows from the order of its updates, or from the values that it has given, keeps a history
  // beside its states, an object that never changes: it is gone back to when another metric fails, and moved and saved
  // with the states.

  /// Adds the metrics whose history is of their values: of this one and those below it.
  virtual void collect_recorders(std::vector<Metric*>& recorders);
  static void collect_recorders_of(Metric& child, std::vector<Metric*>& found) { child.collect_recorders(found); }
  /// What those at and below a metric have recorded of their values: put back at the end, unless it is let stand.
  class METRICS_API Records {
   public:
    explicit Records(Metric& metric);
    ~Records();
    Records(const Records&) = delete;
    Records& operator=(const Records&) = delete;

    void let_stand() { before_.clear(); }

   private:
    std::vector<std::pair<Metric*, std::shared_ptr<const void>>> before_;
  };
  virtual bool has_history() const { return false; }
  virtual std::shared_ptr<const void> history() const { return nullptr; }
  virtual void restore_history(std::shared_ptr<const void> /*history*/) {}
  /// The history with `change` applied to all states in it.
  virtual std::shared_ptr<const void> changed_history(const std::function<void(States&)>& /*change*/) const {
    return nullptr;
  }

  using StatesByName = std::map<std::string, StateValue, std::less<>>;
  using Keys = std::set<std::string, std::less<>>;
  /// The metric's own states in torchmetrics' form, without its children's.
  virtual StatesByName own_metric_state() const;
  /// Adds the metric's own states to a state dict.
  virtual void save_own_states(StateDict& destination, const std::string& prefix) const;
  struct Loaded {
    States states;
    std::shared_ptr<const void> history{};
  };
  /// The metric's own states as `source` gives them, absent where it has none; adds its keys to `known`.
  virtual std::optional<Loaded> loaded_from(const StateDict& source, const std::string& prefix, bool strict,
                                            Keys& known) const;

  virtual std::string describe_options() const = 0;
  virtual std::string describe_update() const = 0;
  /// What `update` would fold in; with gradients where the metric is differentiable.
  virtual States states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const = 0;
  virtual void merge_own(States& into, const States& from) const = 0;
  static States states_of_batch_of(const Metric& metric, const BatchInputs& batch, bool gradients);
  static void merge_own_of(const Metric& metric, States& into, const States& from) { metric.merge_own(into, from); }
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

 private:
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
  /// The states that a batch's value is computed from on this rank: the batch's, with those that survive `reset`.
  SharedStates for_batch_value(const SharedStates& batch) const;
  /// What a unit was before others' states were lent to it.
  struct Lender {
    SharedStates states;
    std::shared_ptr<const Ranks> cached;
    bool gradients;
  };
  struct Cluster;
  struct Before;
  struct Alike;
  static std::vector<Alike> alike(const std::vector<Feed>& feeds);
  static UpdateCounts counts_of(const std::vector<Feed>& passed);
  static void count_updates(const UpdateCounts& counts);
  /// This metric and all below it, each once, with the prefixes of all its places in a state dict.
  struct Node {
    Metric* metric;
    std::vector<std::string> prefixes;
  };
  std::vector<Node> nodes(const std::string& prefix = "");
  /// The updates that those of them which are no units have had in another one that is made alike.
  UpdateCounts counts_passed_in(Metric& other, const std::vector<Metric*>& own_units);
  /// Applies a change to the states of all of them, all or nothing.
  void change_states_of_all(const std::function<void(States&)>& change);
  States merged_by_dist_sync_fn(const States& local) const;
  std::vector<Tensor> gathered_by_dist_sync_fn(const std::string& state, const Tensor& tensor,
                                               const std::shared_ptr<Synchroniser>& ranks) const;

  /// Rounds over one group: another begins with none.
  struct Rounds {
    std::weak_ptr<Synchroniser> group{};
    Round round{};
  };
  Rounds& rounds() const;

  MetricOptions common_;
  std::source_location made_at_;
  mutable Rounds rounds_;
  SharedStates states_;
  bool pristine_ = true;                 // whether the states are still those of the declaration
  std::shared_ptr<const Ranks> cached_;  // null: no value of the present states is kept
  std::optional<SharedStates> local_;    // the local states while synced
  std::optional<Lender> borrowed_;       // while the states are another's
  bool persistent_ = false;
  mutable std::shared_ptr<const std::string> text_;        // built on demand
  mutable std::shared_ptr<const std::string> layout_;      // built on demand
  mutable std::shared_ptr<const std::string> update_key_;  // built on demand

  friend METRICS_API void update_together(std::span<Metric* const>, const Args&, const Kwargs&, const Rows&);
  friend METRICS_API void synchronize(std::span<Metric* const>);
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
