#include "operating_points.h"
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/core/define.h>

namespace metrics {

using classification::check_minimum;

void definitions::BinaryRecallAtFixedPrecision::check(const Options& o) {
  BinaryCurve::check(o);
  check_minimum("min_precision", o.min_precision);
}

OperatingPoint definitions::BinaryRecallAtFixedPrecision::finalise(const States& states, const Prepared& o) {
  return classification::best_recall(states, o.plan, o.min_precision);
}

void definitions::MulticlassRecallAtFixedPrecision::check(const Options& o) {
  MulticlassCurve::check(o);
  check_minimum("min_precision", o.min_precision);
}

OperatingPoint definitions::MulticlassRecallAtFixedPrecision::finalise(const States& states, const Prepared& o) {
  return classification::best_recall(states, o.plan, o.min_precision);
}

void definitions::MultilabelRecallAtFixedPrecision::check(const Options& o) {
  MultilabelCurve::check(o);
  check_minimum("min_precision", o.min_precision);
}

OperatingPoint definitions::MultilabelRecallAtFixedPrecision::finalise(const States& states, const Prepared& o) {
  return classification::best_recall(states, o.plan, o.min_precision);
}

METRICS_DEFINE(definitions::BinaryRecallAtFixedPrecision);
METRICS_DEFINE(definitions::MulticlassRecallAtFixedPrecision);
METRICS_DEFINE(definitions::MultilabelRecallAtFixedPrecision);

namespace functional {

OperatingPoint binary_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                const BinaryRecallAtFixedPrecisionOptions& options) {
  return compute_once<definitions::BinaryRecallAtFixedPrecision>(options, preds, target);
}

OperatingPoint multiclass_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                    const MulticlassRecallAtFixedPrecisionOptions& options) {
  return compute_once<definitions::MulticlassRecallAtFixedPrecision>(options, preds, target);
}

OperatingPoint multilabel_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                    const MultilabelRecallAtFixedPrecisionOptions& options) {
  return compute_once<definitions::MultilabelRecallAtFixedPrecision>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
