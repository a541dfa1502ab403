#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/classwise.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace metrics {

ClasswiseWrapper::ClasswiseWrapper(MetricHandle metric, Options options) : options_(std::move(options)) {
  std::set<std::string> seen;
  for (const std::string& label : options_.labels.value_or(std::vector<std::string>{})) {
    if (!seen.insert(label).second) {
      throw InvalidArgument("ClasswiseWrapper: option `labels` has `" + label + "` twice");
    }
  }
  parts().add("metric", metric);
}

c10::IValue ClasswiseWrapper::value() {
  const c10::IValue all = value_of_child(wrapped());
  if (!all.isTensor() || all.toTensor().dim() == 0) {
    throw Error("ClasswiseWrapper: the value of " + wrapped().to_string() + " is no tensor with an element for each " +
                "class, but " + describe(all));
  }
  const std::vector<Tensor> values = all.toTensor().unbind(0);
  const auto& labels = options_.labels;
  if (labels && labels->size() != values.size()) {
    throw Error("ClasswiseWrapper: option `labels` has " + std::to_string(labels->size()) + " names, the value of " +
                wrapped().to_string() + " " + std::to_string(values.size()) + " elements");
  }
  std::string prefix = options_.prefix;
  if (prefix.empty() && options_.postfix.empty()) {
    prefix = std::string(wrapped().name()) + "_";
    std::transform(prefix.begin(), prefix.end(), prefix.begin(), [](unsigned char c) { return std::tolower(c); });
  }
  c10::impl::GenericDict by_name(c10::StringType::get(), c10::AnyType::get());
  for (std::size_t i = 0; i < values.size(); ++i) {
    by_name.insert(prefix + (labels ? (*labels)[i] : std::to_string(i)) + options_.postfix, values[i]);
  }
  return by_name;
}

std::string ClasswiseWrapper::describe_options() const {
  const auto text = [](const auto& value) {
    return describe(Codec<std::remove_cvref_t<decltype(value)>>::write(value));
  };
  return Composite::describe_options() + ", labels=" + text(options_.labels) + ", prefix=" + text(options_.prefix) +
         ", postfix=" + text(options_.postfix);
}

namespace {

struct ClasswiseArguments {
  GivenMetric metric{};
  std::optional<std::vector<std::string>> labels{};
  std::optional<std::string> prefix{};
  std::optional<std::string> postfix{};

  static constexpr auto fields() {
    using Self = ClasswiseArguments;
    return metrics::fields<&Self::metric, &Self::labels, &Self::prefix, &Self::postfix>(1).about(
        {"The metric to wrap, of a value for each class.", "What classes are called; by number if None.",
         "What stands before the name of a value.", "What stands behind it."});
  }
};

std::unique_ptr<Metric> make_classwise(const ClasswiseArguments& given) {
  ClasswiseWrapper::Options options{
      .labels = given.labels, .prefix = given.prefix.value_or(""), .postfix = given.postfix.value_or("")};
  return std::make_unique<ClasswiseWrapper>(given.metric, std::move(options));
}

ClasswiseArguments classwise_example() {
  return {.metric = {MulticlassAccuracy({.num_classes = 3, .average = classification::Average::None})}};
}

}  // namespace

MetricEntry classwise_wrapper_entry(std::string_view domain) {
  return composite_entry<ClasswiseArguments, make_classwise, classwise_example>("ClasswiseWrapper", domain);
}

}  // namespace metrics
