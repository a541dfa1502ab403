#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/collections/multioutput.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ops/isnan.h>
#include <ATen/ops/stack.h>

#include <sstream>
#include <vector>

namespace metrics {

namespace {

/// Which rows have a NaN; undefined where none can.
Tensor rows_with_nan(const Tensor& rows) {
  if (!rows.is_floating_point()) return {};
  const Tensor nan = at::isnan(rows);
  return nan.dim() > 1 ? nan.flatten(1).any(1) : nan;
}

/// The rows of `inputs` that count once those with a NaN are left out.
Rows without_nans(const BatchInputs& inputs) {
  std::vector<Tensor> tensors;
  for (const c10::IValue& input : inputs.args) {
    if (input.isTensor()) tensors.push_back(input.toTensor());
  }
  for (const auto& [name, input] : inputs.kwargs) {
    if (input.isTensor()) tensors.push_back(input.toTensor());
  }
  Rows rows = inputs.rows;
  for (const Tensor& tensor : tensors) {
    if (tensor.dim() == 0) {
      throw InvalidArgument("MultioutputWrapper: with remove_nans each output has rows, and an input has none");
    }
    if (tensor.size(0) != tensors.front().size(0)) {
      throw InvalidArgument("MultioutputWrapper: with remove_nans inputs have equal numbers of rows, got " +
                            std::to_string(tensors.front().size(0)) + " and " + std::to_string(tensor.size(0)));
    }
    check_rows(rows, tensor.size(0));
    const Tensor nan = rows_with_nan(tensor);
    if (!nan.defined()) continue;
    const Tensor whole = nan.logical_not();
    rows.valid = rows.valid ? rows.valid->logical_and(whole) : whole;
  }
  return rows;
}

}  // namespace

MultioutputWrapper::MultioutputWrapper(const MetricHandle& base_metric, Options options) : options_(options) {
  if (options_.num_outputs < 1) {
    throw InvalidArgument("MultioutputWrapper: option `num_outputs` is at least 1, got " +
                          std::to_string(options_.num_outputs));
  }
  for (int64_t i = 0; i < options_.num_outputs; ++i) {
    std::unique_ptr<Metric> copy = base_metric->clone();
    copy->reset();
    parts().add("metrics." + std::to_string(i), MetricHandle(std::move(copy)));
  }
}

c10::IValue MultioutputWrapper::slice_of(const c10::IValue& input, int64_t output) const {
  if (input.isList() || input.isGenericDict()) {
    throw InvalidArgument("MultioutputWrapper: inputs are tensors to be split along an output dimension, got " +
                          describe(input));
  }
  if (!input.isTensor() || !input.toTensor().defined()) return input;
  const Tensor& tensor = input.toTensor();
  const int64_t dim = options_.output_dim < 0 ? options_.output_dim + tensor.dim() : options_.output_dim;
  if (dim < 0 || dim >= tensor.dim() || tensor.size(dim) != options_.num_outputs) {
    std::ostringstream message;
    message << "MultioutputWrapper: inputs have " << options_.num_outputs << " outputs (num_outputs) in dimension "
            << options_.output_dim << " (output_dim), got shape " << tensor.sizes();
    throw InvalidArgument(message.str());
  }
  return options_.squeeze_outputs ? tensor.select(dim, output) : tensor.narrow(dim, output, 1);
}

BatchInputs MultioutputWrapper::of_output(const BatchInputs& all, int64_t output) const {
  BatchInputs own = all;
  for (c10::IValue& input : own.args) input = slice_of(input, output);
  for (auto& [name, input] : own.kwargs) input = slice_of(input, output);
  if (options_.remove_nans) own.rows = without_nans(own);
  return own;
}

void MultioutputWrapper::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  for (int64_t i = 0; i < options_.num_outputs; ++i) {
    route_to(parts()[static_cast<std::size_t>(i)], std::make_shared<const BatchInputs>(of_output(*inputs, i)), feeds);
  }
}

c10::IValue MultioutputWrapper::value() {
  std::vector<Tensor> values;
  for (const Children::Child& child : parts()) {
    const c10::IValue value = value_of_child(*child.metric);
    if (!value.isTensor()) {
      throw Error("MultioutputWrapper: the value of " + child.metric->to_string() + " is no tensor, but " +
                  describe(value));
    }
    values.push_back(value.toTensor());
    if (values.back().sizes() == values.front().sizes()) continue;
    throw Error("MultioutputWrapper: the values of " + child.metric->to_string() +
                " for the outputs have different shapes");
  }
  return at::stack(values);
}

std::string MultioutputWrapper::describe_options() const {
  std::ostringstream text;
  text << std::boolalpha << "base_metric=" << parts()[0] << ", num_outputs=" << options_.num_outputs
       << ", output_dim=" << options_.output_dim << ", remove_nans=" << describe(options_.remove_nans)
       << ", squeeze_outputs=" << describe(options_.squeeze_outputs);
  return text.str();
}

namespace {

struct MultioutputArguments {
  GivenMetric base_metric{};
  int64_t num_outputs{};
  int64_t output_dim = -1;
  bool remove_nans = true;
  bool squeeze_outputs = true;

  static constexpr auto fields() {
    using Self = MultioutputArguments;
    return metrics::fields<&Self::base_metric, &Self::num_outputs, &Self::output_dim, &Self::remove_nans,
                           &Self::squeeze_outputs>(2)
        .about({"The metric to wrap, a copy for each output.", "How many outputs there are.",
                "The dimension of the inputs along which outputs lie.",
                "Whether rows in which an output is NaN are left out of that output.",
                "Whether the inputs of an output lose the dimension of outputs."});
  }
};

std::unique_ptr<Metric> make_multioutput(const MultioutputArguments& given) {
  return std::make_unique<MultioutputWrapper>(given.base_metric,
                                              MultioutputWrapper::Options{.num_outputs = given.num_outputs,
                                                                          .output_dim = given.output_dim,
                                                                          .remove_nans = given.remove_nans,
                                                                          .squeeze_outputs = given.squeeze_outputs});
}

MultioutputArguments multioutput_example() {
  return {.base_metric = {MeanSquaredError()}, .num_outputs = 2};
}

}  // namespace

MetricEntry multioutput_wrapper_entry(std::string_view domain) {
  return composite_entry<MultioutputArguments, make_multioutput, multioutput_example>("MultioutputWrapper", domain);
}

}  // namespace metrics
