#include "core/fake_ranks.h"
#include "core/user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/collections/classwise.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/multioutput.h>
#include <metrics/collections/multitask.h>
#include <metrics/collections/transformations.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cmath>

// What the harness cannot play: typed faces, functions, values at compute, gradients, states shared among wrappers.

namespace wrappers_test {
namespace {

using at::Tensor;
using metrics::BinaryAccuracy;
using metrics::BinaryTargetTransformer;
using metrics::ClasswiseWrapper;
using metrics::Error;
using metrics::InvalidArgument;
using metrics::LambdaInputTransformer;
using metrics::MeanSquaredError;
using metrics::Metric;
using metrics::MulticlassAccuracy;
using metrics::MultioutputWrapper;
using metrics::MultitaskWrapper;
using metrics::share;
using metrics::classification::Average;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;

Tensor labels(std::vector<int64_t> values) {
  return at::tensor(values, at::kLong);
}

MulticlassAccuracy by_class() {
  return MulticlassAccuracy({.num_classes = 3, .average = Average::None});
}

class Doubled : public metrics::MetricInputTransformer {
 public:
  using MetricInputTransformer::MetricInputTransformer;
  std::string_view name() const override { return "Doubled"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<Doubled>(*this); }

 protected:
  Tensor transform_pred(const Tensor& pred) const override { return pred * 2; }
};

}  // namespace

TEST_CASE("ClasswiseWrapper: values that are not one for each label are refused at compute") {
  ClasswiseWrapper two(by_class(), {.labels = {{"a", "b"}}});
  two.update(labels({0, 1, 2}), labels({0, 1, 1}));
  CHECK_THROWS_WITH_AS(two.compute(), doctest::Contains("`labels` has 2 names"), Error);
  ClasswiseWrapper scalar{MulticlassAccuracy({.num_classes = 3})};
  scalar.update(labels({0}), labels({0}));
  CHECK_THROWS_WITH_AS(scalar.compute(), doctest::Contains("no tensor with an element for each class"), Error);
  CHECK_THROWS_AS(scalar.forward(labels({0}), labels({0})), Error);
  CHECK(scalar.wrapped().update_count() == 1);
}

TEST_CASE("ClasswiseWrapper: values by label, and what its metric says of itself") {
  ClasswiseWrapper accuracy(by_class(), {.labels = {{"horse", "fish", "dog"}}});
  const auto batch = accuracy.forward(labels({0, 1, 2}), labels({0, 1, 1}));
  CHECK(batch.tensor("multiclassaccuracy_horse").item<double>() == 1);
  CHECK(batch.tensor("multiclassaccuracy_fish").item<double>() == 0.5);
  CHECK(accuracy.compute().size() == 3);
  CHECK(accuracy.traits().higher_is_better == true);
  accuracy.persistent(true);
  CHECK(accuracy.state_dict().states.contains("metric.tp"));
}

TEST_CASE("MultioutputWrapper: refuses what cannot be split, and values that cannot be stacked") {
  CHECK_THROWS_AS(MultioutputWrapper(Tally(), {.num_outputs = 0}), InvalidArgument);
  MultioutputWrapper two(MeanSquaredError(), {.num_outputs = 2});
  CHECK_THROWS_WITH_AS(two.update(at::ones({3, 1}), at::ones({3, 1})), doctest::Contains("got shape [3, 1]"),
                       InvalidArgument);
  CHECK_THROWS_AS(two.update(std::vector<Tensor>{at::ones({3, 2})}, at::ones({3, 2})), InvalidArgument);
  CHECK(two.update_count() == 0);
  MultioutputWrapper nested(ClasswiseWrapper(by_class()), {.num_outputs = 2});
  nested.update(labels({0, 1, 1, 0}).view({2, 2}), labels({0, 1, 1, 0}).view({2, 2}));
  CHECK_THROWS_WITH_AS(nested.compute(), doctest::Contains("is no tensor"), Error);
}

TEST_CASE("MultioutputWrapper: each output has a metric of its own, whose NaN rows are left out") {
  auto pattern = share(MeanSquaredError());
  MultioutputWrapper metric(pattern, {.num_outputs = 2});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor preds = at::tensor({1.0, 2.0, nan, 4.0}).view({2, 2});
  CHECK(at::equal(metric.forward(preds, at::zeros({2, 2}, at::kDouble)), at::tensor({1.0f, 10.0f})));
  CHECK(pattern->update_count() == 0);
  CHECK(metric[1].update_count() == 1);
  metric.persistent(true);
  CHECK(metric.state_dict("w.").states.contains("w.metrics.1.sum_squared_error"));
}

TEST_CASE(
    "MultioutputWrapper: outputs that lie first give what they give last, in batches, shards and any order of rows") {
  MultioutputWrapper first(MeanSquaredError(), {.num_outputs = 2, .output_dim = 0});
  MultioutputWrapper last(MeanSquaredError(), {.num_outputs = 2});
  const Tensor preds = at::tensor({1.0, 2.0, 4.0, 8.0, 16.0, 32.0}).view({2, 3});
  const Tensor target = at::tensor({1.0, 1.0, 2.0, 3.0, 5.0, 8.0}).view({2, 3});
  const Tensor of_batch = first.forward(preds, target);
  CHECK(at::equal(of_batch, last.forward(preds.t(), target.t())));
  CHECK(at::equal(first.compute(), of_batch));

  MultioutputWrapper shard = first, empty = first;
  shard.reset();
  empty.reset();
  shard.update(preds.flip(1), target.flip(1));
  CHECK(at::equal(shard.compute(), of_batch));
  shard.update(at::tensor({std::nan(""), 2.0}).view({2, 1}), at::tensor({1.0, 1.0}).view({2, 1}));
  last.update(at::tensor({std::nan(""), 2.0}).view({1, 2}), at::tensor({1.0, 1.0}).view({1, 2}));
  empty.update(at::empty({2, 0}), at::empty({2, 0}));
  shard.merge(empty);
  CHECK(at::equal(shard.compute(), last.compute()));
  first.persistent(true);
  MultioutputWrapper loaded(MeanSquaredError(), {.num_outputs = 2, .output_dim = 0});
  loaded.load_state_dict(first.state_dict());
  CHECK(at::equal(loaded.compute(), of_batch));
}

TEST_CASE("MultioutputWrapper: forward carries gradients") {
  MultioutputWrapper metric(MeanSquaredError(), {.num_outputs = 2});
  const Tensor preds = at::tensor({1.0, 2.0}).view({1, 2}).requires_grad_();
  metric.forward(preds, at::zeros({1, 2}, at::kDouble)).sum().backward();
  CHECK(at::equal(preds.grad(), at::tensor({2.0, 4.0}).view({1, 2})));
}

TEST_CASE("MultitaskWrapper: names of tasks are checked, and a task that fails leaves all as they were") {
  CHECK_THROWS_AS(MultitaskWrapper({{"a", Tally()}, {"a", Tally()}}), InvalidArgument);
  CHECK_THROWS_AS(MultitaskWrapper({{"", Tally()}}), InvalidArgument);
  CHECK_THROWS_AS(MultitaskWrapper({{"a.b", Tally()}}), InvalidArgument);
  MultitaskWrapper metrics({{"label", MulticlassAccuracy({.num_classes = 3})}, {"age", MeanSquaredError()}});
  CHECK_THROWS_WITH_AS(metrics.update({{"label", labels({0})}}, {{"label", labels({0})}}),
                       doctest::Contains("`task_preds` has the tasks label, expected age, label"), InvalidArgument);
  CHECK_THROWS_AS(metrics.update({{"label", labels({0})}, {"age", at::ones({1})}},
                                 {{"label", labels({7})}, {"age", at::ones({1})}}),
                  InvalidArgument);
  CHECK_THROWS_AS(metrics["weight"], InvalidArgument);
  CHECK(metrics["age"].update_count() == 0);
  CHECK(metrics.update_count() == 0);
}

TEST_CASE("MultitaskWrapper: values by task") {
  MultitaskWrapper metrics(
      {{"label", MulticlassAccuracy({.num_classes = 3, .average = Average::Micro})}, {"age", MeanSquaredError()}},
      {.prefix = "val_"});
  const MultitaskWrapper::TaskInputs preds{{"label", labels({0, 1})}, {"age", at::full({2}, 3.0)}};
  const MultitaskWrapper::TaskInputs targets{{"label", labels({0, 2})}, {"age", at::ones({2})}};
  CHECK(metrics.forward(preds, targets).tensor("val_age").item<double>() == 4);
  metrics.update(preds, targets);
  CHECK(metrics.compute().tensor("val_label").item<double>() == 0.5);
  CHECK(metrics["age"].update_count() == 2);
  CHECK(metrics.with_names({.postfix = "_test"}).compute().contains("age_test"));
  metrics.persistent(true);
  CHECK(metrics.state_dict().states.contains("task_metrics.age.sum_squared_error"));
}

TEST_CASE("transformations: functions cannot be given by value, and bad ones change nothing") {
  CHECK_THROWS_WITH_AS(metrics::create_from_json(R"({"name": "LambdaInputTransformer", "options":
      {"wrapped_metric": "BinaryAccuracy", "transform_pred": "x"}})"),
                       doctest::Contains("in C++ alone"), InvalidArgument);
  LambdaInputTransformer throwing(BinaryAccuracy(),
                                  {.transform_pred = [](const Tensor&) -> Tensor { throw std::runtime_error("no"); }});
  CHECK_THROWS_WITH(throwing.update(labels({0}), labels({0})), "no");
  CHECK(throwing.wrapped().update_count() == 0);
}

