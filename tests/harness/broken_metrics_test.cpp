// The harness itself: each metric here is wrong in one respect, which the way named has to find.

#include "harness/check_metric.h"
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace metrics::testing;

namespace {

using metrics::MetricTraits;
using metrics::Reduction;
using metrics::Rows;
using metrics::States;
using metrics::Tensor;
using namespace std::string_view_literals;

/// Counts and sums as it should.
struct Sound {
  static constexpr std::string_view name = "HarnessSound";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr MetricTraits traits{};
  static void declare(States& states, const Options&) { states.add("sum", Reduction::Sum, at::scalar_tensor(0.0)); }
  static void update(States& states, const Options&, const Tensor& value) { states["sum"].add(value.sum(at::kDouble)); }
  static Tensor finalise(const States& states, const Options&) { return states["sum"].tensor(); }
};

/// Says by its parameter that it counts weights, and does not.
struct ForgetsWeights : Sound {
  static constexpr std::string_view name = "HarnessForgetsWeights";
  static void update(States& states, const Options& options, const Tensor& value, const metrics::Weights&) {
    Sound::update(states, options, value);
  }
};

struct MergesWrongly : Sound {
  static constexpr std::string_view name = "HarnessMergesWrongly";
  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Own, at::scalar_tensor(0.0, at::kDouble));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].set(states["sum"].tensor() + value.sum(at::kDouble));
  }
  static void merge(States& into, const States& from, const Options&) { into["sum"].set(from["sum"].tensor()); }
};

struct CountsInvalidRows : Sound {
  static constexpr std::string_view name = "HarnessCountsInvalidRows";
  static void update(States& states, const Options&, const Tensor& value, const Rows&) {
    states["sum"].add(value.nan_to_num().clamp(-1000, 1000).sum(at::kDouble));
  }
};

struct LooksAtPosition : Sound {
  static constexpr std::string_view name = "HarnessLooksAtPosition";
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add((value * at::arange(value.numel())).sum(at::kDouble));
  }
};

struct WritesToItsInput : Sound {
  static constexpr std::string_view name = "HarnessWritesToItsInput";
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.sum(at::kDouble));
    const_cast<Tensor&>(value).add_(1);
  }
};

struct RemembersOutsideItsStates : Sound {
  static constexpr std::string_view name = "HarnessRemembers";
  static inline double total = 0;
  static void update(States& states, const Options&, const Tensor& value) {
    total += value.sum(at::kDouble).item<double>();
    states["sum"].add(value.sum(at::kDouble));
  }
  static Tensor finalise(const States&, const Options&) { return at::scalar_tensor(total); }
};

struct RefusesNoRows : Sound {
  static constexpr std::string_view name = "HarnessRefusesNoRows";
  static void update(States& states, const Options&, const Tensor& value) {
    if (value.numel() == 0) throw metrics::InvalidArgument("value is empty");
    states["sum"].add(value.sum(at::kDouble));
  }
};

struct ReadsMemoryAsIfDense : Sound {
  static constexpr std::string_view name = "HarnessReadsDense";
  static void update(States& states, const Options&, const Tensor& value) {
    double sum = 0;
    const Tensor same = value.to(at::kFloat);
    for (int64_t i = 0; i < same.numel(); ++i) sum += same.const_data_ptr<float>()[i];
    states["sum"].add(at::scalar_tensor(sum, at::kDouble));
  }
};

struct RoundsInHalf : Sound {
  static constexpr std::string_view name = "HarnessRoundsInHalf";
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.sum().to(at::kDouble));
  }
};

struct ChangesBeforeItThrows : Sound {
  static constexpr std::string_view name = "HarnessChangesBeforeItThrows";
  static constexpr MetricTraits traits{.commits_last = true};
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.sum(at::kDouble));
    if (value.numel() == 1) throw metrics::InvalidArgument("value has one row");
  }
};

