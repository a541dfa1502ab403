#include "fake_ranks.h"
#include "harness/fixtures.h"
#include "harness/states_text.h"
#include "harness/ways.h"
#include "unreadable_tensors.h"
#include <metrics/classification/roc.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/core/define.h>
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/detection/iou.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_neg_view.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace unreadable_inputs_test {
namespace {

using at::Tensor;
using c10::IValue;
using metrics::InvalidArgument;
using metrics::Kwargs;
using metrics::Metric;
using metrics::testing::Case;
using metrics::testing::CollectedWarnings;
using metrics::testing::states_of;
using metrics::testing::UnreadableTensor;

/// The first few cases of each of the library's metrics.
std::map<std::string, std::vector<Case>> cases_by_metric(std::size_t few) {
  std::map<std::string, std::vector<Case>> cases;
  for (auto& fixtures : metrics::testing::read_all_fixtures(METRICS_FIXTURE_DIR)) {
    for (Case& c : fixtures.cases) {
      const auto* entry = metrics::find_metric(c.metric);
      if (entry == nullptr || entry->domain == "user" || c.batches.empty()) continue;
      auto& own = cases[c.metric];
      if (own.size() < few) own.push_back(std::move(c));
    }
  }
  return cases;
}

std::vector<UnreadableTensor> unreadable_like(const Tensor& tensor) {
  std::vector<UnreadableTensor> all = metrics::testing::tensors_without_elements(tensor.sizes());
  for (auto& odd : metrics::testing::tensors_of_odd_dtypes(tensor.sizes())) all.push_back(std::move(odd));
  return all;
}

/// Calls f(inputs, input's name, kind) with one of the tensors, after another, in the place of each kind that cannot be
/// read. Of many tensors in one input the first few.
int with_each_spoiled(const Kwargs& inputs,
                      const std::function<void(const Kwargs&, const std::string&, const UnreadableTensor&)>& f) {
  constexpr std::size_t few = 4;
  int played = 0;
  for (const auto& [name, input] : inputs) {
    std::vector<Tensor> tensors;
    metrics::testing::with_tensors(input, [&](const Tensor& tensor) {
      tensors.push_back(tensor);
      return tensor;
    });
    for (std::size_t i = 0; i < std::min(few, tensors.size()); ++i) {
      for (const UnreadableTensor& bad : unreadable_like(tensors[i])) {
        std::size_t place = 0;
        Kwargs spoiled = inputs;
        spoiled[name] = metrics::testing::with_tensors(
            input, [&](const Tensor& tensor) { return place++ == i ? bad.tensor : tensor; });
        f(spoiled, name, bad);
        ++played;
      }
    }
  }
  return played;
}

/// Says what is wrong with the error that `call` throws; empty when it is as it has to be.
std::string wrong_error(const std::function<void()>& call, const std::string& name, const UnreadableTensor& bad) {
  try {
    call();
    return "nothing is thrown";
  } catch (const InvalidArgument& error) {
    const std::string message = error.what();
    // A functional's tensors among its options are refused with the option's own words.
    if (message.find(name) == std::string::npos) return "the message does not name the input: " + message;
    if (bad.kind != "undefined" && message.find(bad.dtype) == std::string::npos) {
      return "the message does not name the dtype: " + message;
    }
    return "";
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
}

/// What the functional is given of a batch: the inputs that it takes, and options.
Kwargs functional_arguments(const Case& c) {
  if (c.functional_call) return *c.functional_call;
  Kwargs arguments = metrics::testing::inputs_of(c.batches.front());
  const auto& taken = c.functional_inputs;
  std::erase_if(arguments, [&](const auto& input) {
    return !taken.empty() && std::find(taken.begin(), taken.end(), input.first) == taken.end();
  });
  arguments.insert(c.functional_options.begin(), c.functional_options.end());
  return arguments;
}

/// The same numbers, kept negated.
Tensor negated(const Tensor& tensor) {
  const bool has_sign = tensor.is_floating_point() || at::isSignedType(tensor.scalar_type());
  return has_sign && tensor.scalar_type() != at::kBool ? at::_neg_view(tensor.neg()) : tensor;
}

/// The sum of a list of tensors that may be left out.
struct PartsDefinition {
  static constexpr std::string_view name = "Parts";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{std::string_view("parts")};
  static constexpr metrics::MetricTraits traits{};
  static void declare(metrics::States& states, const Options&) {
    states.add("sum", metrics::Reduction::Sum, at::zeros({}));
  }
  static void update(metrics::States& states, const Options&, const std::optional<std::vector<Tensor>>& parts) {
    if (!parts) return;
    for (const Tensor& part : *parts) states["sum"].add(at::scalar_tensor(*part.const_data_ptr<float>(), at::kDouble));
  }
  static Tensor finalise(const metrics::States& states, const Options&) { return states["sum"].tensor(); }
};
using Parts = metrics::MetricOf<PartsDefinition>;

}  // namespace

TEST_CASE("a list that may be left out is looked at, and read as what it stands for") {
  Parts metric;
  const Tensor one = at::ones({1});
  for (const UnreadableTensor& bad : unreadable_like(one)) {
    CHECK_THROWS_WITH_AS(metric.update(std::vector<Tensor>{one, bad.tensor}), doctest::Contains("`parts[1]` is "),
                         InvalidArgument);
  }
  metric.update(std::vector<Tensor>{one, negated(one)});
  CHECK(metric.compute().item<float>() == 2);
}

TEST_CASE("no metric takes an input that cannot be read: the error names input and dtype, and nothing has changed") {
  CollectedWarnings quiet;
  std::set<std::string> of_texts{"WordErrorRate"};
  for (const auto& [name, cases] : cases_by_metric(1)) {
    CAPTURE(name);
    const Case& c = cases.front();
    const auto metric = metrics::testing::created(c);
    metrics::testing::update(*metric, c, 0, 1);
    const std::string before = states_of(*metric);
    const int played = with_each_spoiled(
        metrics::testing::inputs_of(c.batches.front()),
        [&](const Kwargs& inputs, const std::string& input, const UnreadableTensor& bad) {
          const std::string of_update = wrong_error([&] { metric->update({}, inputs); }, "`" + input, bad);
          CHECK_MESSAGE(of_update.empty(), "update, " << input << " " << bad.kind << ": " << of_update);
          const std::string of_forward = wrong_error([&] { metric->forward({}, inputs); }, "`" + input, bad);
          CHECK_MESSAGE(of_forward.empty(), "forward, " << input << " " << bad.kind << ": " << of_forward);
        });
    CHECK(states_of(*metric) == before);
    CHECK((played > 0) != of_texts.contains(name));
  }
}

TEST_CASE("no functional takes an input that cannot be read") {
  CollectedWarnings quiet;
  for (const auto& [name, cases] : cases_by_metric(1)) {
    const Case& c = cases.front();
    if (c.functional.empty()) continue;
    CAPTURE(c.functional);
    with_each_spoiled(functional_arguments(c),
                      [&](const Kwargs& inputs, const std::string& input, const UnreadableTensor& bad) {
                        const std::string found =
                            wrong_error([&] { metrics::call(c.functional, {}, inputs); }, input, bad);
                        CHECK_MESSAGE(found.empty(), input << " " << bad.kind << ": " << found);
                      });
  }
}

TEST_CASE("numbers that are kept negated give what they stand for, in every metric") {
  CollectedWarnings quiet;
  for (const auto& [name, cases] : cases_by_metric(3)) {
    CAPTURE(name);
    for (const Case& c : cases) {
      CAPTURE(c.name);
      Case other = c;
      for (auto& batch : other.batches) batch = metrics::testing::with_tensors(batch, negated);
      const auto plain = metrics::testing::created(c);
      const auto stored = metrics::testing::created(c);
      metrics::testing::update(*plain, c, 0, c.batches.size());
      metrics::testing::update(*stored, other, 0, other.batches.size());
      CHECK(metrics::testing::bits(plain->compute()) == metrics::testing::bits(stored->compute()));
      if (c.functional.empty() || c.functional_call) continue;
      CHECK(metrics::testing::bits(metrics::call(c.functional, {}, functional_arguments(c))) ==
            metrics::testing::bits(metrics::call(c.functional, {}, functional_arguments(other))));
    }
  }
}

TEST_CASE("what is known of rows has to be readable, in a metric and in one made of others") {
  const Tensor two = at::ones({2});
  metrics::MeanSquaredError plain;
  metrics::BootStrapper made_of_others(metrics::MeanSquaredError{});
  for (Metric* metric : {static_cast<Metric*>(&plain), static_cast<Metric*>(&made_of_others)}) {
    for (const UnreadableTensor& bad : unreadable_like(two)) {
      CAPTURE(bad.kind);
      CHECK_THROWS_WITH_AS(metric->update({two, two}, {}, {.valid = bad.tensor}), doctest::Contains("Rows.valid"),
                           InvalidArgument);
      CHECK_THROWS_WITH_AS(metric->update({two, two}, {}, {.ids = bad.tensor}), doctest::Contains("Rows.ids"),
                           InvalidArgument);
    }
    CHECK(metric->update_count() == 0);
  }
}

TEST_CASE("the typed face, too, refuses what cannot be read") {
  const Tensor two = at::ones({2});
  for (const UnreadableTensor& bad : unreadable_like(two)) {
    CAPTURE(bad.kind);
    const auto refused = [&](const auto& call) {
      CHECK_THROWS_WITH_AS(call(), doctest::Contains("`target` is "), InvalidArgument);
    };
    metrics::MeanSquaredError metric;
    refused([&] { metric.update(two, bad.tensor); });
    refused([&] { metrics::functional::mean_squared_error(two, bad.tensor); });
    refused([&] { metrics::functional::pearson_corrcoef(two, bad.tensor); });
    refused([&] { metrics::functional::retrieval_reciprocal_rank(two, bad.tensor); });
    refused([&] { metrics::functional::intersection_over_union(at::ones({2, 4}), bad.tensor); });
    CHECK_THROWS_WITH_AS(metrics::functional::pearson_corrcoef(bad.tensor, two), doctest::Contains("`preds` is "),
                         InvalidArgument);
    CHECK_THROWS_WITH_AS(metrics::BinaryROC({.thresholds = bad.tensor}), doctest::Contains("thresholds: expected"),
                         InvalidArgument);
  }
}

TEST_CASE("a negated view is read right by functionals of their own") {
  const Tensor preds = at::tensor({0.2f, -0.9f, 0.4f, 0.7f});
  const Tensor target = at::tensor({0, 1, 0, 0}, at::kLong);
  const auto rank = metrics::functional::retrieval_reciprocal_rank;
  CHECK(rank(negated(preds), negated(target), {}).equal(rank(preds, target, {})));
  const Tensor boxes = at::tensor({0.0, 0.0, 2.0, 2.0, 1.0, 1.0, 3.0, 3.0}).view({2, 4});
  const Tensor others = boxes + 0.5;
  CHECK(metrics::functional::intersection_over_union(negated(boxes), negated(others))
            .equal(metrics::functional::intersection_over_union(boxes, others)));
}

}  // namespace unreadable_inputs_test