TEST_CASE("transformations: predictions and targets are changed by position and by name") {
  LambdaInputTransformer flipped(BinaryAccuracy(), {.transform_pred = [](const Tensor& pred) { return 1 - pred; },
                                                    .transform_target = [](const Tensor& t) { return t - 1; }});
  flipped.update(labels({0, 1}), labels({2, 1}));
  CHECK(flipped.Metric::compute().toTensor().item<double>() == 1);
  flipped.update({}, {{"preds", labels({0, 1})}, {"target", labels({1, 2})}});
  CHECK(flipped.Metric::compute().toTensor().item<double>() == 0.5);
  CHECK_THROWS_WITH_AS(BinaryTargetTransformer(BinaryAccuracy(), {.threshold = NAN}),
                       "BinaryTargetTransformer: threshold: expected a number, got nan", metrics::InvalidArgument);
  BinaryTargetTransformer binary(BinaryAccuracy(), {.threshold = 2});
  CHECK(binary.forward(labels({0, 1}), at::tensor({2.0, 2.5})).toTensor().item<double>() == 1);
  CHECK(binary.traits().higher_is_better == true);
  Doubled doubled{metrics::MeanMetric()};
  doubled.update({}, {{"value", at::ones({2})}, {"weight", at::tensor({1.0, 1.0})}});
  doubled.update(at::ones({3}));
  doubled.update(4.0);
  CHECK(doubled.Metric::compute().toTensor().item<double>() == 3);
  // Of a metric that is not registered the names are not known.
  CHECK_THROWS_WITH_AS(Doubled{Tally()}.update({}, {{"value", at::ones({2})}}), doctest::Contains("by position"),
                       InvalidArgument);
}

TEST_CASE("wrappers: an operand or member in a wrapper is one metric, and travels once") {
  Tally other;
  other.update(at::ones({3}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  auto sum = share(Tally());
  Doubled doubled(sum * sum);
  doubled.set_metric_options({.process_group = ranks});
  doubled.update(at::ones({2}));
  CHECK(doubled.Metric::compute().toTensor().item<double>() == 49);
  CHECK(ranks->calls == 1);
  const auto copy = doubled.clone();
  copy->reset();
  CHECK(sum->update_count() == 1);
}

}  // namespace wrappers_test
