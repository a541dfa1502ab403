#pragma once

#include <metrics/classification/operating_point.h>
#include <metrics/core/ranges.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

// From states to the points of curves, in float64 and in torchmetrics' order.

namespace metrics::classification::curves {

// --- Exact curves keep two states: `preds`, the scores as they came, and `target`, a code for each row (of a
// multilabel metric for each label of it), and beside them what rows weigh where that is no integer. A code is the label, or kSkipped for a label that is left out. Its
// complement (-1 - code) says that the score is a probability, whatever other scores are, because it comes from a
// checkpoint of torchmetrics, which had taken the sigmoid or softmax already.

inline constexpr int64_t kSkipped = 2;

/// Returns the kept scores as the probabilities that torchmetrics has, in the same shape.
Tensor probabilities_of(const States& states, const CurvePlan& plan);

// --- Points.

/// What lies at or above each threshold of one curve, from the last threshold to the first: by score from the greatest
/// down where scores are kept, else in the reversed order of the thresholds given. Of rows that weigh these are sums of
/// weights; they are integers else, and exact up to 2^53.
struct CurveCounts {
  std::vector<double> tp, fp;
  std::vector<double> thresholds;  ///< As probabilities, whatever the scores were, rounded down to the result's dtype.
  double positives = 0;
  double negatives = 0;
};

/// Returns the counts of each class or label; of a binary metric the one.
std::vector<CurveCounts> curve_counts(const States& states, const CurvePlan& plan);

/// Returns the counts of all classes or labels as one question.
CurveCounts micro_counts(const States& states, const CurvePlan& plan);

/// The same from the highest threshold to the lowest, in whatever order those were given, and without the thresholds:
/// for areas.
std::vector<CurveCounts> ranked_counts(const States& states, const CurvePlan& plan);

/// The area under a receiver operating characteristic whose axes are counts.
struct RocArea {
  double positives = 0;
  double negatives = 0;
  double area = 0;
};

/// The sum over the positive samples of the precision at the threshold that finds each.
struct PrecisionSum {
  double positives = 0;
  double sum = 0;
};

/// The same up to a false positive rate, over rates in place of counts.
struct PartialArea {
  double positives = 0;
  double negatives = 0;
  double area = 0;
};

/// The mean of the false positive and the false negative rate where they are closest; NaN of no point.
struct EqualErrors {
  double positives = 0;
  double negatives = 0;
  double rate = std::numeric_limits<double>::quiet_NaN();
};

/// What is looked for on a curve: the point where `wanted` is greatest of those where `held` is at least `minimum`.
struct GreatestRate {
  Rate wanted, held;
  double minimum;
  double recall_of_none;  ///< The recall where there are no positives.

  bool on_roc() const { return wanted == Rate::Sensitivity || wanted == Rate::Specificity; }
};
struct ChosenPoint {
  double positives = 0;
  double negatives = 0;
  bool found = false;
  double value = 0, held = 0, threshold = 0;
};

/// Return what is made of the curve of each class or label, or of all labels as one question.
std::vector<RocArea> roc_areas(const States& states, const CurvePlan& plan);
RocArea micro_roc_area(const States& states, const CurvePlan& plan);
std::vector<PrecisionSum> precision_sums(const States& states, const CurvePlan& plan);
PrecisionSum micro_precision_sum(const States& states, const CurvePlan& plan);
std::vector<PartialArea> partial_areas(const States& states, const CurvePlan& plan, double greatest_fpr);
std::vector<EqualErrors> equal_errors(const States& states, const CurvePlan& plan);
EqualErrors micro_equal_errors(const States& states, const CurvePlan& plan);
/// Over the logarithm of the false positive rate, between two of these, of which the lower is above 0.
std::vector<RocArea> log_areas(const States& states, const CurvePlan& plan, const std::array<double, 2>& fpr_range);
std::vector<ChosenPoint> greatest_rates(const States& states, const CurvePlan& plan, const GreatestRate& goal);

/// How these are computed where ranks' rows stay apart: null for counts between thresholds, which are small.
/// `together`: of all labels as one question.
std::shared_ptr<const RangedValue> ranged_roc_areas(const CurvePlan& plan, bool together = false);
std::shared_ptr<const RangedValue> ranged_precision_sums(const CurvePlan& plan, bool together = false);
std::shared_ptr<const RangedValue> ranged_partial_areas(const CurvePlan& plan, double greatest_fpr);
std::shared_ptr<const RangedValue> ranged_equal_errors(const CurvePlan& plan, bool together = false);
std::shared_ptr<const RangedValue> ranged_log_areas(const CurvePlan& plan, const std::array<double, 2>& fpr_range);
std::shared_ptr<const RangedValue> ranged_greatest_rates(const CurvePlan& plan, const GreatestRate& goal);

/// How many samples each class or label has: what weighted averages weigh by.
template <class Of>
std::vector<double> curve_support(const std::vector<Of>& curves) {
  std::vector<double> support;
  for (const Of& curve : curves) support.push_back(curve.positives);
  return support;
}

/// The receiver operating characteristic, from high thresholds to low. Exact: from (0, 0) at threshold 1, a rate
/// without samples being 0; binned: one point a threshold, as it is given.
struct RocPoints {
  std::vector<double> fpr, tpr, thresholds;
};

/// Precision over recall, from low thresholds to high, and a last point (1, 0) without a threshold. NaN where nothing
/// is predicted or, but for exact binary and multilabel curves, which have a recall of 1 then, nothing is there.
struct PrecisionRecallPoints {
  std::vector<double> precision, recall, thresholds;
};

/// The recall of a class or label without samples.
double recall_without_positives(const CurvePlan& plan);
void warn_of_no_positives();

/// Warns of an exact curve that lacks samples of a class.
void warn_of_missing_samples(double positives, double negatives, const CurvePlan& plan);
inline void warn_of_missing_samples(const CurveCounts& counts, const CurvePlan& plan) {
  warn_of_missing_samples(counts.positives, counts.negatives, plan);
}

/// Averages the areas of classes or labels by their support, leaving out those that are NaN, with a warning; without an
/// average: [C].
Tensor averaged_areas(const std::vector<double>& areas, const std::vector<double>& support, Average average);

/// Return a curve a class or label; of a binary metric the one. Exact curves warn of samples that are missing.
std::vector<RocPoints> roc_points(const States& states, const CurvePlan& plan);
std::vector<PrecisionRecallPoints> precision_recall_points(const States& states, const CurvePlan& plan);

/// Return the curve of all classes as one question (micro), or torchmetrics' macro average: all false positive rates
/// (precisions) in order, and at each the mean of what the classes' curves have there, interpolated.
RocPoints averaged_roc(const States& states, const CurvePlan& plan, Average average);
PrecisionRecallPoints averaged_precision_recall(const States& states, const CurvePlan& plan, Average average);

/// Return the curves of classes or labels from (0, 0) to (1, 1), wherever the thresholds end, by falling threshold; and
/// the macro average of curves.
std::vector<RocPoints> whole_roc_points(const States& states, const CurvePlan& plan);
RocPoints mean_roc(const std::vector<RocPoints>& curves);

}  // namespace metrics::classification::curves
