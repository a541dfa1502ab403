#include <metrics/clustering/calinski_harabasz_score.h>
#include <metrics/clustering/davies_bouldin_score.h>
#include <metrics/clustering/dunn_index.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <variant>
#include <vector>

// Scores of the clusters of data: what of the rows is kept, and what of it a state dict shows.

namespace clustered_data_test {
namespace {

using at::Tensor;
using metrics::CalinskiHarabaszScore;
using metrics::StateDict;

Tensor labels(int64_t rows, int64_t seed) {
  return (at::arange(rows, at::kLong) * 31 + seed).remainder(5) * 1000003 - 7;
}

Tensor data(const Tensor& labels) {
  const Tensor noise = at::arange(labels.size(0) * 3, at::kLong).mul(7919).remainder(211).view({-1, 3}).to(at::kFloat);
  return labels.remainder(17).unsqueeze(1).to(at::kFloat) + noise / 64;
}

int64_t shown_rows(const StateDict& dict, const char* key) {
  const auto& list = std::get<std::vector<Tensor>>(dict.states.at(key));
  return list.empty() ? 0 : list.front().size(0);
}

CalinskiHarabaszScore persistent() {
  CalinskiHarabaszScore metric;
  metric.persistent(true);
  return metric;
}

}  // namespace

TEST_CASE("moments of clusters take the place of rows, over updates, forwards and merges") {
  auto metric = persistent();
  std::vector<Tensor> all_data, all_labels;
  const auto given = [&](int64_t rows, int64_t seed) {
    all_labels.push_back(labels(rows, seed));
    all_data.push_back(data(all_labels.back()));
  };
  for (int64_t i = 0; i < 12; ++i) {
    given(700, i);
    metric.update(all_data.back(), all_labels.back());
    given(900, i);
    static_cast<void>(metric.forward(all_data.back(), all_labels.back()));
    CalinskiHarabaszScore other;
    given(5000, i);
    other.update(all_data.back(), all_labels.back());
    CHECK(other.states()["data"].rows() == 0);
    metric.merge(other);
    CHECK(metric.states()["data"].rows() <= 4096 + 900);
    CHECK(metric.states()["_clusters"].rows() <= 4096);
  }
  metric.set_dtype(at::kDouble);
  const Tensor expected = metrics::functional::calinski_harabasz_score(at::cat(all_data), at::cat(all_labels));
  CHECK(metric.compute().to(at::kFloat).allclose(expected, 1e-6));
}

TEST_CASE("a state dict shows rows as long as none is folded, and is loaded either way") {
  for (const int64_t rows : {300, 5000}) {
    auto metric = persistent();
    metric.update(data(labels(rows, 1)), labels(rows, 1));
    metric.update(data(labels(10, 2)), labels(10, 2));
    const StateDict dict = metric.state_dict();
    CHECK(dict.states.size() == 2);
    CHECK(shown_rows(dict, "data") == (rows == 300 ? 310 : 0));
    CHECK(shown_rows(dict, "labels") == (rows == 300 ? 310 : 0));
    CalinskiHarabaszScore loaded;
    loaded.load_state_dict(dict);
    CHECK(loaded.compute().equal(metric.compute()));
    // As torchmetrics has saved it.
    StateDict of_python;
    of_python.states["data"] = std::vector<Tensor>{data(labels(rows, 1)), data(labels(10, 2))};
    of_python.states["labels"] = std::vector<Tensor>{labels(rows, 1), labels(10, 2)};
    CalinskiHarabaszScore resumed;
    resumed.load_state_dict(of_python);
    CHECK(resumed.compute().allclose(metric.compute()));
    CHECK(resumed.states()["data"].rows() <= 4096);
  }
}

TEST_CASE("rows of another size than those that were folded are refused, and change nothing") {
  CalinskiHarabaszScore metric, other;
  metric.update(data(labels(5000, 1)), labels(5000, 1));
  const Tensor before = metric.compute();
  CHECK_THROWS_WITH_AS(metric.update(at::rand({4, 2}), at::tensor({0, 0, 1, 1}, at::kLong)),
                       doctest::Contains("rows of 3 numbers"), metrics::InvalidArgument);
  other.update(at::rand({4, 2}), at::tensor({0, 0, 1, 1}, at::kLong));
  CHECK_THROWS_WITH_AS(metric.merge(other), doctest::Contains("rows of 3 numbers"), metrics::InvalidArgument);
  CHECK(metric.compute().equal(before));
}

TEST_CASE("moments keep their bits whatever set_dtype says of floating rows") {
  CalinskiHarabaszScore narrow, wide;
  const Tensor rows = data(labels(5000, 1)).to(at::kDouble) + 1e5;
  narrow.update(rows, labels(5000, 1));
  wide.update(rows, labels(5000, 1));
  narrow.set_dtype(at::kHalf);
  narrow.set_dtype(at::kDouble);
  wide.set_dtype(at::kDouble);
  CHECK(narrow.compute().equal(wide.compute()));
}

TEST_CASE("a large offset costs neither moments nor rows their digits") {
  const Tensor at_0 = data(labels(5000, 1)).to(at::kDouble), cluster = labels(5000, 1);
  const auto value = [&](auto metric, const Tensor& rows) {
    metric.set_dtype(at::kDouble);
    for (int64_t begin = 0; begin < 5000; begin += 600)
      metric.update(rows.slice(0, begin, begin + 600), cluster.slice(0, begin, begin + 600));
    return metric.compute();
  };
  const auto check = [&](const auto& metric) { CHECK(value(metric, at_0 + 1e6).allclose(value(metric, at_0), 1e-9)); };
  check(CalinskiHarabaszScore());
  check(metrics::DaviesBouldinScore());
  check(metrics::DunnIndex());
}

TEST_CASE("dunn_index of float64 is float64, as torchmetrics' is") {
  const Tensor rows = at::tensor({0.0, 2.0, 10.0, 13.0}, at::kDouble).unsqueeze(1);
  const Tensor value = metrics::functional::dunn_index(rows, at::tensor({0, 0, 1, 1}, at::kLong));
  CHECK((value.scalar_type() == at::kDouble));
  CHECK(value.item<double>() == doctest::Approx(10.5 / 1.5));
}

}  // namespace clustered_data_test
