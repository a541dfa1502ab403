#include <metrics/metrics.h>

#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <type_traits>

// What fixtures of one metric at one point of a curve cannot show: the typed face, and what metrics share.

namespace {

using at::Tensor;
using namespace metrics;
using namespace metrics::classification;

Tensor scores_of_two() {
  return at::tensor({0.9F, 0.1F, 0.2F, 0.8F, 0.6F, 0.4F, 0.3F, 0.7F}).view({4, 2});
}

}  // namespace

TEST_CASE("a minimum that is left out is refused") {
  static_assert(!std::is_default_constructible_v<metrics::BinaryPrecisionAtFixedRecallOptions>);
  CHECK_THROWS_WITH_AS(metrics::create("BinaryPrecisionAtFixedRecall", {{"thresholds", 5}}),
                       doctest::Contains("min_recall"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::create("MulticlassSpecificityAtSensitivity", {{"num_classes", 2}}),
                       doctest::Contains("min_sensitivity"), InvalidArgument);
}

TEST_CASE("an operating point has a value and a threshold") {
  const auto [precision, threshold] = functional::binary_precision_at_fixed_recall(
      at::tensor({0.0F, 0.5F, 0.7F, 0.8F}), at::tensor({0, 1, 1, 0}), {.min_recall = 0.5});
  CHECK(precision.item<double>() == doctest::Approx(2.0 / 3));
  CHECK(threshold.item<float>() == 0.5F);
}

TEST_CASE("typed functionals have torchmetrics' defaults, which are not those of the classes") {
  const Tensor target = at::tensor({0, 1, 0, 0});
  MulticlassLogAUC each({.num_classes = 2});
  CHECK(each.forward(scores_of_two(), target).dim() == 1);
  CHECK(functional::multiclass_logauc(scores_of_two(), target, {.num_classes = 2}).dim() == 0);
  const MulticlassLogAUCOptions options = each.options();
  CHECK(functional::multiclass_logauc(scores_of_two(), target, options).dim() == 1);

  const Tensor score = at::tensor({0.5F, 0.25F});
  BinaryLogAUC unchecked;
  CHECK_NOTHROW(unchecked.update(score, at::tensor({0, 7})));
  CHECK_THROWS_AS(functional::binary_logauc(score, at::tensor({0, 7})), InvalidArgument);
}

TEST_CASE("metrics on equal curves share an update, whatever they look for on them") {
  const auto key = MulticlassROC({.num_classes = 3, .thresholds = 10}).update_key();
  CHECK(MulticlassEER({.num_classes = 3, .thresholds = 10, .average = Average::Micro}).update_key() == key);
  CHECK(MulticlassLogAUC({.num_classes = 3, .fpr_range = {0.1, 0.5}, .thresholds = 10}).update_key() == key);
  CHECK(MulticlassPrecisionAtFixedRecall({.num_classes = 3, .min_recall = 0.5, .thresholds = 10}).update_key() == key);
  CHECK(MulticlassSensitivityAtSpecificity({.num_classes = 3, .min_specificity = 0.5, .thresholds = 10}).update_key() ==
        key);
  CHECK(MulticlassEER({.num_classes = 3, .thresholds = 11}).update_key() != key);
  CHECK(MulticlassEER({.num_classes = 3}).update_key() != key);
}
