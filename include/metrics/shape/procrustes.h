#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string_view>
#include <variant>

namespace metrics {

namespace shape {

/// What becomes of the disparities of all samples.
enum class Reduction { Mean, Sum };

}  // namespace shape

template <>
inline constexpr std::array<std::string_view, 2> enum_names<shape::Reduction>{"mean", "sum"};

struct ProcrustesDisparityOptions {
  /// What becomes of the disparities of all samples.
  shape::Reduction reduction = shape::Reduction::Mean;

  static constexpr auto fields() { return metrics::fields<&ProcrustesDisparityOptions::reduction>(); }
};

/// Options of functional::procrustes_disparity.
struct ProcrustesAnalysisOptions {
  bool return_all = false;

  static constexpr auto fields() {
    return metrics::fields<&ProcrustesAnalysisOptions::return_all>().about(
        {"Whether to give the scales and rotations, too."});
  }
};

/// How the second cloud of each sample is laid over the first; both are centred and of size 1 before.
struct ProcrustesAnalysis {
  Tensor disparity;  ///< The squared distance that is left, [N].
  Tensor scale;      ///< By what the points are multiplied, [N, 1].
  Tensor rotation;   ///< The orthogonal matrices [N, D, D] whose transposes they are multiplied by.

  static constexpr auto fields() {
    using Self = ProcrustesAnalysis;
    return metrics::fields<&Self::disparity, &Self::scale, &Self::rotation>();
  }
};

namespace definitions {

struct ProcrustesDisparity {
  static constexpr std::string_view name = "ProcrustesDisparity";
  static constexpr std::string_view functional = "procrustes_disparity";
  using Options = ProcrustesDisparityOptions;
  static constexpr std::array<std::string_view, 2> inputs{"point_cloud1", "point_cloud2"};
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& point_cloud1, const Tensor& point_cloud2);
  static std::string update_key(const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static std::variant<Tensor, ProcrustesAnalysis> functional_value(const Tensor& point_cloud1,
                                                                   const Tensor& point_cloud2,
                                                                   const ProcrustesAnalysisOptions& options);
};

}  // namespace definitions

/// Computes how much two clouds of points differ once they are centred, brought to the same size, and the second is
/// turned, mirrored and scaled to lie over the first as well as it can: the squared distance that is left, from 0 to 1,
/// its mean over all samples. `point_cloud1` and `point_cloud2`: points [N, M, D] of N samples, of which those of the
/// same index belong together, in real dtypes. NaN, with a warning, of a cloud whose points are all equal, NaN of one
/// with a number that is not finite, and before the first sample. Computed in float64 of differences from the first
/// point, which survives any offset. Throws InvalidArgument for other shapes, and for shapes that differ. Source: Gower
/// (1975); torchmetrics' ProcrustesDisparity, as scipy.spatial.procrustes.
METRICS_CLASS(ProcrustesDisparity);

namespace functional {

/// The disparity of each sample of a batch, [N], or with `return_all` its scale and rotation, too: float64 if an input
/// is, else float32. Source: torchmetrics' procrustes_disparity.
inline constexpr Functional<definitions::ProcrustesDisparity> procrustes_disparity{};

}  // namespace functional
}  // namespace metrics
