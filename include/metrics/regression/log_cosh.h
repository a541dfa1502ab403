#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <cstdint>
#include <string_view>

namespace metrics {

struct LogCoshErrorOptions {
  /// Columns of the inputs, each with an error of its own.
  int64_t num_outputs = 1;

  static constexpr auto fields() { return metrics::fields<&LogCoshErrorOptions::num_outputs>(); }
};

namespace terms {

struct LogCosh {
  using Options = LogCoshErrorOptions;
  static constexpr PairSums states{.sum = "sum_log_cosh_error"};
  static constexpr bool takes_columns_alone = true;
  struct Formula;
};

}  // namespace terms

namespace definitions {

struct METRICS_API LogCoshError : MeanOverPairs<terms::LogCosh> {
  static constexpr std::string_view name = "LogCoshError";
  static constexpr std::string_view functional = "log_cosh_error";
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Rows& rows);
};

}  // namespace definitions

/// Computes the mean of the logarithms of the hyperbolic cosines of the errors, Σ log cosh(predsᵢ - targetᵢ) / n, which
/// grows as squares for small errors and as their size for large ones, however large. `preds` and `target`: [N] or
/// [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two different ones.
/// NaN before the first row. Differentiable. Throws InvalidArgument for `num_outputs` below 1, for shapes that differ
/// or do not fit `num_outputs`, and for complex inputs. Source: torchmetrics' LogCoshError.
METRICS_CLASS(LogCoshError);

namespace functional {

/// The same of one batch, [N] or [N, M]: float64 if an input is, else float32. Source: torchmetrics' log_cosh_error.
inline constexpr Functional<definitions::LogCoshError> log_cosh_error{};

}  // namespace functional
}  // namespace metrics
