#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace metrics {

/// Computes a metric for each output by itself: [num_outputs, …] of its values.
///
///   MultioutputWrapper squares(MeanSquaredError(), {.num_outputs = 2});
///   squares.update(preds, target);  // [N, 2] each
///
/// `base_metric`: the metric of each output; `num_outputs`: how many outputs there are; `output_dim`: the dimension of
/// the inputs along which they lie. Each output has a copy of the metric, a pattern whose states stay as they are; it
/// gets the slice of every input tensor at its place in `output_dim`. Throws InvalidArgument for tensors whose size in
/// that dimension is not `num_outputs`, Error where the metric's value is no tensor. Source: torchmetrics'
/// MultioutputWrapper (which leaves outputs beyond `num_outputs` out).
class METRICS_API MultioutputWrapper : public Composite {
 public:
  struct Options {
    int64_t num_outputs{};
    int64_t output_dim = -1;
    /// Leave rows out in which an input of that output has a NaN; rows lie along the first dimension of what the metric
    /// gets.
    bool remove_nans = true;
    bool squeeze_outputs = true;  ///< Take `output_dim` out; else it stays with size 1.
  };

  /// Throws InvalidArgument for a number of outputs below 1.
  MultioutputWrapper(const MetricHandle& base_metric, Options options);

  Tensor compute() { return Metric::compute().toTensor(); }
  using Metric::forward;
  /// The values of the batch alone.
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) Tensor forward(const First& first, const More&... more) {
    return Composite::forward(first, more...).toTensor();
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }

  std::string_view name() const override { return "MultioutputWrapper"; }
  const MetricTraits& traits() const override { return parts()[0].traits(); }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<MultioutputWrapper>(*this); }
  const Options& options() const { return options_; }
  /// The metric of one output.
  Metric& operator[](std::size_t output) const { return parts()[output]; }

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
  std::string describe_options() const override;

 private:
  BatchInputs of_output(const BatchInputs& all, int64_t output) const;
  c10::IValue slice_of(const c10::IValue& input, int64_t output) const;

  Options options_;
};

}  // namespace metrics
