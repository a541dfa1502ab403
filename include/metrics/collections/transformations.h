#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace metrics {

/// Hands inputs on to a metric (or a collection) after changing its predictions and targets: base of such wrappers. By
/// name it is one that changes nothing; in C++ it is a base alone, because a copy of one that could be made would lose
/// what derives from it.
///
///   class RoundedPreds : public MetricInputTransformer {
///    public:
///     using MetricInputTransformer::MetricInputTransformer;
///     std::string_view name() const override { return "RoundedPreds"; }
///     std::unique_ptr<Metric> clone() const override { return std::make_unique<RoundedPreds>(*this); }
///    protected:
///     Tensor transform_pred(const Tensor& pred) const override { return pred.round(); }
///   };
///
/// The first two inputs are the predictions and the target, whether they come by position or by name (in torchmetrics
/// by position alone); the others are handed on as they are, and so are these two where they are no tensors or numbers
/// but something that is not to be transformed. A transformation keeps the rows. The value is the wrapped metric's.
/// `wrapped_metric`: the metric that gets them. Source: torchmetrics' MetricInputTransformer.
class METRICS_API MetricInputTransformer : public Composite {
 public:
  explicit MetricInputTransformer(const MetricHandle& wrapped_metric);

  const MetricTraits& traits() const override { return wrapped().traits(); }
  Metric& wrapped() const { return parts()[0]; }

 protected:
  /// What the metric gets as predictions; they themselves if this is not overridden.
  virtual Tensor transform_pred(const Tensor& pred) const { return pred; }
  /// What the metric gets as target; it itself if this is not overridden.
  virtual Tensor transform_target(const Tensor& target) const { return target; }

  c10::IValue value() override { return value_of_child(wrapped()); }
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
};

/// Hands predictions and targets on through functions of the user's.
///
///   LambdaInputTransformer accuracy(BinaryAccuracy(),
///                                   {.transform_pred = [](const Tensor& pred) { return 1 - pred; }});
///
/// `wrapped_metric`: the metric that gets what the functions return.
/// Wrappers that merge, or load each other's states, must have the same functions: that cannot be seen from here.
/// Source: torchmetrics' LambdaInputTransformer.
class METRICS_API LambdaInputTransformer : public MetricInputTransformer {
 public:
  using Transform = std::function<Tensor(const Tensor&)>;
  struct Options {
    Transform transform_pred{};    ///< None: as they are.
    Transform transform_target{};  ///< None: as it is.
  };

  explicit LambdaInputTransformer(const MetricHandle& wrapped_metric)
      : LambdaInputTransformer(wrapped_metric, Options{}) {}
  LambdaInputTransformer(const MetricHandle& wrapped_metric, Options options)
      : MetricInputTransformer(wrapped_metric), options_(std::move(options)) {}

  std::string_view name() const override { return "LambdaInputTransformer"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<LambdaInputTransformer>(*this); }

 protected:
  Tensor transform_pred(const Tensor& pred) const override;
  Tensor transform_target(const Tensor& target) const override;
  std::string describe_options() const override;

 private:
  Options options_;
};

/// Makes targets 1 where they are greater than a threshold, else 0: floating ones as int64, since many binary metrics
/// refuse floating labels, others in their own dtype.
///
///   BinaryTargetTransformer accuracy(BinaryAccuracy(), {.threshold = 2});
///
/// `wrapped_metric`: the metric that gets them; `threshold`: the number that targets of 1 are greater than.
/// Source: torchmetrics' BinaryTargetTransformer.
class METRICS_API BinaryTargetTransformer : public MetricInputTransformer {
 public:
  struct Options {
    double threshold = 0;
  };

  explicit BinaryTargetTransformer(const MetricHandle& wrapped_metric)
      : BinaryTargetTransformer(wrapped_metric, Options{}) {}
  /// Throws InvalidArgument for a threshold that is NaN.
  BinaryTargetTransformer(const MetricHandle& wrapped_metric, Options options);

  std::string_view name() const override { return "BinaryTargetTransformer"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<BinaryTargetTransformer>(*this); }
  const Options& options() const { return options_; }

 protected:
  Tensor transform_target(const Tensor& target) const override;
  std::string describe_options() const override;

 private:
  Options options_;
};

}  // namespace metrics