/// Adds to a second state after it has added to the first.
struct AddsTwice : Sound {
  static constexpr std::string_view name = "HarnessAddsTwice";
  static void declare(States& states, const Options& options) {
    Sound::declare(states, options);
    states.add("rows", Reduction::Cat);
  }
  static void update(States& states, const Options& options, const Tensor& value) {
    Sound::update(states, options, value);
    states["rows"].append(value);
  }
};

struct CommitsInBetween : AddsTwice {
  static constexpr std::string_view name = "HarnessCommitsInBetween";
  static constexpr MetricTraits traits{.commits_last = true};
};

struct Swallows : AddsTwice {
  static constexpr std::string_view name = "HarnessSwallows";
  static void update(States& states, const Options& options, const Tensor& value) {
    Sound::update(states, options, value);
    try {
      states["rows"].append(value);
    } catch (const metrics::Error&) {
    }
  }
};

/// Writes through what is there to be read.
struct WritesInFinalise : Sound {
  static constexpr std::string_view name = "HarnessWritesInFinalise";
  static Tensor finalise(const States& states, const Options&) {
    Tensor value = states["sum"].tensor().clone();
    states["sum"].tensor().add_(1);
    return value;
  }
};

struct Differentiable : Sound {
  static constexpr std::string_view name = "HarnessDifferentiable";
  static constexpr MetricTraits traits{.is_differentiable = true};
};

struct LosesGradients : Differentiable {
  static constexpr std::string_view name = "HarnessLosesGradients";
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.detach().sum(at::kDouble));
  }
};

struct HasWrongGradients : Differentiable {
  static constexpr std::string_view name = "HarnessHasWrongGradients";
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add((value + (value - value.detach()) * 2).sum(at::kDouble));
  }
};

