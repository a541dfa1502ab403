#include "fake_ranks.h"
#include "harness/fixtures.h"
#include "harness/states_text.h"
#include "harness/ways.h"
#include "unreadable_tensors.h"
#include "user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/regression/r2.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace unfit_states_test {
namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::Metric;
using metrics::StateDict;
using metrics::StateValue;
using metrics::testing::Case;
using metrics::testing::CollectedWarnings;
using metrics::testing::states_of;

/// Which states a metric has, and in which form.
std::string form_of(const StateDict& dict) {
  std::string form;
  for (const auto& [key, value] : dict.states) {
    form += key;
    if (const auto* tensor = std::get_if<Tensor>(&value)) {
      form += c10::str(tensor->scalar_type(), tensor->dim());
    } else {
      form += "list";
    }
  }
  return form;
}

bool has_empty_list(const StateDict& dict) {
  return std::any_of(dict.states.begin(), dict.states.end(), [](const auto& entry) {
    const auto* list = std::get_if<std::vector<Tensor>>(&entry.second);
    return list != nullptr && (list->empty() || list->back().numel() == 0);
  });
}

/// What a state's numbers count, so that none is negative or NaN.
bool is_count(std::string_view state, const Tensor& tensor) {
  // What is asked for by number, and clusters, may be any integers.
  const bool any_integer = state == "indexes" || state == "target" || state == "preds" || state == "labels" ||
                           state == "sequence_ids" || state == "categories";
  if (tensor.scalar_type() == at::kLong && !any_integer) return true;
  return state == "n_total" || state == "errors";
}

/// A value that cannot be the state's, and what is wrong with it.
struct Unfit {
  std::string what;
  StateValue value;
};

std::vector<Unfit> unfit_for(const std::string& state, const StateValue& saved) {
  std::vector<Unfit> all;
  if (const auto* tensor = std::get_if<Tensor>(&saved)) {
    for (const auto& bad : metrics::testing::tensors_without_elements(tensor->sizes())) {
      all.push_back({bad.kind, bad.tensor});
    }
    all.push_back({"of two such", at::stack({*tensor, *tensor})});
    all.push_back({"empty", tensor->new_zeros({0})});
    all.push_back({"a list", std::vector<Tensor>{*tensor, *tensor}});
    if (is_count(state, *tensor)) {
      all.push_back({"negative", at::full_like(*tensor, -1)});
      all.push_back({"NaN", at::full_like(*tensor, std::numeric_limits<double>::quiet_NaN(), at::kFloat)});
    }
    return all;
  }
  const auto& items = std::get<std::vector<Tensor>>(saved);
  if (items.empty()) return all;
  const auto with_last = [&](const Tensor& last) {
    std::vector<Tensor> spoiled = items;
    spoiled.back() = last;
    return spoiled;
  };
  const Tensor& last = items.back();
  for (const auto& bad : metrics::testing::tensors_without_elements(last.sizes())) {
    all.push_back({bad.kind, with_last(bad.tensor)});
  }
  if (last.size(0) > 0) {
    all.push_back({"of other rows", with_last(at::stack({last, last}, 1))});
    all.push_back({"shortened", with_last(last.narrow(0, 1, last.size(0) - 1))});
    all.push_back({"of another kind", with_last(last.to(last.is_floating_point() ? at::kLong : at::kFloat))});
    if (is_count(state, last) && state != "groundtruth_labels" && state != "pred_labels") {
      all.push_back({"negative", with_last(at::full_like(last, -1))});
    }
  }
  return all;
}

/// What is no misfit in a state: rows of one list alone may be fewer, and of any shape where inputs may; sums of
/// squares and numbers that are ranked may be integers, and relevances and counts in bins, of rows that weigh, floating.
bool is_fit(std::string_view metric, std::string_view state, std::string_view what) {
  if (metric == "KendallRankCorrCoef" && state == "preds") return what == "of another kind";
  if (state == "sum_squared_error" || state == "target" || state == "accuracies") return what == "of another kind";
  if (state == "correct" || state == "counts" || state == "measures") return what == "shortened";
  return state == "value" && (what == "of other rows" || what == "shortened");
}

