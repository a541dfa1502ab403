namespace metrics {
class MulticlassAccuracy;  // before any header: it is a class, and can be declared ahead
}

#include <metrics/classification/accuracy.h>
#include <metrics/core/define.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>

#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/tensor.h>
#include <c10/util/typeid.h>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <type_traits>

using metrics::InvalidArgument;

namespace {

struct ScaledOptions {
  double scale = 1;

  static constexpr auto fields() { return metrics::fields<&ScaledOptions::scale>(); }
};

at::Tensor scaled_difference(const at::Tensor& x, const at::Tensor& y, const ScaledOptions& options) {
  if (x.sizes() != y.sizes()) throw InvalidArgument("y: expected the shape of `x`");
  return (x - y).sum() * options.scale;
}

at::Tensor difference(const at::Tensor& x, const at::Tensor& y) {
  return (x - y).sum();
}

at::Tensor three() {
  return at::tensor({3.0f});
}

const bool registered = [] {
  metrics::register_functional<&scaled_difference>("scaled_difference", {"x", "y"});
  metrics::register_functional<&difference>("difference", {"x", "y"});
  return true;
}();

}  // namespace

TEST_CASE("a functional without a class: what is refused names it") {
  REQUIRE(registered);
  const auto refused = [](const metrics::Args& args, const metrics::Kwargs& kwargs, const char* word) {
    CHECK_THROWS_WITH_AS(metrics::call("scaled_difference", args, kwargs), doctest::Contains(word), InvalidArgument);
    CHECK_THROWS_WITH_AS(metrics::call("scaled_difference", args, kwargs), doctest::Contains("scaled_difference"),
                         InvalidArgument);
  };
  refused({three()}, {}, "input `y` is missing");
  refused({three(), three(), three()}, {}, "takes 2 inputs (x, y)");
  refused({three(), at::tensor({1.0f, 2.0f})}, {}, "the shape of `x`");
  refused({three(), three()}, {{"factor", 2.0}}, "factor");
  refused({three(), three()}, {{"scale", "two"}}, "scale");
  refused({three(), 1.5}, {}, "input `y` expects");
  refused({three(), at::_efficientzerotensor({1}, at::kFloat)}, {}, "y");
  CHECK_THROWS_WITH_AS(metrics::call("difference", {three(), three()}, {{"scale", 2.0}}), doctest::Contains("scale"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::register_functional<&difference>("difference", {"x", "y"}),
                       doctest::Contains("`difference` is registered already"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::register_functional<&difference>("binary_accuracy", {"x", "y"}),
                       doctest::Contains("`binary_accuracy` is registered already"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::register_functional<&difference>("accuracy", {"x", "y"}),
                       doctest::Contains("`accuracy` is registered already"), InvalidArgument);
}

TEST_CASE("a functional without a class is called by name, and listed") {
  const metrics::Kwargs doubled{{"scale", 2.0}, {"y", at::tensor({1.0f})}};
  CHECK(metrics::call("scaled_difference", {three()}, doubled).toTensor().item<float>() == 4);
  CHECK(metrics::call("difference", {three(), at::tensor({1.0f})}).toTensor().item<float>() == 2);
  const auto* entry = metrics::find_functional("scaled_difference");
  REQUIRE(entry != nullptr);
  REQUIRE(entry->options.size() == 1);
  CHECK(entry->options[0].name == "scale");
  REQUIRE(entry->inputs.size() == 2);
  CHECK(entry->inputs[1].name == "y");
  CHECK(metrics::find_functional("saw") == nullptr);
  CHECK(metrics::find_functional("binary_accuracy") != nullptr);
}

TEST_CASE("a functional of a class is an object that takes what the class takes") {
  using metrics::functional::binary_accuracy;
  using metrics::functional::multiclass_accuracy;
  const at::Tensor target = at::tensor({0, 1, 1});
  CHECK(binary_accuracy(at::tensor({0.1f, 0.9f, 0.2f}), target).item<float>() == doctest::Approx(2.0 / 3));
  CHECK(binary_accuracy(at::tensor({0.1f, 0.9f, 0.2f}), target, {.threshold = 0.15}).item<float>() == 1);
  CHECK(multiclass_accuracy(target, target, {.num_classes = 2}).item<float>() == 1);
  // Without options that are required neither can be made.
  static_assert(!std::is_default_constructible_v<metrics::MultilabelAccuracy>);
  static_assert(std::is_invocable_v<decltype(binary_accuracy), at::Tensor, at::Tensor>);
  static_assert(!std::is_invocable_v<decltype(metrics::functional::multilabel_accuracy), at::Tensor, at::Tensor>);
}

TEST_CASE("a metric is a class of its own, as are its clones") {
  const metrics::MulticlassAccuracy metric({.num_classes = 3});
  const std::unique_ptr<metrics::Metric> clone = metric.clone();
  CHECK(dynamic_cast<metrics::MulticlassAccuracy*>(clone.get()) != nullptr);
  const auto created = metrics::create("MulticlassAccuracy", {{"num_classes", 3}});
  CHECK(dynamic_cast<metrics::MulticlassAccuracy*>(created.get()) != nullptr);
  CHECK(c10::demangle(typeid(metric).name()) == "metrics::MulticlassAccuracy");
  metrics::BinaryAccuracy first;
  metrics::BinaryAccuracy second;
  CHECK_MESSAGE(first.identity() != second.identity(), "they are made on different lines, and do not know it");
}
