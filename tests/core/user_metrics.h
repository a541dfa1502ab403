#pragma once

#include <metrics/core/define.h>

#include <ATen/ATen.h>

#include <stdexcept>
#include <thread>

// Metrics of a user, made to show what the base class does.

namespace metrics::testing {

using namespace std::string_view_literals;

/// The sum of its inputs, kept in every kind of state. Changes all of them before it finds out that it has to throw.
struct TallyDefinition {
  static constexpr std::string_view name = "Tally";
  struct Options {
    double scale = 1;
    bool finalise_throws = false;
    static constexpr auto fields() { return metrics::fields<&Options::scale, &Options::finalise_throws>(); }
  };
  static constexpr std::array inputs{"value"sv};
  static constexpr MetricTraits traits{};

  static void declare(States& states, const Options&) {
    states.add("total", Reduction::Sum, at::zeros({}));
    states.add({"values", "calls"}, Reduction::Sum, at::zeros({2}, at::kLong));
    states.add("mean", Reduction::Mean, at::zeros({}));
    states.add("highest", Reduction::Max, at::full({}, -1e30));
    states.add("rows", Reduction::Cat);
    states.add("items", Reduction::List);
    states.add("last", Reduction::Own, at::zeros({}));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["rows"].append(value);
    states["items"].append_item(value);
    states["total"].add(value.sum());
    states["values"].counts()[0] += value.numel();
    states["values"].counts()[1] += 1;
    states["mean"].average(value.mean(), states.update_count());
    states["highest"].raise(value.max());
    states["last"].set(value.flatten()[-1]);
    if (value.lt(0).any().item<bool>()) throw std::runtime_error("a negative value");
  }
  static void merge(States& into, const States& from, const Options&) {
    if (from.update_count() > 0) into["last"].set(from["last"].tensor());
  }
  static Tensor finalise(const States& states, const Options& options) {
    ++finalised;
    if (options.finalise_throws) throw std::runtime_error("no value");
    return options.scale == 1 ? states["total"].tensor() : states["total"].tensor() * options.scale;
  }

  static inline thread_local int finalised = 0;
};
using Tally = MetricOf<TallyDefinition>;

/// The mean squared error, made of differentiable operators.
struct ErrorDefinition {
  static constexpr std::string_view name = "SquaredError";
  using Options = NoOptions;
  static constexpr std::array inputs{"preds"sv, "target"sv};
  static constexpr MetricTraits traits{.higher_is_better = false, .is_differentiable = true};

  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Sum, at::zeros({}));
    states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
    states.add("rows", Reduction::Cat);
  }
  static void update(States& states, const Options&, const Tensor& preds, const Tensor& target) {
    states["sum"].add((preds - target).square().sum());
    states["total"].counts()[0] += target.numel();
    states["rows"].append(preds);
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["sum"].tensor() / states["total"].tensor();
  }
};
using SquaredError = MetricOf<ErrorDefinition>;

/// What it was given, all of it: inputs of several kinds, a result with names, and the rows as they came.
struct SeenDefinition {
  static constexpr std::string_view name = "Seen";
  static constexpr std::string_view functional = "seen";
  struct Options {
    int64_t factor = 0;
    static constexpr auto fields() { return metrics::fields<&Options::factor>(1); }
  };
  static constexpr std::array inputs{"value"sv, "words"sv, "weight"sv};
  static constexpr MetricTraits traits{.commits_last = true};
  struct Result {
    Tensor value, words;
    static constexpr auto fields() { return metrics::fields<&Result::value, &Result::words>(); }
  };

  static void declare(States& states, const Options&) {
    states.add("value", Reduction::Cat);
    states.add("words", Reduction::Sum, at::zeros({}, at::kLong));
  }
  static void update(States& states, const Options& options, const Tensor& value, const std::vector<std::string>& words,
                     const std::optional<Values>& weight) {
    const Tensor weighted = value * options.factor;
    states["value"].append(weight ? weighted * weight->tensor() : weighted);
    for (const std::string& word : words) states["words"].counts()[0] += static_cast<int64_t>(word.size());
  }
  static Result finalise(const States& states, const Options&) {
    const Tensor value = states["value"].tensor();
    return {value.defined() ? value : at::empty({0}), states["words"].tensor()};
  }
  static Options example() { return {.factor = 1}; }
};
using Seen = MetricOf<SeenDefinition>;

/// The ids of the rows that are valid.
struct IdsDefinition {
  static constexpr std::string_view name = "Ids";
  using Options = NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr MetricTraits traits{};

  static void declare(States& states, const Options&) { states.add("ids", Reduction::Cat); }
  static void update(States& states, const Options&, const Tensor&, const Rows& rows) {
    states["ids"].append(rows.valid ? rows.ids->index({*rows.valid}) : *rows.ids);
  }
  static Tensor finalise(const States& states, const Options&) { return states["ids"].tensor(); }
};
using Ids = MetricOf<IdsDefinition>;

}  // namespace metrics::testing
