#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/core/fields.h>
#include <metrics/export.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace metrics {

namespace collections {

/// How a resample is drawn.
enum class SamplingStrategy {
  Poisson,      ///< Each row occurs Poisson(1) times, independent of the others.
  Multinomial,  ///< As many rows of each batch as it has, with replacement.
};

}  // namespace collections

template <>
inline constexpr std::array<std::string_view, 2> enum_names<collections::SamplingStrategy>{"poisson", "multinomial"};

struct BootStrapperOptions {
  int64_t num_bootstraps = 10;  ///< How many resamples; positive.
  bool mean = true;             ///< Whether to give the mean over the resamples,
  bool std = true;              ///< their standard deviation (of a sample: by n - 1),
  /// their quantiles at one point of [0, 1] or several (resample by resample, for each element of the value),
  std::optional<std::variant<double, std::vector<double>>> quantile{};
  bool raw = false;  ///< and the value of each.
  collections::SamplingStrategy sampling_strategy = collections::SamplingStrategy::Poisson;
  int64_t seed = 0;  ///< Equal seeds draw alike.

  static constexpr auto fields() {
    return metrics::fields<&BootStrapperOptions::num_bootstraps, &BootStrapperOptions::mean, &BootStrapperOptions::std,
                           &BootStrapperOptions::quantile, &BootStrapperOptions::raw,
                           &BootStrapperOptions::sampling_strategy, &BootStrapperOptions::seed>();
  }
};

/// What the options ask for; with the resamples' values stacked along the first dimension.
struct BootstrapValue {
  std::optional<Tensor> mean{}, std{}, quantile{}, raw{};
};

/// Computes a metric's mean and spread over resamples of the data (Efron, 1979): confidence without a formula.
///
///   BootStrapper accuracy(MulticlassAccuracy({.num_classes = 10}), {.num_bootstraps = 50});
///   accuracy.update(preds, target, Rows{.ids = ids});
///
/// Each resample has a copy of the metric, and all travel over ranks in one exchange. How often a row occurs in one is
/// drawn by (seed, resample, sample id): with `Rows::ids` and poisson the same at any number of ranks, split into
/// batches and order. Without ids, and for multinomial, by rank, number of the update and row: the same for equal data
/// on equal ranks. Tensors with dimensions and lists are resampled along the first dimension and must agree in it; the
/// rest is given to each as it is. Rows that are not valid occur in none.
///
/// `base_metric`: the metric that each resample has a copy of. It is a pattern: its states stay as they are. `mean`,
/// `std`, `quantile`, `raw`: of the values of the resamples, where the options ask for them. Throws InvalidArgument for
/// options out of range and for inputs without rows; `compute` for a metric whose value is no tensor. Source:
/// torchmetrics' BootStrapper.
class METRICS_API BootStrapper : public Composite {
 public:
  using Options = BootStrapperOptions;

  explicit BootStrapper(MetricHandle base_metric, BootStrapperOptions options = {});
  BootStrapper(const BootStrapper&) = default;
  BootStrapper& operator=(const BootStrapper&) = default;
  BootStrapper(BootStrapper&&) noexcept = default;
  BootStrapper& operator=(BootStrapper&&) noexcept = default;

  std::string_view name() const override { return "BootStrapper"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<BootStrapper>(*this); }

  BootstrapValue compute();
  using Metric::forward;
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) BootstrapValue forward(const First& first, const More&... more) {
    return read(Composite::forward(first, more...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }
  const Options& options() const { return options_; }

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
  std::string describe_options() const override;

 private:
  static BootstrapValue read(const c10::IValue& value);
  /// What the draws for a batch are keyed by, one for each of its rows that count.
  std::vector<int64_t> draw_ids(const std::vector<int64_t>& rows, const Rows& known);
  /// Which rows a resample has of a batch, in order.
  Tensor drawn(int64_t resample, const std::vector<int64_t>& rows, const std::vector<int64_t>& ids) const;

  Options options_;
};

}  // namespace metrics