/// Multiplies a count by a number of C++, which makes float32 of it.
struct HalvesInFloat32 : Sound {
  static constexpr std::string_view name = "HarnessHalvesInFloat32";
  static void declare(States& states, const Options&) {
    states.add("count", Reduction::Sum, at::scalar_tensor(0, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["count"].add(at::scalar_tensor(value.numel(), at::kLong));
  }
  static Tensor finalise(const States& states, const Options&) { return states["count"].tensor() * 0.5; }
};

/// Squares a count as an integer.
struct Overflows : HalvesInFloat32 {
  static constexpr std::string_view name = "HarnessOverflows";
  static Tensor finalise(const States& states, const Options&) {
    const Tensor count = states["count"].tensor();
    return (count * count).to(at::kDouble) / (count.to(at::kDouble) * count.to(at::kDouble));
  }
};

template <class D>
Case case_of() {
  if (!metrics::find_metric(D::name)) metrics::register_metric<metrics::MetricOf<D>>();
  const auto batch = [](std::initializer_list<double> values) {
    return Batch{{"value", at::tensor(std::vector<double>(values), at::kFloat)}};
  };
  Case c{.name = std::string(D::name), .metric = std::string(D::name)};
  c.batches = {batch({1.5, 300.25, -3}), batch({4, 0.75}), batch({-7, 2050, 3, 1})};
  c.final = at::scalar_tensor(2350.5, at::kFloat);
  c.excludes.emplace("scaled weights", "the value is a sum");
  return c;
}

std::set<std::string> broken_ways(const Case& c) {
  std::set<std::string> broken;
  for (const auto& way : ways())
    if (!failure(way, c).empty()) broken.emplace(way.name);
  return broken;
}

}  // namespace

TEST_CASE("harness: a sound metric passes, with and without expected values") {
  auto c = case_of<Sound>();
  check_metric(c);
  c.final.reset();
  check_metric(c);
}

TEST_CASE("harness: a wrong value is found in every way") {
  auto c = case_of<Sound>();
  c.final = at::scalar_tensor(2351.5, at::kFloat);
  const auto broken = broken_ways(c);
  for (const auto& way : ways())
    if (way.applies(c) && way.name != "half" && way.name != "garbage" && way.name.find("weights") == way.name.npos)
      CHECK_MESSAGE(broken.contains(std::string(way.name)), way.name);
}

TEST_CASE("harness: what is broken is found by the way that looks for it") {
  CHECK(broken_ways(case_of<MergesWrongly>()).contains("merge of two"));
  CHECK(broken_ways(case_of<MergesWrongly>()).contains("merge of three"));
  CHECK(broken_ways(case_of<CountsInvalidRows>()).contains("garbage"));
  CHECK(broken_ways(case_of<RefusesNoRows>()).contains("empty batches"));
  CHECK(broken_ways(case_of<RemembersOutsideItsStates>()).contains("reset"));
  CHECK(broken_ways(case_of<ReadsMemoryAsIfDense>()).contains("strided"));
  CHECK(broken_ways(case_of<RoundsInHalf>()).contains("half"));
  CHECK(broken_ways(case_of<AddsTwice>()).empty());
  CHECK(broken_ways(case_of<CommitsInBetween>()) == std::set<std::string>{"failing writes"});
  CHECK(broken_ways(case_of<Swallows>()) == std::set<std::string>{"failing writes"});
  CHECK(broken_ways(case_of<WritesInFinalise>()).contains("reads"));
  CHECK(broken_ways(case_of<ForgetsWeights>()) == std::set<std::string>{"integer weights", "floating weights"});
  auto halves = case_of<HalvesInFloat32>();
  halves.final = at::scalar_tensor(4.5, at::kFloat);
  CHECK(broken_ways(halves) == std::set<std::string>{"float64"});
  auto overflows = case_of<Overflows>();
  overflows.final = at::scalar_tensor(1.0, at::kFloat);
  overflows.excludes.clear();
  CHECK(broken_ways(overflows) == std::set<std::string>{"many rows"});
  CHECK(broken_ways(case_of<Differentiable>()).empty());
  CHECK(broken_ways(case_of<LosesGradients>()) == std::set<std::string>{"gradients"});
  CHECK(broken_ways(case_of<HasWrongGradients>()) == std::set<std::string>{"gradients"});
  auto written = case_of<WritesToItsInput>();
  CHECK(failure(*std::find_if(ways().begin(), ways().end(), [](const Way& w) { return w.name == "updates"; }), written)
            .find("written to the input value") != std::string::npos);
  auto positional = case_of<LooksAtPosition>();
  positional.final.reset();
  CHECK(broken_ways(positional).contains("permuted"));
}

TEST_CASE("harness: a refusal that refuses nothing, or changes something, is found") {
  const auto batch = case_of<Sound>().batches.front();
  const Batch empty{{"value", at::ones({0})}};
  case_of<RefusesNoRows>();
  case_of<ChangesBeforeItThrows>();
  CHECK(
      failure(Misuse{.name = "sound", .metric = "HarnessRefusesNoRows", .batches = {batch, empty}, .contains = "value"})
          .empty());
  CHECK(failure(Misuse{.name = "taken", .metric = "HarnessSound", .batches = {batch, empty}, .contains = "value"}) ==
        "update: takes it");
  CHECK(failure(Misuse{.name = "options", .metric = "HarnessSound", .contains = "value"}) == "the options are taken");
  CHECK(
      failure(Misuse{.name = "word", .metric = "HarnessRefusesNoRows", .batches = {batch, empty}, .contains = "weight"})
          .find("does not name 'weight'") != std::string::npos);
  const Batch single{{"value", at::ones({1})}};
  CHECK(failure(Misuse{.name = "changing",
                       .metric = "HarnessChangesBeforeItThrows",
                       .batches = {batch, single},
                       .contains = "value"})
            .find("has changed the metric") != std::string::npos);
}

TEST_CASE("harness: ranks find a merge that loses a side") {
  if (world_sizes().size() < 2) return;
  const auto found = failures_on_ranks({case_of<Sound>(), case_of<MergesWrongly>()}, 2, "harness: ranks find a merge*");
  REQUIRE(found.size() >= 2);
  for (const auto& text : found) CHECK_MESSAGE(text.starts_with("HarnessMergesWrongly, rank "), text);
}
