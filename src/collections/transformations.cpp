#include "composite_entry.h"
#include "families/comparisons.h"
#include "wrapper_entries.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/transformations.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/core/values.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace metrics {

namespace {

/// The names of the first two inputs of a metric, or of the first that it is made of.
std::array<std::string, 2> names_of_pair(Metric& metric) {
  std::array<std::string, 2> names{"preds", "target"};
  const MetricEntry* entry = find_metric(metric.name());
  const std::vector<Unit*> units = metric.units();
  if ((entry == nullptr || entry->inputs.empty()) && !units.empty()) entry = find_metric(units.front()->name());
  if (entry == nullptr) {
    if (metric.takes_input(names[0])) return names;
    throw InvalidArgument("the inputs of " + metric.to_string() +
                          " are to be transformed, and what it calls them is not known: give them by position, or "
                          "register the metric");
  }
  for (std::size_t i = 0; i < std::min(names.size(), entry->inputs.size()); ++i) names[i] = entry->inputs[i].name;
  return names;
}

/// Applies `transform` to a tensor or a number.
template <class Transform>
c10::IValue transformed(const c10::IValue& input, const Transform& transform) {
  const auto values = Codec<Values>::read(input);
  return values ? c10::IValue(transform(values->tensor())) : input;
}

}  // namespace

MetricInputTransformer::MetricInputTransformer(const MetricHandle& wrapped_metric) {
  parts().add("wrapped_metric", wrapped_metric);
}

void MetricInputTransformer::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  const auto pred = [this](const Tensor& tensor) { return transform_pred(tensor); };
  const auto target = [this](const Tensor& tensor) { return transform_target(tensor); };
  BatchInputs own = *inputs;
  if (!own.args.empty()) own.args[0] = transformed(own.args[0], pred);
  if (own.args.size() > 1) own.args[1] = transformed(own.args[1], target);
  const auto names = own.kwargs.empty() ? std::array<std::string, 2>{} : names_of_pair(wrapped());
  for (auto& [name, input] : own.kwargs) {
    if (name == names[0]) input = transformed(input, pred);
    if (name == names[1]) input = transformed(input, target);
  }
  route_to(wrapped(), std::make_shared<const BatchInputs>(std::move(own)), feeds);
}

Tensor LambdaInputTransformer::transform_pred(const Tensor& pred) const {
  return options_.transform_pred ? options_.transform_pred(pred) : pred;
}

Tensor LambdaInputTransformer::transform_target(const Tensor& target) const {
  return options_.transform_target ? options_.transform_target(target) : target;
}

std::string LambdaInputTransformer::describe_options() const {
  const auto text = [](const Transform& transform) { return transform ? "a function" : "None"; };
  return Composite::describe_options() + ", transform_pred=" + text(options_.transform_pred) +
         ", transform_target=" + text(options_.transform_target);
}

BinaryTargetTransformer::BinaryTargetTransformer(const MetricHandle& wrapped_metric, Options options)
    : MetricInputTransformer(wrapped_metric), options_(options) {
  if (std::isnan(options_.threshold)) {
    throw InvalidArgument("BinaryTargetTransformer: threshold: expected a number, got nan");
  }
}

Tensor BinaryTargetTransformer::transform_target(const Tensor& target) const {
  const Tensor is_above = families::is_above(target, options_.threshold);
  return is_above.to(target.is_floating_point() ? at::kLong : target.scalar_type());
}

std::string BinaryTargetTransformer::describe_options() const {
  return Composite::describe_options() + ", threshold=" + describe(options_.threshold);
}

/// Stands for a function in options by value, which cannot have one.
struct NoFunction {};

template <>
struct Codec<NoFunction> {
  static std::string type() { return "None here: a function can be given in C++ alone"; }
  static std::optional<NoFunction> read(const c10::IValue& v) {
    return v.isNone() ? std::optional(NoFunction{}) : std::nullopt;
  }
  static c10::IValue write(const NoFunction&) { return {}; }
};

namespace {

/// What the base is by itself: it hands inputs on as they are.
class Untransformed : public MetricInputTransformer {
 public:
  using MetricInputTransformer::MetricInputTransformer;
  std::string_view name() const override { return "MetricInputTransformer"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<Untransformed>(*this); }
};

struct UntransformedArguments {
  GivenMetric wrapped_metric{};

  static constexpr auto fields() {
    return metrics::fields<&UntransformedArguments::wrapped_metric>(1).about({"The metric to wrap."});
  }
};

std::unique_ptr<Metric> make_untransformed(const UntransformedArguments& given) {
  return std::make_unique<Untransformed>(given.wrapped_metric);
}

UntransformedArguments untransformed_example() {
  return {.wrapped_metric = {BinaryAccuracy()}};
}

struct LambdaArguments {
  GivenMetric wrapped_metric{};
  NoFunction transform_pred{};
  NoFunction transform_target{};

  static constexpr auto fields() {
    using Self = LambdaArguments;
    return metrics::fields<&Self::wrapped_metric, &Self::transform_pred, &Self::transform_target>(1).about(
        {"The metric to wrap.", "None: predictions as they are; a function is given in C++ alone.",
         "None: the target as it is; a function is given in C++ alone."});
  }
};

std::unique_ptr<Metric> make_lambda(const LambdaArguments& given) {
  return std::make_unique<LambdaInputTransformer>(given.wrapped_metric);
}

LambdaArguments lambda_example() {
  return {.wrapped_metric = {BinaryAccuracy()}};
}

struct BinaryTargetArguments {
  GivenMetric wrapped_metric{};
  double threshold = 0;

  static constexpr auto fields() {
    using Self = BinaryTargetArguments;
    return metrics::fields<&Self::wrapped_metric, &Self::threshold>(1).about(
        {"The metric to wrap.", "A target above it is a yes."});
  }
};

std::unique_ptr<Metric> make_binary_target(const BinaryTargetArguments& given) {
  return std::make_unique<BinaryTargetTransformer>(given.wrapped_metric,
                                                   BinaryTargetTransformer::Options{.threshold = given.threshold});
}

BinaryTargetArguments binary_target_example() {
  return {.wrapped_metric = {BinaryAccuracy()}};
}

}  // namespace

MetricEntry metric_input_transformer_entry(std::string_view its_domain) {
  return composite_entry<UntransformedArguments, make_untransformed, untransformed_example>("MetricInputTransformer",
                                                                                            its_domain);
}

MetricEntry lambda_input_transformer_entry(std::string_view its_domain) {
  return composite_entry<LambdaArguments, make_lambda, lambda_example>("LambdaInputTransformer", its_domain);
}

MetricEntry binary_target_transformer_entry(std::string_view its_domain) {
  return composite_entry<BinaryTargetArguments, make_binary_target, binary_target_example>("BinaryTargetTransformer",
                                                                                           its_domain);
}

}  // namespace metrics
