#include "families/contingency.h"

#include <metrics/clustering/adjusted_rand_score.h>
#include <metrics/clustering/mutual_info_score.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The table of pairs of labels: beside a map, at any split, and what of it a state dict shows.

namespace contingency_test {
namespace {

using at::Tensor;
using metrics::MutualInfoScore;
using metrics::Rows;
using metrics::StateDict;
using metrics::Weights;
using metrics::families::Contingency;

/// Labels that depend on their index alone, of so many clusters `apart` from one another.
Tensor labels(int64_t rows, int64_t clusters, int64_t apart, int64_t seed) {
  const Tensor index = at::arange(rows, at::kLong);
  return ((index * 7919 + seed * 104729).bitwise_xor(index.div(3, "floor")) % clusters) * apart - apart;
}

std::vector<int64_t> numbers(const Tensor& tensor) {
  const Tensor kept = tensor.contiguous();
  return {kept.const_data_ptr<int64_t>(), kept.const_data_ptr<int64_t>() + kept.numel()};
}

void check_table(const Contingency& table, const Tensor& preds, const Tensor& target,
                 const std::vector<double>& weights) {
  std::map<std::pair<int64_t, int64_t>, double> counts;
  std::map<int64_t, int32_t> rows, columns;
  const auto of_preds = numbers(preds), of_target = numbers(target);
  for (std::size_t i = 0; i < of_preds.size(); ++i) {
    counts[{of_target[i], of_preds[i]}] += weights.empty() ? 1 : weights[i];
    rows[of_target[i]] = columns[of_preds[i]] = 0;
  }
  for (int32_t next = 0; auto& [label, number] : rows) number = next++;
  for (int32_t next = 0; auto& [label, number] : columns) number = next++;
  REQUIRE(table.cells.size() == counts.size());
  REQUIRE(table.rows.size() == rows.size());
  REQUIRE(table.columns.size() == columns.size());
  double all = 0;
  std::size_t i = 0;
  for (const auto& [pair, count] : counts) {
    const auto& cell = table.cells[i++];
    if (cell.row != rows[pair.first] || cell.column != columns[pair.second] || cell.count != count) {
      FAIL("another cell");
    }
    all += count;
  }
  CHECK(table.all == all);
}

constexpr int64_t greatest = std::numeric_limits<int64_t>::max();

template <class Metric>
Metric persistent() {
  Metric metric;
  metric.persistent(true);
  return metric;
}

int64_t bytes_of(const StateDict& dict) {
  int64_t bytes = 0;
  const auto add = [&](const Tensor& tensor) { bytes += static_cast<int64_t>(tensor.nbytes()); };
  for (const auto& [key, value] : dict.states) {
    if (const auto* tensor = std::get_if<Tensor>(&value)) add(*tensor);
    if (const auto* list = std::get_if<std::vector<Tensor>>(&value)) {
      for (const Tensor& each : *list) add(each);
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("pairs of labels are counted as a map counts them, whatever their values and number") {
  for (const int64_t rows : {0, 1, 5, 1000, 40000}) {
    for (const int64_t clusters : {int64_t{1}, int64_t{3}, int64_t{200}}) {
      for (const int64_t apart : {int64_t{1}, int64_t{1000003}, greatest / 300}) {
        CAPTURE(rows);
        CAPTURE(clusters);
        CAPTURE(apart);
        const Tensor preds = labels(rows, clusters, apart, 1), target = labels(rows, clusters + 2, apart, 2);
        check_table(metrics::families::contingency_of(preds, target, Weights{}), preds, target, {});
        const Tensor times = at::arange(rows, at::kLong).remainder(3) + 1;
        const Tensor weights = times.to(at::kDouble) / 4;
        std::vector<double> quarters;
        for (const int64_t each : numbers(times)) quarters.push_back(static_cast<double>(each) / 4);
        check_table(metrics::families::contingency_of(preds, target, Weights(weights)), preds, target, quarters);
      }
    }
  }
  const Tensor ends = at::tensor({std::numeric_limits<int64_t>::min(), greatest, int64_t{0}}, at::kLong);
  check_table(metrics::families::contingency_of(ends, ends.flip(0), Weights{}), ends, ends.flip(0), {});
}

TEST_CASE("pairs of labels take memory by how many differ, over updates, forwards and merges") {
  auto metric = persistent<MutualInfoScore>();
  for (int64_t i = 0; i < 20; ++i) {
    metric.update(labels(9000, 5, 7, i), labels(9000, 4, 1, i));
    static_cast<void>(metric.forward(labels(5000, 5, 7, i), labels(5000, 4, 1, i)));
    MutualInfoScore other;
    other.update(labels(12000, 5, 7, i), labels(12000, 4, 1, i), Rows{.weights = at::rand({12000}) + 1});
    metric.merge(other);
    CHECK(metric.states()["preds"].rows() < 3 * 16384);
    CHECK(metric.states()["_weighted"].rows() < 3 * 16384);
  }
}

TEST_CASE("a state dict of pairs of labels shows a row for each sample, which torchmetrics takes") {
  const Tensor preds = at::tensor({3, 3, -1, 3}, at::kLong), target = at::tensor({0, 0, 1, 1}, at::kLong);
  auto metric = persistent<MutualInfoScore>();
  metric.update(preds, target, Rows{.weights = at::tensor({2, 1, 1, 3}, at::kLong)});
  const StateDict dict = metric.state_dict();
  CHECK(dict.states.size() == 2);
  const auto shown = [&](const char* key) { return std::get<std::vector<Tensor>>(dict.states.at(key)).at(0); };
  CHECK(shown("preds").equal(at::tensor({3, 3, 3, -1, 3, 3, 3}, at::kLong)));
  CHECK(shown("target").equal(at::tensor({0, 0, 0, 1, 1, 1, 1}, at::kLong)));
  MutualInfoScore loaded;
  loaded.load_state_dict(dict);
  CHECK(loaded.compute().equal(metric.compute()));
}

TEST_CASE("labels that torchmetrics has saved become a table") {
  MutualInfoScore metric, loaded;
  StateDict dict;
  std::vector<Tensor> preds, target;
  for (int64_t i = 0; i < 3; ++i) {
    preds.push_back(labels(8000, 6, 3, i).to(at::kInt));
    target.push_back(labels(8000, 4, 1, i));
    metric.update(preds.back(), target.back());
  }
  dict.states["preds"] = preds;
  dict.states["target"] = target;
  loaded.load_state_dict(dict);
  CHECK(loaded.compute().equal(metric.compute()));
  CHECK(loaded.states()["preds"].rows() <= 24);
  dict.states["target"] = std::vector<Tensor>{at::rand({3})};
  dict.states["preds"] = std::vector<Tensor>{at::rand({3})};
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(dict), doctest::Contains("expected integers"), metrics::InvalidArgument);
  CHECK(loaded.compute().equal(metric.compute()));
}

TEST_CASE("a state dict of weighted or of very many samples shows none of them, and loads all the same") {
  const Tensor preds = at::tensor({3, 3, -1, 3}, at::kLong), target = at::tensor({0, 0, 1, 1}, at::kLong);
  const Tensor few = at::tensor({0.5, 0.25, 1.0, 1.0 / 3}, at::kDouble);
  const Tensor large = at::tensor({int64_t{1} << 40, int64_t{7}, int64_t{1} << 30, int64_t{3}}, at::kLong);
  for (const Tensor& weights : {few, large}) {
    auto metric = persistent<MutualInfoScore>();
    metric.update(preds, target, Rows{.weights = weights});
    metric.update(preds, target.flip(0), Rows{.weights = weights});
    const StateDict dict = metric.state_dict();
    CHECK(bytes_of(dict) == 0);
    MutualInfoScore loaded;
    loaded.load_state_dict(dict);
    CHECK(loaded.compute().equal(metric.compute()));
    // What is saved again in Python has rows then, which win.
    StateDict edited = dict;
    edited.states["preds"] = std::vector<Tensor>{preds};
    edited.states["target"] = std::vector<Tensor>{target};
    MutualInfoScore plain;
    plain.update(preds, target);
    loaded.load_state_dict(edited);
    CHECK(loaded.compute().equal(plain.compute()));
  }
}

TEST_CASE("weights keep their bits whatever set_dtype says of floating rows") {
  const Tensor preds = at::tensor({3, 3, -1, 3}, at::kLong), target = at::tensor({0, 0, 1, 1}, at::kLong);
  const Tensor weights = at::tensor({1.0 / 3, 0.1, 1e-3, 7.0 / 9}, at::kDouble);
  MutualInfoScore narrow, wide;
  wide.set_dtype(at::kDouble);
  narrow.set_dtype(at::kHalf);
  narrow.update(preds, target, Rows{.weights = weights});
  wide.update(preds, target, Rows{.weights = weights});
  narrow.set_dtype(at::kDouble);
  CHECK(narrow.compute().equal(wide.compute()));
}

TEST_CASE("pairs of samples are counted without overflow") {
  // Each of two clusters on both sides, of 2^40 and 2^41 samples.
  const Tensor preds = at::tensor({0, 1, 0, 1}, at::kLong), target = at::tensor({0, 1, 1, 0}, at::kLong);
  const Tensor weights =
      at::tensor({int64_t{1} << 40, int64_t{1} << 41, int64_t{1} << 20, int64_t{1} << 20}, at::kLong);
  metrics::AdjustedRandScore score;
  score.set_dtype(at::kDouble);
  score.update(preds, target, Rows{.weights = weights});
  const double value = score.compute().item<double>();
  CHECK(value < 1);
  CHECK(value > 0.9999);
}

}  // namespace contingency_test
