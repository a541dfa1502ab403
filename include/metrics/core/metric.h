#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/metric_options.h>
#include <metrics/core/recorder.h>
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
class Unit;
struct Feeds;  // see units.h

METRICS_API void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs = {},
                                 const Rows& rows = {});  // described in update_together.h

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
/// There are two kinds: a `Unit` has states of its own, and a `Composite` is made of others, its children (collections,
/// composed metrics, wrappers). What is said here of the states goes for those of the children, too, and a child that
/// occurs twice is one metric.
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
  /// Whether `update` has an input of that name.
  virtual bool takes_input(std::string_view name) const = 0;

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
  virtual void reset() = 0;
  virtual std::unique_ptr<Metric> clone() const = 0;
  /// Folds in the states of another metric of the same class and options (torchmetrics' merge_state). Throws Error for
  /// one whose value follows from the order of its own updates.
  void merge(const Metric& other);

  /// How many updates there were since the last `reset`.
  virtual int64_t update_count() const = 0;
  bool update_called() const { return update_count() > 0; }

  /// Replaces the states by those merged over all ranks until `unsync`. Collective. No-op without ranks to merge over.
  /// Throws Error when synced already.
  void sync();
  /// Puts the local states back. Throws Error when not synced.
  void unsync();
  virtual bool is_synced() const = 0;

  virtual at::Device device() const = 0;
  /// Dtype of floating results: float32 unless `set_dtype` changed it.
  virtual at::ScalarType dtype() const = 0;
  /// Moves the states.
  void to(at::Device device);
  /// Changes the dtype of floating results and of rows, those stored and those to come. Accumulators stay float64 or
  /// int64.
  void set_dtype(at::ScalarType dtype);

  const MetricOptions& metric_options() const { return common_; }
  /// Changes how the metric synchronises and caches from the next call on.
  virtual void set_metric_options(MetricOptions common);
  /// Which metric this is among those of equal class and options: "named `train`", or without `MetricOptions::name`
  /// where the program made it, "made at train.cpp:12:5"; empty where neither is known. Copies keep it. Ranks that
  /// synchronise have to agree on it.
  std::string identity() const;
  /// Says in what place of the program the metric was made, and those that it is made of: for functions that make
  /// metrics for their callers.
  void set_made_at(std::source_location place);

  /// The states, by name; a child's under its name and a dot.
  virtual StatesByName metric_state() const = 0;
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

  /// The metrics that this one is made of, in order; a state dict keeps each under `name + "."`.
  virtual std::vector<ChildMetric> children() const;
  /// The metrics in whose states all of this one's data are: itself, or those below it. Each once.
  std::vector<Unit*> units();

 protected:
  explicit Metric(MetricOptions common, std::source_location made_at = {});
  Metric(const Metric&);
  Metric& operator=(const Metric&);
  Metric(Metric&&) noexcept;
  Metric& operator=(Metric&&) noexcept;

  virtual std::string describe_options() const = 0;
  /// The text of the class and its options has changed.
  virtual void description_changed() { text_ = nullptr; }

  virtual void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) = 0;
  virtual c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) = 0;
  virtual c10::IValue compute_dynamic() = 0;

  // How one metric reaches those below it; the static functions are for those that are made of others.

  /// Says which inputs each unit gets.
  virtual void route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) = 0;
  static void route_to(Metric& child, const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
    child.route(inputs, feeds);
  }
  virtual void collect_units(std::vector<Unit*>& units) = 0;
  static void collect_units_of(Metric& child, std::vector<Unit*>& units) { child.collect_units(units); }
  /// Adds what those at and below this metric have recorded of their values.
  virtual void collect_recorders(std::vector<Recorder*>& recorders);
  static void collect_recorders_of(Metric& child, std::vector<Recorder*>& found) { child.collect_recorders(found); }
  /// Counts updates that the metric had by those below it, and says how many there were.
  virtual void count_updates(int64_t updates) = 0;
  virtual int64_t counted_updates() const = 0;

  /// A change that is prepared: what can fail has been done, and a call makes it so.
  using Prepared = std::function<void()>;
  /// Prepares a change of where and how the states are kept: their device, their dtype.
  virtual Prepared prepare_change(const std::function<void(States&)>& change) = 0;

  using Keys = std::set<std::string, std::less<>>;
  /// Adds what the metric itself holds to a state dict.
  virtual void save_own_states(StateDict& destination, const std::string& prefix) const = 0;
  /// Prepares to become what `source` gives for the metric itself, null where it has nothing; adds its keys to `known`.
  virtual Prepared prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) = 0;
  /// Throws InvalidArgument if a state dict says that another class or other options saved what is under `prefix`.
  void require_saved_alike(const StateDict& source, const std::string& prefix) const;

 private:
  void change_all(const std::function<void(States&)>& change);
  /// The updates that those below and at this metric which are no units have had in another one that is made alike.
  std::vector<std::pair<Metric*, int64_t>> counts_passed_in(const Metric& other);

  MetricOptions common_;
  std::source_location made_at_;
  bool persistent_ = false;
  mutable std::shared_ptr<const std::string> text_;  // built on demand

  friend class Units;
  friend METRICS_API void update_together(std::span<Metric* const>, const Args&, const Kwargs&, const Rows&);
};

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
