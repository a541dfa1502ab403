#pragma once

#include <metrics/classification/confusion_matrix.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// How much a mistake counts, by the distance of the two classes.
enum class KappaWeights {
  None,       ///< All alike.
  Linear,     ///< By the distance.
  Quadratic,  ///< By its square.
};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<KappaWeights> = {"none", "linear", "quadratic"};

/// Options of BinaryCohenKappa: BinaryConfusionOptions, and `weights`.
struct BinaryCohenKappaOptions {
  double threshold = 0.5;
  std::optional<int64_t> ignore_index{};
  /// How much a mistake counts.
  KappaWeights weights = KappaWeights::None;
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryCohenKappaOptions;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::weights, &Self::validate_args, &Self::input>();
  }
};

/// Options of MulticlassCohenKappa: MulticlassConfusionOptions, and `weights`.
struct MulticlassCohenKappaOptions {
  int64_t num_classes = 0;
  std::optional<int64_t> ignore_index{};
  /// How much a mistake counts.
  KappaWeights weights = KappaWeights::None;
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassCohenKappaOptions;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::weights, &Self::validate_args>(1);
  }
};

namespace scores {

struct METRICS_API CohenKappa {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return kappa(confusion, options.weights);
  }

 private:
  static Tensor kappa(const Tensor& confusion, KappaWeights weights);
};

}  // namespace scores

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of labels, where o
/// counts a pair, e is what it would count if the two were independent, and w what such a mistake counts. NaN where all
/// targets and predictions are one label. Source: Cohen, 1960; torchmetrics' BinaryCohenKappa.
METRICS_METRIC(BinaryCohenKappa, binary_cohen_kappa,
               Member<BinaryConfusion, scores::CohenKappa, BinaryCohenKappaOptions>);

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of classes, where
/// o counts a pair, e is what it would count if the two were independent, and w what such a mistake counts. NaN where
/// all targets and predictions are one class. Source: Cohen, 1960; torchmetrics' MulticlassCohenKappa.
METRICS_METRIC(MulticlassCohenKappa, multiclass_cohen_kappa,
               Member<MulticlassConfusion, scores::CohenKappa, MulticlassCohenKappaOptions>);

}  // namespace metrics
