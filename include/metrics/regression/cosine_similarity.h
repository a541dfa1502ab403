#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/regression/choices.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

struct CosineSimilarityOptions {
  /// What becomes of the similarities of all rows.
  regression::Reduction reduction = regression::Reduction::Sum;

  static constexpr auto fields() { return metrics::fields<&CosineSimilarityOptions::reduction>(); }
};

namespace definitions {

struct CosineSimilarity {
  static constexpr std::string_view name = "CosineSimilarity";
  static constexpr std::string_view functional = "cosine_similarity";
  using Options = CosineSimilarityOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true, .commits_last = true};
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace definitions

/// Computes the cosine of the angle between each prediction and its target, Σ predsᵢ targetᵢ / (‖preds‖ ‖target‖).
/// `preds` and `target`: [N, D] alike; real dtypes, also two different ones. A scalar, [N] for all rows so far with
/// `reduction` none. It keeps a sum and a number of rows, or with none a number a row, and not the rows, as
/// torchmetrics does: a state dict of torchmetrics is taken, while one saved here has no rows to compute from there.
/// NaN for rows of length 0. Differentiable. Throws InvalidArgument for shapes that differ or have not two dimensions,
/// and for complex inputs. Source: torchmetrics' CosineSimilarity.
METRICS_CLASS(CosineSimilarity);

namespace functional {

/// The same of one batch, in float32. Source: torchmetrics' cosine_similarity.
inline constexpr Functional<definitions::CosineSimilarity> cosine_similarity{};

}  // namespace functional
}  // namespace metrics