template <class M>
M persistent(M metric) {
  metric.persistent(true);
  return metric;
}

Tensor floats(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values.begin(), values.size()));
}

}  // namespace

TEST_CASE("every metric refuses states that cannot be its own by their key, and has not changed") {
  CollectedWarnings quiet;
  constexpr int many = 8;  // more states are those of other copies, or of other slots of a window
  std::set<std::string> forms;
  for (auto& fixtures : metrics::testing::read_all_fixtures(METRICS_FIXTURE_DIR)) {
    for (const Case& c : fixtures.cases) {
      const auto* entry = metrics::find_metric(c.metric);
      if (entry == nullptr || entry->domain == "user" || c.batches.empty()) continue;
      const auto metric = metrics::testing::created(c);
      metric->persistent(true);
      const std::string form = c.metric + form_of(metric->state_dict());
      if (forms.contains(form)) continue;
      metrics::testing::update(*metric, c, 0, c.batches.size());
      const StateDict good = metric->state_dict("m.");
      if (has_empty_list(good)) continue;
      forms.insert(form);
      CAPTURE(c.name);
      const std::string before = states_of(*metric);
      const std::string value = metrics::testing::bits(metric->compute());
      const auto refused = [&](const StateDict& bad, const std::string& key, const std::string& what) {
        CAPTURE(key);
        CAPTURE(what);
        try {
          metric->load_state_dict(bad, "m.");
          FAIL_CHECK("is taken");
        } catch (const InvalidArgument& error) {
          CHECK_MESSAGE(std::string(error.what()).find(key) != std::string::npos, error.what());
        } catch (const std::exception& error) {
          FAIL_CHECK(error.what());
        }
        CHECK(states_of(*metric) == before);
      };
      int played = 0;
      for (const auto& [key, saved] : good.states) {
        if (++played > many) break;
        std::string state = key.substr(key.rfind('.') + 1);
        // A window's slots are loaded by their own metric, which knows no numbers.
        if (c.metric.starts_with("Running")) state = state.substr(0, state.rfind('_'));
        for (Unfit& unfit : unfit_for(state, saved)) {
          if (is_fit(c.metric, state, unfit.what)) continue;
          StateDict bad = good;
          bad.states[key] = std::move(unfit.value);
          refused(bad, state, unfit.what);
        }
      }
      for (const auto& [prefix, entries] : good.metadata) {
        for (const auto& [key, saved] : entries) {
          if (!std::holds_alternative<Tensor>(saved) || ++played > 2 * many) continue;
          for (const auto& bad_tensor :
               metrics::testing::tensors_without_elements(std::get<Tensor>(saved).sizes())) {
            StateDict bad = good;
            bad.metadata[prefix][key] = bad_tensor.tensor;
            refused(bad, key.substr(key.rfind("metrics.")), bad_tensor.kind);
          }
        }
      }
      CHECK(metrics::testing::bits(metric->compute()) == value);
      metric->load_state_dict(good, "m.");
      CHECK(metrics::testing::bits(metric->compute()) == value);
    }
  }
}

TEST_CASE("a number of updates that leaves no room for more is refused") {
  auto metric = persistent(metrics::SumMetric());
  metric.update(1.0);
  StateDict dict = metric.state_dict();
  for (const int64_t count : {std::numeric_limits<int64_t>::max(), (int64_t{1} << 53) + 1, int64_t{-1}}) {
    dict.metadata_of("")[StateDict::update_count_key] = count;
    CHECK_THROWS_WITH_AS(metric.load_state_dict(dict), doctest::Contains("is not a number of updates"),
                         InvalidArgument);
  }
  dict.metadata_of("")[StateDict::update_count_key] = int64_t{1} << 53;
  metric.load_state_dict(dict);
  CHECK(metric.update_count() == int64_t{1} << 53);
}

