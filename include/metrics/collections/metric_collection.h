#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <ATen/core/ivalue.h>

#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics {

/// Values by name, in the order of a collection's members.
class METRICS_API NamedValues {
 public:
  using Entry = std::pair<std::string, c10::IValue>;

  /// Throws InvalidArgument for anything but a dict with names as keys.
  explicit NamedValues(const c10::IValue& dict);

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool contains(std::string_view name) const;
  /// Throws InvalidArgument for a name that is not there, naming those that are.
  const c10::IValue& at(std::string_view name) const;
  /// The tensor of that name. Throws InvalidArgument where the value is no tensor.
  const Tensor& tensor(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
};

/// Prints `name: value`, a line each.
METRICS_API std::ostream& operator<<(std::ostream& out, const NamedValues& values);

/// Metrics under names, updated, computed and synchronised together.
///
///   MetricCollection metrics({{"accuracy", MulticlassAccuracy({.num_classes = 10})},
///                             {"f1", MulticlassF1Score({.num_classes = 10})}}, {.prefix = "val_"});
///   metrics.update(preds, target);
///   metrics.compute().tensor("val_f1");
///
/// `metrics`: the members, a list of metrics under their classes' names or a dict under names of their own.
/// Members whose updates do the same (equal update keys) keep one state and count once for as long as they are updated
/// together; one that is changed by itself goes on with a copy. Inputs by position go to every member, inputs by name
/// to those that take them. Over ranks all members travel together. A value that is a dict takes its keys' place among
/// the names, with the member's name before them where two members give the same key.
///
/// A collection in a collection is taken apart: its members come under the names that it shows, after `name + "_"`
/// where it has one. Source: torchmetrics.MetricCollection.
class METRICS_API MetricCollection : public Composite {
 public:
  /// A metric with its name in the collection; without one it has its class's.
  struct METRICS_API Member {
    template <std::convertible_to<MetricHandle> M>
    Member(M&& given) : metric(std::forward<M>(given)) {}  // NOLINT: implicit on purpose
    Member(std::string given_name, MetricHandle given) : name(std::move(given_name)), metric(std::move(given)) {}

    std::string name{};
    MetricHandle metric;
  };
  struct Options {
    std::string prefix{};   ///< Before each name of a value.
    std::string postfix{};  ///< After each.
  };

  MetricCollection() : MetricCollection(std::span<const Member>{}) {}
  /// Throws InvalidArgument for a name that occurs twice, is empty or has a dot.
  explicit MetricCollection(std::initializer_list<Member> members) : MetricCollection(members, Options{}) {}
  MetricCollection(std::initializer_list<Member> members, Options options)
      : MetricCollection(std::span<const Member>(members.begin(), members.size()), std::move(options)) {}
  explicit MetricCollection(std::span<const Member> members) : MetricCollection(members, Options{}) {}
  MetricCollection(std::span<const Member> members, Options options);

  /// Metrics by torchmetrics' names, all with the same options.
  static MetricCollection of_names(std::span<const std::string> names, const Kwargs& options = {},
                                   const MetricOptions& common = {});
  /// From options as JSON has them: `metrics`, a list of metrics or a dict of them by name, `prefix` and `postfix`.
  static MetricCollection of_options(const Kwargs& options);
  /// `{"metrics": [{"name": "Accuracy", "options": {…}}, …], "prefix": "val_"}`; for names of their own `metrics` is an
  /// object. Throws InvalidArgument for text that is no such JSON.
  static MetricCollection from_json(std::string_view json);

  MetricCollection(const MetricCollection&) = default;
  MetricCollection& operator=(const MetricCollection&) = default;
  MetricCollection(MetricCollection&&) noexcept = default;
  MetricCollection& operator=(MetricCollection&&) noexcept = default;

  NamedValues compute() { return NamedValues(Metric::compute()); }
  using Metric::forward;
  /// The values of the batch alone.
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) NamedValues forward(const First& first, const More&... more) {
    return NamedValues(Composite::forward(first, more...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }

  std::string_view name() const override { return "MetricCollection"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<MetricCollection>(*this); }
  /// A copy with another prefix and postfix.
  MetricCollection with_names(Options options) const;

  const Options& options() const { return options_; }
  std::size_t size() const { return parts().size(); }
  /// The members' names, without prefix and postfix.
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const { return parts().find(name) < parts().size(); }
  /// Throws InvalidArgument for a name that is not there, naming those that are.
  Metric& operator[](std::string_view name) const;
  /// The member as what it is. Throws InvalidArgument if it is none.
  template <class M>
  M& at(std::string_view name) const {
    if (auto* member = dynamic_cast<M*>(&(*this)[name])) return *member;
    throw_other_class(name);
  }
  /// Adds a metric. Throws InvalidArgument as the constructor does, and for one that is made of this collection.
  void add(Member member);
  /// Takes a member out. Throws InvalidArgument for a name that is not there.
  void remove(std::string_view name);

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override { feed_by_name(inputs, feeds); }
  bool feeds_all_alike() const override { return true; }
  std::string describe_options() const override;

 private:
  /// What the collection that a member came from puts around the keys of a dict, and the member's name without it.
  struct Shown {
    Options around{};
    std::string bare_name{};
  };

  [[noreturn]] void throw_other_class(std::string_view name) const;
  /// Whether two of the names and keys under which members' values would come are equal.
  bool is_a_key_repeated(const std::vector<c10::IValue>& values) const;
  std::size_t index_of(std::string_view name) const;
  void add_one(std::string name, const MetricHandle& metric, Shown shown);

  Options options_;
  std::vector<Shown> shown_;  // for each member
};

}  // namespace metrics
