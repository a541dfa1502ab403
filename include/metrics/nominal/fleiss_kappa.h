#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

namespace nominal {

/// What ratings are.
enum class RatingMode {
  Counts,  ///< How many raters gave a sample each category, [N, categories].
  Probs,   ///< What each rater gave each category, [N, categories, raters]: the greatest is the rating.
};

}  // namespace nominal

template <>
inline constexpr std::array<std::string_view, 2> enum_names<nominal::RatingMode> = {"counts", "probs"};

struct FleissKappaOptions {
  nominal::RatingMode mode = nominal::RatingMode::Counts;

  static constexpr auto fields() { return metrics::fields<&FleissKappaOptions::mode>(); }
};

namespace definitions {

struct FleissKappa {
  static constexpr std::string_view name = "FleissKappa";
  static constexpr std::string_view functional = "fleiss_kappa";
  using Options = FleissKappaOptions;
  static constexpr std::array<std::string_view, 1> inputs{"ratings"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& ratings);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

/// Computes the agreement of several raters beyond chance, (p - e) / (1 - e + 1e-5): p is how often two raters of a
/// sample agree, e how often they would by chance. `ratings`: what `mode` says, integers that are not negative [N,
/// categories], or floating [N, categories, raters]. The number of raters is the greatest of any sample. NaN before the
/// first sample, and for a single rater. Keeps 8 bytes a sample and category. Throws InvalidArgument for ratings of
/// another kind or shape, and for another number of categories than before. Source: Fleiss (1971); torchmetrics'
/// FleissKappa.
METRICS_CLASS(FleissKappa);

namespace functional {

/// The same of one batch. Source: torchmetrics' fleiss_kappa.
inline constexpr Functional<definitions::FleissKappa> fleiss_kappa{};

}  // namespace functional
}  // namespace metrics
