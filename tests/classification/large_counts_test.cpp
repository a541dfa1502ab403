#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/core/draws.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <variant>
#include <vector>

// Counts of many classes take the memory of what is counted, not of all that could be.

namespace large_counts_test {
namespace {

using at::Tensor;
using metrics::MulticlassConfusionMatrix;
using metrics::MulticlassStatScores;
using metrics::MultilabelStatScores;
using metrics::classification::Average;
using metrics::classification::MultidimAverage;

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

Tensor drawn_labels(uint64_t stream, at::IntArrayRef shape, int64_t classes) {
  const metrics::Draws draws(stream, 0);
  Tensor labels = at::empty(shape, at::kLong);
  for (int64_t i = 0; i < labels.numel(); ++i) {
    labels.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(draws.uniform(i) * static_cast<double>(classes));
  }
  return labels;
}

template <class M>
std::vector<int64_t> shape_of(const M& metric, const char* state) {
  return std::get<std::vector<Tensor>>(metric.metric_state().at(state)).front().sizes().vec();
}

}  // namespace

TEST_CASE("confusion matrix: one of many classes takes the memory of the pairs that occur, after a reset too") {
  constexpr int64_t megabyte = int64_t{1} << 20;
  const int64_t before = resident_bytes();
  MulticlassConfusionMatrix metric({.num_classes = 20000});  // a table of 3 GB
  CHECK(resident_bytes() - before < 64 * megabyte);
  metric.update(at::tensor({3, 19999, 7}), at::tensor({3, 4, 19999}));
  CHECK(resident_bytes() - before < 64 * megabyte);
  metric.reset();
  CHECK(resident_bytes() - before < 64 * megabyte);
}

TEST_CASE("confusion matrix: one of many classes counts, copies, merges and begins anew as a small one") {
  constexpr int64_t classes = 400;  // more than a megabyte
  const Tensor preds = drawn_labels(1, {3000}, classes), target = drawn_labels(2, {3000}, classes);
  const Tensor expected = at::bincount(target * classes + preds, {}, classes * classes).view({classes, classes});
  MulticlassConfusionMatrix metric({.num_classes = classes}), other({.num_classes = classes});
  for (int round = 0; round < 2; ++round) {
    metric.update(preds.slice(0, 0, 1000), target.slice(0, 0, 1000));
    auto copy = metric;
    copy.forward(preds.slice(0, 1000), target.slice(0, 1000));
    CHECK(at::equal(copy.compute(), expected));
    other.update(preds.slice(0, 1000), target.slice(0, 1000));
    metric.merge(other);
    CHECK(at::equal(metric.compute(), expected));
    metric.reset();
    other.reset();
    CHECK(std::get<Tensor>(metric.metric_state().at("confmat")).sum().item<int64_t>() == 0);
  }
}

TEST_CASE("stat scores: samplewise counts of all classes together are kept together") {
  constexpr int64_t classes = 30522;
  const Tensor preds = drawn_labels(3, {40, 6}, classes), target = at::where(preds % 3 == 0, preds, preds.floor_divide(2));
  MulticlassStatScores micro(
      {.num_classes = classes, .average = Average::Micro, .multidim_average = MultidimAverage::Samplewise});
  MulticlassStatScores each(
      {.num_classes = classes, .average = Average::None, .multidim_average = MultidimAverage::Samplewise});
  micro.update(preds, target);
  each.update(preds, target);
  CHECK(shape_of(micro, "tp") == std::vector<int64_t>{40, 1});
  CHECK(shape_of(each, "tp") == std::vector<int64_t>{40, classes});
  CHECK(at::equal(micro.compute(), each.compute().sum(1)));

  MultilabelStatScores labels(
      {.num_labels = 5, .average = Average::Micro, .multidim_average = MultidimAverage::Samplewise});
  labels.update(drawn_labels(4, {7, 5, 3}, 2), drawn_labels(5, {7, 5, 3}, 2));
  CHECK(shape_of(labels, "fn") == std::vector<int64_t>{7, 1});
}

TEST_CASE("stat scores: samplewise counts that torchmetrics saved by class go on") {
  const auto with = [](Average average) {
    MulticlassStatScores metric(
        {.num_classes = 4, .average = average, .multidim_average = MultidimAverage::Samplewise});
    metric.persistent(true);
    return metric;
  };
  const Tensor preds = drawn_labels(6, {9, 5}, 4), target = drawn_labels(7, {9, 5}, 4);
  auto by_class = with(Average::None), whole = with(Average::Micro), resumed = with(Average::Micro);
  by_class.update(preds.slice(0, 0, 4), target.slice(0, 0, 4));
  whole.update(preds, target);
  metrics::StateDict saved = by_class.state_dict();
  saved.metadata.clear();
  resumed.load_state_dict(saved);
  CHECK(at::equal(resumed.compute(), whole.compute().slice(0, 0, 4)));
  CHECK(shape_of(resumed, "tp") == std::vector<int64_t>{4, 1});
  resumed.update(preds.slice(0, 4), target.slice(0, 4));
  CHECK(at::equal(resumed.compute(), whole.compute()));

  // Those that have just been loaded, and others, in either order.
  auto loaded = with(Average::Micro), rest = with(Average::Micro), first = with(Average::Micro);
  loaded.load_state_dict(saved);
  rest.update(preds.slice(0, 4), target.slice(0, 4));
  first.update(preds.slice(0, 0, 4), target.slice(0, 0, 4));
  loaded.merge(rest);
  CHECK(at::equal(loaded.compute(), whole.compute()));
  auto loaded_again = with(Average::Micro);
  loaded_again.load_state_dict(saved);
  first.merge(loaded_again);
  CHECK(at::equal(first.compute(), whole.compute().slice(0, 0, 4).repeat({2, 1})));
}

TEST_CASE("stat scores: samplewise counts that torchmetrics saved by label merge with those kept together") {
  const auto with = [](Average average) {
    MultilabelStatScores metric(
        {.num_labels = 5, .average = average, .multidim_average = MultidimAverage::Samplewise});
    metric.persistent(true);
    return metric;
  };
  const Tensor preds = drawn_labels(8, {7, 5, 3}, 2), target = drawn_labels(9, {7, 5, 3}, 2);
  auto by_label = with(Average::None), whole = with(Average::Micro), loaded = with(Average::Micro);
  auto rest = with(Average::Micro);
  by_label.update(preds.slice(0, 0, 3), target.slice(0, 0, 3));
  metrics::StateDict saved = by_label.state_dict();
  saved.metadata.clear();
  loaded.load_state_dict(saved);
  CHECK(shape_of(loaded, "fn") == std::vector<int64_t>{3, 1});
  rest.update(preds.slice(0, 3), target.slice(0, 3));
  whole.update(preds, target);
  loaded.merge(rest);
  CHECK(at::equal(loaded.compute(), whole.compute()));
}

}  // namespace large_counts_test