TEST_CASE("states of a dict that has not all of them go with those that stay, or are refused") {
  auto metric = persistent(metrics::RetrievalMRR());
  metric.update(floats({0.3f, 0.2f, 0.9f}), at::tensor({0, 1, 1}, at::kLong), at::tensor({0, 0, 1}, at::kLong));
  const float value = metric.compute().item<float>();
  StateDict dict = metric.state_dict();
  dict.states.erase("preds");
  dict.states.erase("target");
  metric.load_state_dict(dict, "", /*strict=*/false);
  CHECK(metric.compute().item<float>() == value);
  dict.states["indexes"] = std::vector<Tensor>{at::zeros({16}, at::kLong)};
  CHECK_THROWS_WITH_AS(metric.load_state_dict(dict, "", /*strict=*/false),
                       doctest::Contains("key `preds`: has 3 rows beside 16 rows of `indexes`"), InvalidArgument);
  CHECK(metric.compute().item<float>() == value);
}

TEST_CASE("sums that have their shape from the data have one shape") {
  auto metric = persistent(metrics::R2Score());
  const Tensor two_outputs = at::tensor({1.0, 2.0, 3.0, 5.0, 2.0, 8.0}).view({3, 2});
  metric.update(two_outputs + 0.5, two_outputs);
  const Tensor value = metric.compute();
  StateDict dict = metric.state_dict();
  for (const Tensor& other : {at::zeros({0}), at::zeros({}), at::ones({3})}) {
    StateDict bad = dict;
    bad.states["residual"] = other;
    CHECK_THROWS_WITH_AS(metric.load_state_dict(bad), doctest::Contains("key `residual`: has shape"), InvalidArgument);
    CHECK(metric.compute().equal(value));
  }
  for (const char* state : {"sum_squared_error", "sum_error", "residual"}) {
    dict.states[state] = at::ones({3});
  }
  metric.load_state_dict(dict);
  CHECK(metric.states()["sum_error"].tensor().sizes() == at::IntArrayRef({3}));
}

TEST_CASE("states that torchmetrics does not have are left where they do not go with the others") {
  auto metric = persistent(metrics::RetrievalMRR());
  const Tensor two = floats({0.3f, 0.2f});
  metric.update(two, at::tensor({0, 1}, at::kLong), at::tensor({0, 0}, at::kLong),
                metrics::Rows{.ids = at::tensor({7, 8}, at::kLong)});
  const float value = metric.compute().item<float>();
  StateDict dict = metric.state_dict();
  for (const Tensor& ids : {at::zeros({5, 2}, at::kLong), at::zeros({2}, at::kLong), at::zeros({2, 2})}) {
    dict.metadata_of("")["metrics.state._ids"] = ids;
    metric.load_state_dict(dict);
    CHECK(metric.states()["_ids"].rows() == 0);
    CHECK(metric.compute().item<float>() == value);
  }
}

TEST_CASE("a user's counts are no less than zero, and a maximum no less than its default") {
  auto counts = persistent(metrics::testing::SquaredError());
  counts.update(floats({1}), floats({2}));
  StateDict dict = counts.state_dict();
  dict.states["total"] = at::scalar_tensor(-3, at::kLong);
  CHECK_THROWS_WITH_AS(counts.load_state_dict(dict), doctest::Contains("key `total`: holds a negative number"),
                       InvalidArgument);
  auto highest = persistent(metrics::testing::Tally());
  highest.update(floats({1}));
  dict = highest.state_dict();
  dict.states["highest"] = at::scalar_tensor(-2e30, at::kDouble);
  CHECK_THROWS_WITH_AS(highest.load_state_dict(dict), doctest::Contains("key `highest`: holds a number beyond"),
                       InvalidArgument);
}

}  // namespace unfit_states_test
