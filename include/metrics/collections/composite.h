#pragma once

#include <metrics/collections/handle.h>
#include <metrics/core/batch_inputs.h>
#include <metrics/core/by_position.h>
#include <metrics/core/metric.h>
#include <metrics/core/units.h>
#include <metrics/export.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics {

/// The metrics that another is made of, each under a name. A copy has copies of them, of their children too, in which a
/// metric that occurred twice is again one.
class METRICS_API Children {
 public:
  struct Child {
    std::string name;
    std::shared_ptr<Metric> metric;
  };

  Children() = default;
  Children(const Children& other);
  Children& operator=(const Children& other) { return *this = Children(other); }
  Children(Children&&) noexcept = default;
  Children& operator=(Children&&) noexcept = default;
  ~Children() = default;

  void add(std::string name, const MetricHandle& metric) { children_.push_back({std::move(name), metric.pointer()}); }
  void remove(std::size_t index) { children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index)); }
  /// The index of the child of that name; `size()` if there is none.
  std::size_t find(std::string_view name) const;

  std::size_t size() const { return children_.size(); }
  Metric& operator[](std::size_t index) const { return *children_.at(index).metric; }
  auto begin() const { return children_.begin(); }
  auto end() const { return children_.end(); }

 private:
  std::vector<Child> children_;
};

/// A metric that is made of others and has no data of its own: base of collections, composed metrics and wrappers.
///
/// What derives from it says which inputs its children get (`feed`; all of them the same if it does not) and how its
/// value follows from theirs (`value`). Ranks, `forward`, failures, clones and state dicts follow: an update changes
/// all children or none, those that are alike share one pass over the batch, a module that makes features for several
/// of them runs once (`SharedFeatures`), and all that is to be merged over ranks travels in one exchange a group.
class METRICS_API Composite : public ByPosition<Metric> {
 public:
  const MetricTraits& traits() const override;
  std::vector<ChildMetric> children() const override;
  /// Whether one of the children takes it.
  bool takes_input(std::string_view name) const override;
  void reset() override;
  int64_t update_count() const override { return own_.update_count(); }
  bool is_synced() const override;
  at::Device device() const override { return own_.device(); }
  at::ScalarType dtype() const override { return own_.dtype(); }
  StatesByName metric_state() const override;

 protected:
  explicit Composite(Children children = {}) : ByPosition(MetricOptions{}), children_(std::move(children)) {}
  Composite(const Composite& other);
  Composite& operator=(const Composite& other);
  Composite(Composite&&) noexcept = default;
  Composite& operator=(Composite&&) noexcept = default;

  /// The value from those of the children, which `compute` gives: over the data that is asked for, whatever it is.
  virtual c10::IValue value() = 0;

  /// The value of a child. An error of its own says which child it was.
  c10::IValue value_of_child(Metric& child) const;

  const Children& parts() const { return children_; }
  Children& parts() { return children_; }

  /// Routes to each child what it gets of the inputs.
  virtual void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds);
  /// Whether `feed` gives each child the inputs as they come, if they are by position.
  virtual bool feeds_all_alike() const { return false; }
  /// For how many inputs features are kept for the time of a batch.
  virtual std::size_t most_shared_features() const { return children_.size(); }
  /// Gives each child the inputs by position, and by name those that it takes. Throws InvalidArgument for an input that
  /// none takes.
  void feed_by_name(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds);
  void route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
  void collect_units(std::vector<Unit*>& units) override;
  void collect_recorders(std::vector<Recorder*>& recorders) override;
  void count_updates(int64_t updates) override { own_.set_update_count(own_.update_count() + updates); }
  int64_t counted_updates() const override { return own_.update_count(); }

  void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue compute_dynamic() override;
  /// Calls `f` while the units have what they hold over the ranks; what was recorded meanwhile stands if it succeeds.
  template <class F>
  auto over_ranks(const F& f);

  /// The children's texts.
  std::string describe_options() const override;
  Prepared prepare_change(const std::function<void(States&)>& change) override;
  void save_own_states(StateDict& destination, const std::string& prefix) const override;
  Prepared prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) override;

 private:
  /// Runs what belongs to the units; an error of one of them says which it was. `work` gets a pointer in which it keeps
  /// the unit that it is at.
  template <class Work>
  auto for_units(const Work& work) const;
  /// Throws the present exception again with the place of the metric that it comes from. Ranks that cannot agree are
  /// no member's error.
  [[noreturn]] void rethrow_from(const std::string& place) const;
  /// Whether the plan of the last update holds for these children.
  bool has_plan() const;
  /// Has the units of this copy keep their states in one place where those of the original do.
  void join_states_as_in(const Composite& other);

  Children children_;
  States own_;       // none: the device and dtype that are asked for, and the number of updates
  UpdatePlan plan_;  // none where children get inputs of their own
};

template <class F>
auto Composite::over_ranks(const F& f) {
  Borrowing borrowing;
  borrowing.lend_merged(*this);
  std::vector<Recorder*> recorders;
  collect_recorders(recorders);
  Records records(recorders);
  auto found = f();
  records.let_stand();
  return found;
}

}  // namespace metrics
