#include "operating_points.h"
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/core/define.h>

namespace metrics {

using classification::check_minimum;

void definitions::BinarySpecificityAtSensitivity::check(const Options& o) {
  BinaryCurve::check(o);
  check_minimum("min_sensitivity", o.min_sensitivity);
}

OperatingPoint definitions::BinarySpecificityAtSensitivity::finalise(const States& states, const Prepared& o) {
  return classification::best_specificity(states, o.plan, o.min_sensitivity);
}

void definitions::MulticlassSpecificityAtSensitivity::check(const Options& o) {
  MulticlassCurve::check(o);
  check_minimum("min_sensitivity", o.min_sensitivity);
}

OperatingPoint definitions::MulticlassSpecificityAtSensitivity::finalise(const States& states, const Prepared& o) {
  return classification::best_specificity(states, o.plan, o.min_sensitivity);
}

void definitions::MultilabelSpecificityAtSensitivity::check(const Options& o) {
  MultilabelCurve::check(o);
  check_minimum("min_sensitivity", o.min_sensitivity);
}

OperatingPoint definitions::MultilabelSpecificityAtSensitivity::finalise(const States& states, const Prepared& o) {
  return classification::best_specificity(states, o.plan, o.min_sensitivity);
}

METRICS_DEFINE(definitions::BinarySpecificityAtSensitivity);
METRICS_DEFINE(definitions::MulticlassSpecificityAtSensitivity);
METRICS_DEFINE(definitions::MultilabelSpecificityAtSensitivity);

namespace functional {

OperatingPoint binary_specificity_at_sensitivity(const Tensor& preds, const Tensor& target,
                                                 const BinarySpecificityAtSensitivityOptions& options) {
  return compute_once<definitions::BinarySpecificityAtSensitivity>(options, preds, target);
}

OperatingPoint multiclass_specificity_at_sensitivity(const Tensor& preds, const Tensor& target,
                                                     const MulticlassSpecificityAtSensitivityOptions& options) {
  return compute_once<definitions::MulticlassSpecificityAtSensitivity>(options, preds, target);
}

OperatingPoint multilabel_specificity_at_sensitivity(const Tensor& preds, const Tensor& target,
                                                     const MultilabelSpecificityAtSensitivityOptions& options) {
  return compute_once<definitions::MultilabelSpecificityAtSensitivity>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
