#include "operating_points.h"
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/core/define.h>

namespace metrics {

using classification::check_minimum;

void definitions::BinaryPrecisionAtFixedRecall::check(const Options& o) {
  BinaryCurve::check(o);
  check_minimum("min_recall", o.min_recall);
}

OperatingPoint definitions::BinaryPrecisionAtFixedRecall::finalise(const States& states, const Prepared& o) {
  return classification::best_precision(states, o.plan, o.min_recall);
}

void definitions::MulticlassPrecisionAtFixedRecall::check(const Options& o) {
  MulticlassCurve::check(o);
  check_minimum("min_recall", o.min_recall);
}

OperatingPoint definitions::MulticlassPrecisionAtFixedRecall::finalise(const States& states, const Prepared& o) {
  return classification::best_precision(states, o.plan, o.min_recall);
}

void definitions::MultilabelPrecisionAtFixedRecall::check(const Options& o) {
  MultilabelCurve::check(o);
  check_minimum("min_recall", o.min_recall);
}

OperatingPoint definitions::MultilabelPrecisionAtFixedRecall::finalise(const States& states, const Prepared& o) {
  return classification::best_precision(states, o.plan, o.min_recall);
}

METRICS_DEFINE(definitions::BinaryPrecisionAtFixedRecall);
METRICS_DEFINE(definitions::MulticlassPrecisionAtFixedRecall);
METRICS_DEFINE(definitions::MultilabelPrecisionAtFixedRecall);

namespace functional {

OperatingPoint binary_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                const BinaryPrecisionAtFixedRecallOptions& options) {
  return compute_once<definitions::BinaryPrecisionAtFixedRecall>(options, preds, target);
}

OperatingPoint multiclass_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                    const MulticlassPrecisionAtFixedRecallOptions& options) {
  return compute_once<definitions::MulticlassPrecisionAtFixedRecall>(options, preds, target);
}

OperatingPoint multilabel_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                    const MultilabelPrecisionAtFixedRecallOptions& options) {
  return compute_once<definitions::MultilabelPrecisionAtFixedRecall>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
