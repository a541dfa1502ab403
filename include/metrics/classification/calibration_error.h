#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/functional.h>
#include <metrics/core/member.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace metrics {

namespace classification::calibration {

struct Edges;

}  // namespace classification::calibration

/// What the calibration errors of both tasks are but their names. The states are bins: how many samples lie in each,
/// how many of these are right, and the sum of their confidences; under both readings of the scores where it is still
/// open which of them applies.
template <class O>
struct CalibrationBins {
  using Options = O;
  /// The options, and where the bins begin.
  struct Prepared : O {
    explicit Prepared(O options);

    std::shared_ptr<const classification::calibration::Edges> edges;
  };
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = false};
  static Options example() { return detail::example_of<Options>(); }
  static void check(const Options& options);
  static void declare(States& states, const Prepared& options);
  static void update(States& states, const Prepared& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Prepared& options);
  static void show_as_torchmetrics(States& states, const Prepared& options);
  static void complete_from_torchmetrics(States& states, const Prepared& options);
  static std::string update_key(const Prepared& options);
};

/// Computes how far confidence is from the truth: of the samples whose confidence lies in one of `n_bins` equal parts
/// of [0, 1] the difference of their mean confidence and the fraction that is positive, a scalar by `norm` (Guo et al.
/// 2017, Kumar et al. 2019). `preds`: scores [N, ...]; `target`: labels of the same shape.
///
/// A confidence on an edge is in the bin above it, and 1 in a bin of its own. Edges are float32 numbers for scores of
/// float32 and half types, which are read as float32, and float64 for others and for metrics in float64. Without
/// samples the error is NaN by the norm l1, else 0.
///
/// **Memory**: bins, not samples; 40 bytes each, twice that with `input` auto. A state dict of torchmetrics is taken.
/// One from here has bins under the names of torchmetrics' confidences, so that torchmetrics fails at the next
/// `compute`. Source: torchmetrics' BinaryCalibrationError.
METRICS_METRIC(BinaryCalibrationError, binary_calibration_error, CalibrationBins<BinaryCalibrationErrorOptions>);

/// Computes the same of the confidence in the class that is predicted, the greatest probability of a row, and the
/// fraction of rows that are right: a scalar. `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Of equal scores
/// the first is predicted. Source: torchmetrics' MulticlassCalibrationError.
METRICS_METRIC(MulticlassCalibrationError, multiclass_calibration_error,
               CalibrationBins<MulticlassCalibrationErrorOptions>);

}  // namespace metrics
